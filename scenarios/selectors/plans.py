"""Plans as they are read: their steps with the day each falls on, whom they apply to, how many open items follow them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from scenarios.enums import Anchor, OffsetUnit
from scenarios.models import ActionPlan, PlanAssignment, PlanStep, PlanVersion, Schedule
from scenarios.selectors.why import step_name

USUAL_TERM: Final = 30  # days from issue to due date, for drawing what is counted from the issue
WEEK, BUSINESS_WEEK = 7, 5


@dataclass(frozen=True, slots=True)
class StepView:
    """`day` counts from the due date of an invoice payable at 30 days when nothing delays a step; `when` is what the plan says."""

    row: PlanStep
    name: str
    day: int
    when: str


@dataclass(frozen=True)
class PlanView:
    """A plan and its version in force. `applies_to` are groups' and customers' names; `items` the open items that follow it."""

    plan: ActionPlan
    version: PlanVersion
    name: str
    description: str
    steps: Sequence[StepView]
    is_default: bool
    applies_to: Sequence[str]
    items: int


def plan_views() -> list[PlanView]:
    """Every plan in use that has a version, by name."""
    plans = ActionPlan.objects.filter(archived_at=None).order_by("name", "pk")
    return [view for view in (_view(plan) for plan in plans) if view is not None]


def plan_view(pk: UUID) -> PlanView:
    """One plan. Raises ActionPlan.DoesNotExist, for one without a version too."""
    view = _view(ActionPlan.objects.get(pk=pk))
    if view is None:
        raise ActionPlan.DoesNotExist
    return view


def _view(plan: ActionPlan) -> PlanView | None:
    version = PlanVersion.objects.filter(plan=plan).order_by("-number").first()
    if version is None:
        return None
    assignments = list(PlanAssignment.objects.filter(plan=plan).select_related("group", "customer", "invoice"))
    counted = Schedule.objects.filter(version__plan=plan, installment__outstanding__gt=0).aggregate(n=Count("pk"))
    return PlanView(
        plan=plan,
        version=version,
        name=_worded(plan.name, plan.name_en),
        description=_worded(plan.description, plan.description_en),
        steps=_steps(version),
        is_default=any(not (row.group_id or row.customer_id or row.invoice_id) for row in assignments),
        applies_to=sorted(str(target) for row in assignments if (target := row.group or row.customer or row.invoice) is not None),
        items=counted["n"],
    )


def _steps(version: PlanVersion) -> list[StepView]:
    found: list[StepView] = []
    for row in PlanStep.objects.filter(version=version).order_by("position"):
        days = row.offset if row.unit == OffsetUnit.DAYS else row.offset * WEEK // BUSINESS_WEEK
        start = {Anchor.ISSUE: -USUAL_TERM, Anchor.PREVIOUS: found[-1].day if found else 0}.get(Anchor(row.anchor), 0)
        found.append(StepView(row, step_name(row), start + days, _when(row)))
    return found


def _when(row: PlanStep) -> str:
    days = abs(row.offset)
    business = ngettext("%d business day", "%d business days", days) % days
    unit = business if row.unit == OffsetUnit.BUSINESS_DAYS else ngettext("%d day", "%d days", days) % days
    anchors = {
        Anchor.ISSUE: _("the issue date"),
        Anchor.DUE: _("the due date"),
        Anchor.PREVIOUS: _("the previous step"),
        Anchor.PROMISE: _("the promised date"),
    }
    anchor = anchors[Anchor(row.anchor)]
    if row.offset == 0:
        return _("on %s") % anchor
    words = {"unit": unit, "anchor": anchor}
    return _("%(unit)s after %(anchor)s") % words if row.offset > 0 else _("%(unit)s before %(anchor)s") % words


def _worded(french: str, english: str) -> str:
    return english if english and not (get_language() or "fr").startswith("fr") else french
