"""One story at least for each of rules 1 to 5 of docs/rules.md; rules 7 to 17 are in test_planner_barriers.py."""

from dataclasses import replace
from datetime import date

import pytest

from dunning.core.calendars import Calendar
from invoices.enums import InstallmentKind
from scenarios.enums import (
    ActionState,
    Anchor,
    Channel,
    Condition,
    DecisionKind,
    OffsetUnit,
    Phase,
    Reason,
    Variant,
)
from scenarios.facts import (
    Credit,
    CustomerSituation,
    HistoryEntry,
    ItemSituation,
    Promise,
    Step,
    compile_steps,
)
from scenarios.timing import nominal_dates
from tests.scenarios.builders import COVERED, EVERY_DAY, FRANCE, STANDARD_STEPS, World, ask, customer, day, done, iso, item

R1_DONE = [done("r1", "2026-10-02")]
R2_DONE = [*R1_DONE, done("call", "2026-10-09"), done("r2", "2026-10-14")]
R3_DONE = [*R2_DONE, done("r3", "2026-10-26")]


def said(decision):
    """What a decision says, in three words: kind, reason, and the day it waits for."""
    return (decision.kind.value, decision.reason.value, None if decision.on is None else iso(decision.on))


# --- rule 1: what is chased -------------------------------------------------------------------------------------------------------------

ON_R1 = "2026-10-02"
ADVANCE = Credit("p1", "VIR DURAND", 1_000_00, day("2026-09-30"))
RULE_1 = [
    ("paid", item(outstanding=0), ("finished", "settled", None)),
    ("cancelled", item(situation=ItemSituation(cancelled=True)), ("finished", "cancelled", None)),
    ("covered by money on account", item(customer=customer(net=0, credits=[ADVANCE])), ("blocked", "covered_by_credit", None)),
    ("residue of 4,37", item(outstanding=4_37), ("blocked", "residue", None)),
    ("residue of 1 %", item(amount=50_000_00, outstanding=500_00), ("blocked", "residue", None)),
    ("a small invoice is no residue", item(amount=4_37), ("take", "due_now", "2026-10-02")),
    ("1 % and a cent more is no residue", item(amount=50_000_00, outstanding=500_01), ("take", "due_now", "2026-10-02")),
    (
        "in the debit of 2 October, two bd",
        item(situation=ItemSituation(collection_on=day("2026-10-02"))),
        ("wait", "collection_pending", "2026-10-07"),
    ),
    (
        "bill maturing on 30 September, two bd",
        item(situation=ItemSituation(kind=InstallmentKind.BILL, matures_on=day("2026-09-30"))),
        ("wait", "bill_not_mature", "2026-10-05"),
    ),
    (
        "retention until 2027",
        item(situation=ItemSituation(kind=InstallmentKind.RETENTION, matures_on=day("2027-10-01"))),
        ("wait", "retention", "2027-10-01"),
    ),
    ("assigned to a factor", item(situation=ItemSituation(factored=True)), ("blocked", "factored", None)),
    ("refused by the platform", item(situation=ItemSituation(e_invoice_refused=True)), ("blocked", "e_invoice_refused", None)),
]


@pytest.mark.parametrize(("subject", "expected"), [case[1:] for case in RULE_1], ids=[case[0] for case in RULE_1])
def test_rule_1_each_exclusion_has_its_reason(subject, expected):
    assert said(ask(ON_R1, subject)) == expected


def test_rule_1_a_net_at_the_plans_minimum_is_not_chased():
    plan = compile_steps(STANDARD_STEPS, minimum_cents=50_00)

    assert said(ask(ON_R1, item(amount=50_00), steps=plan)) == ("blocked", "below_minimum", None)
    assert said(ask(ON_R1, item(amount=50_01), steps=plan)) == ("take", "due_now", "2026-10-02")


def test_rule_1_credits_that_cover_what_is_overdue_stop_the_reminder_though_more_comes_due():
    owner = customer(net=9_000_00, overdue=1_000_00, credits=[ADVANCE])

    assert said(ask(ON_R1, item(customer=owner))) == ("blocked", "covered_by_credit", None)


def test_rule_1_a_suspended_tenant_sends_nothing():
    assert said(ask(ON_R1, policy=replace(COVERED, suspended=True))) == ("blocked", "tenant_suspended", None)
    assert said(ask(ON_R1, item(outstanding=0), policy=replace(COVERED, suspended=True))) == ("finished", "settled", None)


# --- rule 2: when a step falls due ------------------------------------------------------------------------------------------------------


def test_rule_2_one_step_a_day_the_later_takes_the_next_business_day():
    plan = compile_steps([Step("a", 1, Phase.SERVICE, Channel.EMAIL, offset=-5), Step("b", 2, Phase.SERVICE, Channel.EMAIL, offset=-4)])
    world = World(item(due="2026-10-09"), steps=plan).live("2026-10-04", "2026-10-09")  # -5 is Sunday 4: both on Monday 5

    # -4 is Monday too, and a day only takes one.
    assert world.taken == [("a", "2026-10-05"), ("b", "2026-10-06")]


def test_rule_2_a_step_done_today_leaves_the_next_to_tomorrow():
    today = replace(done("due_notice", "2026-10-01"), on=day("2026-10-02"))  # accepted a day late

    assert said(ask("2026-10-02", history=[today])) == ("wait", "one_per_day", "2026-10-05")


def test_rule_2_a_service_step_is_skipped_past_the_due_date_with_the_reason():
    decision = ask("2026-10-02")

    assert decision.step.key == "r1"
    assert [(skip.step.key, skip.reason.value) for skip in decision.skips] == [
        ("receipt", "past_due_date"),
        ("pre_due", "past_due_date"),
        ("due_notice", "past_due_date"),
    ]


def test_rule_2_a_service_message_nobody_approved_does_not_hold_the_reminder():
    waiting = done("due_notice", "2026-10-01", state=ActionState.PLANNED)

    decision = ask("2026-10-02", history=[done("pre_due", "2026-09-24"), waiting])

    assert (decision.kind, decision.step.key) == (DecisionKind.TAKE, "r1")
    closed = [skip for skip in decision.skips if skip.was_taken]
    assert [(skip.step.key, skip.reason) for skip in closed] == [("due_notice", Reason.PAST_DUE_DATE)]


def test_rule_2_a_condition_is_read_on_the_day_and_false_means_skipped():
    plan = compile_steps(
        [
            Step("small", 1, Phase.FRIENDLY, Channel.EMAIL, offset=1, conditions=(Condition.AT_LEAST,), at_least_cents=2_000_00),
            Step("promised", 2, Phase.FRIENDLY, Channel.EMAIL, offset=2, conditions=(Condition.NO_PROMISE,)),
            Step("text", 3, Phase.FRIENDLY, Channel.SMS, offset=3, conditions=(Condition.CAN_RECEIVE,)),
            Step("regime", 4, Phase.FRIENDLY, Channel.EMAIL, offset=4, conditions=(Condition.REGIME_KNOWN,)),
            Step("r1", 5, Phase.FRIENDLY, Channel.EMAIL, offset=1),
        ]
    )
    kept = ItemSituation(promises=(Promise(500_00, day("2026-09-01"), day("2026-09-10"), paid_cents=500_00),))
    unknown = customer(regime="", reachable=frozenset({"email"}))

    decision = ask("2026-10-06", item(situation=kept, customer=unknown), steps=plan)

    assert decision.step.key == "r1"
    assert [(skip.step.key, skip.reason.value) for skip in decision.skips] == [
        ("small", "condition_false"),
        ("promised", "condition_false"),
        ("text", "condition_false"),
        ("regime", "condition_false"),
    ]


@pytest.mark.parametrize(("tenths", "taken"), [(None, "r1"), (499, "pressing"), (500, "r1"), (799, "r1"), (800, "mild"), (1000, "mild")])
def test_rule_2_the_payer_index_calls_for_a_step_when_it_is_known(tenths, taken):
    plan = compile_steps(
        [
            Step("pressing", 1, Phase.FRIENDLY, Channel.EMAIL, offset=1, conditions=(Condition.INDEX_BELOW,), index_below=50),
            Step("mild", 2, Phase.FRIENDLY, Channel.EMAIL, offset=1, conditions=(Condition.INDEX_AT_LEAST,), index_at_least=80),
            Step("r1", 3, Phase.FRIENDLY, Channel.EMAIL, offset=1),
        ]
    )

    decision = ask("2026-10-02", item(customer=customer(index_tenths=tenths)), steps=plan)

    assert decision.step.key == taken
    assert {skip.reason for skip in decision.skips} <= {Reason.PAYER_INDEX}


def test_rule_2_a_service_step_passed_over_drops_out_when_the_later_one_goes():
    # Issued on 24 September, due on 1 October: J-7 comes before issue + 5.
    decision = ask("2026-09-24", item(issue="2026-09-24", customer=customer(first_invoices=("FA-1",))))

    assert decision.step.key == "pre_due"
    assert [(skip.step.key, skip.reason) for skip in decision.skips] == [("receipt", Reason.SUPERSEDED)]


def test_rule_2_skipped_and_cancelled_never_happen_again_taken_back_does():
    for state in (ActionState.SKIPPED, ActionState.CANCELLED):
        assert ask("2026-10-05", history=[done("r1", "2026-10-02", state=state)]).step.key == "call"
    again = ask("2026-10-05", history=[done("r1", "2026-10-02", state=ActionState.TAKEN_BACK)])

    assert (again.kind, again.step.key, again.occurrence) == (DecisionKind.TAKE, "r1", 2)


def test_rule_2_a_new_version_moves_only_steps_not_yet_acted():
    later = compile_steps([replace(step, offset=9) if step.key == "call" else step for step in STANDARD_STEPS])
    waiting = ask("2026-10-05", history=R1_DONE, steps=later)

    assert (waiting.step.key, iso(waiting.on)) == ("call", "2026-10-12")  # R1 + 9 is Sunday 11


def test_rule_2_business_day_offsets():
    plan = compile_steps([Step("r1", 1, Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 5, OffsetUnit.BUSINESS_DAYS)])

    assert iso(ask("2026-10-02", steps=plan).on) == "2026-10-08"


def test_rule_2_an_overdue_step_never_goes_before_the_day_after_the_due_date():
    plan = compile_steps([Step("r1", 1, Phase.FRIENDLY, Channel.EMAIL, Anchor.ISSUE, 10)])
    waiting = ask("2026-10-01", steps=plan)

    assert said(waiting) == ("wait", "not_yet", "2026-10-02")


def test_rule_2_nothing_goes_on_a_day_that_is_not_worked():
    waiting = ask("2026-10-03", history=[done("due_notice", "2026-10-01")])  # Saturday

    assert said(waiting) == ("wait", "not_yet", "2026-10-05")


def test_rule_2_no_condition_is_read_on_a_day_that_is_not_worked():
    plan = compile_steps([replace(STANDARD_STEPS[3], conditions=(Condition.REGIME_KNOWN,))])
    unknown = item(customer=customer(regime=""))

    saturday, monday = ask("2026-10-03", unknown, steps=plan), ask("2026-10-05", unknown, steps=plan)
    assert (said(saturday), saturday.skips) == (("wait", "not_yet", "2026-10-05"), ())
    assert [skip.step.key for skip in monday.skips] == ["r1"]


def test_rule_2_a_holiday_does_not_shorten_the_gap_after_a_late_step():
    plan = compile_steps(
        [
            Step("r1", 1, Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 5, OffsetUnit.BUSINESS_DAYS),
            Step("r2", 2, Phase.FIRM, Channel.EMAIL, Anchor.DUE, 21),
        ]
    )
    # Due on Thursday 1 October: r1 on Thursday 8, r2 two weeks later. Two closures push r1 to Monday 12, and leave the two weeks alone.
    closed = Calendar("FR", closures=frozenset({date(2026, 10, 5), date(2026, 10, 6)}))
    late = [done("r1", "2026-10-20", plan)]

    for calendar in (FRANCE, closed):
        assert iso(ask("2026-10-20", history=late, steps=plan, calendar=calendar).on) == "2026-11-03"


def test_rule_2_a_step_on_the_promised_day_stands_outside_the_order():
    plan = compile_steps([*STANDARD_STEPS, Step("promise_eve", 20, Phase.SERVICE, Channel.EMAIL, Anchor.PROMISE, -2)])
    promised = item(situation=ItemSituation(promises=(Promise(1_000_00, day("2026-10-05"), day("2026-10-23")),)))

    assert said(ask("2026-10-20", promised, R1_DONE, steps=plan)) == ("wait", "promised", "2026-10-28")
    eve = ask("2026-10-21", promised, R1_DONE, steps=plan)
    assert (eve.kind, eve.step.key, eve.occurrence, eve.chased_cents) == (DecisionKind.TAKE, "promise_eve", 1, 1_000_00)
    reminded = HistoryEntry("promise_eve", ActionState.DONE, day("2026-10-21"), Phase.SERVICE, Channel.EMAIL, taken_on=day("2026-10-21"))
    assert said(ask("2026-10-22", promised, [*R1_DONE, reminded], steps=plan)) == ("wait", "promised", "2026-10-28")


@pytest.mark.parametrize("turned", [False, True], ids=["as taken", "as done"])
def test_rule_2_what_was_to_be_done_before_the_due_date_and_is_done_late_moves_no_reminder(turned):
    # R1 left late, on Tuesday 20 October, and the due-day notice was noted on the 21st only: the call stays a week after R1.
    history = [done("due_notice", "2026-10-21", taken_on=day("2026-10-01")), done("r1", "2026-10-20")]
    history = history[::-1] if turned else history

    assert said(ask("2026-10-22", history=history)) == ("wait", "not_yet", "2026-10-27")
    decision = ask("2026-10-27", history=history)
    assert (decision.kind, decision.step.key) == (DecisionKind.TAKE, "call")


# --- rule 3: entering late --------------------------------------------------------------------------------------------------------------


def test_rule_3_a_late_item_starts_at_the_first_reminder_with_the_reprise_text():
    plan = compile_steps(
        [
            Step("early_call", 1, Phase.FRIENDLY, Channel.CALL, offset=1),
            *(replace(step, position=step.position + 1) for step in STANDARD_STEPS),
        ]
    )
    decision = ask("2026-12-01", item(entered_on=day("2026-12-01")), steps=plan)

    assert (decision.step.key, decision.variant) == ("r1", Variant.REPRISE)
    assert next((skip.step.key, skip.reason.value) for skip in decision.skips) == ("early_call", "entered_late")


def test_rule_3_only_the_first_message_is_a_reprise():
    world = World(item(entered_on=day("2026-12-01"))).live("2026-12-01", "2026-12-14")

    assert world.variants == {"r1": Variant.REPRISE, "call": Variant.NONE, "r2": Variant.NONE}


def imported(on, channel=Channel.EMAIL, phase=None):
    return HistoryEntry("", ActionState.DONE, day(on), phase, channel)


def test_rule_3_imported_reminders_are_history_and_set_the_last_step():
    late = item(entered_on=day("2026-11-02"))

    one = ask("2026-11-02", late, [imported("2026-10-28")])
    assert (one.step.key, iso(one.on)) == ("call", "2026-11-04")  # 7 days after the imported reminder
    two = ask("2026-11-02", late, [imported("2026-10-12"), imported("2026-10-28")])
    assert (two.step.key, iso(two.on)) == ("r3", "2026-11-09")  # R2's 11 days: Sunday 8


def test_rule_3_a_change_of_plan_keeps_the_level():
    friendly = HistoryEntry("old_1", ActionState.DONE, day("2026-10-05"), Phase.FRIENDLY, Channel.EMAIL)
    firm = HistoryEntry("old_2", ActionState.DONE, day("2026-10-19"), Phase.FIRM, Channel.EMAIL)

    landed = ask("2026-10-20", history=[friendly, firm])

    assert (landed.step.key, iso(landed.on)) == ("r3", "2026-10-30")


def test_rule_3_a_level_without_a_like_step_is_not_gone_back_on():
    plan = compile_steps([step for step in STANDARD_STEPS if step.key not in ("r2", "r3", "formal_notice")])
    firm = HistoryEntry("old_2", ActionState.DONE, day("2026-10-19"), Phase.FIRM, Channel.EMAIL)

    assert ask("2026-10-20", history=[firm], steps=plan).step.key == "hand_over"


def test_rule_3_triage_waits_for_a_person():
    old = item(due="2026-03-01", entered_on=day("2026-10-02"), situation=ItemSituation(triage=True))

    assert said(ask("2026-10-02", old)) == ("blocked", "triage", None)


# --- rule 4: requirements and legal steps -----------------------------------------------------------------------------------------------


def test_rule_4_a_text_that_cites_a_missing_act_is_held_and_says_so():
    cancelled = [done("r1", "2026-10-02", state=ActionState.CANCELLED), done("call", "2026-10-09")]

    assert said(ask("2026-10-14", history=cancelled)) == ("blocked", "requirement_missing", None)


def test_rule_4_a_legal_step_needs_two_written_reminders_eight_days_old():
    soon = compile_steps([replace(step, offset=2) if step.key == "formal_notice" else step for step in STANDARD_STEPS])

    assert said(ask("2026-10-28", history=R3_DONE, steps=soon)) == ("wait", "too_early_for_legal", "2026-11-03")
    assert ask("2026-11-03", history=R3_DONE, steps=soon).kind == DecisionKind.TAKE

    bare = compile_steps([STANDARD_STEPS[3], replace(STANDARD_STEPS[7], requires=(), offset=2)])
    assert said(ask("2026-10-30", history=R1_DONE, steps=bare)) == ("blocked", "too_early_for_legal", None)


def test_rule_4_an_approval_blocks_what_follows_without_limit_of_time():
    waiting = done("formal_notice", "2026-11-06", state=ActionState.PLANNED)

    for on in ("2026-11-09", "2027-06-01"):
        assert said(ask(on, history=[*R3_DONE, waiting])) == ("wait", "awaiting_approval", None)


# --- rule 5: the question -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "subject"),
    [
        (True, item("FA-3", customer=customer(first_invoices=("FA-1", "FA-2", "FA-3")))),
        (False, item("FA-4", customer=customer(first_invoices=("FA-1", "FA-2", "FA-3")))),
        (True, item(amount=3_000_01)),
        (False, item(amount=3_000_00)),
        (True, item(customer=customer(situation=CustomerSituation(not_received_before=True)))),
        (False, item(customer=customer(first_invoices=("FA-1",)), situation=ItemSituation(answered=True))),
    ],
    ids=["third invoice", "fourth", "above 3 000", "exactly 3 000", "an earlier one had not arrived", "a status answers"],
)
def test_rule_5_receipt_and_acceptance_are_one_question(asked, subject):
    decision = ask("2026-09-07", subject)  # issue + 5 is Sunday 6

    assert (decision.kind == DecisionKind.TAKE) is asked
    assert (decision.step.key == "receipt") is asked


def test_rule_2_plans_whose_days_are_the_same_share_their_dates_and_no_others():
    first = compile_steps(list(STANDARD_STEPS), plan="first", version="first-1")
    twin = compile_steps([replace(step, template="other") for step in STANDARD_STEPS], plan="twin", version="twin-1")
    later = compile_steps([replace(step, offset=step.offset + (step.key == "r1")) for step in STANDARD_STEPS], plan="standard")
    subject = item(due="2026-10-02")  # a Friday: R1 falls on a Saturday

    dates = nominal_dates(first, subject, FRANCE)

    assert nominal_dates(twin, subject, FRANCE) is dates
    assert nominal_dates(first, subject, EVERY_DAY).rolled[3] == day("2026-10-03")
    assert nominal_dates(first, subject, FRANCE).rolled[3] == dates.rolled[3] == day("2026-10-05")
    assert nominal_dates(later, subject, EVERY_DAY).rolled[3] == day("2026-10-04")
