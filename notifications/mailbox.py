"""The mailbox of the local post office: answer a message as its recipient, or their mail server, would.

It writes genuine messages (RFC 5322, RFC 3464) and events and hands them in where a provider's calls come in, so that replying can be tried
without any provider. Only for messages the local post office took.
"""

import json
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.message import Message as Part
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, parseaddr
from typing import Final
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from customers import portal_access
from dunning.core.enums import PAPER_CHANNELS, Channel
from dunning.core.errors import DomainError
from dunning.core.money import format_date
from dunning.core.tenancy import current_organization_id
from dunning.core.tokens import new_id
from notifications import receipts
from notifications.enums import EventState, ProviderKind
from notifications.models import Message, ProviderAccount
from notifications.providers.post_office import EVENT, MAIL
from notifications.selectors import today
from notifications.settlement import HANDED_OVER

AWAY_FOR: Final = timedelta(days=14)
LONGEST: Final = 10_000  # characters of a reply
ACTS: Final[dict[str, tuple[str, ...]]] = {
    Channel.EMAIL: ("reply", "absence", "delivered", "bounced", "complained"),
    Channel.SMS: ("reply", "stop", "delivered", "wrong_number"),
}
"""What can be tried on each channel."""


def acts_on(message: Message) -> tuple[str, ...]:
    """What can be tried on this message; nothing when the local post office did not take it."""
    if message.provider != ProviderKind.POST_OFFICE or message.channel in PAPER_CHANNELS or message.state not in HANDED_OVER:
        return ()
    active = ProviderAccount.objects.filter(is_active=True, channel=message.channel, kind=ProviderKind.POST_OFFICE)
    return ACTS.get(message.channel, ()) if active.exists() else ()


def page_of(message: Message) -> str:
    """The path of the debtor's page as its recipient would open it; "" without a link, or when the message left this machine."""
    if not message.link_digest or message.contact_id is None or not acts_on(message):
        return ""
    token = portal_access.derive(
        digest=message.link_digest,
        message_id=message.pk,
        contact_id=message.contact_id,
        generation=message.link_generation,
        organization_id=current_organization_id(),
    )
    return f"{portal_access.PATH}{token}/" if token else ""


def answer(*, message_id: UUID, act: str, now: datetime, text: str = "", until: date | None = None) -> str:
    """Hand in one answer to a message and have it applied at once; the state of the call it made.

    Raises DomainError when this message cannot be answered here, for a reply without words, or with what stood in the way.
    """
    message = Message.objects.select_related("customer").get(pk=message_id)
    if act not in acts_on(message):
        raise DomainError(_("This message cannot be answered here: the local post office did not take it."), code="not_local")
    if act == "reply" and not text.strip():
        raise DomainError(_("Write what the customer answers."), code="required", field="text")
    with translation.override(message.language):
        headers, body = _written(message, act, text.strip()[:LONGEST], until or today(now) + AWAY_FOR, now)
    account = ProviderAccount.objects.get(is_active=True, channel=message.channel)
    event = receipts.keep_local(account=account, key=f"mailbox:{new_id()}", headers=headers, body=body, now=now)
    state = receipts.apply_one(organization_id=current_organization_id(), event_id=event.pk, now=now)
    if state != EventState.APPLIED:
        event.refresh_from_db()
        raise DomainError(event.error or str(EventState(event.state).label), code="not_applied")
    return state


def _written(message: Message, act: str, text: str, until: date, now: datetime) -> tuple[dict[str, str], bytes]:
    """(headers of the call, its body)."""
    if message.channel == Channel.SMS and act in ("reply", "stop"):
        said = {"kind": "text", "from": message.recipient, "to": message.sender, "text": text or "STOP", "stop": act == "stop"}
        return _event(said, message, now)
    if act in ("reply", "absence"):
        written = _reply(message, text, now) if act == "reply" else _absence(message, text, until, now)
        return {"content-type": MAIL}, written.as_bytes()
    if act == "bounced":
        return {"content-type": MAIL}, _undeliverable(message, now).as_bytes()
    words = {"delivered": "250 OK", "complained": "Abuse report", "wrong_number": "Unknown subscriber"}
    return _event({"kind": act, "to": message.recipient, "text": words[act]}, message, now)


def _event(said: dict[str, object], message: Message, now: datetime) -> tuple[dict[str, str], bytes]:
    content = {"id": f"mailbox:{new_id()}", "message": str(message.pk), "at": now.isoformat(), **said}
    return {"content-type": EVENT}, json.dumps(content).encode()


def _reply(message: Message, text: str, now: datetime) -> EmailMessage:
    mail = _from_recipient(message, f"Re: {message.subject}", now)
    history = "\n".join(f"> {line}" for line in message.body_text.splitlines())
    written = _("On %(day)s, %(sender)s wrote:") % {
        "day": format_date(today(message.frozen_at or now), message.language, "long"),
        "sender": parseaddr(message.sender)[0] or message.sender,
    }
    mail.set_content(f"{text}\n\n{written}\n{history}\n")
    return mail


def _absence(message: Message, text: str, until: date, now: datetime) -> EmailMessage:
    mail = _from_recipient(message, _("Automatic reply: %s") % message.subject, now)
    mail["Auto-Submitted"] = "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"
    usual = _("Hello,\n\nI am out of the office until %(day)s.\n\nKind regards,\n%(name)s")
    values = {"day": format_date(until, message.language, "long"), "name": message.recipient_name}
    mail.set_content(f"{text or usual % values}\n")
    return mail


def _from_recipient(message: Message, subject: str, now: datetime) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = formataddr((message.recipient_name, message.recipient))
    mail["To"] = message.reply_to or message.sender
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{new_id()}@{message.recipient.rpartition('@')[2]}>"
    mail["In-Reply-To"] = message.header_id
    mail["References"] = message.header_id
    return mail


def _undeliverable(message: Message, now: datetime) -> MIMEMultipart:
    """What a mail server writes when a mailbox does not exist (RFC 3464)."""
    domain = message.recipient.rpartition("@")[2]
    why = "550 5.1.1 The email account that you tried to reach does not exist"
    mail = MIMEMultipart("report", report_type="delivery-status")
    mail["From"] = f"Mail Delivery System <mailer-daemon@{domain}>"
    mail["To"] = parseaddr(message.sender)[1]
    mail["Subject"] = "Undelivered Mail Returned to Sender"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{new_id()}@{domain}>"
    mail["Auto-Submitted"] = "auto-replied"
    mail.attach(MIMEText(f"Your message to {message.recipient} could not be delivered:\n\n{why}\n", "plain", "utf-8"))
    about, recipient = Part(), Part()
    about["Reporting-MTA"] = f"dns; mx.{domain}"
    recipient["Final-Recipient"] = f"rfc822; {message.recipient}"
    recipient["Action"], recipient["Status"], recipient["Diagnostic-Code"] = "failed", "5.1.1", f"smtp; {why}"
    status = Part()
    status["Content-Type"] = "message/delivery-status"
    status.set_payload([about, recipient])
    mail.attach(status)
    original = MIMEText(f"Message-ID: {message.header_id}\n", "rfc822-headers", "us-ascii")
    mail.attach(original)
    return mail
