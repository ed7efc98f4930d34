"""What holds an item back, and what counts as done: rules 7 to 12 of docs/rules.md."""

from dataclasses import replace
from datetime import date

from invoices.enums import DisputeState, HoldKind, HoldSide
from scenarios.checklist import legal_checks
from scenarios.eligibility import accepts_promise, chased_cents
from scenarios.enums import ActionState, CallOutcome, Consequence, DecisionKind, Reason, TaskKind, Variant
from scenarios.facts import Credit, CustomerSituation, Dispute, Hold, ItemSituation, OpenCommitment, Policy, Promise
from scenarios.outcomes import (
    CALL_EFFECTS,
    Age,
    Attempt,
    CallState,
    What,
    approval_age,
    call_age,
    call_state,
    declare_claim_by,
    may_be_taken_back,
    may_call,
    next_contact,
    posting_is_late,
    reclaim_goods_by,
)
from scenarios.timing import already_paid_through, partial_payment_through, printed_deadline, restart_after
from tests.scenarios.builders import COVERED, FRANCE, ask, customer, day, done, held, iso, item, said

ON_R1 = "2026-10-02"
R1_DONE = [done("r1", "2026-10-02")]
R2_DONE = [*R1_DONE, done("call", "2026-10-09"), done("r2", "2026-10-14")]
R3_DONE = [*R2_DONE, done("r3", "2026-10-26")]


# --- rule 7: holds have a side ----------------------------------------------------------------------------------------------------------


def test_rule_7_theirs_resumes_by_itself():
    situation = held(HoldSide.THEIRS, HoldKind.IN_VALIDATION, "2026-10-15")

    assert said(ask("2026-10-09", item(situation=situation), R1_DONE)) == ("wait", "held_theirs", "2026-10-16")
    assert ask("2026-10-16", item(situation=situation), R1_DONE).kind == DecisionKind.TAKE


def test_rule_7_ours_never_resumes_and_escalates_at_its_end():
    situation = held(HoldSide.OURS, HoldKind.DOCUMENT_OWED, "2026-10-15")

    before, after = ask("2026-10-15", item(situation=situation), R1_DONE), ask("2026-12-15", item(situation=situation), R1_DONE)
    assert (said(before), before.escalate) == (("blocked", "held_ours", None), False)
    assert (said(after), after.escalate) == (("blocked", "held_ours", None), True)


def test_rule_7_a_hold_on_the_customer_holds_every_item():
    hold = Hold(HoldSide.THEIRS, HoldKind.PAUSE, day("2026-10-01"), day("2026-10-15"))

    assert said(ask(ON_R1, item(customer=customer(situation=CustomerSituation(holds=(hold,)))))) == ("wait", "held_theirs", "2026-10-16")


def test_rule_7_a_credit_note_to_issue_is_deducted_from_every_total():
    situation = held(HoldSide.OURS, HoldKind.CREDIT_NOTE_PENDING, "2026-10-15", 312_00)
    subject = item(situation=situation)

    assert chased_cents(subject, FRANCE, COVERED, day("2026-10-09")) == 688_00
    assert ask("2026-10-09", subject, R1_DONE).chased_cents == 688_00
    whole = item(situation=held(HoldSide.OURS, HoldKind.CREDIT_NOTE_PENDING, "2026-10-15", 1_000_00))
    assert said(ask("2026-10-09", whole, R1_DONE)) == ("blocked", "credit_note_pending", None)
    assert ask("2026-10-16", whole, R1_DONE).escalate is True


def test_rule_7_chased_amount():
    situation = ItemSituation(
        disputes=(Dispute(100_00, day("2026-09-01")), Dispute(50_00, day("2026-09-01"), DisputeState.WITHDRAWN, day("2026-09-02"))),
        promises=(Promise(300_00, day("2026-10-01"), day("2026-10-20"), paid_cents=100_00),),
        holds=(Hold(HoldSide.OURS, HoldKind.CREDIT_NOTE_PENDING, day("2026-10-01"), day("2026-10-30"), 250_00),),
    )
    subject = item(outstanding=900_00, situation=situation)

    assert chased_cents(subject, FRANCE, COVERED, day("2026-10-09")) == 900_00 - 100_00 - 200_00 - 250_00
    assert chased_cents(replace(subject, outstanding_cents=500_00), FRANCE, COVERED, day("2026-10-09")) == 0


def test_rule_7_a_promise_below_the_share_holds_only_its_amount():
    def promised(cents):
        return item(situation=ItemSituation(promises=(Promise(cents, day("2026-10-05"), day("2026-10-20")),)))

    part = ask("2026-10-09", promised(799_99), R1_DONE)
    assert (part.kind, part.chased_cents) == (DecisionKind.TAKE, 200_01)
    assert said(ask("2026-10-09", promised(800_00), R1_DONE)) == ("wait", "promised", "2026-10-23")


def test_rule_7_a_promise_is_kept_when_what_came_in_reaches_it():
    kept = Promise(800_00, day("2026-10-05"), day("2026-10-20"), paid_cents=800_00)
    subject = item(outstanding=200_00, situation=ItemSituation(promises=(kept,)))

    call = ask("2026-10-26", subject, R1_DONE)
    assert (call.kind, call.variant, call.chased_cents) == (DecisionKind.TAKE, Variant.NONE, 200_00)


def test_rule_7_a_promise_of_most_of_the_overdue_pauses_firm_steps_of_the_customer():
    owner = customer(net=10_000_00, overdue=10_000_00)
    frozen = replace(owner.balances["EUR"], promised_cents=8_000_00, promised_until=day("2026-10-20"))
    promised = replace(owner, balances={"EUR": frozen})

    history = [*R1_DONE, done("call", "2026-10-09")]
    assert said(ask("2026-10-14", item(customer=promised), history)) == ("wait", "promise_freezes_customer", "2026-10-23")
    assert ask("2026-10-09", item(customer=promised), R1_DONE).kind == DecisionKind.TAKE  # a friendly call goes on
    less = replace(promised, balances={"EUR": replace(frozen, promised_cents=7_999_99)})
    assert ask("2026-10-14", item(customer=less), history).kind == DecisionKind.TAKE


def test_rule_7_two_broken_promises_close_the_page():
    assert [accepts_promise(broken) for broken in (0, 1, 2)] == [True, True, False]


def test_rule_7_an_unallocated_credit_blocks_firm_steps_only():
    owner = customer(net=9_900_00, overdue=9_000_00, credits=[Credit("p1", "VIR", 100_00, day("2026-09-30"))])

    assert ask(ON_R1, item(customer=owner)).kind == DecisionKind.TAKE
    blocked = ask("2026-10-14", item(customer=owner), [*R1_DONE, done("call", "2026-10-09")])
    assert said(blocked) == ("blocked", "unallocated_credit", None)


def test_rule_7_a_partial_payment_pauses_five_business_days_and_is_thanked_for():
    assert iso(partial_payment_through(day("2026-10-06"), FRANCE)) == "2026-10-13"
    situation = held(HoldSide.THEIRS, HoldKind.PARTIAL_PAYMENT, "2026-10-13")

    assert said(ask("2026-10-12", item(outstanding=400_00, situation=situation), R1_DONE)) == ("wait", "held_theirs", "2026-10-14")
    assert ask("2026-10-14", item(outstanding=400_00, situation=situation), R1_DONE).variant == Variant.PARTIAL_PAYMENT


def test_rule_7_dates_of_pauses():
    assert iso(already_paid_through(day("2026-10-10"), FRANCE)) == "2026-10-16"
    assert iso(restart_after(day("2026-10-16"))) == "2026-10-26"


# --- rule 8: the ledger must cover the item ---------------------------------------------------------------------------------------------


def test_rule_8_deferred_until_receipts_are_complete_through_the_next_day():
    def covered_to(through):
        return Policy(coverage_through=None if through is None else day(through))

    for through in (None, "2026-09-30", "2026-10-01"):
        deferred = ask("2026-10-05", policy=covered_to(through))
        assert (said(deferred), deferred.step.key) == (("wait", "ledger_not_covered", None), "r1")
    assert ask("2026-10-05", policy=covered_to("2026-10-02")).kind == DecisionKind.TAKE
    assert ask("2026-10-05", policy=Policy(coverage_gate=False)).kind == DecisionKind.TAKE


def test_rule_8_four_business_days_for_who_pays_by_cheque():
    by_cheque = item(customer=customer(pays_by_cheque=True))

    assert ask("2026-10-12", by_cheque, policy=Policy(coverage_through=day("2026-10-06"))).reason == Reason.LEDGER_NOT_COVERED
    assert ask("2026-10-12", by_cheque, policy=Policy(coverage_through=day("2026-10-07"))).kind == DecisionKind.TAKE


def test_rule_8_a_due_date_on_which_banks_are_closed_counts_from_the_next():
    # Good Friday 26 March 2027: banks reopen on Tuesday 30, plus one business day.
    easter = item(due="2027-03-26", issue="2027-02-24")

    assert ask("2027-04-01", easter, policy=Policy(coverage_through=day("2027-03-30"))).reason == Reason.LEDGER_NOT_COVERED
    assert ask("2027-04-01", easter, policy=Policy(coverage_through=day("2027-03-31"))).kind == DecisionKind.TAKE


def test_rule_8_a_message_before_the_term_needs_no_coverage():
    assert ask("2026-10-01", history=[done("pre_due", "2026-09-24")], policy=Policy()).step.key == "due_notice"


def test_rule_8_an_unmatched_receipt_that_may_be_theirs_holds_three_business_days():
    owner = customer(situation=CustomerSituation(unmatched_since=day("2026-10-01")))

    assert said(ask(ON_R1, item(customer=owner))) == ("wait", "unmatched_receipt", "2026-10-07")
    assert ask("2026-10-07", item(customer=owner)).kind == DecisionKind.TAKE


# --- rule 9: what counts as done --------------------------------------------------------------------------------------------------------


def test_rule_9_a_step_not_done_holds_the_next():
    calling = done("call", "2026-10-09", state=ActionState.PLANNED)

    assert said(ask("2026-10-20", history=[*R1_DONE, calling])) == ("wait", "in_progress", None)
    closed = replace(calling, state=ActionState.SKIPPED, on=day("2026-10-21"))  # "non effectué"
    going_on = ask("2026-10-22", history=[*R1_DONE, closed])
    assert (going_on.kind, going_on.step.key) == (DecisionKind.TAKE, "r2")  # what was not done shifts nothing


def test_rule_9_a_reply_pauses_and_never_expires():
    waiting = item(customer=customer(situation=CustomerSituation(reply_pending=True)))

    assert said(ask(ON_R1, waiting)) == said(ask("2027-10-01", waiting)) == ("wait", "reply_pending", None)


def test_rule_9_an_absence_defers_friendly_steps_ten_business_days_at_most():
    def away(until, noted, **more):
        return item(customer=customer(situation=CustomerSituation(absent_until=day(until), absence_noted_on=day(noted), **more)))

    assert said(ask(ON_R1, away("2026-10-08", "2026-10-01"))) == ("wait", "absence", "2026-10-09")
    assert said(ask(ON_R1, away("2026-12-24", "2026-10-01"))) == ("wait", "absence", "2026-10-15")
    assert ask(ON_R1, away("2026-10-08", "2026-10-01", substitute_known=True)).kind == DecisionKind.TAKE
    firm = ask("2026-10-14", away("2026-10-20", "2026-10-12"), [*R1_DONE, done("call", "2026-10-09")])
    assert (firm.kind, firm.step.key) == (DecisionKind.TAKE, "r2")


def test_rule_9_a_call_is_done_when_somebody_was_reached_or_at_the_third_day_without_answer():
    def tried(*attempts):
        return call_state([Attempt(day(on), outcome) for on, outcome in attempts])

    nobody = CallOutcome.NO_ANSWER
    assert tried(("2026-10-09", CallOutcome.REFUSAL)) == CallState.REACHED
    assert tried(("2026-10-09", nobody), ("2026-10-09", nobody), ("2026-10-12", nobody)) == CallState.OPEN
    assert tried(("2026-10-09", nobody), ("2026-10-12", CallOutcome.VOICEMAIL), ("2026-10-13", nobody)) == CallState.UNREACHABLE


def test_rule_9_ages_of_tasks_approvals_and_letters():
    opened = day("2026-10-09")

    assert [call_age(opened, FRANCE, day(on)) for on in ("2026-10-15", "2026-10-16", "2026-10-20", "2026-10-21")] == [
        Age.FRESH,
        Age.ALERT,
        Age.ALERT,
        Age.CLOSE,
    ]
    assert approval_age(opened, FRANCE, day("2027-10-09")) == Age.ALERT
    assert [posting_is_late(opened, FRANCE, day(on)) for on in ("2026-10-14", "2026-10-15")] == [False, True]


def test_rule_9_a_bounce_takes_back_only_the_last_step_and_tries_the_next_contact():
    assert may_be_taken_back(day("2026-10-02"), []) is True
    assert may_be_taken_back(day("2026-10-02"), [day("2026-10-09")]) is False
    assert next_contact(["anne", "marc"], frozenset({"anne"})) == "marc"
    assert next_contact(["anne", "marc"], frozenset({"anne", "marc"})) is None


def test_rule_9_nobody_to_reach_is_a_task_of_ours():
    unreachable = item(customer=customer(reachable=frozenset({"letter"})))

    assert said(ask(ON_R1, unreachable)) == ("blocked", "no_contact", None)


# --- rule 10: calls ---------------------------------------------------------------------------------------------------------------------


def test_rule_10_each_outcome_has_one_effect():
    assert set(CALL_EFFECTS) == set(CallOutcome)
    holding = {outcome for outcome, effect in CALL_EFFECTS.items() if effect.hold is not None}
    assert all((CALL_EFFECTS[outcome].what == What.HOLD) and CALL_EFFECTS[outcome].side is not None for outcome in holding)
    assert CALL_EFFECTS[CallOutcome.CREDIT_NOTE_EXPECTED].task == TaskKind.CREDIT_NOTE


def test_rule_10_three_attempts_a_week():
    attempts = [Attempt(day(on), CallOutcome.NO_ANSWER) for on in ("2026-10-05", "2026-10-06", "2026-10-08")]

    assert may_call(attempts, day("2026-10-09")) is False
    assert may_call(attempts, day("2026-10-12")) is True  # Monday 5 is a week ago


# --- rule 11: legal regime --------------------------------------------------------------------------------------------------------------


def test_rule_11_no_formal_notice_for_an_unknown_kind():
    assert said(ask("2026-11-06", item(customer=customer(regime="")), R3_DONE)) == ("blocked", "legal_regime_unknown", None)


def test_rule_11_no_legal_step_over_an_open_dispute():
    disputed = item(situation=ItemSituation(disputes=(Dispute(100_00, day("2026-10-20")),)))

    assert said(ask("2026-11-06", disputed, R3_DONE)) == ("blocked", "dispute_open", None)


def test_rule_11_the_check_list():
    ready = item(situation=ItemSituation(delivery_proof=True), customer=customer(owner_warned_on=day("2026-11-04")))
    today = day("2026-11-06")

    assert [check.passed for check in legal_checks(ready, R3_DONE, FRANCE, COVERED, today)] == [True] * 8
    bare = item(customer=customer(registered_office_known=False, representative_known=False, owner_warned_on=day("2026-11-05")))
    failed = {check.name for check in legal_checks(bare, R2_DONE[:1], FRANCE, COVERED, today) if not check.passed}
    assert failed == {"two_reminders", "registered_office", "legal_representative", "delivery_proof", "owner_warned"}


def test_rule_11_an_announced_consequence_comes_first():
    announced = OpenCommitment(Consequence.FORMAL_NOTICE, day("2026-11-03"), executed_by="formal_notice", item_ids=frozenset({"FA-1"}))
    owner = customer(situation=CustomerSituation(commitments=(announced,)))

    assert said(ask(ON_R1, item("FA-2", customer=owner))) == ("wait", "commitment_pending", None)
    assert ask("2026-10-01", item("FA-2", customer=owner), [done("pre_due", "2026-09-24")]).kind == DecisionKind.TAKE  # not overdue
    assert ask("2026-10-09", item("FA-2", customer=owner), R1_DONE).step.key == "call"  # a call is not a message
    executing = ask("2026-11-06", item(customer=owner), R3_DONE)
    assert (executing.kind, executing.step.key) == (DecisionKind.TAKE, "formal_notice")
    again = ask("2026-10-26", item(customer=owner), [*R2_DONE])  # the announcement itself, taken again after a bounce
    assert (again.kind, again.step.key) == (DecisionKind.TAKE, "r3")


def test_rule_11_what_follows_a_formal_notice_leaves_the_printed_deadline_and_three_days():
    posted = done("formal_notice", "2026-11-06", deadline_on=day("2026-12-04"))
    waiting = ask("2026-11-25", history=[*R3_DONE, posted])

    assert (waiting.step.key, iso(waiting.on)) == ("hand_over", "2026-12-09")


def test_printed_deadline_of_a_letter():
    assert iso(printed_deadline(day("2026-11-06"), 8, FRANCE, by_post=True)) == "2026-11-20"
    assert iso(printed_deadline(day("2026-10-16"), 8, FRANCE, by_post=False)) == "2026-10-26"


def test_a_message_prints_the_iban_of_its_invoices_or_does_not_leave():
    assert said(ask(ON_R1, item(iban=""))) == ("blocked", "iban_missing", None)


# --- rule 12: insolvency ----------------------------------------------------------------------------------------------------------------


def test_rule_12_what_was_delivered_before_the_judgment_freezes():
    owner = customer(situation=CustomerSituation(insolvent_on=day("2026-09-15")))

    assert said(ask(ON_R1, item(customer=owner, supplied_on=day("2026-09-14")))) == ("blocked", "insolvency", None)
    assert ask(ON_R1, item(customer=owner, supplied_on=day("2026-09-15"))).kind == DecisionKind.TAKE
    assert ask(ON_R1, item(customer=owner)).reason == Reason.INSOLVENCY  # no delivery date: issued on 1 September


def test_rule_12_what_may_have_been_delivered_before_the_judgment_waits_for_a_person():
    """Issued on 1 September, delivery not noted: judged on 20 August it may bill August; judged in July it does not."""
    soon = customer(situation=CustomerSituation(insolvent_on=day("2026-08-20")))
    assert said(ask(ON_R1, item(customer=soon))) == ("blocked", "insolvency_unsure", None)
    assert ask(ON_R1, item(customer=soon, supplied_on=day("2026-08-28"))).kind == DecisionKind.TAKE
    assert ask(ON_R1, item(customer=soon, supplied_on=day("2026-08-19"))).reason == Reason.INSOLVENCY
    long_ago = customer(situation=CustomerSituation(insolvent_on=day("2026-07-18")))
    assert ask(ON_R1, item(customer=long_ago)).kind == DecisionKind.TAKE
    yesterday = customer(situation=CustomerSituation(insolvent_on=day("2026-07-19")))
    assert ask(ON_R1, item(customer=yesterday)).reason == Reason.INSOLVENCY_UNSURE


def test_rule_12_deadlines():
    assert declare_claim_by(date(2026, 12, 31)) == date(2027, 2, 28)
    assert declare_claim_by(date(2026, 12, 31), in_metropolitan_france=False) == date(2027, 4, 30)
    assert reclaim_goods_by(date(2026, 11, 30)) == date(2027, 2, 28)
