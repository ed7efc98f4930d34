"""The first look at a file somebody gave: what it seems to be, its first rows, and how its columns are understood.

The look is kept as JSON: a page shows the file again and again without opening it. What a whole file proves - the order of its dates, the
sign before its cents - is only guessed from these rows; the check reads them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext as _

from invoices.enums import ImportKind
from invoices.importers import reading
from invoices.importers.dates import Order, UnclearDates
from invoices.importers.kinds import AMOUNTS, FIELDS, known_anywhere, recognise_kind
from invoices.importers.labels import label_of
from invoices.importers.mapping import IGNORE, Columns, Field, Guess, guess
from invoices.importers.problems import FileRefused, RowProblem
from invoices.importers.reading import Cell, Row, Said
from invoices.importers.session import remembered_for
from invoices.importers.values import Converter, Evidence, gather
from invoices.importers.workbook import Spoilt

ROWS: Final = 50
"""Rows looked at."""
SAMPLES: Final = 3
LONGEST: Final = 200
"""Characters of a cell that are kept with the look."""
CHOSEN, REMEMBERED, RECOGNISED, UNUSED = "chosen", "remembered", "recognised", ""


def look(path: Path, said: Said) -> dict[str, Any]:
    """What the file is and what its first rows hold, as JSON. Raises FileRefused, see `reading.look_at`."""
    source = reading.look_at(path, recognised=known_anywhere, said=said)
    with source.rows() as rows:
        first = [{"line": row.line, "cells": [_kept(cell) for cell in row.cells], "problem": row.problem} for row in islice(rows, ROWS)]
    if not first:
        raise FileRefused(_("The file has a heading but no row below it."))
    return {
        "sha256": source.sha256,
        "encoding": source.encoding,
        "separator": source.separator,
        "sheet": source.sheet,
        "sheets": list(source.sheets),
        "heading": source.heading,
        "heading_line": source.heading_line,
        "rows": first,
        "kind": recognise_kind(source.heading),
    }


def _kept(cell: Cell) -> object:
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, Spoilt):
        return {"spoilt": str(cell)}
    return {"number": str(cell)} if isinstance(cell, Decimal) else cell[:LONGEST]


def _cell(kept: Any) -> Cell:
    if not isinstance(kept, dict):
        return str(kept)
    if "spoilt" in kept:
        return Spoilt(kept["spoilt"])
    return date.fromisoformat(kept["date"]) if "date" in kept else Decimal(kept["number"])


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column of the file: `field` is what it is taken for ("" for nothing), `how` why, `samples` its first different cells."""

    place: int
    title: str
    field: str
    how: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValueView:
    """One value as it was understood, or its cell as it stands when it was not. Text, date, Decimal, bool, terms or addresses."""

    value: Any
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class RowView:
    line: int
    values: tuple[ValueView, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """How a file is read now. `missing` and `fields` are names of fields; `open_question` is what only a person can answer about dates."""

    kind: str
    columns: tuple[ColumnView, ...] = ()
    fields: tuple[str, ...] = ()
    rows: tuple[RowView, ...] = ()
    missing: tuple[str, ...] = ()
    order: str = ""
    open_question: str = ""
    problem: str = ""
    remembered: bool = field(default=False)

    @property
    def is_complete(self) -> bool:
        """Whether it can be checked."""
        return bool(self.kind) and not (self.missing or self.open_question or self.problem)


def understand(seen: Mapping[str, Any], *, kind: str, answers: Mapping[str, Any], shown: int = 8) -> Understood:
    """Read the rows of a look as a file of `kind`, under a person's `answers` (columns by place, order, decimal)."""
    heading: Sequence[str] = seen["heading"]
    rows = [Row(row["line"], [_cell(cell) for cell in row["cells"]], row["problem"]) for row in seen["rows"]]
    if kind not in FIELDS:
        return Understood("", tuple(_column(place, title, "", UNUSED, rows) for place, title in enumerate(heading)))
    fields = FIELDS[kind]
    remembered = remembered_for(kind, heading)
    explicit = {int(place): name for place, name in (answers.get("columns") or {}).items()}
    try:
        found = guess(heading, fields, explicit=explicit, remembered=remembered["columns"])
    except FileRefused as refused:  # two columns for one field: the form shows what was chosen, and says so
        chosen = tuple(
            _column(place, title, explicit.get(place, ""), CHOSEN if place in explicit else UNUSED, rows)
            for place, title in enumerate(heading)
        )
        return Understood(kind, chosen, problem=refused.message)
    names = {place: name for name, place in found.index.items()}
    columns = tuple(_column(place, title, names.get(place, ""), _how(place, found, explicit), rows) for place, title in enumerate(heading))
    order, question = None, ""
    asked = answers.get("order") or ""
    try:
        evidence = gather(
            rows,
            Columns(found.index, heading, ()),
            fields,
            order=Order(asked) if asked else None,
            decimal=answers.get("decimal") or None,
        )
        order = evidence.order
    except UnclearDates as unclear:
        known = remembered["date_format"]
        question = "" if known in set(Order) else str(unclear)
        order = Order(known) if known in set(Order) else None
        evidence = gather(rows, Columns(found.index, heading, ()), fields, order=order or Order.DMY, decimal=answers.get("decimal") or None)
    used = tuple(item.name for item in fields if item.name in found.index)
    return Understood(
        kind=kind,
        columns=columns,
        fields=used,
        rows=tuple(_row(row, used, found.index, fields, heading, evidence) for row in rows[:shown]),
        missing=_missing(kind, found),
        order=str(order or ""),
        open_question=question,
        remembered=bool(found.remembered),
    )


def _missing(kind: str, found: Guess) -> tuple[str, ...]:
    missing = tuple(item.name for item in found.missing)
    if kind == ImportKind.OPEN_ITEMS and not set(AMOUNTS) & found.index.keys():
        missing += ("balance",)
    return missing


def _how(place: int, found: Guess, explicit: Mapping[int, str]) -> str:
    if place in explicit:
        return CHOSEN
    if place in found.remembered:
        return REMEMBERED
    return RECOGNISED if place in found.settled else UNUSED


def _column(place: int, title: str, name: str, how: str, rows: Sequence[Row]) -> ColumnView:
    cells = (str(row.cells[place]) for row in rows if place < len(row.cells) and row.cells[place] not in ("", None))
    return ColumnView(place, title, "" if name == IGNORE else name, how, tuple(islice(dict.fromkeys(cells), SAMPLES)))


def _row(
    row: Row, names: Sequence[str], index: Mapping[str, int], fields: Sequence[Field], heading: Sequence[str], evidence: Evidence
) -> RowView:
    """Each cell is converted by itself, so that one that is wrong hides none of the others."""
    if row.problem:
        return RowView(row.line, tuple(ValueView(_plain(row.cells[index[name]])) for name in names), row.problem)
    values, problem = [], ""
    for item in fields:
        if item.name not in names:
            continue
        one = Converter([item], Columns({item.name: index[item.name]}, heading, ()), evidence)
        try:
            values.append(ValueView(one.values(row)[item.name]))
        except RowProblem as wrong:
            values.append(ValueView(_plain(row.cells[index[item.name]]), is_wrong=True))
            problem = problem or f"{heading[index[item.name]]}: {wrong.reason}"
    return RowView(row.line, tuple(values), problem)


def _plain(cell: Cell) -> str:
    return cell if isinstance(cell, str) else str(cell)


def names_of(kind: str, names: Sequence[str]) -> list[str]:
    """What these fields are called, in the reader's language."""
    return [str(label_of(kind, name)) for name in names]
