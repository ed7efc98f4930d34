"""Small files for tests of loading."""

import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from dunning.core.models import Organization
from invoices.importers.invoices import InvoiceLoader
from invoices.importers.payments import PaymentLoader
from invoices.importers.report import Report
from invoices.importers.session import Loader, Options, load

TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def text_file(path: Path, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def workbook(path: Path, *rows: Sequence[Any], title: str = "Feuil1") -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def bomb(path: Path, megabytes: int) -> Path:
    """A workbook whose one sheet unpacks to that many megabytes of blanks."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(megabytes):
                part.write(b" " * 1024**2)
    return path


def run(loader: Loader, path: Path, organization: Organization, *, today: date = TODAY, **options: Any) -> Report:
    now = datetime(today.year, today.month, today.day, 8, 0, tzinfo=UTC)
    return load(loader, path, organization=organization, options=Options(**options), actor="system", today=today, now=now)


def load_invoices(path: Path, organization: Organization, **options: Any) -> Report:
    return run(InvoiceLoader(), path, organization, **options)


def counts(report: Report) -> tuple[int, int, int, int]:
    """new, updated, unchanged, errors - after proving that every row is accounted for."""
    assert report.created + report.updated + report.unchanged + report.ignored + report.errors == report.rows
    return report.created, report.updated, report.unchanged, report.errors


def load_payments(path: Path, organization: Organization, *, ledger_through: date | None = None, **options: Any) -> Report:
    return run(PaymentLoader(ledger_through), path, organization, **options)
