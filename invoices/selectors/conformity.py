"""Is this invoice fit to be chased? What is checked before a debtor can object to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.utils.translation import gettext as _
from stdnum import iban as stdnum_iban

from customers.enums import CustomerKind, PaymentMeans
from customers.models import Contact
from dunning.core.models import OrganizationProfile
from dunning.core.money import format_date
from dunning.core.selectors import get_profile
from invoices.models import Installment, Invoice
from invoices.selectors.terms import customer_terms
from invoices.terms import Trade, latest_due_date


class ProblemCode(StrEnum):
    AMOUNT = "amount"
    IBAN_MISSING = "iban_missing"
    IBAN_INVALID = "iban_invalid"
    IBAN_DIFFERS = "iban_differs"
    PURCHASE_ORDER = "purchase_order"
    IDENTIFIER = "identifier"
    DUE_DATE = "due_date"
    DUE_DATE_ILLEGAL = "due_date_illegal"
    RECIPIENT = "recipient"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Problem:
    """`blocking` ones hold messages about the invoice; the others are worth a look. `message` says what to do."""

    code: ProblemCode
    message: str
    blocking: bool = False


def check_invoice(invoice: Invoice, *, language: str = "fr") -> list[Problem]:
    """What a debtor could object to: amount, IBAN, order number, SIRET, due date, recipient, copy; `[]` when nothing."""
    profile = get_profile()
    parts = list(Installment.objects.filter(invoice=invoice).order_by("position"))
    contacts = list(Contact.objects.filter(customer=invoice.customer_id, is_active=True))
    return [
        *_amount(invoice, parts),
        *_iban(invoice, profile, parts),
        *_mentions(invoice),
        *_due_date(invoice, parts, language),
        *_recipient(invoice, contacts),
    ]


def _amount(invoice: Invoice, parts: Sequence[Installment]) -> list[Problem]:
    if sum((part.amount for part in parts), Decimal(0)) == invoice.gross:
        return []
    return [Problem(ProblemCode.AMOUNT, _("The instalments do not add up to the invoice's amount."), blocking=True)]


def _iban(invoice: Invoice, profile: OrganizationProfile, parts: Sequence[Installment]) -> list[Problem]:
    if not any(part.means == PaymentMeans.TRANSFER for part in parts):
        return []
    if not invoice.pay_to_iban:
        return [Problem(ProblemCode.IBAN_MISSING, _("The invoice names no IBAN to pay to: add it."), blocking=True)]
    if not stdnum_iban.is_valid(invoice.pay_to_iban):
        return [Problem(ProblemCode.IBAN_INVALID, _("The invoice's IBAN is wrong: correct it."), blocking=True)]
    if not invoice.is_factored and profile.iban and invoice.pay_to_iban != profile.iban:
        return [Problem(ProblemCode.IBAN_DIFFERS, _("The invoice bears another IBAN than your settings: check which one is right."))]
    return []


def _mentions(invoice: Invoice) -> list[Problem]:
    customer, found = invoice.customer, []
    if customer.kind == CustomerKind.PUBLIC and not invoice.purchase_order:
        found.append(Problem(ProblemCode.PURCHASE_ORDER, _("A public body pays against its order number: ask for it.")))
    professional = customer.kind in (CustomerKind.BUSINESS, CustomerKind.PUBLIC)
    if professional and customer.country == "FR" and not (customer.siret or customer.siren):
        found.append(Problem(ProblemCode.IDENTIFIER, _("The customer's SIRET is missing: enter it on the customer.")))
    if professional and customer.country != "FR" and not customer.vat_number:
        found.append(Problem(ProblemCode.IDENTIFIER, _("The customer's VAT number is missing: enter it on the customer.")))
    if invoice.document_id is None:
        found.append(Problem(ProblemCode.COPY, _("The copy of the invoice is missing: a registered letter waits for it.")))
    return found


def _due_date(invoice: Invoice, parts: Sequence[Installment], language: str) -> list[Problem]:
    customer = invoice.customer
    if len(parts) != 1 or invoice.due_on is None:
        return []
    terms = customer_terms(customer)
    trade = {CustomerKind.PUBLIC: Trade.PUBLIC_AUTHORITY}.get(CustomerKind(customer.kind), Trade.GENERAL)
    if customer.kind in (CustomerKind.BUSINESS, CustomerKind.PUBLIC) and customer.country == "FR":
        limit = latest_due_date(trade, issued_on=invoice.issued_on, delivered_on=invoice.delivered_on, terms=terms)
        if invoice.due_on > limit:
            words = _("The due date lies beyond the legal maximum, %s.") % format_date(limit, language)
            return [Problem(ProblemCode.DUE_DATE_ILLEGAL, words)]
    expected = terms.due_date(invoice.issued_on)
    if invoice.due_on != expected:
        words = _("The customer's terms give %s as the due date: check the invoice or the terms.") % format_date(expected, language)
        return [Problem(ProblemCode.DUE_DATE, words)]
    return []


def _recipient(invoice: Invoice, contacts: Sequence[Contact]) -> list[Problem]:
    customer = invoice.customer
    if not any(contact.email for contact in contacts) and not (customer.address_line1 and customer.city):
        return [Problem(ProblemCode.RECIPIENT, _("The customer has neither an e-mail address nor a postal one."), blocking=True)]
    return []
