"""What happens to an item today, and what comes after: rules 2, 3, 4, 7, 9 and 13 on top of `eligibility`.

`decide` is the one implementation behind the daily run, the timeline's future, the dry run, the back-test and the departure board. It is
pure: it reads its arguments and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from dunning.core.calendars import Calendar
from scenarios.eligibility import (
    Barrier,
    Moment,
    chased_cents,
    false_condition,
    frozen,
    item_barrier,
    rejected_since,
    step_barrier,
    variant_for,
)
from scenarios.enums import ActionState, DecisionKind, Phase, Reason
from scenarios.facts import HUMAN, QUIET, Decision, HistoryEntry, Item, Policy, Skip, Step, Steps
from scenarios.progress import FRESH, Progress, next_occurrence, read_history
from scenarios.promised import expected, next_expected
from scenarios.timing import NominalDates, nominal_dates, printed_deadline, shifted

_SERVICE: Final = Phase.SERVICE
_FRIENDLY: Final = Phase.FRIENDLY
_LEGAL: Final = Phase.LEGAL
_TAKE: Final = DecisionKind.TAKE
_WAIT: Final = DecisionKind.WAIT
_BLOCKED: Final = DecisionKind.BLOCKED
_FINISHED: Final = DecisionKind.FINISHED
_NOT_YET: Final = Reason.NOT_YET
_HABIT: Final = Reason.HABIT
_LONGEST_FORECAST: Final = 800  # days: two years, more than any plan lasts


def decide(
    *,
    item: Item,
    steps: Steps,
    history: Sequence[HistoryEntry],
    calendar: Calendar,
    policy: Policy,
    today: int,
    progress: Progress | None = None,
) -> Decision:
    """What becomes of the item on `today` under its plan. Deterministic; writes nothing; costs microseconds.

    `history` holds every action of the item, imported reminders included, in any order. At most one step is taken; steps that drop out on
    the way come along in `skips` and must be recorded, for what is skipped never happens again. `progress` is what `read_history` says of
    the same history, plan and day, for a caller that knows it already.
    """
    if progress is None:
        progress = read_history(history, steps, today) if history else FRESH
    dates = nominal_dates(steps, item, calendar)
    barrier = item_barrier(item, steps, calendar, policy, today)
    if (policy.suspended or policy.held) and (barrier is None or not barrier.finished):
        barrier = Barrier(Reason.TENANT_SUSPENDED if policy.suspended else Reason.TENANT_HELD)
    if steps.outside and item.situation.promises and not progress.took_today and (barrier is None or barrier.reason == Reason.PROMISED):
        around = _around_promise(item, steps, history, progress, calendar, policy, today)
        if around is not None:
            return around
    if barrier is not None:
        return _stopped(item, steps, progress, barrier, history, today)
    return _next(item, steps, history, progress, dates, calendar, policy, today)


def _next(
    item: Item,
    steps: Steps,
    history: Sequence[HistoryEntry],
    progress: Progress,
    dates: NominalDates,
    calendar: Calendar,
    policy: Policy,
    today: int,
) -> Decision:
    is_late = today > item.due_on
    skips: list[Skip] = []
    for waiting in progress.open:
        number = steps.index.get(waiting.key)
        if number is None or not (is_late and waiting.phase == _SERVICE):
            return _in_progress(item, steps, waiting, calendar, policy, today)
        # A message about a coming due date that nobody approved in time: it is closed, and the reminder does not wait for it.
        skips.append(Skip(steps.steps[number], Reason.PAST_DUE_DATE, waiting.occurrence, was_taken=True))
    resumed = _friendly_again(item, steps, history, progress, is_late)
    if resumed is not None:
        on = calendar.add_bd_ordinal(resumed[1], 1)
        return _settle(item, steps, history, progress, steps.steps[resumed[0]], on, skips, calendar, policy, today)
    enters_at = steps.first_reminder if progress.overdue < 0 and item.entered_on > item.due_on else 0
    soonest: int | None = None
    soonest_step: Step | None = None
    reason = _NOT_YET
    passed: list[Step] = []
    for index in range(progress.start, steps.size):
        step = steps.steps[index]
        if step.key in progress.closed:
            continue
        if step.phase == _SERVICE:
            if is_late:
                skips.append(Skip(step, Reason.PAST_DUE_DATE, next_occurrence(history, step)))
                continue
            own = dates.rolled[index]
            if own is None:
                continue
            if own > today:
                if soonest is None or own < soonest:
                    soonest, soonest_step = own, step
                passed.append(step)
                continue
            on = own
        elif index < enters_at < steps.size and step.channel in HUMAN:
            if is_late:
                skips.append(Skip(step, Reason.ENTERED_LATE, next_occurrence(history, step)))
            continue
        else:
            on = _overdue_day(steps, index, progress, dates, calendar)
        if on > today:
            if soonest is None or on < soonest:
                soonest, soonest_step = on, step
                if index in dates.moved and on == dates.rolled[index]:
                    reason = _HABIT
            break
        if not calendar.is_bd_ordinal(today):
            soonest, soonest_step = calendar.roll_ordinal(today), step
            break
        false = false_condition(item, step, chased_cents(item, calendar, policy, today), policy)
        if false is not None:
            skips.append(Skip(step, false, next_occurrence(history, step)))
            continue
        return _settle(item, steps, history, progress, step, on, skips, calendar, policy, today, passed)
    if soonest_step is None:
        return Decision(_FINISHED, item, None, None, Reason.PLAN_FINISHED, steps, skips=tuple(skips))
    return Decision(_WAIT, item, soonest_step, soonest, reason, steps, skips=tuple(skips) if skips else ())


def _settle(
    item: Item,
    steps: Steps,
    history: Sequence[HistoryEntry],
    progress: Progress,
    step: Step,
    on: int,
    skips: list[Skip],
    calendar: Calendar,
    policy: Policy,
    today: int,
    passed: Sequence[Step] = (),
) -> Decision:
    """Take the step if it is due and nothing stands in its way."""
    if on > today or not calendar.is_bd_ordinal(today):
        return Decision(_WAIT, item, step, calendar.roll_ordinal(max(on, today)), _NOT_YET, steps, skips=tuple(skips))
    if progress.took_today:
        return Decision(_WAIT, item, step, calendar.add_bd_ordinal(today, 1), Reason.ONE_PER_DAY, steps, skips=tuple(skips))
    barrier = step_barrier(item, step, steps, history, progress.done, Moment(today, calendar, policy))
    if barrier is not None:
        return _stopped_at(item, steps, step, barrier, tuple(skips))
    first = item.entered_on > item.due_on and progress.overdue < 0 and step.phase > _SERVICE
    last_done_on = progress.last_on if progress.last >= 0 else None
    return Decision(
        _TAKE,
        item,
        step,
        today,
        Reason.DUE_NOW,
        steps,
        variant=variant_for(item, last_done_on, first, calendar, policy, today),
        occurrence=next_occurrence(history, step),
        chased_cents=chased_cents(item, calendar, policy, today),
        skips=(*skips, *(Skip(earlier, Reason.SUPERSEDED, next_occurrence(history, earlier)) for earlier in passed)),
    )


def _overdue_day(steps: Steps, index: int, progress: Progress, dates: NominalDates, calendar: Calendar) -> int:
    if progress.overdue < 0:
        own = dates.rolled[index]
        on = own if own is not None else calendar.roll_ordinal(dates.nominal[index])
    else:
        on = shifted(steps, dates, index, progress.overdue, progress.last_on, calendar)
    if progress.deadline_on is not None and steps.steps[index].phase == _LEGAL:
        # What follows a formal notice leaves the printed deadline and three business days to the money on its way.
        on = max(on, calendar.add_bd_ordinal(progress.deadline_on, 3))
    return on


def _friendly_again(item: Item, steps: Steps, history: Sequence[HistoryEntry], progress: Progress, is_late: bool) -> tuple[int, int] | None:
    """A rejected dispute resumes in the friendly phase (rule 7): index of the friendly step to take, and the day of the rejection."""
    if item.situation is QUIET or not is_late or progress.overdue < 0:
        return None
    if not rejected_since(item, progress.last_on):
        return None
    on = max(dispute.closed_on or 0 for dispute in item.situation.disputes)
    later = (
        n for n in range(progress.start, steps.size) if steps.steps[n].phase == _FRIENDLY and steps.steps[n].key not in progress.closed
    )
    index = next(later, None)
    if index is None:
        index = steps.first_friendly
    elif steps.steps[progress.last].phase == _FRIENDLY:
        return None  # the plan is in the friendly phase, and goes on there with its own gaps
    return (index, on) if index < steps.size else None


# --- decisions that take nothing --------------------------------------------------------------------------------------------------------


def _stopped(item: Item, steps: Steps, progress: Progress, barrier: Barrier, history: Sequence[HistoryEntry], today: int) -> Decision:
    """A barrier before the whole item; the next step is named so that a screen can say what is waiting."""
    if barrier.finished:
        return Decision(_FINISHED, item, None, None, barrier.reason, steps)
    late = today > item.due_on
    upcoming = (step for step in steps.steps[progress.start :] if step.key not in progress.closed and not (late and step.phase == _SERVICE))
    return _stopped_at(item, steps, next(upcoming, None), barrier, ())


def _stopped_at(item: Item, steps: Steps, step: Step | None, barrier: Barrier, skips: tuple[Skip, ...]) -> Decision:
    kind = _WAIT if barrier.until is not None or barrier.reason in _DEFERRALS else _BLOCKED
    return Decision(kind, item, step, barrier.until, barrier.reason, steps, escalate=barrier.escalate, skips=skips)


_DEFERRALS: Final = frozenset({Reason.LEDGER_NOT_COVERED, Reason.COMMITMENT_PENDING, Reason.REPLY_PENDING, Reason.TENANT_HELD})


def _in_progress(item: Item, steps: Steps, entry: HistoryEntry, calendar: Calendar, policy: Policy, today: int) -> Decision:
    number = steps.index.get(entry.key)
    step = None if number is None else steps.steps[number]
    reason = Reason.AWAITING_APPROVAL if entry.phase == _LEGAL and entry.channel not in HUMAN else Reason.IN_PROGRESS
    chased = chased_cents(item, calendar, policy, today)
    return Decision(_WAIT, item, step, None, reason, steps, occurrence=entry.occurrence, chased_cents=chased)


def _around_promise(
    item: Item, steps: Steps, history: Sequence[HistoryEntry], progress: Progress, calendar: Calendar, policy: Policy, today: int
) -> Decision | None:
    """Steps anchored on the promised day stand outside the order: once for each promise, while it is open.

    A step that was begun before the promise called for it was about an earlier promise.
    """
    if not calendar.is_bd_ordinal(today) or frozen(item) is not None:
        return None
    for step in steps.outside:
        about = expected(item, step, calendar, policy, today)
        if about is None:
            continue
        latest = max((entry for entry in history if entry.key == step.key), key=attrgetter("occurrence"), default=None)
        if latest is not None and latest.state != "taken_back":
            begun_on = latest.on if latest.taken_on is None else latest.taken_on
            if begun_on >= about.since:
                continue
        if step_barrier(item, step, steps, history, progress.done, Moment(today, calendar, policy)) is None:
            occurrence = next_occurrence(history, step)
            return Decision(_TAKE, item, step, today, Reason.DUE_NOW, steps, occurrence=occurrence, chased_cents=about.cents)
    return None


# --- the future -------------------------------------------------------------------------------------------------------------------------


def forecast(
    *, item: Item, steps: Steps, history: Sequence[HistoryEntry], calendar: Calendar, policy: Policy, today: int
) -> list[tuple[Step, int]]:
    """The steps still to come, each with its day, if nothing is paid and everybody does their part on the day: by `decide` itself.

    The ledger is taken to be kept up from tomorrow on. Ends before a step that an act of ours must free first, with what is certain so far.
    """
    ahead = outlook(item=item, steps=steps, history=history, calendar=calendar, policy=policy, today=today)
    return [(decision.step, day) for day, decision in ahead if decision.kind == _TAKE and decision.step is not None]


def outlook(
    *, item: Item, steps: Steps, history: Sequence[HistoryEntry], calendar: Calendar, policy: Policy, today: int
) -> list[tuple[int, Decision]]:
    """Every decision on the way that `forecast` goes, with its day: what is taken, what drops out, what it waits for, and how it ends."""
    return list(_future(item, steps, list(history), calendar, policy, today))


def _future(
    item: Item, steps: Steps, history: list[HistoryEntry], calendar: Calendar, policy: Policy, today: int
) -> Iterator[tuple[int, Decision]]:
    covered = replace(policy, coverage_gate=False)
    history = [carried_through(entry, today) for entry in history]
    day = today
    while day <= today + _LONGEST_FORECAST:
        decision = decide(item=item, steps=steps, history=history, calendar=calendar, policy=policy if day == today else covered, today=day)
        yield day, decision
        history.extend(as_history(skip.step, ActionState.SKIPPED, day, skip.occurrence, calendar) for skip in decision.skips)
        if decision.kind == _TAKE and decision.step is not None:
            history.append(as_history(decision.step, ActionState.DONE, day, decision.occurrence, calendar))
            day += 1
        elif decision.kind == _WAIT and decision.on is not None:
            promised = next_expected(item, steps, calendar, policy, day)
            day = max(decision.on if promised is None else min(decision.on, promised), day + 1)
        elif decision.reason == Reason.LEDGER_NOT_COVERED:
            day += 1
        else:
            return


def carried_through(entry: HistoryEntry, today: int) -> HistoryEntry:
    """A step taken and not done is expected to be done today."""
    return replace(entry, state=ActionState.DONE, on=today) if entry.state == ActionState.PLANNED else entry


def as_history(step: Step, state: ActionState, day: int, occurrence: int, calendar: Calendar) -> HistoryEntry:
    """The step as the past of a later day, when it was done or skipped on `day`; a letter is posted that day."""
    deadline_on = None
    if state == ActionState.DONE and step.phase == _LEGAL and step.term_days is not None:
        deadline_on = printed_deadline(day, step.term_days, calendar, by_post=True)
    return HistoryEntry(step.key, state, day, step.phase, step.channel, day, occurrence, deadline_on)
