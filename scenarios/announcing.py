"""What a run announces for the next one: the figure rule 15 compares with, and the board shows."""

from collections import Counter
from datetime import date
from typing import Any, Final

from django.db import connection

from dunning.core.prepared import ask
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
_DUE_BY_STEP: Final = """
SELECT version_id, next_step_key, count(DISTINCT customer_id)
FROM scenarios_schedule
WHERE (next_on <= %s AND reason = ANY(%s)) OR reason = 'ledger_not_covered'
GROUP BY GROUPING SETS ((version_id, next_step_key), ())
"""


def announce_tomorrow(frame: Frame) -> dict[str, Any]:
    """What the next business day's run is expected to send, from the schedule: the figure rule 15 compares with, and the board shows."""
    tomorrow = date.fromordinal(frame.calendar.add_bd_ordinal(frame.today.toordinal(), 1))
    with connection.cursor() as cursor:
        ask(cursor, _DUE_BY_STEP, [tomorrow, _COMES_BY_ITSELF])
        rows = cursor.fetchall()
    plan_ids = {version.pk: plan_id for plan_id, version in frame.plans.versions.items()}
    by_step: Counter[str] = Counter()
    by_template: Counter[str] = Counter()
    everyone = 0
    for version_id, step_key, customers in rows:
        step = frame.plans[plan_ids[version_id]].rows.get(step_key) if version_id in plan_ids else None
        if step_key is None:
            everyone = customers
        elif step is not None and step.channel in WRITTEN:
            by_step[step.key] += customers
            by_template[step.template_key] += customers
    return {
        "on": tomorrow.isoformat(),
        "messages": sum(by_step.values()),
        "by_step": dict(by_step),
        "by_template": dict(by_template),
        "customers": everyone,
    }
