"""The payment terms of a customer, read from its record."""

from functools import lru_cache
from typing import Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.enums import CustomerKind
from customers.models import Customer
from dunning.core.money import format_date
from invoices.terms import EndOfMonth, PaymentTerms, TermsWarning, Trade, WarningCode, check_terms

_TRADES: Final = {CustomerKind.BUSINESS: Trade.GENERAL, CustomerKind.PUBLIC: Trade.PUBLIC_AUTHORITY}


def terms_words(customer: Customer) -> list[str]:
    """What the law has against the terms of a French business or public buyer: longer than it allows, by how much and when."""
    if customer.country != "FR" or customer.kind not in _TRADES:
        return []
    return [
        _("An invoice of %(day)s would fall due %(days)s days beyond the legal maximum (%(article)s): a fine threatens.")
        % {"day": format_date(warning.example_on, (get_language() or "fr")[:2]), "days": warning.days_over, "article": warning.article}
        for warning in _checked(customer_terms(customer), _TRADES[CustomerKind(customer.kind)])
        if warning.code == WarningCode.ABOVE_MAXIMUM
    ]


@lru_cache(maxsize=256)
def _checked(terms: PaymentTerms, trade: Trade) -> tuple[TermsWarning, ...]:
    """Four years of days are looked at, once for all customers of the same terms."""
    return tuple(check_terms(terms, trade))


def customer_terms(customer: Customer) -> PaymentTerms:
    """The terms agreed with the customer; what an invoice without a due date follows."""
    return PaymentTerms(customer.payment_days, EndOfMonth(customer.payment_end_of_month), customer.payment_day_of_month)
