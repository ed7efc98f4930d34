"""A customer's account, as the ledger has it to the cent (rule 5)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.db.models import Sum

from invoices.enums import InvoiceKind, InvoiceState
from invoices.models import Installment, Invoice, Payment, WriteOff
from invoices.selectors.items import ItemView, open_items, unallocated_credits, view_items

_NOTHING = Decimal(0)


class LineKind(StrEnum):
    ITEM = "item"
    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: an open item (positive), or money and credit notes not set against anything yet (negative)."""

    kind: LineKind
    customer_id: UUID
    number: str
    on: date
    due_on: date | None
    amount: Decimal
    item: ItemView | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One currency of an account: `net` = the sum of the lines = what is owed now; `overdue` counts items past their due date, gross."""

    currency: str
    lines: tuple[Line, ...]
    net: Decimal
    overdue: Decimal
    not_due: Decimal
    credits: Decimal
    chased: Decimal


def customer_statement(customer_ids: Collection[UUID], *, today: date) -> list[Statement]:
    """The account of these customers (one, or a payer with those it pays for), one statement for each currency, by code.

    Items come first, the oldest due first, then credits; a customer who owes nothing and is owed nothing has no statement.
    """
    lines: dict[str, list[Line]] = {}
    items = open_items(customer_ids=customer_ids).select_related(None).select_related("invoice")  # their customers are known
    for view in view_items(items, today=today):
        item = view.installment
        line = Line(LineKind.ITEM, item.customer_id, item.invoice.number, item.invoice.issued_on, item.due_on, item.outstanding, view)
        lines.setdefault(item.invoice.currency, []).append(line)
    payments, notes = unallocated_credits(customer_ids)
    for payment in payments:
        if payment.customer_id is not None:
            label = payment.reference_text or payment.external_reference
            line = Line(LineKind.PAYMENT, payment.customer_id, label, payment.received_on, None, -payment.unallocated)
            lines.setdefault(payment.currency, []).append(line)
    for note in notes:
        line = Line(LineKind.CREDIT_NOTE, note.customer_id, note.number, note.issued_on, None, -note.unallocated)
        lines.setdefault(note.currency, []).append(line)
    return [_statement(currency, found, today) for currency, found in sorted(lines.items())]


def _statement(currency: str, lines: list[Line], today: date) -> Statement:
    overdue = sum((line.amount for line in lines if line.due_on is not None and line.due_on < today), _NOTHING)
    not_due = sum((line.amount for line in lines if line.due_on is not None and line.due_on >= today), _NOTHING)
    credits = sum((line.amount for line in lines if line.due_on is None), _NOTHING)
    return Statement(
        currency=currency,
        lines=tuple(lines),
        net=overdue + not_due + credits,
        overdue=overdue,
        not_due=not_due,
        credits=credits,
        chased=sum((line.item.chased for line in lines if line.item is not None and line.item.days_late > 0), _NOTHING),
    )


def ledger_balance(customer_ids: Collection[UUID]) -> dict[str, Decimal]:
    """What the documents say, by currency: invoices − credit notes − receipts − amounts given up.

    Worked out from the documents alone, never from what is left on items: the control of every statement, and of an accountant's balance
    411. It holds for customers whose receipts paid nobody else's items; take a payer together with those it pays for.
    """
    found: dict[str, Decimal] = {}

    def add(currency: str, amount: Decimal) -> None:
        found[currency] = found.get(currency, _NOTHING) + amount

    documents = Invoice.objects.filter(customer__in=customer_ids, state=InvoiceState.ISSUED)
    for kind, currency, total in documents.values_list("kind", "currency").annotate(total=Sum("gross")).order_by():
        add(currency, total if kind == InvoiceKind.INVOICE else -total)
    receipts = Payment.objects.filter(customer__in=customer_ids, cancelled_at=None)
    for currency, total in receipts.values_list("currency").annotate(total=Sum("amount")).order_by():
        add(currency, -total)
    given_up = WriteOff.objects.filter(
        installment__customer__in=customer_ids, installment__invoice__state=InvoiceState.ISSUED, reversed_at=None
    )
    for currency, total in given_up.values_list("installment__currency").annotate(total=Sum("amount")).order_by():
        add(currency, -total)
    return {currency: amount for currency, amount in sorted(found.items()) if amount}


def customer_totals(customer_ids: Collection[UUID], *, today: date) -> dict[UUID, dict[str, tuple[Decimal, Decimal]]]:
    """For a list: each customer's open and overdue amounts by currency, gross, in one query."""
    totals: dict[UUID, dict[str, tuple[Decimal, Decimal]]] = {identifier: {} for identifier in customer_ids}
    rows = Installment.objects.filter(customer__in=customer_ids, outstanding__gt=0).values_list(
        "customer_id", "currency", "due_on", "outstanding"
    )
    for customer_id, currency, due_on, outstanding in rows:
        open_, overdue = totals[customer_id].get(currency, (_NOTHING, _NOTHING))
        totals[customer_id][currency] = (open_ + outstanding, overdue + (outstanding if due_on < today else _NOTHING))
    return totals
