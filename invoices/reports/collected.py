"""What was collected, by who is in charge of the customer, against what was to be (docs/reports.md, "Collected")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection

from invoices.measures.ageing import Cell
from invoices.models import CollectionTarget
from invoices.owed import Scope
from invoices.reports.delays import Period


def collected_by_owner(scope: Scope, period: Period) -> dict[UUID | None, Cell]:
    """Receipts valued in the period by the account owner of their customer; None for those without, unidentified receipts among them.

    All together they are the receipts of the period: what is on account counts, what was cancelled does not.
    """
    sql = f"""
SELECT c.account_owner_id, count(*), sum(p.amount)
FROM invoices_payment p LEFT JOIN customers_customer c ON c.organization_id = p.organization_id AND c.id = p.customer_id
WHERE p.received_on BETWEEN %(first)s AND %(last)s AND p.cancelled_at IS NULL AND {scope.condition.replace("v.currency", "p.currency")}
GROUP BY 1"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, "first": period.first, "last": period.last})
        return {owner: Cell(count, amount) for owner, count, amount in cursor.fetchall()}


def collected_by_month(scope: Scope, period: Period) -> dict[date, Cell]:
    """Receipts valued in the period by month (its first day)."""
    sql = f"""
SELECT date_trunc('month', p.received_on)::date, count(*), sum(p.amount)
FROM invoices_payment p LEFT JOIN customers_customer c ON c.organization_id = p.organization_id AND c.id = p.customer_id
WHERE p.received_on BETWEEN %(first)s AND %(last)s AND p.cancelled_at IS NULL AND {scope.condition.replace("v.currency", "p.currency")}
GROUP BY 1"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, "first": period.first, "last": period.last})
        return {month: Cell(count, amount) for month, count, amount in cursor.fetchall()}


def targets(*, currency: str, months: Sequence[date]) -> dict[date, Mapping[UUID | None, Decimal]]:
    """What is to be collected in each of these months (first days) by person, and (None) by the organization: the latest target set for it
    or for an earlier month. Who has none is left out."""
    rows = list(
        CollectionTarget.objects.filter(currency=currency, since__lte=max(months))
        .order_by("since")
        .values_list("since", "user_id", "amount")
    )
    found: dict[date, Mapping[UUID | None, Decimal]] = {}
    for month in months:
        latest: dict[UUID | None, Decimal] = {user: amount for since, user, amount in rows if since <= month}
        found[month] = {user: amount for user, amount in latest.items() if amount}
    return found
