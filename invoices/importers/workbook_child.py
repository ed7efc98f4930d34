"""Reads one XLSX sheet in a process of its own and prints its rows as JSON lines.

Run by path, never imported by the application: a hostile workbook can exhaust this process alone, whose memory and time the kernel limits.
Arguments: path, sheet name ("" prints the sheet names instead). A row is a list: text, number, boolean, ["YYYY-MM-DD"] for a date, or
{"spoilt": text} for a cell that holds an error or a formula without a result, which the library reads as empty.
"""

import json
import posixpath
import re
import resource
import sys
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from html import unescape
from itertools import chain, repeat
from xml.etree import ElementTree

MEMORY = 700 * 1024**2
SECONDS = 120
MOST_ROWS = 1_048_576  # of a sheet
LONGEST = 100  # characters told of a formula

# Sheets are searched, not parsed: a parser takes seconds for what is seldom there. A name may have a prefix: <x:c>.
_MAY_BE_SPOILT = re.compile(
    rb"""e["'](?<=["']e["'])|f(?<=[</:]f)(?:\s[^<>]*)?>\s*<(?:/(?:[\w.-]+:)?c|(?:[\w.-]+:)?v(?:\s[^<>]*)?(?:/>|>\s*</))"""
)
_CELL = re.compile(rb"""<(?:[\w.-]+:)?c(\s[^<>]*?)?(?:/>|>(.*?)</(?:[\w.-]+:)?c\s*>)""", re.DOTALL)
_FORMULA = re.compile(rb"""<(?:[\w.-]+:)?f(?:\s[^<>]*?)?(?:/>|>([^<]*))""")
_VALUE = re.compile(rb"""<(?:[\w.-]+:)?(?:v|is)(?:\s[^<>]*?)?(?:/>|>([^<]*))""")
_TYPE = re.compile(rb"""\st\s*=\s*["'](\w+)["']""")
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})(\d{1,7})["']""")
_ROW_OR_CELL = re.compile(rb"""<(?:[\w.-]+:)?(row|c)(\s[^<>]*)?/?>""")


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def plain(value: object) -> object:
    if isinstance(value, datetime):  # a date cell is read as a datetime at midnight
        return [value.date().isoformat()]
    if isinstance(value, date):
        return [value.isoformat()]
    if isinstance(value, (str, int, float, bool)):
        return value
    return str(value)  # times and durations


def xml_of(path: str, sheet: str) -> bytes:
    """The sheet's own part of the workbook, found the way the workbook refers to it."""
    with zipfile.ZipFile(path) as archive:
        parts = {name.replace("\\", "/").casefold(): name for name in archive.namelist()}
        book, links = (
            ElementTree.fromstring(archive.read(parts[name]))  # noqa: S314  this process is limited
            for name in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels")
        )
        targets = {link.get("Id"): link.get("Target", "") for link in links}
        [item, *_others] = [item for item in book.iter() if item.tag.endswith("}sheet") and item.get("name") == sheet]
        target = next(targets[value] for name, value in item.items() if name.endswith("}id"))
        target = target if target.startswith(("/", "xl/")) else f"xl/{target}"
        return archive.read(parts[posixpath.normpath(target).lstrip("/").casefold()])


def spoilt_cells(xml: bytes) -> dict[int, dict[int, str]]:
    """The text of what is spoilt, by row and column of the sheet, the first of each being 0."""
    found: dict[int, dict[int, str]] = {}
    if not any(sign in xml for sign in (b'"e"', b"'e'", b"<f", b":f")):
        return found
    counted, last = places(xml), -1
    for hit in _MAY_BE_SPOILT.finditer(xml):
        cell = cell_around(xml, hit.start())
        if cell is None or cell.start() <= last:
            continue
        last = cell.start()
        if text := spoilt_text(cell[1] or b"", cell[2] or b""):
            said = _PLACE.search(cell[1] or b"")
            row, column = place_of(said) if said else next(place for start, place in counted if start == cell.start())
            found.setdefault(row, {})[column] = sys.intern(text)
    return found


def cell_around(xml: bytes, position: int) -> re.Match[bytes] | None:
    for _ in range(5):  # its formula's end and beginning come first
        position = max(xml.rfind(b"<", 0, position), 0)
        if cell := _CELL.match(xml, position):
            return cell
    return None


def spoilt_text(attributes: bytes, content: bytes) -> str:
    """What stands in a cell that shows no value: its error, or its formula after an equals sign; "" for a cell that is well.

    A formula may well come to an empty text; but where the result is missing altogether nobody calculated it.
    """
    said = _TYPE.search(attributes)
    kind = said[1] if said else b"n"
    value, formula = _VALUE.search(content), _FORMULA.search(content)
    if kind == b"e":
        return plain_text(value[1] if value else b"") or "#"
    if formula is None or (value and (value[1] or kind in (b"str", b"inlineStr"))):
        return ""
    return f"={plain_text(formula[1])}"


def places(xml: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """Where each cell begins in the XML, and where it stands in the sheet: a cell that does not say so follows the one before."""
    row = column = -1
    for tag in _ROW_OR_CELL.finditer(xml):
        said = _PLACE.search(tag[2] or b"")
        if tag[1] == b"row":
            row, column = (place_of(said)[0] if said else row + 1), -1
        else:
            row, column = place_of(said) if said else (row, column + 1)
            yield tag.start(), (row, column)


def place_of(said: re.Match[bytes]) -> tuple[int, int]:
    column = 0
    for letter in said[1].upper():
        column = column * 26 + letter - 64
    return int(said[2]) - 1, column - 1


def plain_text(xml: bytes | None) -> str:
    return unescape((xml or b"").decode(errors="replace")).strip()[:LONGEST]


def main() -> None:
    limit()
    from python_calamine import CalamineWorkbook

    path, sheet = sys.argv[1:3]
    workbook = CalamineWorkbook.from_path(path)
    write = sys.stdout.write
    if not sheet:
        write(json.dumps(workbook.sheet_names))
        return
    spoilt = spoilt_cells(xml_of(path, sheet))
    table = workbook.get_sheet_by_name(sheet)  # its rows begin with the sheet's first one, its columns with the first one used
    left, width = (table.start or (0, 0))[1], table.width
    below = min(max(spoilt, default=-1) + 1, MOST_ROWS) - (table.start or (0, 0))[0] - table.height
    rows: Iterator[Sequence[object]] = chain(table.iter_rows(), repeat([""] * width, max(below, 0)))
    for number, row in enumerate(rows):
        cells = [plain(value) for value in row]
        for column, text in spoilt.get(number, {}).items():
            if 0 <= column - left < width:
                cells[column - left] = {"spoilt": text}
        write(json.dumps(cells) + "\n")


main()
