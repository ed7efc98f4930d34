"""Identifiers and secrets."""

import hashlib
import re
import secrets
import string
import uuid
import zlib
from dataclasses import dataclass
from typing import Final

from uuid_utils import compat, uuid7

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY_ID, _SECRET, _CHECK = 12, 43, 6  # characters: 71 bits that name a key, 256 that open it, 32 that tell a typing error
_API_TOKEN: Final = re.compile(rf"(rk_live_([0-9A-Za-z]{{{_KEY_ID}}})_[0-9A-Za-z]{{{_SECRET}}})([0-9A-Za-z]{{{_CHECK}}})", re.ASCII)


def new_id() -> uuid.UUID:
    """A UUIDv7: unique, and ordered by time, so that inserts land at the end of an index."""
    identifier: uuid.UUID = compat.uuid7()
    return identifier


def new_id_text() -> str:
    """A `new_id` as text, for rows that are written by the hundred and read by nobody yet: a fifth of its time."""
    return str(uuid7())


@dataclass(frozen=True, slots=True)
class ApiToken:
    """`rk_live_<key_id>_<secret and CRC>`: what a program shows to the API. `key_id` is no secret, the rest is."""

    key_id: str
    text: str

    @property
    def sha256(self) -> str:
        """What is kept of it (hex): it opens nothing."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def new_api_token() -> ApiToken:
    """A token nobody can guess."""
    key_id = _random(_KEY_ID)
    body = f"rk_live_{key_id}_{_random(_SECRET)}"
    return ApiToken(key_id, body + _check(body))


def read_api_token(text: str) -> ApiToken | None:
    """The token somebody showed; None for what cannot be one, mistyped or cut, which its CRC tells without a look into the database."""
    found = _API_TOKEN.fullmatch(text)
    if found is None or _check(found[1]) != found[3]:
        return None
    return ApiToken(found[2], text)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    value, figures = zlib.crc32(body.encode()), []
    for _ in range(_CHECK):
        value, rest = divmod(value, len(_ALPHABET))
        figures.append(_ALPHABET[rest])
    return "".join(figures)
