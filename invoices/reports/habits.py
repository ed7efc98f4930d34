"""What a year of the ledger teaches about when money comes (docs/reports.md, "Cash forecast")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from invoices.measures.forecast import FEWEST_OBSERVED, FEWEST_PARTS, QUARTILES, Experience
from invoices.models import LearntHabits
from invoices.owed import bucket, moves

LEARNT_DAYS: Final = 365
OBSERVED: Final = (90, 180, 270, 360)
"""Days ago on which what was open is looked at, to see what of it has been paid since."""
EARLIEST, LATEST = -60, 365
"""Days late beyond which delays are not told apart."""
FRESH_DAYS: Final = 14
"""Days for which what was learnt serves: the daily run learns again each week."""


@dataclass(frozen=True)
class Learnt:
    """What the ledger taught on a day: how many payments there were, all of them by days late, the habits (three quartiles) of payers and
    groups by id, and the shares paid by age."""

    on: date
    payments: int
    days: Sequence[tuple[int, Decimal]]
    habits: Mapping[str, Sequence[int]]
    shares: Mapping[str, Decimal]

    @property
    def experience(self) -> Experience:
        return Experience(self.days)

    def as_json(self) -> dict[str, Any]:
        """As `LearntHabits.content`."""
        return {
            "payments": self.payments,
            "days": [[days, str(amount)] for days, amount in self.days],
            "habits": dict(self.habits),
            "shares": {age: str(share) for age, share in self.shares.items()},
        }


def learnt(currency: str, *, today: date) -> Learnt:
    """What was learnt lately, or what is learnt now when that was never or too long ago."""
    row = LearntHabits.objects.filter(currency=currency, learnt_on__gt=today - timedelta(days=FRESH_DAYS), learnt_on__lte=today).first()
    if row is None:
        return learn(currency, today)
    content: dict[str, Any] = row.content
    return Learnt(
        on=row.learnt_on,
        payments=content["payments"],
        days=[(days, Decimal(amount)) for days, amount in content["days"]],
        habits=content["habits"],
        shares={age: Decimal(share) for age, share in content["shares"].items()},
    )


# What came off items in the last year, read once. From it: payments by days late, of everybody; the three quartiles of each payer and each
# group that has payments enough; and what was open on the OBSERVED days, by age then, with what payments have brought of it since (laid out
# as `aged_history` is).
_LEARN: Final = """
WITH moved AS MATERIALIZED (
    SELECT i.customer_id, v.issued_on, i.due_on, m.value_on, m.amount, m.is_payment AND m.value_on <= %(today)s AS is_payment
    FROM invoices_installment i
    JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
    JOIN ({moves}) m ON m.installment_id = i.id
    WHERE v.state = 'issued' AND v.currency = %(currency)s
), paid AS MATERIALIZED (
    SELECT p.customer_id, c.group_id, p.days, p.parts, p.amount
    FROM (SELECT customer_id, least({latest}, greatest({earliest}, value_on - due_on)) AS days, count(*) AS parts, sum(amount) AS amount
          FROM moved WHERE is_payment GROUP BY 1, 2) p
    JOIN customers_customer c ON c.id = p.customer_id
), flows AS (
    SELECT width_bucket(v.issued_on, %(starts)s::date[]) AS since, {places} AS until, i.due_on, count(*) AS items,
           sum(i.outstanding) AS amount, 0 AS paid
    FROM invoices_installment i JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
    WHERE i.outstanding > 0 AND v.state = 'issued' AND v.currency = %(currency)s GROUP BY 1, 3
    UNION ALL
    SELECT width_bucket(issued_on, %(starts)s::date[]), width_bucket(value_on, %(starts)s::date[]), due_on, count(*), sum(amount),
           coalesce(sum(amount) FILTER (WHERE is_payment), 0)
    FROM moved GROUP BY 1, 2, 3
)
SELECT 'days', days::text, NULL::int[], sum(parts), sum(amount), NULL::numeric FROM paid GROUP BY 2
UNION ALL SELECT 'habit', key::text, days, 0, 0, 0 FROM ({payers}) payer
UNION ALL SELECT 'habit', key::text, days, 0, 0, 0 FROM ({groups}) grouped
UNION ALL
SELECT 'age', {late}, NULL, sum(f.items), sum(f.amount), sum(f.paid)
FROM unnest(%(days)s::date[]) WITH ORDINALITY d (day, place) JOIN flows f ON f.since < d.place AND f.until >= d.place
GROUP BY 2
"""


def _habits(key: str) -> str:
    """SQL of (key, days): the three quartiles by amount of the payments of each key that has enough of them."""
    quartiles = ", ".join(f"min(days) FILTER (WHERE reached >= whole * {fraction})" for fraction in QUARTILES)
    return f"""
    SELECT key, array[{quartiles}] AS days
    FROM (SELECT {key} AS key, days, sum(parts) OVER all_of AS parts, sum(amount) OVER all_of AS whole,
                 sum(amount) OVER (PARTITION BY {key} ORDER BY days) AS reached
          FROM paid WHERE {key} IS NOT NULL WINDOW all_of AS (PARTITION BY {key})) running
    WHERE parts >= {FEWEST_PARTS} GROUP BY key"""


def learn(currency: str, today: date) -> Learnt:
    """Learn from everybody who paid in that currency in the last year, in one query."""
    days = sorted(today - timedelta(days=ago) for ago in OBSERVED)
    sql = _LEARN.format(
        moves=moves("value_on > %(since)s"),
        earliest=EARLIEST,
        latest=LATEST,
        places=len(days),
        payers=_habits("customer_id"),
        groups=_habits("group_id"),
        late=bucket("d.day - f.due_on"),
    )
    values: dict[str, Any] = {
        "currency": currency,
        "today": today,
        "since": today - timedelta(days=LEARNT_DAYS),
        "days": days,
        "starts": [day + timedelta(days=1) for day in days],
    }
    parts: list[tuple[int, Decimal]] = []
    habits: dict[str, Sequence[int]] = {}
    shares: dict[str, Decimal] = {}
    count = 0
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        for kind, key, quartiles, number, amount, paid in cursor.fetchall():
            if kind == "days":
                parts.append((int(key), amount))
                count += int(number)
            elif kind == "habit":
                habits[key] = quartiles
            elif number >= FEWEST_OBSERVED and amount:
                shares[key] = paid / amount
    return Learnt(today, count, parts, habits, shares)
