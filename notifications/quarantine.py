"""After a restore: what may have left in the window the database forgot is uncertain before anything is sent again.

A restored database believes its queue. Whatever was due since the moment it was restored to may have left, and nobody here can know: it
becomes UNCERTAIN, and is settled like any other lost answer - by the provider, by its reports, or by a person.
"""

from datetime import datetime, timedelta

from django.db.models import Max
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import outbox, settlement
from notifications.composing import Obstructed, Workbench
from notifications.enums import AttemptOutcome, MessageState
from notifications.models import Attempt, Message, ProviderAccount, QueueTicket
from notifications.providers.base import Capability

AT_ONCE = 200
FORGOTTEN = "quarantined"  # in the message's details: the window in which it may have left


def quarantine(*, organization: Organization, since: datetime, now: datetime, actor: str) -> int:
    """Make every message that was due to leave by now uncertain; how many. Doing it twice changes nothing.

    What stays on this machine cannot have left, and waits on. A message that was never rendered here has no frozen copy of what may have
    been said; its details keep the window.
    """
    due = QueueTicket.objects.filter(organization_id=organization.pk, due_at__lte=now).values_list("message_id", flat=True)
    ids = sorted(due)
    changed = 0
    for start in range(0, len(ids), AT_ONCE):
        with tenant(organization):
            bench = Workbench()
            local = bench.local_channels()
            numbers = dict(Attempt.objects.filter(message__in=ids[start : start + AT_ONCE]).values_list("message").annotate(Max("number")))
            for message in outbox.lock(ids[start : start + AT_ONCE]):
                if message.channel not in local:
                    account = _who_can_be_asked(bench, message.channel, since=since, now=now)
                    changed += _doubt(message, numbers.get(message.pk, 0), account, since=since, now=now)
    if changed:
        with tenant(organization):
            body = {"since": since, "messages": changed}
            audit.record(actor=actor, action="organization.quarantined", target=organization, body=body, now=now)
    return changed


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
    text = _("The database was restored to %(since)s: it may have left after that.") % {"since": since.isoformat(timespec="minutes")}
    if message.state in (MessageState.QUEUED, MessageState.RETRY):
        Attempt.objects.create(
            message=message,
            number=number + 1,
            provider=account.kind if account is not None else message.provider,
            account=account,
            started_at=since,
            finished_at=now,
            outcome=AttemptOutcome.UNCERTAIN,
            response=text,
        )
        Message.objects.filter(pk=message.pk).update(details={**message.details, FORGOTTEN: [since.isoformat(), now.isoformat()]})
    elif message.state != MessageState.SENDING:
        return False
    settlement.be_uncertain(message, text, now)
    return True
