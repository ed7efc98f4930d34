"""A person answers what a customer wrote: looked at as it will leave, then written into the outbox like any other message.

It goes to who wrote, and leaves a minute after it was sent, so that it can be taken back. It waits for no hours and no approval, because a
person has just read and written it, and it neither waits for reminders nor counts as one (rule 6); while everything is held, it waits too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from stdnum import iban as iban_rule

from dunning.core import audit
from dunning.core.enums import Channel, Language, Phase
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_profile
from invoices.models import Invoice
from notifications import correspondence, freezing, inbox, outbox
from notifications.enums import NEVER_LEFT, MessageKind, MessageState, ReplyKind
from notifications.models import InboundMessage, Message, MessageTemplate
from notifications.providers import mime
from notifications.selectors import fold_address, is_closed
from notifications.services import check_address
from notifications.texts import shipped_texts
from notifications.validation import LONGEST_SUBJECT
from scenarios import written
from scenarios.copies import MOST_COPIES
from scenarios.selectors.items import items_of_message
from scenarios.selectors.ready_answers import language_of
from scenarios.services.replies import handle_reply
from scenarios.services.texts import shipped_contents, write_texts

LEAVES_AFTER: Final = timedelta(minutes=1)
LONGEST: Final = 10_000  # characters of an answer
ANSWERABLE: Final = (ReplyKind.HUMAN, ReplyKind.ABSENCE)
_LIKE_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?:\s?[A-Z0-9]){11,40}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Words:
    """What a person answers: a subject of one line, plain text, and the ids of the invoices whose copies go with it."""

    subject: str
    text: str
    invoices: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """An answer as it would leave; `everything_held`: not before that ends. `is_contact`: its address is a known one of the customer.
    `foreign_accounts` are IBANs in its words to which none of the organization's invoices are paid."""

    said: freezing.Preview
    everything_held: bool
    is_contact: bool
    foreign_accounts: Sequence[str]


def why_not(reply: InboundMessage) -> str:
    """Why it cannot be answered from here, in a sentence; "" when it can."""
    try:
        _address(reply)
    except DomainError as refusal:
        return refusal.message
    return ""


def look_at_answer(*, reply_id: UUID, words: Words, today: date, now: datetime) -> Look:
    """The answer as it would leave, by the code that lets it leave; nothing is written. Raises DomainError as `answer_reply` does."""
    reply = correspondence.get_reply(reply_id)
    message = _draft(reply, words, today)
    profile = get_profile()
    said = freezing.shown(message, written.say(message, profile=profile, today=today), now=now, template=_text(message.language))
    return Look(said, profile.held_at is not None, message.contact is not None, _foreign_accounts(message, profile))


def answer_reply(*, reply_id: UUID, words: Words, seen: str, deals: bool, actor: str, today: date, now: datetime) -> tuple[Message, bool]:
    """Answer what a customer wrote; the message, and whether it is new: the same form sent twice writes one.

    `seen` is the key of the last message of the exchange when the form was drawn. `deals`: it is dealt with by this, in the same
    transaction. Raises DomainError for a message of nobody yet, of a program, or not by e-mail; for an address that is missing, wrong or
    closed; for missing words; for copies that are not this customer's or too many; and "moved_on" when the exchange went on since `seen`.
    """
    reply = inbox.lock_reply(reply_id)
    message = _draft(reply, words, today)
    message.details |= {"seen": seen, "by": actor}
    earlier = list(reply.answers.order_by("answer_number"))
    for other in earlier:
        if other.state not in NEVER_LEFT and _same(other.details, message.details):
            return other, False
    if seen != correspondence.exchange_of(reply)[-1].key:
        raise DomainError(
            _("The exchange went on since you opened this page: read it, then send your answer if it still holds."), code="moved_on"
        )
    _have_text(message.language, now)
    message.details[written.DEALS] = deals and reply.handled_at is None
    message.answer_number = len(earlier) + 1
    message.not_before = now + LEAVES_AFTER
    message.approved_by, message.approved_at = actor[:120], now
    outbox.enqueue([message], now=now)
    body = {"kind": str(message.kind), "template": message.template_key, "state": str(message.state), "answers": str(reply.pk)}
    audit.record(actor=actor, action="message.written", target=message, body=body, now=now)
    if message.details[written.DEALS]:
        handle_reply(reply_id=reply.pk, actor=actor, today=today, now=now)
    return message, True


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("seen", "by", "subject", "words", "invoices"))


def _address(reply: InboundMessage) -> str:
    """Where an answer goes. Raises DomainError when there can be none."""
    if reply.customer is None:
        raise DomainError(_("Say first whose this message is: then it can be answered."), code="not_matched")
    if reply.channel != Channel.EMAIL:
        raise DomainError(_("It did not come by e-mail: call, or write to the contact."), code="not_email")
    if reply.kind not in ANSWERABLE:
        raise DomainError(_("No person wrote this: nobody would read an answer."), code="not_human")
    address = check_address(channel=Channel.EMAIL, address=reply.sender)
    if is_closed(channel=Channel.EMAIL, address=address):
        said = _("Nothing may be sent to %s any more: the address failed, complained or was closed. Write to another contact, or call.")
        raise DomainError(said % address, code="address_closed")
    return address


def _draft(reply: InboundMessage, words: Words, today: date) -> Message:
    """The message, unsaved. Raises DomainError."""
    address = _address(reply)
    subject = " ".join(_CONTROL.sub(" ", words.subject).split())
    text = _CONTROL.sub("", words.text.replace("\r\n", "\n")).strip()
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise DomainError(_("An answer needs a subject of at most 200 characters."), code="required", field="subject")
    if not text or len(text) > LONGEST:
        raise DomainError(_("Write your answer, in at most 10,000 characters."), code="required", field="text")
    invoices = _invoices(reply, words.invoices)
    contact = reply.contact if reply.contact is not None and fold_address(reply.contact.email) == fold_address(address) else None
    items = [str(item.pk) for item in items_of_message(reply.message)] if reply.message is not None else []
    try:
        mime.mailbox(name := reply.sender_name or (contact.name if contact is not None else ""), address)
    except ValueError:
        name = ""
    return Message(
        customer=reply.customer,
        contact=contact,
        channel=Channel.EMAIL,
        kind=MessageKind.WRITTEN,
        phase=Phase.SERVICE,
        language=language_of(reply),
        template_key=written.TEXT,
        state=MessageState.QUEUED,
        planned_on=today,
        details={"subject": subject, "words": text, "invoices": [str(invoice.pk) for invoice in invoices], "items": items},
        recipient=address,
        recipient_name=name,
        answers=reply,
    )


def _invoices(reply: InboundMessage, ids: Sequence[UUID]) -> list[Invoice]:
    if len(set(ids)) > MOST_COPIES:
        raise DomainError(_("An e-mail takes five copies at most: tick fewer."), code="too_many", field="invoices")
    found = list(Invoice.objects.filter(pk__in=list(ids), customer=reply.customer, document__isnull=False).order_by("number", "pk"))
    if len(found) != len(set(ids)):
        raise DomainError(_("Tick invoices of this customer whose copy is here."), code="bad_invoices", field="invoices")
    return found


def _foreign_accounts(message: Message, profile: OrganizationProfile) -> Sequence[str]:
    """The IBANs it names but the organization's own, and those its invoices to this customer are to be paid to."""
    named = [iban for match in _LIKE_IBAN.finditer(message.details["words"]) if (iban := _iban_in(match[0]))]
    if not named:
        return ()
    own = {profile.iban, *Invoice.objects.filter(customer=message.customer).values_list("pay_to_iban", flat=True).distinct()}
    return [iban for iban in dict.fromkeys(named) if iban not in own]


def _iban_in(text: str) -> str:
    """The IBAN at the beginning of some capitals and figures; "" when there is none."""
    compact = "".join(text.split())
    return next((compact[:length] for length in range(34, 14, -1) if len(compact) >= length and iban_rule.is_valid(compact[:length])), "")


def _text(language: str) -> MessageTemplate | None:
    """The shipped text to look at while the organization has none of its own in force; None when it has."""
    place = {"key": written.TEXT, "channel": Channel.EMAIL, "language": language}
    if MessageTemplate.objects.filter(is_current=True, variant="", **place).exists():
        return None
    wording = shipped_texts()[written.TEXT].wordings[language]
    return MessageTemplate(subject=wording.subject, body=wording.body, **place)


def _have_text(language: str, now: datetime) -> None:
    """An organization older than this text gets it with its first answer."""
    if _text(language) is not None:
        texts = [text for text in shipped_contents() if text.key == written.TEXT and text.language == Language(language).value]
        write_texts(texts=tuple(texts), actor="system", now=now)
