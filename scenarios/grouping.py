"""From decisions about items to messages and tasks for customers: rules 5, 6, 10 and 11, pure.

Level per item, message per customer: every decision keeps its own step, the message takes subject and text from the highest phase.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from dunning.core.calendars import Calendar
from scenarios.drafts import CommitmentDraft, Composition, Deferral, MessageDraft, TaskDraft
from scenarios.eligibility import announces, chased_cents, credit_note_is_late
from scenarios.enums import Channel, Condition, DecisionKind, Phase, Reason, Section, TaskKind
from scenarios.facts import HUMAN, QUIET_CUSTOMER, Decision, Policy
from scenarios.spacing import NO_CORRESPONDENCE, Cargo, Correspondence, Waiting, group_of, recipient_of, spaced_until, written_today
from scenarios.statement import Line, account_lines, credits_of, is_open
from scenarios.timing import printed_deadline

__all__ = ["CommitmentDraft", "Composition", "Deferral", "MessageDraft", "TaskDraft", "compose"]

_TAKE: Final = DecisionKind.TAKE
_BLOCKED: Final = DecisionKind.BLOCKED
_CALL: Final = Channel.CALL
_SERVICE: Final = Phase.SERVICE
_QUESTION: Final = Condition.QUESTION
_ADOPTABLE: Final = frozenset({Reason.IN_PROGRESS, Reason.AWAITING_APPROVAL})
_ALLOCATED_FIRST: Final = frozenset({Reason.UNALLOCATED_CREDIT, Reason.COVERED_BY_CREDIT})
"""What waits until a payment or credit note is set against an invoice (rule 7)."""
_DUE: Final = (Section.OVERDUE, Section.CREDIT)
"""Lines that make up what is due."""
_ALERTS: Final = {
    Reason.NO_CONTACT.value: TaskKind.FIND_CONTACT,
    Reason.NOT_RECEIVED.value: TaskKind.SUPPLY_DOCUMENT,
    Reason.TRIAGE.value: TaskKind.TRIAGE,
}


def compose(
    decisions: Sequence[Decision], *, policy: Policy, history: Mapping[str, Correspondence], calendar: Calendar, today: int
) -> Composition:
    """Messages and tasks of the day. `decisions` are those about every open item of whole customers, a payer with all it pays for.

    `history` is what was written lately, by recipient id. The same arguments give the same result, in the order of the decisions.
    """
    written: dict[str, list[Decision]] = defaultdict(list)
    calls: dict[str, list[Decision]] = defaultdict(list)
    desk: dict[tuple[str, str], list[Decision]] = defaultdict(list)
    for decision in decisions:
        step = decision.step
        if decision.kind is not _TAKE or step is None:
            continue
        if step.channel == _CALL:
            calls[decision.item.customer.id].append(decision)
        elif step.channel in HUMAN:
            desk[decision.item.customer.id, step.key].append(decision)
        else:
            written[group_of(decision)].append(decision)
    day = _Day(policy, history, calendar, today, decisions)
    messages = day.messages(written)
    tasks = [*day.calls(calls), *day.desk(desk), *_alerts(decisions, calendar, policy, today)]
    skips = tuple(
        (decision.item.id, skip)
        for decision in decisions
        if decision.skips
        for skip in decision.skips
        # A step passed over by another drops out only when that other one really goes.
        if skip.reason != Reason.SUPERSEDED or decision.item.id not in day.deferrals
    )
    return Composition(messages=tuple(messages), tasks=tuple(tasks), deferrals=day.deferrals, skips=skips)


class _Day:
    """One call of `compose`: what is shared between its groups."""

    def __init__(
        self, policy: Policy, history: Mapping[str, Correspondence], calendar: Calendar, today: int, decisions: Sequence[Decision]
    ) -> None:
        self.policy = policy
        self.history = history
        self.calendar = calendar
        self.today = today
        self.decisions = decisions
        self.deferrals: dict[str, Deferral] = {}
        self._accounts: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        self._own: dict[str, list[Decision]] = defaultdict(list)

    def messages(self, written: Mapping[str, list[Decision]]) -> list[MessageDraft]:
        # The highest phase first: it is the message that shows the credits of an account shown in several.
        ordered = sorted(written.items(), key=lambda entry: -max(_phase(decision) for decision in entry[1]))
        showing_credits: set[tuple[str, str]] = set()
        drafts = []
        for group, taken in ordered:
            draft = self._message(group, taken, showing_credits)
            if draft is not None:
                drafts.append(draft)
        return drafts

    def _message(self, group: str, taken: list[Decision], showing_credits: set[tuple[str, str]]) -> MessageDraft | None:
        phase = max(_phase(decision) for decision in taken)
        first = taken[0].item
        recipient = recipient_of(first, phase)
        correspondence = self.history.get(recipient, NO_CORRESPONDENCE)
        if not self._may_be_written(group, phase, taken, correspondence):
            return None
        account = self._account(recipient, first.currency, legal=phase == Phase.LEGAL)
        waiting = [message for message in correspondence.waiting if message.group == group]
        acting = {decision.item.id: decision for decision in taken}
        acting.update(self._adopted(account, {cargo.item_id: cargo for message in waiting for cargo in message.cargo}, acting))
        legal = phase == Phase.LEGAL
        key = (recipient, first.currency)
        with_credits = key not in showing_credits
        shown = self._shown(account, group, acting)
        lines = self._lines(account, acting, shown, legal, with_credits)
        if phase > Phase.SERVICE and _due(lines) <= _minimum(taken):
            taken = self._without_overdue(taken, acting)
            if not taken:
                return None
            phase = Phase.SERVICE
            shown = self._shown(account, group, acting)
            lines = self._lines(account, acting, shown, legal, with_credits)
        showing_credits.add(key)
        return self._draft(group, recipient, phase, acting, lines, waiting)

    def _may_be_written(self, group: str, phase: Phase, taken: list[Decision], correspondence: Correspondence) -> bool:
        """Rule 6. A text message follows its e-mail: it takes no slot and waits for none, but there is one a day."""
        deferral = None
        if written_today(correspondence.written, group, self.today):
            deferral = Deferral(Reason.ONE_PER_DAY, self.calendar.add_bd_ordinal(self.today, 1))
        elif not all(decision.step is not None and decision.step.channel == Channel.SMS for decision in taken):
            until = spaced_until(correspondence.written, group, phase, self.calendar, self._spacing(taken), self.today)
            deferral = None if until is None else Deferral(Reason.SPACING, until)
        if deferral is None:
            return True
        self.deferrals.update({decision.item.id: deferral for decision in taken})
        return False

    def _spacing(self, taken: Sequence[Decision]) -> int:
        """The plan's own figure, the widest of several plans; else the organization's."""
        own = [self.policy.spacing if d.steps is None or d.steps.spacing is None else d.steps.spacing for d in taken]
        return max(own, default=self.policy.spacing)

    def _adopted(self, account: list[Decision], cargo: Mapping[str, Cargo], acting: Mapping[str, Decision]) -> dict[str, Decision]:
        """Items of the messages it replaces, as long as they are still to be asked for."""
        if not cargo:
            return {}
        return {
            decision.item.id: decision
            for decision in account
            if decision.item.id in cargo
            and decision.item.id not in acting
            and decision.reason in _ADOPTABLE
            and decision.step is not None
            and decision.step.key == cargo[decision.item.id].step_key
        }

    def _without_overdue(self, taken: list[Decision], acting: dict[str, Decision]) -> list[Decision]:
        """Credits cover what is overdue: nothing is asked for (rule 1), what announces or asks for receipt still goes."""
        for decision in taken:
            if _phase(decision) > Phase.SERVICE:
                self.deferrals[decision.item.id] = Deferral(Reason.COVERED_BY_CREDIT, None)
        for item_id in [item_id for item_id, decision in acting.items() if _phase(decision) > Phase.SERVICE]:
            del acting[item_id]
        return [decision for decision in taken if _phase(decision) == Phase.SERVICE]

    def _account(self, recipient: str, currency: str, *, legal: bool) -> list[Decision]:
        """Every decision about the recipient's items in a currency: its own for a legal debtor, all it pays for otherwise."""
        own = self._items_of(recipient)
        return [decision for decision in own if decision.item.currency == currency] if legal else self._accounts[recipient, currency]

    def _items_of(self, customer_id: str) -> list[Decision]:
        """Every decision about a customer's own items; the index is made once, and only on a day when something is due."""
        if not self._own:
            for decision in self.decisions:
                customer = decision.item.customer
                self._accounts[customer.payer_id or customer.id, decision.item.currency].append(decision)
                self._own[customer.id].append(decision)
        return self._own[customer_id]

    def _shown(self, account: list[Decision], group: str, acting: Mapping[str, Decision]) -> set[str]:
        """Items the message lists: the whole account on the group's axes; with the other groupings its own items."""
        if ":step:" in group or ":item:" in group:
            return set(acting)
        first = next(iter(acting.values())).item if acting else None
        return {
            decision.item.id
            for decision in account
            if decision.item.id in acting
            or (
                first is not None
                and decision.item.iban == first.iban
                and decision.item.customer.language == first.customer.language
                and decision.item.customer.regime == first.customer.regime
            )
        }

    def _lines(
        self, account: list[Decision], acting: Mapping[str, Decision], shown: set[str], legal: bool, with_credits: bool
    ) -> tuple[Line, ...]:
        asked = {
            decision.item.id: acting[decision.item.id].chased_cents
            if decision.item.id in acting
            else chased_cents(decision.item, self.calendar, self.policy, self.today)
            for decision in account
            if decision.item.id in shown and is_open(decision.item)
        }
        return account_lines(account, acting, shown, asked, self.today, legal=legal, with_credits=with_credits)

    def _draft(
        self,
        group: str,
        recipient: str,
        phase: Phase,
        acting: Mapping[str, Decision],
        lines: tuple[Line, ...],
        replaced: Sequence[Waiting],
    ) -> MessageDraft:
        lead = max(acting.values(), key=_rank)
        step = lead.step
        if step is None:
            raise ValueError("A message is led by a step.")
        by_post = step.channel in (Channel.LETTER, Channel.REGISTERED)
        term = step.term_days
        deadline_on = None if term is None else printed_deadline(self.today, term, self.calendar, by_post=by_post)
        approval = Reason.SUPERVISED if self.policy.supervised else None
        if phase == Phase.LEGAL or any(d.step is not None and d.step.needs_approval for d in acting.values()):
            approval = Reason.AWAITING_APPROVAL
        return MessageDraft(
            group=group,
            customer_id=recipient,
            channel=step.channel,
            phase=step.phase,
            step=step,
            lead=lead,
            currency=lead.item.currency,
            language=lead.item.customer.language,
            iban=lead.item.iban,
            regime=lead.item.customer.regime,
            lines=lines,
            cargo=tuple(_cargo(decision) for decision in acting.values()),
            due_cents=max(0, _due(lines)),
            statement_cents=sum([line.cents for line in lines]),
            approval=approval,
            supersedes=tuple(message.message_id for message in replaced),
            held_like=_held_like(replaced, approval),
            commitments=self._commitments(lead, acting, deadline_on),
            deadline_on=deadline_on,
        )

    def _commitments(self, lead: Decision, acting: Mapping[str, Decision], deadline_on: int | None) -> tuple[CommitmentDraft, ...]:
        """What the lead's text announces, for the items at that very step; other items are not threatened by it."""
        step, steps = lead.step, lead.steps
        if step is None or steps is None or step.announces is None:
            return ()
        item_ids = tuple(
            decision.item.id
            for decision in acting.values()
            if decision.step is not None and decision.step.key == step.key and announces(decision.step, decision.item) is not None
        )
        executed_by = next((other.key for other in steps.steps if other.executes == step.announces), "")
        due_on = self.today if deadline_on is None else deadline_on
        return (CommitmentDraft(step.announces, due_on, executed_by, item_ids),) if item_ids else ()

    def calls(self, calls: Mapping[str, list[Decision]]) -> list[TaskDraft]:
        """One call per customer: new items join the open one (rule 10)."""
        drafts = []
        for customer_id, taken in calls.items():
            own = {decision.item.id for decision in taken}
            self._account(customer_id, taken[0].item.currency, legal=True)
            also = [
                decision
                for decision in self._items_of(customer_id)
                if decision.item.id not in own and is_open(decision.item) and self.today > decision.item.due_on
            ]
            drafts.append(
                TaskDraft(
                    TaskKind.CALL,
                    customer_id,
                    step_key=max(taken, key=_rank).step.key,  # type: ignore[union-attr]  # taken decisions have a step
                    phase=max(_phase(decision) for decision in taken),
                    cargo=tuple(_cargo(decision) for decision in taken),
                    also=tuple(decision.item.id for decision in also),
                    joins=self.history.get(customer_id, NO_CORRESPONDENCE).open_call,
                    amounts=_amounts(taken),
                )
            )
        return drafts

    def desk(self, desk: Mapping[tuple[str, str], list[Decision]]) -> list[TaskDraft]:
        """One task per customer and step for everything else a person does by hand."""
        return [
            TaskDraft(
                taken[0].step.task_kind if taken[0].step is not None else TaskKind.OTHER,
                customer_id,
                step_key=step_key,
                phase=_phase(taken[0]),
                cargo=tuple(_cargo(decision) for decision in taken),
                amounts=_amounts(taken),
            )
            for (customer_id, step_key), taken in desk.items()
        ]


def _alerts(decisions: Sequence[Decision], calendar: Calendar, policy: Policy, today: int) -> list[TaskDraft]:
    """What our own people must do before these items move again: one task per kind and customer."""
    found: dict[tuple[TaskKind, str], list[Decision]] = defaultdict(list)
    on_account = _Credits()
    late: set[tuple[TaskKind, str]] = set()
    for decision in decisions:
        customer = decision.item.customer
        if decision.kind is _BLOCKED:
            kind = _ALERTS.get(decision.reason.value)
            if kind is not None:
                found[kind, customer.id].append(decision)
            elif decision.reason in _ALLOCATED_FIRST and today > decision.item.due_on:
                for owner in on_account.behind(decision):
                    found[TaskKind.ALLOCATE_CREDIT, owner].append(decision)
            if decision.escalate:
                found[TaskKind.HOLD_EXPIRED, customer.id].append(decision)
                late.add((TaskKind.HOLD_EXPIRED, customer.id))
        elif decision.item.situation.holds and credit_note_is_late(decision.item, today):
            found[TaskKind.HOLD_EXPIRED, customer.id].append(decision)
            late.add((TaskKind.HOLD_EXPIRED, customer.id))
        if customer.situation is not QUIET_CUSTOMER:
            since = customer.situation.unmatched_since
            if since is not None and today > calendar.add_bd_ordinal(since, policy.unmatched_wait):
                found[TaskKind.MATCH_RECEIPT, customer.id].append(decision)
    return [
        TaskDraft(
            kind,
            customer_id,
            also=tuple(decision.item.id for decision in items),
            escalate=(kind, customer_id) in late,
            amounts=on_account.amounts(customer_id) if kind == TaskKind.ALLOCATE_CREDIT else _amounts(items),
        )
        for (kind, customer_id), items in found.items()
    ]


class _Credits:
    """Money to set against something before these decisions change, by whose account it stands on."""

    def __init__(self) -> None:
        self._cents: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))

    def behind(self, decision: Decision) -> list[str]:
        """The customers on whose accounts the credits stand that hold this item, a payer's own included."""
        owners = []
        for owner, credit in credits_of([decision], legal=False).values():
            self._cents[owner][decision.item.currency][credit.id] = credit.cents
            owners.append(owner)
        return list(dict.fromkeys(owners))

    def amounts(self, owner: str) -> dict[str, int]:
        """What is to be allocated, in cents by currency."""
        return {currency: sum(cents.values()) for currency, cents in self._cents[owner].items()}


def _held_like(replaced: Sequence[Waiting], approval: Reason | None) -> str:
    """The replaced message whose hold is taken over: a person's own before the brake's, which is lifted for a whole run and never keeps
    back what somebody must approve.
    """
    kept = [message for message in replaced if message.kept_back and (approval is None or message.kept_back != Reason.BRAKE)]
    return min(kept, key=lambda message: message.kept_back == Reason.BRAKE).message_id if kept else ""


def _phase(decision: Decision) -> Phase:
    return Phase.SERVICE if decision.step is None else decision.step.phase


def _rank(decision: Decision) -> tuple[int, bool, int, int]:
    """The highest phase, then the furthest step, then the oldest item sets subject and text (rule 5).

    Where one item is announced and another only asked about, the announcement does: its text also asks.
    """
    step = decision.step
    if step is None:
        return (_SERVICE, False, 0, -decision.item.due_on)
    return (step.phase, step.phase > _SERVICE or _QUESTION not in step.conditions, step.position, -decision.item.due_on)


def _cargo(decision: Decision) -> Cargo:
    return Cargo(decision.item.id, "" if decision.step is None else decision.step.key, decision.occurrence)


def _due(lines: Sequence[Line]) -> int:
    return sum([line.cents for line in lines if line.section in _DUE])


def _minimum(taken: Sequence[Decision]) -> int:
    return min((decision.steps.minimum_cents for decision in taken if decision.steps is not None), default=0)


def _amounts(taken: Sequence[Decision]) -> dict[str, int]:
    amounts: dict[str, int] = defaultdict(int)
    for decision in taken:
        amounts[decision.item.currency] += decision.item.outstanding_cents
    return dict(amounts)
