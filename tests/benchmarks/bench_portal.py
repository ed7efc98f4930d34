"""The debtor's page on a real account: how long until its first byte, and how heavy it is.

Pages are asked for one after the other, through every middleware, with the organization's transaction of its own each time; an answer is
one piece, so that its first byte comes with its last. Processor time says what a page costs when the machine is busy with something else.
A bare page - the same middlewares, a view that asks nothing (/healthz) - is asked for between any two of them, so that both see the same
machine. The first load is the page and its two style sheets, as they are and compressed.

    manage.py bench portal --invoices 200 --requests 50
"""

import argparse
import gzip
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connections
from django.test import Client

from dunning.core import clock, documents
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct
from notifications import mailbox
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.services.answers import send_statement
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house

PAGES = ("", "?page=5", "promise/")
BARE = "/healthz"


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench portal", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=200)
    parser.add_argument("--requests", type=int, default=50)
    options = parser.parse_args(list(argv))
    browser = Client(headers={"user-agent": "Mozilla/5.0", "host": "127.0.0.1"})
    browser.get(link_of_account(options.invoices))
    styles = [(settings.BASE_DIR / "static" / "css" / name).read_bytes() for name in ("tokens.css", "pages/portal.css")]
    measures = {page: measure(browser, f"/portal/{page}", options.requests) for page in PAGES}
    for page, seen in measures.items():
        print(
            f"/portal/{page:12} {options.invoices} invoices: {seen.median:.1f} ms in the middle, {seen.p95:.1f} ms at most in 95 of 100, "
            f"{seen.processor:.1f} ms of this process's time (a bare page: {seen.bare:.1f} ms, {seen.bare_p95:.1f} ms); "
            f"{len(seen.content):,} bytes and {sum(map(len, styles)):,} of styles",
            flush=True,
        )
    first = measures[""]
    load = [first.content, *styles]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"result name=portal first_byte_ms={first.median:.1f} first_byte_p95_ms={first.p95:.1f} "
        f"bare_ms={first.bare:.1f} bare_p95_ms={first.bare_p95:.1f} cpu_ms={first.processor:.1f} "
        f"rate={1000 / first.median:.1f} ratio={first.bare / first.median:.4f} "
        f"first_load_kb={sum(map(len, load)) / 1024:.1f} first_load_gzip_kb={sum(len(gzip.compress(part)) for part in load) / 1024:.1f} "
        f"peak_mb={peak:.0f}"
    )


@dataclass(frozen=True)
class Measure:
    """Milliseconds of a page and of the bare one asked for beside it, and the page."""

    median: float
    p95: float
    processor: float
    bare: float
    bare_p95: float
    content: bytes


def measure(browser: Client, path: str, requests: int) -> Measure:
    content: bytes = browser.get(path).content  # what is loaded once is loaded
    browser.get(BARE)
    pages, bare = [], []
    for _number in range(requests):
        bare.append(timed(browser, BARE)[0])
        pages.append(timed(browser, path))
    times, processor = zip(*pages, strict=True)
    return Measure(statistics.median(times), p95(times), statistics.median(processor), statistics.median(bare), p95(bare), content)


def timed(browser: Client, path: str) -> tuple[float, float]:
    """(milliseconds, milliseconds of this process) until a page's bytes are there."""
    began, cpu = time.perf_counter(), time.process_time()
    browser.get(path)
    return (time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000


def p95(times: Sequence[float]) -> float:
    return sorted(times)[max(0, -(-len(times) * 95 // 100) - 1)]


def link_of_account(count: int) -> str:
    """An account of so many invoices, half of them late, half of them answered, and the link of its statement."""
    today, now = clock.today("Europe/Paris"), clock.now()
    organization = open_house()
    with tenant(organization):
        customer = make_customer("C1")
        copy = documents.store(content=b"%PDF-1.7", media_type="application/pdf", filename="x.pdf", now=now)
        for number in range(count):
            due = today + timedelta(days=number - count // 2)
            item = make_invoice(
                customer, number=f"FA-2026-{number:05}", amount=f"{1000 + number}.25", issued_on=due - timedelta(days=30), due_on=due,
                document=copy, purchase_order=f"CDE-{number}",
            )  # fmt: skip
            if number % 2:
                DebtorAct.objects.create(customer=customer, installment=item, kind="accepted", source="portal", at=now, actor="contact:x")
        (message,) = send_statement(customer=customer, actor="system", today=today, now=now)
    deliver_due(now=now, organization=organization)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum does within a minute of a load
    with tenant(organization):
        return mailbox.page_of(Message.objects.get(pk=message.pk))
