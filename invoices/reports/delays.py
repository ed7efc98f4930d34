"""How late payments come, how often in time, and which promises are kept (docs/reports.md, "Delays", "On time", "Promises kept")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from invoices.measures.ageing import Cell
from invoices.measures.delays import Lateness, Rate, lateness, mean_days, weighted_age
from invoices.owed import ROLLED, STANDS, Scope, closed_days, owed
from invoices.reports.rows import Rows

IN_TIME, LATE, OPEN_LATE, PENDING = "in_time", "late", "open_late", "pending"
KEPT, BROKEN, WAITING = "kept", "broken", "open"
_NO_CELL: Final = Cell()


@dataclass(frozen=True, slots=True)
class Period:
    """From its first day through its last, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Delays:
    """What was paid in a period, how late (weighted by amount, and the simple mean), and the age of what is overdue at its end.

    `paid` counts the items settled in the period, those paid in time being met.
    """

    weighted: Lateness
    mean: Decimal | None
    open_age: Decimal | None
    paid: Rate


def _parts(scope: Scope) -> str:
    """SQL of what payments brought for the items settled in a period."""
    return f"""
SELECT i.id, i.due_on, coalesce(k.opens, i.due_on) AS opens, a.value_on, a.amount
FROM {scope.standing} {ROLLED} JOIN invoices_allocation a ON a.organization_id = i.organization_id AND a.installment_id = i.id
WHERE a.payment_id IS NOT NULL AND a.reversed_at IS NULL AND i.settled_on BETWEEN %(first)s AND %(last)s AND {STANDS}
  AND {scope.item_condition}"""


_PAID: Final = f"CASE WHEN max(value_on) <= opens THEN '{IN_TIME}' ELSE '{LATE}' END"


def paid_rows(scope: Scope, period: Period) -> Rows:
    """The items settled in the period by payments: IN_TIME or LATE by the last of these, with what was paid."""
    sql = f"SELECT id, {_PAID}, sum(amount) FROM ({_parts(scope)}) part GROUP BY id, opens"
    return Rows(sql, _settled(scope, period))


def delays(scope: Scope, period: Period, *, today: date) -> Delays:
    """How late what was paid in the period came, in two queries."""
    sql = f"""
WITH part AS MATERIALIZED ({_parts(scope)})
SELECT 'part', value_on - due_on, count(*), sum(amount) FROM part GROUP BY 2
UNION ALL
SELECT line, days, count(*), sum(amount)
FROM (SELECT {_PAID} AS line, max(value_on) - due_on AS days, sum(amount) AS amount FROM part GROUP BY id, due_on, opens) item
GROUP BY 1, 2"""
    as_of = min(period.last, today)
    ages = f"SELECT %(as_of)s - due_on, sum(amount) FROM ({owed(scope, as_of=as_of, today=today)}) owed GROUP BY 1"
    with connection.cursor() as cursor:
        cursor.execute(sql, _settled(scope, period))
        rows = cursor.fetchall()
        cursor.execute(ages, {**scope.values, "as_of": as_of})
        open_ = cursor.fetchall()
    cells: dict[str, Cell] = {}
    for line, _days_late, count, amount in rows:
        cells[line] = cells.get(line, _NO_CELL) + Cell(count, amount)
    return Delays(
        weighted=lateness((days, amount) for line, days, _count, amount in rows if line == "part"),
        mean=mean_days((days, count) for line, days, count, _amount in rows if line != "part"),
        open_age=weighted_age(open_),
        paid=_rate(cells, met=(IN_TIME,), of=(IN_TIME, LATE)),
    )


def _settled(scope: Scope, period: Period) -> dict[str, Any]:
    """What is paid in the period may have been due long before: days on which banks were closed are known for two years."""
    return {**scope.values, **_days(period), **closed_days(period.first - timedelta(days=730), period.last)}


# --- on time ----------------------------------------------------------------------------------------------------------------------------


def due_rows(scope: Scope, period: Period, *, today: date) -> Rows:
    """The items due in the period that were paid or still are to be: IN_TIME, LATE (paid), OPEN_LATE, or PENDING (may still be in time).

    What a credit note or a write-off settled without any payment was not there to be paid.
    """
    sql = f"""
SELECT i.id, {_STATE}, i.amount FROM {scope.standing} {ROLLED} {GIVEN}
WHERE i.due_on BETWEEN %(first)s AND %(last)s AND {STANDS} AND {scope.item_condition} AND {PAYABLE}"""
    return Rows(sql, {**scope.values, **_days(period), "today": today, **closed_days(period.first, period.last)})


_PAID_IN_TIME: Final = "i.outstanding = 0 AND i.settled_on <= coalesce(k.opens, i.due_on)"
_JUDGED: Final = "(i.outstanding = 0 OR coalesce(k.opens, i.due_on) < %(today)s)"
_STATE: Final = f"""CASE WHEN {_PAID_IN_TIME} THEN '{IN_TIME}'
     WHEN i.outstanding = 0 THEN '{LATE}' WHEN {_JUDGED} THEN '{OPEN_LATE}' ELSE '{PENDING}' END"""
# What credit notes and write-offs took off items: few have any.
GIVEN: Final = """LEFT JOIN (
    SELECT installment_id, sum(amount) AS amount FROM (
        SELECT installment_id, amount FROM invoices_allocation WHERE credit_note_id IS NOT NULL AND reversed_at IS NULL
        UNION ALL SELECT installment_id, amount FROM invoices_writeoff WHERE reversed_at IS NULL) part
    GROUP BY 1) given ON given.installment_id = i.id"""
PAYABLE: Final = "(given.amount IS NULL OR given.amount < i.amount)"
"""With `GIVEN` joined: whether anything of the item was there to be paid."""


def on_time(cells: Mapping[str, Cell]) -> Rate:
    """Of the items due in a period (the cells of `due_rows`), those paid by their due date; open and overdue is late, what may still come
    in time is left out."""
    return _rate(cells, met=(IN_TIME,), of=(IN_TIME, LATE, OPEN_LATE))


def on_time_by_month(scope: Scope, period: Period, *, today: date) -> dict[date, Rate]:
    """The same for each month of the period, by its first day."""
    # By day and with a column for each sum: PostgreSQL knows how few days there are, and adds up where it reads.
    sql = f"""
SELECT i.due_on, count(*) FILTER (WHERE {_PAID_IN_TIME}), coalesce(sum(i.amount) FILTER (WHERE {_PAID_IN_TIME}), 0),
       count(*) FILTER (WHERE {_JUDGED}), coalesce(sum(i.amount) FILTER (WHERE {_JUDGED}), 0)
FROM {scope.standing} {ROLLED} {GIVEN}
WHERE i.due_on BETWEEN %(first)s AND %(last)s AND {STANDS} AND {scope.item_condition} AND {PAYABLE} GROUP BY 1"""
    found: dict[date, Rate] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, **_days(period), "today": today, **closed_days(period.first, period.last)})
        for day, *sums in cursor.fetchall():
            month = day.replace(day=1)
            found[month] = found.get(month, Rate()) + Rate(sums[0], sums[2], sums[1], sums[3])
    return dict(sorted(found.items()))


# --- promises ---------------------------------------------------------------------------------------------------------------------------


def promise_rows(scope: Scope, period: Period) -> Rows:
    """Promises for a day in the period by what became of them: KEPT, BROKEN, WAITING. Those that were withdrawn are left out."""
    sql = f"""
SELECT p.installment_id, p.state, p.amount FROM invoices_promise p
JOIN invoices_installment i ON i.organization_id = p.organization_id AND i.id = p.installment_id
JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
JOIN customers_customer c ON c.organization_id = i.organization_id AND c.id = i.customer_id
WHERE p.promised_for BETWEEN %(first)s AND %(last)s AND p.state <> 'cancelled' AND v.state = 'issued' AND {scope.condition}"""
    return Rows(sql, {**scope.values, **_days(period)})


@dataclass(frozen=True, slots=True)
class Promises:
    """The rate of promises kept, and those whose day or tolerance has not passed."""

    kept: Rate
    waiting: Cell


def promises(scope: Scope, period: Period) -> Promises:
    """What became of the promises due in the period."""
    cells = promise_rows(scope, period).cells()
    return Promises(_rate(cells, met=(KEPT,), of=(KEPT, BROKEN)), cells.get(WAITING, _NO_CELL))


def _rate(cells: Mapping[str, Cell], *, met: tuple[str, ...], of: tuple[str, ...]) -> Rate:
    good = sum((cells.get(line, _NO_CELL) for line in met), _NO_CELL)
    every = sum((cells.get(line, _NO_CELL) for line in of), _NO_CELL)
    return Rate(good.count, every.count, good.amount, every.amount)


def _days(period: Period) -> dict[str, Any]:
    return {"first": period.first, "last": period.last}
