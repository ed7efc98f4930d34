"""E-mail as the recipient's program sees it: the creditor's identity alone, text and HTML twins, honest automatic-mail headers."""

import re
import uuid
from collections.abc import Sequence
from email.headerregistry import Address
from email.policy import compat32
from email.utils import formataddr, formatdate, getaddresses
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import forbid_multi_line_headers
from django.core.validators import validate_email
from django.utils.encoding import punycode
from django.utils.translation import gettext

from notifications.providers.base import Envelope, Refused

LONGEST_LINE: Final = 998  # bytes, without its end
_ON_THE_WIRE: Final = compat32.clone(linesep="\r\n")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
FORBIDDEN = ("\r", "\n", "\x00")
HEADERS = {
    "Auto-Submitted": "auto-generated",  # RFC 3834: vacation programs keep silent
    "X-Auto-Response-Suppress": "DR, RN, NRN",  # Exchange; not OOF, because an absence reply is useful
}


@lru_cache(maxsize=1024)  # an organization's own addresses come with each of its messages
def single_address(value: str) -> tuple[str, str]:
    """(name, address) of a header value holding exactly one mailbox.

    Raises ValueError for control characters, several mailboxes, or something that is no address.
    """
    if any(character in value for character in FORBIDDEN):
        raise ValueError(gettext("An address must not contain line breaks."))
    mailboxes = [(name, address) for name, address in getaddresses([value]) if name or address]
    if len(mailboxes) != 1:
        raise ValueError(gettext("“%(value)s” is not one e-mail address.") % {"value": value})
    name, address = mailboxes[0]
    try:
        validate_email(address)
    except ValidationError:
        raise ValueError(gettext("“%(value)s” is not an e-mail address.") % {"value": value}) from None
    return name, address


@lru_cache(maxsize=1024)  # asked when a message is addressed, and again when it is written
def mailbox(name: str, address: str) -> str:
    """“Name <address>”, quoted and encoded where needed, from parts that may hold anything but line breaks.

    Raises ValueError as `single_address` does.
    """
    if any(character in name for character in FORBIDDEN):
        raise ValueError(gettext("A name must not contain line breaks."))
    plain = _on_the_wire(address)
    return formataddr((name, plain)) if not name.isascii() else str(Address(name, addr_spec=plain)) if name else plain


def wire_address(value: str) -> str:
    """The bare address of a mailbox as SMTP carries it, its domain in IDNA. Raises Refused for what cannot be carried."""
    try:
        return _on_the_wire(value)
    except ValueError as error:
        raise Refused(
            gettext("“%(value)s” cannot be written to: %(error)s") % {"value": value, "error": error}, code="unsafe_header"
        ) from None


def _on_the_wire(value: str) -> str:
    _, address = single_address(value)
    local, domain = address.rsplit("@", 1)
    if not local.isascii():
        raise ValueError(gettext("“%(address)s” has a letter that mail servers do not carry.") % {"address": address})
    return f"{local}@{punycode(domain)}"


def build(envelope: Envelope) -> EmailMultiAlternatives:
    """The e-mail of an envelope. Raises Refused when a header could not be written safely."""
    try:
        single_address(envelope.sender)
        recipient = mailbox(envelope.recipient_name, envelope.recipient)
        reply_to = [envelope.reply_to] if envelope.reply_to and single_address(envelope.reply_to) else []
        for value in (
            envelope.subject,
            envelope.header_id,
            envelope.in_reply_to,
            envelope.references,
            *(file.filename for file in envelope.files),
        ):
            if any(character in value for character in FORBIDDEN):
                raise ValueError(gettext("A header must not contain line breaks."))
    except ValueError as error:
        raise Refused(str(error), code="unsafe_header") from None
    headers = {**({} if envelope.by_person else HEADERS), "Message-ID": envelope.header_id}
    if envelope.references:
        headers |= {"References": envelope.references, "In-Reply-To": envelope.in_reply_to or envelope.references}
    message = EmailMultiAlternatives(
        subject=envelope.subject,
        body=envelope.text,
        from_email=envelope.sender,
        to=[recipient],
        reply_to=reply_to,
        headers=headers,
        attachments=[(file.filename, file.content, file.media_type) for file in envelope.files],
    )
    if envelope.html:
        message.attach_alternative(envelope.html, "text/html")
    return message


def write(envelope: Envelope) -> bytes:
    """The e-mail of an envelope as it is on the wire, with CRLF. Raises Refused as `build` does."""
    email = build(envelope)
    twins = [(envelope.text, "plain"), (envelope.html, "html")]
    if envelope.text and envelope.html and not envelope.files and not any(_has_long_line(text) for text, _ in twins):
        return _write_twins(email, twins)
    content: bytes = email.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's own messages take it
    return content


def _write_twins(email: EmailMultiAlternatives, twins: Sequence[tuple[str, str]]) -> bytes:
    """What the standard library writes of a text and its HTML twin, in a tenth of its time: it looks for the boundary in both texts, and
    folds the same headers of the same creditor for every message anew."""
    boundary = f"=_{uuid.uuid4().hex}"
    parts = [
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\nMIME-Version: 1.0\r\n'.encode()
        + _fold("Subject", str(email.subject))
        + _fold_again("From", email.from_email)
        + _fold("To", ", ".join(email.to))
        + b"".join(_fold_again("Reply-To", address) for address in email.reply_to)  # one at most
        + _fold("Date", formatdate(localtime=settings.EMAIL_USE_LOCALTIME))
        + b"".join((_fold_again if name in HEADERS else _fold)(name, value) for name, value in email.extra_headers.items())
    ]
    for text, kind in twins:
        encoding = "7bit" if text.isascii() else "8bit"
        parts.append(
            f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\nMIME-Version: 1.0\r\n'
            f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode()
            + _LINE_END.sub("\r\n", text).encode()
        )
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])


def _fold(name: str, value: str) -> bytes:
    """A header, encoded and folded, with the end of its line. Raises BadHeaderError, which `build` forestalls."""
    return _ON_THE_WIRE.fold_binary(*forbid_multi_line_headers(name, value, "utf-8"))


_fold_again = lru_cache(maxsize=1024)(_fold)
"""The same, for what comes with each message of an organization."""


def _has_long_line(text: str) -> bool:
    """Whether SMTP would not carry it as it is (RFC 5322, 2.1.1)."""
    return any(len(line) > LONGEST_LINE // 4 and len(line.encode()) > LONGEST_LINE for line in text.splitlines())
