"""Messages whose fate is unknown: what their provider can still tell is found out, and nothing is ever sent twice for it.

A lost worker's message becomes UNCERTAIN. Then, by what the provider of that try declares (`doubts`): posted again under the same name
while it remembers the name, asked for, or waited for; after a day UNPROVEN. Provider events and people settle it at any time
(`settlement.record_delivery_event`, `services.settle_uncertain`). The calls themselves are the dispatcher's, outside any transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max

from dunning.core import audit
from notifications import claiming, outbox, settlement
from notifications.claiming import MESSAGE_LEASE, Claim
from notifications.composing import Obstructed, Workbench
from notifications.doubts import ASK_AGAIN, Doubt, doubt_of
from notifications.enums import MessageState, Obstacle
from notifications.freezing import ask
from notifications.models import Attempt, Message, ProviderAccount
from notifications.pace import ClockTimestamp
from notifications.providers.base import Provider
from notifications.signals import Stop


@dataclass(frozen=True, slots=True)
class Repeat:
    """The frozen message is SENDING once more, as try `number`, under its own name."""

    number: int
    account: ProviderAccount
    provider: Provider


@dataclass(frozen=True, slots=True)
class LookUp:
    """The provider is to be asked for the message, on behalf of try `number`."""

    number: int
    sent_at: datetime
    account: ProviderAccount
    provider: Provider


def reconcile(claim: Claim, bench: Workbench, *, now: datetime) -> str | Repeat | LookUp:
    """Look at a message that was handed over without an answer, inside `tenant()`; returns what was done, or which call is to be made.

    - SENDING and its lease has ended: nobody is there to answer any more, so it is UNCERTAIN.
    - UNCERTAIN: a call when one can tell more, else it waits; after a day UNPROVEN: it keeps counting for spacing, and a person decides.
    """
    (message,) = outbox.lock([claim.message_id])
    if message.state == MessageState.SENDING:
        if Message.objects.filter(pk=message.pk, lease_until__gt=ClockTimestamp()).exists():
            claiming.give_back(claim, due_at=now + timedelta(minutes=1))
            return "in_flight"
        settlement.be_uncertain(message, "The worker that was sending it disappeared before it could note the answer.", now)
        return str(message.state)
    if message.state != MessageState.UNCERTAIN:
        outbox.drop_tickets([message.pk])
        return str(message.state)
    doubt = doubt_of(message)
    if doubt is None or now >= doubt.ends_at:
        settlement.move(message, MessageState.UNPROVEN, now, reason=Obstacle.UNCERTAIN)
        return str(message.state)
    return _find_out(claim, message, doubt, bench, now)


def _find_out(claim: Claim, message: Message, doubt: Doubt, bench: Workbench, now: datetime) -> str | Repeat | LookUp:
    if doubt.account is not None and doubt.provider is not None:
        if doubt.may_repeat(now) and _may_still_leave(message, bench, now):
            return _repeat(message, doubt.account, doubt.provider, now)
        if doubt.may_look_up() and now >= doubt.found_from():
            return LookUp(doubt.last.number, doubt.first.started_at, doubt.account, doubt.provider)
    again_at = doubt.found_from() if doubt.may_look_up() else doubt.ends_at
    claiming.give_back(claim, due_at=min(max(again_at, now + ASK_AGAIN), doubt.ends_at))
    return "waiting"


def _may_still_leave(message: Message, bench: Workbench, now: datetime) -> bool:
    """A repeated call may be the one that arrives: what was paid, disputed, closed or stopped since must not be asked for."""
    if bench.profile.held_at is not None or isinstance(ask(message, now=now, preview=True), Stop):
        return False
    try:
        bench.refuse_closed(message.channel, message.recipient)
    except Obstructed:
        return False
    return True


def _repeat(message: Message, account: ProviderAccount, provider: Provider, now: datetime) -> Repeat:
    number = int(Attempt.objects.filter(message=message).aggregate(n=Max("number"))["n"] or 0) + 1
    Attempt.objects.create(message=message, number=number, provider=account.kind, account=account, started_at=now)
    fields: dict[str, Any] = {"state": MessageState.SENDING, "updated_at": now}
    Message.objects.filter(pk=message.pk).update(lease_until=ClockTimestamp() + timedelta(seconds=MESSAGE_LEASE), **fields)
    body = {"sha256": message.content_sha256, "provider": account.kind, "attempt": number, "repeated": True}
    audit.record(actor="system", action="message.sending", target=message, body=body, now=now)
    return Repeat(number, account, provider)
