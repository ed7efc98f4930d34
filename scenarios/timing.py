"""When the steps of a plan fall due (rules 2 and 13), before what happened to the item is looked at: pure date arithmetic, remembered."""

from dataclasses import dataclass
from typing import Final

from dunning.core.calendars import TARGET, Calendar, calendar_for
from invoices.keeping import is_kept
from scenarios.enums import Anchor, OffsetUnit, Phase
from scenarios.facts import Item, Policy, Promise, Step, Steps

_MOST_REMEMBERED: Final = 50_000
_SERVICE: Final = Phase.SERVICE
_LEGAL: Final = Phase.LEGAL
BEFORE_PAY_RUN: Final = 2
"""Business days before a good payer's next pay run on which the first reminder comes (rule 13)."""
AFTER_USUAL_DAY: Final = 3
"""Calendar days after a good payer's usual day on which the first call comes."""
MOST_TIMES_USUAL: Final = 2
"""An open amount above so many times the usual one is out of the habit."""


@dataclass(frozen=True, slots=True)
class NominalDates:
    """Dates of one plan for one issue and due date, in the order of its steps.

    `nominal` are unrolled; `spans` are the same without public holidays and closures, for gaps: a gap that shrank because a holiday
    pushed its beginning would make a step earlier. `rolled` are business days: a SERVICE step has None there when no business day up to
    the due date is left for it; an overdue step's is after the due date whatever its offset. `moved` are the steps that a good payer's
    habit made later in both; `call_gap` days then part the moved reminder from the call.
    """

    calendar: Calendar
    nominal: tuple[int, ...]
    spans: tuple[int, ...]
    rolled: tuple[int | None, ...]
    moved: frozenset[int] = frozenset()
    call_gap: int | None = None


def offset_from(anchor_on: int, step: Step, calendar: Calendar) -> int:
    """The anchor's day plus the step's offset, unrolled; an offset of zero business days is the anchor's day itself."""
    if step.unit == OffsetUnit.BUSINESS_DAYS and step.offset:
        return calendar.add_bd_ordinal(anchor_on, step.offset)
    return anchor_on + step.offset


def nominal_dates(steps: Steps, item: Item, calendar: Calendar) -> NominalDates:
    """The plan's dates for the item, remembered: thousands of items share an issue and a due date."""
    restart = item.situation.restart_on
    due_on = item.due_on
    counted_from = due_on if restart is None or restart < due_on else restart
    usual = None if item.habit is None else usual_delay(item)
    key = (id(calendar), item.issue_on, due_on, counted_from, usual)
    remembered = steps.dates
    dates = remembered.get(key)
    if dates is None or dates.calendar is not calendar:  # the one that had this id is gone
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        dates = _compute(steps, item.issue_on, due_on, counted_from, calendar)
        if usual is not None:
            dates = _under_habit(steps, dates, due_on, usual, calendar)
        remembered[key] = dates
    return dates


def usual_delay(item: Item) -> int | None:
    """Days after the due date on which a good payer is expected to pay this item (rule 13); None when nothing is expected.

    Out of the habit is an amount above twice the usual one, and an item about which something was said: a promise, a dispute, a pause, an
    invoice sent again. What they say goes before what they usually do.
    """
    habit, situation = item.habit, item.situation
    if habit is None or item.outstanding_cents > MOST_TIMES_USUAL * habit.usual_cents:
        return None
    said = situation.promises or situation.disputes or situation.holds or situation.restart_on is not None
    return None if said else habit.days


def _under_habit(steps: Steps, plain: NominalDates, due_on: int, usual: int, calendar: Calendar) -> NominalDates:
    """The same dates for a payer expected `usual` days after the due date: nothing comes earlier, and a legal step keeps its own date."""
    expected_on = due_on + usual
    reminder, call = steps.first_friendly, steps.first_call
    waits_until = {call: expected_on + AFTER_USUAL_DAY, reminder: calendar.add_bd_ordinal(expected_on, -BEFORE_PAY_RUN)}
    nominal: list[int] = []
    rolled: list[int | None] = []
    for number, (step, on, own) in enumerate(zip(steps.steps, plain.nominal, plain.rolled, strict=True)):
        later = on
        if number in waits_until:
            later = max(on, waits_until[number])
        elif step.anchor == Anchor.PREVIOUS and number and _SERVICE < step.phase < _LEGAL:
            later = max(on, offset_from(nominal[-1], step, calendar))
        nominal.append(later)
        rolled.append(own if later == on or own is None else max(own, calendar.roll_ordinal(later)))
    moved = frozenset(number for number in waits_until if number < steps.size and rolled[number] != plain.rolled[number])
    gap = _call_gap(steps, plain, rolled, calendar) if reminder in moved and reminder < call < steps.size else None
    return NominalDates(calendar, tuple(nominal), plain.spans, tuple(rolled), moved, gap)


def _call_gap(steps: Steps, plain: NominalDates, rolled: list[int | None], calendar: Calendar) -> int | None:
    """Days from the moved reminder to the call: the plan's own, or fewer, down to what makes the call come on its own day."""
    reminder, call = steps.first_friendly, steps.first_call
    first, then, moved, moved_call = plain.rolled[reminder], plain.rolled[call], rolled[reminder], rolled[call]
    if first is None or then is None or moved is None or moved_call is None:
        return None  # service steps alone have no day
    unmoved = shifted(steps, plain, call, reminder, first, calendar)
    return max(1, min(unmoved - first, max(unmoved, moved_call) - moved))


def _compute(steps: Steps, issue_on: int, due_on: int, counted_from: int, calendar: Calendar) -> NominalDates:
    nominal = _chain(steps, issue_on, due_on, counted_from, calendar)
    in_days = all(step.unit == OffsetUnit.DAYS for step in steps.steps)
    without_holidays = calendar_for(None, None, calendar.working_days)
    spans = nominal if in_days else _chain(steps, issue_on, due_on, counted_from, without_holidays)
    rolled = tuple(
        _service_day(on, due_on, calendar) if step.phase == _SERVICE else calendar.roll_ordinal(max(on, counted_from + 1))
        for step, on in zip(steps.steps, nominal, strict=True)
    )
    return NominalDates(calendar=calendar, nominal=nominal, spans=spans, rolled=rolled)


def _chain(steps: Steps, issue_on: int, due_on: int, counted_from: int, calendar: Calendar) -> tuple[int, ...]:
    nominal: list[int] = []
    previous = counted_from
    for step in steps.steps:
        due = due_on if step.phase == _SERVICE else counted_from
        anchor_on = issue_on if step.anchor == Anchor.ISSUE else previous if step.anchor == Anchor.PREVIOUS else due
        previous = offset_from(anchor_on, step, calendar)
        nominal.append(previous)
    return tuple(nominal)


def _service_day(on: int, due_on: int, calendar: Calendar) -> int | None:
    if on > due_on:
        return None
    rolled = calendar.roll_ordinal(on)
    return rolled if rolled <= due_on else calendar.roll_back_ordinal(on)


def shifted(steps: Steps, dates: NominalDates, index: int, last_index: int, last_on: int, calendar: Calendar) -> int:
    """Day of overdue step `index` when overdue step `last_index` was done on `last_on`: at its own date, or its gap after that day.

    A step chained on that very step in business days keeps them as business days. After a reminder that waited for a habit and left on the
    day it gave, the call keeps to the payer's usual day, not to the plan's gap; after one that left later it would come too soon.
    """
    step = steps.steps[index]
    is_call = (last_index, index) == (steps.first_friendly, steps.first_call)
    if dates.call_gap is not None and is_call and last_on == dates.rolled[last_index]:
        after = last_on + dates.call_gap
    elif index == last_index + 1 and step.anchor == Anchor.PREVIOUS:
        after = offset_from(last_on, step, calendar)
    else:
        after = last_on + dates.spans[index] - dates.spans[last_index]
    own = dates.rolled[index]
    # Rolling keeps the order of days, so the later of the two rolled days is the later one rolled.
    return own if own is not None and after <= own else calendar.roll_ordinal(after)


def promise_kept(promise: Promise) -> bool:
    """Whether the payments since the promise reach it (rule 7), on an item that is still open."""
    return is_kept(promised=promise.amount_cents, paid=promise.paid_cents, credited=0, is_settled=False)


def promise_held_through(promise: Promise, calendar: Calendar, policy: Policy) -> int:
    """Last day on which an open promise holds its item: the promised day and the tolerance, in business days."""
    return calendar.add_bd_ordinal(promise.for_on, policy.promise_tolerance)


def covered_from(item: Item, calendar: Calendar, policy: Policy) -> int:
    """The day through which receipts must be complete before an overdue message about the item (rule 8).

    The due date rolled to the next day on which banks settle, plus one business day; four for a customer who pays by cheque.
    """
    margin = policy.coverage_margin_cheque if item.customer.pays_by_cheque else policy.coverage_margin
    return calendar.add_bd_ordinal(TARGET.roll_ordinal(item.due_on), margin)


def printed_deadline(posted_on: int, term_days: int, calendar: Calendar, *, by_post: bool) -> int:
    """The deadline a message prints: the term after its day, after three business days on the road for a letter; always a business day.

    A term given within a soft period ends after it (rule 14).
    """
    start = calendar.add_bd_ordinal(posted_on, 3) if by_post else posted_on
    ends_on = start + term_days
    soft_through = calendar.soft_through_ordinal(posted_on)
    return calendar.roll_ordinal(ends_on if soft_through is None else max(ends_on, soft_through + 1))


def restart_after(resent_on: int, days: int = 10) -> int:
    """`Item.situation.restart_on` once an invoice was sent again: overdue steps count from that day (rule 7)."""
    return resent_on + days


def already_paid_through(stated_on: int, calendar: Calendar) -> int:
    """Last day of the hold an "already paid" opens: five business days after the stated day (rule 7)."""
    return calendar.add_bd_ordinal(stated_on, 5)


def partial_payment_through(paid_on: int, calendar: Calendar) -> int:
    """Last day of the pause a partial payment opens: five business days (rule 7)."""
    return calendar.add_bd_ordinal(paid_on, 5)
