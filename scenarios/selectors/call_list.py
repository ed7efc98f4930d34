"""Call mode: whom to ring next, and what to know before they answer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Min, Q

from customers.models import Customer
from dunning.core.models import Membership, Organization
from invoices.enums import DisputeState
from invoices.habits import Habit
from invoices.models import Dispute, Installment
from invoices.selectors import Statement, customer_statement
from invoices.selectors.habits import Word, promises_kept, usual_delay
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task, TaskAttempt
from scenarios.selectors.tasks import who_broke_their_word
from scenarios.selectors.timeline import exchanges
from scenarios.selectors.timeline_entries import Entry


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call to make. `days_late` is the age of the customer's oldest overdue item, 0 when nothing is overdue any more."""

    task: Task
    broke_word: bool
    days_late: int

    @property
    def weight(self) -> Decimal:
        return self.task.amount * self.days_late


@dataclass(frozen=True, slots=True)
class CallList:
    """The calls of a person's day, in order. `made` were tried today; `room` is how many their day still holds, None without a limit."""

    waiting: Sequence[Waiting]
    made: int
    room: int | None

    @property
    def is_full(self) -> bool:
        return self.room is not None and self.room <= 0

    def after(self, task_id: UUID | None) -> Waiting | None:
        """The call that follows this one in the list, the first for None or for one no longer waiting; None at the end."""
        ids = [one.task.pk for one in self.waiting]
        start = ids.index(task_id) + 1 if task_id in ids else 0
        return self.waiting[start] if start < len(ids) else None


def call_list(*, member: Membership, today: date, now: datetime) -> CallList:
    """The calls that wait for this person or for nobody in particular: broken promises first, then by amount × days late.

    A call put off to an hour is left out until then. In four queries, whatever waits.
    """
    tasks = list(
        Task.objects.filter(state=TaskState.OPEN, kind=TaskKind.CALL, customer__isnull=False)
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        .filter(Q(assignee=member.user_id) | Q(assignee=None))
        .select_related("customer")
    )
    broken = who_broke_their_word(today)
    late = _days_late([task.customer_id for task in tasks if task.customer_id], today)
    waiting = [Waiting(task, task.customer_id in broken, late.get(task.customer_id, 0)) for task in tasks if task.customer_id]
    waiting.sort(key=lambda one: (not one.broke_word, -one.weight, one.task.due_on, str(one.task.pk)))
    made = TaskAttempt.objects.filter(on=today, actor=f"user:{member.user_id}").count()
    return CallList(waiting, made, None if member.calls_per_day is None else member.calls_per_day - made)


def _days_late(customer_ids: Collection[UUID], today: date) -> dict[UUID, int]:
    rows = Installment.objects.filter(customer__in=set(customer_ids), outstanding__gt=0, due_on__lt=today)
    return {customer: (today - oldest).days for customer, oldest in rows.values_list("customer").annotate(oldest=Min("due_on")).order_by()}


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a caller wants before their eyes: what is owed in each currency, the last exchanges, how the customer keeps word and days."""

    statements: Sequence[Statement]
    exchanges: Sequence[Entry]
    word: Word
    habit: Habit | None
    disputes: Sequence[Dispute]


def briefing(*, customer: Customer, organization: Organization, today: date) -> Briefing:
    """In a number of queries that does not depend on how much the customer owes."""
    open_disputes = Dispute.objects.select_related("installment__invoice").filter(customer=customer, state=DisputeState.OPEN)
    return Briefing(
        statements=customer_statement([customer.pk], today=today),
        exchanges=exchanges(customer, zone=ZoneInfo(organization.timezone)),
        word=promises_kept(customer.pk),
        habit=usual_delay(customer.pk, today=today),
        disputes=list(open_disputes.order_by("opened_on", "pk")),
    )
