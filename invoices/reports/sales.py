"""Sales by month, and the days for which they stay unpaid (docs/reports.md, "Days of sales")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection
from django.db.models import Min

from invoices.measures.ageing import NOT_DUE
from invoices.measures.collection import (
    Measure,
    Month,
    average_days_delinquent,
    best_possible,
    count_back,
    dso,
    effectiveness,
)
from invoices.models import Invoice, MonthlySales
from invoices.owed import Scope
from invoices.reports.ageing import aged_history

PERIOD: Final = 3
"""Months of sales to which receivables are compared."""
LOOK_BACK: Final = 24
"""Months of sales asked for, at most, when receivables are counted back."""


@dataclass(frozen=True, slots=True)
class Sales:
    """What was invoiced and credited in a month (by its first day), incl. VAT.

    `stated` is what a person said they were, None when nobody did; `complete` whether all invoices of the month are known here, because
    they came in as they were issued.
    """

    month: date
    invoiced: Decimal
    credited: Decimal
    stated: Decimal | None
    complete: bool

    @property
    def amount(self) -> Decimal | None:
        """The sales of the month; None when they are not known whole."""
        if self.stated is not None:
            return self.stated
        return self.invoiced - self.credited if self.complete else None


def months_before(last: date, count: int) -> list[date]:
    """The first days of `count` months, that of `last` and those before it, the latest first."""
    place = last.year * 12 + last.month - 1
    return [date((place - n) // 12, (place - n) % 12 + 1, 1) for n in range(count)]


def month_end(first: date) -> date:
    """The last day of the month of that day."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def last_full_month(day: date) -> date:
    """The first day of the latest month that was over at the end of `day`."""
    return day.replace(day=1) if month_end(day) == day else (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def known_since() -> date | None:
    """The day the first invoice was entered: invoices of the months that began on it or later are all here. None without an invoice."""
    found: date | None = Invoice.objects.aggregate(first=Min("entered_on"))["first"]
    return found


def has_sales() -> bool:
    """Whether any invoice is known."""
    return Invoice.objects.exists()


def sales(scope: Scope, *, months: Sequence[date]) -> list[Sales]:
    """The sales of these months (consecutive, the latest first). What a person stated is of the whole organization."""
    since = known_since()
    whole = scope.group_id is None and scope.customer_id is None
    rows = MonthlySales.objects.filter(currency=scope.currency, month__in=list(months)) if whole else MonthlySales.objects.none()
    stated = dict(rows.values_list("month", "amount"))
    nothing = (Decimal(0), Decimal(0))
    found: dict[date, tuple[Decimal, Decimal]] = {}
    sql = f"""
SELECT v.issued_on, coalesce(sum(v.gross) FILTER (WHERE v.kind = 'invoice'), 0),
       coalesce(sum(v.gross) FILTER (WHERE v.kind = 'credit_note'), 0)
FROM {scope.invoices}
WHERE v.issued_on BETWEEN %(first)s AND %(last)s AND v.state = 'issued' AND {scope.invoice_condition}
GROUP BY 1"""  # by day: PostgreSQL adds days up where it reads them, and would sort for months
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, "first": months[-1], "last": month_end(months[0])})
        for day, invoiced, credited in cursor.fetchall():
            before = found.get(month := day.replace(day=1), nothing)
            found[month] = (before[0] + invoiced, before[1] + credited)
    return [
        Sales(month, *found.get(month, nothing), stated=stated.get(month), complete=since is not None and since <= month)
        for month in months
    ]


@dataclass(frozen=True, slots=True)
class DaysOfSales:
    """The measures at the end of one month; `month` is its sales, `receivables` what was open then and `current` the part not due."""

    on: date
    sales: Sales
    receivables: Decimal
    current: Decimal
    dso: Measure
    best: Measure
    delinquent: Measure
    count_back: Measure
    effectiveness: Measure


def days_of_sales(scope: Scope, *, last: date, count: int, today: date) -> list[DaysOfSales]:
    """The measures at the end of `count` months, the latest first; `last` is the first day of the latest, which is over.

    Receivables are everything open, bills and factored items included; receipts and credit notes not set against anything are not deducted:
    the totals of the aged balance on these days.
    """
    known = sales(scope, months=months_before(last, count + LOOK_BACK))
    ends = [month_end(month) for month in months_before(last, count + 1)]
    history = aged_history(scope, days=sorted(ends), today=today)
    totals = [sum(history[end].values(), Decimal(0)) for end in ends]
    found: list[DaysOfSales] = []
    for n in range(count):
        sold = [Month(one.month, one.amount) for one in known[n : n + LOOK_BACK]]
        period, receivables, current = sold[:PERIOD], totals[n], history[ends[n]][NOT_DUE]
        simple, best = dso(receivables, period), best_possible(current, period)
        found.append(
            DaysOfSales(
                on=ends[n],
                sales=known[n],
                receivables=receivables,
                current=current,
                dso=simple,
                best=best,
                delinquent=average_days_delinquent(simple, best),
                count_back=count_back(receivables, sold),
                effectiveness=effectiveness(begin=totals[n + 1], end=receivables, end_current=current, months=sold[:1]),
            )
        )
    return found
