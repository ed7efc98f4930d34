"""What may be taken away: the copies of the invoices in one archive, the account as a table, a signed agreement."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from customers.enums import PortalAction
from dunning.core import documents
from dunning.core.models import Document
from dunning.core.money import format_date, minor_units
from dunning.core.spreadsheets import harmless
from dunning.portal.access import Visitor, debtor
from dunning.portal.archives import archive
from dunning.portal.base import page, saved_file
from dunning.portal.items import choose, ticked
from dunning.portal.views.pay import running_plan
from invoices.models import Installment
from invoices.selectors.items import unallocated_credits
from scenarios.copies import copy_name
from scenarios.selectors.portal import sees_whole_account, visible_items
from scenarios.services.payment_plans import read_agreement

LARGEST: Final = 200 * 1024 * 1024  # bytes of one archive
ROWS: Final = 5_000  # of a table


@debtor(costly=True)
def copies(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The copies of the invoices that were ticked, or of all, in one archive."""
    items = choose(visitor, ticked(request))
    invoices = {item.invoice_id: item.invoice for item in items if item.invoice.document_id is not None}
    kept = Document.objects.in_bulk([invoice.document_id for invoice in invoices.values() if invoice.document_id is not None])
    if not kept:
        raise Http404
    if sum(document.size for document in kept.values()) > LARGEST:
        return page(request, visitor, "too_much", status=413)
    return archive([(copy_name(invoice, visitor.language), kept[invoice.document_id]) for invoice in invoices.values()])


@debtor(costly=True)
def table(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The open items as a table for a spreadsheet, and - where the whole account is seen - credits below zero."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";" if visitor.language == "fr" else ",")
    writer.writerow(
        [
            _("Invoice"),
            _("Company"),
            _("Dated"),
            _("Due"),
            _("Your order"),
            _("Currency"),
            _("Amount"),
            _("Left to pay"),
            _("Days late"),
            _("Payment reference"),
        ]
    )
    for item in visible_items(visitor.contact, visitor.family)[:ROWS]:
        writer.writerow(_row(visitor, item))
    if sees_whole_account(visitor.contact):
        writer.writerows(_credits(visitor))
    content = ("\ufeff" + out.getvalue()).encode()
    return saved_file(content, _("account.csv"), "text/csv; charset=utf-8")


def _row(visitor: Visitor, item: Installment) -> list[str]:
    invoice = item.invoice
    return [
        harmless(invoice.number),
        _company(visitor, item.customer_id),
        _day(visitor, invoice.issued_on),
        _day(visitor, item.due_on),
        harmless(invoice.purchase_order),
        invoice.currency,
        _figure(visitor, item.amount, invoice.currency),
        _figure(visitor, item.outstanding, invoice.currency),
        str(max(0, (visitor.today - item.due_on).days)),
        invoice.payment_reference,
    ]


def _credits(visitor: Visitor) -> Iterator[list[str]]:
    payments, notes = unallocated_credits(visitor.family)
    for payment in payments:
        title, name = _("Payment on account"), _company(visitor, payment.customer_id)
        whole, left = (_figure(visitor, -amount, payment.currency) for amount in (payment.amount, payment.unallocated))
        quoted = harmless(payment.reference_text)
        yield [title, name, _day(visitor, payment.received_on), "", "", payment.currency, whole, left, "", quoted]
    for note in notes:
        name = _company(visitor, note.customer_id)
        whole, left = (_figure(visitor, -amount, note.currency) for amount in (note.gross, note.unallocated))
        yield [harmless(note.number), name, _day(visitor, note.issued_on), "", "", note.currency, whole, left, "", ""]


def _company(visitor: Visitor, customer_id: UUID | None) -> str:
    return harmless(visitor.family[customer_id]) if customer_id is not None else ""


def _figure(visitor: Visitor, amount: Decimal, currency: str) -> str:
    """A number a spreadsheet of that language adds up."""
    text = f"{amount:.{minor_units(currency)}f}"
    return text.replace(".", ",") if visitor.language == "fr" else text


def _day(visitor: Visitor, day: date) -> str:
    return format_date(day, "fr", "short") if visitor.language == "fr" else day.isoformat()


@debtor(PortalAction.INSTALMENTS, costly=True)
def agreement(request: HttpRequest, visitor: Visitor, pk: UUID) -> HttpResponse:
    """The agreement of a plan that runs, as it was sent to both sides."""
    view = running_plan(visitor, pk)
    if view is None:
        raise Http404
    document = read_agreement(plan=view.plan, organization=visitor.organization, now=visitor.now)
    return saved_file(documents.read(document), document.filename, document.media_type)
