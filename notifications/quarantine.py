"""After a restore: what may have left in the window the database forgot is uncertain before anything is sent again.

A restored database believes its queue. Whatever was due since the moment it was restored to may have left, and nobody here can know: it
becomes UNCERTAIN, and is settled like any other lost answer - by the provider, by its reports, or by a person. What waited for a person may
have been approved or released meanwhile: it is HELD until somebody says whether it left, so that no approval sends it twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import outbox, settlement
from notifications.composing import Obstructed, Workbench
from notifications.enums import AttemptOutcome, MessageKind, MessageState, Obstacle
from notifications.models import Attempt, Message, ProviderAccount, QueueTicket
from notifications.providers.base import Capability
from notifications.services import FROM_APPROVAL, HELD_BEFORE

AT_ONCE = 200
FORGOTTEN = "quarantined"  # in the message's details: the window in which it may have left


PARKED: Final = (MessageState.AWAITING_APPROVAL, MessageState.HELD)


@dataclass
class Quarantined:
    """How many messages are uncertain now, and how many that waited for a person are held until somebody looked."""

    uncertain: int = 0
    held: int = 0


def quarantine(*, organization: Organization, since: datetime, now: datetime, actor: str) -> Quarantined:
    """Make every message that was due to leave by now uncertain, and hold what waited for a person. Doing it twice changes nothing.

    What stays on this machine cannot have left, and waits on. A message that was never rendered here has no frozen copy of what may have
    been said; its details keep the window.
    """
    due = QueueTicket.objects.filter(organization_id=organization.pk, due_at__lte=now).values_list("message_id", flat=True)
    with tenant(organization):
        parked = Message.objects.filter(state__in=PARKED).exclude(kind=MessageKind.TEST).exclude(reason=Obstacle.FORGOTTEN)
        ids = sorted({*due, *parked.values_list("pk", flat=True)})
    found = Quarantined()
    for start in range(0, len(ids), AT_ONCE):
        with tenant(organization):
            bench = Workbench()
            local = bench.local_channels()
            numbers = dict(Attempt.objects.filter(message__in=ids[start : start + AT_ONCE]).values_list("message").annotate(Max("number")))
            for message in outbox.lock(ids[start : start + AT_ONCE]):
                if message.channel in local:
                    continue
                account, number = _who_can_be_asked(bench, message.channel, since=since, now=now), numbers.get(message.pk, 0)
                if message.state in PARKED:
                    _hold(message, number, account, since=since, now=now)
                    found.held += 1
                else:
                    found.uncertain += _doubt(message, number, account, since=since, now=now)
    if found.uncertain or found.held:
        with tenant(organization):
            body = {"since": since, "messages": found.uncertain, "held": found.held}
            audit.record(actor=actor, action="organization.quarantined", target=organization, body=body, now=now)
    return found


def _who_can_be_asked(bench: Workbench, channel: str, *, since: datetime, now: datetime) -> ProviderAccount | None:
    """The account whose provider can be asked for the message. Never one it would be posted to again: there is no frozen copy to repeat."""
    try:
        account, provider = bench.account(channel)
    except Obstructed:
        return None
    forgotten = now - since >= timedelta(seconds=provider.idempotent_for)
    repeats = Capability.IDEMPOTENT in provider.capabilities and not forgotten
    return account if Capability.LOOK_UP in provider.capabilities and not repeats else None


def _doubt(message: Message, number: int, account: ProviderAccount | None, *, since: datetime, now: datetime) -> bool:
    if message.state in (MessageState.QUEUED, MessageState.RETRY):
        _note_try(message, number, account, since=since, now=now)
    elif message.state != MessageState.SENDING:
        return False
    settlement.be_uncertain(message, _words(since), now)
    return True


def _hold(message: Message, number: int, account: ProviderAccount | None, *, since: datetime, now: datetime) -> None:
    """Its provider's report, or a person, says whether it left; if not, it waits for its approval again, or is held as it was."""
    if message.state == MessageState.AWAITING_APPROVAL:
        message.details[FROM_APPROVAL] = True
    else:
        message.details[HELD_BEFORE] = [message.reason, message.reason_text]
    _note_try(message, number, account, since=since, now=now)
    settlement.move(message, MessageState.HELD, now, reason=Obstacle.FORGOTTEN, reason_text=_words(since))


def _note_try(message: Message, number: int, account: ProviderAccount | None, *, since: datetime, now: datetime) -> None:
    Attempt.objects.create(
        message=message,
        number=number + 1,
        provider=account.kind if account is not None else message.provider,
        account=account,
        started_at=since,
        finished_at=now,
        outcome=AttemptOutcome.UNCERTAIN,
        response=_words(since),
    )
    Message.objects.filter(pk=message.pk).update(details={**message.details, FORGOTTEN: [since.isoformat(), now.isoformat()]})


def _words(since: datetime) -> str:
    return _("The database was restored to %(since)s: it may have left after that.") % {"since": since.isoformat(timespec="minutes")}
