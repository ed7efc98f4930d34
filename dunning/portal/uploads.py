"""Files that come with a form: known by their first bytes, never by their name; kept aside while the form is still being corrected."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from dunning.core import documents

MOST: Final = 5
MOST_ASIDE: Final = 20
"""Files kept while somebody chooses which of too many are sent."""
LARGEST: Final = 10 * 1024 * 1024  # bytes
LARGEST_FORM: Final = 64 * 1024 * 1024  # bytes; beyond, a form is not even read
A_DAY: Final = 100 * 1024  # kilobytes with one link
_SALT: Final = "dunning.portal.upload"
_KINDS: Final[tuple[tuple[re.Pattern[bytes], str, str], ...]] = (
    (re.compile(rb"%PDF-"), "application/pdf", ".pdf"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", ".jpg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", ".png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp", ".webp"),
    (re.compile(rb"....ftyp(?:heic|heix|mif1|msf1)", re.DOTALL), "image/heic", ".heic"),
)
ACCEPTED: Final = ",".join(ending for _pattern, _type, ending in _KINDS) + ",.jpeg"


class Refused(ValueError):
    """A sentence for the person who attached the file."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file put aside; `ticket` brings it back with the next attempt."""

    file: documents.File
    ticket: str


def check(upload: "UploadedFile[Any]") -> documents.File:
    """The file under a name that says what it is. Raises Refused."""
    name = str(upload.name or "")
    if (upload.size or 0) > LARGEST:
        raise Refused(_("“%s” is larger than 10 MB: send a smaller one, or answer our e-mail with it.") % name)
    content = upload.read()
    for pattern, media_type, ending in _KINDS:
        if pattern.match(content):
            return documents.File(content, media_type, _clean(name, ending))
    raise Refused(_("“%s” is no PDF and no picture: send a PDF, or a photograph.") % name)


def _clean(name: str, ending: str) -> str:
    """Without a path, without what is no letter, with the ending of what it is."""
    stem = re.sub(r"[^\w .()-]+", "-", PurePosixPath(name.replace("\\", "/")).stem).strip(" .-")
    return f"{stem[:120] or 'document'}{ending}"


def put_aside(files: Iterable[documents.File], contact_id: UUID) -> list[Kept]:
    """Keep files of a form that is drawn again, inside `tenant()`."""
    return [Kept(file, _ticket(file, contact_id)) for file in files]


def _ticket(file: documents.File, contact_id: UUID) -> str:
    content = {"h": documents.deposit(file.content), "m": file.media_type, "n": file.filename, "c": contact_id.hex}
    return signing.dumps(content, salt=_SALT, compress=True)


def bring_back(tickets: Sequence[str], contact_id: UUID) -> list[documents.File]:
    """The files of these tickets that are this contact's, inside `tenant()`."""
    found = []
    for ticket in dict.fromkeys(tickets[:MOST_ASIDE]):
        try:
            said: Any = signing.loads(ticket, salt=_SALT, max_age=86_400)
        except signing.BadSignature:
            continue
        content = documents.fetch(said["h"]) if said["c"] == contact_id.hex else None
        if content is not None:
            found.append(documents.File(content, said["m"], said["n"]))
    return found
