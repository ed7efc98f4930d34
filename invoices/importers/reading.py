"""Files become rows of cells, streamed: delimited text in any usual encoding, or one sheet of a workbook.

A cell is text, except in workbooks, where a date cell is a `date`, a number a `Decimal`, and one that shows no value `Spoilt`. Whatever a
file does to one row stays with that row (`Row.problem`); only what makes the rest unreadable refuses the file.
"""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext as _

from invoices.importers import workbook
from invoices.importers.problems import FileRefused
from invoices.importers.workbook import Spoilt

Cell = str | date | Decimal

MAX_BYTES = 1024**3
MAX_ROWS = 1_000_000
MAX_LINE = 1_000_000  # characters; a row of a ledger has a few hundred
MAX_COLUMNS = 1_000
MAX_OPEN_QUOTE = 30  # lines a quoted cell may span before the quotation mark counts as forgotten
HEADING_WITHIN = 20  # rows a title may take above the heading
ADDED = ("error_line", "error_column", "error_reason")
"""Columns of the error file; not translated, so that no heading of a file is ever taken for one of them when it is loaded again."""
SEPARATORS = (";", ",", "\t", "|")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
_SAMPLE = 65_536
_DISARMED = re.compile(r"'+[=+\-@\t\r]")  # what `report.harmless` made of a cell

# What other kinds of file begin with: named, because "not a table" does not tell a person what to export instead.
_KNOWN_BEGINNINGS = (
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "XLS"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"\x1f\x8b", "GZIP"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7Z"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row at its line of the file (the first line is 1). With a `problem`, the cells are what could be saved of it."""

    line: int
    cells: list[Cell]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked at: how to read its rows again and again, and where its heading stands.

    `used`: the places of the columns that mean something (None: any may); a spoilt cell elsewhere counts as empty.
    """

    path: Path
    sha256: str
    heading: list[str]
    heading_line: int
    encoding: str  # "" for a workbook
    separator: str
    sheet: str
    sheets: tuple[str, ...]
    used: frozenset[int] | None = None

    @contextmanager
    def rows(self) -> Iterator[Iterator[Row]]:
        """The rows below the heading, blank ones left out, each as wide as the heading."""
        with _raw_rows(self.path, self.encoding, self.separator, self.sheet) as raw:
            yield self._fitted(raw)

    def _fitted(self, raw: Iterator[Row]) -> Iterator[Row]:
        width = len(self.heading)
        count = 0
        is_ours = set(ADDED) <= set(self.heading)
        for row in raw:
            if row.line <= self.heading_line:
                continue
            if not self.encoding:
                row = self._without_unused(row)
            if not row.problem and not any(row.cells):
                continue
            count += 1
            if count > MAX_ROWS:
                raise FileRefused(_("The file has more than %(most)s rows: cut it in pieces.") % {"most": f"{MAX_ROWS:,}"})
            if len(row.cells) != width or row.problem:
                row = _fit(row, width, bool(self.encoding))
            yield _armed(row) if is_ours else row

    def _without_unused(self, row: Row) -> Row:
        used = range(len(self.heading)) if self.used is None else self.used
        unused = [place for place, cell in enumerate(row.cells) if type(cell) is Spoilt and place not in used]
        for place in unused:
            row.cells[place] = ""
        return row


def _fit(row: Row, width: int, is_text: bool) -> Row:
    cells, problem, counts = row.cells, row.problem, {"cells": len(row.cells), "columns": width}
    if not problem and len(cells) > width and any(cells[width:]):
        problem = _("the row has %(cells)s cells, the heading %(columns)s: a separator inside a text without quotation marks?") % counts
    elif not problem and len(cells) < width and is_text:
        problem = _("the row has only %(cells)s cells, the heading %(columns)s: it seems to be cut") % counts
    padding: list[Cell] = [""] * (width - len(cells))
    return Row(row.line, (cells + padding)[:width], problem)


def _armed(row: Row) -> Row:
    """A row of the error file with its cells as they were, without the apostrophes put before what a spreadsheet would run."""
    cells: list[Cell] = [cell[1:] if isinstance(cell, str) and _DISARMED.match(cell) else cell for cell in row.cells]
    return Row(row.line, cells, row.problem)


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said about a file, instead of what would be found out: "" and None say nothing. `heading_line` counts from 1."""

    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    heading_line: int | None = None


NOTHING_SAID = Said()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises FileRefused where the system does not let the file be read."""
    try:
        yield
    except OSError as error:
        raise FileRefused(_("%(path)s cannot be read: %(why)s.") % {"path": path, "why": error.strerror}) from None


def look_at(path: Path, *, recognised: Callable[[list[str]], int], said: Said = NOTHING_SAID) -> Source:
    """Find out what `path` is: encoding, separator or sheet, and heading. `recognised(cells)` counts the headings the caller knows.

    Raises FileRefused when it is missing, empty, too large, not a table, a trap, or not what was said about it.
    """
    if not path.is_file():
        raise FileRefused(_("There is no file “%(path)s”.") % {"path": path})
    size = path.stat().st_size
    if size == 0:
        raise FileRefused(_("The file is empty."))
    if size > MAX_BYTES:
        raise FileRefused(_("The file is larger than %(most)s MB: cut it in pieces.") % {"most": MAX_BYTES // 1024**2})
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        beginning = file.read(_SAMPLE)
    encoding = separator = sheet = ""
    sheets: tuple[str, ...] = ()
    if beginning.startswith(b"PK"):
        sheets = workbook.sheet_names(path)
        sheet = _choose_sheet(path, sheets, said.sheet, recognised)
    else:
        for magic, name in _KNOWN_BEGINNINGS:
            if beginning.startswith(magic):
                raise FileRefused(_("This is a %(kind)s file: export the table as CSV or XLSX.") % {"kind": name})
        encoding = _said_encoding(path, said.encoding) if said.encoding else _encoding(path, beginning)
        separator = said.separator if said.separator in SEPARATORS else _separator(path, encoding, recognised)
    heading = _heading(path, encoding, separator, sheet, recognised, said.heading_line)
    return Source(
        path=path,
        sha256=sha256,
        heading=[str(cell) for cell in heading.cells],
        heading_line=heading.line,
        encoding=encoding,
        separator=separator,
        sheet=sheet,
        sheets=sheets,
    )


def _heading_text(cell: Cell) -> str:
    return "" if isinstance(cell, Spoilt) else " ".join(str(cell).replace("\x00", "").split())


def _heading(path: Path, encoding: str, separator: str, sheet: str, recognised: Callable[[list[str]], int], line: int | None = None) -> Row:
    """The heading: of the first rows the one on `line`, else the one with the most known names (the first of them when none is known)."""
    with _raw_rows(path, encoding, separator, sheet) as raw:
        first = [row for row in islice(raw, HEADING_WITHIN) if any(_heading_text(cell) for cell in row.cells)]
    if not first:
        raise FileRefused(_("The file holds no row at all."))
    best = max(first, key=lambda row: (row.line == line, recognised([_heading_text(cell) for cell in row.cells]), -row.line))
    if best.problem:
        raise FileRefused(_("Line %(line)s, the heading, cannot be read: %(why)s.") % {"line": best.line, "why": best.problem})
    cells: list[Cell] = [_heading_text(cell) for cell in best.cells]
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > MAX_COLUMNS:
        raise FileRefused(_("The file has more than %(most)s columns.") % {"most": MAX_COLUMNS})
    return Row(best.line, cells)


@contextmanager
def _raw_rows(path: Path, encoding: str, separator: str, sheet: str) -> Iterator[Iterator[Row]]:
    if not encoding:
        with workbook.rows(path, sheet) as sheet_rows:
            yield (Row(line, cells) for line, cells in sheet_rows)
        return
    with path.open(encoding=encoding, newline=None) as file:
        yield _text_rows(file, separator)


# --- delimited text ----------------------------------------------------------------------------------------------------------------------


def _encoding(path: Path, beginning: bytes) -> str:
    """By its byte order mark, else UTF-8 if the whole file is, else Windows-1252: detectors guess wrong on short French files."""
    if beginning.startswith(codecs.BOM_UTF8):
        return _checked(path, "utf-8-sig")
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _checked(path, "utf-16")
    odd = sum(byte < 32 and byte not in b"\t\r\n\f\x1a" for byte in beginning)
    if odd > len(beginning) // 20:
        raise FileRefused(_("This is not a table: it is full of control characters. Export it as CSV or XLSX."))
    if _decodes(path, "utf-8"):
        return "utf-8"
    return _checked(path, "cp1252")


def _said_encoding(path: Path, encoding: str) -> str:
    if encoding not in ENCODINGS or not _decodes(path, encoding):
        raise FileRefused(_("The file’s text cannot be read as %(encoding)s: choose another encoding.") % {"encoding": encoding[:20]})
    return encoding


def _checked(path: Path, encoding: str) -> str:
    if not _decodes(path, encoding):
        raise FileRefused(
            _("The file’s text is damaged: it is neither UTF-8 nor Windows-1252 (nor what its first bytes announce). Save it as CSV UTF-8.")
        )
    return encoding


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return True


def _separator(path: Path, encoding: str, recognised: Callable[[list[str]], int]) -> str:
    """The separator under which the most headings are known, then under which the rows agree best on their width."""
    with path.open(encoding=encoding, newline=None) as file:
        first = file.readline(MAX_LINE)
        if first.lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own mark
            return first.strip()[-1]
        sample = first + file.read(_SAMPLE)
    lines = sample.splitlines()
    if len(lines) > 1 and len(sample) >= _SAMPLE:
        lines.pop()  # cut by the sample's end

    def score(separator: str) -> tuple[int, float, int]:
        rows = [row.cells for row in islice(_text_rows(io.StringIO("\n".join(lines)), separator), 100)]
        texts = [[str(cell) for cell in cells] for cells in rows if any(cells)]
        known = max((recognised(cells) for cells in texts[:HEADING_WITHIN]), default=0)
        widths = [len(cells) for cells in texts]
        usual = max(set(widths), key=widths.count, default=1)
        return known, (widths.count(usual) / len(widths) if usual > 1 else 0.0), usual

    return max(SEPARATORS, key=score)


def _text_rows(file: io.TextIOBase | io.StringIO | io.TextIOWrapper, separator: str) -> Iterator[Row]:
    """The records of a delimited text, each with the line it begins on. A quotation mark nobody closes costs its own line alone."""
    number = 0
    waiting: list[str] = []  # lines given back after a forgotten quotation mark

    def next_line() -> str:
        nonlocal number
        if waiting:
            number += 1
            return waiting.pop(0)
        line = file.readline(MAX_LINE)
        if len(line) >= MAX_LINE:
            raise FileRefused(_("Line %(line)s is longer than a million characters: this is not a table.") % {"line": number + 1})
        number += bool(line)
        return line

    while line := next_line():
        start = number
        if line.count('"') % 2 and _stays_open(line, separator):
            taken = [line]
            while len(taken) < MAX_OPEN_QUOTE and (more := next_line()):
                taken.append(more)
                if more.count('"') % 2 and not _stays_open("".join(taken), separator):
                    break
            else:
                waiting[:0] = taken[1:]
                number = start
                cells: list[Cell] = [cell.strip() for cell in line.rstrip("\n").split(separator)]
                yield Row(start, cells[:MAX_COLUMNS], _("a quotation mark opens a text and nothing closes it"))
                continue
            line = "".join(taken)
        yield _record(start, line, separator)


def _stays_open(text: str, separator: str) -> bool:
    try:
        list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _record(line: int, text: str, separator: str) -> Row:
    try:
        parts = next(csv.reader([text.rstrip("\n")], delimiter=separator), [])
    except csv.Error:
        return Row(line, [text.strip()[:200].replace("\x00", "")], _("the row cannot be cut into cells: one of them is too long"))
    cells: list[Cell] = [part.strip() for part in parts]
    if "\x00" in text:
        return Row(line, [part.replace("\x00", "").strip() for part in parts], _("the row holds NUL characters: it is damaged"))
    return Row(line, cells)


# --- workbooks ---------------------------------------------------------------------------------------------------------------------------


def _choose_sheet(path: Path, sheets: tuple[str, ...], wanted: str, recognised: Callable[[list[str]], int]) -> str:
    """The sheet asked for, else the one whose heading is best known (the first one when none is)."""
    if wanted:
        if wanted not in sheets:
            raise FileRefused(
                _("The workbook has no sheet “%(sheet)s”. Its sheets: %(sheets)s.") % {"sheet": wanted, "sheets": ", ".join(sheets[:20])}
            )
        return wanted
    if len(sheets) == 1:
        return sheets[0]

    def known(sheet: str) -> int:
        with workbook.rows(path, sheet) as rows:
            return max((recognised([_heading_text(cell) for cell in cells]) for _line, cells in islice(rows, HEADING_WITHIN)), default=0)

    return max(sheets[: workbook.MAX_SHEETS_TRIED], key=known)
