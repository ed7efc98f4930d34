"""The debtor's page on a real account: how long until its first byte, and how heavy it is.

Pages are asked for one after the other, through every middleware, with the organization's transaction of its own each time; an answer is
one piece, so that its first byte comes with its last. Processor time says what a page costs when the machine is busy with something else;
the ratio is to a page that asks nothing (/healthz).

    manage.py bench portal --invoices 200 --requests 50
"""

import argparse
import resource
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
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


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench portal", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=200)
    parser.add_argument("--requests", type=int, default=50)
    options = parser.parse_args(list(argv))
    browser = Client(headers={"user-agent": "Mozilla/5.0", "host": "127.0.0.1"})
    browser.get(link_of_account(options.invoices))
    styles = sum(len((settings.BASE_DIR / "static" / "css" / name).read_bytes()) for name in ("tokens.css", "pages/portal.css"))
    bare, _processor = timed(browser, "/healthz", options.requests)
    first = 0.0
    for page in PAGES:
        path = f"/portal/{page}"
        size = len(browser.get(path).content)
        middle, processor = timed(browser, path, options.requests)
        first = first or middle
        print(
            f"{path:20} {options.invoices} invoices: {middle:.1f} ms in the middle, {processor:.1f} ms of this process's time; "
            f"{size:,} bytes and {styles:,} of styles",
            flush=True,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"result name=portal first_byte_ms={first:.1f} rate={1000 / first:.1f} ratio={bare / first:.4f} peak_mb={peak:.0f}")


def timed(browser: Client, path: str, requests: int) -> tuple[float, float]:
    """(milliseconds, milliseconds of this process) of a page, each the middle of many."""
    times, processor = [], []
    for _number in range(requests):
        began, cpu = time.perf_counter(), time.process_time()
        browser.get(path)
        times.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - cpu) * 1000)
    return statistics.median(times), statistics.median(processor)


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
    with tenant(organization):
        return mailbox.page_of(Message.objects.get(pk=message.pk))
