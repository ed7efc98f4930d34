"""Workbooks (XLSX), read by a limited child process after their zip directory was found harmless."""

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from invoices.importers.problems import FileRefused

MAX_UNPACKED = 100 * 1024**2  # bytes, as the zip directory announces them
MAX_RATIO = 100  # unpacked to packed: a ledger reaches about 20
MAX_PARTS = 5_000
MAX_SHEETS_TRIED = 10  # sheets looked at for a known heading
_CHILD = Path(__file__).with_name("workbook_child.py")


class Spoilt(str):
    """A cell that shows no value: its error, or after an equals sign a formula that was never calculated."""

    __slots__ = ()

    @property
    def reason(self) -> str:
        if self.startswith("="):
            return _("this cell holds a formula that was never calculated: open the workbook, recalculate it and save it")
        return _("this cell holds the error %(error)s: correct it in the workbook and save it") % {"error": str(self)}


def check(path: Path) -> None:
    """Read the zip directory, nothing else. Raises FileRefused for a bomb, a damaged archive or one that is not a workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise FileRefused(_("The workbook is damaged and cannot be opened. Save it again as XLSX or CSV.")) from None
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        raise FileRefused(_("This archive is not an XLSX workbook. Export the table as CSV or XLSX."))
    unpacked = sum(part.file_size for part in parts)
    packed = max(1, sum(part.compress_size for part in parts))
    if unpacked > MAX_UNPACKED or unpacked / packed > MAX_RATIO or len(parts) > MAX_PARTS:
        raise FileRefused(
            _("The workbook unpacks to %(size)s MB from %(packed)s kB: it is too large or built to overflow. Save the one sheet as CSV.")
            % {"size": unpacked // 1024**2, "packed": packed // 1024}
        )


def sheet_names(path: Path) -> tuple[str, ...]:
    """The sheets in their order. Raises FileRefused."""
    check(path)
    with _child(path, "") as output:
        names = json.loads(output.read() or "[]")
    if not names:
        raise FileRefused(_("The workbook holds no sheet."))
    return tuple(names)


@contextmanager
def rows(path: Path, sheet: str) -> Iterator[Iterator[tuple[int, list[Any]]]]:
    """(line, cells) of a sheet; line 1 is its first row. Raises FileRefused, also midway."""
    check(path)
    with _child(path, sheet) as output:
        yield ((number, [_cell(value) for value in _decoded(line)]) for number, line in enumerate(output, 1))


def _decoded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:  # the child was stopped in the middle of a line
        raise FileRefused(_("The workbook is too large to be read. Save the sheet as CSV.")) from None


def _cell(value: Any) -> str | date | Decimal:
    if isinstance(value, str):
        return value.replace("\x00", "").strip()
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        return Spoilt(value["spoilt"].replace("\x00", ""))
    if isinstance(value, list):
        return date.fromisoformat(value[0])
    # A workbook keeps binary floats but shows 15 digits: 0.1 + 0.2 is the 0.3 its author saw.
    return Decimal(f"{value:.15g}") if isinstance(value, float) else Decimal(value)


@contextmanager
def _child(path: Path, sheet: str) -> Iterator[Any]:
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603  our own script; path and sheet are arguments, there is no shell
            [sys.executable, "-I", str(_CHILD), str(path.resolve()), sheet],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            encoding="utf-8",
        )
        left_early = True
        try:
            yield process.stdout
            left_early = bool(process.stdout and process.stdout.read(1))
        finally:
            if left_early:
                process.kill()
            if process.stdout:
                process.stdout.close()
            code = process.wait()
        if code and not left_early:
            complaints.seek(0)
            said = complaints.read()[-200:].decode(errors="replace").strip().splitlines()
            raise FileRefused(
                _("The workbook cannot be read (%(why)s). Save the sheet as CSV.") % {"why": said[-1] if said else _("it is too large")}
            )
