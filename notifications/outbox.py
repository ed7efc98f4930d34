"""Into the outbox and out of the queue: rows first, in the caller's transaction; the doorbell rings after its commit.

A message waits for a dispatcher when it has a ticket, and it has one exactly while its state is QUEUED, RETRY, SENDING or UNCERTAIN.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from celery import current_app
from django.db import connection, transaction

from customers.services import hold_customers
from dunning.core import clock, events
from dunning.core.prepared import ask
from dunning.core.tenancy import current_organization_id, current_scope
from dunning.core.tokens import new_id_text
from notifications.enums import MessageState
from notifications.models import Message, QueueTicket
from notifications.signals import message_settled

logger = logging.getLogger(__name__)

AT_ONCE = 300  # rows written by one statement: letters and e-mails are not frozen yet, so rows are small
_QUEUE: Final = """
INSERT INTO notifications_queueticket (organization_id, id, message_id, channel, due_at)
SELECT %s::uuid, t.id, t.message_id, t.channel, t.due_at
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[]) t (id, message_id, channel, due_at)
ON CONFLICT DO NOTHING
"""


class Queued(Protocol):
    """What a ticket says of its message: a `Message`, or a row of one."""

    @property
    def pk(self) -> Any: ...
    @property
    def channel(self) -> str: ...
    @property
    def not_before(self) -> datetime | None: ...


class Ring:
    """Marks a transaction whose commit already rings."""


def enqueue(messages: Sequence[Message], *, now: datetime) -> list[Message]:
    """Write messages (unsaved, of the open organization) and, for those QUEUED, the tickets that let them leave.

    A ticket is due at the message's `not_before`, else now. Raises IntegrityError when a group already has its message of the day.
    """
    rows = Message.objects.bulk_create(messages, batch_size=AT_ONCE)
    queue([message for message in rows if message.state == MessageState.QUEUED], now=now)
    tell_approval("requested", [message.pk for message in rows if message.state == MessageState.AWAITING_APPROVAL], now=now)
    return rows


def queue(messages: Iterable[Queued], *, now: datetime) -> None:
    """Give messages their tickets (one each, whatever happens) and ring after the commit, if any may leave at once."""
    tickets = [(new_id_text(), message.pk, message.channel, max(message.not_before or now, now)) for message in messages]
    if tickets:
        with connection.cursor() as cursor:  # one array a column: a day of many messages is queued at once
            ask(cursor, _QUEUE, [current_organization_id(), *map(list, zip(*tickets, strict=True))])
        if any(due_at <= now for *_rest, due_at in tickets):  # the morning's run is hours before the mail: the sweep will be there
            _ring_after_commit()


def drop_tickets(message_ids: Iterable[UUID]) -> None:
    """Take messages out of the queue."""
    QueueTicket.objects.filter(message_id__in=list(message_ids)).delete()


def retime(message: Message, *, due_at: datetime) -> None:
    """Have a message looked at again at `due_at`, by any worker."""
    changed = QueueTicket.objects.filter(message_id=message.pk).update(due_at=due_at, lease_until=None, lease_token=None, tries=0)
    if not changed:
        QueueTicket.objects.create(organization_id=current_organization_id(), message_id=message.pk, channel=message.channel, due_at=due_at)


def forget_prepared(customer_ids: Iterable[Any]) -> None:
    """Have waiting messages of these customers asked about once more: something about them changed since they were prepared."""
    Message.objects.filter(
        customer__in=list(customer_ids), state__in=[MessageState.QUEUED, MessageState.RETRY], frozen_at__isnull=False
    ).update(frozen_at=None)


def _hold_customers_of(message_ids: Sequence[UUID]) -> None:
    """Lock the paying groups these messages are about; a test to oneself is about nobody."""
    hold_customers(Message.objects.filter(pk__in=message_ids, customer__isnull=False).values_list("customer_id", flat=True))


def lock(message_ids: Iterable[UUID]) -> list[Message]:
    """The messages, locked after their customers' paying groups and in the order of their keys, as every writer does."""
    ids = list(message_ids)
    _hold_customers_of(ids)
    return list(Message.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))


def lock_in(message_ids: Iterable[UUID], states: Iterable[str]) -> list[UUID]:
    """Take the same locks as `lock`; the ids of those whose state is one of these."""
    ids = list(message_ids)
    _hold_customers_of(ids)
    locked = Message.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk", "state")
    wanted = set(states)
    return [pk for pk, state in locked if state in wanted]


def announce(message_ids: Sequence[UUID], *, now: datetime) -> None:
    """Tell the plans and the outside world, inside the transaction, that these locked messages reached a state that counts."""
    if message_ids:
        tell_states(message_ids, now=now)
        message_settled.send(sender=Message, message_ids=list(message_ids), now=now)


def tell_states(message_ids: Sequence[UUID], *, now: datetime) -> None:
    """Tell the outside world in which state these messages are; one that was told already is not told again."""
    by_state: dict[str, list[UUID]] = {}
    for pk, state in Message.objects.filter(pk__in=list(message_ids)).order_by("pk").values_list("pk", "state"):
        by_state.setdefault(state, []).append(pk)
    for state, ids in by_state.items():
        events.emit(type=f"message.{state}", object_type="message", object_ids=ids, now=now, once=True)


def tell_approval(word: str, message_ids: Sequence[UUID], *, now: datetime) -> None:
    """Tell the outside world that approval of these locked messages was "requested", "granted" or "refused"."""
    events.emit(type=f"approval.{word}", object_type="message", object_ids=message_ids, now=now)


def _ring_after_commit() -> None:
    """Once per transaction. A life being played is dispatched by its player: nobody else is called."""
    pending = current_scope().pending
    if clock.is_virtual() or any(isinstance(entry, Ring) for entry in pending):
        return
    pending.append(Ring())
    transaction.on_commit(_ring)


def _ring() -> None:
    try:
        current_app.send_task("notifications.dispatch", retry=False, expires=30)
    except Exception as error:  # a broker that is down delays sending by one sweep, it loses nothing
        logger.warning("The doorbell did not ring (%s); the sweeper will find the messages.", error)
