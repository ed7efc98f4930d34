"""What a person writes to a customer who wrote: said word for word, in the thread of what it answers, with the copies that were ticked.

The words are in the message's `details`: `subject`, `words`, and `invoices`, whose copies go with it. The organization's own text
(`reply_answer`) puts the signature under them; nothing is claimed.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from dunning.core.enums import Channel
from dunning.core.models import OrganizationProfile
from invoices.models import Invoice
from notifications.models import InboundMessage, Message
from notifications.signals import Go
from scenarios import wording
from scenarios.copies import copy_name
from scenarios.enums import Phase

TEXT: Final = "reply_answer"
DEALS: Final = "deals"
"""In `details`: what it answers was marked as dealt with for its sake, and is to be dealt with after all if it reaches nobody."""
MOST_REFERENCES: Final = 10
_MESSAGE_ID: Final = re.compile(r"<[!-~]{1,290}@[!-~]{1,290}>")


def say(message: Message, *, profile: OrganizationProfile, today: date) -> Go:
    """The values of such a message, and where it stands in the exchange."""
    account = wording.load_account(profile=profile, message=message, lines=(), today=today)
    context = wording.say(account=account, lines=(), terms=wording.Terms(phase=Phase.SERVICE), channel=message.channel, up_to_date=False)
    copies = _copies(message.details.get("invoices", ()), message.language)
    context |= {
        "answer.subject": message.details["subject"],
        "answer.words": message.details["words"],
        "attached": bool(copies),
    }
    thread = thread_ids(message.answers) if message.answers is not None else ()
    return Go(
        context=context,
        attachments=copies,
        recipient=message.recipient,
        recipient_name=message.recipient_name,
        in_reply_to=thread[-1] if thread and message.channel == Channel.EMAIL else "",
        references=" ".join(thread) if len(thread) > 1 else "",
    )


def thread_ids(reply: InboundMessage) -> tuple[str, ...]:
    """The Message-IDs an answer to it refers to, the oldest first, the customer's own last (RFC 5322, 3.6.4): the first of the exchange and
    the latest when there are many. What is no Message-ID is left out."""
    ours = reply.message
    before = [*(ours.header_references or ours.in_reply_to).split(), ours.header_id] if ours is not None else []
    found = [value for value in dict.fromkeys([*before, reply.header_id]) if _MESSAGE_ID.fullmatch(value)]
    return (*found[:1], *found[1:][1 - MOST_REFERENCES :])


def _copies(invoice_ids: Sequence[str], language: str) -> tuple[tuple[UUID, str], ...]:
    """(document id, file name) of these invoices, in the order of their numbers."""
    invoices = Invoice.objects.filter(pk__in=list(invoice_ids), document__isnull=False).order_by("number", "pk")
    return tuple((invoice.document_id, copy_name(invoice, language)) for invoice in invoices if invoice.document_id is not None)
