"""Lists of what came in. Called inside `tenant()`."""

from django.db.models import Q, QuerySet

from dunning.core import search
from invoices.models import Allocation, Payment


def list_payments(*, state: str = "", query: str = "") -> QuerySet[Payment]:
    """Receipts with their customer, the latest first: all that count, or "unidentified", "on_account" or "cancelled" ones.

    `query` is searched in customers, and is the beginning of an external reference.
    """
    found = Payment.objects.select_related("customer")
    states = {
        "unidentified": Q(cancelled_at=None, customer=None, unallocated__gt=0),
        "on_account": Q(cancelled_at=None, customer__isnull=False, unallocated__gt=0),
        "cancelled": Q(cancelled_at__isnull=False),
    }
    found = found.filter(states.get(state, Q(cancelled_at=None)))
    if query.strip():
        customers = search.find(kind="customer", query=query)
        found = found.filter(Q(customer__in=customers) | Q(external_reference__startswith=query.strip()))
    return found.order_by("-received_on", "-pk")


def unmatched_count() -> int:
    """How many receipts are of nobody yet."""
    return Payment.objects.filter(customer=None, unallocated__gt=0, cancelled_at=None).count()


def payment_allocations(payment: Payment) -> list[Allocation]:
    """What a receipt was set against, taken back parts included, with their invoices."""
    rows = Allocation.objects.filter(payment=payment).select_related("installment__invoice", "installment__customer")
    return list(rows.order_by("created_at", "pk"))
