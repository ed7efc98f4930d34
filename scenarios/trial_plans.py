"""A draft tried on the organization as it is: the same settings, customers and pasts, with the draft in a plan's place. Writes nothing."""

from dataclasses import replace
from typing import Final

from invoices.models import Invoice
from scenarios.context import Batch, Frame
from scenarios.facts import Decision, Steps, compile_steps
from scenarios.models import ActionPlan, PlanVersion
from scenarios.plan_content import PlanContent
from scenarios.plans import Assignments, CurrentPlan
from scenarios.scheduler import decide_all

DRAFT: Final = "draft"
"""Id of a tried plan's version, and of a tried plan that does not exist yet."""


def under_draft(frame: Frame, content: PlanContent, instead_of: ActionPlan) -> Frame:
    """The organization's day with the draft in place of `instead_of`.

    The draft of that very plan keeps what was done under it. Another one is assigned today to whoever follows `instead_of`: their items
    keep the level they have reached (rule 3). Raises ValueError for a plan with two steps of one key.
    """
    is_same = content.key == instead_of.key
    plan_id = str(instead_of.pk) if is_same else DRAFT
    steps = compile_content(content, plan=plan_id)
    version = PlanVersion(plan=instead_of, spacing_days=content.spacing_days)
    plans = frame.plans.having(plan_id, CurrentPlan(instead_of, version, steps, {}))
    if is_same:
        return replace(frame, plans=plans)
    today = frame.today.toordinal()

    def follows(found: tuple[str, int]) -> tuple[str, int]:
        return (plan_id, today) if found[0] == str(instead_of.pk) else found

    known = frame.assignments
    assignments = Assignments(
        invoices={pk: follows(found) for pk, found in known.invoices.items()},
        customers={pk: follows(found) for pk, found in known.customers.items()},
        groups={pk: follows(found) for pk, found in known.groups.items()},
        everyone=None if known.everyone is None else follows(known.everyone),
    )
    return replace(frame, plans=plans, assignments=assignments)


def with_draft_on(frame: Frame, content: PlanContent, plan: ActionPlan | None, invoice: Invoice) -> Frame:
    """The organization's day with one invoice under the draft: as it follows `plan` already, or, assigned today, from the level it has."""
    plan_id = str(plan.pk) if plan is not None else DRAFT
    model = plan if plan is not None else ActionPlan(key=content.key, name=content.name)
    current = CurrentPlan(model, PlanVersion(spacing_days=content.spacing_days), compile_content(content, plan=plan_id), {})
    customer = invoice.customer
    known = frame.assignments
    found = known.find(invoice=str(invoice.pk), customer=str(customer.pk), group=str(customer.group_id or ""))
    followed = found if found is not None and found[0] == plan_id else (plan_id, frame.today.toordinal())
    assignments = replace(known, invoices={**known.invoices, str(invoice.pk): followed})
    return replace(frame, plans=frame.plans.having(plan_id, current), assignments=assignments)


def compile_content(content: PlanContent, *, plan: str) -> Steps:
    """A plan that is not stored as the planner reads it. Raises ValueError for two steps of one key."""
    return compile_steps(
        content.as_steps(),
        plan=plan,
        version=DRAFT,
        grouping=content.grouping,
        minimum_cents=round(content.minimum_amount * 100),
        spacing=content.spacing_days,
    )


def count_moved(now: tuple[Frame, Batch], then: tuple[Frame, Batch], plan: ActionPlan) -> int:
    """How many items that follow the plan are decided otherwise on the other road. Both batches are of the same whole paying groups."""
    pairs = zip(now[1].cases, decide_all(*now), decide_all(*then), strict=True)
    return sum(case.steps is not None and case.steps.plan == str(plan.pk) and _next(one) != _next(other) for case, one, other in pairs)


def _next(decision: Decision | None) -> tuple[object, ...]:
    if decision is None:
        return ()
    return decision.kind, decision.step.key if decision.step is not None else "", decision.on
