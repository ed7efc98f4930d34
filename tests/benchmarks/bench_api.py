"""The API beside what it stands on: a list beside a plain Django view of the same rows, a thousand rows a call beside the importer of
files, and how long a program waits when many call.

The list and the rows are measured in this process, through every middleware, with a transaction of the organization's each time; the
wait is that of the web server as `up` runs it, counted from the moment at which a call was due. Bodies nobody sends by mistake come last:
the slowest of them says how long one call can keep a server busy.

    manage.py bench api --rows 5000 --lists 40 --rate 50 --seconds 10
"""

import argparse
import csv
import json
import logging
import os
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.test import override_settings

from dunning.core.models import Organization
from invoices.importers.invoices import InvoiceLoader
from invoices.importers.session import Options, load
from tests.api.conftest import Api, program
from tests.api.test_hostile import UNREADABLE
from tests.benchmarks.bench_hooks import peak_of
from tests.benchmarks.bench_import import NOW, TODAY, generate
from tests.benchmarks.offering import offer
from tests.gunicorn import server
from tests.scenarios.houses import open_house

A_CALL = 1_000  # rows
GOAL = 0.1  # seconds until the answer of ninety-nine of a hundred calls


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--lists", type=int, default=40)
    parser.add_argument("--rate", type=float, default=50, help="calls offered a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=50)
    options = parser.parse_args(list(argv))
    settings.API_RATE_LIMIT = 1_000_000
    os.environ["API_RATE_LIMIT"] = "1000000"
    logging.getLogger("django.request").setLevel(logging.ERROR)  # bodies that are refused are no news here
    organization = open_house()
    api = program(organization)
    api.client.defaults["HTTP_HOST"] = "127.0.0.1"
    api.get("/groups")  # the first call imports the product
    bulk(api, options.rows)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    lists(api, organization, options.lists)
    wait(api, options.rate, options.seconds, options.connections)
    hostile(api)


def bulk(api: Api, rows: int) -> None:
    """As many rows as the command loads from a file into another organization, a thousand a call."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "invoices.csv"
        generate(path, rows)
        began = time.perf_counter()
        report = load(InvoiceLoader(), path, organization=open_house(), options=Options(), actor="system", today=TODAY, now=NOW)
        by_file = time.perf_counter() - began
        with path.open(newline="") as file:
            items = [item(line) for line in csv.DictReader(file, delimiter=";")]
    calls = [json.dumps({"items": items[start : start + A_CALL]}) for start in range(0, rows, A_CALL)]
    began = time.perf_counter()
    created = sum(api("PUT", "/invoices/bulk", call).json()["created"] for call in calls)
    seconds = time.perf_counter() - began
    if (created, report.created) != (rows, rows):
        raise SystemExit(f"Wrong outcome: {created} by calls, {report.created} by the file, of {rows}.")
    print(f"{rows:,} invoices, {A_CALL:,} a call: {seconds:.2f} s; the same from a file: {by_file:.2f} s", flush=True)
    print(f"result name=api_bulk rate={rows / seconds:.0f} ratio={by_file / seconds:.4f} peak_mb={peak():.0f}", flush=True)


def item(line: dict[str, str]) -> dict[str, str]:
    """A line of the file as a program sends it."""
    names = ("number", "customer", "customer_name", "issued_on", "due_on", "gross", "currency", "purchase_order", "label")
    return dict(zip(names, line.values(), strict=True))


def lists(api: Api, organization: Organization, count: int) -> None:
    """A hundred invoices by the API and by the plain view, turn about."""
    with override_settings(ROOT_URLCONF="tests.benchmarks.bare"):
        asked: tuple[Callable[[], Any], ...] = (
            lambda: api.get("/invoices?limit=100"),
            lambda: api.client.get(f"/api/bare/{organization.pk}"),
        )
        found = [len(json.loads(ask().content)["data"]) for ask in asked]
        if found != [100, 100]:
            raise SystemExit(f"Wrong outcome: {found} rows.")
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(count):
            for ask, kept in zip(asked, times, strict=True):
                began = time.perf_counter()
                ask()
                kept.append(time.perf_counter() - began)
    ours, bare = (statistics.median(kept) for kept in times)
    print(f"100 invoices of {organization.slug}: {ours * 1000:.1f} ms; by a plain view: {bare * 1000:.1f} ms", flush=True)
    print(f"result name=api_list rate={1 / ours:.1f} ratio={bare / ours:.4f} peak_mb={peak():.0f}", flush=True)


def wait(api: Api, rate: float, seconds: float, connections: int) -> None:
    """Lists, single rows and creations, offered at their appointed moments."""
    some = [row["id"] for row in api.get("/invoices?limit=100").json()["data"]]
    calls = [call(api.token, number, some) for number in range(int(rate * (seconds + 1)))]
    with server() as (port, process):
        warm = int(rate)
        offer(port, calls[:warm], rate, connections)  # the first calls import and connect
        answers = offer(port, calls[warm:], rate, connections)
        used = peak_of(process)
    statuses = Counter(answer.status for answer in answers)
    if set(statuses) - {200, 201}:
        raise SystemExit(f"Wrong outcome: {dict(statuses)}.")
    times = sorted(answer.since_due for answer in answers)
    p50, p99, worst = (times[min(int(len(times) * part), len(times) - 1)] for part in (0.5, 0.99, 1))
    print(f"{len(answers):,} calls at {rate:.0f}/s over {connections} connections: p50 {p50 * 1000:.0f} ms, slowest {worst * 1000:.0f} ms")
    print(f"result name=api_wait p99_ms={p99 * 1000:.0f} rate={rate:.0f} ratio={GOAL / p99:.4f} peak_mb={used:.0f}", flush=True)


def call(token: str, number: int, some: Sequence[str]) -> bytes:
    """Of ten calls one lists fifty invoices, one creates a customer, and the others read an invoice."""
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if number % 10 == 1:
        body = json.dumps({"number": f"N{number}", "name": "Boulangerie Durand SARL"})
        named = f"Content-Type: application/json\r\nIdempotency-Key: bench-{number}\r\nContent-Length: {len(body)}\r\n"
        return f"POST /api/v1/customers HTTP/1.1\r\n{head}{named}\r\n{body}".encode()
    path = "/api/v1/invoices?limit=50" if number % 10 == 0 else f"/api/v1/invoices/{some[number % len(some)]}"
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()


def hostile(api: Api) -> None:
    times = {}
    for name, (body, _code, _words) in UNREADABLE.items():
        began = time.perf_counter()
        api("POST", "/customers", body)
        times[name] = (time.perf_counter() - began) * 1000
    slowest = max(times, key=lambda name: times[name])
    middle, worst = statistics.median(times.values()), times[slowest]
    print(f"{len(times)} bodies that cannot be read: {middle:.0f} ms in the middle; the slowest is {slowest!r}: {worst:.0f} ms")
    print(f"result name=api_hostile worst_ms={worst:.0f} rate={1000 / middle:.1f} ratio={100 / worst:.4f} peak_mb={peak():.0f}")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
