"""Items that were already old at the first import, and what was decided about them (rule 3)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from customers.models import Customer
from dunning.core.selectors import get_profile
from invoices.enums import TriageChoice
from invoices.models import Installment


@dataclass(slots=True)
class Total:
    """Items under one choice, and their amounts by currency."""

    items: int = 0
    customers: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldAccount:
    """A customer's old items under one choice, the oldest due first."""

    customer: Customer
    items: tuple[Installment, ...]
    amounts: dict[str, Decimal]
    oldest_due_on: date


def old_items(choice: str = "") -> QuerySet[Installment]:
    """Open items that were old at the first import; under one choice, or (without) under any."""
    found = Installment.objects.filter(outstanding__gt=0).exclude(triage="")
    return found.filter(triage=choice) if choice else found


def triage_waits() -> bool:
    """Whether any old item waits for a choice."""
    return old_items(TriageChoice.WAITING).exists()


def triage_totals() -> dict[str, Total]:
    """Items, customers and amounts by choice; every choice is there."""
    totals = {choice.value: Total() for choice in TriageChoice}
    for row in old_items().values("triage", "currency").annotate(n=Count("pk"), open=Sum("outstanding")).order_by("triage"):
        total = totals[row["triage"]]
        total.items += row["n"]
        total.amounts[row["currency"]] = row["open"]
    for choice, customers in old_items().values_list("triage").annotate(n=Count("customer", distinct=True)):
        totals[choice].customers = customers
    return totals


def old_customers(choice: str) -> QuerySet[Customer]:
    """Customers with old items under this choice, the largest amount in the organization's own currency first."""
    own = Q(installments__triage=choice, installments__outstanding__gt=0, installments__currency=get_profile().default_currency)
    amount = Sum("installments__outstanding", filter=own)
    return Customer.objects.filter(pk__in=old_items(choice).values("customer")).annotate(old=amount).order_by("-old", "sort_name", "pk")


def old_accounts(customers: Iterable[Customer], choice: str) -> list[OldAccount]:
    """What these customers, in this order, have under the choice."""
    wanted = list(customers)
    found: dict[UUID, list[Installment]] = {customer.pk: [] for customer in wanted}
    items = old_items(choice).select_related("invoice").filter(customer__in=found).order_by("due_on", "pk")
    for item in items:
        found[item.customer_id].append(item)
    return [_account(customer, found[customer.pk]) for customer in wanted if found[customer.pk]]


def _account(customer: Customer, items: list[Installment]) -> OldAccount:
    amounts: dict[str, Decimal] = {}
    for item in items:
        amounts[item.currency] = amounts.get(item.currency, Decimal(0)) + item.outstanding
    return OldAccount(customer, tuple(items), amounts, items[0].due_on)


def chosen_items(*, item_ids: Collection[UUID], customer_ids: Collection[UUID], choice: str) -> list[Installment]:
    """The old items under `choice` that were ticked one by one, or with their customer."""
    ticked = Q(pk__in=list(item_ids)) | Q(customer__in=list(customer_ids))
    return list(old_items(choice).filter(ticked).select_related("invoice").order_by("pk"))
