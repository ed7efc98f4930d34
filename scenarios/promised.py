"""Steps anchored on the promised day, which stand outside the plan's order (rule 2): what they speak of, and what stops them."""

from dataclasses import dataclass

from dunning.core.calendars import Calendar
from scenarios.eligibility import Barrier, frozen, item_barrier, open_promises, uncontested_cents
from scenarios.enums import Reason
from scenarios.facts import Item, Policy, Promise, Step, Steps
from scenarios.timing import offset_from


@dataclass(frozen=True, slots=True)
class Expected:
    """The open promises for which the step's day has come: the day of the last of them, and what is still to come of all."""

    since: int
    cents: int


def expected(item: Item, step: Step, calendar: Calendar, policy: Policy, today: int) -> Expected | None:
    """What the step is about today; None when no open promise calls for it (yet). It leaves the day after the promise at the earliest."""
    since = cents = 0
    for promise in open_promises(item, calendar, policy, today):
        on = _day_of(step, promise, calendar)
        if on <= today:
            since = max(since, on)
            cents += promise.amount_cents - promise.paid_cents
    cents = min(cents, uncontested_cents(item))
    return Expected(since, cents) if cents > 0 else None


def next_expected(item: Item, steps: Steps, calendar: Calendar, policy: Policy, today: int) -> int | None:
    """The next day after today on which an open promise calls for a step; None when none does."""
    promises = open_promises(item, calendar, policy, today) if steps.outside else ()
    days = (_day_of(step, promise, calendar) for step in steps.outside for promise in promises)
    return min((day for day in days if day > today), default=None)


def _day_of(step: Step, promise: Promise, calendar: Calendar) -> int:
    return calendar.roll_ordinal(max(offset_from(promise.for_on, step, calendar), promise.made_on + 1))


def barrier_around(item: Item, steps: Steps, calendar: Calendar, policy: Policy, today: int) -> Barrier | None:
    """What stops the item besides its promises, of which these steps speak."""
    barrier = item_barrier(item, steps, calendar, policy, today)
    return frozen(item) if barrier is not None and barrier.reason == Reason.PROMISED else barrier
