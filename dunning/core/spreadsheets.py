"""Rows written to files that spreadsheets open: no text of ours is ever taken for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from django.utils.text import slugify
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

Cell = Decimal | int | str | date | None
CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First signs of a text that a spreadsheet may run as a formula."""


def harmless(text: str) -> str:
    """A text for a spreadsheet: without control characters, which no workbook holds, and with `'` before what looks like a formula."""
    text = ILLEGAL_CHARACTERS_RE.sub("", text)
    return f"'{text}" if text.startswith(DANGEROUS) else text


def as_csv(rows: Iterable[Sequence[Cell]], *, french: bool) -> bytes:
    """CSV in UTF-8 with its mark, as the reader's spreadsheets expect: in French `;`, decimal commas and days as 31/12/2026."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if french else ",")
    for row in rows:
        writer.writerow([_in_csv(value, french) for value in row])
    return out.getvalue().encode("utf-8-sig")


def _in_csv(value: Cell, french: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y") if french else value.isoformat()
    return str(value).replace(".", ",") if french else str(value)


def as_xlsx(rows: Iterable[Sequence[Cell]], *, title: str) -> bytes:
    """A workbook of one sheet: numbers are numbers, dates dates, and texts never formulas."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(slugify(title)[:31] or "list")
    for row in rows:
        sheet.append([harmless(value) if isinstance(value, str) else value for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
