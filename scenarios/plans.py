"""Plans as the planner reads them, and which plan follows which item."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection

from dunning.core.prepared import ask
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
"""Versions never change (the database refuses it), so that what was compiled from one stays right; the oldest are forgotten."""
_MOST_COMPILED: Final = 500
_PLAN_FIELDS: Final = [field.attname for field in ActionPlan._meta.concrete_fields]
_CURRENT: Final = f"""
SELECT (SELECT v.id FROM scenarios_planversion v WHERE v.organization_id = p.organization_id AND v.plan_id = p.id
        ORDER BY v.number DESC LIMIT 1), {", ".join(f'p."{field.column}"' for field in ActionPlan._meta.concrete_fields)}
FROM scenarios_actionplan p
ORDER BY p.id
"""  # noqa: S608 - made of column names


def current_plans() -> dict[str, CurrentPlan]:
    """Every plan of the open organization with its highest version, by plan id (text)."""
    with connection.cursor() as cursor:  # every run and every screen about a plan asks this
        ask(cursor, _CURRENT)
        found = [(version_id, ActionPlan.from_db(connection.alias, _PLAN_FIELDS, row)) for version_id, *row in cursor.fetchall()]
    plans = {version_id: plan for version_id, plan in found if version_id is not None}
    compiled = {version_id: known for version_id in plans if (known := _COMPILED.get(version_id)) is not None}
    fresh = _compile([version_id for version_id in plans if version_id not in compiled])
    compiled |= fresh
    _COMPILED.update(fresh)
    while len(_COMPILED) > _MOST_COMPILED:
        _COMPILED.popitem(last=False)
    return {str(plan.pk): CurrentPlan(plan, *compiled[version_id]) for version_id, plan in plans.items()}


def _compile(version_ids: Sequence[UUID]) -> dict[UUID, _Compiled]:
    if not version_ids:
        return {}
    rows: dict[UUID, list[PlanStep]] = {version_id: [] for version_id in version_ids}
    for row in PlanStep.objects.filter(version__in=list(rows)).order_by("position"):
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
        for version in PlanVersion.objects.filter(pk__in=list(rows))
    }


@dataclass(frozen=True)
class Assignments:
    """Which plan applies, and since when (day ordinal): the most particular assignment wins - invoice, customer, group, everyone."""

    invoices: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    customers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    everyone: tuple[str, int] | None = None

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
