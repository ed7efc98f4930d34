"""The aged balance on any day, what stands beside it, its history, and who owes most (docs/reports.md, "Aged balance")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection

from invoices.measures.ageing import BUCKETS, NOT_DUE, Aged, Cell
from invoices.owed import BILL, FACTORED, JOINED, Scope, bucket, moves, owed
from invoices.reports.rows import Rows

KINDS: Final = ("", BILL, FACTORED)
"""What is shown apart: plain invoices, bills, and what is assigned to a factor."""
LATE: Final = tuple(label for label in BUCKETS if label != NOT_DUE)
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class AgedBalance:
    """Open items by kind and age; `credits` are what customers have in their favour (positive): receipts on account, credit notes, and
    receipts of nobody yet. `net` is what is owed in the end."""

    kinds: Mapping[str, Aged]
    on_account: Cell
    credit_notes: Cell
    unidentified: Cell

    @property
    def open(self) -> Aged:
        """All kinds together."""
        lines = [self.kinds[kind] for kind in KINDS]
        return Aged(tuple(sum((line.cells[n] for line in lines), Cell()) for n in range(len(BUCKETS))))

    @property
    def credits(self) -> Decimal:
        return self.on_account.amount + self.credit_notes.amount + self.unidentified.amount

    @property
    def net(self) -> Decimal:
        return self.open.total.amount - self.credits


def ageing_rows(scope: Scope, *, as_of: date, today: date) -> Rows:
    """The items open on `as_of`, on the lines "not_due", "1-30"…; of a bill "bill:1-30", of a factored item "factored:1-30"."""
    late = bucket("%(as_of)s - due_on")
    sql = f"""SELECT id, CASE apart WHEN '' THEN '' ELSE apart || ':' END || {late}, amount
FROM ({owed(scope, as_of=as_of, today=today)}) owed"""
    return Rows(sql, {**scope.values, "as_of": as_of})


def lines_of(kinds: Sequence[str] = KINDS, buckets: Sequence[str] = BUCKETS) -> list[str]:
    """The lines of `ageing_rows` for these kinds and ages."""
    return [f"{kind}:{label}" if kind else label for kind in kinds for label in buckets]


def aged_balance(scope: Scope, *, as_of: date, today: date) -> AgedBalance:
    """The aged balance at the end of `as_of`, in two queries."""
    cells = ageing_rows(scope, as_of=as_of, today=today).cells()
    kinds = {kind: Aged(tuple(cells.get(line, Cell()) for line in lines_of([kind]))) for kind in KINDS}
    found = _credits(scope, as_of=as_of, today=today)
    return AgedBalance(kinds, *(found.get(name, Cell()) for name in ("on_account", "credit_note", "unidentified")))


# Receipts and credit notes not set against anything yet. On a past day, what was since set against invoices issued later stood there too.
_PAYMENTS: Final = """
SELECT CASE WHEN p.customer_id IS NULL THEN 'unidentified' ELSE 'on_account' END AS line, p.id AS source, p.unallocated AS amount
FROM invoices_payment p LEFT JOIN customers_customer c ON c.organization_id = p.organization_id AND c.id = p.customer_id
WHERE p.unallocated > 0 AND p.cancelled_at IS NULL AND {scope}"""
_NOTES: Final = """
SELECT 'credit_note', v.id, v.unallocated
FROM invoices_invoice v JOIN customers_customer c ON c.organization_id = v.organization_id AND c.id = v.customer_id
WHERE v.unallocated > 0 AND v.kind = 'credit_note' AND v.state = 'issued' AND {scope}"""
_SET_AGAINST_LATER: Final = """
SELECT CASE WHEN a.payment_id IS NULL THEN 'credit_note' ELSE 'on_account' END, coalesce(a.payment_id, a.credit_note_id), a.amount
FROM invoices_allocation a
JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id
JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
LEFT JOIN invoices_payment p ON p.organization_id = a.organization_id AND p.id = a.payment_id
LEFT JOIN invoices_invoice n ON n.organization_id = a.organization_id AND n.id = a.credit_note_id
JOIN customers_customer c ON c.organization_id = a.organization_id AND c.id = coalesce(p.customer_id, n.customer_id)
WHERE a.reversed_at IS NULL AND a.value_on <= %(as_of)s AND v.issued_on > %(as_of)s AND {scope}"""


def _credits(scope: Scope, *, as_of: date, today: date) -> dict[str, Cell]:
    notes = _NOTES.format(scope=scope.condition)
    payments = _PAYMENTS.format(scope=scope.condition.replace("v.currency", "p.currency"))
    if as_of < today:
        notes += " AND v.issued_on <= %(as_of)s"
        payments += " AND p.received_on <= %(as_of)s"
        notes += f" UNION ALL {_SET_AGAINST_LATER.format(scope=scope.condition)}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT line, count(DISTINCT source), sum(amount) FROM ({payments} UNION ALL {notes}) favour GROUP BY line",
            {**scope.values, "as_of": as_of},
        )
        return {line: Cell(count, amount) for line, count, amount in cursor.fetchall()}


# --- over time --------------------------------------------------------------------------------------------------------------------------

# What is open on a day is what is open now and what came off later. Both are gathered once, by the places of their dates among the days
# asked about, and then laid out day by day: the ledger is read once, however many the days.
_HISTORY: Final = """
WITH flows AS MATERIALIZED (
    SELECT width_bucket(least(v.issued_on, %(today)s), %(starts)s::date[]) AS since, {places} AS until, i.due_on,
           sum(i.outstanding) AS amount
    FROM {joined} WHERE i.outstanding > 0 AND v.state = 'issued' AND {scope}
    GROUP BY 1, 3
    UNION ALL
    SELECT width_bucket(least(v.issued_on, %(today)s), %(starts)s::date[]), width_bucket(least(m.value_on, %(today)s), %(starts)s::date[]),
           i.due_on, sum(m.amount)
    FROM {joined} JOIN ({moves}) m ON m.installment_id = i.id
    WHERE v.state = 'issued' AND {scope}
    GROUP BY 1, 2, 3
)
SELECT d.day, {late}, sum(f.amount)
FROM unnest(%(ends)s::date[]) WITH ORDINALITY d (day, place) JOIN flows f ON f.since < d.place AND f.until >= d.place
GROUP BY 1, 2
"""


def aged_history(scope: Scope, *, days: Sequence[date], today: date) -> dict[date, dict[str, Decimal]]:
    """Open amounts by column of the aged balance at the end of each of these days, in one query; `days` ascend, none after `today`.

    The totals are those of `aged_balance` on each day.
    """
    ends = list(days)
    values: dict[str, Any] = {**scope.values, "today": today, "ends": ends, "starts": [day + timedelta(days=1) for day in ends]}
    sql = _HISTORY.format(
        places=len(ends),
        joined=JOINED,
        scope=scope.condition,
        moves=moves("value_on > %(first)s"),
        late=bucket("d.day - f.due_on"),
    )
    found: dict[date, dict[str, Decimal]] = {day: dict.fromkeys(BUCKETS, _NOTHING) for day in ends}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "first": ends[0]})
        for day, label, amount in cursor.fetchall():
            found[day][label] = amount
    return found


# --- who owes most ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Debtor:
    """What a customer owes on a day; `oldest_due_on` is of what is overdue, None when nothing is."""

    customer_id: UUID
    name: str
    open: Cell
    overdue: Decimal
    oldest_due_on: date | None


@dataclass(frozen=True, slots=True)
class Debtors:
    """The largest debtors, and all the others together."""

    largest: Sequence[Debtor]
    others: int
    others_open: Cell
    others_overdue: Decimal


def top_debtors(scope: Scope, *, as_of: date, today: date, most: int) -> Debtors:
    """Who owes most on `as_of`, and the rest: together they owe what the aged balance says."""
    sql = f"""
WITH debtor AS (
    SELECT customer_id, count(*) AS items, sum(amount) AS amount, coalesce(sum(amount) FILTER (WHERE due_on < %(as_of)s), 0) AS overdue,
           min(due_on) FILTER (WHERE due_on < %(as_of)s) AS oldest, row_number() OVER (ORDER BY sum(amount) DESC, customer_id) AS place
    FROM ({owed(scope, as_of=as_of, today=today)}) owed GROUP BY customer_id
)
SELECT d.place, d.customer_id, c.name, d.items, d.amount, d.overdue, d.oldest
FROM debtor d JOIN customers_customer c ON c.id = d.customer_id WHERE d.place <= %(most)s
UNION ALL
SELECT NULL, NULL, count(*)::text, sum(items), sum(amount), sum(overdue), NULL FROM debtor WHERE place > %(most)s
ORDER BY 1 NULLS LAST"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, "as_of": as_of, "most": most})
        rows = cursor.fetchall()
    *first, (_place, _id, others, items, amount, overdue, _oldest) = rows
    largest = [Debtor(pk, name, Cell(int(count), sum_), late, oldest) for _rank, pk, name, count, sum_, late, oldest in first]
    return Debtors(largest, int(others), Cell(int(items or 0), amount or _NOTHING), overdue or _NOTHING)
