"""How late payments come, and how often they come in time (docs/reports.md, "Delays" and "On time"). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from invoices.measures.ageing import share

_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Lateness:
    """Days between due date and payment, weighted by amount; None where nothing was paid.

    `signed` lets early days make up for late ones, `floored` counts them as 0, `late_only` looks at what came late alone.
    """

    amount: Decimal
    signed: Decimal | None
    floored: Decimal | None
    late_only: Decimal | None


def lateness(parts: Iterable[tuple[int, Decimal]]) -> Lateness:
    """The delays of payments given as (days after the due date, negative before it; amount): a payment in parts counts by its parts."""
    amount = late = days_signed = days_late = _NOTHING
    for days, part in parts:
        amount += part
        days_signed += days * part
        if days > 0:
            late += part
            days_late += days * part
    return Lateness(
        amount,
        signed=days_signed / amount if amount else None,
        floored=days_late / amount if amount else None,
        late_only=days_late / late if late else None,
    )


def mean_days(items: Iterable[tuple[int, int]]) -> Decimal | None:
    """The simple mean of days late, early ones as 0, of (days, how many items): every invoice weighs the same."""
    total = days_late = 0
    for days, count in items:
        total += count
        days_late += max(0, days) * count
    return Decimal(days_late) / total if total else None


def weighted_age(items: Iterable[tuple[int, Decimal]]) -> Decimal | None:
    """The age of what is open and overdue, weighted by amount, of (days past the due date, open amount); items not due are left out."""
    return lateness((days, amount) for days, amount in items if days > 0).late_only


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of how many, and how much of how much."""

    met: int = 0
    count: int = 0
    met_amount: Decimal = _NOTHING
    amount: Decimal = _NOTHING

    def __add__(self, other: "Rate") -> "Rate":
        met, count = self.met + other.met, self.count + other.count
        return Rate(met, count, self.met_amount + other.met_amount, self.amount + other.amount)

    @property
    def share(self) -> Decimal | None:
        """Per cent by number; None of nothing."""
        return share(self.met, self.count)

    @property
    def share_by_amount(self) -> Decimal | None:
        """Per cent by amount; None of nothing."""
        return share(self.met_amount, self.amount)


def rate(items: Iterable[tuple[bool, Decimal]]) -> Rate:
    """The rate of those that are met, of (met, amount)."""
    met = count = 0
    met_amount = amount = _NOTHING
    for is_met, value in items:
        count += 1
        amount += value
        if is_met:
            met += 1
            met_amount += value
    return Rate(met, count, met_amount, amount)
