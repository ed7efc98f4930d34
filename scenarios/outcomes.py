"""What happened, and what it does to the plan: call outcomes (rule 10), what counts as done (rule 9), insolvency (rule 12). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from dunning.core.calendars import Calendar
from invoices.enums import HoldKind, HoldSide
from invoices.limitation import months_after
from scenarios.enums import REACHED_A_PERSON, CallOutcome, TaskKind

ATTEMPTS_A_WEEK: Final = 3
UNREACHABLE_AFTER: Final = 3  # unanswered attempts, on as many days
ALERT_AFTER: Final = 5  # business days a task, an approval or an unposted letter stays open before the manager is told
CLOSE_AFTER: Final = 8  # business days after which a call is closed as not done
POSTING_ALERT_AFTER: Final = 3


class What(Enum):
    """The one effect an outcome has on the plan."""

    TRY_AGAIN = "try_again"  # the call stays open
    CALL_BACK = "call_back"  # the call stays open, not before the agreed time
    GO_ON = "go_on"  # the call is done, the plan goes on
    PROMISE = "promise"
    DISPUTE = "dispute"
    HOLD = "hold"
    NEW_CONTACT = "new_contact"
    INSOLVENCY = "insolvency"
    MANAGER = "manager"  # the call is done, the manager decides before anything else leaves


@dataclass(frozen=True, slots=True)
class Effect:
    """What one outcome does. A HOLD has its side and kind; `task` is what our people must do then; `needs` are fields to fill in."""

    what: What
    side: HoldSide | None = None
    hold: HoldKind | None = None
    task: TaskKind | None = None
    needs: tuple[str, ...] = ()


_THEIRS: Final = HoldSide.THEIRS
_OURS: Final = HoldSide.OURS

CALL_EFFECTS: Final[dict[CallOutcome, Effect]] = {
    CallOutcome.NO_ANSWER: Effect(What.TRY_AGAIN),
    CallOutcome.VOICEMAIL: Effect(What.TRY_AGAIN),
    CallOutcome.WRONG_NUMBER: Effect(What.NEW_CONTACT, task=TaskKind.FIND_CONTACT),
    CallOutcome.NOT_IN_CHARGE: Effect(What.NEW_CONTACT, needs=("contact",)),
    CallOutcome.CALL_BACK: Effect(What.CALL_BACK, needs=("at",)),
    CallOutcome.INVOICE_NOT_RECEIVED: Effect(What.HOLD, _OURS, HoldKind.DOCUMENT_OWED, TaskKind.SUPPLY_DOCUMENT),
    CallOutcome.IN_VALIDATION: Effect(What.HOLD, _THEIRS, HoldKind.IN_VALIDATION, needs=("date",)),
    CallOutcome.PAYMENT_SENT: Effect(What.HOLD, _THEIRS, HoldKind.ALREADY_PAID, needs=("date",)),
    CallOutcome.PROMISE: Effect(What.PROMISE, needs=("date",)),
    CallOutcome.PARTIAL_PROMISE: Effect(What.PROMISE, needs=("date", "amount")),
    CallOutcome.PLAN_REQUEST: Effect(What.MANAGER, task=TaskKind.DECISION),
    CallOutcome.DISPUTE: Effect(What.DISPUTE, needs=("reason",)),
    CallOutcome.CASH_DIFFICULTY: Effect(What.MANAGER, task=TaskKind.DECISION),
    CallOutcome.REFUSAL: Effect(What.GO_ON),
    CallOutcome.INSOLVENCY: Effect(What.INSOLVENCY, needs=("date", "kind")),
    CallOutcome.HOSTILE: Effect(What.MANAGER, task=TaskKind.DECISION),
    CallOutcome.NEXT_PAY_RUN: Effect(What.HOLD, _THEIRS, HoldKind.NEXT_PAY_RUN, needs=("date",)),
    CallOutcome.CREDIT_NOTE_EXPECTED: Effect(What.HOLD, _OURS, HoldKind.CREDIT_NOTE_PENDING, TaskKind.CREDIT_NOTE, needs=("amount",)),
    CallOutcome.COMPENSATION: Effect(What.HOLD, _OURS, HoldKind.COMPENSATION, TaskKind.DECISION),
    CallOutcome.OTHER_PAYER: Effect(What.HOLD, _OURS, HoldKind.OTHER_PAYER, TaskKind.FIND_CONTACT, needs=("payer",)),
    CallOutcome.ABSENT_UNTIL: Effect(What.HOLD, _THEIRS, HoldKind.ABSENCE, needs=("date",)),
    CallOutcome.DOCUMENT_REQUESTED: Effect(What.HOLD, _OURS, HoldKind.DOCUMENT_OWED, TaskKind.SUPPLY_DOCUMENT, needs=("document",)),
}
"""Each outcome has one effect on the plan (rule 10)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that was tried."""

    on: int
    outcome: CallOutcome


class CallState(Enum):
    OPEN = "open"
    REACHED = "reached"  # done: a person was reached
    UNREACHABLE = "unreachable"  # done: the template "tentative d'appel" follows


def call_state(attempts: Sequence[Attempt]) -> CallState:
    """Rule 9: a call is done when it reached a person, or at the third unanswered attempt on three days."""
    if any(attempt.outcome in REACHED_A_PERSON for attempt in attempts):
        return CallState.REACHED
    return CallState.UNREACHABLE if len({attempt.on for attempt in attempts}) >= UNREACHABLE_AFTER else CallState.OPEN


def may_call(attempts: Sequence[Attempt], today: int) -> bool:
    """Rule 10: at most three attempts in any seven days."""
    return sum(today - 7 < attempt.on <= today for attempt in attempts) < ATTEMPTS_A_WEEK


class Age(Enum):
    FRESH = "fresh"
    ALERT = "alert"  # the manager is told
    CLOSE = "close"  # closed as not done, the plan goes on


def call_age(opened_on: int, calendar: Calendar, today: int) -> Age:
    """Rule 9: a call or task open for 5 business days alerts the manager, for 8 it is closed and the plan goes on."""
    if today >= calendar.add_bd_ordinal(opened_on, CLOSE_AFTER):
        return Age.CLOSE
    return approval_age(opened_on, calendar, today)


def approval_age(opened_on: int, calendar: Calendar, today: int) -> Age:
    """Rule 9: an approval open for 5 business days alerts; it is never closed by time, and never expires into a send."""
    return Age.ALERT if today >= calendar.add_bd_ordinal(opened_on, ALERT_AFTER) else Age.FRESH


def posting_is_late(printed_on: int, calendar: Calendar, today: int) -> bool:
    """Rule 9: a letter not posted after 3 business days."""
    return today > calendar.add_bd_ordinal(printed_on, POSTING_ALERT_AFTER)


def may_be_taken_back(done_on: int, later_done_on: Sequence[int]) -> bool:
    """Rule 9: a bounce or a wrong number takes a step back only while no later step was done."""
    return not any(on > done_on for on in later_done_on)


def next_contact(chain: Sequence[str], failed: frozenset[str]) -> str | None:
    """The next contact of the chain that has not failed; None: a task, nobody is left."""
    return next((contact for contact in chain if contact not in failed), None)


# --- thanks -----------------------------------------------------------------------------------------------------------------------------


THANKS_TEMPLATE: Final = "thanks_paid"
QUARTER: Final = 91  # days


def may_thank(thanked_on: int | None, firm_reminder_sent: bool, today: int) -> bool:
    """One thank-you a quarter at most, and never after a firm reminder."""
    return not firm_reminder_sent and (thanked_on is None or today - thanked_on >= QUARTER)


# --- insolvency -------------------------------------------------------------------------------------------------------------------------


def declare_claim_by(published_on: date, *, in_metropolitan_france: bool = True) -> date:
    """Last day to declare the claim: 2 months after publication in the BODACC, 4 for a creditor outside metropolitan France (R622-24)."""
    return months_after(published_on, 2 if in_metropolitan_france else 4)


def reclaim_goods_by(published_on: date) -> date:
    """Last day to reclaim goods under retention of title: 3 months after publication (L624-9)."""
    return months_after(published_on, 3)
