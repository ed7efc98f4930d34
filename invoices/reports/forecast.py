"""The cash forecast: open items, each in the weeks in which its payer's habit brings it (docs/reports.md, "Cash forecast")."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_calendar, get_profile
from invoices.measures.forecast import Expectation, Forecast, forecast, weeks_from
from invoices.owed import IS_FACTORED, ORDINARY, STANDS, Scope, bucket
from invoices.reports.habits import EARLIEST, LATEST, Learnt, learnt


@dataclass(frozen=True, slots=True)
class CashForecast:
    """The forecast, what of the open money is left out of it (contested, or assigned to a factor), and what it rests on.

    What the weeks expect, what comes later, what has no date, what experience leaves out, and these two add up to all that is open.
    """

    forecast: Forecast
    contested: Decimal
    factored: Decimal
    learnt: Learnt


def cash_forecast(scope: Scope, *, today: date, weeks: int) -> CashForecast:
    """Receipts expected from `today` on, by the habits of everybody who pays in that currency."""
    known = learnt(scope.currency, today=today)
    items, contested, factored = _expect(scope, known, today=today, profile=get_profile(), weeks=weeks)
    return CashForecast(forecast(items, today=today, shares=known.shares, weeks=weeks), contested, factored, known)


# Open items by age and by the weeks in which they are expected, in one pass. `habit` holds the quartiles of payers and groups; `beyond`,
# for each number of days late, those of who paid later than that; `weeks` the week of each day from today on. What is promised comes on
# its day, the rest of the item by habit.
_EXPECT: Final = """
WITH habit AS MATERIALIZED (SELECT * FROM unnest(%(keys)s::uuid[], %(early)s::int[], %(usual)s::int[], %(late)s::int[]) h (key, e, u, l)),
beyond AS MATERIALIZED (
    SELECT * FROM unnest(%(beyond)s::int[], %(beyond_early)s::int[], %(beyond_usual)s::int[], %(beyond_late)s::int[]) b (days, e, u, l)),
promise AS (
    SELECT p.installment_id, p.promised_for, greatest(0, p.amount - coalesce((
               SELECT sum(a.amount) FROM invoices_allocation a
               WHERE a.organization_id = p.organization_id AND a.installment_id = p.installment_id AND a.payment_id IS NOT NULL
                 AND a.reversed_at IS NULL AND a.value_on >= p.made_on), 0)) AS amount
    FROM invoices_promise p WHERE p.state = 'open' AND p.promised_for >= %(held_from)s),
item AS (
    SELECT i.due_on, i.outstanding, {factored} AS factored, p.promised_for,
           CASE WHEN d.installment_id IS NULL THEN 0 ELSE least(coalesce(d.amount, i.outstanding), i.outstanding) END AS contested,
           least(coalesce(p.amount, 0), i.outstanding) AS promised,
           CASE WHEN is_passed THEN beyond.e ELSE coalesce(payer.e, grouped.e, %(all_early)s) END AS e,
           CASE WHEN is_passed THEN beyond.u ELSE coalesce(payer.u, grouped.u, %(all_usual)s) END AS u,
           CASE WHEN is_passed THEN beyond.l ELSE coalesce(payer.l, grouped.l, %(all_late)s) END AS l
    FROM {ordinary} LEFT JOIN promise p ON p.installment_id = i.id
    LEFT JOIN invoices_dispute d ON d.installment_id = i.id AND d.state = 'open'
    LEFT JOIN habit payer ON payer.key = i.customer_id LEFT JOIN habit grouped ON grouped.key = c.group_id
    LEFT JOIN beyond ON beyond.days = %(today)s - i.due_on
    CROSS JOIN LATERAL (SELECT coalesce(payer.u, grouped.u, %(all_usual)s) < %(today)s - i.due_on AS is_passed) habitual
    WHERE i.outstanding > 0 AND {stands} AND {scope}
)
SELECT factored, {bucket}, {early}, {usual}, {late}, promised_for, sum(outstanding), sum(contested),
       sum(least(promised, outstanding - contested))
FROM item GROUP BY 1, 2, 3, 4, 5, 6
"""


def _expect(
    scope: Scope, known: Learnt, *, today: date, profile: OrganizationProfile, weeks: int
) -> tuple[list[Expectation], Decimal, Decimal]:
    """What is open as expectations, what is contested, and what is assigned to a factor."""
    calendar = get_calendar(profile)
    table = weeks_from(today, roll=calendar.roll, weeks=weeks)
    early, usual, late = (
        f"CASE WHEN {days} IS NOT NULL THEN (%(weeks)s::int[])[1 + least({len(table) - 1}, greatest(0, due_on + {days} - %(today)s))] END"
        for days in ("e", "u", "l")
    )
    sql = _EXPECT.format(
        ordinary=ORDINARY, factored=IS_FACTORED, stands=STANDS, scope=scope.item_condition,
        bucket=bucket("%(today)s - due_on"), early=early, usual=usual, late=late,
    )  # fmt: skip
    held_from = today  # of promises for that day and later the tolerance has not passed
    while calendar.add_business_days(held_from - timedelta(days=1), profile.promise_tolerance_days) >= today:
        held_from -= timedelta(days=1)
    items: list[Expectation] = []
    contested = factored = Decimal(0)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, **_habits(known), "today": today, "weeks": table, "held_from": held_from})
        for is_factored, age, first, middle, last, promised_for, amount, disputed, promised in cursor.fetchall():
            if is_factored:
                factored += amount
                continue
            contested += disputed
            if promised:
                on = table[min(len(table) - 1, max(0, (promised_for - today).days))]
                items.append(Expectation(promised, age, (on, on, on)))
            if amount - disputed - promised:
                items.append(Expectation(amount - disputed - promised, age, None if middle is None else (first, middle, last)))
    return items, contested, factored


def _habits(known: Learnt) -> dict[str, Any]:
    """What was learnt, as parameters."""
    experience = known.experience
    everybody = experience.everybody
    beyond = {days: found for days in range(EARLIEST, LATEST + 1) if (found := experience.beyond(days)) is not None}
    return {
        "keys": list(known.habits),
        "early": [days[0] for days in known.habits.values()],
        "usual": [days[1] for days in known.habits.values()],
        "late": [days[2] for days in known.habits.values()],
        "beyond": list(beyond),
        "beyond_early": [found.early for found in beyond.values()],
        "beyond_usual": [found.usual for found in beyond.values()],
        "beyond_late": [found.late for found in beyond.values()],
        "all_early": None if everybody is None else everybody.early,
        "all_usual": None if everybody is None else everybody.usual,
        "all_late": None if everybody is None else everybody.late,
    }
