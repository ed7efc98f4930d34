"""What the ledger's writes take: plain values, amounts in the currency's main unit, dates as they stand on paper."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _

from customers import identity
from customers.models import Customer
from dunning.core.errors import DomainError
from dunning.core.models import Document
from dunning.core.money import is_currency, to_cents
from invoices.enums import EInvoiceStatus, InstallmentKind, PaymentMeans
from invoices.models import Installment

MOST_AHEAD: Final = timedelta(days=10)
"""Banks announce value dates some days ahead; a later one is a typing error."""


@dataclass(frozen=True, slots=True)
class InstallmentDraft:
    """One due date of an invoice to issue."""

    due_on: date
    amount: Decimal
    kind: str = InstallmentKind.NORMAL
    means: str = ""  # "": the customer's
    triage: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """An invoice to issue. Without `installments` it falls due once, on `due_on`, else on what the customer's terms give."""

    customer: Customer
    number: str
    issued_on: date
    gross: Decimal
    currency: str = "EUR"
    due_on: date | None = None
    delivered_on: date | None = None
    label: str = ""
    purchase_order: str = ""
    payment_reference: str = ""  # "": an RF reference made from the number
    pay_to_iban: str = ""  # "": the organization's
    document: Document | None = None
    delivery_proof: Document | None = None
    e_invoice_status: str = EInvoiceStatus.NONE
    is_factored: bool | None = None  # None: whether the customer has a factor
    installments: tuple[InstallmentDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentDraft:
    """A receipt to record. `received_on` is its value date; `external_reference` its natural key ("" for one typed by hand).

    `allocations` names what it settles; None lets the reconciliation find it, `()` leaves it on account.
    """

    amount: Decimal
    received_on: date
    currency: str = "EUR"
    customer: Customer | None = None
    means: str = PaymentMeans.TRANSFER
    external_reference: str = ""
    reference_text: str = ""
    payer_name: str = ""
    payer_iban: str = ""
    allocations: tuple[tuple[Installment, Decimal], ...] | None = field(default=None)


def check_currency(currency: str) -> None:
    """Raises DomainError unless it is the ISO 4217 code of a currency in use."""
    if not is_currency(currency):
        raise DomainError(
            _("“%s” is not a currency: write three letters of ISO 4217, such as EUR.") % currency, code="bad_currency", field="currency"
        )


def check_amount(amount: Decimal, currency: str, field: str = "amount") -> None:
    """Raises DomainError unless it is positive, below ten digits before the point, and a whole number of the currency's minor units."""
    check_currency(currency)
    try:
        cents = to_cents(amount, currency)
    except ValueError:
        raise DomainError(
            _("%(amount)s is not an amount in %(currency)s.") % {"amount": amount, "currency": currency}, code="bad_amount", field=field
        ) from None
    if cents <= 0:
        raise DomainError(_("An amount must be greater than zero."), code="bad_amount", field=field)
    if amount >= 10**10:
        raise DomainError(_("%s is more than this product keeps.") % amount, code="bad_amount", field=field)
    if amount != amount.quantize(Decimal("0.01")):
        raise DomainError(_("Amounts are kept with two decimals."), code="bad_amount", field=field)


def check_value_date(received_on: date, today: date) -> None:
    """Raises DomainError for a day on which nobody can know yet that money will be there."""
    if received_on > today + MOST_AHEAD:
        raise DomainError(
            _("A value date lies %(days)s days ahead at most: correct it, or record the receipt once the money is there.")
            % {"days": MOST_AHEAD.days},
            code="too_late",
            field="received_on",
        )


def clean_pay_to(iban: str) -> str:
    """The IBAN printed on an invoice, checked."""
    return identity.clean_iban(iban, field="pay_to_iban")
