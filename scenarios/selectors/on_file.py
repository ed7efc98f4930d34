"""Of which kinds of records a customer has any at all. Most have few, and one question here saves one for each kind that is missing."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db import connection

from customers.models import Customer
from dunning.core.prepared import ask

ACT, ANNOUNCED, CALL, DISPUTE, HABIT, MANDATE, PLAN, PROMISE, VISIT, WRITE_OFF = (
    "act", "announced", "call", "dispute", "habit", "mandate", "plan", "promise", "visit", "write_off",
)  # fmt: skip
_ON_FILE: Final = """
WITH item AS (SELECT id FROM invoices_installment WHERE customer_id = ANY(%(account)s::uuid[]))
SELECT 'act' WHERE EXISTS (SELECT 1 FROM invoices_debtoract WHERE customer_id = ANY(%(account)s::uuid[]))
UNION ALL SELECT 'announced' WHERE EXISTS (SELECT 1 FROM scenarios_commitment WHERE installment_id IN (SELECT id FROM item))
UNION ALL SELECT 'call' WHERE EXISTS (
    SELECT 1 FROM scenarios_taskattempt a JOIN scenarios_task t ON t.organization_id = a.organization_id AND t.id = a.task_id
    WHERE t.customer_id = ANY(%(account)s::uuid[]))
UNION ALL SELECT 'dispute' WHERE EXISTS (SELECT 1 FROM invoices_dispute WHERE customer_id = ANY(%(account)s::uuid[]))
UNION ALL SELECT 'habit' WHERE EXISTS (SELECT 1 FROM invoices_habitsetaside WHERE customer_id = ANY(%(account)s::uuid[]))
UNION ALL SELECT 'mandate' WHERE EXISTS (SELECT 1 FROM customers_mandate WHERE customer_id = ANY(%(account)s::uuid[]) AND state = 'active')
      OR EXISTS (SELECT 1 FROM customers_mandate WHERE customer_id = ANY(%(account)s::uuid[]) AND state = 'signed')
UNION ALL SELECT 'plan' WHERE EXISTS (SELECT 1 FROM invoices_paymentplan WHERE customer_id = ANY(%(account)s::uuid[]))
UNION ALL SELECT 'promise' WHERE EXISTS (SELECT 1 FROM invoices_promise WHERE customer_id = ANY(%(account)s::uuid[]))
UNION ALL SELECT 'visit' WHERE EXISTS (SELECT 1 FROM customers_portalvisit WHERE customer_id = ANY(%(account)s::uuid[]))
UNION ALL SELECT 'write_off' WHERE EXISTS (SELECT 1 FROM invoices_writeoff WHERE installment_id IN (SELECT id FROM item))
"""  # each has an index by customer or by item


def account_of(customer: Customer) -> list[UUID]:
    """Whom one speaks to about the customer's items: itself, or who pays for it."""
    return [pk for pk in (customer.pk, customer.payer_id) if pk is not None]


def on_file(account: Sequence[UUID]) -> frozenset[str]:
    """The kinds of records there are of these customers, in one question."""
    with connection.cursor() as cursor:
        ask(cursor, _ON_FILE, {"account": list(account)})
        return frozenset(kind for (kind,) in cursor.fetchall())
