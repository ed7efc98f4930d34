"""What was collected, by who spoke with the customer (docs/reports.md, "Collected")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from typing import Final
from uuid import UUID

from django.db import connection

from invoices.measures.ageing import Cell
from invoices.owed import Scope
from invoices.reports.delays import Period
from scenarios.enums import REACHED_A_PERSON

REMEMBERED: Final = 30
"""Days for which a conversation is counted as having led to a payment."""


def collected_by_collector(scope: Scope, period: Period) -> dict[UUID | None, Cell]:
    """Receipts valued in the period by the person who last reached the customer on the telephone, at most thirty days before; None where
    nobody had. All together they are the receipts of the period."""
    sql = f"""
SELECT substring(spoken.actor FROM '^user:([0-9a-f-]{{36}})$'), count(*), sum(p.amount)
FROM invoices_payment p LEFT JOIN customers_customer c ON c.organization_id = p.organization_id AND c.id = p.customer_id
LEFT JOIN LATERAL (
    SELECT t.actor FROM scenarios_task k JOIN scenarios_taskattempt t ON t.organization_id = k.organization_id AND t.task_id = k.id
    WHERE k.organization_id = p.organization_id AND k.customer_id = p.customer_id AND t.outcome = ANY(%(reached)s)
      AND t."on" <= p.received_on AND t."on" >= p.received_on - {REMEMBERED}
    ORDER BY t.at DESC, t.id LIMIT 1) spoken ON true
WHERE p.received_on BETWEEN %(first)s AND %(last)s AND p.cancelled_at IS NULL AND {scope.condition.replace("v.currency", "p.currency")}
GROUP BY 1"""
    values = {**scope.values, "first": period.first, "last": period.last, "reached": sorted(REACHED_A_PERSON)}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {UUID(person) if person else None: Cell(count, amount) for person, count, amount in cursor.fetchall()}
