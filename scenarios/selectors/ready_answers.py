"""What an answer to a customer may start from: the organization's ready texts filled in for that customer, and the copies at hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from dunning.core.enums import Channel, Phase
from dunning.core.selectors import get_profile
from invoices.enums import InvoiceState
from invoices.models import Invoice
from notifications.enums import MessageKind
from notifications.models import InboundMessage, Message, MessageTemplate
from notifications.placeholders import Value
from notifications.rendering import LONGEST_SUBJECT, MissingValue, TemplateError, render
from notifications.texts import shipped_texts
from scenarios import wording
from scenarios.answers_wording import recalled_lines
from scenarios.copies import MOST_COPIES
from scenarios.selectors.items import items_of_message

NOTED, COPY, BANK = "ready_noted", "ready_copy", "ready_bank"
READY: Final = {NOTED: _("We are looking into it"), COPY: _("A copy of the invoice"), BANK: _("Our bank details")}
"""The ready texts, by key, and what they are called."""
MOST_LISTED: Final = 20
_PREFIXES: Final = re.compile(r"^(?:(?:re|ré|rép|aw|sv)\s{0,2}:\s{0,5})+", re.IGNORECASE)
_GREETING: Final = "{{contact.greeting}},\n"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the form of an answer shows first."""

    subject: str
    text: str
    invoices: Sequence[UUID]  # ticked
    ready: Sequence[str]  # keys of READY that can be filled in for this customer
    copies: Sequence[Invoice]  # that may be ticked


def language_of(reply: InboundMessage) -> str:
    """The contact's language, else the customer's."""
    if reply.contact is not None and reply.contact.language:
        return str(reply.contact.language)
    return str(reply.customer.language) if reply.customer is not None else str(get_profile().default_language)


def beginning_of_answer(*, reply: InboundMessage, ready: str, today: date) -> Beginning:
    """The subject, the words of the ready text asked for (a greeting when it is none), and the invoices whose copies are here: those the
    exchange is about first, then the latest."""
    about = items_of_message(reply.message) if reply.message is not None else []
    language = language_of(reply)
    context = _context(reply, [item.pk for item in about], language, today)
    filled = {key: text for key in READY if (text := _filled(_body(key, language), context))}
    named = [item.invoice_id for item in about]
    theirs = Invoice.objects.filter(customer=reply.customer, document__isnull=False, state=InvoiceState.ISSUED)
    copies = [*theirs.filter(pk__in=named).order_by("number"), *theirs.exclude(pk__in=named).order_by("-issued_on", "number")[:MOST_LISTED]]
    if not copies:
        filled.pop(COPY, None)
    ticked = [invoice.pk for invoice in copies if invoice.pk in named][:MOST_COPIES] if ready == COPY else []
    greeting = f"{_filled(_GREETING, context)}\n\n"
    return Beginning(answer_subject(reply), filled.get(ready, greeting), ticked, list(filled), copies[:MOST_LISTED])


def answer_subject(reply: InboundMessage) -> str:
    """`Re: Facture FA-1`, with one `Re:` however often it went to and fro."""
    subject = reply.subject or (reply.message.subject if reply.message is not None else "")
    return f"Re: {_PREFIXES.sub('', subject)}"[:LONGEST_SUBJECT].strip()


def _context(reply: InboundMessage, items: Sequence[UUID], language: str, today: date) -> Mapping[str, Value]:
    message = Message(
        customer=reply.customer,
        contact=reply.contact,
        channel=Channel.EMAIL,
        kind=MessageKind.WRITTEN,
        language=language,
    )
    lines = recalled_lines(items, today)
    account = wording.load_account(profile=get_profile(), message=message, lines=lines, today=today)
    terms = wording.Terms(phase=Phase.SERVICE)
    context = wording.say(account=account, lines=lines, terms=terms, channel=Channel.EMAIL, up_to_date=False)
    return {**context, "answer.subject": answer_subject(reply)}


def _body(key: str, language: str) -> str:
    """The organization's text in force, else the shipped one."""
    place = {"key": key, "channel": Channel.EMAIL, "language": language, "variant": ""}
    body = MessageTemplate.objects.filter(is_current=True, **place).values_list("body", flat=True).first()
    return body if body is not None else shipped_texts()[key].wordings[language].body


def _filled(body: str, context: Mapping[str, Value]) -> str:
    """The text as a person would type it; "" when a value it prints is not known, or it cannot be read."""
    try:
        return render(body, context)
    except (MissingValue, TemplateError):
        return ""
