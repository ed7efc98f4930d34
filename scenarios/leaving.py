"""What becomes of a day's messages once all of them are known: they leave, wait for a person, or stop at the brake (rule 15).

It is said twice, side by side: in Python of a message that is about to be written, in SQL of one that was a draft.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from dunning.core.hours import at_wall
from dunning.core.prepared import ask
from notifications import outbox
from notifications.enums import MessageState, Obstacle
from scenarios import effects
from scenarios.context import Frame
from scenarios.enums import Reason, TaskKind
from scenarios.models import Task

FOR_APPROVAL: Final = frozenset({Reason.SUPERVISED.value, Reason.AWAITING_APPROVAL.value})
"""Why a message waits for a person."""
KEPT_BACK: Final = frozenset({Reason.BRAKE.value, Obstacle.BY_HAND.value})
"""Why a message is held until a person lets it go, whatever becomes due meanwhile: other holds are asked again by who replaces them."""
_RELEASE: Final = """
UPDATE notifications_message
SET state = CASE WHEN reason = ANY(%(approval)s) THEN 'awaiting_approval' WHEN %(braked)s::bool THEN 'held' ELSE 'queued' END,
    not_before = CASE WHEN reason = ANY(%(approval)s) OR %(braked)s::bool THEN not_before ELSE %(due_at)s::timestamptz END,
    reason = CASE WHEN reason <> ALL(%(approval)s) AND %(braked)s::bool THEN %(brake)s::text ELSE reason END,
    updated_at = %(now)s
WHERE state = 'draft' AND planned_on <= %(today)s
RETURNING id, channel, not_before, state, reason, customer_id, amount, currency
"""


class Released(NamedTuple):
    """A message the run let go, as it is now."""

    pk: UUID
    channel: str
    not_before: datetime | None
    state: str
    reason: str
    customer_id: UUID | None
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Release:
    """What the run says of its messages: when they leave, or that the brake keeps them in."""

    today: date
    now: datetime
    due_at: datetime
    is_braked: bool

    def of(self, reason: str) -> tuple[str, str, datetime | None]:
        """State, reason and earliest departure of a message that would carry this reason as a draft."""
        if reason in FOR_APPROVAL:
            return MessageState.AWAITING_APPROVAL.value, reason, None
        if self.is_braked:
            return MessageState.HELD.value, Reason.BRAKE.value, None
        return MessageState.QUEUED.value, reason, self.due_at

    def drafts(self) -> list[Released]:
        """Let the drafts go: to the queue, to the departure board, or - braked - into a hold that a person lifts.

        They are of the day's earlier batches; those of an earlier day are of a run that was cut short and never ended.
        """
        values: dict[str, Any] = {
            "approval": sorted(FOR_APPROVAL),
            "braked": self.is_braked,
            "brake": Reason.BRAKE.value,
            "due_at": self.due_at,
            "now": self.now,
            "today": self.today,
        }
        with connection.cursor() as cursor:
            ask(cursor, _RELEASE, values)
            return [Released(*row) for row in cursor.fetchall()]

    def see_off(self, released: Sequence[Released]) -> None:
        """Give the messages that may leave their tickets, open the tasks of those a person must approve, and tell the outside world."""
        legal = [message for message in released if message.reason == Reason.AWAITING_APPROVAL]
        if legal:
            tasks = Task.objects.bulk_create([approval_task(m.pk, m.customer_id, m.amount, m.currency, self.today) for m in legal])
            effects.tell_opened([task.pk for task in tasks], now=self.now)
        outbox.tell_approval("requested", [message.pk for message in released if message.reason in FOR_APPROVAL], now=self.now)
        outbox.queue([message for message in released if message.state == MessageState.QUEUED], now=self.now)


def approval_task(message_id: UUID, customer_id: UUID | None, amount: Decimal, currency: str, today: date) -> Task:
    """What asks a person to approve the message."""
    return Task(
        kind=TaskKind.APPROVAL,
        key=f"approval:{message_id}",
        customer_id=customer_id,
        message_id=message_id,
        amount=amount,
        currency=currency,
        opened_on=today,
        due_on=today,
    )


def departure(frame: Frame, now: datetime) -> datetime:
    """When the messages of the frame's day leave: at the opening of the sending hours, or now when they are open."""
    return max(now, at_wall(frame.today, _time(frame.profile.window_start), frame.zone))


def _time(value: Any) -> time:
    """A profile that was just created still holds its default as text."""
    return value if isinstance(value, time) else time.fromisoformat(value)
