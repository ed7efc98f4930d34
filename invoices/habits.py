"""When a customer usually pays, in days after the due date (rule 13, and what a caller wants to know).

Pure. Credit notes say nothing of a habit: only invoices settled by payments are looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median_low
from typing import Final

FEWEST: Final = 3  # paid items below which nothing is called usual
WINDOW_DAYS: Final = 365


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
