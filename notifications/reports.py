"""One report of a provider, brought to the message it names."""

from datetime import datetime
from email.utils import parseaddr
from typing import Final
from uuid import UUID

from django.db.models import DateTimeField, Func

from dunning.core.enums import PAPER_CHANNELS
from notifications import settlement
from notifications.models import Message
from notifications.providers.base import Report
from notifications.selectors import fold_address

_BOUNCES: Final = ("bounced", "soft_bounced")


class DatabaseMoment(Func):
    """The database's own present moment."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def apply(report: Report, *, channel: str, name: str, at: datetime, now: datetime) -> bool:
    """Record what a report says of its message; False when it names no message of this organization that was handed over.

    `name` stands for the event when the provider gives it none, `at` for its time. Repeating it changes nothing, and order never matters.
    """
    found = _message_named(report, channel)
    if found is None:
        return False
    message_id, recipient = found
    kind = report.kind
    reported = parseaddr(report.recipient)[1]  # services repeat a name beside it
    if kind in _BOUNCES and "@" in reported and fold_address(reported) != fold_address(recipient):
        kind = "bounced_elsewhere"
    details = {"text": report.text} | ({"recipient": report.recipient} if report.recipient else {})
    try:
        settlement.record_delivery_event(
            message_id=message_id,
            kind=kind,
            at=min(report.at or at, now),
            now=now,
            external_id=(report.event_id or name)[:200],
            details=details,
        )
    except settlement.NotHandedOver:
        return False
    return True


def _message_named(report: Report, channel: str) -> tuple[UUID, str] | None:
    """Id and recipient, by our own stable name, else by the provider's; only over the account's own channel."""
    channels = PAPER_CHANNELS if channel in PAPER_CHANNELS else (channel,)
    rows = Message.objects.filter(channel__in=channels).values_list("pk", "recipient")
    if report.message_id is not None:
        return rows.filter(pk=report.message_id).first()
    if report.provider_id:
        return rows.filter(provider_id=report.provider_id).first()
    return None
