"""Files on their way into the ledger, and the loads that were made."""

from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from invoices.enums import FileState
from invoices.models import ImportBatch, ImportFile


def list_loads() -> QuerySet[ImportBatch]:
    """Every load, the latest first; `file` is the id of the file given on a screen, None when it came another way."""
    files = ImportFile.objects.filter(batch=OuterRef("pk")).values("pk")[:1]
    return ImportBatch.objects.annotate(file=Subquery(files)).order_by("-loaded_at", "-pk")


def files_in_hand(limit: int = 20) -> list[ImportFile]:
    """Files that were given and are neither loaded nor set aside, the latest first."""
    waiting = ImportFile.objects.exclude(state__in=[FileState.LOADED, FileState.DISCARDED])
    return list(waiting.defer("look", "report").order_by("-given_at", "-pk")[:limit])


def get_import_file(identifier: UUID) -> ImportFile:
    """One file with its load. Raises DomainError when it does not exist here."""
    found = ImportFile.objects.select_related("document", "errors", "batch").filter(pk=identifier).first()
    if found is None:
        raise DomainError(_("This file does not exist."), code="unknown_import")
    return found


def loaded_before(file: ImportFile) -> ImportBatch | None:
    """The load of the very same content, if there is one that stands."""
    sha256 = file.look.get("sha256")
    if not sha256:
        return None
    same = ImportBatch.objects.filter(kind=file.kind, sha256=sha256, undone_at=None).order_by("-loaded_at")
    return next((batch for batch in same[:2] if batch.pk != file.batch_id), None)
