"""One order of locks for every write about what is owed: customers, invoices, instalments, then payments, each by pk."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import lock_customers
from dunning.core.errors import DomainError
from invoices.models import Installment, Invoice, Payment


@dataclass(frozen=True, slots=True)
class Locked:
    """Rows read again under their locks, by id. Every instalment's `invoice` and `customer` are the locked ones."""

    customers: dict[UUID, Customer]
    invoices: dict[UUID, Invoice]
    installments: dict[UUID, Installment]

    def installment(self, identifier: UUID) -> Installment:
        """Raises DomainError for an instalment of another organization, or none."""
        if identifier not in self.installments:
            raise DomainError(_("This instalment does not exist."), code="unknown_installment", field="installment")
        return self.installments[identifier]


def lock_items(
    installment_ids: Iterable[UUID] = (), *, invoice_ids: Iterable[UUID] = (), customer_ids: Iterable[UUID] = (), open_items: bool = False
) -> Locked:
    """Lock these instalments, and every instalment of these invoices, under their customers and invoices.

    `open_items` also locks every open instalment of `customer_ids`. Which customer and invoice an instalment belongs to never changes,
    so that it may be read before the locks.
    """
    wanted = set(installment_ids)
    owners = list(Installment.objects.filter(pk__in=wanted).values_list("invoice_id", "customer_id")) if wanted else []
    named = set(invoice_ids)
    invoice_ids = {*named, *(invoice for invoice, _customer in owners)}
    customer_ids = {*customer_ids, *(customer for _invoice, customer in owners)}
    explicit = set(invoice_ids)
    if named:
        customer_ids |= set(Invoice.objects.filter(pk__in=named).values_list("customer_id", flat=True))
    customers = lock_customers(customer_ids)
    if open_items:
        found = Installment.objects.filter(customer__in=customer_ids, outstanding__gt=0).values_list("invoice_id", flat=True)
        invoice_ids |= set(found)
    invoices = {invoice.pk: invoice for invoice in Invoice.objects.select_for_update(no_key=True).filter(pk__in=invoice_ids).order_by("pk")}
    rows = Installment.objects.select_for_update(no_key=True).filter(invoice__in=invoices).order_by("pk")
    installments = {row.pk: row for row in rows if row.invoice_id in explicit or row.outstanding > 0}
    for row in installments.values():
        row.invoice = invoices[row.invoice_id]
        row.customer = row.invoice.customer = customers[row.customer_id]
    return Locked(customers, invoices, installments)


def lock_item(installment: Installment | UUID) -> Installment:
    """Lock one instalment. Raises DomainError when it does not exist here."""
    identifier = installment if isinstance(installment, UUID) else installment.pk
    return lock_items([identifier]).installment(identifier)


def lock_payment(payment: Payment | UUID) -> Payment:
    """Lock a payment, after its instalments. Raises DomainError when it does not exist here."""
    identifier = payment if isinstance(payment, UUID) else payment.pk
    found = Payment.objects.select_for_update(no_key=True).filter(pk=identifier).first()
    if found is None:
        raise DomainError(_("This payment does not exist."), code="unknown_payment", field="payment")
    return found
