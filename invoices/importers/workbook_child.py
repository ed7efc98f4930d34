"""Reads one XLSX sheet in a process of its own and prints its rows as JSON lines.

Run by path, never imported by the application: a hostile workbook can exhaust this process alone, whose memory and time the kernel limits.
Arguments: path, sheet name ("" prints the sheet names instead). A row is a list: text, number, boolean, or ["YYYY-MM-DD"] for a date.
"""

import json
import resource
import sys
from datetime import date, datetime

MEMORY = 700 * 1024**2
SECONDS = 120


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


def main() -> None:
    limit()
    from python_calamine import CalamineWorkbook

    path, sheet = sys.argv[1:3]
    workbook = CalamineWorkbook.from_path(path)
    write = sys.stdout.write
    if not sheet:
        write(json.dumps(workbook.sheet_names))
        return
    for row in workbook.get_sheet_by_name(sheet).iter_rows():  # from the sheet's first row on, though from its first used column
        write(json.dumps([plain(value) for value in row]) + "\n")


main()
