"""The payer index of every customer, kept: one statement reads what `invoices.payer_index` weighs and writes what changed.

The scale, the window and the limits are that module's; tests hold the two to the same tenth, whatever the ledger.
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from dunning.core.tenancy import current_organization_id
from invoices.owed import JOINED, ROLLED, closed_days
from invoices.payer_index import (
    BONUS_EACH,
    BONUS_LIMIT,
    EARLIEST,
    FEWEST_PAID,
    LATEST,
    MALUS_EACH,
    MALUS_LIMIT,
    points,
    window_start,
)

REMINDED: Final = """SELECT DISTINCT done.installment_id FROM scenarios_action done
    JOIN scenarios_planstep step ON step.organization_id = done.organization_id AND step.version_id = done.version_id
                                AND step.key = done.step_key
    JOIN invoices_installment i ON i.organization_id = done.organization_id AND i.id = done.installment_id
    WHERE done.state = 'done' AND done.phase = 10 AND done.channel IN ('email', 'sms', 'letter', 'registered') AND done.done_on < i.due_on
      AND step.anchor = 'due' AND step."offset" < 0"""
"""SQL of the items for which a message before the due date was done (rule 18, pre-due)."""

_LATES: Final = list(range(EARLIEST, LATEST + 1))
_POINTS: Final = [points(late) for late in _LATES]
_DAYS_LATE: Final = """CASE WHEN {on} <= i.due_on THEN {on} - i.due_on
                ELSE greatest(0, {on} - coalesce(k.opens, i.due_on)) END"""
_OF_THESE: Final = "AND i.customer_id = ANY(%(ids)s::uuid[])"
_REFRESH: Final = """
WITH part AS (
    SELECT i.customer_id, v.currency, v.id AS invoice_id, a.amount, {paid_late} AS late, true AS is_paid,
           {paid_late} <= 0 AND reminded.installment_id IS NOT NULL AS is_prompt
    FROM {joined} {rolled} JOIN invoices_allocation a ON a.organization_id = i.organization_id AND a.installment_id = i.id
    LEFT JOIN ({reminded} {these}) reminded ON reminded.installment_id = i.id
    WHERE a.payment_id IS NOT NULL AND a.reversed_at IS NULL AND a.value_on > %(since)s AND a.value_on <= %(today)s AND {counts} {these}
    UNION ALL
    SELECT i.customer_id, v.currency, v.id, greatest(0, i.outstanding - coalesce(d.contested, 0)) + coalesce(later.amount, 0), {open_late},
           false, false
    FROM {joined} {rolled}
    LEFT JOIN (
        SELECT a.installment_id, sum(a.amount) AS amount FROM invoices_allocation a
        JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id
        WHERE a.payment_id IS NOT NULL AND a.reversed_at IS NULL AND a.value_on > %(today)s {these} GROUP BY 1) later
           ON later.installment_id = i.id
    LEFT JOIN (SELECT installment_id, coalesce(amount, 'infinity') AS contested FROM invoices_dispute WHERE state = 'open') d
           ON d.installment_id = i.id
    WHERE (i.outstanding > 0 OR later.amount > 0) AND {counts} {these}
), invoice AS (
    SELECT customer_id, currency, bool_or(is_paid) AS is_settled, bool_or(NOT is_paid) AS is_open,
           bool_or(is_paid AND late > 0) AS is_late, bool_or(is_prompt) AS is_prompt,
           sum(amount) FILTER (WHERE is_paid OR late > 0) AS amount,
           sum(amount * points) FILTER (WHERE is_paid OR late > 0) AS weight
    FROM part JOIN unnest(%(lates)s::int[], %(points)s::numeric[]) scale (at, points)
           ON scale.at = least({latest}, greatest({earliest}, part.late))
    GROUP BY customer_id, currency, invoice_id
), broken AS (
    SELECT p.customer_id, v.currency, count(*) AS promises
    FROM invoices_promise p JOIN invoices_installment i ON i.organization_id = p.organization_id AND i.id = p.installment_id
    JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
    WHERE p.state = 'broken' AND p.closed_on > %(since)s AND p.closed_on <= %(today)s {these} GROUP BY 1, 2
), account AS (
    SELECT customer_id, currency, count(*) FILTER (WHERE is_settled AND NOT is_open) AS paid,
           count(*) FILTER (WHERE is_prompt AND NOT is_late AND NOT is_open) AS prompt, sum(amount) AS amount, sum(weight) AS weight
    FROM invoice GROUP BY 1, 2
), found AS (
    SELECT DISTINCT ON (account.customer_id) account.customer_id, account.currency, paid,
           CASE WHEN paid >= {fewest} AND amount > 0 THEN round(least(100, greatest(0, weight / amount
               + least(prompt * {bonus}, {bonus_limit}) + greatest(coalesce(promises, 0) * {malus}, {malus_limit}))), 1) END AS value
    FROM account LEFT JOIN broken ON broken.customer_id = account.customer_id AND broken.currency = account.currency
    ORDER BY account.customer_id, paid DESC, account.currency
), gone AS (
    UPDATE invoices_payerindex i SET value = NULL, paid_invoices = 0, since = %(today)s
    WHERE (i.value IS NOT NULL OR i.paid_invoices > 0) {these} AND NOT EXISTS (SELECT 1 FROM found WHERE found.customer_id = i.customer_id)
)
INSERT INTO invoices_payerindex AS known (id, organization_id, customer_id, value, paid_invoices, currency, since)
SELECT gen_random_uuid(), %(organization)s, customer_id, value, paid, currency, %(today)s FROM found ORDER BY customer_id
ON CONFLICT (organization_id, customer_id) DO UPDATE
    SET value = excluded.value, paid_invoices = excluded.paid_invoices, currency = excluded.currency,
        since = CASE WHEN known.value IS DISTINCT FROM excluded.value THEN excluded.since ELSE known.since END
    WHERE (known.value, known.paid_invoices, known.currency) IS DISTINCT FROM (excluded.value, excluded.paid_invoices, excluded.currency)
"""


def refresh(*, today: date, customer_ids: Collection[UUID] | None = None) -> int:
    """Work out the index of these customers (None: of everybody) as of `today` and write those that changed; how many did.

    Rows are written in the order of customers, which is the order of locks; nothing else is locked. A customer with payments in several
    currencies has the index of the one in which most invoices were paid.
    """
    since = window_start(today)
    sql = _REFRESH.format(
        joined=JOINED,
        rolled=ROLLED,
        reminded=REMINDED,
        paid_late=_DAYS_LATE.format(on="a.value_on"),
        open_late=_DAYS_LATE.format(on="%(today)s::date"),
        counts="v.state = 'issued' AND NOT v.is_factored AND c.factor_name = ''",  # a factor's receipts say nothing of the debtor's habits
        these="" if customer_ids is None else _OF_THESE,
        earliest=EARLIEST,
        latest=LATEST,
        fewest=FEWEST_PAID,
        bonus=BONUS_EACH,
        bonus_limit=BONUS_LIMIT,
        malus=MALUS_EACH,
        malus_limit=MALUS_LIMIT,
    )
    values: dict[str, Any] = {
        "ids": None if customer_ids is None else sorted(map(str, customer_ids)),
        "since": since,
        "today": today,
        "organization": current_organization_id(),
        "lates": _LATES,
        "points": _POINTS,
        # Of what was due longer ago than the scale reaches before the window, a day more or less changes nothing.
        **closed_days(since - timedelta(days=LATEST + 10), today),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)
