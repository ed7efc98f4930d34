"""Facts for the planner's tests, and a little world that lives day by day under `decide`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from dunning.core.calendars import Calendar, calendar_for
from invoices.enums import HoldKind, HoldSide
from scenarios.enums import ActionState, Anchor, Channel, Condition, Consequence, DecisionKind, Phase, Variant
from scenarios.facts import (
    Balance,
    Credit,
    CustomerFacts,
    Decision,
    HistoryEntry,
    Hold,
    Item,
    ItemSituation,
    Policy,
    Step,
    Steps,
    compile_steps,
)
from scenarios.planner import decide

FRANCE = calendar_for("FR")
EVERY_DAY = calendar_for(None, None, frozenset(range(7)))
IBAN = "FR7630006000011234567890189"


def day(text: str) -> int:
    """The ordinal of an ISO date."""
    return date.fromisoformat(text).toordinal()


def iso(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


STANDARD_STEPS = (
    Step("receipt", 1, Phase.SERVICE, Channel.EMAIL, Anchor.ISSUE, 5, conditions=(Condition.QUESTION,)),
    Step("pre_due", 2, Phase.SERVICE, Channel.EMAIL, Anchor.DUE, -7),
    Step("due_notice", 3, Phase.SERVICE, Channel.EMAIL, Anchor.DUE, 0),
    Step("r1", 4, Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 1),
    Step("call", 5, Phase.FRIENDLY, Channel.CALL, Anchor.PREVIOUS, 7),
    Step("r2", 6, Phase.FIRM, Channel.EMAIL, Anchor.PREVIOUS, 5, requires=("r1",), term_days=8),
    Step("r3", 7, Phase.FIRM, Channel.EMAIL, Anchor.PREVIOUS, 11, requires=("r2",), term_days=8, announces=Consequence.FORMAL_NOTICE),
    Step(
        "formal_notice",
        8,
        Phase.LEGAL,
        Channel.REGISTERED,
        Anchor.PREVIOUS,
        11,
        requires=("r3",),
        term_days=8,
        announces=Consequence.HAND_OVER,
        executes=Consequence.FORMAL_NOTICE,
    ),
    Step("hand_over", 9, Phase.LEGAL, Channel.TASK, Anchor.PREVIOUS, 14, executes=Consequence.HAND_OVER),
)
STANDARD = compile_steps(STANDARD_STEPS, plan="standard", version="standard-1")

BARE = compile_steps(
    [
        Step(f"d{offset}", position, phase, Channel.EMAIL, Anchor.DUE, offset)
        for position, (offset, phase) in enumerate(
            [
                (-7, Phase.SERVICE),
                (0, Phase.SERVICE),
                (1, Phase.FRIENDLY),
                (8, Phase.FRIENDLY),
                (15, Phase.FIRM),
                (22, Phase.FIRM),
                (30, Phase.FIRM),
                (45, Phase.FIRM),
            ]
        )
    ],
    plan="bare",
    version="bare-1",
)

COVERED = Policy(coverage_through=day("2030-01-01"))


def customer(
    id: str = "durand", *, net: int = 1_000_00, overdue: int = 1_000_00, credits: Iterable[Credit] = (), currency: str = "EUR", **facts: Any
) -> CustomerFacts:
    """A customer who owes `net` cents, of which `overdue` are late."""
    credits = tuple(credits)
    balance = Balance(net_cents=net, overdue_cents=overdue, credits=credits, credit_cents=sum(credit.cents for credit in credits))
    return CustomerFacts(id=id, balances={currency: balance}, **facts)


def item(id: str = "FA-1", *, due: str = "2026-10-01", issue: str = "2026-09-01", amount: int = 1_000_00, **facts: Any) -> Item:
    """An item of 1 000,00 due on Thursday 1 October 2026 unless said otherwise; `entered_on` is its issue date."""
    return Item(
        id=id,
        invoice_id=facts.pop("invoice_id", id),
        customer=facts.pop("customer", None) or customer(net=amount, overdue=amount),
        issue_on=day(issue),
        due_on=day(due),
        amount_cents=amount,
        outstanding_cents=facts.pop("outstanding", amount),
        iban=facts.pop("iban", IBAN),
        entered_on=facts.pop("entered_on", day(issue)),
        **facts,
    )


def done(key: str, on: str, steps: Steps = STANDARD, **changes: Any) -> HistoryEntry:
    """A step of the plan done on that day."""
    step = steps.steps[steps.index[key]]
    entry = HistoryEntry(key, ActionState.DONE, day(on), step.phase, step.channel, taken_on=day(on))
    return replace(entry, **changes)


def ask(on: str, subject: Item | None = None, history: Iterable[HistoryEntry] = (), **given: Any) -> Decision:
    """What `decide` says of an item on one day."""
    return decide(
        item=subject or item(),
        steps=given.get("steps", STANDARD),
        history=list(history),
        calendar=given.get("calendar", FRANCE),
        policy=given.get("policy", COVERED),
        today=day(on),
    )


def said(decision: Decision) -> tuple[str, str, str | None]:
    """What a decision says, in three words: kind, reason, and the day it waits for."""
    return (decision.kind.value, decision.reason.value, None if decision.on is None else iso(decision.on))


def held(side: HoldSide, kind: HoldKind, until: str, amount: int | None = None) -> ItemSituation:
    """An item held since 5 October."""
    return ItemSituation(holds=(Hold(side, kind, day("2026-10-05"), day(until), amount),))


class World:
    """One item that lives day by day: what is taken is done the same day, what is skipped is recorded. `taken` tells the story."""

    def __init__(
        self, subject: Item | None = None, *, steps: Steps = STANDARD, calendar: Calendar = FRANCE, policy: Policy = COVERED
    ) -> None:
        self.item = subject or item()
        self.steps = steps
        self.calendar = calendar
        self.policy = policy
        self.history: list[HistoryEntry] = []
        self.taken: list[tuple[str, str]] = []
        self.variants: dict[str, Variant] = {}
        self.skipped: dict[str, str] = {}

    def live(self, start: str, end: str, events: Mapping[str, Callable[[Item], Item]] | None = None) -> "World":
        """Run every day from `start` to `end`, both included; `events` change the item in the morning of their day."""
        for today in range(day(start), day(end) + 1):
            if events and iso(today) in events:
                self.item = events[iso(today)](self.item)
            self.run(today)
        return self

    def run(self, today: int) -> Decision:
        decision = decide(item=self.item, steps=self.steps, history=self.history, calendar=self.calendar, policy=self.policy, today=today)
        for skip in decision.skips:
            self.skipped[skip.step.key] = skip.reason.value
            self._record(skip.step, ActionState.SKIPPED, today, skip.occurrence)
        if decision.kind == DecisionKind.TAKE and decision.step is not None:
            self.taken.append((decision.step.key, iso(today)))
            self.variants[decision.step.key] = decision.variant
            self._record(decision.step, ActionState.DONE, today, decision.occurrence)
        return decision

    def _record(self, step: Step, state: ActionState, today: int, occurrence: int) -> None:
        self.history = [entry for entry in self.history if (entry.key, entry.occurrence) != (step.key, occurrence)]
        self.history.append(HistoryEntry(step.key, state, today, step.phase, step.channel, taken_on=today, occurrence=occurrence))
