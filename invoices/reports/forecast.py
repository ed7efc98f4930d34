"""What the cash forecast learns from, out of the ledger (docs/reports.md, "Cash forecast")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from dunning.core.calendars import Calendar
from dunning.core.selectors import get_calendar, get_profile
from invoices.measures.ageing import bucket_of
from invoices.measures.forecast import (
    FEWEST_OBSERVED,
    FEWEST_PARTS,
    QUARTILES,
    Expectation,
    Experience,
    Forecast,
    Habit,
    forecast,
)
from invoices.owed import JOINED, Scope, bucket, moves

LEARNT_DAYS: Final = 365
OBSERVED: Final = (90, 180, 270, 360)
"""Days ago on which what was open is looked at, to see what of it has been paid since."""
_EARLIEST, _LATEST = -60, 365  # days late beyond which delays are not told apart


@dataclass(frozen=True, slots=True)
class CashForecast:
    """The forecast, what of the open money is left out of it (contested, or assigned to a factor), and the shares learnt by age (0 to 1).

    What the weeks expect, what comes later, what has no date, what experience leaves out, and these two add up to all that is open.
    """

    forecast: Forecast
    contested: Decimal
    factored: Decimal
    shares: Mapping[str, Decimal]
    learnt_from: int  # payments


def cash_forecast(scope: Scope, *, today: date, weeks: int) -> CashForecast:
    """Receipts expected from `today` on, in four queries."""
    calendar = get_calendar(get_profile())
    experience, parts = _experience(scope, today)
    shares = _shares(scope, today)
    items, contested, factored = _expectations(scope, today, calendar)
    found = forecast(items, today=today, experience=experience, shares=shares, roll=calendar.roll, weeks=weeks)
    return CashForecast(found, contested, factored, shares, parts)


# Payments of the last year by days late: of everybody, of the scope's currency.
_PARTS: Final = f"""
SELECT i.customer_id, c.group_id, least({_LATEST}, greatest({_EARLIEST}, a.value_on - i.due_on)) AS days,
       count(*) AS parts, sum(a.amount) AS amount
FROM {JOINED} JOIN invoices_allocation a ON a.organization_id = i.organization_id AND a.installment_id = i.id
WHERE a.payment_id IS NOT NULL AND a.reversed_at IS NULL AND a.value_on > %(since)s AND a.value_on <= %(today)s
  AND v.state = 'issued' AND v.currency = %(currency)s
GROUP BY 1, 2, 3"""


def _experience(scope: Scope, today: date) -> tuple[Experience, int]:
    sql = f"SELECT days, sum(parts), sum(amount) FROM ({_PARTS}) part GROUP BY 1"
    with connection.cursor() as cursor:
        cursor.execute(sql, _learning(scope, today))
        rows = cursor.fetchall()
    return Experience((days, amount) for days, _parts, amount in rows), int(sum(parts for _days, parts, _amount in rows))


def _learning(scope: Scope, today: date) -> dict[str, Any]:
    return {**scope.values, "today": today, "since": today - timedelta(days=LEARNT_DAYS)}


# The habit of each payer, and of each group: the days by which a quarter, half and three quarters of their money had come. Open items are
# put together by all that is asked of them: their due date, the habit that applies, and the day of a promise that still holds.
_EXPECTED: Final = """
WITH part AS MATERIALIZED ({parts}),
payer AS ({payer_habits}), grouped AS ({group_habits}),
promise AS (
    SELECT p.installment_id, p.promised_for, greatest(0, p.amount - coalesce((
               SELECT sum(a.amount) FROM invoices_allocation a
               WHERE a.organization_id = p.organization_id AND a.installment_id = p.installment_id AND a.payment_id IS NOT NULL
                 AND a.reversed_at IS NULL AND a.value_on >= p.made_on), 0)) AS amount
    FROM invoices_promise p WHERE p.state = 'open'),
dispute AS (SELECT installment_id, amount FROM invoices_dispute WHERE state = 'open'),
item AS (
    SELECT i.due_on, i.outstanding, i.customer_id, c.group_id, p.promised_for, v.is_factored OR c.factor_name <> '' AS factored,
           CASE WHEN d.installment_id IS NULL THEN 0 ELSE least(coalesce(d.amount, i.outstanding), i.outstanding) END AS contested,
           least(coalesce(p.amount, 0), i.outstanding) AS promised
    FROM {joined} LEFT JOIN promise p ON p.installment_id = i.id LEFT JOIN dispute d ON d.installment_id = i.id
    WHERE i.outstanding > 0 AND v.state = 'issued' AND {scope})
SELECT item.due_on, coalesce(payer.days, grouped.days), NULL::date, sum(greatest(0, item.outstanding - item.contested - item.promised)),
       sum(item.contested), 0
FROM item LEFT JOIN payer ON payer.key = item.customer_id LEFT JOIN grouped ON grouped.key = item.group_id
WHERE NOT item.factored GROUP BY 1, 2
UNION ALL
SELECT item.due_on, NULL, item.promised_for, sum(least(item.promised, item.outstanding - item.contested)), 0, 0
FROM item WHERE item.promised_for IS NOT NULL AND NOT item.factored GROUP BY 1, 3
UNION ALL
SELECT NULL, NULL, NULL, 0, 0, coalesce(sum(item.outstanding), 0) FROM item WHERE item.factored
"""


def _habits(key: str) -> str:
    """SQL of (key, days): the three quartiles by amount of the payments of each key that has enough of them."""
    quartiles = ", ".join(f"min(days) FILTER (WHERE reached >= whole * {fraction})" for fraction in QUARTILES)
    return f"""
    SELECT key, array[{quartiles}] AS days
    FROM (SELECT {key} AS key, days, sum(parts) OVER all_of AS parts, sum(amount) OVER all_of AS whole,
                 sum(amount) OVER (PARTITION BY {key} ORDER BY days) AS reached
          FROM part WHERE {key} IS NOT NULL WINDOW all_of AS (PARTITION BY {key})) running
    WHERE parts >= {FEWEST_PARTS} GROUP BY key"""


def _expectations(scope: Scope, today: date, calendar: Calendar) -> tuple[list[Expectation], Decimal, Decimal]:
    sql = _EXPECTED.format(
        parts=_PARTS, payer_habits=_habits("customer_id"), group_habits=_habits("group_id"), joined=JOINED, scope=scope.condition
    )
    tolerance = get_profile().promise_tolerance_days
    with connection.cursor() as cursor:
        cursor.execute(sql, _learning(scope, today))
        rows = cursor.fetchall()
    items: list[Expectation] = []
    contested = factored = Decimal(0)
    for due_on, days, promised_for, amount, disputed, sold in rows:
        contested += disputed
        factored += sold
        if not amount:
            continue
        # A promise whose day and tolerance have passed is no date any more.
        holds = promised_for is not None and calendar.add_business_days(promised_for, tolerance) >= today
        items.append(
            Expectation(
                amount=amount,
                due_on=due_on,
                bucket=bucket_of((today - due_on).days),
                habit=None if days is None else Habit(*days),
                promised_for=promised_for if holds else None,
            )
        )
    return items, contested, factored


# What was open on some days of the past year, by age then, and what payments have brought of it since; laid out as `aged_history` is.
_OBSERVED: Final = """
WITH flows AS MATERIALIZED (
    SELECT width_bucket(v.issued_on, %(starts)s::date[]) AS since, {places} AS until, i.due_on, count(*) AS items,
           sum(i.outstanding) AS amount, 0 AS paid
    FROM {joined} WHERE i.outstanding > 0 AND v.state = 'issued' AND {scope}
    GROUP BY 1, 3
    UNION ALL
    SELECT width_bucket(v.issued_on, %(starts)s::date[]), width_bucket(m.value_on, %(starts)s::date[]), i.due_on, count(*), sum(m.amount),
           coalesce(sum(m.amount) FILTER (WHERE m.is_payment AND m.value_on <= %(today)s), 0)
    FROM {joined} JOIN ({moves}) m ON m.installment_id = i.id
    WHERE v.state = 'issued' AND {scope}
    GROUP BY 1, 2, 3
)
SELECT {late}, sum(f.items), sum(f.amount), sum(f.paid)
FROM unnest(%(days)s::date[]) WITH ORDINALITY d (day, place) JOIN flows f ON f.since < d.place AND f.until >= d.place
GROUP BY 1
"""


def _shares(scope: Scope, today: date) -> dict[str, Decimal]:
    """The part of what stood in each age on the `OBSERVED` days that payments have brought since, of ages seen often enough."""
    days = sorted(today - timedelta(days=ago) for ago in OBSERVED)
    sql = _OBSERVED.format(
        places=len(days),
        joined=JOINED,
        scope=scope.condition,
        moves=moves("value_on > %(first)s"),
        late=bucket("d.day - f.due_on"),
    )
    values = {**scope.values, "today": today, "days": days, "starts": [day + timedelta(days=1) for day in days], "first": days[0]}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {age: paid / amount for age, items, amount, paid in cursor.fetchall() if items >= FEWEST_OBSERVED and amount}
