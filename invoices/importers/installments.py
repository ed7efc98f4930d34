"""The instalment file: an invoice's several due dates replace its single one, as long as nothing was set against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from invoices.enums import ImportKind, InstallmentKind, InvoiceKind, InvoiceState
from invoices.importers import staging
from invoices.importers.fields import INSTALLMENT_FIELDS
from invoices.importers.ledger import is_first_import, mark_first_import, triage_of
from invoices.importers.session import Loader, Work
from invoices.importers.values import WRITTEN, other_currency
from invoices.models import Installment, Invoice
from invoices.services import lock_items
from invoices.services.balances import announce_change, tell_changed

_MOVED = ["due_on", "amount", "outstanding", "kind", "means", "triage", "collection_on"]


@dataclass(frozen=True, slots=True)
class _Part:
    line: int
    position: int | None
    due_on: date
    amount: Decimal
    kind: str
    means: str
    written: tuple[str, ...]  # the signs and codes of currencies the amount carries


class InstallmentLoader(Loader):
    kind = ImportKind.INSTALLMENTS.value
    fields = INSTALLMENT_FIELDS

    def __init__(self) -> None:
        self._parts: dict[str, list[_Part]] = {}
        self._changed: list[str] = []

    def read(self, work: Work) -> None:
        spoilt: set[str] = set()
        for line, values in work.rows():
            empty = next((name for name in ("invoice", "due_on", "amount") if values[name] is None), "")
            if empty:
                work.refuse(line, empty, _("this cell is empty and must not be"))
                spoilt.add(values["invoice"] or "")
                continue
            if values["amount"] <= 0:
                work.refuse(line, "amount", _("an instalment is more than zero"))
                spoilt.add(values["invoice"])
                continue
            part = _Part(
                line,
                values["position"],
                values["due_on"],
                values["amount"],
                values["kind"] or InstallmentKind.NORMAL,
                values["means"] or "",
                values[WRITTEN],
            )
            self._parts.setdefault(values["invoice"], []).append(part)
        numbers = list(self._parts)
        for start in range(0, len(numbers), staging.CHUNK):
            self._check(numbers[start : start + staging.CHUNK], spoilt, work)

    def write(self, work: Work) -> Iterator[object]:
        first = is_first_import(work)
        for start in range(0, len(self._changed), staging.CHUNK):
            numbers = self._changed[start : start + staging.CHUNK]
            ids = dict(Invoice.objects.filter(number__in=numbers).values_list("number", "pk"))
            locked = lock_items(invoice_ids=ids.values())
            present: dict[UUID, dict[int, Installment]] = {}
            for item in locked.installments.values():
                present.setdefault(item.invoice_id, {})[item.position] = item
            moved: list[Installment] = []
            fresh: list[Installment] = []
            for number in numbers:
                invoice = locked.invoices[ids[number]]
                for position, part in enumerate(self._parts[number], start=1):
                    known = present[invoice.pk].get(position)
                    item = known or Installment(
                        invoice=invoice,
                        customer=invoice.customer,
                        currency=invoice.currency,
                        position=position,
                        means=present[invoice.pk][1].means,
                    )
                    (moved if known else fresh).append(item)
                    item.due_on, item.amount, item.outstanding, item.kind = part.due_on, part.amount, part.amount, part.kind
                    item.means = part.means or item.means
                    item.triage = triage_of(part.due_on, work.today, first=first)
                    item.await_collection(work.today)
                    yield [number, position, part.due_on, part.amount, part.kind, item.means]
                invoice.due_on = max(part.due_on for part in self._parts[number])
            # Positions are rewritten in place, never deleted: reminders and promises may already refer to them.
            Installment.objects.bulk_update(moved, _MOVED, batch_size=500)
            Installment.objects.bulk_create(fresh, batch_size=2000)
            Invoice.objects.bulk_update([locked.invoices[ids[number]] for number in numbers], ["due_on"], batch_size=500)
            tell_changed([ids[number] for number in numbers], ["installments"], now=work.now)
            announce_change([item.pk for item in [*moved, *fresh]], reason="instalments", today=work.today, now=work.now)
        mark_first_import(work)

    def _check(self, numbers: list[str], spoilt: set[str], work: Work) -> None:
        touched = Q(installments__allocations__reversed_at=None, installments__allocations__isnull=False)
        touched |= Q(installments__write_offs__reversed_at=None, installments__write_offs__isnull=False)
        known = {
            invoice.number: invoice
            for invoice in Invoice.objects.filter(number__in=numbers).annotate(settled=Count("pk", filter=touched)).order_by("pk")
        }
        present: dict[UUID, list[Installment]] = {}
        for item in Installment.objects.filter(invoice__in=[invoice.pk for invoice in known.values()]).order_by("position"):
            present.setdefault(item.invoice_id, []).append(item)
        for number in numbers:
            invoice = known.get(number)
            parts, name, reason = self._ordered(number)
            if number in spoilt:
                name, reason = "", _("another line of invoice %(number)s was refused: its instalments are loaded together or not at all")
            elif invoice is None:
                name, reason = "invoice", _("there is no invoice %(number)s: load the invoices first")
            elif not reason:
                name, reason = _contradiction(invoice, parts, present.get(invoice.pk, []))
            if reason or invoice is None:
                for part in parts:
                    work.refuse(part.line, name, reason % {"number": number})
                continue
            same = [(item.due_on, item.amount, item.kind) for item in present[invoice.pk]] == [
                (part.due_on, part.amount, part.kind) for part in parts
            ] and all(part.means in ("", item.means) for part, item in zip(parts, present[invoice.pk], strict=True))
            if same:
                work.unchanged += len(parts)
                continue
            if invoice.settled:
                for part in parts:
                    work.refuse(part.line, "invoice", _("something was already set against invoice %(number)s") % {"number": number})
                continue
            known_count = len(present[invoice.pk])
            work.updated += known_count
            work.created += len(parts) - known_count
            self._changed.append(number)

    def _ordered(self, number: str) -> tuple[list[_Part], str, str]:
        """The instalments in their order - of position when given, else of due date - and what is wrong with the positions."""
        parts = self._parts[number]
        positions = [part.position for part in parts if part.position is not None]
        if positions and sorted(positions) != list(range(1, len(parts) + 1)):
            return parts, "position", _("the instalments of invoice %(number)s are not numbered 1, 2, 3…, each once")
        parts.sort(key=lambda part: (part.position or 0, part.due_on, part.line))
        return parts, "", ""


def _contradiction(invoice: Invoice, parts: list[_Part], present: list[Installment]) -> tuple[str, str]:
    """What speaks against these instalments of this invoice: (field, reason), empty when nothing does."""
    total = sum(part.amount for part in parts)
    if invoice.kind != InvoiceKind.INVOICE or invoice.state != InvoiceState.ISSUED:
        return "invoice", _("%(number)s is a credit note or was cancelled: it has no instalments")
    if any(other_currency(part.written, invoice.currency) for part in parts):
        reason = _("the invoice %(number)s is in {currency}, and an instalment of it carries the sign of another currency: correct it")
        return "amount", reason.format(currency=invoice.currency)
    if total != invoice.gross:
        return "amount", _("the instalments of %(number)s come to {total}, the invoice to {gross}").format(total=total, gross=invoice.gross)
    if any(part.due_on < invoice.issued_on and part.kind != InstallmentKind.DEPOSIT for part in parts):
        return "due_on", _("an instalment of %(number)s falls due before the invoice date")
    if len(parts) < len(present):
        return "invoice", _("invoice %(number)s already has more instalments than this file gives it")
    return "", ""
