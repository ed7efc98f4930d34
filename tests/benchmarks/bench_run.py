"""The daily run over every open invoice, beside a bare `INSERT … SELECT … ON CONFLICT DO NOTHING` of the due steps on the same rows.

What is measured is a day of a life in progress: ten open invoices a customer, each somewhere in the standard plan with the actions of its
past; the day before was run, so that the schedule says what it says every morning; `--due` of the items have a step due today. Both sides
go organization by organization, in turns, so that a busy machine slows them alike. Ours decides every item with its reason and writes
everything: actions, messages, links, tasks, schedule, tickets, the run and its audit event. The bare one is the leanest that stands on its
own: it reads each open item with its invoice, finds by date the steps that should have happened by today, no conditions asked, leaves out
those that did, and inserts the rest into a table like ours: same columns, same keys, same wall. It does not lean on our schedule, which is
what the run decided. Its plan is read before the clock starts. Both must find the same steps.

`ratio` compares the clock, `ratio_cpu` the processor time of both with their database sessions: on a machine that others use, the second is
the one to read. With `--workers 2` processes take organizations from a queue; the bare side stays on one core, as the figure it is compared
with.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from celery import current_app
from django.db import connection, connections

from customers.models import Contact, Customer, CustomerGroup
from dunning.celery import begin_to_serve
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.services import create_organization
from dunning.core.tenancy import TenantForeignKey, tenant
from invoices.models import Installment, Invoice, LedgerCoverage
from invoices.services import certify_ledger
from notifications.models import Message
from scenarios import scheduler
from scenarios.models import Action, ActionMessage, ActionPlan, PlanAssignment, PlanStep, PlanVersion
from scenarios.services.setup import set_up_organization
from tests.factories import make_customer, make_invoice

TODAY = date(2026, 11, 5)  # a Thursday: nothing rolls onto it
NOW = datetime(2026, 11, 5, 5, 0, tzinfo=UTC)
A_DAY = timedelta(days=1)
PER_CUSTOMER = 10
STEPS = {  # the standard plan, in days after the due date; invoices are due thirty days after their issue
    "receipt_check": -25, "pre_due": -7, "due_day_notice": 0, "r1": 1, "call": 8, "r2": 13, "r3": 24, "formal_notice": 35, "hand_over": 46,
}  # fmt: skip
DUE = (-7, 0, 1, 13, 24)  # days late with a written step today
PHASES = ("load", "decide", "compose", "write", "finish")
QUIET = (-20, -15, -11, -4, -2, 3, 5, 6, 10, 11, 16, 20, 22, 27, 30)  # days late with none, today or yesterday


@dataclass
class Outcome:
    """Seconds of the run and of the bare statement, on the clock and of processor, and what both took; `phases` split the run's."""

    ours: float = 0.0
    ours_cpu: float = 0.0
    bare: float = 0.0
    bare_cpu: float = 0.0
    steps: int = 0
    messages: int = 0
    inserted: int = 0
    peak_mb: tuple[float, float] = (0.0, 0.0)  # after the first tenth of the organizations, and at the end
    phases: dict[str, float] | None = None


# --- the life so far --------------------------------------------------------------------------------------------------------------------


def build(open_items: int, tenants: int, due: float) -> list[Organization]:
    """Organizations with their open items and past, written in sets by the owner, and yesterday's run."""
    first = _organization(f"bench-{time.time_ns()}")
    organizations = [first, *Organization.objects.bulk_create(_sibling(first, number) for number in range(1, tenants))]
    with tenant(first):
        samples = _samples()
    with connections["owner"].cursor() as cursor:
        _settings(cursor, first, organizations)
        _items(cursor, open_items // tenants, due)
        _rows(cursor, samples)
        _bare_table(cursor)
    for organization in organizations:
        scheduler.run(organization=organization, today=TODAY - A_DAY, now=NOW - A_DAY, actor="system")
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return organizations


def _organization(slug: str) -> Organization:
    organization = create_organization(slug=slug, name="Bench", owner_email=f"{slug}@example.com", actor="system", now=NOW).organization
    set_up_organization(organization=organization, actor="system", now=NOW)
    with tenant(organization):
        OrganizationProfile.objects.update(supervised_until=None)
        certify_ledger(through=TODAY, actor="system", today=TODAY, now=NOW)
    return organization


def _sibling(first: Organization, number: int) -> Organization:
    return Organization(slug=f"{first.slug}-{number}", name="Bench", timezone=first.timezone)


def _settings(cursor: Any, first: Organization, organizations: Sequence[Organization]) -> None:
    """The first organization's profile, plans, assignments and certified ledger, for all the others: ids are theirs by digest."""
    cursor.execute("DROP TABLE IF EXISTS orgs, items, steps, past")
    cursor.execute("SELECT set_config('bench.series', %s, false)", [first.slug])
    cursor.execute("CREATE TEMP TABLE orgs (number int, organization_id uuid)")
    cursor.executemany("INSERT INTO orgs VALUES (%s, %s)", [(number, organization.pk) for number, organization in enumerate(organizations)])
    for model in (OrganizationProfile, CustomerGroup, ActionPlan, PlanVersion, PlanStep, PlanAssignment, LedgerCoverage):
        table, values, names = model._meta.db_table, [], []
        for field in model._meta.local_concrete_fields:
            names.append(f'"{field.column}"')
            own = field.primary_key or isinstance(field, TenantForeignKey)
            values.append(
                "x.organization_id" if field.column == "organization_id"
                else f"""md5(t."{field.column}"::text || x.organization_id)::uuid""" if own
                else f't."{field.column}"'
            )  # fmt: skip
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table} t, orgs x"
            " WHERE t.organization_id = %s AND x.number > 0",
            [first.pk],
        )


def _samples() -> dict[Any, Any]:
    """One honest row of each kind, made as the product makes them: the others are copies with their own values."""
    customer = make_customer("sample")
    item = make_invoice(customer, issued_on=TODAY - 60 * A_DAY, due_on=TODAY - 30 * A_DAY, delivered_on=TODAY - 60 * A_DAY)
    message = Message.objects.create(
        customer=customer, channel="email", phase=20, language="fr", template_key="r1", state="accepted", planned_on=TODAY - 14 * A_DAY,
        currency="EUR", accepted_at=NOW - 14 * A_DAY, recipient="compta@client.example", subject="Facture échue", details={"step": "r1"},
        body_text="Bonjour, " * 100, body_html="<p>Bonjour,</p>" * 100,
    )  # fmt: skip
    action = Action.objects.create(
        installment=item, customer=customer, step_key="sample", phase=20, channel="email", state="done", taken_on=TODAY, done_on=TODAY
    )
    link = ActionMessage.objects.create(action=action, message=message)
    return {
        Customer: customer, Contact: customer.contacts.get(), Invoice: item.invoice, Installment: item, Message: message, Action: action,
        ActionMessage: link,
    }  # fmt: skip


def _uuid7(number: str, kind: str) -> str:
    """SQL for the identifier the product would have given the row: in the order of creation, and unique by its kind."""
    digest = f"md5('{kind}' || current_setting('bench.series') || {number})"
    return f"(lpad(to_hex(1757000000000 + {number}), 12, '0') || '7' || left({digest}, 3) || '8' || right({digest}, 15))::uuid"


def _items(cursor: Any, each: int, due: float) -> None:
    """Two working tables: what every item is, and which steps are behind it."""
    customers = max(1, each // PER_CUSTOMER)
    cursor.execute(
        f"""
        CREATE TEMP TABLE items AS
        SELECT n, organization_id, plan_id, version_id, c, n < {customers} + starts_at AS is_first,
               {_uuid7("c", "customer")} AS customer_id, {_uuid7("n", "invoice")} AS invoice_id, {_uuid7("n", "item")} AS id,
               DATE '{TODAY}' - CASE WHEN is_due THEN (ARRAY{list(DUE)})[1 + pick % {len(DUE)}]
                                     ELSE (ARRAY{list(QUIET)})[1 + pick % {len(QUIET)}] END AS due_on,
               round((50 + 2900 * chance * chance)::numeric, 2) AS amount
        FROM (SELECT o.*, starts_at + k AS n, o.number::bigint * {customers} + k % {customers} AS c,
                     hashint8extended(starts_at + k, 1)::bit(20)::int / 1048576.0 AS chance,
                     hashint8extended(starts_at + k, 2)::bit(20)::int AS pick,
                     hashint8extended(starts_at + k, 3)::bit(20)::int / 1048576.0 < {due} AS is_due
              FROM (SELECT orgs.*, orgs.number::bigint * {each} AS starts_at, p.id AS plan_id, v.id AS version_id FROM orgs
                    JOIN scenarios_actionplan p ON p.organization_id = orgs.organization_id AND p.key = 'standard'
                    JOIN scenarios_planversion v ON v.plan_id = p.id) o, generate_series(0, {each} - 1) k) o
        ORDER BY n
        """
    )
    cursor.execute("CREATE TEMP TABLE steps (key text, days int, position int)")
    cursor.executemany("INSERT INTO steps VALUES (%s, %s, %s)", [(key, days, n) for n, (key, days) in enumerate(STEPS.items())])


def _rows(cursor: Any, samples: dict[Any, Any]) -> None:
    """The rows themselves; a step of the past was done on its day, or on the business day before."""
    day = "CASE extract(isodow FROM p.day) WHEN 6 THEN p.day - 1 WHEN 7 THEN p.day - 2 ELSE p.day END"
    cursor.execute(
        f"""
        CREATE TEMP TABLE past AS
        SELECT p.*, {day} AS done_on, s.phase, s.channel, {_uuid7("p.n * 10 + p.position", "action")} AS action_id
        FROM (SELECT i.*, s.key, s.position, i.due_on + s.days AS day FROM items i CROSS JOIN steps s) p
        JOIN scenarios_planstep s ON s.version_id = p.version_id AND s.key = p.key
        WHERE p.day < DATE '{TODAY}' ORDER BY p.day, p.n
        """
    )
    own = {"organization_id": "x.organization_id", "customer_id": "x.customer_id"}
    _copy(
        cursor, samples[Customer], "(SELECT * FROM items WHERE is_first)",
        {"organization_id": "x.organization_id", "id": "x.customer_id", "number": "'C' || x.c", "name": "'Client ' || x.c || ' SARL'"},
    )  # fmt: skip
    _copy(
        cursor, samples[Contact], "(SELECT * FROM items WHERE is_first)",
        own | {"id": _uuid7("x.c", "contact"), "email": "'compta.' || x.c || '@client.example'"},
    )  # fmt: skip
    _copy(
        cursor, samples[Invoice], "items",
        own | {"id": "x.invoice_id", "number": "'FA-' || x.n", "issued_on": "x.due_on - 30", "delivered_on": "x.due_on - 30",
               "entered_on": "x.due_on - 30", "due_on": "x.due_on", "gross": "x.amount"},
    )  # fmt: skip
    _copy(
        cursor, samples[Installment], "items",
        own | {"id": "x.id", "invoice_id": "x.invoice_id", "due_on": "x.due_on", "amount": "x.amount", "outstanding": "x.amount"},
    )  # fmt: skip
    _copy(
        cursor, samples[Action], "past",
        own | {"id": "x.action_id", "installment_id": "x.id", "plan_id": "x.plan_id", "version_id": "x.version_id", "step_key": "x.key",
               "phase": "x.phase", "channel": "x.channel", "taken_on": "x.done_on", "done_on": "x.done_on", "amount": "x.amount",
               "state": "CASE x.key WHEN 'receipt_check' THEN 'skipped' ELSE 'done' END",
               "reason": "CASE x.key WHEN 'receipt_check' THEN 'condition_false' ELSE 'due_now' END"},
    )  # fmt: skip
    _copy(
        cursor, samples[Message], "(SELECT * FROM items WHERE is_first)",
        own | {"id": _uuid7("x.c", "message"), "group_key": "'account:' || x.customer_id"},
    )  # fmt: skip
    _copy(
        cursor, samples[ActionMessage], "(SELECT * FROM past WHERE key = 'r1')",
        {"organization_id": "x.organization_id", "id": _uuid7("x.n", "link"), "action_id": "x.action_id",
         "message_id": _uuid7("x.c", "message")},
    )  # fmt: skip
    for sample in reversed(samples.values()):
        cursor.execute(f"DELETE FROM {sample._meta.db_table} WHERE id = %s", [sample.pk])


def _copy(cursor: Any, sample: Any, source: str, own: dict[str, str]) -> None:
    """Insert the sample once per row of `source` (as x), with the values `own` gives by column."""
    columns = [field.column for field in sample._meta.local_concrete_fields if not field.generated]
    values = ", ".join(own.get(column, f't."{column}"') for column in columns)
    table = sample._meta.db_table
    names = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} t, {source} x WHERE t.id = %s", [sample.pk])


def _bare_table(cursor: Any) -> None:
    """A table like the one of actions, with its columns, keys, indexes, references and wall, and the same past in it."""
    mine = "organization_id = (SELECT current_setting('app.organization')::uuid)"
    cursor.execute("DROP TABLE IF EXISTS bench_action")
    cursor.execute("CREATE TABLE bench_action (LIKE scenarios_action INCLUDING ALL)")
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'scenarios_action'::regclass AND contype = 'f'"
    )
    for name, definition in cursor.fetchall():
        cursor.execute(f'ALTER TABLE bench_action ADD CONSTRAINT "{name}" {definition}')
    columns = ", ".join(field.column for field in Action._meta.local_concrete_fields if not field.generated)
    cursor.execute(f"INSERT INTO bench_action ({columns}) SELECT {columns} FROM scenarios_action")
    cursor.execute("ALTER TABLE bench_action ENABLE ROW LEVEL SECURITY")
    cursor.execute("ALTER TABLE bench_action FORCE ROW LEVEL SECURITY")
    cursor.execute(f"CREATE POLICY tenant ON bench_action TO dunning_app USING ({mine}) WITH CHECK ({mine})")
    cursor.execute("CREATE POLICY owner ON bench_action TO dunning_owner USING (true) WITH CHECK (true)")
    cursor.execute("GRANT SELECT, INSERT ON bench_action TO dunning_app")


# --- the two sides ----------------------------------------------------------------------------------------------------------------------

BARE = """
INSERT INTO bench_action (id, organization_id, installment_id, customer_id, plan_id, version_id, step_key, occurrence, phase, channel,
                          state, reason, variant, taken_on, amount, details, created_at)
SELECT gen_random_uuid(), i.organization_id, i.id, i.customer_id, %(plan)s, %(version)s, s.key, 1, s.phase, s.channel,
       'planned', 'due_now', '', %(today)s, i.outstanding, '{{}}', %(now)s
FROM invoices_installment i
JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
JOIN (VALUES {steps}) s (key, phase, channel, by_issue, days)
  ON CASE WHEN s.by_issue THEN v.issued_on ELSE i.due_on END + s.days <= %(today)s
WHERE i.outstanding > 0
  AND NOT EXISTS (SELECT 1 FROM bench_action a
                  WHERE a.organization_id = i.organization_id AND a.installment_id = i.id AND a.step_key = s.key)
ON CONFLICT (organization_id, installment_id, plan_id, step_key, occurrence) DO NOTHING
"""


@dataclass(frozen=True)
class Bare:
    """The bare statement of one organization, ready to run: its plan was read before the clock starts."""

    organization: Organization
    sql: str
    values: dict[str, Any]

    def run(self) -> int:
        """Run it in a transaction of its own; how many steps it inserted."""
        with tenant(self.organization), connection.cursor() as cursor:
            cursor.execute(self.sql, self.values)
            return int(cursor.rowcount)


def bare(organization: Organization) -> Bare:
    """The statement with the steps of the organization's standard plan, their days counted from the due date or the issue."""
    with tenant(organization):
        version = PlanVersion.objects.get(plan__key="standard")
        days, steps = 0, []
        for step in PlanStep.objects.filter(version=version).order_by("position"):
            days = step.offset + (days if step.anchor == "previous" else 0)
            steps.append((step.key, step.phase, step.channel, step.anchor == "issue", days))
    values: dict[str, Any] = {"today": TODAY, "now": NOW, "plan": version.plan_id, "version": version.pk}
    values |= {f"step{number}": dated for number, dated in enumerate(steps)}
    return Bare(organization, BARE.format(steps=", ".join(f"%(step{number})s" for number in range(len(steps)))), values)


def ours(organization: Organization) -> tuple[int, int]:
    """The daily run of one organization; how many steps it took, and messages it wrote."""
    report = scheduler.run(organization=organization, today=TODAY, now=NOW, actor="system")
    if report.brake is not None:
        raise SystemExit(f"A run was braked: {report.brake}.")
    return sum(report.counts["steps"].values()), sum(report.counts["messages"].values())


@contextmanager
def phases() -> Iterator[dict[str, float]]:
    """Seconds of a run by phase, while it is open: the run's own functions, each called a few times a batch."""
    seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)
    names = {"load_batch": "load", "decide_all": "decide", "compose_all": "compose", "write": "write", "_finish": "finish"}
    before = {name: getattr(scheduler, name) for name in names}

    def timed(function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[phase] += time.perf_counter() - start

        return call

    for name, function in before.items():
        setattr(scheduler, name, timed(function, names[name]))
    try:
        yield seconds
    finally:
        for name, function in before.items():
            setattr(scheduler, name, function)


def alone(organizations: Sequence[Organization]) -> Outcome:
    """Both sides on one core, in turns."""
    outcome = Outcome()
    early = 0.0
    _wake()
    with phases() as seconds:
        for number, organization in enumerate(organizations, start=1):
            statement = bare(organization)
            start, cpu = time.perf_counter(), _processor()
            outcome.inserted += statement.run()
            outcome.bare += time.perf_counter() - start
            outcome.bare_cpu += _processor() - cpu
            start, cpu = time.perf_counter(), _processor()
            steps, messages = ours(organization)
            outcome.ours += time.perf_counter() - start
            outcome.ours_cpu += _processor() - cpu
            outcome.steps += steps
            outcome.messages += messages
            if number == max(1, len(organizations) // 10):
                early = _peak(resource.RUSAGE_SELF)
    outcome.peak_mb, outcome.phases = (early, _peak(resource.RUSAGE_SELF)), seconds
    return outcome


def together(organizations: Sequence[Organization], workers: int) -> Outcome:
    """The bare side on one core, then ours in several processes."""
    outcome = Outcome()
    statements = [bare(organization) for organization in organizations]
    start, cpu = time.perf_counter(), _processor()
    outcome.inserted = sum(statement.run() for statement in statements)
    outcome.bare, outcome.bare_cpu = time.perf_counter() - start, _processor() - cpu
    connections.close_all()
    with multiprocessing.get_context("fork").Pool(workers, initializer=_wake) as pool:
        pool.map(_nothing, range(workers), chunksize=1)
        start = time.perf_counter()
        for steps, messages, cpu in pool.imap_unordered(_timed, organizations, chunksize=1):
            outcome.steps += steps
            outcome.messages += messages
            outcome.ours_cpu += cpu
        outcome.ours = time.perf_counter() - start
        pool.close()
        pool.join()
    outcome.peak_mb = (0.0, max(_peak(resource.RUSAGE_SELF), _peak(resource.RUSAGE_CHILDREN)))
    return outcome


def _wake() -> None:
    """A worker serves for days: it was begun as Celery begins it, its connection is open and its doorbell has rung before the first
    organization."""
    begin_to_serve()
    connection.ensure_connection()
    with suppress(Exception):  # no broker, no bell: the run says so itself
        current_app.send_task("notifications.dispatch", retry=False, expires=30)


def _nothing(_number: int) -> None:
    time.sleep(0.05)


def _timed(organization: Organization) -> tuple[int, int, float]:
    cpu = _processor()
    return (*ours(organization), _processor() - cpu)


def _processor() -> float:
    """Seconds of processor this process and its database session took so far: what other programs on the machine do does not show in them.

    The session's are read where the database runs on this very Linux machine; elsewhere only our own are known.
    """
    own = time.process_time()
    try:
        ran = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()[0]
    except OSError:
        return own
    return own + int(ran) / 1e9


def _peak(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def report(open_items: int, due: float, workers: int, outcome: Outcome) -> None:
    if outcome.steps != outcome.inserted:
        raise SystemExit(f"The run took {outcome.steps} steps, the bare statement {outcome.inserted}.")
    rate, bare_rate = open_items / outcome.ours, open_items / outcome.bare
    print(
        f"{open_items:,} open, {outcome.steps:,} steps due: {outcome.messages:,} messages in {outcome.ours:.2f} s"
        f" ({outcome.ours_cpu:.2f} of processor), {1e6 / rate:.1f} µs an item; bare {outcome.bare:.2f} s ({outcome.bare_cpu:.2f}),"
        f" {bare_rate:,.0f} a second"
    )
    if outcome.phases is not None:
        split = {**outcome.phases, "rest": outcome.ours - sum(outcome.phases.values())}
        print("  ".join(f"{name} {1e6 * seconds / open_items:.1f} µs" for name, seconds in split.items()))
        print(f"peak {outcome.peak_mb[0]:.0f} MB after a tenth of the organizations, {outcome.peak_mb[1]:.0f} MB at the end")
    print(
        f"result name=run open={open_items} due={due:g} workers={workers} rate={rate:.0f} ratio={rate / bare_rate:.4f}"
        f" ratio_cpu={outcome.bare_cpu / outcome.ours_cpu:.4f} peak_mb={outcome.peak_mb[1]:.0f}"
    )


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench run", description=__doc__)
    parser.add_argument("--open", type=int, nargs="+", default=[100_000], help="open invoices; several show that time is linear")
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument("--due", type=float, default=0.0, help="share of the items with a step due today, 0 to 1")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(list(argv))
    for open_items in options.open:
        start = time.perf_counter()
        organizations = build(open_items, options.tenants, options.due)
        print(f"built in {time.perf_counter() - start:.0f} s")
        outcome = alone(organizations) if options.workers == 1 else together(organizations, options.workers)
        report(open_items, options.due, options.workers, outcome)
