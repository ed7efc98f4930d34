"""Files for the ledger as pages lay them out: values in the reader's words, refused rows with the cell at fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _

from dunning.core.money import format_number
from dunning.dashboard import formatting
from invoices.importers.kinds import FIELDS
from invoices.importers.looking import RowView, Understood, names_of
from invoices.importers.mapping import Shape
from invoices.terms import PaymentTerms

CELLS: Final = 14
"""Cells of a refused row that are shown."""


@dataclass(frozen=True, slots=True)
class Cell:
    title: str
    text: str
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be loaded, or a file of an archive (`line` 0)."""

    line: int
    column: str
    reason: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Sample:
    line: int
    cells: Sequence[tuple[str, bool, bool]]  # text, whether it is wrong, whether it is an amount
    problem: str


def text_of(value: Any) -> str:
    """A value of a file as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, date):
        return formatting.date_short(value)
    if isinstance(value, Decimal):
        return format_number(value, 2, formatting.language())
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return value.label(formatting.language()) if isinstance(value, PaymentTerms) else str(value)


def samples(seen: Understood) -> list[Sample]:
    """The first rows, as they are understood."""
    return [_sample(row) for row in seen.rows]


def _sample(row: RowView) -> Sample:
    return Sample(row.line, [(text_of(value.value), value.is_wrong, isinstance(value.value, Decimal)) for value in row.values], row.problem)


def headings(seen: Understood) -> list[tuple[str, bool]]:
    """What the columns of the first rows are called, and whether they hold amounts."""
    amounts = {item.name for item in FIELDS.get(seen.kind, ()) if item.shape == Shape.AMOUNT}
    return [(name, field in amounts) for field, name in zip(seen.fields, names_of(seen.kind, seen.fields), strict=True)]


def missing(seen: Understood) -> str:
    """The columns that must still be named, as a list in a sentence."""
    return ", ".join(names_of(seen.kind, seen.missing))


def refused(report: Mapping[str, Any]) -> list[Refused]:
    """Refused rows of a report; the cell at fault is always among those shown."""
    return [_refused(row, report["heading"]) for row in report.get("refused", ())]


def _refused(row: Mapping[str, Any], heading: Sequence[str]) -> Refused:
    found = [Cell(title, text, bool(row["column"]) and title == row["column"]) for title, text in zip(heading, row["cells"], strict=False)]
    filled = [cell for cell in found if cell.text or cell.is_wrong]
    wrong = [cell for cell in filled[CELLS:] if cell.is_wrong]
    return Refused(row["line"], row["column"], row["reason"], [*filled[: CELLS - len(wrong)], *wrong])


def amounts_of(totals: Mapping[str, str]) -> dict[str, Decimal]:
    """Amounts by currency, as a report keeps them."""
    return {currency: Decimal(amount) for currency, amount in totals.items()}


@dataclass(frozen=True, slots=True)
class AbsentItem:
    number: str
    customer: str
    due_on: date
    currency: str
    settled: Decimal
    outstanding: Decimal


def absent_items(report: Mapping[str, Any]) -> list[AbsentItem]:
    """The largest items that a snapshot no longer names."""
    return [
        AbsentItem(
            row["number"],
            row["customer"],
            date.fromisoformat(row["due_on"]),
            row["currency"],
            Decimal(row["settled"]),
            Decimal(row["outstanding"]),
        )
        for row in report["absent"]["largest"]
    ]
