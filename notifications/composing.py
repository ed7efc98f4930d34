"""What a message says at the moment it leaves: the text in force, rendered with fresh values and addressed. Writes nothing.

What stands in the way is an `Obstructed`, whose reason a person can read and mend.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import override

from customers import portal_access
from customers.models import Contact
from dunning.core import documents
from dunning.core.enums import Channel
from dunning.core.models import Document, OrganizationProfile
from dunning.core.money import format_date
from dunning.core.tenancy import current_organization_id
from notifications import accounts, letter_codes, pace
from notifications.blocks import portal_button
from notifications.enums import MessageKind, Obstacle
from notifications.models import Message, MessageTemplate, ProviderAccount
from notifications.placeholders import placeholders
from notifications.providers import mime
from notifications.providers.base import Misconfigured, Provider
from notifications.rendering import (
    MissingValue,
    Rendered,
    RenderedSms,
    TemplateError,
    render_email,
    render_letter_text,
    render_sms,
    sms_parts,
)
from notifications.reply_tokens import reply_address
from notifications.selectors import closed_addresses, fold_address, is_closed, zone
from notifications.signals import Go

REHEARSED = "rehearsed"  # in Message.details of a test
LOOKED_FOR: Mapping[str, tuple[str, ...]] = {Channel.REGISTERED: (Channel.REGISTERED, Channel.LETTER)}


class Obstructed(Exception):
    """The message does not leave now. `failed`: not to this recipient; otherwise it is held until a person mends it."""

    def __init__(self, reason: Obstacle, text: str = "", *, failed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text
        self.failed = failed


@dataclass(frozen=True, slots=True)
class Content:
    """A message ready to be frozen. `letter` and `print_file` are PDFs, for paper alone, the second empty when no copy is bound; `parts` is
    what a text message is billed by."""

    template: MessageTemplate
    recipient: str
    recipient_name: str
    postal_address: tuple[str, ...]
    sender: str
    reply_to: str
    subject: str
    text: str
    html: str
    header_id: str
    in_reply_to: str
    references: str = ""
    attachments: tuple[tuple[Document, str], ...] = ()
    letter: bytes = field(default=b"", repr=False)
    print_file: bytes = field(default=b"", repr=False)
    parts: int = 1
    linked: UUID | None = None  # the contact whose link to the debtor's page it carries, masked


class Workbench:
    """What many messages of one organization share, for one transaction. `many`: closed addresses and texts are read at once."""

    def __init__(self, *, many: bool = False) -> None:
        self._many = many
        self.profile = OrganizationProfile.objects.get()
        self._accounts = {account.channel: account for account in pace.active_accounts()}
        self._read_at = time.monotonic()
        self._templates: dict[tuple[str, str, str, str], MessageTemplate | None] = {}
        self._zone: ZoneInfo | None = None
        self._closed: set[tuple[str, str]] | None = None

    def account(self, channel: str) -> tuple[ProviderAccount, Provider]:
        """The way out of a channel. Raises Obstructed."""
        account = self._accounts.get(channel)
        if account is None:
            raise Obstructed(Obstacle.NO_PROVIDER)
        try:
            return account, accounts.provider_of(account)
        except Misconfigured as error:
            raise Obstructed(Obstacle.MISCONFIGURED, error.text) from None

    def reply_domain(self, channel: str) -> str:
        """The domain at which the account of a channel receives replies; blank when it receives none."""
        account = self._accounts.get(channel)
        return str(account.settings.get("reply_domain") or "").strip().lower() if account is not None else ""

    def closed_for(self, channel: str) -> float:
        """Seconds the channel's service is still left alone; 0 lets a call pass."""
        account = self._accounts.get(channel)
        return max(pace.seconds_closed(account) - (time.monotonic() - self._read_at), 0.0) if account is not None else 0.0

    def local_channels(self) -> frozenset[str]:
        """Channels whose provider keeps everything on this machine."""
        local = set()
        for channel in self._accounts:
            try:
                if self.account(channel)[1].is_local:
                    local.add(channel)
            except Obstructed:
                continue
        return frozenset(local)

    def template(self, message: Message) -> MessageTemplate:
        """The text in force: the message's variant, else the usual one; a registered letter may use a letter's. Raises Obstructed."""
        for channel in LOOKED_FOR.get(message.channel, (message.channel,)):
            for variant in dict.fromkeys((message.variant, "")):
                if found := self._template(message.template_key, channel, message.language, variant):
                    return found
        raise Obstructed(Obstacle.TEMPLATE_MISSING, f"{message.template_key} ({message.channel}, {message.language})")

    def _template(self, key: str, channel: str, language: str, variant: str) -> MessageTemplate | None:
        place = (key, channel, language, variant)
        if self._many and not self._templates:
            current = MessageTemplate.objects.filter(is_current=True)
            self._templates.update({(row.key, row.channel, row.language, row.variant): row for row in current})
        if place not in self._templates and not self._many:
            self._templates[place] = MessageTemplate.objects.filter(
                key=key, channel=channel, language=language, variant=variant, is_current=True
            ).first()
        return self._templates.get(place)

    def refuse_closed(self, channel: str, address: str) -> None:
        """Raises Obstructed when nothing may be sent to the address any more."""
        if self._many and self._closed is None:
            self._closed = set(closed_addresses().values_list("channel", "address"))
        known = self._closed
        if is_closed(channel=channel, address=address) if known is None else (channel, fold_address(address)) in known:
            raise Obstructed(Obstacle.ADDRESS_CLOSED, address, failed=True)

    def today(self, now: datetime) -> date:
        """The organization's date."""
        if self._zone is None:
            self._zone = zone()
        return now.astimezone(self._zone).date()


def compose(message: Message, go: Go, bench: Workbench, *, now: datetime, template: MessageTemplate | None = None) -> Content:
    """Render the text in force with fresh values and address it. Raises Obstructed; writes nothing.

    `template` is a text to look at instead of the one in force.
    """
    if template is None:
        template = bench.template(message) if message.kind != MessageKind.TEST else _test_text(message, bench.profile)
    try:
        if message.channel == Channel.EMAIL:
            return _email(message, go, bench, template)
        if message.channel == Channel.SMS:
            return _sms(message, go, bench, template)
        return _letter(message, go, bench, template, now)
    except MissingValue as missing:
        raise Obstructed(Obstacle.MISSING_VALUE, missing.key) from None
    except TemplateError as error:
        raise Obstructed(Obstacle.TEMPLATE_ERROR, str(error)) from None


def _test_text(message: Message, profile: OrganizationProfile) -> MessageTemplate:
    """The text of a test to oneself, in no list of texts and never saved."""
    name = profile.sender_name or profile.legal_name
    with override(message.language):
        subject = _("Test of %(name)s") % {"name": name}
        body = _("This is a test message of %(name)s. If you read it, messages to customers can leave this way.") % {"name": name}
    return MessageTemplate(key=message.template_key, channel=message.channel, language=message.language, subject=subject, body=body)


def _rehearsed(message: Message) -> Rendered | None:
    """The words of a test that shows a text with a customer's values: set when it was asked for, for it is about nothing that changes."""
    said = message.details.get(REHEARSED) if message.kind == MessageKind.TEST else None
    return Rendered(said["subject"], said["text"], said["html"]) if said else None


def _email(message: Message, go: Go, bench: Workbench, template: MessageTemplate) -> Content:
    recipient = go.recipient or message.recipient
    name = go.recipient_name or message.recipient_name
    if not recipient:
        raise Obstructed(Obstacle.ADDRESS_MISSING, name)
    try:
        mime.mailbox(name, recipient)
    except ValueError as error:
        raise Obstructed(Obstacle.ADDRESS_WRONG, str(error)) from None
    bench.refuse_closed(message.channel, recipient)
    sender, reply_to, domain = _identity(go, bench.profile)
    if reply_domain := bench.reply_domain(message.channel):
        local = mime.single_address(reply_to or sender)[1].rpartition("@")[0]
        reply_to = reply_address(local, reply_domain, organization_id=current_organization_id(), message_id=message.pk)
    linked = _linked_contact(message, go, recipient)
    context = go.context
    if linked is not None:
        context = {**context, "portal_link": portal_button(portal_access.masked_address(), message.language, bench.profile.accent_colour)}
    if context.get("copies.online") and (linked is None or "portal_link" not in placeholders(template.body)):
        context = {**context, "copies.online": False, "copies.on_request": True}
    rendered = _rehearsed(message) or render_email(template.subject, template.body, context, language=message.language)
    return Content(
        template=template,
        recipient=recipient,
        recipient_name=name,
        postal_address=(),
        sender=sender,
        reply_to=reply_to,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        header_id=f"<{message.pk}@{domain}>",
        in_reply_to=go.in_reply_to,
        references=go.references,
        attachments=_files(go),
        linked=linked if portal_access.MASK in rendered.text else None,
    )


def _linked_contact(message: Message, go: Go, recipient: str) -> UUID | None:
    """The contact who is written to, whose link the message may carry; None for anybody else, and for an address no longer his."""
    if message.customer_id is None or message.kind in (MessageKind.INTERNAL, MessageKind.TEST):
        return None
    if go.contact_id is not None:
        return go.contact_id if go.recipient else None
    if message.contact_id is None:
        return None
    contact = Contact.objects.filter(pk=message.contact_id, is_active=True).first()
    return contact.pk if contact is not None and fold_address(contact.email) == fold_address(recipient) else None


def _identity(go: Go, profile: OrganizationProfile) -> tuple[str, str, str]:
    """(From, Reply-To, domain) of the creditor. Raises Obstructed when there is no usable address."""
    try:
        sender = go.sender or mime.mailbox(profile.sender_name or profile.legal_name, profile.sender_email or profile.email)
        _name, address = mime.single_address(sender)
        reply_to = go.reply_to or profile.reply_to
        if reply_to:
            mime.single_address(reply_to)
    except ValueError as error:
        raise Obstructed(Obstacle.SENDER_MISSING, str(error)) from None
    return sender, reply_to, address.rsplit("@", 1)[1]


def _sms(message: Message, go: Go, bench: Workbench, template: MessageTemplate) -> Content:
    recipient = go.recipient or message.recipient
    if not recipient:
        raise Obstructed(Obstacle.ADDRESS_MISSING, go.recipient_name or message.recipient_name)
    if not (recipient.startswith("+") and recipient[1:].isascii() and recipient[1:].isdigit() and 8 <= len(recipient) <= 16):
        raise Obstructed(Obstacle.ADDRESS_WRONG, recipient)
    bench.refuse_closed(message.channel, recipient)
    account, _provider = bench.account(message.channel)
    sender = go.sender or str(account.settings.get("sender") or "") or bench.profile.sms_sender
    if not sender:
        raise Obstructed(Obstacle.SENDER_MISSING)
    said = _rehearsed(message)
    rendered = RenderedSms(said.text, sms_parts(said.text)) if said is not None else render_sms(template.body, go.context)
    return Content(
        template=template,
        recipient=recipient,
        recipient_name=go.recipient_name or message.recipient_name,
        postal_address=(),
        sender=sender,
        reply_to="",
        subject="",
        text=rendered.text,
        html="",
        header_id="",
        in_reply_to="",
        parts=rendered.count.parts,
    )


def _letter(message: Message, go: Go, bench: Workbench, template: MessageTemplate, now: datetime) -> Content:
    # WeasyPrint's side of the house is only loaded where letters are made: a web process never needs it.
    from notifications.letters import (
        InvoiceCopy,
        LetterContent,
        LetterError,
        Sender,
        TooManyCopies,
        UnreadableCopy,
        copies_elsewhere,
        merge_print_file,
        render_letter,
        window_side,
    )

    address = tuple(go.postal_address or message.postal_address)
    if not address:
        raise Obstructed(Obstacle.ADDRESS_MISSING, go.recipient_name or message.recipient_name)
    profile, files = bench.profile, _files(go)
    rendered = render_letter_text(template.subject, template.body, go.context)
    own_address = (profile.address_line1, profile.address_line2, f"{profile.postal_code} {profile.city}".strip())
    values: dict[str, Any] = {
        "language": message.language,
        "sender": Sender(
            name=profile.legal_name,
            address=[line for line in own_address if line],
            legal=str(go.context.get("creditor.legal", "")),
            phone=profile.signatory_phone or profile.phone,
            email=profile.sender_email or profile.email,
        ),
        "place_date": _place_and_date(profile.city, bench.today(now), message.language),
        "signatory_name": profile.signatory_name or profile.legal_name,
        "signatory_title": profile.signatory_title,
        "registered": "" if message.channel == Channel.REGISTERED else None,
        "window": window_side(profile.country),
        "enclosures": [filename for _, filename in files],
        **go.letter,
        "check": letter_codes.check_of(message.pk) if go.claim is not None else None,
        "recipient": address,
        "subject": rendered.subject,
        "body_html": rendered.html,
    }
    try:
        letter = render_letter(LetterContent(**values))
        copies = [InvoiceCopy(name=filename, pdf=_bytes(document)) for document, filename in files]
        try:
            print_file = merge_print_file(letter, copies) if copies else b""
        except TooManyCopies:
            if values["check"] is None:  # nowhere to take them away
                raise
            values["enclosures"] = [copies_elsewhere(len(copies), values["check"], message.language)]
            letter, print_file = render_letter(LetterContent(**values)), b""
    except UnreadableCopy as error:
        raise Obstructed(Obstacle.DOCUMENT_MISSING, str(error)) from None
    except LetterError as error:
        raise Obstructed(Obstacle.LETTER_FAILED, str(error)) from None
    return Content(
        template=template,
        recipient="",
        recipient_name=go.recipient_name or message.recipient_name or address[0],
        postal_address=address,
        sender=profile.legal_name,
        reply_to="",
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        header_id="",
        in_reply_to="",
        attachments=files,
        letter=letter,
        print_file=print_file,
    )


def _place_and_date(city: str, day: date, language: str) -> str:
    written = format_date(day, language, "long")
    if not city:
        return written
    return f"{city}, le {written}" if language == "fr" else f"{city}, {written}"


def _files(go: Go) -> tuple[tuple[Document, str], ...]:
    if not go.attachments:
        return ()
    known = Document.objects.in_bulk([document_id for document_id, _ in go.attachments])
    if missing := [filename for document_id, filename in go.attachments if document_id not in known]:
        raise Obstructed(Obstacle.DOCUMENT_MISSING, ", ".join(missing))
    return tuple((known[document_id], filename) for document_id, filename in go.attachments)


def _bytes(document: Document) -> bytes:
    try:
        return documents.read(document)
    except documents.DocumentLost as error:
        raise Obstructed(Obstacle.DOCUMENT_MISSING, str(error)) from None
