"""Calls to providers, outside any transaction: to hand a message over, and to ask for one whose answer was lost."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _

from dunning.core import documents, notices
from dunning.core.enums import NoticeTopic
from dunning.core.permissions import Permission
from dunning.core.tenancy import tenant
from notifications import claiming, pace, settlement
from notifications.claiming import MESSAGE_LEASE, Claim
from notifications.doubts import ASK_AGAIN
from notifications.enums import MessageState
from notifications.freezing import sealed
from notifications.models import Attachment, Message, ProviderAccount
from notifications.providers.base import Accepted, Deadline, Envelope, File, Provider, ProviderError, Uncertain
from notifications.reconciler import LookUp

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ToAsk:
    """A message its provider is to be asked for."""

    message_id: UUID
    look_up: LookUp
    deadline: Deadline


def call(provider: Provider, envelope: Envelope, deadline: Deadline) -> settlement.Answer:
    """Hand over what was frozen. Whatever a provider raises unannounced is uncertain."""
    try:
        return provider.send(envelope, deadline)
    except ProviderError as error:
        return error
    except Exception as error:
        logger.exception("A provider failed in a way it does not declare.")
        return Uncertain(_("Unexpected fault while sending (%(error)s).") % {"error": type(error).__name__})


def report(organization_id: UUID, account: ProviderAccount, answer: object, now: datetime) -> ProviderAccount:
    """Tell all workers how the service is doing, when there is something to tell; the account as it is then.

    What cannot be told now the next call finds out.
    """
    if not pace.must_report(account, answer):
        return account
    try:
        with tenant(organization_id):
            pace.report(account.pk, answer, now=now)
            found = pace.active_accounts().filter(pk=account.pk).first() or account
            if found.failures == pace.THRESHOLD:
                _tell_left_alone(found, now)
            return found
    except (OperationalError, InterfaceError) as error:
        logger.warning("A service's failure could not be noted (%s).", error)
        if not connection.in_atomic_block:
            connection.close()
        return account


def _tell_left_alone(account: ProviderAccount, now: datetime) -> None:
    """Those who set up sending hear, once a day, that a service is left alone because it fails again and again."""
    notices.tell(
        topic=NoticeTopic.PROVIDER,
        key=f"provider:{account.pk}:{now.date().isoformat()}",
        to=notices.team().who_may(Permission.MANAGE),
        now=now,
        object_type="provider",
        object_id=account.pk,
        details={"account": account.name, "channel": account.channel, "error": account.last_error},
    )


def ask_for(organization_id: UUID, claim: Claim, asked: ToAsk, now: datetime) -> str:
    """Ask the provider whether it has an uncertain message, and write down what it says."""
    look_up = asked.look_up
    try:
        found = look_up.provider.look_up(asked.message_id, sent_at=look_up.sent_at, deadline=asked.deadline)
    except Exception as error:
        if not isinstance(error, ProviderError):
            logger.exception("A provider failed in a way it does not declare.")
        report(organization_id, look_up.account, error, now)
        with tenant(organization_id):
            claiming.give_back(claim, due_at=now + ASK_AGAIN)
        return "could_not_ask"
    report(organization_id, look_up.account, Accepted(), now)
    moment = now + timedelta(seconds=MESSAGE_LEASE - asked.deadline.remaining())
    with tenant(organization_id):
        state = settlement.settle_look_up(message_id=asked.message_id, number=look_up.number, found=found, now=moment)
    return state if state != MessageState.UNCERTAIN else "waiting"


def envelope_of(organization_id: UUID, message_id: UUID) -> Envelope:
    """The frozen message as committed, with the bytes of its files."""
    with tenant(organization_id):
        message = Message.objects.select_related("document", "print_document").get(pk=message_id)
        attached = list(Attachment.objects.filter(message=message).select_related("document").order_by("position"))
        return replace(
            sealed(message),
            files=tuple(File(entry.filename, entry.document.media_type, documents.read(entry.document)) for entry in attached),
            postal_address=tuple(message.postal_address),
            letter=_letter(message),
        )


def _letter(message: Message) -> File | None:
    """A letter with its copies, as it is printed."""
    document = message.print_document or message.document
    return File(document.filename, document.media_type, documents.read(document)) if document is not None else None
