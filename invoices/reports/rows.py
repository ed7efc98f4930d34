"""What a report counts, item by item: the figure and the list it links to are the same rows."""

# ruff: noqa: S608 - the texts are the reports' own; every value is a parameter

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, overload
from uuid import UUID

from django.db import connection

from invoices.measures.ageing import Cell


@dataclass(frozen=True, slots=True)
class Rows:
    """`sql` selects (id of the item, its line in the report, the amount it counts for), with the parameters `values`.

    An item may come several times (two promises); then each counts.
    """

    sql: str
    values: Mapping[str, Any]

    def cells(self) -> dict[str, Cell]:
        """How many and how much on each line."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT line, count(*), sum(amount) FROM ({self.sql}) counted (id, line, amount) GROUP BY line", self.values)
            return {line: Cell(count, amount) for line, count, amount in cursor.fetchall()}


class CountedItems(Sequence[tuple[UUID, Decimal]]):
    """The items on some lines of a report with the amount each counts for, the oldest due first: a page at a time, for a list."""

    def __init__(self, rows: Rows, lines: Collection[str]) -> None:
        self._rows, self._lines = rows, sorted(lines)
        self._cell: Cell | None = None

    @property
    def total(self) -> Cell:
        """How many, and how much together: the figure of the report."""
        if self._cell is None:
            cells = self._rows.cells()
            self._cell = sum((cells[line] for line in self._lines if line in cells), Cell())
        return self._cell

    def __len__(self) -> int:
        return self.total.count

    def __iter__(self) -> Iterator[tuple[UUID, Decimal]]:
        return iter(self[:])

    @overload
    def __getitem__(self, index: int) -> tuple[UUID, Decimal]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[UUID, Decimal]]: ...
    def __getitem__(self, index: int | slice) -> tuple[UUID, Decimal] | list[tuple[UUID, Decimal]]:
        if isinstance(index, int):
            return self[index : index + 1][0]
        start, stop = index.start or 0, index.stop
        sql = f"""
SELECT counted.id, counted.amount FROM ({self._rows.sql}) counted (id, line, amount)
JOIN invoices_installment i ON i.id = counted.id
WHERE counted.line = ANY(%(lines)s) ORDER BY i.due_on, i.id, counted.amount LIMIT %(limit)s OFFSET %(offset)s"""
        limits = {"lines": self._lines, "limit": None if stop is None else max(0, stop - start), "offset": start}
        with connection.cursor() as cursor:
            cursor.execute(sql, {**self._rows.values, **limits})
            return list(cursor.fetchall())
