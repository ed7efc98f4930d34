"""Customers nobody can write an e-mail to, by what they owe."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Sum

from customers.models import Customer
from customers.selectors import without_email
from invoices.models import Installment


@dataclass(frozen=True, slots=True)
class Unreachable:
    """`customers` with something overdue and no address, their overdue amounts by currency; `rows`: the first of them by amount."""

    customers: int
    amounts: dict[str, Decimal]
    rows: list[tuple[Customer, dict[str, Decimal]]]


def unreachable(*, today: date, limit: int = 100) -> Unreachable:
    """Customers without a usable e-mail address who are overdue, the largest amount of any currency first."""
    overdue = Installment.objects.filter(outstanding__gt=0, due_on__lt=today, customer__in=without_email().values("pk"))
    totals = dict(overdue.values_list("currency").annotate(open=Sum("outstanding")).order_by("currency"))
    count = overdue.aggregate(n=Count("customer", distinct=True))["n"]
    largest = overdue.values_list("customer_id", "currency").annotate(open=Sum("outstanding")).order_by("-open", "customer_id")
    amounts: dict[object, dict[str, Decimal]] = {}
    for customer_id, currency, amount in largest[: 2 * limit]:
        amounts.setdefault(customer_id, {})[currency] = amount
    shown = list(amounts)[:limit]
    customers = Customer.objects.in_bulk(shown)
    return Unreachable(count, totals, [(customers[pk], amounts[pk]) for pk in shown if pk in customers])
