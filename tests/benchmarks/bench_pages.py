"""Every list and record of the dashboard over one organization with many open invoices: its server time, its queries, its weight.

The ledger is that of `bench reports`; one run of the engine puts a day's messages and calls on it. Pages are asked for one after the other,
signed in, through every middleware; a bare page (/healthz) between any two of them, so that both see the same machine. What a page costs
the first time is not counted; reports are asked for once, as nobody asks twice.

    manage.py bench pages --open 100000 --requests 20
"""

import argparse
import gzip
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from dunning.core import clock, search
from dunning.core.collector import spare_the_program
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, User
from dunning.core.tenancy import tenant
from dunning.dashboard.reports.registry import REPORTS
from invoices.models import Installment, Invoice
from notifications.models import Message
from scenarios.models import ActionPlan, Task
from scenarios.services.runs import run_organization
from tests.benchmarks.bench_portal import p95, timed
from tests.benchmarks.bench_reports import ledger
from tests.benchmarks.bench_run import NOW, TODAY

BARE = "/healthz"
MEDIAN, P95, REPORT, WEIGHT = 150, 400, 1000, 100_000
"""What is asked for: milliseconds of a list or a record, of a report, and compressed bytes of any page."""


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--paid", type=int, default=100_000)
    parser.add_argument("--due", type=float, default=0.01, help="the part of the open items for which a step is due on the day")
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[], help="these addresses alone")
    options = parser.parse_args(list(argv))
    organization = inhabited(options.open, options.paid, options.due)
    spare_the_program()  # as the web server does before it forks; here what built the ledger would be looked at with it
    with clock.virtual(NOW):
        browser = signed_in(organization)
        lists = options.only or addresses(organization)
        pages = [measure(browser, path, options.requests) for path in lists]
        reports = [] if options.only else [measure(browser, path, 1) for path in report_addresses()]
    slowest = max(pages, key=lambda seen: seen.median)
    slowest_report = max(reports, key=lambda seen: seen.median, default=slowest)
    over = [seen.path for seen in pages if seen.median > MEDIAN or seen.p95 > P95]
    over += [seen.path for seen in reports if seen.median > REPORT]
    over += [seen.path for seen in (*pages, *reports) if seen.weight > WEIGHT]
    print(f"over what is asked: {', '.join(over) or 'none'}")
    bare = statistics.median(seen.bare for seen in pages)
    print(
        f"result name=pages open={options.open} pages={len(pages)} rate={1000 / slowest.median:.1f} ratio={bare / slowest.median:.4f} "
        f"median_ms={statistics.median(seen.median for seen in pages):.1f} slowest_ms={slowest.median:.1f} slowest={slowest.path} "
        f"p95_ms={max(seen.p95 for seen in pages):.1f} report_ms={slowest_report.median:.0f} bare_ms={bare:.1f} "
        f"heaviest_kb={max(seen.weight for seen in (*pages, *reports)) / 1024:.0f} over={len(over)} "
        f"peak_mb={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"
    )


@dataclass(frozen=True)
class Measure:
    """A page: milliseconds, those of a bare page beside it, queries, compressed bytes."""

    path: str
    median: float
    p95: float
    bare: float
    queries: int
    weight: int


def measure(browser: Client, path: str, requests: int) -> Measure:
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get(path)
        count = len(queries)  # the next request forgets them
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}.")
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    browser.get(BARE)
    bare, times, processor = [], [], []
    for _number in range(requests):
        bare.append(timed(browser, BARE)[0])
        wall, spent = timed(browser, path)
        times.append(wall)
        processor.append(spent)
    seen = Measure(path, statistics.median(times), p95(times), statistics.median(bare), count, len(gzip.compress(content)))
    print(
        f"{seen.path:44} {seen.median:7.1f} ms in the middle {seen.p95:7.1f} p95 {statistics.median(processor):7.1f} of processor"
        f" {seen.queries:4} queries {seen.weight / 1024:6.1f} kB",
        flush=True,
    )
    return seen


def inhabited(open_items: int, paid: int, due: float) -> Organization:
    """An organization in the middle of its life: its customers and invoices can be searched, and today's run is done."""
    start = time.perf_counter()
    organization = ledger(open_items, paid, due=due)
    with tenant(organization):
        for kind, model, field in (("customer", Customer, "name"), ("invoice", Invoice, "number")):
            tokens = {pk: search.number_tokens(text) | search.words(text) for pk, text in model.objects.values_list("pk", field)}
            search.index(kind=kind, tokens=tokens, fresh=True)
    run_organization(organization=organization, today=TODAY, now=NOW, actor="system", played=True)
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"built in {time.perf_counter() - start:.0f} s", flush=True)
    return organization


def signed_in(organization: Organization) -> Client:
    user = User.objects.create_user(f"clerk-{organization.pk}@atelier.example", "correct horse battery", name="Claire Petit")
    Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
    browser = Client(headers={"user-agent": "Mozilla/5.0", "host": "127.0.0.1", "accept-language": "fr"})
    browser.force_login(user)
    return browser


def addresses(organization: Organization) -> list[str]:
    """Lists, their later pages, filters and searches, and one record of each kind."""
    with tenant(organization):
        item = Installment.objects.filter(outstanding__gt=0, due_on__lt=TODAY).order_by("-due_on").first()
        message = Message.objects.order_by("-created_at").first()
        call = Task.objects.filter(kind="call").first()
        plan = ActionPlan.objects.get(key="standard")
        assert item is not None and message is not None
        found = [
            "/", "/board/", "/calls/", "/invoices/", "/invoices/?page=40", "/invoices/?state=overdue", "/invoices/?sort=-outstanding",
            f"/invoices/?q={item.invoice.number}", f"/invoices/{item.invoice_id}/", "/customers/", "/customers/?page=40",
            "/customers/?q=client", f"/customers/{item.customer_id}/", "/search/?q=4242", "/messages/", "/messages/?page=2",
            f"/messages/{message.pk}/", "/messages/inbox/", "/letters/", "/payments/", "/payments/?page=40", "/plans/",
            f"/plans/{plan.pk}/", "/texts/", "/imports/", "/triage/", "/notices/", "/settings/", "/settings/members/", "/settings/sending/",
            "/settings/working-days/", "/reports/",
        ]  # fmt: skip
        return [*found, f"/tasks/{call.pk}/"] if call is not None else found


def report_addresses() -> list[str]:
    return [f"/reports/{key}/" for key in REPORTS]
