"""Frozen by us: open items whose plan waits for an act of our own (docs/reports.md, "Frozen by us")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from dataclasses import dataclass
from datetime import date

from django.db import connection

from invoices.measures.ageing import Cell
from invoices.owed import Scope
from invoices.reports.rows import Rows
from scenarios.selectors.frozen import LINE, REASONS, WAITING, causes, remedy_of


@dataclass(frozen=True, slots=True)
class Frozen:
    """What waits for one cause, what would free it, and since when the oldest of it is due."""

    cause: str
    label: str
    remedy: str
    cell: Cell
    oldest_due_on: date


def frozen_rows(scope: Scope) -> Rows:
    """The items that wait for us, on the line of their cause, with what is left to pay: as the last run, or event, found them."""
    sql = f"SELECT i.id, {LINE}, i.outstanding FROM {WAITING} AND {scope.condition}"
    return Rows(sql, {**scope.values, "reasons": REASONS})


def frozen(scope: Scope) -> list[Frozen]:
    """What waits for us by cause, the oldest first."""
    rows, names = frozen_rows(scope), causes()
    sql = f"""SELECT line, count(*), sum(counted.amount), min(i.due_on) FROM ({rows.sql}) counted (id, line, amount)
JOIN invoices_installment i ON i.id = counted.id GROUP BY 1 ORDER BY 4, 1"""
    with connection.cursor() as cursor:
        cursor.execute(sql, rows.values)
        return [
            Frozen(cause, names[cause], remedy_of(cause), Cell(count, amount), oldest) for cause, count, amount, oldest in cursor.fetchall()
        ]
