"""Steps anchored on the promised day (rules 2, 7 and 17): for each promise, beside the plan's order, as far as the post office."""

from datetime import date

import pytest

from dunning.core.tenancy import tenant
from invoices.services import make_promise
from notifications.models import Message
from scenarios.enums import ActionState, Anchor, Channel, DecisionKind, Phase, Reason
from scenarios.facts import CustomerSituation, Dispute, HistoryEntry, ItemSituation, Promise, Step, compile_steps
from scenarios.foresight import Subject, foresee
from scenarios.gate import carried
from scenarios.plan_content import PlanContent, StepContent
from scenarios.planner import forecast
from scenarios.services.plans import assign_plan, publish_plan
from tests.factories import make_customer, make_invoice
from tests.scenarios.builders import COVERED, FRANCE, STANDARD_STEPS, ask, customer, day, done, iso, item
from tests.scenarios.houses import CLERK, at, live, open_house, steps_of

EVE = compile_steps([*STANDARD_STEPS, Step("eve", 20, Phase.SERVICE, Channel.EMAIL, Anchor.PROMISE, -2)], plan="standard", version="2")
R1_DONE = [done("r1", "2026-10-02")]
R2_DONE = [*R1_DONE, done("call", "2026-10-09"), done("r2", "2026-10-14")]


def promised(*promises, **facts):
    return item(situation=ItemSituation(promises=promises), **facts)


def whole(made: str, until: str, cents: int = 1_000_00, paid: int = 0) -> Promise:
    return Promise(cents, day(made), day(until), paid)


def eve(on: str, occurrence: int = 1, state: ActionState = ActionState.DONE) -> HistoryEntry:
    return HistoryEntry("eve", state, day(on), Phase.SERVICE, Channel.EMAIL, day(on), occurrence)


def taken(decision):
    """The step taken, in which occurrence and for how much; None when nothing is."""
    return (decision.step.key, decision.occurrence, decision.chased_cents) if decision.kind == DecisionKind.TAKE else None


def looked_at(subject, on, history=(), claimed=1_000_00):
    return carried(subject, EVE.outside[0], EVE, history, claimed, FRANCE, COVERED, day(on))


# --- which promise it is about ----------------------------------------------------------------------------------------------------------


def test_a_promise_that_replaces_another_is_reminded_of_again():
    # The eve of the promise for Tuesday 20 October left on Monday 19; that same day the customer asked for the 30th instead.
    replaced = promised(whole("2026-10-19", "2026-10-30"))

    assert taken(ask("2026-10-27", replaced, [*R1_DONE, eve("2026-10-19")], steps=EVE)) is None
    assert taken(ask("2026-10-28", replaced, [*R1_DONE, eve("2026-10-19")], steps=EVE)) == ("eve", 2, 1_000_00)
    assert taken(ask("2026-10-29", replaced, [*R1_DONE, eve("2026-10-19"), eve("2026-10-28", 2)], steps=EVE)) is None


def test_two_promises_are_reminded_of_each_on_its_day():
    parts = promised(whole("2026-10-05", "2026-10-30", 400_00), whole("2026-10-06", "2026-10-21", 300_00))

    assert taken(ask("2026-10-19", parts, R2_DONE, steps=EVE)) == ("eve", 1, 300_00)
    assert taken(ask("2026-10-20", parts, [*R2_DONE, eve("2026-10-19")], steps=EVE)) is None
    assert taken(ask("2026-10-28", parts, [*R2_DONE, eve("2026-10-19")], steps=EVE)) == ("eve", 2, 400_00)


def test_the_eve_of_the_promised_day_is_foreseen():
    # Promised on Monday 5 October for Tuesday 20: the eve is the 18th, a Sunday; if it is broken the call comes once it is over.
    subject = promised(whole("2026-10-05", "2026-10-20"))
    ahead = forecast(item=subject, steps=EVE, history=R1_DONE, calendar=FRANCE, policy=COVERED, today=day("2026-10-06"))
    assert [(step.key, iso(on)) for step, on in ahead][:2] == [("eve", "2026-10-19"), ("call", "2026-10-23")]

    found = foresee(
        [Subject(subject, EVE, R1_DONE)],
        correspondence={},
        calendar=FRANCE,
        policy=COVERED,
        today=day("2026-10-06"),
        first=day("2026-10-07"),
        last=day("2026-10-30"),
    )
    assert [(coming.step, iso(coming.on)) for coming in found.coming][:2] == [("eve", "2026-10-19"), ("call", "2026-10-23")]


def test_one_that_reached_nobody_is_taken_again():
    bounced = eve("2026-10-19", state=ActionState.TAKEN_BACK)

    assert taken(ask("2026-10-20", promised(whole("2026-10-05", "2026-10-21")), [*R1_DONE, bounced], steps=EVE)) == ("eve", 2, 1_000_00)


def test_a_promise_of_a_part_is_reminded_of_beside_the_plan():
    # 500,00 of 1 000,00: the rest is chased on, and R3 falls due on Monday 26 October.
    part = promised(whole("2026-10-05", "2026-10-20", 500_00))

    assert taken(ask("2026-10-19", part, R2_DONE, steps=EVE)) == ("eve", 1, 500_00)
    reminded = [*R2_DONE, eve("2026-10-19")]
    assert taken(ask("2026-10-20", part, reminded, steps=EVE)) is None
    assert taken(ask("2026-10-26", part, reminded, steps=EVE)) == ("r3", 1, 1_000_00)


def test_no_more_is_asked_for_than_is_open_and_uncontested():
    contested = Dispute(300_00, day("2026-10-05"))
    subject = item(situation=ItemSituation(promises=(whole("2026-10-05", "2026-10-21"),), disputes=(contested,)))

    assert taken(ask("2026-10-19", subject, R1_DONE, steps=EVE)) == ("eve", 1, 700_00)


def test_a_frozen_debt_is_not_reminded_of():
    judged = customer(situation=CustomerSituation(insolvent_on=day("2026-10-15")))
    subject = promised(whole("2026-10-05", "2026-10-21"), customer=judged)

    assert taken(ask("2026-10-19", subject, R1_DONE, steps=EVE)) is None
    assert looked_at(subject, "2026-10-19", R1_DONE).stop == Reason.INSOLVENCY


# --- beside the order -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [ActionState.DONE, ActionState.PLANNED])
def test_a_call_on_the_promised_day_is_not_the_plans_own(state):
    plan = compile_steps([*STANDARD_STEPS, Step("eve_call", 20, Phase.FRIENDLY, Channel.CALL, Anchor.PROMISE, -1)], plan="standard")
    called = HistoryEntry("eve_call", state, day("2026-10-19"), Phase.FRIENDLY, Channel.CALL, day("2026-10-19"))
    broken = promised(whole("2026-10-05", "2026-10-20"))

    assert taken(ask("2026-10-23", broken, [*R1_DONE, called], steps=plan)) == ("call", 1, 1_000_00)


# --- the gate ---------------------------------------------------------------------------------------------------------------------------


def test_the_promise_it_speaks_of_does_not_stop_it():
    subject = promised(whole("2026-10-05", "2026-10-20"))

    seen = looked_at(subject, "2026-10-19", R1_DONE)
    assert (seen.stop, seen.chased_cents) == (None, 1_000_00)
    part = looked_at(promised(whole("2026-10-05", "2026-10-20", 500_00, 100_00), outstanding=900_00), "2026-10-19", R1_DONE)
    assert (part.stop, part.chased_cents) == (None, 400_00)


def test_it_does_not_leave_without_its_promise():
    assert looked_at(item(), "2026-10-19", R1_DONE).stop == Reason.EMPTY  # withdrawn
    assert looked_at(promised(whole("2026-10-05", "2026-10-20")), "2026-10-23", R1_DONE).stop == Reason.EMPTY  # broken
    assert looked_at(promised(whole("2026-10-05", "2026-10-20")), "2026-10-16", R1_DONE).stop == Reason.EMPTY  # put off until then


@pytest.mark.django_db
def test_what_is_promised_is_reminded_of_before_its_day():
    house = open_house()
    with tenant(house):
        steps = (
            StepContent("r1", "Rappel", Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 1, template="r1"),
            StepContent("eve", "Veille", Phase.SERVICE, Channel.EMAIL, Anchor.PROMISE, -2, template="pre_due"),
        )
        content = PlanContent(key="court", name="Court", steps=steps)
        plan = publish_plan(content=content, actor=CLERK, now=at("2026-09-01", 5)).plan
        assign_plan(plan=plan, since=date(2000, 1, 1), actor=CLERK, now=at("2026-09-01", 5))
        owed = make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    live(house, ["2026-10-02"])
    with tenant(house):
        make_promise(amounts={owed: None}, promised_for=date(2026, 10, 20), actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
    live(house, ["2026-10-16", "2026-10-19", "2026-10-20"])
    with tenant(house):
        assert steps_of(owed) == [("r1", "done", "2026-10-02"), ("eve", "done", "2026-10-19")]
        reminder = Message.objects.get(template_key="pre_due")
        assert (reminder.state, reminder.amount) == ("accepted", owed.outstanding)
