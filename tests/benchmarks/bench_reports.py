"""Every report over one organization with many open invoices and two years of paid ones: seconds each, on a database nobody warmed for it.

The ledger is written in sets: `--open` open invoices as `bench run` makes them, a third of them older, and `--paid` invoices of the last
two years, each paid once, between ten days early and eighty late. `--explain NAME` prints PostgreSQL's plans of one report instead.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, connections

from customers.models import Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Allocation, Installment, Invoice
from invoices.owed import Scope
from invoices.reports import ageing, collected, delays, disputes, forecast, legal, sales
from invoices.reports.rows import CountedItems
from invoices.services import PaymentDraft, record_payment
from scenarios import payer_indexes
from scenarios.reports import collectors, costs, effects, frozen
from tests.benchmarks.bench_run import A_DAY, NOW, TODAY, _copy, _items, _organization, _processor, _rows, _samples, _settings
from tests.factories import make_invoice

YEAR = delays.Period(TODAY - 365 * A_DAY, TODAY)
QUARTER = delays.Period(TODAY - 90 * A_DAY, TODAY)
EURO = Scope("EUR")


def reports() -> dict[str, Callable[[], object]]:
    """The reports by name, as their pages ask for them."""
    past = TODAY - timedelta(days=45)
    ends = [sales.month_end(month) for month in sales.months_before(TODAY - 31 * A_DAY, 5)][::-1]
    return {
        "aged_balance": lambda: ageing.aged_balance(EURO, as_of=TODAY, today=TODAY),
        "aged_balance_past": lambda: ageing.aged_balance(EURO, as_of=past, today=TODAY),
        "aged_history": lambda: ageing.aged_history(EURO, days=[*ends, TODAY], today=TODAY),
        "aged_list": lambda: CountedItems(ageing.ageing_rows(EURO, as_of=TODAY, today=TODAY), ["1-30"])[:50],
        "aged_list_past": lambda: CountedItems(ageing.ageing_rows(EURO, as_of=past, today=TODAY), ["1-30"])[:50],
        "debtors": lambda: ageing.top_debtors(EURO, as_of=TODAY, today=TODAY, most=20),
        "debtors_past": lambda: ageing.top_debtors(EURO, as_of=past, today=TODAY, most=20),
        "days_of_sales": lambda: sales.days_of_sales(EURO, last=sales.last_full_month(TODAY), count=12, today=TODAY),
        "delays": lambda: delays.delays(EURO, QUARTER, today=TODAY),
        "on_time": lambda: delays.on_time(delays.due_rows(EURO, QUARTER, today=TODAY).cells()),
        "on_time_by_month": lambda: delays.on_time_by_month(EURO, YEAR, today=TODAY),
        "promises": lambda: delays.promises(EURO, QUARTER),
        "disputes": lambda: disputes.disputes(EURO, as_of=TODAY, today=TODAY),
        "legal": lambda: legal.late_invoices(EURO, closing=TODAY - 5 * A_DAY, today=TODAY),
        "forecast": lambda: forecast.cash_forecast(EURO, today=TODAY, weeks=13),
        "collected": lambda: collected.collected_by_owner(EURO, QUARTER),
        "collectors": lambda: collectors.collected_by_collector(EURO, QUARTER),
        "steps": lambda: effects.step_effects(EURO, QUARTER, today=TODAY),
        "funnel": lambda: effects.funnel(EURO, QUARTER),
        "costs": lambda: (costs.costs_by_channel(EURO, QUARTER), costs.costs_by_step(EURO, QUARTER)),
        "frozen": lambda: frozen.frozen(EURO),
        "payer_indexes": lambda: payer_indexes.refresh(today=TODAY),
        "payer_indexes_again": lambda: payer_indexes.refresh(today=TODAY + A_DAY),
    }


def ledger(open_items: int, paid: int, *, due: float = 0.0) -> Organization:
    organization = _organization(f"bench-{time.time_ns()}")
    with tenant(organization):
        samples = _samples()
    with connections["owner"].cursor() as cursor:
        _settings(cursor, organization, [organization])
        _items(cursor, open_items, due)
        _rows(cursor, samples)
    with tenant(organization):
        customer = Customer.objects.order_by("pk").first()
        assert customer is not None
        item = make_invoice(customer, number="SAMPLE", issued_on=TODAY - 60 * A_DAY, due_on=TODAY - 30 * A_DAY)
        draft = PaymentDraft(
            amount=item.amount, received_on=TODAY, customer=customer, allocations=((item, item.amount),), external_reference="SAMPLE"
        )
        payment = record_payment(draft=draft, actor="system", today=TODAY, now=NOW).payment
        item = Installment.objects.select_related("invoice").get(pk=item.pk)
        allocation = Allocation.objects.get(payment=payment)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE invoices_installment SET due_on = due_on - (hashtext(id::text) & 127)"
            " WHERE outstanding > 0 AND hashtext(id::text) % 3 = 0"
        )
        cursor.execute(
            "UPDATE invoices_invoice v SET due_on = i.due_on, issued_on = i.due_on - 30, entered_on = i.due_on - 30"
            " FROM invoices_installment i WHERE i.invoice_id = v.id AND i.outstanding > 0"
        )
        cursor.execute("DROP TABLE IF EXISTS history")
        cursor.execute(
            f"""
            CREATE TEMP TABLE history AS
            SELECT n, c.id AS customer_id, due_on,
                   gen_random_uuid() AS invoice_id, gen_random_uuid() AS id, gen_random_uuid() AS payment_id,
                   least(DATE '{TODAY}', due_on + (hashint4extended(n, 3) & 63)::int - 10 + CASE WHEN n % 9 = 0 THEN 30 ELSE 0 END)
                       AS paid_on,
                   round((50 + (hashint4extended(n, 5) & 4095))::numeric, 2) AS amount
            FROM (SELECT n, DATE '{TODAY}' - 20 - (hashint4extended(n, 1) & 1023)::int * 700 / 1023 AS due_on
                  FROM generate_series(1, {paid}) n) h
            JOIN (SELECT id, row_number() OVER () AS place, count(*) OVER () AS many FROM customers_customer) c
              ON c.place = 1 + h.n % c.many
            ORDER BY due_on
            """
        )
        own = {"customer_id": "x.customer_id"}
        _copy(
            cursor, item.invoice, "history",
            own | {"id": "x.invoice_id", "number": "'H-' || x.n", "issued_on": "x.due_on - 30", "entered_on": "x.due_on - 30",
                   "due_on": "x.due_on", "gross": "x.amount"},
        )  # fmt: skip
        _copy(
            cursor, item, "history",
            own | {"id": "x.id", "invoice_id": "x.invoice_id", "due_on": "x.due_on", "amount": "x.amount", "settled_on": "x.paid_on"},
        )  # fmt: skip
        _copy(
            cursor, payment, "history",
            own | {"id": "x.payment_id", "amount": "x.amount", "received_on": "x.paid_on", "entered_on": "x.paid_on",
                   "external_reference": "'H-' || x.n"},
        )  # fmt: skip
        _copy(
            cursor, allocation, "history",
            {"id": "gen_random_uuid()", "installment_id": "x.id", "payment_id": "x.payment_id", "amount": "x.amount",
             "value_on": "x.paid_on"},
        )  # fmt: skip
        cursor.execute("VACUUM ANALYZE")
    return organization


def explain(ask: Callable[[], object]) -> None:
    """PostgreSQL's plans of every statement the report makes."""

    def planned(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            with connection.connection.cursor() as raw:
                raw.execute(f"EXPLAIN (ANALYZE, BUFFERS OFF) {sql}", params)
                print("\n".join(row[0] for row in raw.fetchall()), end="\n\n")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(planned):
        ask()


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench reports", description=__doc__)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--paid", type=int, default=300_000)
    parser.add_argument("--explain", nargs="*", default=[])
    options = parser.parse_args(list(argv))
    start = time.perf_counter()
    organization = ledger(options.open, options.paid)
    with tenant(organization):
        assert Invoice.objects.filter(number="H-1").exists()
        print(f"built in {time.perf_counter() - start:.0f} s")
        asked = reports()
        for name in options.explain:
            print(f"--- {name}")
            explain(asked[name])
        slowest = Decimal(0)
        for name, ask in asked.items():
            start, cpu = time.perf_counter(), _processor()
            ask()
            seconds, cpu = Decimal(time.perf_counter() - start), _processor() - cpu
            slowest = max(slowest, seconds)
            print(f"{name:22} {seconds:.3f} s ({cpu:.3f} of processor)")
    print(f"result name=reports open={options.open} paid={options.paid} slowest={slowest:.3f}")
