"""Where files are kept: content-addressed, per organization, behind Django's storage port.

Bytes are written before the row commits: a file nobody refers to is harmless, a row without its file is not.
"""

import hashlib
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from dunning.core.models import Document
from dunning.core.tenancy import current_organization_id


class DocumentLost(RuntimeError):
    """The bytes of a document are missing or are not what was stored."""


def _storage() -> Storage:
    return storages["documents"]


def _path(sha256: str) -> str:
    return f"{current_organization_id()}/{sha256[:2]}/{sha256}"


def store(*, content: bytes, media_type: str, filename: str, now: datetime) -> Document:
    """Keep `content` for the open organization and return its row; the same bytes are stored once."""
    sha256 = hashlib.sha256(content).hexdigest()
    storage, path = _storage(), _path(sha256)
    if not storage.exists(path):
        storage.save(path, ContentFile(content))
    return Document.objects.create(sha256=sha256, media_type=media_type, filename=filename[:200], size=len(content), created_at=now)


def read(document: Document) -> bytes:
    """The bytes of a document, verified against its hash. Raises DocumentLost."""
    try:
        with _storage().open(_path(document.sha256)) as file:
            content: bytes = file.read()
    except FileNotFoundError:
        raise DocumentLost(f"The file of “{document.filename}” is missing from the document store.") from None
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise DocumentLost(f"The file of “{document.filename}” was changed in the document store.")
    return content
