"""Secrets as they are stored: encrypted with this installation's key, so that a dump of the database opens nothing."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBroken(ValueError):
    """The key a secret was sealed with is gone: it must be entered again."""


def _derived(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"dunning.field-encryption\x00" + secret.encode()).digest()))


def _cipher() -> MultiFernet:
    """FIELD_ENCRYPTION_KEY when there is one. The key derived from SECRET_KEY still reads what was written before it was given."""
    return _made_of(settings.FIELD_ENCRYPTION_KEY, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def _made_of(key: str, secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([*([Fernet(key)] if key else []), *map(_derived, secrets)])


def seal(secrets: Mapping[str, str]) -> str:
    """Secrets as they are stored; blank when there are none."""
    return _cipher().encrypt(json.dumps(dict(secrets)).encode()).decode() if secrets else ""


def unseal(stored: str) -> dict[str, str]:
    """Secrets as they were given. Raises SealBroken."""
    if not stored:
        return {}
    try:
        opened: dict[str, str] = json.loads(_cipher().decrypt(stored.encode()))
    except InvalidToken:
        raise SealBroken from None
    return opened


_MARK = b"\x00sealed\x00"


def seal_bytes(content: bytes) -> bytes:
    """Bytes as they are stored: what outsiders wrote may quote what opens something."""
    return _MARK + _cipher().encrypt(content)


def unseal_bytes(stored: bytes) -> bytes:
    """Bytes as they were given; what was stored before it was sealed comes back as it is. Raises SealBroken."""
    if not stored.startswith(_MARK):
        return stored
    try:
        return _cipher().decrypt(stored[len(_MARK) :])
    except InvalidToken:
        raise SealBroken from None
