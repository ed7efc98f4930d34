"""The aged balance: what is open by how long it has been due (docs/reports.md, "Aged balance"). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

NOT_DUE: Final = "not_due"
LIMITS: Final = ((0, NOT_DUE), (30, "1-30"), (60, "31-60"), (90, "61-90"))
"""The last day past the due date of each column; beyond them comes `OLDEST`."""
OLDEST: Final = "90+"
BUCKETS: Final = (*(label for _limit, label in LIMITS), OLDEST)
_NOTHING: Final = Decimal(0)
_HUNDRED: Final = Decimal(100)


def bucket_of(days_late: int) -> str:
    """The column of an item that many days past its due date; on its due date and before, it is not due."""
    return next((label for limit, label in LIMITS if days_late <= limit), OLDEST)


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands under one heading: how many items, and how much."""

    count: int = 0
    amount: Decimal = _NOTHING

    def __add__(self, other: "Cell") -> "Cell":
        return Cell(self.count + other.count, self.amount + other.amount)


@dataclass(frozen=True, slots=True)
class Aged:
    """One line of an aged balance, a cell for each of `BUCKETS` in order."""

    cells: tuple[Cell, ...]

    @property
    def total(self) -> Cell:
        return sum(self.cells, Cell())

    @property
    def overdue(self) -> Cell:
        return sum(self.cells[1:], Cell())

    @property
    def overdue_share(self) -> Decimal | None:
        """Per cent of what is open that is overdue."""
        return share(self.overdue.amount, self.total.amount)

    def cell(self, bucket: str) -> Cell:
        return self.cells[BUCKETS.index(bucket)]


def aged(items: Iterable[tuple[int, Decimal]]) -> Aged:
    """The aged balance of items given as (days past the due date, open amount)."""
    found = dict.fromkeys(BUCKETS, Cell())
    for days_late, amount in items:
        bucket = bucket_of(days_late)
        found[bucket] += Cell(1, amount)
    return Aged(tuple(found.values()))


def share(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """`part` in per cent of `whole`, unrounded; None when there is no whole."""
    return _HUNDRED * part / whole if whole else None
