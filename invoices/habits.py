"""When a customer usually pays, in days after the due date (rule 13, and what a caller wants to know).

Pure. Credit notes say nothing of a habit: only invoices settled by payments are looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median_low
from typing import Final

FEWEST: Final = 3  # paid items below which nothing is called usual
WINDOW_DAYS: Final = 365
FEWEST_STEADY: Final = 6
"""Items paid about the usual day below which nobody is waited for (rule 13)."""
ABOUT: Final = 4
"""Days before and after the usual day that are still about it."""
LATEST_USUAL: Final = 15
"""A usual delay above so many days is a bad habit."""


@dataclass(frozen=True, slots=True)
class Habit:
    """The usual delay: the median of `items` paid, in days after the due date (negative: before it); the last was paid on `latest`."""

    days: int
    items: int
    latest: date


def habit(paid: Sequence[tuple[date, date]]) -> Habit | None:
    """The habit told by (due day, day paid in full) of each item; None when fewer than three were paid."""
    if len(paid) < FEWEST:
        return None
    return Habit(median_low((paid_on - due_on).days for due_on, paid_on in paid), len(paid), max(paid_on for _due_on, paid_on in paid))


@dataclass(frozen=True, slots=True)
class SteadyHabit:
    """A good payer's habit (rule 13): `items` of `paid` items came within four days of `days` after the due date, the first on `first_on`,
    the last on `latest_on`. `usual_amount` is the median of all that was paid."""

    days: int
    usual_amount: Decimal
    items: int
    paid: int
    first_on: date
    latest_on: date


def steady_habit(paid: Sequence[tuple[date, date, Decimal]]) -> SteadyHabit | None:
    """The habit by which a good payer is waited for, told by (due day, day paid in full, amount) of a year's items in one currency.

    None unless at least six items, and most of them, came within four days of the usual delay, and that is one to fifteen days after the
    due date: who pays earlier is waited for by nobody, who pays later has no good habit.
    """
    if not paid:
        return None
    usual = median_low((paid_on - due_on).days for due_on, paid_on, _amount in paid)
    about = [paid_on for due_on, paid_on, _amount in paid if abs((paid_on - due_on).days - usual) <= ABOUT]
    if not 1 <= usual <= LATEST_USUAL or len(about) < FEWEST_STEADY or len(about) * 2 <= len(paid):
        return None
    amount = median_low(amount for _due_on, _paid_on, amount in paid)
    return SteadyHabit(usual, amount, len(about), len(paid), min(about), max(about))
