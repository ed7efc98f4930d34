"""Documents that prove what became of a letter: the slip of its posting, the signed receipt, the envelope that came back.

Scanned by a person or fetched from a postal service; kept as they came, under a name of ours. Runs inside `tenant()`.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import audit, documents
from dunning.core.enums import PAPER_CHANNELS
from dunning.core.errors import DomainError
from notifications import outbox
from notifications.enums import WAITING, ProofKind
from notifications.models import ProofFile

LARGEST: Final = 10_000_000  # bytes
MOST: Final = 20  # files of one letter
KNOWN: Final = (  # how the file begins -> what it is; nothing else is believed, its name least of all
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
)


def add_proof_file(*, message_id: UUID, kind: ProofKind, content: bytes, actor: str, now: datetime, external_id: str = "") -> ProofFile:
    """Keep a document with its letter. One a postal service names twice (`external_id`) is kept once.

    Raises DomainError when the letter was never written, or the file is too large or neither a PDF nor a photo.
    """
    (message,) = outbox.lock([message_id])
    if external_id and (known := ProofFile.objects.filter(message=message, external_id=external_id).first()):
        return known
    if message.channel not in PAPER_CHANNELS:
        raise DomainError(_("Only a letter has proofs on paper."), code="not_a_letter")
    if message.frozen_at is None or message.state in WAITING:
        raise DomainError(_("This letter has not been written yet: it cannot have been posted."), code="not_written")
    if len(content) > LARGEST:
        raise DomainError(_("The file is larger than 10 MB: scan it in grey, or at a lower resolution."), field="file")
    found = next(((media, ending) for start, media, ending in KNOWN if content.startswith(start)), None)
    if found is None:
        raise DomainError(_("This is neither a PDF nor a photo (JPEG or PNG)."), field="file")
    if ProofFile.objects.filter(message=message).count() >= MOST:
        raise DomainError(_("This letter has %(most)s files already.") % {"most": MOST}, field="file")
    media_type, ending = found
    name = f"{message.tracking_number or message.pk}-{kind}.{ending}".replace(" ", "")
    document = documents.store(content=content, media_type=media_type, filename=name, now=now)
    kept = ProofFile.objects.create(
        message=message, document=document, kind=kind, external_id=external_id, added_at=now, added_by=actor[:120]
    )
    audit.record(actor=actor, action="letter.proof_file", target=message, body={"kind": kind, "sha256": document.sha256}, now=now)
    return kept
