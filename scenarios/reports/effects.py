"""What steps bring: of what was reminded, how much was paid within a week; and how far it went before payment (docs/reports.md, "Steps").

A payment after a step is not proof that the step brought it.
"""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.db import connection

from invoices.measures.ageing import Cell
from invoices.measures.delays import Rate
from invoices.owed import JOINED, Scope
from invoices.reports.delays import PAYABLE, Period
from invoices.reports.rows import Rows
from scenarios.enums import ActionState, Channel, Phase
from scenarios.models import PlanStep
from scenarios.selectors.why import step_name

WEEK: Final = 7
"""Days after a step within which a payment is counted as following it."""
PAID, UNPAID, RECENT = "paid", "unpaid", "recent"
_NO_CELL: Final = Cell()


@dataclass(frozen=True, slots=True)
class StepEffect:
    """One step of the period: `rate` is of the items it was done for, met when they were paid off within a week, amounts what was asked.

    `collected` is what payments brought for them within the week, `recent` those done less than a week ago, which are not judged yet.
    """

    key: str
    name: str
    channel: str
    phase: int
    rate: Rate
    collected: Decimal
    recent: Cell


def step_rows(scope: Scope, period: Period, *, today: date) -> Rows:
    """The items for which a step was done in the period, on the line "key:paid", "key:unpaid" or "key:recent", with what was asked."""
    sql = f"""
SELECT i.id, a.step_key || ':' || CASE WHEN a.done_on > %(judged)s THEN '{RECENT}'
    WHEN i.outstanding = 0 AND i.settled_on > a.done_on AND i.settled_on <= a.done_on + {WEEK} THEN '{PAID}' ELSE '{UNPAID}' END, a.amount
FROM {JOINED} JOIN scenarios_action a ON a.organization_id = i.organization_id AND a.installment_id = i.id
WHERE a.state = '{ActionState.DONE}' AND a.plan_id IS NOT NULL AND a.done_on BETWEEN %(first)s AND %(last)s AND {scope.condition}"""
    return Rows(sql, {**scope.values, "first": period.first, "last": period.last, "judged": _judged(today)})


def step_effects(scope: Scope, period: Period, *, today: date) -> list[StepEffect]:
    """What each step done in the period brought, in the order in which steps come, in three queries."""
    cells = step_rows(scope, period, today=today).cells()
    sql = f"""
SELECT a.step_key, mode() WITHIN GROUP (ORDER BY a.channel), max(a.phase), avg(a.done_on - i.due_on),
       coalesce(sum(brought.amount) FILTER (WHERE a.done_on <= %(judged)s), 0)
FROM {JOINED} JOIN scenarios_action a ON a.organization_id = i.organization_id AND a.installment_id = i.id
LEFT JOIN LATERAL (
    SELECT sum(p.amount) AS amount FROM invoices_allocation p
    WHERE p.organization_id = i.organization_id AND p.installment_id = i.id AND p.payment_id IS NOT NULL AND p.reversed_at IS NULL
      AND p.value_on > a.done_on AND p.value_on <= a.done_on + {WEEK}) brought ON true
WHERE a.state = '{ActionState.DONE}' AND a.plan_id IS NOT NULL AND a.done_on BETWEEN %(first)s AND %(last)s AND {scope.condition}
GROUP BY 1 ORDER BY 3, 4, 1"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {**scope.values, "first": period.first, "last": period.last, "judged": _judged(today)})
        rows = cursor.fetchall()
    names = step_names([row[0] for row in rows])
    found: list[StepEffect] = []
    for key, channel, phase, _days, collected in rows:
        paid, unpaid = cells.get(f"{key}:{PAID}", _NO_CELL), cells.get(f"{key}:{UNPAID}", _NO_CELL)
        every = paid + unpaid
        rate = Rate(paid.count, every.count, paid.amount, every.amount)
        recent = cells.get(f"{key}:{RECENT}", _NO_CELL)
        found.append(StepEffect(key, names.get(key, key), Channel(channel).value, phase, rate, collected, recent))
    return found


def step_names(keys: Sequence[str]) -> dict[str, str]:
    """The names of steps by key, as the plan published last calls them."""
    rows = PlanStep.objects.filter(key__in=list(keys)).order_by("version__published_at", "pk")
    return {row.key: step_name(row) for row in rows}


def _judged(today: date) -> date:
    """The last day on which a step was done a whole week ago."""
    return date.fromordinal(today.toordinal() - WEEK)


# --- how far it went --------------------------------------------------------------------------------------------------------------------

NOTHING: Final = 0
"""The stage of an item about which nothing had been said yet."""
STAGES: Final = (NOTHING, *(int(phase) for phase in Phase))
SETTLED, OPEN = "settled", "open"


@dataclass(frozen=True, slots=True)
class Stage:
    """Of the items due in the period: those about which a message or call of this phase (or a later one) was done, those paid before a
    later phase came, and those still open at it."""

    phase: int
    reached: Cell
    paid: Cell
    open: Cell


def funnel_rows(scope: Scope, period: Period) -> Rows:
    """The items due in the period on the line "phase:settled" or "phase:open": the highest phase done before they were paid, 0 for none."""
    sql = f"""
SELECT i.id, coalesce(reached.phase, {NOTHING}) || ':' || CASE WHEN i.outstanding = 0 THEN '{SETTLED}' ELSE '{OPEN}' END, i.amount
FROM {JOINED} LEFT JOIN LATERAL (
    SELECT max(a.phase) AS phase FROM scenarios_action a
    WHERE a.organization_id = i.organization_id AND a.installment_id = i.id AND a.state = '{ActionState.DONE}'
      AND (i.settled_on IS NULL OR a.done_on <= i.settled_on)) reached ON true
WHERE i.due_on BETWEEN %(first)s AND %(last)s AND v.state = 'issued' AND {scope.condition} AND {PAYABLE}"""
    return Rows(sql, {**scope.values, "first": period.first, "last": period.last})


def funnel(scope: Scope, period: Period) -> list[Stage]:
    """From due to paid, stage by stage: what a stage reached is what it saw paid, what stays open at it, and what the next one reached."""
    cells: Mapping[str, Cell] = funnel_rows(scope, period).cells()
    found: list[Stage] = []
    reached = _NO_CELL
    for phase in reversed(STAGES):
        paid, open_ = cells.get(f"{phase}:{SETTLED}", _NO_CELL), cells.get(f"{phase}:{OPEN}", _NO_CELL)
        reached = reached + paid + open_
        found.append(Stage(phase, reached, paid, open_))
    return found[::-1]
