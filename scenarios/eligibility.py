"""Why an item, or one of its steps, does not go today: rules 1, 4, 5, 7, 8, 9, 11 and 12 as questions with an answer and its reason.

Every function takes facts and returns None for "nothing stands in the way", else a `Barrier`. The planner asks them before it takes a
step, the gate asks the same ones again just before a message leaves.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dunning.core.calendars import Calendar
from invoices.enums import DisputeState, HoldKind, HoldSide, InstallmentKind
from invoices.judgments import Side, side_of
from scenarios.enums import Condition, Consequence, Phase, Reason, Variant
from scenarios.facts import HUMAN, QUIET, QUIET_CUSTOMER, WRITTEN, Balance, Dispute, HistoryEntry, Hold, Item, Policy, Promise, Step, Steps
from scenarios.timing import covered_from, promise_held_through, promise_kept


@dataclass(frozen=True, slots=True)
class Barrier:
    """What stands in the way. `until` is the first day on which it no longer does, None when only an act removes it.

    `finished`: nothing is left to chase. `escalate`: our own act is late, the owner's manager is told (rule 7).
    """

    reason: Reason
    until: int | None = None
    finished: bool = False
    escalate: bool = False


_SETTLED: Final = Barrier(Reason.SETTLED, finished=True)
_CANCELLED: Final = Barrier(Reason.CANCELLED, finished=True)
_RESIDUE: Final = Barrier(Reason.RESIDUE)
_COVERED: Final = Barrier(Reason.COVERED_BY_CREDIT)
_BELOW_MINIMUM: Final = Barrier(Reason.BELOW_MINIMUM)
_ON_A_SIDE: Final = {Side.BEFORE: Barrier(Reason.INSOLVENCY), Side.UNSURE: Barrier(Reason.INSOLVENCY_UNSURE), Side.AFTER: None}
NO_BALANCE: Final = Balance(net_cents=0)
_SERVICE: Final = Phase.SERVICE
_FIRM: Final = Phase.FIRM
_LEGAL: Final = Phase.LEGAL


# --- amounts ----------------------------------------------------------------------------------------------------------------------------


def open_disputes(item: Item) -> tuple[Dispute, ...]:
    return tuple(dispute for dispute in item.situation.disputes if dispute.state == DisputeState.OPEN)


def open_promises(item: Item, calendar: Calendar, policy: Policy, today: int) -> tuple[Promise, ...]:
    """Promises neither kept nor past their tolerance."""
    return tuple(
        promise
        for promise in item.situation.promises
        if not promise_kept(promise) and today <= promise_held_through(promise, calendar, policy)
    )


def promise_holds_whole(item: Item, promises: Iterable[Promise], policy: Policy) -> bool:
    """Whether the promises reach the tenant's share (80 %) of what was open when they were made; if not, they hold their amount only."""
    promises = tuple(promises)
    if not promises:
        return False
    base = item.outstanding_cents + max(promise.paid_cents for promise in promises)
    return sum(promise.amount_cents for promise in promises) * 100 >= base * policy.promise_share_percent


def credit_note_pending(item: Item) -> int:
    """What a credit note we owe will take off the item, in cents (rule 7: deducted from every total)."""
    return sum(hold.amount_cents or 0 for hold in item.situation.holds if hold.kind == HoldKind.CREDIT_NOTE_PENDING)


def chased_cents(item: Item, calendar: Calendar, policy: Policy, today: int) -> int:
    """What is asked for: max(0, outstanding − open disputed − promised − credit note pending), in cents (rule 7)."""
    if item.situation is QUIET:
        return item.outstanding_cents
    promised = sum(p.amount_cents - p.paid_cents for p in open_promises(item, calendar, policy, today))
    return max(0, uncontested_cents(item) - promised)


def uncontested_cents(item: Item) -> int:
    """What is open, neither disputed nor about to be credited; below zero when more is contested than is open."""
    outstanding = item.outstanding_cents
    disputed = sum(outstanding if d.amount_cents is None else d.amount_cents for d in open_disputes(item))
    return outstanding - disputed - credit_note_pending(item)


def is_residue(item: Item, policy: Policy) -> bool:
    """A partly settled item with at most max(15, 1 % of its amount) left: listed, proposed for write-off, never escalated (rule 1)."""
    left = item.outstanding_cents
    return left < item.amount_cents and (left <= policy.residue_cents or left * 100 <= item.amount_cents * policy.residue_percent)


# --- the whole item ---------------------------------------------------------------------------------------------------------------------


def item_barrier(item: Item, steps: Steps, calendar: Calendar, policy: Policy, today: int) -> Barrier | None:
    """Rules 1, 3, 7 and 12: why nothing at all leaves for the item today, in the order of rule 17."""
    outstanding = item.outstanding_cents
    if outstanding <= 0:
        return _SETTLED
    customer = item.customer
    balance = customer.account(item.currency) or NO_BALANCE
    situation = item.situation
    if situation.cancelled:
        return _CANCELLED
    if balance.net_cents <= steps.minimum_cents:
        return _COVERED if balance.credit_cents else _BELOW_MINIMUM
    if outstanding < item.amount_cents and is_residue(item, policy):
        return _RESIDUE
    if situation is QUIET and customer.situation is QUIET_CUSTOMER:
        return None
    return (
        _by_nature(item, calendar, policy, today)
        or _held(situation.holds, today)
        or _held(customer.situation.holds, today)
        or (Barrier(Reason.NOT_RECEIVED) if situation.not_received else None)
        or _disputed(item, calendar, policy, today)
        or _promised(item, calendar, policy, today)
        or frozen(item)
        or _nothing_left(item, calendar, policy, today)
    )


def _by_nature(item: Item, calendar: Calendar, policy: Policy, today: int) -> Barrier | None:
    situation = item.situation
    if situation.factored:
        return Barrier(Reason.FACTORED)
    if situation.e_invoice_refused:
        return Barrier(Reason.E_INVOICE_REFUSED)
    if situation.triage:
        return Barrier(Reason.TRIAGE)
    if situation.kind == InstallmentKind.RETENTION and (situation.matures_on is None or today < situation.matures_on):
        return Barrier(Reason.RETENTION, until=situation.matures_on)
    if situation.kind == InstallmentKind.BILL:
        matures_on = situation.matures_on or item.due_on
        through = calendar.add_bd_ordinal(matures_on, policy.collection_margin)
        if today <= through:
            return Barrier(Reason.BILL_NOT_MATURE, until=calendar.add_bd_ordinal(through, 1))
    if situation.collection_on is not None:
        through = calendar.add_bd_ordinal(situation.collection_on, policy.collection_margin)
        if today <= through:
            return Barrier(Reason.COLLECTION_PENDING, until=calendar.add_bd_ordinal(through, 1))
    return None


def _held(holds: Iterable[Hold], today: int) -> Barrier | None:
    """OURS first: it never resumes by itself. A credit note we owe, with its amount, is deducted and does not hold the rest."""
    waiting: Barrier | None = None
    for hold in holds:
        if hold.starts_on > today or (hold.kind == HoldKind.CREDIT_NOTE_PENDING and hold.amount_cents is not None):
            continue
        if hold.side == HoldSide.OURS:
            return Barrier(Reason.HELD_OURS, escalate=today > hold.ends_on)
        if today <= hold.ends_on and (waiting is None or waiting.until is None or waiting.until <= hold.ends_on):
            waiting = Barrier(Reason.HELD_THEIRS, until=hold.ends_on + 1)
    return waiting


def _disputed(item: Item, calendar: Calendar, policy: Policy, today: int) -> Barrier | None:
    for dispute in open_disputes(item):
        if dispute.amount_cents is None or dispute.amount_cents >= item.outstanding_cents:
            return Barrier(Reason.DISPUTED)
        through = calendar.add_bd_ordinal(dispute.opened_on, policy.undisputed_wait)
        if today <= through:
            return Barrier(Reason.UNDISPUTED_PART_WAITS, until=calendar.add_bd_ordinal(through, 1))
    return None


def _promised(item: Item, calendar: Calendar, policy: Policy, today: int) -> Barrier | None:
    promises = open_promises(item, calendar, policy, today)
    if not promise_holds_whole(item, promises, policy):
        return None
    through = max(promise_held_through(promise, calendar, policy) for promise in promises)
    return Barrier(Reason.PROMISED, until=calendar.add_bd_ordinal(through, 1))


def frozen(item: Item) -> Barrier | None:
    """Rule 12: what was delivered before the opening judgment freezes; what came after stays payable; what may be either waits for a
    person to say which."""
    judged_on = item.customer.situation.insolvent_on
    if judged_on is None:
        return None
    side = side_of(supplied_on=item.supplied_on, issued_on=item.issue_on, judged_on=judged_on)
    return _ON_A_SIDE[side]


def _nothing_left(item: Item, calendar: Calendar, policy: Policy, today: int) -> Barrier | None:
    if chased_cents(item, calendar, policy, today) > 0:
        return None
    if credit_note_pending(item):
        overdue_act = any(h.kind == HoldKind.CREDIT_NOTE_PENDING and today > h.ends_on for h in item.situation.holds)
        return Barrier(Reason.CREDIT_NOTE_PENDING, escalate=overdue_act)
    promises = open_promises(item, calendar, policy, today)
    until = max((promise_held_through(promise, calendar, policy) for promise in promises), default=None)
    return Barrier(Reason.PROMISED if promises else Reason.DISPUTED, until=None if until is None else calendar.add_bd_ordinal(until, 1))


def credit_note_is_late(item: Item, today: int) -> bool:
    """Whether a credit note we owe on the item is past the day it was to be issued on: told to the owner's manager (rule 7)."""
    return any(hold.kind == HoldKind.CREDIT_NOTE_PENDING and today > hold.ends_on for hold in item.situation.holds)


# --- one step ---------------------------------------------------------------------------------------------------------------------------


def asks_question(item: Item, policy: Policy) -> bool:
    """Rule 5: receipt and acceptance are asked for the first invoices, large amounts, or after an earlier "not received"."""
    customer = item.customer
    return not item.situation.answered and (
        item.invoice_id in customer.first_invoices
        or item.amount_cents > policy.question_threshold_cents
        or customer.situation.not_received_before
    )


def false_condition(item: Item, step: Step, chased: int, policy: Policy) -> Reason | None:
    """The reason for which the step is skipped today, if one of its conditions is false (rule 2). `chased`: cents asked for."""
    answered = item.situation.answered
    for condition in step.conditions:
        if answered and condition in (Condition.QUESTION, Condition.UNANSWERED):
            return Reason.ALREADY_ANSWERED
        if condition == Condition.QUESTION and not asks_question(item, policy):
            return Reason.CONDITION_FALSE
        if condition == Condition.AT_LEAST and chased < step.at_least_cents:
            return Reason.CONDITION_FALSE
        if condition == Condition.REGIME_KNOWN and not item.customer.regime:
            return Reason.CONDITION_FALSE
        if condition == Condition.NO_PROMISE and item.situation.promises:
            return Reason.CONDITION_FALSE
        if condition == Condition.CAN_RECEIVE and step.channel not in item.customer.reachable:
            return Reason.CONDITION_FALSE
        if condition in _ABOUT_INDEX and not _index_calls_for(item.customer.index_tenths, condition, step):
            return Reason.PAYER_INDEX
    return None


_ABOUT_INDEX: Final = (Condition.INDEX_BELOW, Condition.INDEX_AT_LEAST)


def _index_calls_for(tenths: int | None, condition: Condition, step: Step) -> bool:
    """An index that is not known calls for neither: nobody is treated as a bad payer, or a good one, on no evidence."""
    if tenths is None:
        return False
    return tenths < step.index_below * 10 if condition == Condition.INDEX_BELOW else tenths >= step.index_at_least * 10


@dataclass(frozen=True, slots=True)
class Moment:
    """Today, with what never changes during a run: the calendar and the tenant's policy."""

    today: int
    calendar: Calendar
    policy: Policy


def step_barrier(
    item: Item, step: Step, steps: Steps, history: Sequence[HistoryEntry], done: Collection[str], moment: Moment
) -> Barrier | None:
    """Why this step does not go today although the item may be chased. `done` are the keys of the plan's steps that were done."""
    today, calendar, policy = moment.today, moment.calendar, moment.policy
    customer = item.customer
    situation = customer.situation
    if situation.reply_pending:
        return Barrier(Reason.REPLY_PENDING)
    if step.phase > _SERVICE:
        barrier = _overdue_barrier(item, step, calendar, policy, today, steps.minimum_cents)
        if barrier is not None:
            return barrier
    if any(key not in done for key in step.requires):
        return Barrier(Reason.REQUIREMENT_MISSING)
    if step.phase == _LEGAL:
        barrier = _legal_barrier(item, history, calendar, policy, today)
        if barrier is not None:
            return barrier
    if step.channel in WRITTEN:
        if step.channel not in customer.reachable:
            return Barrier(Reason.NO_CONTACT)
        if step.phase > _SERVICE and not item.iban:
            return Barrier(Reason.IBAN_MISSING)
    return None


def _overdue_barrier(item: Item, step: Step, calendar: Calendar, policy: Policy, today: int, minimum: int) -> Barrier | None:
    customer = item.customer
    situation = customer.situation
    balance = customer.account(item.currency) or NO_BALANCE
    if balance.credit_cents and balance.overdue_cents - balance.credit_cents <= minimum:
        return _COVERED
    barrier = coverage_barrier(item, calendar, policy)
    if barrier is not None:
        return barrier
    if situation.unmatched_since is not None:
        through = calendar.add_bd_ordinal(situation.unmatched_since, policy.unmatched_wait)
        if today <= through:
            return Barrier(Reason.UNMATCHED_RECEIPT, until=calendar.add_bd_ordinal(through, 1))
    if step.phase == _FIRM:
        soft_through = calendar.soft_through_ordinal(today)
        if soft_through is not None:
            return Barrier(Reason.SOFT_PERIOD, until=calendar.add_bd_ordinal(soft_through, 1))
    if step.phase >= _FIRM:
        if balance.credit_cents:
            return Barrier(Reason.UNALLOCATED_CREDIT)
        own = customer.balances.get(item.currency, NO_BALANCE)
        if freezes_customer(own, calendar, policy, today):
            through = calendar.add_bd_ordinal(own.promised_until or today, policy.promise_tolerance)
            return Barrier(Reason.PROMISE_FREEZES_CUSTOMER, until=calendar.add_bd_ordinal(through, 1))
    elif situation.absent_until is not None and not situation.substitute_known:
        back = calendar.add_bd_ordinal(situation.absent_until, 1)
        if situation.absence_noted_on is not None:
            back = min(back, calendar.add_bd_ordinal(situation.absence_noted_on, policy.absence_cap))
        if today < back:
            return Barrier(Reason.ABSENCE, until=back)
    if step.channel in WRITTEN and waits_for_commitment(item, step):
        return Barrier(Reason.COMMITMENT_PENDING)
    return None


def coverage_barrier(item: Item, calendar: Calendar, policy: Policy) -> Barrier | None:
    """Rule 8: not covered is deferred, not skipped."""
    if not policy.coverage_gate:
        return None
    through = policy.coverage_through
    if through is None or through < item.due_on or through < covered_from(item, calendar, policy):
        return Barrier(Reason.LEDGER_NOT_COVERED)
    return None


def freezes_customer(balance: Balance, calendar: Calendar, policy: Policy, today: int) -> bool:
    """Rule 7: promises of at least 80 % of what is overdue pause firm and legal steps for the whole customer."""
    return (
        balance.promised_until is not None
        and today <= calendar.add_bd_ordinal(balance.promised_until, policy.promise_tolerance)
        and balance.promised_cents * 100 >= balance.overdue_cents * policy.promise_share_percent
    )


def waits_for_commitment(item: Item, step: Step) -> bool:
    """Rule 11: an announced consequence comes first; only the step that executes it passes, and the announcement itself."""
    return any(
        commitment.executed_by != step.key
        and step.executes != commitment.consequence
        and not (step.announces == commitment.consequence and item.id in commitment.item_ids)
        for commitment in item.customer.situation.commitments
    )


def _legal_barrier(item: Item, history: Sequence[HistoryEntry], calendar: Calendar, policy: Policy, today: int) -> Barrier | None:
    """What keeps a legal step from becoming an approval at all (rules 4, 5 and 11)."""
    if not item.customer.regime:
        return Barrier(Reason.LEGAL_REGIME_UNKNOWN)
    if open_disputes(item) or credit_note_pending(item):
        return Barrier(Reason.DISPUTE_OPEN)
    reminders = written_reminders(history)
    if len(reminders) < policy.legal_reminders:
        return Barrier(Reason.TOO_EARLY_FOR_LEGAL)
    rested = reminders[-1] + policy.legal_rest_days
    return Barrier(Reason.TOO_EARLY_FOR_LEGAL, until=calendar.roll_ordinal(rested)) if today < rested else None


def written_reminders(history: Sequence[HistoryEntry]) -> list[int]:
    """Days of the item's written overdue reminders that were done, in order; a text message follows its e-mail and does not count."""
    return sorted(
        entry.on
        for entry in history
        if entry.state == "done" and entry.channel in WRITTEN and entry.channel != "sms" and (entry.phase is None or entry.phase > _SERVICE)
    )


# --- which wording ----------------------------------------------------------------------------------------------------------------------


def variant_for(item: Item, last_done_on: int | None, first: bool, calendar: Calendar, policy: Policy, today: int) -> Variant:
    """The wording of the next message, by what happened since the last done step; `first`: none was done and the item is late."""
    situation = item.situation
    since = 0 if last_done_on is None else last_done_on
    if situation is not QUIET:
        if any(not promise_kept(p) and since <= promise_held_through(p, calendar, policy) < today for p in situation.promises):
            return Variant.BROKEN_PROMISE
        ended = {hold.kind for hold in situation.holds if hold.side == HoldSide.THEIRS and since <= hold.ends_on < today}
        if HoldKind.ALREADY_PAID in ended or HoldKind.PAYMENT_ANNOUNCED in ended:
            return Variant.PAYMENT_NOT_FOUND
        if open_disputes(item):
            return Variant.UNDISPUTED_PART
        if rejected_since(item, since):
            return Variant.AFTER_DISPUTE
        if HoldKind.PARTIAL_PAYMENT in ended:
            return Variant.PARTIAL_PAYMENT
    return Variant.REPRISE if first else Variant.NONE


def rejected_since(item: Item, since: int) -> bool:
    """Whether a dispute about the item was rejected on or after that day."""
    return any(d.state == DisputeState.REJECTED and d.closed_on is not None and d.closed_on >= since for d in item.situation.disputes)


def accepts_promise(broken: int) -> bool:
    """Rule 7: after two broken promises the debtor's page takes no more."""
    return broken < 2


def announces(step: Step, item: Item) -> Consequence | None:
    """What the step's message announces: nothing that is already announced (rule 11), no penalty without a known legal regime (rule 1)."""
    if step.announces is None or step.channel in HUMAN or not item.customer.regime:
        return None
    return None if any(c.consequence == step.announces for c in item.customer.situation.commitments) else step.announces
