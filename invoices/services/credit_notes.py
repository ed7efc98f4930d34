"""Credit notes: what an invoice should not have claimed."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core import audit, events, search
from dunning.core.errors import DomainError
from dunning.core.models import Document
from invoices.enums import HoldKind, InvoiceKind, InvoiceState
from invoices.models import Allocation, Hold, ImportBatch, Installment, Invoice
from invoices.services import holds
from invoices.services.allocations import Source, after_allocation, set_against
from invoices.services.balances import announce_credit
from invoices.services.drafts import check_amount
from invoices.services.invoices import SEARCH_KIND, refuse_blank_or_taken, search_tokens
from invoices.services.locks import lock_items


def issue_credit_note(
    *,
    customer: Customer,
    number: str,
    issued_on: date,
    gross: Decimal,
    currency: str = "EUR",
    credited_invoice: Invoice | None = None,
    label: str = "",
    document: Document | None = None,
    batch: ImportBatch | None = None,
    actor: str,
    today: date,
    now: datetime,
) -> Invoice:
    """Record an issued credit note of `gross` (positive, incl. VAT).

    When it names its invoice it is set against its instalments, the last due first, and what exceeds them stays unallocated, as all of it
    does without an invoice. A credit note that was awaited ends its pause, or lowers what is still awaited. Raises DomainError for a taken
    number, a bad amount, or an invoice of another customer or currency, cancelled, or not an invoice.
    """
    check_amount(gross, currency, "gross")
    locked = lock_items(invoice_ids=[credited_invoice.pk] if credited_invoice else [], customer_ids=[customer.pk])
    if customer.pk not in locked.customers:
        raise DomainError(_("This customer does not exist."), code="unknown_customer", field="customer")
    refuse_blank_or_taken(number)
    corrected = locked.invoices[credited_invoice.pk] if credited_invoice else None
    if corrected is not None:
        _refuse_mismatch(corrected, customer, currency)
    note = Invoice.objects.create(
        number=number.strip(),
        kind=InvoiceKind.CREDIT_NOTE,
        customer=locked.customers[customer.pk],
        issued_on=issued_on,
        currency=currency,
        gross=gross,
        unallocated=gross,
        credited_invoice=corrected,
        label=label.strip()[:200],
        document=document,
        batch=batch,
        entered_on=today,
    )
    search.index(kind=SEARCH_KIND, tokens={note.pk: search_tokens(note)}, fresh=True)
    made = _credit(note, [part for part in locked.installments.values() if corrected and part.invoice_id == corrected.pk])
    body = {"number": note.number, "gross": str(gross), "currency": currency, "invoice": corrected.number if corrected else None}
    audit.record(actor=actor, action="credit_note.issued", target=note, body=body, now=now)
    events.emit(type="credit_note.issued", object_type="invoice", object_ids=[note.pk], now=now, fresh=True)
    if corrected is not None:
        _consume_awaited(locked.installments, corrected, gross, actor=actor, today=today, now=now)
    after_allocation(made, locked.installments, reason="credited", actor=actor, today=today, now=now)
    if note.unallocated > 0:
        announce_credit([customer.pk], today=today, now=now)
    return note


def _refuse_mismatch(invoice: Invoice, customer: Customer, currency: str) -> None:
    if invoice.customer_id != customer.pk:
        raise DomainError(_("The credited invoice belongs to another customer."), code="other_customer", field="credited_invoice")
    if invoice.currency != currency:
        raise DomainError(_("A credit note has the currency of its invoice."), code="other_currency", field="currency")
    if invoice.kind != InvoiceKind.INVOICE or invoice.state == InvoiceState.CANCELLED:
        raise DomainError(_("A credit note corrects an invoice that is not cancelled."), code="not_an_invoice", field="credited_invoice")


def _credit(note: Invoice, parts: list[Installment]) -> list[Allocation]:
    pairs, left = [], note.unallocated
    for part in sorted(parts, key=lambda part: (part.due_on, part.position), reverse=True):
        amount = min(left, part.outstanding)
        if amount > 0:
            pairs.append((part, amount))
            left -= amount
    return set_against(Source(credit_note=note), pairs)


def _consume_awaited(
    installments: dict[UUID, Installment], invoice: Invoice, amount: Decimal, *, actor: str, today: date, now: datetime
) -> None:
    """What was awaited on this invoice is there: pauses it covers end, the first one it does not cover awaits the rest."""
    ids = [part.pk for part in installments.values() if part.invoice_id == invoice.pk]
    awaited = Hold.objects.filter(installment__in=ids, kind=HoldKind.CREDIT_NOTE_PENDING, released_on=None).order_by("pk")
    covered: list[Hold] = []
    for hold in awaited:
        if hold.amount is None or hold.amount <= amount:
            covered.append(hold)
            amount -= hold.amount or Decimal(0)
        elif amount > 0:
            hold.amount -= amount
            hold.save(update_fields=["amount"])
            amount = Decimal(0)
    if covered:
        holds.release_holds(covered, reason=_("The credit note was issued."), actor=actor, today=today, now=now)
