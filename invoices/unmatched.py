"""Receipts of nobody yet: who may have sent one, and whose reminders wait for it (rule 8).

A ledger has a hundred thousand open items and a receipt is about a few: those it names, those its amount fits, and the accounts of
customers it may be of are read, never all.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Sum
from django.db.models.functions import Coalesce

from customers.models import Customer
from dunning.core import search
from dunning.core.models import SearchEntry
from invoices.models import Installment, Invoice, Payment, PaymentRequestItem
from invoices.reconciliation import (
    OpenItem,
    Proposal,
    Receipt,
    alike,
    as_items,
    named_items,
    numbers_in,
    open_items,
    propose,
    requested,
    wholly_contested,
)
from invoices.references import find_references

FITTING_CUSTOMERS: Final = 3
"""Rule 8: an amount that fits more customers points at none of them."""


def unmatched_payments() -> list[Payment]:
    """Receipts of nobody yet, oldest first."""
    return list(Payment.objects.filter(customer=None, unallocated__gt=0, cancelled_at=None).order_by("received_on", "pk"))


def proposals_for(payment: Payment) -> list[Proposal]:
    """Who may have sent an unidentified receipt, best evidence first; `[]` for one that is identified, cancelled or used up."""
    if payment.customer_id is not None or payment.cancelled_at is not None or payment.unallocated <= 0:
        return []
    customers = Customer.objects.filter(archived_at=None)
    named = customers.values_list("pk", "name") if payment.payer_name else ()
    names = {pk: name for pk, name in named if alike(payment.payer_name, name)}
    ibans = dict(customers.filter(iban=payment.payer_iban).values_list("pk", "iban")) if payment.payer_iban else {}
    payers = _payers()
    thought_of = {*names, *ibans, *_owing(payment.unallocated, payment.currency), *(item.customer_id for item in _near([payment]))}
    accounts = {payers.get(customer_id, customer_id) for customer_id in thought_of}
    members = accounts | {customer_id for customer_id, payer_id in payers.items() if payer_id in accounts}
    return propose(_receipt_of(payment), open_items(members), names=names, ibans=ibans, payers=payers)


def unmatched_reach() -> dict[UUID, date]:
    """Customers whom an unmatched receipt may be of, with the day the oldest such one was entered (rule 8).

    Reached by a known account, a like name or a reference; by an amount alone only when it fits at most three customers. With who pays
    for others, those are reached.
    """
    payments = unmatched_payments()
    if not payments:
        return {}
    items = _near(payments)
    says_who = any(payment.payer_name or payment.payer_iban for payment in payments)
    customers = list(Customer.objects.filter(archived_at=None).only("name", "iban")) if says_who else []
    paid_for: dict[UUID, list[UUID]] = {}
    for customer_id, payer_id in _payers().items():
        paid_for.setdefault(payer_id, []).append(customer_id)
    reached: dict[UUID, date] = {}
    for payment in payments:
        for found in _reached_by(payment, items, customers):
            for customer_id in (found, *paid_for.get(found, ())):
                reached[customer_id] = min(payment.entered_on, reached.get(customer_id, payment.entered_on))
    return reached


def _near(payments: Sequence[Payment]) -> list[OpenItem]:
    """The open items such receipts may pay by what their texts name or by the amount: the others say nothing of whose they are."""
    texts = [payment.reference_text for payment in payments if payment.reference_text]
    references = {reference for text in texts for reference in find_references(text)}
    numbers = {number[: search.LONGEST] for text in texts for number in numbers_in(text)}
    rows = Installment.objects.select_related("invoice").filter(outstanding__gt=0)
    found = list(rows.filter(outstanding__in={payment.unallocated for payment in payments}))
    if numbers:
        found += rows.filter(invoice__in=SearchEntry.objects.filter(kind="invoice", token__in=numbers).values("object_id"))
    if references:
        asked = PaymentRequestItem.objects.filter(request__reference__in=references)
        found += rows.filter(invoice__in=Invoice.objects.filter(payment_reference__in=references))
        found += rows.filter(pk__in=asked.values("installment"))
    ids = {row.pk: row for row in found}
    return as_items(ids.values(), wholly_contested(ids), requested(ids))


def _owing(amount: Decimal, currency: str) -> set[UUID]:
    """Who pays for an account that owes exactly so much."""
    rows = Installment.objects.filter(outstanding__gt=0, currency=currency).order_by()
    accounts = rows.values(account=Coalesce("customer__payer", "customer")).annotate(owed=Sum("outstanding")).filter(owed=amount)
    return set(accounts.values_list("account", flat=True))


def _payers() -> dict[UUID, UUID]:
    """Who pays for whom: by the customer, the one that pays for it."""
    rows = Customer.objects.exclude(payer=None).values_list("pk", "payer")
    return {customer_id: payer_id for customer_id, payer_id in rows if payer_id is not None}


def _reached_by(payment: Payment, items: Sequence[OpenItem], customers: Sequence[Customer]) -> set[UUID]:
    by_amount = {item.customer_id for item in items if item.currency == payment.currency and item.outstanding == payment.unallocated}
    named = {item.customer_id for item, _evidence in named_items(_receipt_of(payment), items)}
    known = {
        customer.pk
        for customer in customers
        if (payment.payer_iban and customer.iban == payment.payer_iban) or alike(payment.payer_name, customer.name)
    }
    return named | known | (by_amount if len(by_amount) <= FITTING_CUSTOMERS else set())


def _receipt_of(payment: Payment) -> Receipt:
    return Receipt(
        amount=payment.unallocated,
        currency=payment.currency,
        text=payment.reference_text,
        payer_name=payment.payer_name,
        payer_iban=payment.payer_iban,
        customer_id=payment.customer_id,
    )
