"""What became of a file: counts for the screen, and a file of the rows that were refused, ready to be corrected and loaded again."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoices.importers import settling
from invoices.importers.problems import Problem
from invoices.importers.reading import ADDED, Cell, Row

SHOWN = 5
KEPT = 100  # refused rows kept with the report; the error file has them all
# A spreadsheet runs a cell that begins like this; a leading apostrophe makes it text. Numbers keep their sign.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\x00")
_NUMBER = re.compile(r"[+-][\d \u00a0\u202f\u2009\u2007.,'\u2019€$£¥]*\d[ \u00a0\u202f€$£¥]*")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that cannot be loaded: its cells as text, in the order of the heading; `column` is the heading of the one at fault."""

    line: int
    column: str
    reason: str
    cells: tuple[str, ...]

    @classmethod
    def of(cls, row: Row, problem: Problem, longest: int) -> "RefusedRow":
        return cls(row.line, problem.column, problem.reason, tuple(str(cell)[:longest] for cell in row.cells))


@dataclass(frozen=True, slots=True)
class Report:
    """created + updated + unchanged + ignored + errors = rows, always.

    `loaded` is false after a dry run or a strict refusal: the counts then say what would have been.
    """

    kind: str
    filename: str
    rows: int
    created: int
    updated: int
    unchanged: int
    ignored: int
    errors: int
    loaded: bool
    dry_run: bool
    mapping: Mapping[str, str]
    ignored_columns: Sequence[str]
    notes: Sequence[str] = field(default_factory=list)
    problems: Sequence[tuple[int, Problem]] = field(default_factory=list)  # the first ones
    heading: Sequence[str] = ()
    currency: str = "EUR"  # of amounts without one
    refused: Sequence[RefusedRow] = ()  # the first ones, with their cells
    totals: Mapping[str, Decimal] = field(default_factory=dict)  # of a snapshot's open lines, by currency
    absent: settling.Absent = field(default_factory=settling.Absent)
    errors_path: Path | None = None
    batch_id: UUID | None = None

    def summary(self) -> str:
        """A few lines for a person."""
        lines = [
            ngettext("%(rows)s row read from %(file)s.", "%(rows)s rows read from %(file)s.", self.rows)
            % {"rows": f"{self.rows:,}", "file": self.filename},
            _("new: %(created)s   updated: %(updated)s   unchanged: %(unchanged)s   errors: %(errors)s")
            % {"created": self.created, "updated": self.updated, "unchanged": self.unchanged, "errors": self.errors},
        ]
        if self.ignored:
            lines.append(_("left out (already matched, or totals): %(ignored)s") % {"ignored": self.ignored})
        lines.append(_("Columns: %(columns)s") % {"columns": ", ".join(f"{column} → {name}" for column, name in self.mapping.items())})
        if self.ignored_columns:
            lines.append(_("Not used: %(columns)s") % {"columns": ", ".join(list(self.ignored_columns)[:30])})
        lines += settling.described(self.absent)
        lines += self.notes
        for line, problem in self.problems[:SHOWN]:
            where = f"{problem.column}: " if problem.column else ""
            lines.append(_("  line %(line)s, %(what)s") % {"line": line, "what": where + problem.reason})
        if self.errors > SHOWN:
            lines.append(_("  … and %(more)s more") % {"more": self.errors - SHOWN})
        if self.errors_path is not None:
            lines.append(_("Every refused row, with its reason: %(path)s") % {"path": self.errors_path})
        lines.append(self._conclusion())
        return "\n".join(lines)

    def _conclusion(self) -> str:
        if self.dry_run:
            return _("Dry run: nothing was written.")
        if not self.loaded:
            return _("Nothing was loaded, because --strict was given and the file has errors.")
        return _("Loaded.") if not self.errors else _("The other rows were loaded. Correct the refused ones and load them again.")


def harmless(cell: Cell) -> str:
    """A cell as it may stand in a CSV that a spreadsheet opens; reading an error file takes the apostrophe off again."""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, date):
        return cell.isoformat()
    text = cell.replace("\x00", "")
    if text.lstrip("'").startswith(_DANGEROUS) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def write_errors(path: Path, heading: Sequence[str], refused: Iterable[tuple[Row, Problem]]) -> None:
    """The refused rows with the file's own columns, then line, column and reason; semicolons and a byte order mark, as Excel wants them."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([*(harmless(title) for title in heading), *ADDED])
        for row, problem in refused:
            writer.writerow([*(harmless(cell) for cell in row.cells), row.line, harmless(problem.column), harmless(problem.reason)])
