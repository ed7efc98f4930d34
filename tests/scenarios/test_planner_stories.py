"""The plan, told day by day: what leaves, when, and what holds it. Rule 2's worked example first, exactly as it is written."""

from dataclasses import replace

import pytest

from invoices.enums import DisputeState, HoldKind, HoldSide, InstallmentKind
from scenarios.enums import DecisionKind, Reason, Variant
from scenarios.facts import Dispute, Hold, Item, ItemSituation, Promise
from scenarios.planner import forecast
from tests.scenarios.builders import BARE, COVERED, EVERY_DAY, FRANCE, STANDARD, World, ask, day, done, iso, item


def future(subject: Item, today: str, history=(), **given):
    steps = forecast(
        item=subject,
        steps=given.get("steps", STANDARD),
        history=list(history),
        calendar=given.get("calendar", FRANCE),
        policy=given.get("policy", COVERED),
        today=day(today),
    )
    return [(step.key, iso(on)) for step, on in steps]


WORKED = [
    ("pre_due", "2026-09-24"),  # Thursday
    ("due_notice", "2026-10-01"),  # Thursday
    ("r1", "2026-10-02"),  # Friday
    ("call", "2026-10-09"),  # Friday
    ("r2", "2026-10-14"),  # Wednesday
    ("r3", "2026-10-26"),  # Monday, for Sunday 25
    ("formal_notice", "2026-11-06"),  # Friday
]


def test_worked_example_as_it_is_lived():
    world = World().live("2026-09-01", "2026-11-06")

    assert world.taken == WORKED
    assert world.skipped == {"receipt": "condition_false"}  # a known customer and a small amount: not asked


def test_worked_example_as_it_is_foreseen_from_the_first_day():
    foreseen = future(item(), "2026-09-01")

    assert foreseen[:7] == WORKED
    # Printed deadline: posted Friday 6 November + 3 bd (Wednesday 11 is a holiday: Thursday 12) + 8 days = Friday 20; + 3 bd.
    assert foreseen[7:] == [("hand_over", "2026-11-25")]


def test_engine_down_from_3_to_20_october():
    world = World().live("2026-09-01", "2026-10-02").live("2026-10-21", "2026-11-06")

    assert world.taken == [*WORKED[:3], ("call", "2026-10-21"), ("r2", "2026-10-26"), ("r3", "2026-11-06")]


def promise_of_5_october(subject: Item) -> Item:
    promise = Promise(amount_cents=1_000_00, made_on=day("2026-10-05"), for_on=day("2026-10-25"))
    return replace(subject, situation=ItemSituation(promises=(promise,)))


def test_promise_on_5_october_for_sunday_25_broken():
    world = World().live("2026-09-01", "2026-11-04", {"2026-10-05": promise_of_5_october})

    assert world.taken == [*WORKED[:3], ("call", "2026-10-28"), ("r2", "2026-11-02")]
    assert world.variants["call"] == Variant.BROKEN_PROMISE
    assert world.variants["r2"] == Variant.NONE  # said once


def test_promise_holds_through_tuesday_27_october():
    promised = promise_of_5_october(item())

    held = ask("2026-10-27", promised, [done("r1", "2026-10-02")])

    assert (held.kind, held.reason, held.step.key) == (DecisionKind.WAIT, Reason.PROMISED, "call")
    assert iso(held.on) == "2026-10-28"
    assert future(promised, "2026-10-05", [done("r1", "2026-10-02")])[:2] == [("call", "2026-10-28"), ("r2", "2026-11-02")]


def test_promise_kept_ends_the_story():
    def paid(subject: Item) -> Item:
        kept = replace(subject.situation.promises[0], paid_cents=1_000_00)
        return replace(subject, outstanding_cents=0, situation=ItemSituation(promises=(kept,)))

    world = World().live("2026-09-01", "2026-12-31", {"2026-10-05": promise_of_5_october, "2026-10-26": paid})

    assert world.taken == WORKED[:3]


ON_TIME = "2026-09-01"
STORIES = [
    # name, item, first day lived, last day lived, what was taken
    (
        "due on a Sunday: J0 rolls back to Friday",
        item(due="2026-10-04"),
        ON_TIME,
        "2026-10-04",
        [("pre_due", "2026-09-28"), ("due_notice", "2026-10-02")],
    ),
    ("due on a Sunday: R1 on Monday", item(due="2026-10-04"), "2026-10-03", "2026-10-06", [("r1", "2026-10-05")]),
    (
        "due on 11 November, a holiday: J0 the day before, R1 the day after",
        item(due="2026-11-11"),
        "2026-11-01",
        "2026-11-13",
        [("pre_due", "2026-11-04"), ("due_notice", "2026-11-10"), ("r1", "2026-11-12")],
    ),
    (
        "loaded four days before the term: the pre-due message is late, not lost",
        item(entered_on=day("2026-09-28")),
        "2026-09-28",
        "2026-09-30",
        [("pre_due", "2026-09-28")],
    ),
    (
        "loaded on the due date: the earlier goes, the later has no business day left",
        item(entered_on=day("2026-10-01")),
        "2026-10-01",
        "2026-10-02",
        [("pre_due", "2026-10-01"), ("r1", "2026-10-02")],
    ),
    (
        "loaded two months late: starts at R1, then its gaps",
        item(entered_on=day("2026-12-01")),
        "2026-12-01",
        "2026-12-16",
        [("r1", "2026-12-01"), ("call", "2026-12-08"), ("r2", "2026-12-14")],
    ),
    (
        "due in three days: the pre-due message at once",
        item(issue="2026-09-28"),
        "2026-09-28",
        "2026-10-02",
        [("pre_due", "2026-09-28"), ("due_notice", "2026-10-01"), ("r1", "2026-10-02")],
    ),
    ("a month of outage before anything: one message", item(), "2026-11-02", "2026-11-08", [("r1", "2026-11-02")]),
]


@pytest.mark.parametrize(("subject", "start", "end", "expected"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES])
def test_story(subject, start, end, expected):
    assert World(subject).live(start, end).taken == expected


def test_bare_plan_every_day_worked():
    world = World(item(due="2026-03-10", issue="2026-02-08"), steps=BARE, calendar=EVERY_DAY, policy=replace(COVERED, spacing=0))

    world.live("2026-02-08", "2026-06-01")

    expected = ["2026-03-03", "2026-03-10", "2026-03-11", "2026-03-18", "2026-03-25", "2026-04-01", "2026-04-09", "2026-04-24"]
    assert [on for _, on in world.taken] == expected


def test_paid_on_day_six_silence():
    def paid(subject: Item) -> Item:
        return replace(subject, outstanding_cents=0)

    world = World().live("2026-09-01", "2026-12-31", {"2026-10-07": paid})

    assert world.taken == WORKED[:3]
    assert ask("2026-10-08", paid(item()), world.history).reason == Reason.SETTLED


def test_the_undisputed_part_goes_on_after_five_business_days():
    def disputes_312(subject: Item) -> Item:
        return replace(subject, situation=ItemSituation(disputes=(Dispute(312_00, day("2026-10-06")),)))

    world = World().live("2026-09-01", "2026-10-12", {"2026-10-06": disputes_312})
    assert world.taken == WORKED[:3]  # the call of Friday 9 waits through Tuesday 13

    waiting = ask("2026-10-13", world.item, world.history)
    assert (waiting.reason, iso(waiting.on)) == (Reason.UNDISPUTED_PART_WAITS, "2026-10-14")
    call = ask("2026-10-14", world.item, world.history)
    assert (call.kind, call.step.key, call.variant, call.chased_cents) == (DecisionKind.TAKE, "call", Variant.UNDISPUTED_PART, 688_00)


def test_already_paid_and_never_found():
    def says_paid(subject: Item) -> Item:
        # Stated on Tuesday 6 October, five business days: through Tuesday 13.
        hold = Hold(HoldSide.THEIRS, HoldKind.ALREADY_PAID, day("2026-10-06"), day("2026-10-13"))
        return replace(subject, situation=ItemSituation(holds=(hold,)))

    world = World().live("2026-09-01", "2026-10-20", {"2026-10-06": says_paid})

    assert world.taken[3:] == [("call", "2026-10-14"), ("r2", "2026-10-19")]
    assert world.variants["call"] == Variant.PAYMENT_NOT_FOUND
    assert world.variants["r2"] == Variant.NONE


def test_a_rejected_dispute_resumes_in_the_friendly_phase():
    def disputed(subject: Item) -> Item:
        return replace(subject, situation=ItemSituation(disputes=(Dispute(None, day("2026-10-15")),)))

    def rejected(subject: Item) -> Item:
        dispute = Dispute(None, day("2026-10-15"), DisputeState.REJECTED, day("2026-11-16"))
        return replace(subject, situation=ItemSituation(disputes=(dispute,)))

    world = World().live("2026-09-01", "2026-12-31", {"2026-10-15": disputed, "2026-11-16": rejected})

    assert world.taken[:5] == WORKED[:5]
    # Friendly again the day after the answer, then R3 with all the gaps from R1 to R3.
    assert world.taken[5:7] == [("r1", "2026-11-17"), ("r3", "2026-12-10")]
    assert world.variants["r1"] == Variant.AFTER_DISPUTE
    assert [entry.occurrence for entry in world.history if entry.key == "r1"] == [1, 2]


def test_a_dispute_rejected_after_the_last_friendly_step_resumes_with_the_first():
    def disputed(subject: Item) -> Item:
        return replace(subject, situation=ItemSituation(disputes=(Dispute(None, day("2026-10-12")),)))

    def rejected(subject: Item) -> Item:
        dispute = Dispute(None, day("2026-10-12"), DisputeState.REJECTED, day("2026-11-16"))
        return replace(subject, situation=ItemSituation(disputes=(dispute,)))

    world = World().live("2026-09-01", "2026-12-31", {"2026-10-12": disputed, "2026-11-16": rejected})

    # R1 and the call had been done: R1 again, once, then R2 with the gap from R1 to R2.
    assert world.taken[2:6] == [("r1", "2026-10-02"), ("call", "2026-10-09"), ("r1", "2026-11-17"), ("r2", "2026-11-30")]
    assert (world.variants["r1"], world.variants["r2"]) == (Variant.AFTER_DISPUTE, Variant.NONE)


def test_a_dispute_rejected_between_friendly_steps_leaves_the_plan_its_gaps():
    dispute = Dispute(None, day("2026-10-05"), DisputeState.REJECTED, day("2026-10-06"))
    decision = ask("2026-10-07", item(situation=ItemSituation(disputes=(dispute,))), [done("r1", "2026-10-02")])

    assert (decision.kind, decision.step.key, iso(decision.on)) == (DecisionKind.WAIT, "call", "2026-10-09")


def test_a_dispute_rejected_before_a_weekend_waits_for_monday():
    dispute = Dispute(None, day("2026-10-15"), DisputeState.REJECTED, day("2026-11-12"))
    history = [done("r1", "2026-10-02"), done("call", "2026-10-09"), done("r2", "2026-10-14")]

    saturday = ask("2026-11-14", item(situation=ItemSituation(disputes=(dispute,))), history)
    assert (saturday.kind, saturday.step.key, iso(saturday.on)) == (DecisionKind.WAIT, "r1", "2026-11-16")


def test_a_retention_is_chased_from_its_release_on():
    retention = ItemSituation(kind=InstallmentKind.RETENTION, matures_on=day("2027-10-01"))
    world = World(item(due="2027-10-01", situation=retention)).live("2027-09-01", "2027-10-04")

    # Nothing before Friday 1 October, its release; two notices meet on that day and the earlier goes.
    assert world.taken == [("pre_due", "2027-10-01"), ("r1", "2027-10-04")]
    assert world.skipped == {"receipt": "condition_false", "due_notice": "past_due_date"}


def test_sent_again_to_the_right_address_the_plan_restarts_and_the_due_date_stays():
    resent = replace(item(), situation=ItemSituation(restart_on=day("2026-10-26")))  # sent again on 16 October, ten days

    world = World(resent)
    world.live("2026-10-16", "2026-11-10")

    assert world.taken == [("r1", "2026-10-27"), ("call", "2026-11-03"), ("r2", "2026-11-09")]
    assert resent.due_on == day("2026-10-01")
