"""How long sales stay unpaid, three ways, and how well what could be collected was (docs/reports.md, "Days of sales"). Pure.

Sales and receivables include VAT, both, in one currency.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

_NOTHING: Final = Decimal(0)
_HUNDRED: Final = Decimal(100)


class Lack(StrEnum):
    """Why a measure cannot be given."""

    SALES = "sales"
    """The sales of some months are not known whole."""
    NO_SALES = "no_sales"
    """Nothing was sold in the period."""
    NOTHING_DUE = "nothing_due"
    """There was nothing to collect."""
    HISTORY = "history"
    """Too little happened so far to learn from."""
    PRICE = "price"
    """Nobody said what it costs."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A measure that is not available, and what it lacks: for SALES the first days of the months that are missing, latest first."""

    lack: Lack
    months: tuple[date, ...] = ()


Measure = Decimal | Missing


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month by its first day. `sales`: invoices less credit notes issued in it, incl. VAT; None when not known whole."""

    first: date
    sales: Decimal | None

    @property
    def days(self) -> int:
        return monthrange(self.first.year, self.first.month)[1]


def dso(receivables: Decimal, months: Sequence[Month]) -> Measure:
    """Days sales outstanding, simple: receivables at the end / sales of these months × their days."""
    sales = _sales(months)
    return sales if isinstance(sales, Missing) else receivables / sales * sum(month.days for month in months)


def best_possible(current: Decimal, months: Sequence[Month]) -> Measure:
    """What the DSO would be if nothing were late: receivables that are not due yet / sales × days."""
    return dso(current, months)


def average_days_delinquent(found: Measure, best: Measure) -> Measure:
    """DSO − best possible DSO: the days that lateness adds."""
    if isinstance(found, Missing) or isinstance(best, Missing):
        return found if isinstance(found, Missing) else best
    return found - best


def count_back(receivables: Decimal, months: Sequence[Month]) -> Measure:
    """Days sales outstanding by exhaustion: months of sales are taken off the receivables, the latest (the first of `months`) first.

    A month used up counts its days, the one in which nothing is left its share of them. Missing when the receivables outlast the months
    whose sales are known; the month after those is named.
    """
    left, days = receivables, _NOTHING
    for month in months:
        if left <= 0:
            break
        if month.sales is None:
            return Missing(Lack.SALES, (month.first,))
        if month.sales > left:
            return days + left / month.sales * month.days
        left -= max(_NOTHING, month.sales)  # a month of more credit notes than invoices pays nothing back
        days += month.days
    if left > 0:
        last = months[-1].first if months else None
        return Missing(Lack.SALES, () if last is None else (_month_before(last),))
    return days


def effectiveness(*, begin: Decimal, end: Decimal, end_current: Decimal, months: Sequence[Month]) -> Measure:
    """Collection effectiveness index, per cent: of what could be collected in these months, what was.

    (begin + sales/N − end) / (begin + sales/N − end not due) × 100, with the receivables at the beginning and the end, and N months.
    """
    sales = _sales(months)
    if isinstance(sales, Missing):
        if sales.lack == Lack.SALES:
            return sales
        sales = _NOTHING
    base = begin + sales / max(1, len(months))
    return (base - end) / (base - end_current) * _HUNDRED if base != end_current else Missing(Lack.NOTHING_DUE)


def _sales(months: Sequence[Month]) -> Measure:
    """Sales of all the months together, above zero."""
    unknown = tuple(month.first for month in months if month.sales is None)
    if unknown:
        return Missing(Lack.SALES, tuple(sorted(unknown, reverse=True)))
    total = sum((month.sales or _NOTHING for month in months), _NOTHING)
    return total if total > 0 else Missing(Lack.NO_SALES)


def _month_before(first: date) -> date:
    return date(first.year - 1, 12, 1) if first.month == 1 else date(first.year, first.month - 1, 1)
