"""One form, once: what a drawn form is good for, signed into it.

A nonce names the contact, the act, the items and where they stood, and when it was drawn. It is refused for anybody else, anything else,
within two seconds of being drawn (programs press buttons at once) and after a day; that it serves once is the declaration's unique key.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core import signing

DWELL: Final = timedelta(seconds=2)
LONGEST: Final = timedelta(days=1)
_SALT: Final = "dunning.portal.nonce"


@dataclass(frozen=True, slots=True)
class Nonce:
    """A form as it was drawn; `seen` is the state of its items then."""

    value: str
    seen: str
    drawn_at: datetime

    def is_hasty(self, now: datetime) -> bool:
        return now - self.drawn_at < DWELL


def draw(*, contact_id: UUID, action: str, items: Sequence[UUID], seen: str, now: datetime) -> str:
    """The text of a form's hidden field."""
    content = {
        "n": secrets.token_urlsafe(16),
        "b": _binding(contact_id, action, items),
        "s": seen,
        "t": now.isoformat(timespec="milliseconds"),
    }
    return signing.dumps(content, salt=_SALT)


def read(text: str, *, contact_id: UUID, action: str, items: Sequence[UUID], now: datetime) -> Nonce | None:
    """What the hidden field says; None when it was not drawn for this contact, act and items, or more than a day ago."""
    try:
        content: Any = signing.loads(text, salt=_SALT)
        nonce = Nonce(str(content["n"]), str(content["s"]), datetime.fromisoformat(content["t"]))
        bound = content["b"] == _binding(contact_id, action, items)
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return None
    return nonce if bound and now - nonce.drawn_at <= LONGEST else None


def _binding(contact_id: UUID, action: str, items: Sequence[UUID]) -> str:
    content = "\x00".join([contact_id.hex, action, *sorted(item.hex for item in items)])
    return hashlib.sha256(content.encode()).hexdigest()[:32]
