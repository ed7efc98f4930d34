"""Lists of what came in. Called inside `tenant()`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from customers.models import CustomerGroup
from dunning.core import search
from invoices.models import Allocation, Payment

NOBODY: Final = "none"


@dataclass(frozen=True, slots=True)
class Received:
    """Receipts valued from `first` through `last`, in a currency, of a group's customers, and of those an owner is in charge of.

    `owner` None: whoever is; NOBODY: customers without an owner, and receipts of nobody.
    """

    first: date
    last: date
    currency: str = ""
    group: CustomerGroup | None = None
    owner: UUID | str | None = None

    @property
    def condition(self) -> Q:
        found = Q(received_on__range=(self.first, self.last))
        if self.currency:
            found &= Q(currency=self.currency)
        if self.group is not None:
            found &= Q(customer__group=self.group)
        if self.owner is not None:
            found &= Q(customer__account_owner=None) if self.owner == NOBODY else Q(customer__account_owner=self.owner)
        return found


def list_payments(*, state: str = "", query: str = "", received: Received | None = None) -> QuerySet[Payment]:
    """Receipts with their customer, the latest first: all that count, or "unidentified", "on_account" or "cancelled" ones.

    `query` is searched in customers, and is the beginning of an external reference.
    """
    found = Payment.objects.select_related("customer")
    if received is not None:
        found = found.filter(received.condition)
    states = {
        "unidentified": Q(cancelled_at=None, customer=None, unallocated__gt=0),
        "on_account": Q(cancelled_at=None, customer__isnull=False, unallocated__gt=0),
        "cancelled": Q(cancelled_at__isnull=False),
    }
    found = found.filter(states.get(state, Q(cancelled_at=None)))
    if query.strip():
        customers = search.find(kind="customer", query=query)
        found = found.filter(Q(customer__in=customers) | Q(external_reference__startswith=query.replace("\0", "").strip()))
    return found.order_by("-received_on", "-pk")


def sum_of_payments(payments: QuerySet[Payment]) -> dict[str, Decimal]:
    """What these receipts come to, by currency."""
    found = payments.order_by().values_list("currency").annotate(total=Sum("amount")).order_by("currency")
    return dict(found)


def unmatched_count() -> int:
    """How many receipts are of nobody yet."""
    return Payment.objects.filter(customer=None, unallocated__gt=0, cancelled_at=None).count()


def payment_allocations(payment: Payment) -> list[Allocation]:
    """What a receipt was set against, taken back parts included, with their invoices."""
    rows = Allocation.objects.filter(payment=payment).select_related("installment__invoice", "installment__customer")
    return list(rows.order_by("created_at", "pk"))
