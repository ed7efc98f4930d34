"""What is contested, by reason, and how long disputes take (docs/reports.md, "Disputes")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.db import connection

from invoices.measures.ageing import Cell, share
from invoices.owed import JOINED, Scope, owed
from invoices.reports.delays import Period
from invoices.reports.rows import Rows

# A dispute is open on a day from the day it was opened to the day before it was closed.
OPEN_ON: Final = "d.opened_on <= %(as_of)s AND (d.closed_on IS NULL OR d.closed_on > %(as_of)s)"


@dataclass(frozen=True, slots=True)
class Disputes:
    """What is contested by reason (an amount, or the whole item), and that in per cent of everything open."""

    by_reason: Mapping[str, Cell]
    total: Cell
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class Closed:
    """Disputes closed one way in a period, and the mean days they were open."""

    outcome: str
    count: int
    days: Decimal


def dispute_rows(scope: Scope, *, as_of: date, today: date) -> Rows:
    """The items contested on `as_of` by reason, with what of them is contested: never more than was left to pay."""
    sql = f"""
SELECT o.id, d.reason, least(coalesce(d.amount, o.amount), o.amount)
FROM ({owed(scope, as_of=as_of, today=today)}) o JOIN invoices_dispute d ON d.installment_id = o.id WHERE {OPEN_ON}"""
    return Rows(sql, {**scope.values, "as_of": as_of})


def disputes(scope: Scope, *, as_of: date, today: date) -> Disputes:
    """What is contested on `as_of`, the largest reason first."""
    cells = dispute_rows(scope, as_of=as_of, today=today).cells()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(sum(amount), 0) FROM ({owed(scope, as_of=as_of, today=today)}) o", {**scope.values, "as_of": as_of}
        )
        open_ = cursor.fetchone()[0]
    total = sum(cells.values(), Cell())
    ordered = dict(sorted(cells.items(), key=lambda entry: (-entry[1].amount, entry[0])))
    return Disputes(ordered, total, share(total.amount, open_))


def closed_disputes(scope: Scope, period: Period) -> list[Closed]:
    """How the disputes closed in the period ended, the commonest way first."""
    sql = f"""
SELECT d.state, count(*), avg(d.closed_on - d.opened_on)
FROM {JOINED} JOIN invoices_dispute d ON d.organization_id = i.organization_id AND d.installment_id = i.id
WHERE d.closed_on BETWEEN %(first)s AND %(last)s AND {scope.condition}
GROUP BY 1 ORDER BY 2 DESC, 1"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, "first": period.first, "last": period.last})
        return [Closed(*row) for row in cursor.fetchall()]
