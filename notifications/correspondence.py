"""What screens read of what comes back. Called inside `tenant()`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from notifications.enums import EventState, ReplyKind
from notifications.models import InboundEvent, InboundFile, InboundMessage, Message, ProviderAccount, ProviderRoute

IN_TROUBLE = (EventState.QUARANTINED, EventState.UNREADABLE, EventState.REJECTED)
LISTED: Mapping[str, tuple[ReplyKind, ...]] = {
    "replies": (ReplyKind.HUMAN, ReplyKind.ABSENCE, ReplyKind.STOP),
    "automatic": (ReplyKind.AUTOMATIC, ReplyKind.BOUNCE),
}


def list_replies(*, kinds: str = "replies", customer_id: UUID | None = None) -> QuerySet[InboundMessage]:
    """What was written to us, what waits to be read first, then the newest. `kinds` is a key of LISTED."""
    waits = Case(When(handled_at=None, kind=ReplyKind.HUMAN, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = InboundMessage.objects.select_related("customer", "message").filter(kind__in=LISTED[kinds])
    if customer_id is not None:
        rows = rows.filter(customer=customer_id)
    return rows.order_by(waits, "-received_at", "-pk")


def unread() -> QuerySet[InboundMessage]:
    """What a person wrote and nobody has dealt with."""
    return InboundMessage.objects.filter(kind=ReplyKind.HUMAN, handled_at=None)


def nobodys() -> QuerySet[InboundMessage]:
    """What a person wrote that could not be matched, oldest first."""
    return unread().filter(customer=None).order_by("received_at", "pk")


def last_words(customer_ids: Collection[UUID]) -> dict[UUID, str]:
    """The newest unread words of each customer."""
    rows = unread().filter(customer__in=list(customer_ids)).order_by("received_at", "pk")
    return {row.customer_id: row.said for row in rows if row.customer_id is not None}


def replies_of_message(message_id: UUID) -> Sequence[InboundMessage]:
    """What was answered to one message, oldest first."""
    return list(InboundMessage.objects.filter(message=message_id).order_by("received_at", "pk"))


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of an exchange: ours, or theirs."""

    at: datetime
    message: Message | None = None
    reply: InboundMessage | None = None

    @property
    def key(self) -> str:
        return str(self.message.pk if self.message is not None else self.reply.pk if self.reply is not None else "")


def exchange_of(reply: InboundMessage) -> Sequence[Spoken]:
    """The exchange it belongs to, the oldest first: what we wrote, what came back to it, our answers, and so on, whatever became of them.

    In four queries, however long it is. What programs wrote is left out, unless it is the message asked about.
    """
    answers: dict[UUID, UUID] = {}
    came: dict[UUID, UUID | None] = {}
    if reply.customer_id is not None:
        answered = Message.objects.filter(Q(customer=reply.customer_id) | Q(answers=reply.pk), answers__isnull=False)
        answers = {pk: answer for pk, answer in answered.values_list("pk", "answers_id") if answer is not None}
        people = InboundMessage.objects.filter(customer=reply.customer_id, kind__in=LISTED["replies"])
        came = dict(people.values_list("pk", "message_id"))
    came[reply.pk] = reply.message_id
    ours, theirs = _joined(reply.pk, came, answers)
    found = [Spoken(_said_at(message), message=message) for message in Message.objects.filter(pk__in=ours)]
    found += [Spoken(row.received_at, reply=row) for row in InboundMessage.objects.filter(pk__in=theirs)]
    return sorted(found, key=lambda one: (one.at, one.key))


def _joined(start: UUID, came: Mapping[UUID, UUID | None], answers: Mapping[UUID, UUID]) -> tuple[set[UUID], set[UUID]]:
    """(our messages, theirs) that one reply is joined to, over what came to what, and what answers what."""
    joined: dict[UUID, set[UUID]] = {}
    for one, other in (*came.items(), *answers.items()):
        if other is not None:
            joined.setdefault(one, set()).add(other)
            joined.setdefault(other, set()).add(one)
    seen, waiting = {start}, [start]
    while waiting:
        following = joined.get(waiting.pop(), set()) - seen
        seen |= following
        waiting += following
    theirs = seen & came.keys()
    return seen - theirs, theirs


def _said_at(message: Message) -> datetime:
    """When it left, or is to leave."""
    return message.accepted_at or message.not_before or message.frozen_at or message.created_at


def get_reply(reply_id: UUID) -> InboundMessage:
    """One of them with what it answers. Raises InboundMessage.DoesNotExist."""
    return InboundMessage.objects.select_related("customer", "contact", "substitute", "message__customer").get(pk=reply_id)


def files_of(reply: InboundMessage) -> Sequence[InboundFile]:
    return list(InboundFile.objects.filter(inbound=reply).select_related("document").order_by("position"))


def calls_in_trouble() -> QuerySet[InboundEvent]:
    """Providers' calls that could not be read or applied, newest first, without their bodies."""
    return InboundEvent.objects.filter(state__in=IN_TROUBLE).defer("body", "headers").order_by("-received_at", "-pk")


@dataclass(frozen=True, slots=True)
class Refused:
    """Calls on an account's way in that were not its provider's."""

    account: ProviderAccount
    count: int
    since: datetime
    last_at: datetime


def refused_calls() -> Sequence[Refused]:
    """The open organization's accounts on whose way in somebody knocked who was not the provider."""
    known = ProviderAccount.objects.in_bulk()
    routes = ProviderRoute.objects.filter(account_id__in=list(known), refused__gt=0).order_by("-refused_at")
    return [
        Refused(known[route.account_id], route.refused, route.refused_since, route.refused_at)
        for route in routes
        if route.refused_since is not None and route.refused_at is not None
    ]
