"""What sending costs, by channel and by step, and what a collected amount costs (docs/reports.md, "Cost")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db import connection

from invoices.owed import Scope
from invoices.reports.delays import Period
from notifications.enums import LEFT, MessageKind, MessageState
from notifications.selectors import unit_costs

# What came back had been paid for too.
PAID_FOR: Final = sorted(state.value for state in (*LEFT, MessageState.BOUNCED))
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Messages that left over one channel, or for one step, and what they cost together, in the organization's currency.

    `amount` is None where nobody ever said what such a message costs; `unpriced` messages left before somebody did, and count as nothing.
    """

    key: str
    messages: int
    amount: Decimal | None
    unpriced: int = 0

    @property
    def each(self) -> Decimal | None:
        """Of one message whose cost is known."""
        priced = self.messages - self.unpriced
        return self.amount / priced if self.amount is not None and priced else None


def costs_by_channel(scope: Scope, period: Period) -> list[Cost]:
    """Messages of every kind to customers in the scope, planned in the period; costs are in the organization's currency, whatever the
    scope's."""
    sql = f"""
SELECT m.channel, m.channel, count(*), sum(m.cost), count(*) FILTER (WHERE m.cost = 0) FROM notifications_message m {_of_customers(scope)}
WHERE m.planned_on BETWEEN %(first)s AND %(last)s AND m.state = ANY(%(states)s) GROUP BY 1 ORDER BY 4 DESC, 1"""
    return _costs(sql, scope, period)


def costs_by_step(scope: Scope, period: Period) -> dict[str, Cost]:
    """Reminders by the step they were written for: one that carried several counts once, for the one that presses most."""
    sql = f"""
SELECT m.details->>'step', min(m.channel), count(*), sum(m.cost), count(*) FILTER (WHERE m.cost = 0)
FROM notifications_message m {_of_customers(scope)}
WHERE m.planned_on BETWEEN %(first)s AND %(last)s AND m.state = ANY(%(states)s) AND m.kind = '{MessageKind.REMINDER}'
  AND m.details->>'step' <> ''
GROUP BY 1"""
    return {cost.key: cost for cost in _costs(sql, scope, period)}


def cost_to_collect(costs: Sequence[Cost], collected: Decimal) -> Decimal | None:
    """What a hundred of what was collected cost to send for, by the costs that are known; None when nothing was collected, or none is."""
    known = [cost.amount for cost in costs if cost.amount is not None and cost.unpriced < cost.messages]
    return sum(known, _NOTHING) * 100 / collected if known and collected > 0 else None


def _of_customers(scope: Scope) -> str:
    """SQL that leaves the messages of the scope's group, where it has one."""
    if scope.group_id is None:
        return ""
    return "JOIN customers_customer c ON c.organization_id = m.organization_id AND c.id = m.customer_id AND c.group_id = %(group)s"


def _costs(sql: str, scope: Scope, period: Period) -> list[Cost]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, "first": period.first, "last": period.last, "states": PAID_FOR})
        rows = cursor.fetchall()
    prices = unit_costs() if rows else {}
    return [_cost(key, prices.get(channel), messages, amount, unpriced) for key, channel, messages, amount, unpriced in rows]


def _cost(key: str, price: Decimal | None, messages: int, amount: Decimal, unpriced: int) -> Cost:
    """A price of zero was stated as well: nothing is unknown about what is free."""
    if price == 0:
        return Cost(key, messages, amount)
    return Cost(key, messages, None if price is None and not amount else amount, unpriced)
