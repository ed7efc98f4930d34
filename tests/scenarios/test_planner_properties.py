"""What holds for every plan, every calendar, every outage and every fate of a message."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunning.core.calendars import MONDAY_TO_FRIDAY, Calendar, calendar_for
from invoices.enums import HoldKind, HoldSide
from scenarios.accounts import share_accounts
from scenarios.enums import ActionState, Anchor, Channel, DecisionKind, Grouping, OffsetUnit, Phase, Reason, Section
from scenarios.facts import (
    QUIET,
    Balance,
    Credit,
    CustomerFacts,
    Decision,
    Dispute,
    Habit,
    HistoryEntry,
    Hold,
    Item,
    ItemSituation,
    Promise,
    Step,
    Steps,
    compile_steps,
)
from scenarios.grouping import compose
from scenarios.planner import decide, forecast
from scenarios.timing import nominal_dates
from tests.scenarios.builders import COVERED, EVERY_DAY, FRANCE, IBAN, STANDARD, World, day, iso, item

every_plan = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

START = day("2026-08-03")
DAYS = 150

CALENDARS = st.sampled_from([FRANCE, EVERY_DAY, calendar_for("FR", "6AE"), calendar_for("FR", None, frozenset({0, 1, 2, 3}))])


@st.composite
def plans(draw: st.DrawFn, units: tuple[OffsetUnit, ...] = tuple(OffsetUnit)) -> Steps:
    """Any order of offsets within a phase, chained or not, in calendar or business days, citing earlier steps."""
    steps: list[Step] = []
    for offset in draw(st.lists(st.integers(-20, 0), max_size=3)):
        anchor = draw(st.sampled_from([Anchor.DUE, Anchor.ISSUE]))
        steps.append(Step(f"s{len(steps)}", len(steps), Phase.SERVICE, Channel.EMAIL, anchor, offset if anchor == Anchor.DUE else -offset))
    phases = sorted(draw(st.lists(st.sampled_from([Phase.FRIENDLY, Phase.FIRM, Phase.LEGAL]), min_size=1, max_size=6)))
    for phase in phases:
        steps.append(
            Step(
                f"s{len(steps)}",
                len(steps),
                phase,
                draw(st.sampled_from([Channel.EMAIL, Channel.CALL, Channel.LETTER, Channel.SMS])),
                draw(st.sampled_from([Anchor.DUE, Anchor.PREVIOUS])),
                draw(st.integers(0, 20)),
                draw(st.sampled_from(units)),
                requires=tuple(draw(st.lists(st.sampled_from([step.key for step in steps]), max_size=1))) if steps else (),
            )
        )
    return compile_steps(steps)


HABITS = st.one_of(st.none(), st.builds(Habit, st.integers(1, 15), st.sampled_from([1_000_00, 500_00, 499_99])))  # items are of 1 000.00


@st.composite
def subjects(draw: st.DrawFn) -> Item:
    issue = START + draw(st.integers(-60, 20))
    due = issue + draw(st.integers(0, 60))
    return replace(item(), issue_on=issue, due_on=due, entered_on=issue + draw(st.integers(0, 70)), habit=draw(HABITS))


class Fated(World):
    """A world in which a step taken may be done later, cancelled, taken back, or closed as not done."""

    def __init__(self, *args, fates: list[tuple[ActionState, int]], **settings) -> None:
        super().__init__(*args, **settings)
        self.fates = fates
        self.pending: list[tuple[int, HistoryEntry]] = []
        self.cited: list[tuple[Step, int, frozenset[str]]] = []

    def run(self, today: int) -> Decision:
        for due, entry in self.pending:
            if due <= today and entry in self.history:  # it ended by itself, on a day the engine was down too
                self.history[self.history.index(entry)] = replace(entry, state=self.fates[0][0], on=today)
                self.fates.append(self.fates.pop(0))
        decision = super().run(today)
        if decision.kind == DecisionKind.TAKE and decision.step is not None:
            so_far = frozenset(entry.key for entry in self.history[:-1] if entry.state == ActionState.DONE)
            self.cited.append((decision.step, today, so_far))
            delay = self.fates[0][1]
            if delay:
                self.history[-1] = replace(self.history[-1], state=ActionState.PLANNED)
                self.pending.append((today + delay, self.history[-1]))
        return decision


FATES = st.lists(
    st.tuples(
        st.sampled_from([ActionState.DONE, ActionState.DONE, ActionState.CANCELLED, ActionState.TAKEN_BACK, ActionState.SKIPPED]),
        st.integers(0, 9),
    ),
    min_size=4,
    max_size=8,
)
OUTAGES = st.lists(st.tuples(st.integers(0, DAYS), st.integers(1, 60)), max_size=3)


def lived(steps, subject, calendar, fates, outages) -> Fated:
    world = Fated(subject, steps=steps, calendar=calendar, policy=COVERED, fates=list(fates))
    for today in range(START, START + DAYS):
        if not any(START + begin <= today < START + begin + length for begin, length in outages):
            world.run(today)
    return world


@every_plan
@given(plans(), subjects(), CALENDARS, FATES, OUTAGES)
def test_a_life_keeps_the_rules(steps, subject, calendar, fates, outages):
    world = lived(steps, subject, calendar, fates, outages)
    days = [on for _, on in world.taken]
    first = {}

    assert len(set(days)) == len(days)  # never two steps an item a day
    for step, today, so_far in world.cited:
        assert not (step.phase == Phase.SERVICE and today > subject.due_on)  # never a SERVICE step after the due date
        assert not (step.phase > Phase.SERVICE and today <= subject.due_on)  # never an overdue one before it has passed
        assert calendar.is_bd_ordinal(today)
        assert so_far.issuperset(step.requires)  # no message cites an act not done
        first.setdefault(step.key, today)
    order = [steps.index[key] for key in first]
    assert order == sorted(order)  # order kept
    assert all(START + begin > day(on) or day(on) >= START + begin + length for on in days for begin, length in outages)


@every_plan
@given(plans(), subjects(), CALENDARS, st.integers(0, DAYS), FATES)
def test_idempotent(steps, subject, calendar, length, fates):
    world = lived(steps, subject, calendar, fates, [(length, DAYS)])
    today = START + length
    asked = {"item": subject, "steps": steps, "calendar": calendar, "policy": COVERED, "today": today}
    history = list(world.history)

    first = decide(history=history, **asked)
    assert decide(history=list(reversed(history)), **asked) == first
    world.run(today)
    assert decide(history=world.history, **asked).kind != DecisionKind.TAKE


@every_plan
@given(plans(units=(OffsetUnit.DAYS,)), subjects(), CALENDARS, st.integers(0, DAYS), st.integers(1, 80))
def test_an_outage_of_any_length_is_one_late_run(steps, subject, calendar, begin, length):
    world = World(subject, steps=steps, calendar=calendar, policy=COVERED)
    world.live(iso(START), iso(START + begin))
    before = len(world.taken)
    back = START + begin + length
    world.live(iso(back), iso(back + DAYS))
    after = [(key, day(on)) for key, on in world.taken[before:]]

    # After it, overdue steps keep the plan's gaps: it shifts, it does not catch up. A good payer is called on the usual day (rule 13).
    dates = nominal_dates(steps, replace(subject, habit=None), calendar).nominal
    call_gap = nominal_dates(steps, subject, calendar).call_gap
    overdue = [(steps.index[key], day(on)) for key, on in world.taken if steps.steps[steps.index[key]].phase > Phase.SERVICE]
    for (one, first_on), (two, then_on) in pairwise(overdue):
        gap = dates[two] - dates[one]
        if call_gap is not None and (one, two) == (steps.first_friendly, steps.first_call):
            gap = min(gap, call_gap)
        assert then_on - first_on >= max(1, gap)
    assert len({on for _, on in after}) == len(after)


@every_plan
@given(plans(), subjects(), st.sets(st.integers(-20, DAYS), max_size=12))
def test_adding_a_holiday_never_makes_an_overdue_step_earlier(steps, subject, closed):
    # Without a habit: the reminder that waits for one is counted in business days back from the payer's usual day (rule 13).
    subject = replace(subject, habit=None)
    shut = frozenset(date.fromordinal(START + offset) for offset in closed)
    with_holidays = Calendar("FR", None, MONDAY_TO_FRIDAY, shut)

    def overdue(calendar: Calendar) -> dict[str, int]:
        future = forecast(item=subject, steps=steps, history=[], calendar=calendar, policy=COVERED, today=START)
        return {step.key: on for step, on in future if step.phase > Phase.SERVICE}

    plain, later = overdue(FRANCE), overdue(with_holidays)
    assert all(later[key] >= on for key, on in plain.items() if key in later)
    assert later.keys() <= plain.keys() or not plain


@every_plan
@given(plans(), subjects(), CALENDARS, st.builds(Habit, st.integers(1, 15), st.just(1_000_00)))
def test_without_the_habit_nothing_comes_later(steps, subject, calendar, habit):
    def lived(subject: Item) -> dict[str, int]:
        future = forecast(item=subject, steps=steps, history=[], calendar=calendar, policy=COVERED, today=START)
        return {step.key: on for step, on in future}

    waited, plain = lived(replace(subject, habit=habit)), lived(replace(subject, habit=None))
    assert waited.keys() == plain.keys()
    assert all(plain[key] <= on for key, on in waited.items())
    service = [step.key for step in steps.steps if step.phase == Phase.SERVICE]
    assert all(waited.get(key) == plain.get(key) for key in service)  # messages up to the due date do not wait


@every_plan
@given(plans(), subjects(), CALENDARS, FATES, OUTAGES, st.builds(Habit, st.integers(1, 15), st.just(1_000_00)))
def test_the_first_reminder_waits_for_the_habit_whatever_else_happens(steps, subject, calendar, fates, outages, habit):
    def reminded(subject: Item) -> str | None:
        taken = lived(steps, subject, calendar, fates, outages).taken
        return next((on for key, on in taken if steps.index[key] == steps.first_friendly), None)

    waited, plain = reminded(replace(subject, habit=habit)), reminded(replace(subject, habit=None))
    assert waited is None or (plain is not None and plain <= waited)
    if waited is not None and subject.entered_on <= subject.due_on and waited != plain:
        assert day(waited) >= calendar.add_bd_ordinal(subject.due_on + habit.days, -2)


@every_plan
@given(plans(), subjects(), CALENDARS)
def test_what_is_foreseen_is_what_happens(steps, subject, calendar):
    world = World(subject, steps=steps, calendar=calendar, policy=COVERED)
    world.live(iso(START), iso(START + DAYS))

    future = forecast(item=subject, steps=steps, history=[], calendar=calendar, policy=COVERED, today=START)
    assert world.taken == [(step.key, iso(on)) for step, on in future if on <= START + DAYS]


# --- messages ---------------------------------------------------------------------------------------------------------------------------

TODAY = day("2026-10-26")
CENTS = st.integers(1, 500_000)


@st.composite
def situations(draw: st.DrawFn, outstanding: int) -> ItemSituation:
    part = st.integers(1, outstanding)
    return draw(
        st.sampled_from(
            [
                QUIET,
                QUIET,
                QUIET,
                ItemSituation(disputes=(Dispute(draw(part), TODAY - 30),)),
                ItemSituation(disputes=(Dispute(None, TODAY - 3),)),
                ItemSituation(promises=(Promise(draw(part), TODAY - 3, TODAY + 9),)),
                ItemSituation(holds=(Hold(HoldSide.OURS, HoldKind.CREDIT_NOTE_PENDING, TODAY - 9, TODAY - 1, draw(part)),)),
                ItemSituation(holds=(Hold(HoldSide.THEIRS, HoldKind.PAUSE, TODAY - 9, TODAY + 1),)),
                ItemSituation(cancelled=True),
            ]
        )
    )


@st.composite
def accounts(draw: st.DrawFn) -> tuple[list[Item], dict[str, list[HistoryEntry]]]:
    """Up to three customers, one of whom may pay for the others - owing something itself or not -, with items in all states, and
    consistent balances.
    """
    items: list[Item] = []
    people: dict[str, CustomerFacts] = {}
    histories: dict[str, list[HistoryEntry]] = {}
    names = draw(st.lists(st.sampled_from(["anne", "bruno", "chloe"]), min_size=1, max_size=3, unique=True))
    for name in names:
        own = []
        for number in range(draw(st.integers(1, 5))):
            amount = draw(CENTS)
            outstanding = draw(st.integers(0, amount))
            own.append(
                {
                    "id": f"{name}-{number}",
                    "due_on": TODAY + draw(st.integers(-60, 20)),
                    "amount_cents": amount,
                    "outstanding_cents": outstanding,
                    "currency": draw(st.sampled_from(["EUR", "EUR", "USD"])),
                    "iban": draw(st.sampled_from([IBAN, IBAN, "DE89370400440532013000"])),
                    "situation": draw(situations(max(outstanding, 1))),
                }
            )
        balances = {}
        for currency in {str(one["currency"]) for one in own}:
            credits = tuple(
                Credit(f"{name}{currency}{n}", "VIR", cents, TODAY - 5) for n, cents in enumerate(draw(st.lists(CENTS, max_size=2)))
            )
            mine = [one for one in own if one["currency"] == currency and not one["situation"].cancelled]
            opened = sum(one["outstanding_cents"] for one in mine)
            late = sum(one["outstanding_cents"] for one in mine if one["due_on"] < TODAY)
            credit = sum(one.cents for one in credits)
            balances[currency] = Balance(opened - credit, late, credits=credits, credit_cents=credit)
        facts = CustomerFacts(
            id=name,
            balances=balances,
            payer_id=draw(st.sampled_from(["", "anne"])) if name != "anne" else "",
            language=draw(st.sampled_from(["fr", "fr", "en"])),
            owner_warned_on=TODAY - 9,
        )
        people[name] = facts
        for one in own:
            items.append(Item(**one, invoice_id=one["id"], customer=facts, issue_on=one["due_on"] - 30, entered_on=one["due_on"] - 30))
            done_keys = ["r1", "call", "r2", "r3"][: draw(st.integers(0, 4))] if one["due_on"] < TODAY - 45 else []
            histories[str(one["id"])] = [
                HistoryEntry(key, ActionState.DONE, TODAY - 44 + 9 * n, STANDARD.steps[STANDARD.index[key]].phase, Channel.EMAIL)
                for n, key in enumerate(done_keys)
            ]
    if "anne" not in people and (credit := draw(st.sampled_from([0, 0, 500_00]))):
        on_account = Credit("anne", "VIR", credit, TODAY - 5, customer_id="anne")
        people["anne"] = CustomerFacts("anne", {"EUR": Balance(-credit, credits=(on_account,), credit_cents=credit)})
    people.setdefault("anne", CustomerFacts("anne", {}))
    share_accounts(people)
    return [replace(one, customer=people[one.customer.id]) for one in items], histories


@every_plan
@given(accounts(), st.sampled_from(Grouping))
def test_net_totals_equal_the_statement(given_accounts, grouping):
    items, histories = given_accounts
    steps = compile_steps(STANDARD.steps, plan="standard", grouping=grouping)
    decisions = [decide(item=one, steps=steps, history=histories[one.id], calendar=FRANCE, policy=COVERED, today=TODAY) for one in items]
    result = compose(decisions, policy=COVERED, history={}, calendar=FRANCE, today=TODAY)
    by_id = {decision.item.id: decision for decision in decisions}

    assert len({message.group for message in result.messages}) == len(result.messages)  # one a day and group
    carried = [cargo.item_id for message in result.messages for cargo in message.cargo]
    assert len(set(carried)) == len(carried)
    for message in result.messages:
        own = message.phase == Phase.LEGAL
        recipient = next(
            one.customer for one in items if message.customer_id in ([one.customer.id] if own else [one.customer.payer_id, one.customer.id])
        )
        balance = recipient.balances[message.currency] if own else recipient.account(message.currency)
        assert message.statement_cents == balance.net_cents
        if message.phase >= Phase.FIRM:
            assert not recipient.account(message.currency).credit_cents
        claimed = sum(line.cents for line in message.lines if line.section == Section.OVERDUE)
        credited = sum(line.cents for line in message.lines if line.section == Section.CREDIT)
        assert message.due_cents == max(0, claimed + credited)
        for line in message.section(Section.OVERDUE):
            assert by_id[line.item_id].item.due_on < TODAY
            assert line.cents <= by_id[line.item_id].item.outstanding_cents
            if own:  # a formal notice claims what went through every earlier step, and is not disputed
                assert by_id[line.item_id].step.phase == Phase.LEGAL
                assert not by_id[line.item_id].item.situation.disputes
        for one in message.cargo:
            taken = by_id[one.item_id]
            assert taken.kind == DecisionKind.TAKE
            assert (taken.item.currency, taken.item.iban, taken.item.customer.language) == (
                message.currency,
                message.iban,
                message.language,
            )
    assert all(deferral.reason == Reason.COVERED_BY_CREDIT for deferral in result.deferrals.values())
    assert compose(decisions, policy=COVERED, history={}, calendar=FRANCE, today=TODAY) == result
