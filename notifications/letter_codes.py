"""The code on a letter by which its reader finds out whether it is ours: made, printed, found again - and kept nowhere.

It is an HMAC-SHA-256 of the message under a key of the environment, cut to 80 bits so that it can be typed: sixteen letters and figures in
groups of four, none of which is taken for another. It can be made again whenever that letter is printed again; rows hold its digest under
a second key. Whoever has the database has not one code, and guessing one is limited where codes are asked about.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Final
from uuid import UUID

from django.conf import settings

from dunning.core.tenancy import current_organization_id
from notifications.blocks import LetterCheck
from notifications.models import LetterCode, PrintedLetter

PATH: Final = "/v/"
LENGTH: Final = 16
_BYTES: Final = 10
_FIGURES: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
"""From Python's base 32 to Crockford's, which leaves out I, L, O and U."""
_TYPED: Final = str.maketrans("OIL", "011", "- \u2010\u2011\u2013.")
"""What people type for what they read."""


def _keys() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _derived(purpose: bytes, key: str) -> bytes:
    return hashlib.sha256(b"dunning.letters." + purpose + b"\x00" + key.encode()).digest()


def _code(key: str, organization_id: UUID, message_id: UUID) -> str:
    made = hmac.new(_derived(b"code", key), organization_id.bytes + message_id.bytes, hashlib.sha256).digest()[:_BYTES]
    return base64.b32encode(made).decode().translate(_FIGURES)


def _digest(key: str, code: str) -> str:
    return hmac.new(_derived(b"pepper", key), code.encode(), hashlib.sha256).hexdigest()


def grouped(code: str) -> str:
    """`K7QM-3F9X-TN2P-8RWD`"""
    return "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))


def read(typed: str) -> str:
    """A code as it was typed, in the form it was made; whatever cannot be one comes back as it cannot be."""
    return typed[:100].upper().translate(_TYPED)


def check_of(message_id: UUID) -> LetterCheck:
    """What the letter of the open organization's message prints."""
    import segno  # 4 MB that only a process which prints needs

    address = f"{settings.PUBLIC_BASE_URL}{PATH}{grouped(_code(settings.SECRET_KEY, current_organization_id(), message_id))}"
    out = BytesIO()
    segno.make_qr(address, error="m").save(out, kind="svg", border=4, xmldecl=False, svgns=True, omitsize=True, light="#fff", nl=False)
    return LetterCheck(address.removeprefix("https://"), out.getvalue().decode())


def save(letters: Sequence[PrintedLetter], *, now: datetime) -> None:
    """Write what was printed, and under which digest each letter is found. Printed again, one keeps its code and shows its new figures."""
    figures = ["accessories", "amount", "currency", "holder", "iban", "items", "printed_at"]
    PrintedLetter.objects.bulk_create(letters, update_conflicts=True, unique_fields=["organization", "message"], update_fields=figures)
    organization_id = current_organization_id()
    codes = [
        LetterCode(
            organization_id=organization_id,
            message_id=letter.message_id,
            digest=_digest(settings.SECRET_KEY, _code(settings.SECRET_KEY, organization_id, letter.message_id)),
            created_at=now,
        )
        for letter in letters
    ]
    LetterCode.objects.bulk_create(codes, update_conflicts=True, unique_fields=["message_id"], update_fields=["digest"])


def find(typed: str) -> LetterCode | None:
    """The letter a code belongs to. One look-up of a digest whatever was typed: nothing is told by the time it takes."""
    code = read(typed)
    return LetterCode.objects.filter(digest__in=[_digest(key, code) for key in _keys()]).first()
