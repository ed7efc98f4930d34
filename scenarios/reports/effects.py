"""What steps bring: of what was reminded, how much was paid within a week; and how far it went before payment (docs/reports.md, "Steps").

A payment after a step is not proof that the step brought it.
"""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from invoices.measures.ageing import Cell
from invoices.measures.delays import Rate
from invoices.owed import STANDS, Scope
from invoices.reports.delays import GIVEN, PAYABLE, Period
from invoices.reports.rows import Rows
from scenarios.enums import ActionState, Phase
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


_DONE: Final = f"""JOIN scenarios_action a ON a.organization_id = i.organization_id AND a.installment_id = i.id
WHERE a.state = '{ActionState.DONE}' AND a.plan_id IS NOT NULL AND a.done_on BETWEEN %(first)s AND %(last)s"""
_RECENT: Final = "a.done_on > %(judged)s"
_MET: Final = f"i.outstanding = 0 AND i.settled_on > a.done_on AND i.settled_on <= a.done_on + {WEEK}"
_FATE: Final = f"CASE WHEN {_RECENT} THEN '{RECENT}' WHEN {_MET} THEN '{PAID}' ELSE '{UNPAID}' END"


def step_rows(scope: Scope, period: Period, *, today: date) -> Rows:
    """The items for which a step was done in the period, on the line "key:paid", "key:unpaid" or "key:recent", with what was asked."""
    sql = f"SELECT i.id, a.step_key || ':' || {_FATE}, a.amount FROM {scope.items} {_DONE} AND {scope.item_condition}"
    return Rows(sql, _values(scope, period, today))


def step_effects(scope: Scope, period: Period, *, today: date) -> list[StepEffect]:
    """What each step done in the period brought, in the order in which steps come, in three queries."""
    # A column for each fate, not a row: PostgreSQL knows how few steps there are, and adds up where it reads.
    counted = f"""
SELECT a.step_key, a.channel, max(a.phase), sum(a.done_on - i.due_on),
       count(*) FILTER (WHERE NOT {_RECENT} AND {_MET}), coalesce(sum(a.amount) FILTER (WHERE NOT {_RECENT} AND {_MET}), 0),
       count(*) FILTER (WHERE {_RECENT}), coalesce(sum(a.amount) FILTER (WHERE {_RECENT}), 0), count(*), sum(a.amount)
FROM {scope.items} {_DONE} AND {scope.item_condition} GROUP BY 1, 2"""
    brought = f"""
SELECT a.step_key, sum(p.amount)
FROM {scope.items} JOIN invoices_allocation p ON p.organization_id = i.organization_id AND p.installment_id = i.id {_DONE}
  AND a.done_on <= %(judged)s AND p.payment_id IS NOT NULL AND p.reversed_at IS NULL
  AND p.value_on > a.done_on AND p.value_on <= a.done_on + {WEEK}
  AND p.value_on > %(first)s AND p.value_on <= %(last)s + {WEEK} -- most payments are left out before the acts are read
  AND {scope.item_condition} GROUP BY 1"""
    with connection.cursor() as cursor:
        cursor.execute(counted, _values(scope, period, today))
        rows = cursor.fetchall()
        cursor.execute(brought, _values(scope, period, today))
        collected = dict(cursor.fetchall())
    tallies: dict[str, _Tally] = {}
    for key, channel, phase, days, met, met_amount, recent, recent_amount, every, amount in rows:
        tally = tallies.setdefault(key, _Tally())
        tally.add(channel, phase, days, met=Cell(met, met_amount), recent=Cell(recent, recent_amount), every=Cell(every, amount))
    names = step_names(list(tallies))
    ordered = sorted(tallies.items(), key=lambda entry: (entry[1].phase, entry[1].mean_day, entry[0]))
    return [
        StepEffect(key, names.get(key, key), tally.channel, tally.phase, tally.rate, collected.get(key, Decimal(0)), tally.recent)
        for key, tally in ordered
    ]


class _Tally:
    """One step's rows added up; its channel is the commonest, for plans may differ."""

    def __init__(self) -> None:
        self.phase = self.days = 0
        self.channels: Counter[str] = Counter()
        self.met = self.recent = self.every = _NO_CELL

    def add(self, channel: str, phase: int, days: int, *, met: Cell, recent: Cell, every: Cell) -> None:
        self.phase = max(self.phase, phase)
        self.days += days
        self.channels[channel] += every.count
        self.met += met
        self.recent += recent
        self.every += every

    @property
    def channel(self) -> str:
        return min(self.channels, key=lambda channel: (-self.channels[channel], channel))

    @property
    def mean_day(self) -> float:
        """Days after the due date, on average."""
        return self.days / self.channels.total()

    @property
    def rate(self) -> Rate:
        judged = Cell(self.every.count - self.recent.count, self.every.amount - self.recent.amount)
        return Rate(self.met.count, judged.count, self.met.amount, judged.amount)


def _values(scope: Scope, period: Period, today: date) -> dict[str, Any]:
    """`judged` is the last day on which a step was done a whole week ago."""
    return {**scope.values, "first": period.first, "last": period.last, "judged": today - timedelta(days=WEEK)}


def step_names(keys: Sequence[str]) -> dict[str, str]:
    """The names of steps by key, as the plan published last calls them."""
    rows = PlanStep.objects.filter(key__in=list(keys)).order_by("version__published_at", "pk")
    return {row.key: step_name(row) for row in rows}


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
SELECT i.id, coalesce(max(a.phase), {NOTHING}) || ':' || CASE WHEN i.outstanding = 0 THEN '{SETTLED}' ELSE '{OPEN}' END, i.amount
FROM {scope.standing} {GIVEN}
LEFT JOIN scenarios_action a ON a.organization_id = i.organization_id AND a.installment_id = i.id AND a.state = '{ActionState.DONE}'
      AND (i.settled_on IS NULL OR a.done_on <= i.settled_on)
WHERE i.due_on BETWEEN %(first)s AND %(last)s AND {STANDS} AND {scope.item_condition} AND {PAYABLE}
GROUP BY i.id"""
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
