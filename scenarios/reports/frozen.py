"""Frozen by us: open items whose plan waits for an act of our own (docs/reports.md, "Frozen by us")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from dataclasses import dataclass
from datetime import date

from django.db import connection

from invoices.measures.ageing import Cell
from invoices.owed import JOINED, Scope
from invoices.reports.rows import Rows
from scenarios.enums import Reason
from scenarios.selectors.board import OUR_ACT
from scenarios.selectors.why import REMEDIES


@dataclass(frozen=True, slots=True)
class Frozen:
    """What waits under one reason, what would free it, and since when the oldest of it is due."""

    reason: Reason
    remedy: str
    cell: Cell
    oldest_due_on: date


def frozen_rows(scope: Scope) -> Rows:
    """The items that wait for us, on the line of their reason, with what is left to pay: as the last run, or event, found them."""
    sql = f"""
SELECT i.id, s.reason, i.outstanding
FROM {JOINED} JOIN scenarios_schedule s ON s.organization_id = i.organization_id AND s.installment_id = i.id
WHERE i.outstanding > 0 AND s.reason = ANY(%(reasons)s) AND {scope.condition}"""
    return Rows(sql, {**scope.values, "reasons": [reason.value for reason in OUR_ACT]})


def frozen(scope: Scope) -> list[Frozen]:
    """What waits for us by reason, the oldest first."""
    rows = frozen_rows(scope)
    sql = f"""SELECT line, count(*), sum(counted.amount), min(i.due_on) FROM ({rows.sql}) counted (id, line, amount)
JOIN invoices_installment i ON i.id = counted.id GROUP BY 1 ORDER BY 4, 1"""
    with connection.cursor() as cursor:
        cursor.execute(sql, rows.values)
        return [
            Frozen(Reason(line), str(REMEDIES.get(Reason(line), "")), Cell(count, amount), oldest)
            for line, count, amount, oldest in cursor.fetchall()
        ]
