"""The question asked upstairs before a message leaves, and the frozen copy of what left, under its hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from customers import portal_access
from customers.models import PortalToken
from dunning.core import documents
from dunning.core.enums import PAPER_CHANNELS
from dunning.core.models import Document
from notifications import letter_codes
from notifications.composing import Content, Obstructed, Workbench, compose
from notifications.enums import MessageKind
from notifications.models import Attachment, Message, MessageTemplate, PrintedLetter
from notifications.providers.base import Envelope
from notifications.signals import Go, Stop, Together, about_to_send


def ask(message: Message, *, now: datetime, preview: bool = False, together: Together | None = None) -> Go | Stop:
    """Put the one question to the one receiver, which takes the locks. `preview`: for looking at, so approval is not asked for.

    `together` names the messages that are asked about in this transaction, when there are several.
    """
    if message.kind == MessageKind.TEST:  # about nothing that could have changed
        return Go(context={})
    answers = about_to_send.send(sender=Message, message=message, now=now, preview=preview, together=together or Together([message.pk]))
    if len(answers) != 1:
        raise ImproperlyConfigured(f"about_to_send has {len(answers)} receivers instead of one.")
    answer: object = answers[0][1]
    if not isinstance(answer, Go | Stop):
        raise TypeError(f"about_to_send was answered with {answer!r}.")
    return answer


def freeze(
    message: Message, go: Go, content: Content, *, now: datetime, later: list[Message] | None = None, **fields: Any
) -> list[Attachment]:
    """Write what leaves and its SHA-256 on the locked message, with `fields` (its new state); returns its attachments, unsaved.

    The hash covers every header, address and text, and the hashes of the letter and of each file, in canonical JSON. A link to the
    debtor's page is in the texts as its mask, and in the hash as its digest: what left is what is kept here with the mask replaced by the
    one token of that digest, which only the recipient has (`customers.portal_access`). With `later` the message is put there instead, for
    `write`, and `fields` are among those it writes.
    """
    letter = print_file = None
    if message.channel in PAPER_CHANNELS:
        name = f"{content.subject[:120]}.pdf"
        letter = documents.store(content=content.letter, media_type="application/pdf", filename=name, now=now)
        print_file = letter
        if content.print_file:
            print_file = documents.store(content=content.print_file, media_type="application/pdf", filename=name, now=now)
    said: dict[str, Any] = {
        "sender": content.sender,
        "reply_to": content.reply_to,
        "recipient": content.recipient,
        "recipient_name": content.recipient_name[:200],
        "postal_address": list(content.postal_address),
        "subject": content.subject,
        "body_text": content.text,
        "body_html": content.html,
        "header_id": content.header_id,
        "in_reply_to": content.in_reply_to,
        "header_references": content.references,
    }
    link = _link(message, go, content, now) if content.linked is not None or message.link_generation else None
    said |= {"link_generation": link.generation if link else 0, "link_digest": link.digest if link else ""}
    files = [(filename, document.sha256) for document, filename in content.attachments]
    fields = {
        **said,
        "template": content.template if message.kind != MessageKind.TEST else None,
        "contact_id": go.contact_id or message.contact_id,
        "amount": go.amount or message.amount,
        "item_count": go.item_count or message.item_count,
        "document": letter,
        "print_document": print_file,
        "content_sha256": content_hash(said, message, files, letter, print_file),
        "frozen_at": now,
        "updated_at": now,
        **fields,
    }
    if message.content_sha256:  # an earlier rendering that certainly did not leave
        message.attachments.all().delete()
    for field_name, value in fields.items():
        setattr(message, field_name, value)
    message.pending_link = link
    message.pending_letter = _printed(message, go, now)
    if later is None:
        Message.objects.filter(pk=message.pk).update(**fields)
        _save_beside([message])
    else:
        later.append(message)
    return [
        Attachment(message=message, document=document, filename=filename, position=position)
        for position, (document, filename) in enumerate(content.attachments, start=1)
    ]


def _link(message: Message, go: Go, content: Content, now: datetime) -> PortalToken | None:
    """The link the message leaves with, unsaved; that of an earlier rendering ends when this one has none."""
    if content.linked is None:
        portal_access.void_links(message.pk, now=now)
        return None
    return portal_access.new_link(
        message_id=message.pk,
        customer_id=message.customer_key,
        contact_id=content.linked,
        items=go.items,
        earlier=bool(message.link_generation),
        now=now,
    )


def _printed(message: Message, go: Go, now: datetime) -> PrintedLetter | None:
    """What whoever checks the letter will be shown, unsaved."""
    if message.channel not in PAPER_CHANNELS or go.claim is None:
        return None
    claim = go.claim
    return PrintedLetter(
        message=message,
        amount=claim.amount,
        currency=claim.currency,
        holder=claim.holder,
        iban=claim.iban,
        items=sorted(set(claim.items)),
        accessories={str(item): [str(late), str(fixed)] for item, late, fixed in claim.accessories},
        printed_at=now,
    )


def _save_beside(messages: Sequence[Message]) -> None:
    """The rows that messages frozen now bring with them: links to the debtor's page, and what letters claim."""
    frozen = [message.frozen_at for message in messages if message.frozen_at is not None]
    if links := [message.pending_link for message in messages if message.pending_link is not None]:
        portal_access.save_links(links, now=max(frozen))
    if letters := [message.pending_letter for message in messages if message.pending_letter is not None]:
        letter_codes.save(letters, now=max(frozen))


_WRITTEN: Final = (
    "sender", "reply_to", "recipient", "recipient_name", "postal_address", "subject", "body_text", "body_html", "header_id", "in_reply_to",
    "header_references",
    "template", "contact", "amount", "item_count", "document", "print_document", "content_sha256", "frozen_at", "updated_at",
    "link_generation", "link_digest",
    "state", "reason", "reason_text", "provider", "provider_id", "accepted_at", "cost",
)  # fmt: skip


def write(messages: Sequence[Message]) -> None:
    """Write messages frozen `later`, all in one statement."""
    if not messages:
        return
    columns = [column for column in Message._meta.local_concrete_fields if column.name in _WRITTEN]
    # A cast to limited text would cut what is too long without a word.
    casts = ["text" if (kind := column.db_type(connection) or "").startswith("varchar") else kind for column in columns]
    row = f"(%s::uuid, {', '.join(f'%s::{cast}' for cast in casts)})"
    names = [f'"{column.column}"' for column in columns]
    values = [
        value
        for message in messages
        for value in (message.pk, *(column.get_db_prep_save(getattr(message, column.attname), connection) for column in columns))
    ]
    statement = (
        f"UPDATE notifications_message m SET {', '.join(f'{name} = x.{name}' for name in names)} "  # noqa: S608 - names from code
        f"FROM (VALUES {', '.join([row] * len(messages))}) x (id, {', '.join(names)}) WHERE m.id = x.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    _save_beside(messages)


def content_hash(
    said: Mapping[str, Any], message: Message, files: list[tuple[str, str]], letter: Document | None, print_file: Document | None
) -> str:
    """SHA-256 (hex) of everything that was said: `said` is the message's frozen fields, `files` are (name, SHA-256)."""
    if not said.get("link_digest"):
        said = {name: value for name, value in said.items() if not name.startswith("link_")}
    if not said.get("header_references"):
        said = {name: value for name, value in said.items() if name != "header_references"}
    everything = {
        **said,
        "id": str(message.pk),
        "channel": message.channel,
        "files": files,
        "letter": letter.sha256 if letter else "",
        "print_file": print_file.sha256 if print_file else "",
    }
    return hashlib.sha256(json.dumps(everything, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


FROZEN_FIELDS = (
    "sender",
    "reply_to",
    "recipient",
    "recipient_name",
    "postal_address",
    "subject",
    "body_text",
    "body_html",
    "header_id",
    "in_reply_to",
    "header_references",
    "link_generation",
    "link_digest",
)


def is_intact(message: Message) -> bool:
    """Whether a frozen message and its files still are what was hashed when it left."""
    files = [
        (filename, sha256) for filename, sha256 in message.attachments.order_by("position").values_list("filename", "document__sha256")
    ]
    said = {name: getattr(message, name) for name in FROZEN_FIELDS}
    return content_hash(said, message, files, message.document, message.print_document) == message.content_sha256


def sealed(message: Message) -> Envelope:
    """A frozen message as it is handed over, without its files: here alone, and only in memory, its texts hold the recipient's link."""
    link: dict[str, Any] = {
        "digest": message.link_digest,
        "message_id": message.pk,
        "contact_id": message.contact_id,
        "generation": message.link_generation,
        "organization_id": message.organization_id,
    }
    return Envelope(
        message_id=message.pk,
        channel=message.channel,
        sender=message.sender,
        recipient=message.recipient,
        recipient_name=message.recipient_name,
        reply_to=message.reply_to,
        subject=message.subject,
        text=portal_access.reveal(message.body_text, **link),
        html=portal_access.reveal(message.body_html, **link),
        header_id=message.header_id,
        in_reply_to=message.in_reply_to,
        references=message.header_references or message.in_reply_to,
        by_person=message.kind == MessageKind.WRITTEN,
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a message would say if it left now; `problem` says in a sentence why it would not, `reason` by its code if nobody wrote one."""

    subject: str = ""
    text: str = ""
    html: str = ""
    recipient: str = ""
    letter: bytes = field(default=b"", repr=False)
    problem: str = ""
    reason: str = ""
    sender: str = ""
    files: tuple[str, ...] = ()


def preview(message: Message, *, now: datetime) -> Preview:
    """Render a waiting message as it would leave now, without changing anything (the caller rolls back what asking did)."""
    answer = ask(message, now=now, preview=True)
    if isinstance(answer, Stop):
        return Preview(problem=answer.text, reason=answer.reason)
    return shown(message, answer, now=now)


def shown(message: Message, go: Go, *, now: datetime, template: MessageTemplate | None = None) -> Preview:
    """What a message that may leave with these values would say; `template` is a text to look at instead of the one in force."""
    try:
        content = compose(message, go, Workbench(), now=now, template=template)
    except Obstructed as obstacle:
        return Preview(problem=" ".join(part for part in (str(obstacle.reason.label), obstacle.text) if part))
    letter = content.print_file or content.letter
    recipient = content.recipient or ", ".join(content.postal_address)
    files = tuple(filename for _document, filename in content.attachments)
    return Preview(content.subject, content.text, content.html, recipient, letter, sender=content.sender, files=files)
