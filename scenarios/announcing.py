"""What a run announces for the next one: the figure rule 15 compares with, and the board shows."""

from collections import Counter
from datetime import date
from typing import Any, Final

from django.db import connection

from dunning.core.prepared import ask
from scenarios.brakes import LEAST_WITH_DRIVERS
from scenarios.context import Frame
from scenarios.enums import Reason
from scenarios.facts import WRITTEN

_COMES_BY_ITSELF: Final = [
    reason.value
    for reason in (
        Reason.NOT_YET,
        Reason.HABIT,
        Reason.SPACING,
        Reason.ONE_PER_DAY,
        Reason.HELD_THEIRS,
        Reason.PROMISED,
        Reason.PROMISE_FREEZES_CUSTOMER,
        Reason.SOFT_PERIOD,
        Reason.ABSENCE,
        Reason.COLLECTION_PENDING,
        Reason.BILL_NOT_MATURE,
        Reason.RETENTION,
        Reason.UNDISPUTED_PART_WAITS,
        Reason.UNMATCHED_RECEIPT,
        Reason.TOO_EARLY_FOR_LEGAL,
    )
]
"""Reasons whose day, where the schedule names one, brings the step without anybody's doing."""

# The import a message counts for is that of any of its items, looked up once a customer and step, and only where there are imports and on
# a day of so many messages that it can matter: most organizations look none up, a large one no more than it writes to.
_DUE: Final = """
WITH due AS MATERIALIZED (
    SELECT version_id, next_step_key, customer_id, (array_agg(installment_id))[1] AS installment_id
    FROM scenarios_schedule
    WHERE (next_on <= %s AND reason = ANY(%s)) OR reason = 'ledger_not_covered'
    GROUP BY version_id, next_step_key, customer_id
), driven AS (
    SELECT due.version_id, due.next_step_key, due.customer_id,
           CASE WHEN (SELECT count(*) FROM due) >= %s AND EXISTS (SELECT FROM invoices_importbatch) THEN (
               SELECT v.batch_id::text FROM invoices_installment i
               JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
               WHERE i.id = due.installment_id)
           END AS batch_id
    FROM due
)
SELECT version_id, next_step_key, batch_id, count(DISTINCT customer_id)
FROM driven
GROUP BY GROUPING SETS ((version_id, next_step_key, batch_id), ())
"""


def announce_tomorrow(frame: Frame) -> dict[str, Any]:
    """What the next business day's run is expected to send, from the schedule: the figure rule 15 compares with, and the board shows."""
    tomorrow = date.fromordinal(frame.calendar.add_bd_ordinal(frame.today.toordinal(), 1))
    with connection.cursor() as cursor:
        ask(cursor, _DUE, [tomorrow, _COMES_BY_ITSELF, LEAST_WITH_DRIVERS])
        rows = cursor.fetchall()
    plan_ids = {version.pk: plan_id for plan_id, version in frame.plans.versions.items()}
    by_step: Counter[str] = Counter()
    by_template: Counter[str] = Counter()
    by_import: Counter[str] = Counter()
    everyone = 0
    for version_id, step_key, batch_id, customers in rows:
        step = frame.plans[plan_ids[version_id]].rows.get(step_key) if version_id in plan_ids else None
        if step_key is None:
            everyone = customers
        elif step is not None and step.channel in WRITTEN:
            by_step[step.key] += customers
            by_template[step.template_key] += customers
            if batch_id is not None:
                by_import[batch_id] += customers
    return {
        "on": tomorrow.isoformat(),
        "messages": sum(by_step.values()),
        "by_step": dict(by_step),
        "by_template": dict(by_template),
        "by_import": dict(by_import),
        "customers": everyone,
    }
