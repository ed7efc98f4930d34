"""The payment terms of a customer, read from its record."""

from customers.models import Customer
from invoices.terms import EndOfMonth, PaymentTerms


def customer_terms(customer: Customer) -> PaymentTerms:
    """The terms agreed with the customer; what an invoice without a due date follows."""
    return PaymentTerms(customer.payment_days, EndOfMonth(customer.payment_end_of_month), customer.payment_day_of_month)
