"""Loading invoices from a file, beside a bare COPY of the same columns into a plain table.

The whole load is measured: reading, checking, comparing with the ledger, invoices, instalments, customers, search tokens, events, audit.
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.db import connections

from dunning.core.services import create_organization
from invoices.importers.invoices import InvoiceLoader
from invoices.importers.session import Options, load

TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
COLUMNS = {
    "Invoice number": "text",
    "Customer number": "text",
    "Customer name": "text",
    "Invoice date": "date",
    "Due date": "date",
    "Amount incl VAT": "numeric(14,2)",
    "Currency": "text",
    "Purchase order": "text",
    "Label": "text",
}


def generate(path: Path, rows: int) -> None:
    """A file of invoices, ten a customer, the same for every run."""
    chance = random.Random(20261102)
    with path.open("w", encoding="utf-8") as file:
        file.write(";".join(COLUMNS) + "\n")
        for number in range(rows):
            issued = TODAY - timedelta(days=chance.randrange(1, 200))
            customer = number % max(1, rows // 10)
            cents = round(chance.lognormvariate(7.6, 1.1) * 100) + 1
            cells = [
                f"FA-2026-{number:06d}", f"C{customer:06d}", f"Client {customer} Exemple SARL", issued.isoformat(),
                (issued + timedelta(days=30)).isoformat(), f"{cents / 100:.2f}", "EUR", f"BC-{number % 977:05d}", f"Chantier {number % 53}",
            ]  # fmt: skip
            file.write(";".join(cells) + "\n")


def bare_copy(path: Path) -> float:
    """Seconds to COPY the file into a plain table (its owner's connection: the application's role makes no tables)."""
    columns = ", ".join(f"column{position} {kind}" for position, kind in enumerate(COLUMNS.values()))
    with connections["owner"].cursor() as cursor, path.open("rb") as file:
        cursor.execute("DROP TABLE IF EXISTS bench_bare_copy")
        cursor.execute(f"CREATE TABLE bench_bare_copy ({columns})")
        start = time.perf_counter()
        cursor.copy_expert("COPY bench_bare_copy FROM STDIN (FORMAT csv, HEADER, DELIMITER ';')", file)
        seconds = time.perf_counter() - start
        cursor.execute("DROP TABLE bench_bare_copy")
    return seconds


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench import", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args(list(argv)).rows
    slug = f"bench-{time.time_ns()}"
    organization = create_organization(slug=slug, name="Bench", owner_email=f"{slug}@example.com", actor="system", now=NOW).organization
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "invoices.csv"
        generate(path, rows)
        bare = bare_copy(path)
        start = time.perf_counter()
        report = load(InvoiceLoader(), path, organization=organization, options=Options(), actor="system", today=TODAY, now=NOW)
        seconds = time.perf_counter() - start
        again = time.perf_counter()
        second = load(InvoiceLoader(), path, organization=organization, options=Options(), actor="system", today=TODAY, now=NOW)
        repeated = time.perf_counter() - again
    if (report.created, second.unchanged) != (rows, rows):
        raise SystemExit(f"Wrong outcome: {report.created} created, then {second.unchanged} unchanged, of {rows}.")
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"{rows:,} invoices in {seconds:.1f} s; the same file again in {repeated:.1f} s; bare COPY of its columns in {bare:.2f} s")
    print(f"result name=import rate={rows / seconds:.0f} ratio={bare / seconds:.4f} peak_mb={peak:.0f}")
