"""The calm part of a day: open items on which nothing changes today, decided class by class instead of one by one.

On most days most items wait for a day the schedule already names. Items that agree in everything `decide` reads before a step is due -
plan, dates, past, standing - get the same answer: PostgreSQL puts them into classes, and the planner is asked once for each. Where its
answer is anything but what the schedule says already, or anything out of the ordinary stands beside an item or its customer, the whole
paying group goes the usual road. This module never decides what happens, only that nothing does.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from dunning.core.prepared import ask
from scenarios.context import PLAIN_SITUATIONS, Case, Frame, steps_of
from scenarios.context_sql import CLASSES, EVENTFUL, OPEN_CENTS, PLANNED_APART
from scenarios.enums import DecisionKind, Reason
from scenarios.facts import Balance, CustomerFacts, Decision, Habit, Item
from scenarios.planner import decide
from scenarios.schedule import Tally, stands
from scenarios.timing import MOST_TIMES_USUAL

WORTH_IT: Final = 50
"""Customers with open items below which the questions asked here cost more than they spare."""
_NOTHING_TODAY: Final = frozenset(
    {(DecisionKind.WAIT, Reason.NOT_YET), (DecisionKind.WAIT, Reason.HABIT), (DecisionKind.FINISHED, Reason.PLAN_FINISHED)}
)


@dataclass(frozen=True, slots=True)
class _Class:
    """Items that agree, by one of them. `whose` are their customers, one an item, as an array's text: on most days nobody reads it."""

    item_id: str
    count: int
    whose: str
    open_cents: int
    odd: bool
    group_id: str
    issued_on: date
    due_on: date
    entered_on: date
    currency: str
    answered: bool
    proven: bool
    usual_delay: int | None  # of a good payer, where the amount is within the habit
    version: str | None
    last_step_key: str | None
    last_done_on: date | None
    next_step_key: str | None
    next_on: date | None
    reason: str | None
    until: date | None
    chased: Decimal | None
    digest: int | None  # of their past

    @property
    def customers(self) -> list[str]:
        return self.whose[1:-1].split(",")

    @property
    def schedule(self) -> tuple[Any, ...]:
        """What the schedule says about them, as `ScheduleRow` has it."""
        return (
            self.version,
            self.last_step_key,
            _ordinal(self.last_done_on),
            self.next_step_key,
            _ordinal(self.next_on),
            self.reason,
            _ordinal(self.until),
            None if self.chased is None else int(self.chased * 100),
        )


def set_apart(frame: Frame, customers: Sequence[tuple[str, str]], tally: Tally) -> list[tuple[str, str]]:
    """Count into `tally` the items on which nothing changes today; the customers of all the others, in order and in whole paying groups.

    `customers` are those of `open_customers`. Nothing is locked: nothing is written about whom is left out.
    """
    if len(customers) < WORTH_IT:
        return list(customers)
    with connection.cursor() as cursor:
        stirred = _stirred(cursor, frame)
        calm = _without(stirred, customers)
        if not calm:
            return list(customers)
        classes = _classes(cursor, frame, stirred=[entry[0] for entry in set(customers).difference(calm)])
        pasts = {found.digest: found.item_id for found in classes if not found.odd}
        frame.histories.learn(cursor, pasts, under="SET LOCAL enable_sort TO DEFAULT; ")
        quiet: list[tuple[_Class, Decision]] = []
        hot: set[str] = set()
        for found in classes:
            decision = None if found.odd else _nothing_today(frame, found)
            if decision is None:
                hot.update(found.customers)
            else:
                quiet.append((found, decision))
        still = _without(hot, calm) if hot else calm
        gone = {customer_id for customer_id, _root in still}
        for found, decision in quiet:
            count = sum(customer_id in gone for customer_id in found.customers) if hot else found.count
            tally.decisions[decision.kind.value][decision.reason.value] += count
            tally.items += count
        tally.open.update(_sums(classes))
        if hot:  # those who are decided one by one are counted there
            tally.open.subtract(_open_cents(cursor, [customer_id for customer_id, _root in calm if customer_id not in gone]))
    return [entry for entry in customers if entry[0] not in gone]


def _stirred(cursor: Any, frame: Frame) -> set[str]:
    """Customers about whom anything but the plain facts of their items must be asked."""
    ask(cursor, EVENTFUL, [frame.today])
    stirred = {row[0] for row in cursor.fetchall()} | frame.unmatched.keys() | frame.assignments.customers.keys()
    if frame.assignments.invoices:
        cursor.execute(PLANNED_APART, [list(frame.assignments.invoices)])
        stirred.update(row[0] for row in cursor.fetchall())
    return stirred


def _without(stirred: Collection[str], customers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The customers of the paying groups in which nobody is stirred."""
    roots = {root for customer_id, root in customers if customer_id in stirred or root in stirred}
    return [entry for entry in customers if entry[1] not in roots]


def _classes(cursor: Any, frame: Frame, *, stirred: list[str]) -> list[_Class]:
    """All open items but those of the customers in `stirred`."""
    minimum = max((version.minimum_amount for version in frame.followed), default=Decimal(0))
    figures = {
        "minimum": minimum,
        "residue": Decimal(frame.policy.residue_cents) / 100,
        "percent": frame.policy.residue_percent,
        "habits": frame.profile.follows_habits,
        "times_usual": MOST_TIMES_USUAL,
    }
    # Behind the wall PostgreSQL expects a tenth of the rows, for which sorting looks cheaper than hashing: a fifth of the answer's time.
    ask(cursor, CLASSES, {"stirred": stirred, **figures}, under="SET LOCAL enable_sort = off; ")
    return [_Class(*row) for row in cursor.fetchall()]


def _nothing_today(frame: Frame, found: _Class) -> Decision | None:
    """The decision about each item of the class, if it is that nothing happens and the schedule says so already."""
    steps, since = steps_of(frame.assignments.find(invoice="", customer="", group=found.group_id), frame.plans)
    if steps is None or not frame.histories.knows(found.digest):
        return None
    today = frame.today.toordinal()
    past = frame.histories.past(found.digest, steps, today)
    # A customer with nothing but this item, above the minimum and with no credit: until a step is due, `decide` asks no more of it.
    cents = steps.minimum_cents + 1
    item = Item(
        found.item_id,
        "",
        CustomerFacts("", {found.currency: Balance(cents)}),
        found.issued_on.toordinal(),
        found.due_on.toordinal(),
        cents,
        cents,
        found.currency,
        entered_on=max(since, found.entered_on.toordinal()),
        situation=PLAIN_SITUATIONS[found.answered, found.proven],
        habit=None if found.usual_delay is None else Habit(found.usual_delay, cents),
    )
    decision = decide(
        item=item, steps=steps, history=past.entries, calendar=frame.calendar, policy=frame.policy, today=today, progress=past.progress
    )
    if decision.skips or (decision.kind, decision.reason) not in _NOTHING_TODAY:
        return None
    return decision if stands(Case(item, steps, found.schedule, past), decision) else None


def _sums(classes: Sequence[_Class]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for found in classes:
        sums[found.currency] += found.open_cents
    return sums


def _open_cents(cursor: Any, ids: list[str]) -> dict[str, int]:
    cursor.execute(OPEN_CENTS, [ids])
    return dict(cursor.fetchall())


def _ordinal(day: date | None) -> int | None:
    return None if day is None else day.toordinal()
