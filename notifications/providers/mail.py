"""Mail that comes in: a message of a person or program as `Incoming`, a report that ours could not be delivered (RFC 3464) as `Report`s."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final
from uuid import UUID

from dunning.core.enums import Channel
from notifications.providers.base import File, Incoming, Report

LONGEST_TEXT: Final = 200_000  # characters kept of a body
MOST_FILES: Final = 20
MOST_REFERENCES: Final = 50
TELLING: Final = (  # headers that tell programs from people
    "auto-submitted",
    "return-path",
    "precedence",
    "x-auto-response-suppress",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "list-id",
    "list-unsubscribe",
    "feedback-id",
    "x-failed-recipients",
    "content-type",
)
SENT_TO: Final = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]{1,300}>")
_OURS: Final = re.compile(r"<([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})@[^<>\s]+>")
DEAD_MAILBOX: Final = re.compile(r"^5\.1\.(?:[0-469]|10)$|^5\.2\.1$")
"""No such mailbox or domain, moved, or closed (RFC 3463); 5.1.7 and 5.1.8 speak of the sender's."""


def parse(content: bytes) -> EmailMessage:
    """A message from its bytes, as lenient as mail must be read."""
    return message_from_bytes(content, _class=EmailMessage, policy=policy.default)


def read(
    message: Message,
    *,
    event_id: str = "",
    envelope_sender: str | None = None,
    envelope_recipient: str = "",
    at: datetime | None = None,
) -> Sequence[Report | Incoming]:
    """What a message says: reports, when it is a delivery status notification about messages of ours, else the message itself."""
    reports = list(_delivery_status(message, event_id))
    if reports:
        return reports
    return [_incoming(message, event_id, envelope_sender, envelope_recipient, at)]


def header(message: Message, name: str) -> str:
    """A header on one line, whatever it was made of; blank when it is missing or cannot be read."""
    try:
        value = message.get(name)
    except (ValueError, IndexError, AttributeError, TypeError):  # the standard library stumbles over some headers
        return ""
    return " ".join(str(value).split())[:2000] if value is not None else ""


def ids_in(value: str) -> tuple[str, ...]:
    """The Message-IDs of a header, with their brackets, the first ones only."""
    return tuple(_MESSAGE_ID.findall(value)[:MOST_REFERENCES])


def our_id(message_id: str) -> UUID | None:
    """Our stable name in a Message-ID of ours: `<name@domain>`."""
    found = _OURS.fullmatch(message_id.strip())
    return UUID(found[1]) if found else None


def _incoming(message: Message, event_id: str, envelope_sender: str | None, envelope_recipient: str, at: datetime | None) -> Incoming:
    senders = _addresses(message, "From")
    name, sender = senders[0] if senders else ("", envelope_sender or "")
    recipients = [address for field in SENT_TO for _, address in _addresses(message, field)]
    text, html, files = _parts(message)
    headers = {field: header(message, field) for field in TELLING if message.get(field) is not None}
    if envelope_sender is not None:
        headers["return-path"] = f"<{envelope_sender.strip('<> ')}>"
    return Incoming(
        event_id=event_id,
        channel=Channel.EMAIL,
        sender=sender[:254],
        recipients=tuple(dict.fromkeys([*([envelope_recipient] if envelope_recipient else []), *recipients]))[:50],
        sender_name=name[:200],
        subject=header(message, "Subject")[:300],
        text=text,
        html=html,
        header_id=header(message, "Message-ID")[:300],
        in_reply_to=next(iter(ids_in(header(message, "In-Reply-To"))), ""),
        references=ids_in(header(message, "References")),
        headers=headers,
        at=at or _date(message),
        files=tuple(files),
    )


def _addresses(message: Message, name: str) -> list[tuple[str, str]]:
    try:
        values = [str(value) for value in message.get_all(name, [])]
    except (ValueError, IndexError, AttributeError, TypeError):
        return []
    return [(" ".join(found.split()), address.strip()) for found, address in getaddresses(values) if "@" in address]


def _date(message: Message) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header(message, "Date"))
    except (TypeError, ValueError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parts(message: Message) -> tuple[str, str, list[File]]:
    """(text, html, files): the first body of each kind; everything else is a file."""
    text = html = ""
    files: list[File] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), part.get_filename()
        if not name and part.get_content_disposition() != "attachment" and kind in ("text/plain", "text/html"):
            body = _text(part)
            if kind == "text/plain":
                text = text or body
            else:
                html = html or body
        elif len(files) < MOST_FILES and (content := _bytes(part)):
            files.append(File((name or f"piece-{len(files) + 1}")[:200], kind[:100], content))
    return text, html, files


def _bytes(part: Message) -> bytes:
    content: Any = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    content = _bytes(part)
    try:
        text = content.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    return text.replace("\x00", "").replace("\r\n", "\n")[:LONGEST_TEXT]


# --- delivery status notifications (RFC 3464) -------------------------------------------------------------------------------------------


def _delivery_status(message: Message, event_id: str) -> Iterator[Report]:
    """One report for each recipient a notification speaks of, when it carries a message of ours."""
    if message.get_content_type() != "multipart/report" or str(message.get_param("report-type", "")).lower() != "delivery-status":
        return
    ours = next((found for found in map(our_id, _original_ids(message)) if found), None)
    if ours is None:
        return
    at = _date(message)
    for position, fields in enumerate(_recipients(message)):
        action, status = header(fields, "Action").lower(), header(fields, "Status").split(" ")[0]
        kind = _kind(action, status)
        if kind:
            first = header(fields, "Original-Recipient") or header(fields, "Final-Recipient")  # the one we wrote to, where it is said
            recipient = first.rpartition(";")[2].strip()
            said = header(fields, "Diagnostic-Code").partition(";")[2].strip() or status
            name = f"{event_id or header(message, 'Message-ID')}:{position}"
            yield Report(kind, message_id=ours, event_id=name[:200], at=at, recipient=recipient[:254], text=said[:500])


def _kind(action: str, status: str) -> str:
    if action == "failed":
        if DEAD_MAILBOX.match(status):
            return "bounced"
        return "soft_bounced"  # full, too large, refused by policy: this message is lost, the address may live
    return {"delayed": "deferred", "delivered": "delivered", "relayed": "accepted", "expanded": "accepted"}.get(action, "")


def _recipients(message: Message) -> Iterator[Message]:
    """The per-recipient groups of fields; the first group is about the message as a whole."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            payload: Any = part.get_payload()
            yield from (fields for fields in (payload if isinstance(payload, list) else []) if header(fields, "Action"))


def _original_ids(message: Message) -> Iterator[str]:
    """Message-IDs of what came back: of the returned message or headers, else those the notification answers."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            payload: Any = part.get_payload()
            yield from (header(inner, "Message-ID") for inner in (payload if isinstance(payload, list) else []))
        elif kind == "text/rfc822-headers":
            yield header(message_from_bytes(_bytes(part), policy=policy.default), "Message-ID")
    yield from ids_in(header(message, "In-Reply-To"))
    yield from ids_in(header(message, "References"))
