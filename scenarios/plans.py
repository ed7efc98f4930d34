"""Plans as the planner reads them, and which plan follows which item."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
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


_Compiled = tuple[Steps, Mapping[str, PlanStep]]
_COMPILED: Final[OrderedDict[UUID, _Compiled]] = OrderedDict()
"""Versions never change (the database refuses it), so that what was compiled from one stays right; those asked for longest ago are
forgotten."""
_MOST_COMPILED: Final = 500
_PLANS: Final = f"SELECT {columns_of(ActionPlan)} FROM scenarios_actionplan ORDER BY id"  # noqa: S608 - made of column names
_VERSIONS: Final = f"""
SELECT DISTINCT ON (plan_id) {columns_of(PlanVersion)} FROM scenarios_planversion ORDER BY plan_id, number DESC
"""  # noqa: S608 - as above
_STEPS: Final = f"SELECT {columns_of(PlanStep)} FROM scenarios_planstep WHERE version_id = %s ORDER BY position"  # noqa: S608 - as above


class CurrentPlans(Mapping[str, CurrentPlan]):
    """The plans of the open organization, each with its highest version, by plan id (text).

    Steps are read and compiled when a plan is first asked for: few of an organization's plans have anything to say on most days.
    """

    def __init__(self, found: Mapping[str, tuple[ActionPlan, PlanVersion]], known: Mapping[str, CurrentPlan]) -> None:
        self.versions: Mapping[str, PlanVersion] = {plan_id: version for plan_id, (_plan, version) in found.items()}
        self._found = found
        self._known = dict(known)

    def __getitem__(self, plan_id: str) -> CurrentPlan:
        known = self._known.get(plan_id)
        if known is None:
            plan, version = self._found[plan_id]
            known = self._known[plan_id] = CurrentPlan(plan, version, *_compiled(version))
        return known

    def __contains__(self, plan_id: object) -> bool:
        return plan_id in self.versions

    def __iter__(self) -> Iterator[str]:
        return iter(self.versions)

    def __len__(self) -> int:
        return len(self.versions)

    def having(self, plan_id: str, plan: CurrentPlan) -> "CurrentPlans":
        """These plans with one more, or with another in the place of one."""
        return CurrentPlans({**self._found, plan_id: (plan.plan, plan.version)}, {**self._known, plan_id: plan})


def current_plans() -> CurrentPlans:
    """The plans of the open organization that have a version."""
    plans = {plan.pk: plan for plan in read_rows(ActionPlan, _PLANS)}  # in plain SQL: every run and every screen about a plan asks this
    versions = {version.plan_id: version for version in read_rows(PlanVersion, _VERSIONS)}
    return CurrentPlans({str(pk): (plan, versions[pk]) for pk, plan in plans.items() if pk in versions}, {})


def _compiled(version: PlanVersion) -> _Compiled:
    """The version's steps for the planner, and its rows by key; from memory, if it is there."""
    known = _COMPILED.get(version.pk)
    if known is None:
        rows = read_rows(PlanStep, _STEPS, [version.pk])
        steps = compile_steps(
            [as_step(row) for row in rows],
            plan=str(version.plan_id),
            version=str(version.pk),
            grouping=Grouping(version.grouping),
            minimum_cents=round(version.minimum_amount * 100),
            spacing=version.spacing_days,
        )
        known = _COMPILED[version.pk] = (steps, {row.key: row for row in rows})
        while len(_COMPILED) > _MOST_COMPILED:
            _COMPILED.popitem(last=False)
    with suppress(KeyError):  # another thread has just forgotten it
        _COMPILED.move_to_end(version.pk)
    return known


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
