"""What an event does to what was already begun: waiting messages lose what fell away, tasks nobody needs are closed (rules 7 and 17)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from customers.models import Customer
from customers.selectors import paying_groups
from dunning.core.models import Organization
from dunning.core.tenancy import current_organization_id
from invoices.enums import DisputeState, InvoiceState
from notifications.enums import WAITING, MessageKind
from notifications.models import Message
from scenarios import effects, scheduler
from scenarios.context import Batch, Frame, load_batch, load_frame, lock_customers
from scenarios.eligibility import announces, item_barrier
from scenarios.enums import ActionState, CommitmentState, Phase, Reason, TaskKind, TaskState
from scenarios.facts import Step
from scenarios.gate import PASSING, carried
from scenarios.models import Action, ActionMessage, Commitment, Task

ACTOR: Final = "system"
_REOPENING: Final = frozenset({"payment_cancelled", "allocation_reversed", "write_off_reversed", "paid", "credited", "value_date"})
_BEGUN: Final = """
WITH roots AS MATERIALIZED (SELECT DISTINCT coalesce(payer_id, id) AS id FROM customers_customer WHERE id = ANY(%s::uuid[]))
SELECT EXISTS (SELECT 1 FROM scenarios_action WHERE state = 'planned' AND customer_id IN (
    SELECT id FROM roots UNION ALL SELECT m.id FROM customers_customer m JOIN roots ON m.payer_id = roots.id))
"""
_ALERTS: Final = (TaskKind.FIND_CONTACT, TaskKind.ALLOCATE_CREDIT, TaskKind.SUPPLY_DOCUMENT)


def family_of(customer_ids: Collection[Any]) -> list[UUID]:
    """These customers with their payers and all those payers pay for, in the order of locks."""
    return sorted(paying_groups([UUID(str(pk)) for pk in customer_ids]))


def drop_settled(installment_ids: Collection[UUID], *, today: date, now: datetime) -> None:
    """Nothing is left to pay: steps begun are closed, messages lose the item, tasks without any item are closed, and what was announced
    for it has no object any more."""
    announced = list(Commitment.objects.filter(installment__in=list(installment_ids), state=CommitmentState.OPEN))
    effects.withdraw_commitments(announced, reason=Reason.SETTLED, on=today, actor=ACTOR, now=now)
    actions = list(
        Action.objects.filter(installment__in=list(installment_ids), state=ActionState.PLANNED).select_related("installment__invoice")
    )
    if not actions:
        return
    reasons = {
        action.pk: (Reason.CANCELLED if action.installment.invoice.state == InvoiceState.CANCELLED else Reason.SETTLED).value
        for action in actions
    }
    effects.strip_all(reasons, now=now)
    for reason in sorted(set(reasons.values())):
        effects.close_undone([action for action in actions if reasons[action.pk] == reason], reason)
    effects.close_tasks_without_items({action.customer_id for action in actions}, actor=ACTOR, now=now)


def reopen(installment_ids: Collection[UUID], reason: str) -> None:
    """Money was taken back: steps closed because nothing was left become candidates again."""
    if reason in _REOPENING:
        effects.reopen_settled(installment_ids)


def close_answered(installment_ids: Collection[UUID], reason: str, *, now: datetime) -> None:
    """Tasks whose dispute or pause has ended, or whose old item has been decided about."""
    if reason not in ("dispute_closed", "hold_released", "credited", "resent", "triage", "hold_placed"):
        return
    tasks = Task.objects.filter(installment__in=list(installment_ids), state=TaskState.OPEN)
    over = tasks.filter((Q(dispute__isnull=False) & ~Q(dispute__state=DisputeState.OPEN)) | Q(hold__released_on__isnull=False))
    effects.close_tasks(list(over), state=TaskState.DONE, outcome=reason, actor=ACTOR, now=now)
    if reason == "triage":
        customers = Customer.objects.filter(installments__in=list(installment_ids))
        undecided = Customer.objects.filter(installments__triage="waiting", installments__outstanding__gt=0)
        decided = Task.objects.filter(kind=TaskKind.TRIAGE, state=TaskState.OPEN, customer__in=customers).exclude(customer__in=undecided)
        effects.close_tasks(list(decided), state=TaskState.DONE, outcome=reason, actor=ACTOR, now=now)


def strip_waiting(*, customer_ids: Sequence[str], today: date, now: datetime) -> int:
    """Ask the gate's questions about every step begun and not done for these customers and their paying groups: in messages that have not
    left, and in open calls.

    What no longer stands is taken back; what only waits - a reply to read, receipts to complete - stays. Returns how many steps went.
    """
    if not _is_anything_begun(customer_ids):
        return 0
    family = family_of(customer_ids)
    waiting = Message.objects.filter(customer__in=family, kind=MessageKind.REMINDER, state__in=effects.NOT_LEFT)
    calls = Task.objects.filter(customer__in=family, kind=TaskKind.CALL, state=TaskState.OPEN)
    ids = [str(pk) for pk in family]
    lock_customers(ids)
    frame = load_frame(Organization.objects.get(pk=current_organization_id()), today)
    batch = load_batch(frame, ids)
    carried_by = ActionMessage.objects.filter(message__in=waiting).values("action")
    begun = list(Action.objects.filter(Q(pk__in=carried_by) | Q(task__in=calls), state=ActionState.PLANNED).order_by("pk"))
    dropped = _unsaid(waiting, batch) | _fallen(begun, batch, frame)
    effects.strip_all(dropped, now=now)
    for action in begun:
        if action.pk in dropped:
            effects.close_undone([action], dropped[action.pk])
    if dropped:
        effects.close_tasks_without_items({action.customer_id for action in begun}, actor=ACTOR, now=now)
    return len(dropped)


def _is_anything_begun(customer_ids: Sequence[str]) -> bool:
    """Whether a step of these customers' paying groups is begun and not done: after most events there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGUN, [list(customer_ids)])
        ((begun,),) = cursor.fetchall()
        return bool(begun)


def _fallen(begun: Sequence[Action], batch: Batch, frame: Frame) -> dict[UUID, str]:
    """Actions that no longer stand, each with its reason."""
    cases = {case.item.id: case for case in batch.cases}
    dropped: dict[UUID, str] = {}
    for action in begun:
        case = cases.get(str(action.installment_id))
        if case is None:
            dropped[action.pk] = Reason.SETTLED.value
            continue
        step = _step_of(action, case.steps)
        if case.steps is None or step is None:
            # Another plan took over; where nothing may be said at all, that is the reason - an insolvency brings a light plan with it.
            barrier = item_barrier(case.item, case.steps, frame.calendar, frame.policy, frame.today.toordinal()) if case.steps else None
            dropped[action.pk] = (Reason.SUPERSEDED if barrier is None else barrier.reason).value
            continue
        claimed = round(action.amount * 100)
        seen = carried(case.item, step, case.steps, case.history, claimed, frame.calendar, frame.policy, frame.today.toordinal())
        if seen.stop is not None and seen.stop not in PASSING:
            dropped[action.pk] = seen.stop.value
    return dropped


def _unsaid(waiting: QuerySet[Message], batch: Batch) -> dict[UUID, str]:
    """Actions whose message announces nothing and would by now: the customer's kind became known. It is written anew (rule 11)."""
    cases = {case.item.id: case for case in batch.cases}
    silent = waiting.filter(state__in=WAITING, phase__gt=Phase.SERVICE, details__commitments=[])
    unsaid: dict[UUID, str] = {}
    for link in ActionMessage.objects.filter(message__in=silent, action__state=ActionState.PLANNED).select_related("action", "message"):
        case = cases.get(str(link.action.installment_id))
        step = _step_of(link.action, case.steps) if case is not None else None
        if case is not None and step is not None and effects.leads(link.message, link.action) and announces(step, case.item) is not None:
            unsaid[link.action_id] = Reason.SUPERSEDED.value
    return unsaid


def _step_of(action: Action, steps: Any) -> Step | None:
    if steps is None or str(action.plan_id) != steps.plan:
        return None
    return next((step for step in (*steps.steps, *steps.outside) if step.key == action.step_key), None)


def refresh(*, frame: Frame, customer_ids: Collection[Any], now: datetime) -> None:
    """Show the new dates and reasons of these customers' items, and close alerts that no longer have a cause."""
    family = family_of(customer_ids)
    composition = scheduler.reschedule(frame=frame, customer_ids=[str(pk) for pk in family])
    wanted = {(str(draft.kind), draft.customer_id) for draft in composition.tasks}
    alerts = Task.objects.filter(kind__in=_ALERTS, key="", state=TaskState.OPEN, customer__in=family, actions=None)
    over = [task for task in alerts if (task.kind, str(task.customer_id)) not in wanted]
    effects.close_tasks(over, state=TaskState.DONE, outcome=Reason.EMPTY, actor=ACTOR, now=now)
