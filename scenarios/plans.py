"""Plans as the planner reads them, and which plan follows which item."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection

from dunning.core.prepared import ask
from dunning.core.rows import columns_of, read_rows
from scenarios.enums import Anchor, Channel, Condition, Consequence, Grouping, OffsetUnit, Phase, TaskKind
from scenarios.facts import Step, Steps, compile_steps
from scenarios.models import ActionPlan, PlanStep, PlanVersion


def as_step(row: PlanStep) -> Step:
    """One stored step as a fact of the planner."""
    conditions: Mapping[str, Any] = row.conditions
    return Step(
        key=row.key,
        position=row.position,
        phase=Phase(row.phase),
        channel=Channel(row.channel),
        anchor=Anchor(row.anchor),
        offset=row.offset,
        unit=OffsetUnit(row.unit),
        conditions=tuple(Condition(key) for key in conditions),
        at_least_cents=round(Decimal(str(conditions.get(Condition.AT_LEAST, 0))) * 100),
        index_below=conditions.get(Condition.INDEX_BELOW, 0),
        index_at_least=conditions.get(Condition.INDEX_AT_LEAST, 0),
        requires=tuple(row.requires),
        term_days=row.term_days,
        announces=Consequence(row.announces) if row.announces else None,
        executes=Consequence(row.executes) if row.executes else None,
        template=row.template_key,
        needs_approval=row.needs_approval,
        task_kind=TaskKind(row.task_kind) if row.task_kind else TaskKind.OTHER,
    )


@dataclass(frozen=True)
class CurrentPlan:
    """A plan's version in force: compiled for the planner, with its rows for names, templates and recipients."""

    plan: ActionPlan
    version: PlanVersion
    steps: Steps
    rows: Mapping[str, PlanStep]


_Compiled = tuple[PlanVersion, Steps, Mapping[str, PlanStep]]
_COMPILED: Final[OrderedDict[UUID, _Compiled]] = OrderedDict()
"""Versions never change (the database refuses it), so that what was compiled from one stays right; those asked for longest ago are
forgotten."""
_MOST_COMPILED: Final = 500
_CURRENT: Final = f"""
SELECT (SELECT v.id FROM scenarios_planversion v WHERE v.organization_id = p.organization_id AND v.plan_id = p.id
        ORDER BY v.number DESC LIMIT 1), {", ".join(f'p."{field.column}"' for field in ActionPlan._meta.concrete_fields)}
FROM scenarios_actionplan p
ORDER BY p.id
"""  # noqa: S608 - made of column names
_PLAN_FIELDS: Final = [field.attname for field in ActionPlan._meta.concrete_fields]
_VERSIONS: Final = f"SELECT {columns_of(PlanVersion)} FROM scenarios_planversion WHERE id = ANY(%s::uuid[])"  # noqa: S608 - as above
_STEPS: Final = f"""
SELECT {columns_of(PlanStep)} FROM scenarios_planstep WHERE version_id = ANY(%s::uuid[]) ORDER BY position
"""  # noqa: S608 - as above


class CurrentPlans(Mapping[str, CurrentPlan]):
    """Every plan of the open organization with its highest version, by plan id (text). A version is compiled when it is first asked for."""

    def __init__(self, versions: Mapping[str, tuple[UUID, ActionPlan]]) -> None:
        self._versions = versions
        self._known: dict[str, CurrentPlan] = {}

    def __getitem__(self, plan_id: str) -> CurrentPlan:
        known = self._known.get(plan_id)
        if known is None:
            if plan_id not in self._versions:
                raise KeyError(plan_id)
            self.compile([plan_id])
            known = self._known[plan_id]
        return known

    def __contains__(self, plan_id: object) -> bool:
        return plan_id in self._versions

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)

    def compile(self, plan_ids: Iterable[str]) -> None:
        """Have these plans ready: what is not remembered of them is read at once."""
        wanted = {plan_id: self._versions[plan_id] for plan_id in plan_ids if plan_id in self._versions}
        compiled = _compiled([version_id for version_id, _plan in wanted.values()])
        self._known.update({plan_id: CurrentPlan(plan, *compiled[version_id]) for plan_id, (version_id, plan) in wanted.items()})


def current_plans() -> CurrentPlans:
    """The plans of the open organization that have a version."""
    with connection.cursor() as cursor:  # every run and every screen about a plan asks this
        ask(cursor, _CURRENT)
        found = [(version_id, ActionPlan.from_db(connection.alias, _PLAN_FIELDS, row)) for version_id, *row in cursor.fetchall()]
    return CurrentPlans({str(plan.pk): (version_id, plan) for version_id, plan in found if version_id is not None})


def _compiled(version_ids: Sequence[UUID]) -> dict[UUID, _Compiled]:
    """These versions compiled, from memory or from the database."""
    found = {version_id: known for version_id in version_ids if (known := _COMPILED.get(version_id)) is not None}
    for version_id in found:
        with suppress(KeyError):  # another thread has just forgotten it
            _COMPILED.move_to_end(version_id)
    fresh = _compile([version_id for version_id in version_ids if version_id not in found])
    _COMPILED.update(fresh)
    while len(_COMPILED) > _MOST_COMPILED:
        _COMPILED.popitem(last=False)
    return found | fresh


def _compile(version_ids: Sequence[UUID]) -> dict[UUID, _Compiled]:
    if not version_ids:
        return {}
    rows: dict[UUID, list[PlanStep]] = {version_id: [] for version_id in version_ids}
    for row in read_rows(PlanStep, _STEPS, [list(rows)]):
        rows[row.version_id].append(row)
    return {
        version.pk: (
            version,
            compile_steps(
                [as_step(row) for row in rows[version.pk]],
                plan=str(version.plan_id),
                version=str(version.pk),
                grouping=Grouping(version.grouping),
                minimum_cents=round(version.minimum_amount * 100),
                spacing=version.spacing_days,
            ),
            {row.key: row for row in rows[version.pk]},
        )
        for version in read_rows(PlanVersion, _VERSIONS, [list(rows)])
    }


@dataclass(frozen=True)
class Assignments:
    """Which plan applies, and since when (day ordinal): the most particular assignment wins - invoice, customer, group, everyone."""

    invoices: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    customers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    everyone: tuple[str, int] | None = None

    @property
    def plans(self) -> set[str]:
        """Ids of the plans that anybody or anything follows."""
        found = {plan_id for by_id in (self.invoices, self.customers, self.groups) for plan_id, _since in by_id.values()}
        return found if self.everyone is None else found | {self.everyone[0]}

    def find(self, *, invoice: str, customer: str, group: str) -> tuple[str, int] | None:
        """(plan id, since) for an item, or None when no plan is assigned."""
        if self.invoices and invoice in self.invoices:
            return self.invoices[invoice]
        if self.customers and customer in self.customers:
            return self.customers[customer]
        if group and group in self.groups:
            return self.groups[group]
        return self.everyone


_ASSIGNMENTS: Final = "SELECT plan_id, invoice_id, customer_id, group_id, since FROM scenarios_planassignment"


def load_assignments() -> Assignments:
    """The open organization's assignments."""
    invoices: dict[str, tuple[str, int]] = {}
    customers: dict[str, tuple[str, int]] = {}
    groups: dict[str, tuple[str, int]] = {}
    everyone: tuple[str, int] | None = None
    with connection.cursor() as cursor:
        ask(cursor, _ASSIGNMENTS)
        rows = cursor.fetchall()
    for plan_id, invoice_id, customer_id, group_id, since in rows:
        value = (str(plan_id), _ordinal(since))
        if invoice_id:
            invoices[str(invoice_id)] = value
        elif customer_id:
            customers[str(customer_id)] = value
        elif group_id:
            groups[str(group_id)] = value
        else:
            everyone = value
    return Assignments(invoices, customers, groups, everyone)


def _ordinal(day: date) -> int:
    return day.toordinal()
