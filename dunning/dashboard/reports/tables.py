"""Tables of a report: shown on the page as the drawing's twin, and written to CSV and XLSX files that no spreadsheet takes for formulas."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import spreadsheets
from dunning.core.money import format_date, format_number, minor_units
from dunning.dashboard import formatting
from invoices.measures.collection import Lack, Missing

NUMERIC: Final = frozenset({"amount", "price", "count", "percent", "days", "index"})
_DECIMALS: Final = {"count": 0, "percent": 2, "days": 2, "index": 1, "price": 4}

Plain = Decimal | int | str | dt.date | Missing | None


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; `kind` says what stands below it: text, date, or one of NUMERIC (amounts, and prices of one, in the table's currency)."""

    label: str
    kind: str = "text"
    is_minor: bool = False  # left out on the phone


@dataclass(frozen=True, slots=True)
class Value:
    """What a cell says, where it leads, and a second, quieter line."""

    value: Plain
    href: str = ""
    note: str = ""
    label: str = ""  # what the link says to who cannot see its column

    @property
    def is_missing(self) -> bool:
        return isinstance(self.value, Missing)


Row = list[Value | Plain]


@dataclass(frozen=True)
class Table:
    """`rows` hold a Value (or its plain value) for each column; `foot` is the total. A cell that is missing says so in a word and a number,
    under which `reasons` says why: whole sentences would make the column as wide as the page."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value | Plain]]
    currency: str
    foot: Sequence[Value | Plain] = ()

    @property
    def lines(self) -> list[list[tuple[Column, Value, str]]]:
        """The rows as (column, value, its words)."""
        return [self._line(row) for row in self.rows]

    @property
    def total(self) -> list[tuple[Column, Value, str]]:
        return self._line([*self.foot, *[None] * (len(self.columns) - len(self.foot))])

    @property
    def reasons(self) -> list[str]:
        """Why cells are missing, each reason once, in the order in which they are met."""
        values = [cell.value if isinstance(cell, Value) else cell for row in (*self.rows, self.foot) for cell in row]
        return list(dict.fromkeys(lacking(value) for value in values if isinstance(value, Missing)))

    def _line(self, row: Sequence[Value | Plain]) -> list[tuple[Column, Value, str]]:
        values = [cell if isinstance(cell, Value) else Value(cell) for cell in row]
        return [(column, value, self._words(value, column)) for column, value in zip(self.columns[: len(values)], values, strict=True)]

    def _words(self, value: Value, column: Column) -> str:
        if not isinstance(value.value, Missing):
            return worded(value.value, column.kind, self.currency)
        word = _("unknown") if value.value.lack == Lack.PRICE else _("unavailable")
        return f"{word} ({self.reasons.index(lacking(value.value)) + 1})"


def worded(value: Plain, kind: str, currency: str) -> str:
    """A cell in the reader's language; what is missing says why."""
    if value is None:
        return ""
    if isinstance(value, Missing):
        return lacking(value)
    if isinstance(value, dt.date):
        return formatting.date_short(value)
    if isinstance(value, str):
        return value
    if kind == "amount":
        return formatting.money(value, currency)
    if kind == "price":
        return formatting.unit_price(Decimal(value), currency)
    text = format_number(Decimal(value), _DECIMALS.get(kind, 0), formatting.language())
    return _("%(value)s%%") % {"value": text} if kind == "percent" else text


def lacking(missing: Missing) -> str:
    """Why a measure is not available, in words."""
    reasons = {
        Lack.NO_SALES: _("unavailable: nothing was sold in the period"),
        Lack.NOTHING_DUE: _("unavailable: there was nothing to collect"),
        Lack.HISTORY: _("unavailable: too little happened so far"),
        Lack.PRICE: _("unknown: no unit cost is stated for this way of sending"),
    }
    if missing.lack != Lack.SALES:
        return reasons[missing.lack]
    months = sorted(missing.months)
    if not months:
        return _("unavailable: the sales are not known")
    if len(months) > 3:
        text = ngettext(
            "unavailable: the sales of %(count)s month are missing, from %(first)s to %(last)s",
            "unavailable: the sales of %(count)s months are missing, from %(first)s to %(last)s",
            len(months),
        )
        return text % {"count": len(months), "first": month_name(months[0]), "last": month_name(months[-1])}
    return _("unavailable: the sales of %(months)s are missing") % {"months": ", ".join(map(month_name, months))}


def month_name(first: dt.date) -> str:
    """`juin 2026`."""
    return format_date(first, formatting.language()).split(" ", 1)[1]


# --- files ------------------------------------------------------------------------------------------------------------------------------


def as_csv(table: Table) -> bytes:
    """The table as CSV, as the reader's spreadsheets expect it."""
    return spreadsheets.as_csv(_plain_rows(table), french=formatting.language() == "fr")


def as_xlsx(table: Table) -> bytes:
    """The table as a workbook of one sheet."""
    return spreadsheets.as_xlsx(_plain_rows(table), title=table.title)


def _plain_rows(table: Table) -> Iterable[list[Decimal | int | str | dt.date]]:
    """Headings, rows and total as plain values, rounded as they are shown; amounts name their currency in their heading."""
    yield [f"{column.label} ({table.currency})" if column.kind in ("amount", "price") else column.label for column in table.columns]
    for row in [*table.rows, *([table.foot] if table.foot else [])]:
        cells = [cell.value if isinstance(cell, Value) else cell for cell in row]
        yield [_plain(cell, column.kind, table.currency) for column, cell in zip(table.columns[: len(cells)], cells, strict=True)]


def _plain(value: Plain, kind: str, currency: str) -> Decimal | int | str | dt.date:
    if value is None:
        return ""
    if isinstance(value, Missing):
        return lacking(value)
    if isinstance(value, Decimal):
        places = minor_units(currency) if kind == "amount" else _DECIMALS.get(kind, 2)
        return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return value
