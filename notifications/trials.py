"""A test to oneself: one message through the real way out, with its own row, try and answer, about no customer and no invoice."""

from datetime import datetime

from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.enums import PAPER_CHANNELS
from dunning.core.errors import DomainError
from notifications import outbox
from notifications.composing import REHEARSED
from notifications.enums import MessageKind, MessageState
from notifications.models import Message
from notifications.rendering import Rendered
from notifications.selectors import provider_accounts, today
from notifications.services import check_address

TEMPLATE_KEY = "test"


def send_test(*, channel: str, to: str, language: str, actor: str, now: datetime, said: Rendered | None = None) -> Message:
    """Queue a test for the next dispatcher; inside `tenant()`. `said` is a text shown with a customer's values, else it says it is a test.

    Raises DomainError for an address that cannot be written to, for paper - a letter costs money and a day - and without a way out.
    """
    if channel in PAPER_CHANNELS:
        raise DomainError(_("A letter is not sent as a test: its service is asked when the first one leaves."), field="channel")
    if channel not in provider_accounts():
        raise DomainError(_("No way of sending is set up for this channel."), code="no_provider", field="channel")
    message = Message(
        channel=channel,
        kind=MessageKind.TEST,
        language=language,
        template_key=TEMPLATE_KEY,
        state=MessageState.QUEUED,
        planned_on=today(now),
        recipient=check_address(channel=channel, address=to),
        approved_by=actor[:120],
        approved_at=now,
        details={REHEARSED: {"subject": said.subject, "text": said.text, "html": said.html}} if said is not None else {},
    )
    outbox.enqueue([message], now=now)
    audit.record(actor=actor, action="message.test", target=message, body={"channel": channel}, now=now)
    return message
