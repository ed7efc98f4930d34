"""What the coming days bring a whole paying group, if nothing is paid, nothing new is invoiced and everybody does their part on the day.

The days are lived by `decide` and `compose`, as the daily run lives them: grouping, spacing and announced consequences included. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dunning.core.calendars import Calendar
from scenarios.drafts import Composition, MessageDraft, TaskDraft
from scenarios.enums import ActionState, Channel, DecisionKind, Phase, Reason, TaskKind
from scenarios.facts import Balance, CustomerFacts, Decision, HistoryEntry, Item, OpenCommitment, Policy, Steps
from scenarios.grouping import compose
from scenarios.planner import as_history, carried_through, decide
from scenarios.promised import next_expected
from scenarios.spacing import NO_CORRESPONDENCE, Correspondence, Written

_TAKE: Final = DecisionKind.TAKE
_WAIT: Final = DecisionKind.WAIT


@dataclass(frozen=True, slots=True)
class Subject:
    """One open item with its plan (None: nothing follows it) and its past."""

    item: Item
    steps: Steps | None
    history: Sequence[HistoryEntry]


@dataclass(frozen=True, slots=True)
class Coming:
    """A message or a task of a coming day. `items` carry their own step with it; `amounts` is what is open on them, cents by currency."""

    on: int
    channel: Channel
    step: str
    template: str
    language: str
    customer_id: str
    items: int
    amounts: Mapping[str, int]


@dataclass(slots=True)
class Foresight:
    """What comes, in order; the items whose step nobody can be reached for, with what is open on them; and those whose reminder or call
    waits for their customer's usual pay run (rule 13).
    """

    coming: list[Coming] = field(default_factory=list)
    unreached: dict[str, Item] = field(default_factory=dict)
    by_habit: set[str] = field(default_factory=set)


def foresee(
    subjects: Sequence[Subject],
    *,
    correspondence: Mapping[str, Correspondence],
    calendar: Calendar,
    policy: Policy,
    today: int,
    first: int,
    last: int,
) -> Foresight:
    """What comes from `first` through `last` for one whole paying group. What is under way on `today` is carried through that day.

    `correspondence` is what was written to each recipient lately; a message that waits is taken to leave today, save a formal notice. The
    ledger is taken to be kept up.
    """
    return _Days(subjects, correspondence, calendar, replace(policy, coverage_gate=False), today).live(first, last)


class _Days:
    def __init__(
        self,
        subjects: Sequence[Subject],
        correspondence: Mapping[str, Correspondence],
        calendar: Calendar,
        policy: Policy,
        today: int,
    ) -> None:
        self.calendar = calendar
        self.policy = policy
        self.items = [subject.item for subject in subjects]
        self.steps = [subject.steps for subject in subjects]
        self.pasts = [[carried_through(entry, today) for entry in subject.history] for subject in subjects]
        self.place = {item.id: number for number, item in enumerate(self.items)}
        self.written = {recipient: _as_left(found, today) for recipient, found in correspondence.items()}
        # Until an item is due again, what was decided about it stands: only its own past and what it waits for can change that.
        self.decisions: list[Decision | None] = [self._decide(number, today) for number in range(len(subjects))]
        self.due: list[int | None] = [today if steps is not None else None for steps in self.steps]
        self.asleep: set[int] = set()  # items that wait for an announced consequence
        self.dated = any(balance.credits for item in self.items for balance in _accounts(item.customer))
        self.found = Foresight()

    def live(self, first: int, last: int) -> Foresight:
        day = self.calendar.roll_ordinal(first)
        while day <= last:
            if any(due is not None and due <= day for due in self.due):
                self._day(day)
            coming = min((due for due in self.due if due is not None), default=None)
            if coming is None:
                break
            day = self.calendar.roll_ordinal(max(coming, day + 1))
        return self.found

    def _day(self, day: int) -> None:
        if self.dated:
            self._date_balances(day)
            self.due = [None if steps is None else day for steps in self.steps]
        asked = [number for number, due in enumerate(self.due) if due is not None and due <= day]
        for number in asked:
            self.decisions[number] = self._decide(number, day)
        decided = [decision for decision in self.decisions if decision is not None]
        composition = compose(decided, policy=self.policy, history=self.written, calendar=self.calendar, today=day)
        for number in asked:
            self._move(number, composition, day)
        for item_id, skip in composition.skips:
            entry = as_history(skip.step, ActionState.SKIPPED, day, skip.occurrence, self.calendar)
            self.pasts[self.place[item_id]].append(entry)
        for message in composition.messages:
            self._write(message, day)
        for task in composition.tasks:
            self._task(task, day)

    def _decide(self, number: int, day: int) -> Decision | None:
        steps, past = self.steps[number], self.pasts[number]
        if steps is None:
            return None
        return decide(item=self.items[number], steps=steps, history=past, calendar=self.calendar, policy=self.policy, today=day)

    def _move(self, number: int, composition: Composition, day: int) -> None:
        """When the item is asked about next. What it takes today is in its past; until it is asked again no message asks for it."""
        decision = self.decisions[number]
        if decision is None:
            return
        deferral = composition.deferrals.get(decision.item.id)
        if deferral is not None:
            self.due[number] = deferral.until
            self.decisions[number] = replace(decision, kind=_WAIT, reason=deferral.reason)
        elif decision.kind is _TAKE and decision.step is not None:
            self.pasts[number].append(as_history(decision.step, ActionState.DONE, day, decision.occurrence, self.calendar))
            self.due[number] = day + 1
            self.decisions[number] = replace(decision, kind=_WAIT, reason=Reason.ONE_PER_DAY)
            self._execute(decision, day)
        elif decision.kind is _WAIT and decision.on is not None and decision.steps is not None:
            promised = next_expected(decision.item, decision.steps, self.calendar, self.policy, day)
            self.due[number] = max(decision.on if promised is None else min(decision.on, promised), day + 1)
            if decision.reason is Reason.HABIT:
                self.found.by_habit.add(decision.item.id)
        else:
            self.due[number] = None
            if decision.reason is Reason.COMMITMENT_PENDING:
                self.asleep.add(number)
            elif decision.reason is Reason.NO_CONTACT:
                self.found.unreached[decision.item.id] = decision.item

    def _write(self, message: MessageDraft, day: int) -> None:
        own = [self.items[self.place[cargo.item_id]] for cargo in message.cargo]
        step = message.step
        self._come(day, message.channel, step.key, step.template, message.language, message.customer_id, own)
        known = self.written.get(message.customer_id, NO_CORRESPONDENCE)
        self.written[message.customer_id] = replace(known, written=(*known.written, Written(day, message.phase, message.group)))
        for draft in message.commitments:
            announced = OpenCommitment(draft.consequence, draft.due_on, draft.executed_by, frozenset(draft.item_ids))
            for customer in {item.customer.id: item.customer for item in own if item.id in announced.item_ids}.values():
                self._commit(customer, (*customer.situation.commitments, announced))

    def _task(self, task: TaskDraft, day: int) -> None:
        """A step a person does; what our own people must mend is not a step."""
        if task.cargo:
            own = [self.items[self.place[cargo.item_id]] for cargo in task.cargo]
            channel = Channel.CALL if task.kind == TaskKind.CALL else Channel.TASK
            self._come(day, channel, task.step_key, "", own[0].customer.language, task.customer_id, own)

    def _come(self, day: int, channel: Channel, step: str, template: str, language: str, customer_id: str, own: Sequence[Item]) -> None:
        amounts: dict[str, int] = {}
        for item in own:
            amounts[item.currency] = amounts.get(item.currency, 0) + item.outstanding_cents
        self.found.coming.append(Coming(day, channel, step, template, language, customer_id, len(own), amounts))

    # --- what changes on the way ---------------------------------------------------------------------------------------------------------

    def _execute(self, decision: Decision, day: int) -> None:
        """What was announced for the item is carried out by this step; who waited for it is asked again (rule 11)."""
        step, item = decision.step, self.items[self.place[decision.item.id]]
        known = item.customer.situation.commitments
        if step is None or not known:
            return
        left = []
        for commitment in known:
            is_done = commitment.consequence == step.executes or commitment.executed_by == step.key
            ids = commitment.item_ids - {item.id} if is_done else commitment.item_ids
            if ids:
                left.append(replace(commitment, item_ids=ids))
        if tuple(left) != known:
            self._commit(item.customer, tuple(left))
            for number in self.asleep:
                self.due[number] = day + 1
            self.asleep.clear()

    def _commit(self, customer: CustomerFacts, commitments: tuple[OpenCommitment, ...]) -> None:
        self._replace(replace(customer, situation=replace(customer.situation, commitments=commitments)))

    def _replace(self, customer: CustomerFacts) -> None:
        for number, item in enumerate(self.items):
            if item.customer.id == customer.id:
                self.items[number] = replace(item, customer=customer)

    def _date_balances(self, day: int) -> None:
        """What is overdue on the accounts grows from day to day; only where credits are compared with it does that decide anything."""
        late: dict[tuple[str, str], int] = {}
        for item in self.items:
            if item.due_on < day:
                for owner in (item.customer.id, ""):
                    key = (owner, item.currency)
                    late[key] = late.get(key, 0) + item.outstanding_cents
        for customer in {item.customer.id: item.customer for item in self.items}.values():
            balances = _dated(customer.balances, late, customer.id)
            shared = None if customer.shared is None else _dated(customer.shared, late, "")
            self._replace(replace(customer, balances=balances, shared=shared))


def _accounts(customer: CustomerFacts) -> list[Balance]:
    return [*customer.balances.values(), *(customer.shared or {}).values()]


def _dated(balances: Mapping[str, Balance], late: Mapping[tuple[str, str], int], owner: str) -> dict[str, Balance]:
    return {currency: replace(balance, overdue_cents=late.get((owner, currency), 0)) for currency, balance in balances.items()}


def _as_left(known: Correspondence, today: int) -> Correspondence:
    """A formal notice that waits leaves on the day a person approves it, which nobody knows: until then nothing keeps its distance."""
    left = tuple(Written(today, message.phase, message.group) for message in known.waiting if message.phase < Phase.LEGAL)
    return Correspondence(written=(*known.written, *left))
