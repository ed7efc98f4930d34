"""The queue of a day's work, in the order in which it matters."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min, Q, Sum
from django.utils.functional import Promise as LazyText
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_lazy, ngettext

from customers.models import Customer
from dunning.core.models import User
from dunning.core.prepared import ask
from invoices.enums import PlanState, PromiseState
from invoices.models import Installment, Payment, PaymentPlan, Promise
from invoices.selectors.plans import views_of
from notifications.correspondence import last_words, nobodys
from notifications.enums import MessageState
from notifications.models import Message
from scenarios.enums import Reason, TaskKind, TaskState
from scenarios.models import Task
from scenarios.selectors.board import holds_ending, late_commitments
from scenarios.selectors.timeline_entries import EXCERPT
from scenarios.selectors.why import day_words, reason_words

RANKS: Final[dict[int, LazyText | str]] = {
    0: gettext_lazy("Possible fraud"),
    1: gettext_lazy("Receipts to match"),
    2: gettext_lazy("Legal deadlines"),
    3: gettext_lazy("Replies"),
    4: gettext_lazy("Broken promises"),
    5: gettext_lazy("Calls"),
    6: gettext_lazy("Disputes and credit notes"),
    7: gettext_lazy("Approvals"),
    8: gettext_lazy("Letters"),
    9: gettext_lazy("Failed or missing contacts"),
    10: gettext_lazy("Pauses that end"),
    11: gettext_lazy("Other tasks"),
}
"""The groups of the queue, in order."""

RANK_OF: Final[dict[str, int]] = {
    TaskKind.FRAUD_ALERT: 0,
    TaskKind.MATCH_RECEIPT: 1,
    TaskKind.ALLOCATE_CREDIT: 1,
    TaskKind.DECLARE_CLAIM: 2,
    TaskKind.RECLAIM_GOODS: 2,
    TaskKind.CONFIRM_SPLIT: 2,
    TaskKind.LIMITATION: 2,
    TaskKind.HAND_OVER: 2,
    TaskKind.CHORUS_STATUS: 2,
    TaskKind.REPLY: 3,
    TaskKind.CALL: 5,
    TaskKind.ANSWER_DISPUTE: 6,
    TaskKind.CREDIT_NOTE: 6,
    TaskKind.SUPPLY_DOCUMENT: 6,
    TaskKind.APPROVAL: 7,
    TaskKind.DECISION: 7,
    TaskKind.POST_LETTER: 8,
    TaskKind.ACTIVATE_MANDATE: 7,
    TaskKind.FIND_CONTACT: 9,
    TaskKind.CONFIRM_CONTACT: 9,
    TaskKind.UNCERTAIN_SENDING: 9,
    TaskKind.HOLD_EXPIRED: 10,
    TaskKind.HOLD_REQUEST: 7,
}
BROKEN_FOR: Final = timedelta(days=14)  # how long a broken promise stays on the queue
ENDING_WITHIN: Final = 3  # days


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One line. `kind` is a `TaskKind` or "receipt", "broken_promise", "broken_plan", "letter", "held_message", "hold_ends", "commitment",
    "unmatched_reply".

    `id` leads to the task, payment, promise, payment plan, message, pause, commitment or reply.
    """

    rank: int
    kind: str
    title: str
    customer: Customer | None
    amount: Decimal
    currency: str
    due_on: date
    id: UUID
    is_late: bool = False
    detail: str = ""
    task: Task | None = None

    @property
    def group(self) -> str:
        return str(RANKS[self.rank])


def work_queue(*, today: date, now: datetime, assignee: User | None = None, customer: Customer | None = None) -> list[QueueEntry]:
    """What waits for people, by rank, then what is late, then the largest amount; `assignee` restricts tasks to a desk and to nobody's."""
    waits = _what_waits(today)
    parts = [entries_of for name, entries_of in _PARTS.items() if waits[name]]
    entries = [*_tasks(today, now, assignee), *_nobodys_replies(today), *(entry for entries_of in parts for entry in entries_of(today))]
    if customer is not None:
        entries = [entry for entry in entries if entry.customer is not None and entry.customer.pk == customer.pk]
    return sorted(entries, key=lambda entry: (entry.rank, not entry.is_late, -entry.amount, entry.due_on, str(entry.id)))


_WAITING: Final = """
SELECT EXISTS (SELECT FROM invoices_payment WHERE customer_id IS NULL AND unallocated > 0 AND cancelled_at IS NULL) AS receipts,
       EXISTS (SELECT FROM invoices_promise WHERE state = 'broken' AND closed_on >= %(broken)s::date) AS promises,
       EXISTS (SELECT FROM invoices_paymentplan WHERE state = 'broken' AND closed_on >= %(broken)s::date) AS payment_plans,
       EXISTS (SELECT FROM notifications_message WHERE state = 'to_post') AS letters,
       EXISTS (SELECT FROM notifications_message WHERE state = 'held' AND reason NOT IN ('brake', 'tenant_held')) AS messages,
       EXISTS (SELECT FROM invoices_hold WHERE released_on IS NULL AND ends_on BETWEEN %(today)s::date AND %(ending)s::date) AS holds,
       EXISTS (SELECT FROM scenarios_commitment WHERE state = 'open' AND due_on < %(today)s::date) AS commitments
"""


def _what_waits(today: date) -> dict[str, bool]:
    """Whether there is anything at all for each part of the queue to look at, in one question: on most days there is little."""
    with connection.cursor() as cursor:
        ask(cursor, _WAITING, {"broken": today - BROKEN_FOR, "today": today, "ending": today + timedelta(days=ENDING_WITHIN)})
        (row,) = cursor.fetchall()
        return {column.name: there for column, there in zip(cursor.description, row, strict=True)}


def _tasks(today: date, now: datetime, assignee: User | None) -> Iterator[QueueEntry]:
    rows = (
        Task.objects.filter(state=TaskState.OPEN).filter(Q(not_before=None) | Q(not_before__lte=now)).select_related("customer", "assignee")
    )
    if assignee is not None:
        rows = rows.filter(Q(assignee=assignee) | Q(assignee=None))
    tasks = list(rows)
    words = last_words([task.customer_id for task in tasks if task.kind == TaskKind.REPLY and task.customer_id is not None])
    overdue = _overdue_of([task.customer_id for task in tasks if task.kind == TaskKind.CALL and task.customer_id is not None], today)
    for task in tasks:
        yield QueueEntry(
            RANK_OF.get(task.kind, 11),
            task.kind,
            task.title or str(task.get_kind_display()),
            task.customer,
            task.amount,
            task.currency,
            task.due_on,
            task.pk,
            is_late=task.alerted_on is not None or task.due_on < today,
            detail=_told(task, overdue, words),
            task=task,
        )


def _told(task: Task, overdue: Mapping[UUID, str], words: Mapping[UUID, str]) -> str:
    """What a call is about, or what a reply says."""
    if task.customer_id is None:
        return ""
    if task.kind == TaskKind.CALL:
        return overdue.get(task.customer_id, "")
    return _excerpt(words.get(task.customer_id, "")) if task.kind == TaskKind.REPLY else ""


def _excerpt(words: str) -> str:
    return Truncator(" ".join(words.split())).chars(EXCERPT)


def _overdue_of(customer_ids: Collection[UUID], today: date) -> dict[UUID, str]:
    """What a call is about, in words: how many items are overdue, and since when the oldest is."""
    rows = Installment.objects.filter(customer__in=customer_ids, outstanding__gt=0, due_on__lt=today).order_by()
    found = rows.values("customer").annotate(items=Count("pk"), oldest=Min("due_on"))
    return {row["customer"]: _overdue_words(row["items"], day_words(row["oldest"])) for row in found}


def _overdue_words(items: int, day: str) -> str:
    words = ngettext("One invoice overdue since %(day)s", "%(items)d invoices overdue, the oldest since %(day)s", items)
    return words % {"items": items, "day": day}


def _unmatched_receipts(today: date) -> Iterator[QueueEntry]:
    """Receipts of nobody that no task stands for."""
    told = Task.objects.filter(kind=TaskKind.MATCH_RECEIPT, state=TaskState.OPEN, payment__isnull=False).values("payment")
    for payment in Payment.objects.filter(customer=None, unallocated__gt=0, cancelled_at=None).exclude(pk__in=told):
        yield QueueEntry(
            1,
            "receipt",
            payment.payer_name or payment.reference_text or payment.external_reference,
            None,
            payment.unallocated,
            payment.currency,
            payment.received_on,
            payment.pk,
            is_late=payment.received_on < today,
            detail=payment.reference_text if payment.payer_name else "",
        )


def _broken_promises(today: date) -> Iterator[QueueEntry]:
    """Recently broken, nothing promised since, and still owed: the customer is worth a word before the next step."""
    promises = (
        Promise.objects.filter(state=PromiseState.BROKEN, closed_on__gte=today - BROKEN_FOR, installment__outstanding__gt=0)
        .exclude(installment__promises__state=PromiseState.OPEN)
        .select_related("customer", "installment__invoice")
    )
    for promise in promises:
        yield QueueEntry(
            4,
            "broken_promise",
            promise.installment.invoice.number,
            promise.customer,
            promise.amount,
            promise.installment.invoice.currency,
            promise.promised_for,
            promise.pk,
            is_late=True,
        )


def _broken_plans(today: date) -> Iterator[QueueEntry]:
    """Instalments that stopped coming, not long ago, with something still owed and nothing agreed on since."""
    recent = PaymentPlan.objects.select_related("customer").filter(state=PlanState.BROKEN, closed_on__gte=today - BROKEN_FOR)
    for view in views_of(recent):
        items = Installment.objects.filter(pk__in=view.items)
        left = items.filter(outstanding__gt=0).aggregate(left=Sum("outstanding"))["left"]
        if left is None or items.filter(plan_items__is_active=True).exists():
            continue
        yield QueueEntry(
            4,
            "broken_plan",
            gettext("Payment plan: %s") % ", ".join(view.numbers),
            view.plan.customer,
            left,
            view.plan.currency,
            view.plan.held_through,
            view.plan.pk,
            is_late=True,
        )


def who_broke_their_word(today: date) -> set[UUID]:
    """Customers whose promise or payment plan broke lately, with something still owed and nothing agreed on since."""
    return {entry.customer.pk for entry in (*_broken_promises(today), *_broken_plans(today)) if entry.customer is not None}


def _letters(today: date) -> Iterator[QueueEntry]:
    """Printed and not posted; a task stands for those that are late."""
    told = Task.objects.filter(kind=TaskKind.POST_LETTER, state=TaskState.OPEN, message__isnull=False).values("message")
    letters = Message.objects.filter(state=MessageState.TO_POST).exclude(pk__in=told).select_related("customer")
    for message in letters:
        yield _of_message(8, "letter", message, today, str(message.get_channel_display()))


def _stuck_messages(today: date) -> Iterator[QueueEntry]:
    """Held for a reason a person must remove; the run's brake and the general hold are shown on the board itself."""
    rows = Message.objects.filter(state=MessageState.HELD).exclude(reason__in=[Reason.BRAKE, Reason.TENANT_HELD]).select_related("customer")
    for message in rows:
        yield _of_message(9, "held_message", message, today, reason_words(message.reason))


def _nobodys_replies(today: date) -> Iterator[QueueEntry]:
    """What somebody wrote that could not be matched: a person says whose it is."""
    for reply in nobodys():
        day = localtime(reply.received_at).date()
        yield QueueEntry(
            3,
            "unmatched_reply",
            reply.sender_name or reply.sender,
            None,
            Decimal(0),
            "",
            day,
            reply.pk,
            is_late=day < today,
            detail=_excerpt(reply.said or reply.subject),
        )


def _of_message(rank: int, kind: str, message: Message, today: date, detail: str) -> QueueEntry:
    return QueueEntry(
        rank,
        kind,
        message.subject or message.recipient_name or message.customer.name,
        message.customer,
        message.amount,
        message.currency,
        message.planned_on,
        message.pk,
        is_late=message.planned_on < today,
        detail=message.reason_text or detail,
    )


def _ending_holds(today: date) -> Iterator[QueueEntry]:
    for hold in holds_ending(today=today, until=today + timedelta(days=ENDING_WITHIN)):
        item = hold.installment
        yield QueueEntry(
            10,
            "hold_ends",
            item.invoice.number if item is not None else hold.customer.name,
            hold.customer,
            hold.amount or (item.outstanding if item is not None else Decimal(0)),
            item.invoice.currency if item is not None else "",
            hold.ends_on,
            hold.pk,
            detail=hold.reason,
        )


def _late_commitments(today: date) -> Iterator[QueueEntry]:
    for commitment in late_commitments(today=today):
        yield QueueEntry(
            2,
            "commitment",
            str(commitment.get_consequence_display()),
            commitment.customer,
            commitment.installment.outstanding,
            commitment.installment.invoice.currency,
            commitment.due_on,
            commitment.pk,
            is_late=True,
            detail=commitment.installment.invoice.number,
        )


def desk_counts(*, now: datetime) -> dict[str, int]:
    """For the rail: open tasks of today ("today") and messages a person must approve ("messages"), in two queries."""
    tasks = Task.objects.filter(state=TaskState.OPEN).filter(Q(not_before=None) | Q(not_before__lte=now))
    return {"today": tasks.count(), "messages": Message.objects.filter(state=MessageState.AWAITING_APPROVAL).count()}


_PARTS: Final[dict[str, Callable[[date], Iterator[QueueEntry]]]] = {
    "receipts": _unmatched_receipts,
    "promises": _broken_promises,
    "payment_plans": _broken_plans,
    "letters": _letters,
    "messages": _stuck_messages,
    "holds": _ending_holds,
    "commitments": _late_commitments,
}
"""What stands on the queue beside tasks and replies, by its name in `_WAITING`."""
