"""Plans as they are read: their steps with the day each falls on, whom they apply to, how many open items follow them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from scenarios.models import ActionPlan, PlanAssignment, PlanStep, PlanVersion, Schedule
from scenarios.plan_editing import usual_days
from scenarios.plan_words import name_of, when_words, worded


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
        name=worded(plan.name, plan.name_en),
        description=worded(plan.description, plan.description_en),
        steps=_steps(version),
        is_default=any(not (row.group_id or row.customer_id or row.invoice_id) for row in assignments),
        applies_to=sorted(str(target) for row in assignments if (target := row.group or row.customer or row.invoice) is not None),
        items=counted["n"],
    )


def _steps(version: PlanVersion) -> list[StepView]:
    rows = list(PlanStep.objects.filter(version=version).order_by("position"))
    return [StepView(row, name_of(row), day, when_words(row)) for row, day in zip(rows, usual_days(rows), strict=True)]
