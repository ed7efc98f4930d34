"""Files on their way into the ledger, and the loads that were made."""

from decimal import Decimal
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from invoices.enums import FileState, InvoiceKind, InvoiceState
from invoices.models import ImportBatch, ImportFile, Installment, Invoice, Payment


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


def ledger_total() -> dict[str, Decimal]:
    """What customers owe in all, by currency: open items less credit notes and money on account, as the customers' account has it."""
    items = Installment.objects.filter(invoice__state=InvoiceState.ISSUED, outstanding__gt=0)
    notes = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE, state=InvoiceState.ISSUED, unallocated__gt=0)
    money = Payment.objects.filter(customer__isnull=False, unallocated__gt=0)
    total: dict[str, Decimal] = {}
    for sign, rows in (
        (1, items.values_list("invoice__currency").annotate(sum=Sum("outstanding"))),
        (-1, notes.values_list("currency").annotate(sum=Sum("unallocated"))),
        (-1, money.values_list("currency").annotate(sum=Sum("unallocated"))),
    ):
        for currency, amount in rows.order_by():
            total[currency] = total.get(currency, Decimal(0)) + sign * amount
    return {currency: total[currency] for currency in sorted(total)}
