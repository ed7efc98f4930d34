"""What becomes of a message after it was handed over: the answer of a provider, and the events that follow, in any order.

Every change is a compare-and-set under the message's lock. The state an event leads to is the highest of all events, so that order
and repetition never matter; nothing else leads beyond ACCEPTED.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Min

from dunning.core import audit, events
from dunning.core.enums import PAPER_CHANNELS, Channel
from notifications import outbox
from notifications.doubts import ABSENT_FOR, OPEN, doubt_of
from notifications.enums import AttemptOutcome, LetterProof, MessageKind, MessageState, Obstacle, SuppressionReason
from notifications.models import Attempt, DeliveryEvent, Message, Suppression
from notifications.providers.base import Accepted, Entrusted, NotAccepted, ProviderError, Refused, Released, ToPost
from notifications.selectors import fold_address, zone

BACKOFF: Final = (60, 300, 900, 3600, 7200, 14400)  # seconds before the next try
MOST_ATTEMPTS: Final = 20  # about three days; then a person decides, nothing is thrown away
IN_FLIGHT: Final = (MessageState.SENDING, MessageState.UNCERTAIN)
NOT_YET_SENT: Final = (*IN_FLIGHT, MessageState.QUEUED, MessageState.RETRY, MessageState.HELD, MessageState.UNPROVEN)
"""States that an acceptance, however late it arrives, proves wrong."""
_jitter = secrets.SystemRandom()

Answer = Accepted | ToPost | Entrusted | ProviderError


class NotHandedOver(ValueError):
    """Something was reported of a message that never left."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an event of delivery means: `rank` orders states, `state` is where it leads, `suppresses` closes the address."""

    rank: int
    state: MessageState | None = None
    suppresses: SuppressionReason | None = None


EVENTS: Final[dict[str, Kind]] = {
    "deferred": Kind(0),
    "bounced_elsewhere": Kind(0),  # a member of a list, or a box it was passed on to: not the address we wrote to
    "opened": Kind(0),  # programs open messages too: never evidence
    "posted": Kind(10, MessageState.ACCEPTED),
    "accepted": Kind(10, MessageState.ACCEPTED),
    "presented": Kind(10, MessageState.ACCEPTED),
    "unclaimed": Kind(10, MessageState.ACCEPTED),
    "refused": Kind(10, MessageState.ACCEPTED),
    "delivered": Kind(20, MessageState.DELIVERED),
    "failed": Kind(30, MessageState.BOUNCED),
    "bounced": Kind(30, MessageState.BOUNCED, SuppressionReason.HARD_BOUNCE),
    "soft_bounced": Kind(30, MessageState.BOUNCED),
    "wrong_number": Kind(30, MessageState.BOUNCED, SuppressionReason.WRONG_NUMBER),
    "unknown_address": Kind(30, MessageState.BOUNCED),
    "stopped": Kind(0, None, SuppressionReason.STOP),
    "complained": Kind(40, MessageState.COMPLAINED, SuppressionReason.COMPLAINT),
}
_RANK: Final = {
    MessageState.ACCEPTED: 10,
    MessageState.TO_POST: 5,
    MessageState.ENTRUSTED: 5,
    MessageState.DELIVERED: 20,
    MessageState.BOUNCED: 30,
    MessageState.COMPLAINED: 40,
}
HANDED_OVER: Final = frozenset({*_RANK, MessageState.SENDING, MessageState.UNCERTAIN, MessageState.UNPROVEN})


def settle(*, message_id: UUID, number: int, answer: Answer, now: datetime) -> str:
    """Write what attempt `number` brought. Repeating it changes nothing; a message that moved on meanwhile only gets the attempt's outcome.

    Returns the message's state. A person who settled it, or an event that proved more, is never overwritten. A “no” to a repeated call says
    nothing of the call before, whose answer was lost: the message stays uncertain. An acceptance proves that it left, whatever came since.
    """
    (message,) = outbox.lock([message_id])
    outcome, provider_id, response = _outcome(answer)
    Attempt.objects.filter(message=message, number=number, outcome__in=[AttemptOutcome.PENDING, AttemptOutcome.UNCERTAIN]).update(
        outcome=outcome, provider_id=provider_id, response=response, finished_at=now
    )
    if isinstance(answer, Accepted | Entrusted) and message.state in NOT_YET_SENT:
        _accept(message, answer, now)
        return message.state
    if message.state not in IN_FLIGHT or Attempt.objects.filter(message=message, number__gt=number).exists():
        return message.state
    if isinstance(answer, ToPost):
        move(message, MessageState.TO_POST, now, reason="", reason_text="")
    elif Attempt.objects.filter(message=message, number__lt=number, outcome__in=OPEN).exists() and isinstance(answer, ProviderError):
        be_uncertain(message, answer.text, now)
    elif isinstance(answer, Released):
        move(message, MessageState.QUEUED, now, ticket_at=now)
    elif isinstance(answer, NotAccepted):
        _try_again(message, number, answer, now)
    elif isinstance(answer, Refused):
        _refused(message, answer, now)
    elif isinstance(answer, ProviderError):
        be_uncertain(message, answer.text, now)
    return message.state


def _accept(message: Message, answer: Accepted | Entrusted, now: datetime) -> None:
    if isinstance(answer, Accepted):
        move(message, MessageState.ACCEPTED, now, provider_id=answer.provider_id, accepted_at=now, reason="", reason_text="")
    else:
        move(message, MessageState.ENTRUSTED, now, provider_id=answer.provider_id, reason="", reason_text="")


def settle_look_up(*, message_id: UUID, number: int, found: Accepted | None, now: datetime) -> str:
    """Write what a provider knows of an uncertain message; returns the message's state.

    Found: it left. Absent twice, a quarter of an hour apart: it certainly did not, and leaves as if for the first time, through the gate.
    """
    (message,) = outbox.lock([message_id])
    doubt = doubt_of(message)
    if message.state != MessageState.UNCERTAIN or doubt is None or doubt.last.number != number:
        return message.state
    tries = Attempt.objects.filter(message=message, outcome__in=OPEN)
    if found is not None:
        tries.filter(number=number).update(
            outcome=AttemptOutcome.ACCEPTED, provider_id=found.provider_id, response=found.response, finished_at=now
        )
        _accept(message, found, now)
    elif doubt.last.absent_since is None:
        tries.filter(number=number).update(absent_since=now)
        outbox.retime(message, due_at=min(now + ABSENT_FOR, doubt.ends_at))
    elif now - doubt.last.absent_since >= ABSENT_FOR:
        close_tries(message)
        move(message, MessageState.QUEUED, now, ticket_at=now, reason="", reason_text="")
    else:
        outbox.retime(message, due_at=doubt.next_at(now))
    return message.state


def close_tries(message: Message) -> None:
    """It is proven, or a person says, that no try of the locked message was accepted."""
    Attempt.objects.filter(message=message, outcome__in=OPEN).update(outcome=AttemptOutcome.NOT_ACCEPTED)


def _outcome(answer: Answer) -> tuple[AttemptOutcome, str, str]:
    if isinstance(answer, Accepted):
        return AttemptOutcome.ACCEPTED, answer.provider_id, answer.response[:2000]
    if isinstance(answer, Entrusted):
        return AttemptOutcome.ACCEPTED, answer.provider_id, answer.response[:2000]
    if isinstance(answer, ToPost):
        return AttemptOutcome.ACCEPTED, "", ""
    for kind, outcome in (
        (NotAccepted, AttemptOutcome.NOT_ACCEPTED),
        (Refused, AttemptOutcome.REFUSED),
        (Released, AttemptOutcome.RELEASED),
    ):
        if isinstance(answer, kind):
            return outcome, "", answer.text
    return AttemptOutcome.UNCERTAIN, "", answer.text


def _try_again(message: Message, number: int, answer: NotAccepted, now: datetime) -> None:
    if number >= MOST_ATTEMPTS:
        move(message, MessageState.HELD, now, reason=Obstacle.UNREACHABLE, reason_text=answer.text[:500])
        return
    pause = BACKOFF[min(number, len(BACKOFF)) - 1] * _jitter.uniform(0.8, 1.2)
    due_at = now + timedelta(seconds=max(pause, answer.retry_after or 0))
    move(message, MessageState.RETRY, now, ticket_at=due_at, reason=Obstacle.NOT_ACCEPTED, reason_text=answer.text[:500])


def _refused(message: Message, answer: Refused, now: datetime) -> None:
    """Because of its address: that is closed, and the plans turn to the next contact. Else the fault may be our own - a sender nobody
    verified, a file too large - and no contact pays for it: a person corrects it. A test waits for nobody."""
    if answer.address_at_fault or answer.stopped:
        dead = SuppressionReason.WRONG_NUMBER if message.channel == Channel.SMS else SuppressionReason.HARD_BOUNCE
        suppress(message, SuppressionReason.STOP if answer.stopped else dead, now)
    elif message.kind != MessageKind.TEST:
        move(message, MessageState.HELD, now, reason=Obstacle.TURNED_AWAY, reason_text=answer.text[:500])
        return
    move(message, MessageState.FAILED, now, failed_at=now, reason=Obstacle.REFUSED, reason_text=answer.text[:500])


def be_uncertain(message: Message, text: str, now: datetime) -> None:
    """Nobody knows whether it left: it is looked at again when its provider can tell, at the latest after a day. The message is locked."""
    Attempt.objects.filter(message=message, outcome=AttemptOutcome.PENDING).update(
        outcome=AttemptOutcome.UNCERTAIN, response=text, finished_at=now
    )
    doubt = doubt_of(message)
    again_at = doubt.next_at(now) if doubt is not None else now
    move(message, MessageState.UNCERTAIN, now, ticket_at=again_at, reason=Obstacle.UNCERTAIN, reason_text=text[:500])


def move(
    message: Message, state: MessageState, now: datetime, *, actor: str = "system", ticket_at: datetime | None = None, **fields: Any
) -> None:
    """Change a locked message's state, its ticket and the trail with it, and tell the plans when it counts.

    Without `ticket_at` it leaves the queue.
    """
    fields = {"state": state, "lease_until": None, "updated_at": now, **fields}
    Message.objects.filter(pk=message.pk).update(**fields)
    for name, value in fields.items():
        setattr(message, name, value)
    if ticket_at is None:
        outbox.drop_tickets([message.pk])
    else:
        outbox.retime(message, due_at=ticket_at)
    audit.record(
        actor="system", action=f"message.{state}", target=message, body={"reason": message.reason} if message.reason else {}, now=now
    )
    if state in ANNOUNCED:
        outbox.announce([message.pk], now=now)


ANNOUNCED: Final = frozenset(
    {
        MessageState.ACCEPTED,
        MessageState.DELIVERED,
        MessageState.FAILED,
        MessageState.UNCERTAIN,
        MessageState.UNPROVEN,
        MessageState.CANCELLED,
        MessageState.BOUNCED,
        MessageState.COMPLAINED,
    }
)
"""The states the plans are told of."""


def suppress(message: Message, reason: SuppressionReason, now: datetime) -> None:
    """Close the address a message went to."""
    if message.recipient:
        close_address(channel=message.channel, address=message.recipient, reason=reason, now=now, message=message)


GRAVITY: Final = (
    SuppressionReason.COMPLAINT,
    SuppressionReason.STOP,
    SuppressionReason.MANUAL,
    SuppressionReason.WRONG_NUMBER,
    SuppressionReason.HARD_BOUNCE,
)
"""Why an address is closed, the gravest first: what its owner asked for comes before what a machine found."""


def close_address(*, channel: str, address: str, reason: SuppressionReason, now: datetime, message: Message | None = None) -> None:
    """Have nothing sent to an address any more. Closed for several reasons, in whatever order, the gravest stands, since the earliest."""
    folded = fold_address(address)
    closed = Suppression(channel=channel, address=folded, reason=reason, since=now, message=message)
    Suppression.objects.bulk_create([closed], ignore_conflicts=True)
    standing = Suppression.objects.filter(channel=channel, address=folded, lifted_at=None).exclude(pk=closed.pk)
    milder = [other for other in SuppressionReason if GRAVITY.index(other) > GRAVITY.index(reason)]
    standing.filter(reason__in=milder).update(reason=reason, message=message)
    standing.filter(since__gt=now).update(since=now)


def record_delivery_event(
    *, message_id: UUID, kind: str, at: datetime, now: datetime, external_id: str = "", details: dict[str, Any] | None = None
) -> str:
    """Keep what a provider, the post or a person reported of a message, and move it to the highest state all its events prove.

    The same event twice (same `kind` and `external_id`) changes nothing. An event proves that an uncertain message left. A bounce or a
    wrong number is announced as BOUNCED and closes the address. Returns the state. Raises KeyError for an unknown kind and NotHandedOver
    for a message that was never handed over.
    """
    meaning = EVENTS[kind]
    (message,) = outbox.lock([message_id])
    tried = message.state in NOT_YET_SENT and Attempt.objects.filter(message=message).exists()  # thought not to have left, wrongly
    if message.state not in HANDED_OVER and not tried:
        raise NotHandedOver(f"The message was never handed over ({message.state}): nothing can have been reported of it.")
    is_new = not external_id or not DeliveryEvent.objects.filter(message=message, kind=kind, external_id=external_id).exists()
    DeliveryEvent.objects.bulk_create(
        [DeliveryEvent(message=message, kind=kind, at=at, external_id=external_id, details=details or {})], ignore_conflicts=True
    )
    if meaning.suppresses:
        suppress(message, meaning.suppresses, at)
    if is_new and message.channel in PAPER_CHANNELS and kind in PROOF_RANK:
        _tell_proof(message, kind, at, now, again="corrects" in (details or {}))
    _rise(message, now)
    return message.state


def _tell_proof(message: Message, kind: str, at: datetime, now: datetime, *, again: bool) -> None:
    """For the outside world, what the post says of a letter; `again`: its posting was corrected."""
    if kind == LetterProof.POSTED:
        events.emit(type="letter.posted", object_type="message", object_ids=[message.pk], now=now, once=not again)
    else:
        on = at.astimezone(zone()).date()
        events.emit(type="letter.proof", object_type="message", object_ids=[message.pk], now=now, payload={"proof": str(kind), "on": on})


def _rise(message: Message, now: datetime) -> None:
    """Move to the state all events together prove: a function of the set of events, not of their order."""
    events = _standing(DeliveryEvent.objects.filter(message=message))
    told = [event for event in events if event.kind in EVENTS and EVENTS[event.kind].state]
    if not told:
        return
    highest = max(told, key=lambda event: (EVENTS[event.kind].rank, event.at, event.kind))
    meaning = EVENTS[highest.kind]
    bounced = meaning.state == MessageState.BOUNCED
    handed_over = None
    if message.channel not in PAPER_CHANNELS:  # a letter is accepted by the post, not by our printer
        handed_over = Attempt.objects.filter(message=message, outcome=AttemptOutcome.ACCEPTED).aggregate(at=Min("finished_at"))["at"]
    fields: dict[str, Any] = {
        "accepted_at": handed_over or min(event.at for event in told),
        "delivered_at": min((event.at for event in told if event.kind == "delivered"), default=None),
        "failed_at": min((event.at for event in told if EVENTS[event.kind].state == MessageState.BOUNCED), default=None),
        "reason": highest.kind if bounced else "",
        "reason_text": str(highest.details.get("text", ""))[:500] if bounced else "",
    }
    if message.channel in PAPER_CHANNELS:
        fields |= _course(message, told)
    if meaning.state is not None and meaning.rank > _RANK.get(MessageState(message.state), 0):
        move(message, meaning.state, now, **fields)
    else:
        Message.objects.filter(pk=message.pk).update(**fields)


def _standing(events: Iterable[DeliveryEvent]) -> list[DeliveryEvent]:
    """Without the postings that a person corrected: of several, the last one that was said stands."""
    told = list(events)
    corrections = [event for event in told if event.kind == LetterProof.POSTED and "corrects" in event.details]
    last = max(corrections, key=lambda event: event.pk, default=None)
    return [event for event in told if last is None or event is last or event.kind != LetterProof.POSTED]


PROOF_RANK: Final[dict[str, int]] = {
    "": 0,
    LetterProof.POSTED: 1,
    LetterProof.PRESENTED: 2,
    LetterProof.UNCLAIMED: 3,
    LetterProof.REFUSED: 3,
    LetterProof.DELIVERED: 4,
    LetterProof.UNKNOWN_ADDRESS: 5,
}


def _course(message: Message, events: list[DeliveryEvent]) -> dict[str, Any]:
    """What all events of a letter say of its posting and its proof together."""
    told = [event for event in events if event.kind in PROOF_RANK]
    if not told:
        return {}
    here = zone()
    days: dict[str, date] = {}
    for event in sorted(told, key=lambda event: event.at):
        days.setdefault(event.kind, event.at.astimezone(here).date())
    highest = max(days, key=lambda kind: (PROOF_RANK[kind], days[kind]))
    fields: dict[str, Any] = {"posted_on": days.get(LetterProof.POSTED) or min(days.values())}
    if PROOF_RANK[highest] > PROOF_RANK[message.proof]:
        fields |= {"proof": highest, "proof_on": days[highest]}
    return fields


def cost(settings: dict[str, Any], parts: int) -> Decimal:
    """What sending costs by the account's `unit_cost` (per message, text-message part or letter, in the organization's currency)."""
    return (Decimal(str(settings.get("unit_cost") or 0)) * parts).quantize(Decimal("0.0001"))
