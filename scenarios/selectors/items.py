"""Lists of items with where each stands: its state, its next step, the day and the reason, in a constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from customers.models import CustomerGroup
from invoices.enums import DisputeState, InvoiceState, PromiseState
from invoices.models import Dispute, Installment, Promise
from invoices.selectors.items import items_found
from notifications.models import Message
from scenarios.enums import ActionState, Reason
from scenarios.models import ActionMessage, PlanStep, Schedule
from scenarios.selectors.frozen import OUR_ACT
from scenarios.selectors.why import reason_words, step_name

OPEN, OVERDUE, COMING, DISPUTED, PROMISED, FROZEN, SETTLED = "open", "overdue", "coming", "disputed", "promised", "frozen", "settled"
STATES: Final = (OPEN, OVERDUE, COMING, DISPUTED, PROMISED, FROZEN, SETTLED)
"""By which a list is filtered; FROZEN waits for an act of our own."""
DATED: Final = frozenset({OPEN, OVERDUE, COMING})
"""States whose list holds as many rows as `state_counts` says; of the others an item may have two, or be cut by who looks."""
SORTS: Final = {
    "number": "invoice__number",
    "customer": "customer__sort_name",
    "due": "due_on",
    "amount": "amount",
    "outstanding": "outstanding",
}
QUIET: Final = frozenset({Reason.NOT_YET, Reason.DUE_NOW, Reason.SETTLED})
"""Reasons that the next step and its day already say."""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One line of a list. `reason` is a sentence, "" when the next step says it all; `code` is the stored reason, "" without a schedule."""

    item: Installment
    days_late: int
    next_step: str = ""
    channel: str = ""
    next_on: date | None = None
    reason: str = ""
    code: str = ""


def list_steps(
    *, today: date, query: str = "", state: str = OPEN, group: CustomerGroup | None = None, customer_id: UUID | None = None, sort: str = ""
) -> QuerySet[Installment]:
    """Items with their invoice and, unless they are of one customer, who owes them.

    `query` is searched as everywhere; `sort` is a key of SORTS, "-" before it for the reverse.
    """
    found = Installment.objects.select_related("invoice") if customer_id else Installment.objects.select_related("invoice", "customer")
    found = found.filter(outstanding=0, invoice__state=InvoiceState.ISSUED) if state == SETTLED else found.filter(outstanding__gt=0)
    conditions = {
        OVERDUE: Q(due_on__lt=today),
        COMING: Q(due_on__gte=today),
        DISPUTED: Q(disputes__state=DisputeState.OPEN),
        PROMISED: Q(promises__state=PromiseState.OPEN),
        FROZEN: Q(schedules__reason__in=OUR_ACT),
    }
    if state in conditions:
        found = found.filter(conditions[state])
    if group is not None:
        found = found.filter(customer__group=group)
    if customer_id is not None:
        found = found.filter(customer=customer_id)
    if query.strip():
        found = found.filter(items_found(query))
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        return found.order_by("-due_on" if state == SETTLED else "due_on", "pk")
    return found.order_by(f"-{column}" if sort.startswith("-") else column, "pk")


def with_steps(items: Iterable[Installment], *, today: date) -> list[ItemRow]:
    """The items with their next steps, in two queries whatever their number."""
    rows = list(items)
    schedules = {row.installment_id: row for row in Schedule.objects.filter(installment__in=[item.pk for item in rows])}
    versions = {row.version_id for row in schedules.values() if row.version_id}
    found = PlanStep.objects.filter(version__in=versions).only("version", "key", "name", "name_en", "channel")
    steps = {(step.version_id, step.key): step for step in found}
    return [_row(item, schedules.get(item.pk), steps, today) for item in rows]


def _row(item: Installment, schedule: Schedule | None, steps: dict[tuple[UUID, str], PlanStep], today: date) -> ItemRow:
    late = (today - item.due_on).days
    if schedule is None or item.outstanding == 0:
        return ItemRow(item, late)
    step = steps.get((schedule.version_id, schedule.next_step_key)) if schedule.version_id else None
    return ItemRow(
        item,
        late,
        next_step=step_name(step) if step is not None else "",
        channel=step.channel if step is not None else "",
        next_on=schedule.next_on,
        reason="" if schedule.reason in QUIET else reason_words(schedule.reason),
        code=schedule.reason,
    )


def state_counts(*, today: date) -> dict[str, int]:
    """How many open items each state has; settled ones, which only grow, are not counted."""
    open_ = Installment.objects.filter(outstanding__gt=0)
    overdue = open_.filter(due_on__lt=today).count()
    coming = open_.filter(due_on__gte=today).count()  # each reads its part of an index; of both together PostgreSQL reads the ledger
    return {
        OPEN: overdue + coming,
        OVERDUE: overdue,
        COMING: coming,
        DISPUTED: Dispute.objects.filter(state=DisputeState.OPEN, installment__outstanding__gt=0).count(),
        PROMISED: Promise.objects.filter(state=PromiseState.OPEN, installment__outstanding__gt=0).count(),
        FROZEN: Schedule.objects.filter(reason__in=OUR_ACT, installment__outstanding__gt=0).count(),
    }


def items_of_message(message: Message) -> list[Installment]:
    """The items a message carries or is about, the oldest due first."""
    carried = ActionMessage.objects.filter(message=message).values("action__installment")
    named = message.details.get("items") or []
    found = Installment.objects.select_related("invoice").filter(Q(pk__in=carried) | Q(pk__in=named))
    return list(found.order_by("due_on", "pk"))


def uncounted_invoices(message: Message) -> list[str]:
    """Numbers of the invoices the message was about that the customer had not received: for these it counts no more (rule 7)."""
    gone = ActionMessage.objects.filter(message=message, action__state=ActionState.TAKEN_BACK, action__reason=Reason.NOT_RECEIVED)
    numbers = gone.values_list("action__installment__invoice__number", flat=True)
    return sorted(set(numbers))
