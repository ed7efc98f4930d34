"""The address a reply comes back to: `compta+token@domain`, where the token names one message and cannot be guessed.

It is the message's id and a tag of it under the installation's key, in letters and digits that survive any mail program.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings

TAG = 6  # bytes: one guess in 281 thousand billion
LENGTH = 36  # characters of a token
LONGEST_LOCAL = 64 - LENGTH - 1  # RFC 5321 allows 64 before the @


def _tag(key: str, organization_id: UUID, message_id: UUID) -> bytes:
    derived = hashlib.sha256(b"dunning.reply-token\x00" + key.encode()).digest()
    return hmac.new(derived, organization_id.bytes + message_id.bytes, hashlib.sha256).digest()[:TAG]


def reply_address(local: str, domain: str, *, organization_id: UUID, message_id: UUID) -> str:
    """Where replies to this message go; `local` is what people recognise before the plus sign."""
    token = _written(message_id.bytes + _tag(settings.SECRET_KEY, organization_id, message_id)).lower()
    return f"{local.partition('+')[0][:LONGEST_LOCAL]}+{token}@{domain}"


def _written(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=")


def message_of(addresses: Iterable[str], *, organization_id: UUID) -> UUID | None:
    """The message one of these addresses stands for, in this organization; None when none does."""
    for address in addresses:
        token = address.rpartition("@")[0].rpartition("+")[2].strip().upper()
        if len(token) != LENGTH:
            continue
        try:
            content = base64.b32decode(token + "=" * (-LENGTH % 8))
        except binascii.Error:
            continue
        if _written(content) != token:  # its last letter has bits that say nothing
            continue
        message_id, tag = UUID(bytes=content[:16]), content[16:]
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            if hmac.compare_digest(tag, _tag(key, organization_id, message_id)):
                return message_id
    return None
