"""Words shared by the ledger's stories: one organization, services called with the day they happen on."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from customers.models import Customer
from invoices import services
from invoices.models import Installment, Invoice, Payment
from invoices.services import InvoiceDraft, PaymentDraft

CLAIRE = "user:claire"
PAUL = "user:paul"


def at(day: date, actor: str = CLAIRE) -> dict[str, Any]:
    """What every write takes: who, on which day, at which moment."""
    return {"actor": actor, "today": day, "now": datetime(day.year, day.month, day.day, 9, tzinfo=UTC)}


def bill(customer: Customer, amount: str, *, issued_on: date, due_on: date, number: str, **fields: Any) -> Installment:
    """Issue an invoice of one instalment, which is returned."""
    draft = InvoiceDraft(customer=customer, number=number, issued_on=issued_on, due_on=due_on, gross=Decimal(amount), **fields)
    return only_part(services.issue_invoice(draft=draft, **at(issued_on)))


def only_part(invoice: Invoice) -> Installment:
    return Installment.objects.select_related("invoice").get(invoice=invoice)


def pay(customer: Customer | None, amount: str, *, on: date, entered_on: date | None = None, **fields: Any) -> Payment:
    """Record a receipt valued `on`, entered the same day unless said."""
    draft = PaymentDraft(customer=customer, amount=Decimal(amount), received_on=on, **fields)
    return services.record_payment(draft=draft, **at(entered_on or on)).payment


def left(item: Installment) -> Decimal:
    """What the database says is left to pay."""
    return Installment.objects.get(pk=item.pk).outstanding


def unallocated(payment: Payment) -> Decimal:
    return Payment.objects.get(pk=payment.pk).unallocated
