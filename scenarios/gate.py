"""Rule 17: the last look before a message leaves, under the customer's lock. Pure: the receiver gathers the facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from dunning.core.calendars import Calendar
from scenarios.eligibility import Moment, chased_cents, item_barrier, step_barrier
from scenarios.enums import Anchor, Phase, Reason
from scenarios.facts import HistoryEntry, Item, Policy, Step, Steps
from scenarios.progress import read_history
from scenarios.promised import barrier_around, expected


class Answer(Enum):
    """GO as written; RENDER_AGAIN with the items and amounts that are left, then go; WAIT and ask again later; CANCEL for good."""

    GO = "go"
    RENDER_AGAIN = "render_again"
    WAIT = "wait"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Carried:
    """One item of the message: what the message claims for it, what may be asked for now, and why it may not go (None: it may)."""

    item_id: str
    claimed_cents: int
    chased_cents: int
    stop: Reason | None = None


@dataclass(frozen=True, slots=True)
class GateFacts:
    """The message as a whole, as it stands now."""

    suspended: bool = False
    held: bool = False
    suppressed: bool = False  # the address
    spaced: bool = False
    written_today: bool = False
    outside_window: bool = False
    awaiting_approval: bool = False
    approved_cents: int | None = None  # what a person approved; None when nobody had to
    ibans: frozenset[str] = frozenset()  # of the invoices it carries
    needs_iban: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is None on GO; `kept` are the items that stay; `dropped` those that fell away, each with its reason: taken back."""

    answer: Answer
    reason: Reason | None = None
    kept: tuple[str, ...] = ()
    dropped: tuple[tuple[str, Reason], ...] = ()


_PROMISE: Final = Anchor.PROMISE
# What stops an item for a while without making the message wrong: when nothing else is left to send, the message waits instead of dying.
PASSING: Final = frozenset({Reason.REPLY_PENDING, Reason.LEDGER_NOT_COVERED, Reason.UNMATCHED_RECEIPT, Reason.COMMITMENT_PENDING})


def carried(
    item: Item,
    step: Step,
    steps: Steps,
    history: Sequence[HistoryEntry],
    claimed_cents: int,
    calendar: Calendar,
    policy: Policy,
    today: int,
) -> Carried:
    """The item as the gate sees it: the planner's own questions about the item and about its step, asked again with fresh facts.

    For items whose own step the message carries. Those it only shows are read afresh when it is rendered.
    """
    if step.anchor == _PROMISE:
        return _carried_around(item, step, steps, history, claimed_cents, calendar, policy, today)
    barrier = item_barrier(item, steps, calendar, policy, today)
    if barrier is None and step.phase == Phase.SERVICE and today > item.due_on:
        return Carried(item.id, claimed_cents, 0, Reason.PAST_DUE_DATE)
    if barrier is None:
        done = read_history(history, steps, today).done
        barrier = step_barrier(item, step, steps, history, done, Moment(today, calendar, policy))
    return Carried(item.id, claimed_cents, chased_cents(item, calendar, policy, today), None if barrier is None else barrier.reason)


def _carried_around(
    item: Item,
    step: Step,
    steps: Steps,
    history: Sequence[HistoryEntry],
    claimed_cents: int,
    calendar: Calendar,
    policy: Policy,
    today: int,
) -> Carried:
    """A step on the promised day asks for what is promised, while it is: the promise itself does not stop it, nor does the due date."""
    barrier = barrier_around(item, steps, calendar, policy, today)
    if barrier is None:
        done = read_history(history, steps, today).done
        barrier = step_barrier(item, step, steps, history, done, Moment(today, calendar, policy))
    about = expected(item, step, calendar, policy, today)
    if barrier is None and about is None:
        return Carried(item.id, claimed_cents, 0, Reason.EMPTY)
    return Carried(item.id, claimed_cents, 0 if about is None else about.cents, None if barrier is None else barrier.reason)


def gate(facts: GateFacts, items: Sequence[Carried]) -> Verdict:
    """Whether the message leaves now, asked in the order of rule 17; the first "no" is the reason.

    Items that fell away are dropped and the rest is rendered again; with nothing left the message is cancelled, or waits if what stops its
    items passes by itself. Fewer items or a smaller amount stay approved; more never is.
    """
    if facts.suspended:
        return Verdict(Answer.CANCEL, Reason.TENANT_SUSPENDED)
    if facts.held:
        return Verdict(Answer.WAIT, Reason.TENANT_HELD)
    dropped = tuple((item.item_id, item.stop) for item in items if item.stop is not None)
    kept = tuple(item for item in items if item.stop is None)
    if not kept:
        reason = dropped[0][1] if dropped else Reason.EMPTY
        passing = bool(dropped) and all(stop in PASSING for _, stop in dropped)
        return Verdict(Answer.WAIT if passing else Answer.CANCEL, reason, (), () if passing else dropped)
    names = tuple(item.item_id for item in kept)
    now = sum(item.chased_cents for item in kept)
    stop = _message_stop(facts, now)
    if stop is not None:
        return Verdict(Answer.WAIT, stop, names, dropped)
    if dropped:
        return Verdict(Answer.RENDER_AGAIN, dropped[0][1], names, dropped)
    if any(item.claimed_cents != item.chased_cents for item in kept):
        return Verdict(Answer.RENDER_AGAIN, Reason.AMOUNT_CHANGED, names)
    return Verdict(Answer.GO, None, names)


def _message_stop(facts: GateFacts, now: int) -> Reason | None:
    if facts.suppressed:
        return Reason.SUPPRESSED
    if facts.spaced:
        return Reason.SPACING
    if facts.written_today:
        return Reason.ONE_PER_DAY
    if facts.outside_window:
        return Reason.OUTSIDE_WINDOW
    if facts.awaiting_approval or (facts.approved_cents is not None and now > facts.approved_cents):
        return Reason.AWAITING_APPROVAL
    if facts.needs_iban and facts.ibans <= {""}:
        return Reason.IBAN_MISSING
    if len(facts.ibans) > 1:
        return Reason.IBAN_MISMATCH
    return None
