"""Lists as files: what a list shows under its filters, every page of it, one line each, in CSV or XLSX."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers.models import Customer
from dunning.core.spreadsheets import CSV_TYPE, XLSX_TYPE, Cell, as_csv, as_xlsx
from dunning.dashboard import formatting
from dunning.dashboard.templatetags.words import message_name
from invoices.models import Installment, Payment
from invoices.selectors import kept_indexes
from invoices.selectors.statement import customer_totals
from notifications.models import Message
from scenarios.selectors import with_steps

MOST: Final = 50_000
"""Lines of one file."""
CHUNK: Final = 2_000
Lines = Callable[[list[Any]], Iterator[list[Cell]]]


def asked_for(request: HttpRequest) -> bool:
    """Whether the address asks for the list as a file (`?file=csv` or `xlsx`)."""
    return request.GET.get("file") in ("csv", "xlsx")


def saved_list(
    request: HttpRequest,
    rows: QuerySet[Any] | Sequence[Any],
    *,
    title: str,
    head: Sequence[str],
    lines: Lines,
    today: date,
) -> HttpResponse:
    """The whole list as the file asked for; beyond 50,000 lines, back to the list with a sentence that says so."""
    count = rows.count() if isinstance(rows, QuerySet) else len(rows)
    if count > MOST:
        said = _("This list has %(count)s lines and a file holds %(most)s: narrow it with the filters, then save it.")
        messages.error(request, said % {"count": formatting.number(count), "most": formatting.number(MOST)})
        query = request.GET.copy()
        query.pop("file")
        return redirect(f"{request.path}?{query.urlencode()}")

    def written() -> Iterator[Sequence[Cell]]:
        yield head
        chunk: list[Any] = []
        for row in rows.iterator(chunk_size=CHUNK) if isinstance(rows, QuerySet) else rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                yield from lines(chunk)
                chunk = []
        yield from lines(chunk)

    kind = request.GET["file"]
    content = as_csv(written(), french=formatting.language() == "fr") if kind == "csv" else as_xlsx(written(), title=title)
    answer = HttpResponse(content, content_type=CSV_TYPE if kind == "csv" else XLSX_TYPE)
    answer["Content-Disposition"] = content_disposition_header(True, f"{slugify(title)}-{today.isoformat()}.{kind}") or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer


def invoice_head() -> list[str]:
    return [
        _("Invoice"), _("Customer"), _("Customer number"), _("Issued"), _("Due"), _("Days late"), _("Amount"), _("Left to pay"),
        _("Currency"), _("Next step"), _("On"), _("Why"),
    ]  # fmt: skip


def invoice_lines(items: Sequence[Installment], *, today: date) -> Iterator[list[Cell]]:
    for row in with_steps(items, today=today):
        item, invoice = row.item, row.item.invoice
        late = max(0, row.days_late) if item.outstanding else 0
        told: list[Cell] = [row.next_step, row.next_on, row.reason]
        amounts: list[Cell] = [item.amount, item.outstanding, invoice.currency]
        yield [invoice.number, item.customer.name, item.customer.number, invoice.issued_on, item.due_on, late, *amounts, *told]


def customer_head() -> list[str]:
    return [
        _("Customer"), _("Number"), _("Group"), _("City"), _("Payer index"), _("Overdue"), pgettext("amount", "Open"), _("Currency"),
    ]  # fmt: skip


def customer_lines(customers: Sequence[Customer], *, today: date) -> Iterator[list[Cell]]:
    """A line for each currency a customer owes in; one without an amount for who owes nothing."""
    ids = [customer.pk for customer in customers]
    totals, indexes = customer_totals(ids, today=today), kept_indexes(ids)
    for customer in customers:
        index = indexes.get(customer.pk)
        group = customer.group.name if customer.group is not None else ""
        who: list[Cell] = [customer.name, customer.number, group, customer.city, index.value if index is not None else None]
        owed = totals[customer.pk]
        for currency, (open_, overdue) in sorted(owed.items()):
            yield [*who, overdue, open_, currency]
        if not owed:
            yield [*who, None, None, ""]


def payment_head() -> list[str]:
    return [
        _("Value date"), _("Payer"), _("Customer number"), _("Reference"), _("External reference"), _("Means"), _("Amount"),
        _("Not set against anything"), _("Currency"), _("Cancelled on"),
    ]  # fmt: skip


def payment_lines(payments: Sequence[Payment]) -> Iterator[list[Cell]]:
    for payment in payments:
        customer = payment.customer
        who: list[Cell] = [customer.name if customer is not None else payment.payer_name, customer.number if customer is not None else ""]
        told: list[Cell] = [payment.reference_text, payment.external_reference, str(payment.get_means_display())]
        gone = localtime(payment.cancelled_at).date() if payment.cancelled_at is not None else None
        yield [payment.received_on, *who, *told, payment.amount, payment.unallocated, payment.currency, gone]


def message_head() -> list[str]:
    return [_("Message"), _("Customer"), _("Customer number"), _("Address"), _("Channel"), _("Day"), _("State"), _("Amount"), _("Currency")]


def message_lines(rows: Sequence[Message]) -> Iterator[list[Cell]]:
    for message in rows:
        customer, amount = message.customer, message.amount or None
        to: list[Cell] = [message.recipient, str(message.get_channel_display()), message.planned_on, str(message.get_state_display())]
        who: list[Cell] = [customer.name, customer.number] if customer is not None else ["", ""]
        yield [message_name(message), *who, *to, amount, message.currency if amount else ""]
