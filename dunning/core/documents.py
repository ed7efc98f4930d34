"""Where files are kept: content-addressed, per organization, behind Django's storage port.

Bytes are written before the row commits: a file nobody refers to is harmless, a row without its file is not.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext as _

from dunning.core.models import Document
from dunning.core.tenancy import current_organization_id


class DocumentLost(RuntimeError):
    """The bytes of a document are missing or are not what was stored."""


def _storage() -> Storage:
    return storages["documents"]


def _path(sha256: str) -> str:
    return f"{current_organization_id()}/{sha256[:2]}/{sha256}"


@dataclass(frozen=True, slots=True)
class File:
    """A file to keep."""

    content: bytes
    media_type: str
    filename: str


def deposit(content: bytes) -> str:
    """Keep bytes for the open organization before it is known whether a row will refer to them; their SHA-256, for `fetch`."""
    sha256 = hashlib.sha256(content).hexdigest()
    if not _storage().exists(_path(sha256)):
        _storage().save(_path(sha256), ContentFile(content))
    return sha256


def fetch(sha256: str) -> bytes | None:
    """What was deposited under this name for the open organization; None when it is not there, or not that any more."""
    if not _storage().exists(_path(sha256)):
        return None
    with _storage().open(_path(sha256)) as file:
        content: bytes = file.read()
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def store(*, content: bytes, media_type: str, filename: str, now: datetime) -> Document:
    """Keep `content` for the open organization and return its row; the same bytes are stored once."""
    return store_all(files=[File(content, media_type, filename)], now=now)[0]


def store_all(*, files: Iterable[File], now: datetime) -> list[Document]:
    """Keep files for the open organization and return their rows, in order; the same bytes are stored once."""
    storage, rows = _storage(), []
    for file in files:
        sha256 = hashlib.sha256(file.content).hexdigest()
        path = _path(sha256)
        if not storage.exists(path):
            storage.save(path, ContentFile(file.content))
        rows.append(
            Document(sha256=sha256, media_type=file.media_type, filename=file.filename[:200], size=len(file.content), created_at=now)
        )
    return Document.objects.bulk_create(rows, batch_size=500)


def read(document: Document) -> bytes:
    """The bytes of a document, verified against its hash. Raises DocumentLost."""
    try:
        with _storage().open(_path(document.sha256)) as file:
            content: bytes = file.read()
    except FileNotFoundError:
        raise DocumentLost(_("The file of “%(filename)s” is missing from the document store.") % {"filename": document.filename}) from None
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise DocumentLost(_("The file of “%(filename)s” was changed in the document store.") % {"filename": document.filename})
    return content
