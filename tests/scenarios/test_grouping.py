"""From decisions to messages: one message per account and day, lines that add up to the statement, one call, the right silence."""

from dataclasses import replace

import pytest

from invoices.enums import DisputeState, HoldKind, HoldSide, InstallmentKind
from scenarios.enums import (
    ActionState,
    Anchor,
    Channel,
    Condition,
    Consequence,
    DecisionKind,
    Grouping,
    Phase,
    Reason,
    Section,
    TaskKind,
    Variant,
)
from scenarios.facts import (
    Balance,
    Credit,
    CustomerFacts,
    CustomerSituation,
    Dispute,
    Hold,
    ItemSituation,
    OpenCommitment,
    Promise,
    Step,
    compile_steps,
)
from scenarios.grouping import compose
from scenarios.planner import decide
from scenarios.spacing import Cargo, Correspondence, Waiting, Written, group_of
from tests.scenarios.builders import COVERED, FRANCE, IBAN, STANDARD, STANDARD_STEPS, day, done, iso, item

MONDAY = "2026-10-26"


def owes(*items, credits=(), name="durand", **facts):
    """The items as one customer's, with a balance that agrees with them. Overdue as of Monday 26 October."""
    by_currency = {}
    for currency in {one.currency for one in items}:
        mine = [one for one in items if one.currency == currency and not one.situation.cancelled]
        late = sum(one.outstanding_cents for one in mine if one.due_on < day(MONDAY))
        own = tuple(credit for credit in credits if currency == "EUR")
        total = sum(credit.cents for credit in own)
        by_currency[currency] = Balance(sum(one.outstanding_cents for one in mine) - total, late, credits=own, credit_cents=total)
    owner = CustomerFacts(id=name, balances=by_currency, **facts)
    return [replace(one, customer=owner) for one in items]


def decided(items, histories=None, on=MONDAY, steps=STANDARD, policy=COVERED):
    histories = histories or {}
    return [
        decide(item=one, steps=steps, history=histories.get(one.id, []), calendar=FRANCE, policy=policy, today=day(on)) for one in items
    ]


def written(decisions, on=MONDAY, history=None, policy=COVERED):
    return compose(decisions, policy=policy, history=history or {}, calendar=FRANCE, today=day(on))


def late(id, amount=1_000_00, due="2026-10-23", **facts):
    return item(id, due=due, issue="2026-09-23", amount=amount, **facts)


def lines(message):
    return [(line.section.value, line.item_id or line.label, line.cents, line.own_step) for line in message.lines]


R1_DONE = [done("r1", "2026-10-02")]
CALL_DONE = [*R1_DONE, done("call", "2026-10-09")]
R2_DONE = [*CALL_DONE, done("r2", "2026-10-14")]
R3_DONE = [*R2_DONE, done("r3", "2026-10-26")]


# --- rule 5: level per item, message per customer ---------------------------------------------------------------------------------------


def test_rule_5_forty_invoices_one_message_and_one_call():
    """Three late, a price dispute with a credit note of 312,00 to come, a 5 % retention, a residue of 4,37, 1 000 on account."""
    retention = ItemSituation(kind=InstallmentKind.RETENTION, matures_on=day("2027-10-01"))
    accepted = Dispute(312_00, day("2026-10-14"), DisputeState.ACCEPTED, day("2026-10-20"))
    credit_note = Hold(HoldSide.OURS, HoldKind.CREDIT_NOTE_PENDING, day("2026-10-20"), day("2026-11-10"), 312_00)
    items = owes(
        late("R1-A", 2_000_00),
        late("R1-B", 1_500_00),
        late("CALL", 900_00, due="2026-10-01"),
        late("PRICE", 2_400_00, situation=ItemSituation(disputes=(accepted,), holds=(credit_note,))),
        item("RETENTION", due="2027-10-01", issue="2026-09-23", amount=500_00, situation=retention),
        late("RESIDUE", 870_00, outstanding=4_37, due="2026-09-01"),
        *(item(f"LATER-{number:02}", due="2026-11-20", issue="2026-09-23", amount=100_00) for number in range(34)),
        credits=[Credit("p1", "VIR DURAND", 1_000_00, day("2026-10-20"))],
    )
    decisions = decided(items, {"CALL": [done("r1", "2026-10-02")]})

    result = written(decisions)

    (message,) = result.messages
    assert (message.phase, message.step.key, message.channel) == (Phase.FRIENDLY, "r1", Channel.EMAIL)
    assert [line.item_id for line in message.section(Section.OVERDUE)] == ["R1-A", "R1-B", "CALL", "PRICE"]
    assert message.section(Section.OVERDUE)[3].cents == 2_400_00 - 312_00
    information = {line.item_id: line.cents for line in message.section(Section.INFORMATION)}
    assert information == {"PRICE": 312_00, "RETENTION": 500_00, "RESIDUE": 4_37}
    assert len(message.section(Section.COMING_DUE)) == 34
    assert [(line.label, line.cents) for line in message.section(Section.CREDIT)] == [("VIR DURAND", -1_000_00)]
    statement = 2_000_00 + 1_500_00 + 900_00 + 2_400_00 + 500_00 + 4_37 + 34 * 100_00 - 1_000_00
    assert message.statement_cents == statement == items[0].customer.balances["EUR"].net_cents
    assert message.due_cents == 2_000_00 + 1_500_00 + 900_00 + 2_088_00 - 1_000_00
    assert {cargo.item_id for cargo in message.cargo} == {"R1-A", "R1-B", "PRICE"}
    (call,) = [task for task in result.tasks if task.kind == TaskKind.CALL]
    assert call.cargo == (Cargo("CALL", "call", 1),)
    assert set(call.also) == {"R1-A", "R1-B", "PRICE", "RESIDUE"}


def test_rule_5_the_highest_phase_sets_subject_and_text_each_item_keeps_its_step():
    items = owes(late("NEW"), late("OLD", due="2026-10-01"), item("SOON", due="2026-11-02", issue="2026-10-02"))
    result = written(decided(items, {"OLD": CALL_DONE}))

    (message,) = result.messages
    assert (message.step.key, message.phase, message.lead.item.id) == ("r2", Phase.FIRM, "OLD")
    assert message.cargo == (Cargo("NEW", "r1"), Cargo("OLD", "r2"), Cargo("SOON", "pre_due"))
    assert lines(message) == [
        ("overdue", "NEW", 1_000_00, True),
        ("overdue", "OLD", 1_000_00, True),
        ("coming_due", "SOON", 1_000_00, True),
    ]


def test_rule_5_an_overdue_item_between_two_steps_is_shown_and_its_plan_does_not_move():
    items = owes(late("NEW"), late("WAITING", due="2026-10-16"))
    decisions = decided(items, {"WAITING": [done("r1", "2026-10-23")]})
    assert decisions[1].kind == DecisionKind.WAIT

    (message,) = written(decisions).messages
    assert lines(message) == [("overdue", "NEW", 1_000_00, True), ("overdue", "WAITING", 1_000_00, False)]
    assert message.cargo == (Cargo("NEW", "r1"),)
    assert message.due_cents == 2_000_00


def test_rule_5_the_question_stands_in_its_own_section():
    items = owes(item("FIRST", due="2026-11-20", issue="2026-10-21"), first_invoices=("FIRST",))

    (message,) = written(decided(items)).messages
    assert lines(message) == [("to_confirm", "FIRST", 1_000_00, True)]
    assert message.due_cents == 0


def test_rule_5_what_is_announced_sets_the_text_before_what_is_asked_wherever_the_plan_puts_the_question():
    question = Step("again", 5, Phase.SERVICE, Channel.EMAIL, Anchor.ISSUE, 20, conditions=(Condition.QUESTION,))
    plan = compile_steps([STANDARD_STEPS[1], question])
    items = owes(
        item("ASKED", due="2026-12-20", issue="2026-10-06"),
        item("SOON", due="2026-11-02", issue="2026-10-20"),
        first_invoices=("ASKED", "SOON"),
    )

    (message,) = written(decided(items, steps=plan)).messages
    assert message.step.key == "pre_due"
    assert lines(message) == [("to_confirm", "ASKED", 1_000_00, True), ("coming_due", "SOON", 1_000_00, True)]


def test_rule_5_never_across_currencies_languages_ibans():
    euro, dollar = late("EUR"), late("USD", currency="USD")
    other_bank = late("BANK", iban="DE89370400440532013000")
    result = written(decided(owes(euro, dollar, other_bank)))

    assert [(message.currency, message.iban, message.due_cents) for message in result.messages] == [
        ("EUR", IBAN, 1_000_00),
        ("USD", IBAN, 1_000_00),
        ("EUR", "DE89370400440532013000", 1_000_00),
    ]
    assert [message.statement_cents for message in result.messages] == [2_000_00, 1_000_00, 2_000_00]
    assert lines(result.messages[2]) == [("overdue", "BANK", 1_000_00, True), ("information", "", 1_000_00, False)]


def test_rule_5_one_message_per_payer_with_each_legal_entity():
    north = owes(late("N1"), name="north", payer_id="holding")
    south = owes(late("S1"), late("S2", due="2026-10-01"), name="south", payer_id="holding")

    (message,) = written(decided([*north, *south], {"S2": CALL_DONE})).messages
    assert message.customer_id == "holding"
    assert message.entities == ("north", "south")
    assert message.statement_cents == 3_000_00


def test_rule_5_the_formal_notice_goes_to_the_legal_debtor_alone():
    north = owes(late("N1"), name="north", payer_id="holding")
    south = owes(late("S1", due="2026-10-01"), name="south", payer_id="holding")

    result = written(decided([*north, *south], {"S1": R3_DONE}, on="2026-11-06"), on="2026-11-06")
    assert [(message.customer_id, message.step.key) for message in result.messages] == [("south", "formal_notice"), ("holding", "r1")]
    assert result.messages[0].entities == ("south",)


def test_rule_5_a_formal_notice_claims_only_undisputed_items_that_went_through_every_step():
    items = owes(
        late("READY", due="2026-10-01"),
        late("YOUNGER", due="2026-10-20"),
        late("DISPUTED", due="2026-10-01", situation=ItemSituation(disputes=(Dispute(200_00, day("2026-09-20")),))),
        item("LATER", due="2026-12-01", issue="2026-11-01"),
    )
    histories = {"READY": R3_DONE, "DISPUTED": R3_DONE, "YOUNGER": [done("r1", "2026-10-21")]}
    result = written(decided(items, histories, on="2026-11-06"), on="2026-11-06")

    (notice,) = [message for message in result.messages if message.phase == Phase.LEGAL]
    assert [line.item_id for line in notice.section(Section.OVERDUE)] == ["READY"]
    assert [line.item_id for line in notice.section(Section.INFORMATION)] == ["YOUNGER", "DISPUTED", "LATER"]
    assert (notice.due_cents, notice.statement_cents) == (1_000_00, 4_000_00)
    assert (notice.approval, iso(notice.deadline_on)) == (Reason.AWAITING_APPROVAL, "2026-11-20")
    assert notice.cargo == (Cargo("READY", "formal_notice"),)


def grouped(kind):
    return compile_steps(STANDARD_STEPS, plan="standard", grouping=kind)


@pytest.mark.parametrize(
    ("grouping", "cargo"),
    [
        (Grouping.ACCOUNT, [{"OLD", "A", "B"}]),
        (Grouping.STEP, [{"OLD"}, {"A", "B"}]),
        (Grouping.ITEM, [{"OLD"}, {"A"}, {"B"}]),
    ],
)
def test_rule_5_grouping_is_an_option_of_the_plan(grouping, cargo):
    items = owes(late("A"), late("B"), late("OLD", due="2026-10-01"))
    result = written(decided(items, {"OLD": CALL_DONE}, steps=grouped(grouping)))

    assert [{one.item_id for one in message.cargo} for message in result.messages] == cargo
    assert [message.statement_cents for message in result.messages] == [3_000_00] * len(cargo)
    assert sum(message.due_cents for message in result.messages) == 3_000_00


def test_rule_5_credits_are_counted_once():
    items = owes(late("A"), late("B"), credits=[Credit("p1", "VIR", 300_00, day("2026-10-20"))])
    result = written(decided(items, steps=grouped(Grouping.ITEM)))

    assert [(message.due_cents, message.statement_cents) for message in result.messages] == [(700_00, 1_700_00), (1_000_00, 1_700_00)]


def test_rule_5_credits_that_cover_what_may_be_asked_leave_only_the_service_part():
    disputed = ItemSituation(disputes=(Dispute(900_00, day("2026-10-01")),))
    items = owes(
        late("LATE", due="2026-10-23", situation=disputed),
        item("SOON", due="2026-11-02", issue="2026-10-02"),
        credits=[Credit("p1", "VIR", 100_00, day("2026-10-20"))],
    )
    result = written(decided(items))

    (message,) = result.messages
    assert (message.step.key, message.cargo) == ("pre_due", (Cargo("SOON", "pre_due"),))
    assert {item_id: deferral.reason for item_id, deferral in result.deferrals.items()} == {"LATE": Reason.COVERED_BY_CREDIT}


# --- rule 6: spacing --------------------------------------------------------------------------------------------------------------------


def group(items, histories=None, steps=STANDARD):
    return group_of(next(one for one in decided(items, histories, steps=steps) if one.kind == DecisionKind.TAKE))


def letters_before(items, on, phase, histories=None):
    return {"durand": Correspondence(written=(Written(day(on), phase, group(items, histories)),))}


@pytest.mark.parametrize(
    ("earlier", "phase", "until"),
    [
        ("2026-10-23", Phase.SERVICE, None),  # a due-day notice never delays the first reminder
        ("2026-10-23", Phase.FRIENDLY, "2026-10-28"),  # Friday + 3 bd = Wednesday
        ("2026-10-22", Phase.FIRM, "2026-10-27"),
        ("2026-10-21", Phase.FIRM, None),
    ],
)
def test_rule_6_only_an_earlier_message_of_the_same_or_a_higher_phase_delays(earlier, phase, until):
    items = owes(late("A"))
    result = written(decided(items), history=letters_before(items, earlier, phase))

    if until is None:
        assert [message.step.key for message in result.messages] == ["r1"]
    else:
        assert result.messages == ()
        assert (result.deferrals["A"].reason, iso(result.deferrals["A"].until)) == (Reason.SPACING, until)


def test_rule_6_a_firm_message_is_not_delayed_by_a_friendly_one_and_carries_what_waited():
    items = owes(late("WAITED"), late("OLD", due="2026-10-01"))
    histories = {"OLD": CALL_DONE}
    result = written(decided(items, histories), history=letters_before(items, "2026-10-23", Phase.FRIENDLY, histories))

    (message,) = result.messages
    assert (message.step.key, {one.item_id for one in message.cargo}) == ("r2", {"WAITED", "OLD"})


def test_rule_6_no_spacing_still_means_one_a_day():
    items = owes(late("A"))
    result = written(decided(items), history=letters_before(items, MONDAY, Phase.SERVICE), policy=replace(COVERED, spacing=0))

    assert result.messages == ()
    assert (result.deferrals["A"].reason, iso(result.deferrals["A"].until)) == (Reason.ONE_PER_DAY, "2026-10-27")


def test_rule_6_what_was_passed_over_does_not_drop_out_while_the_message_waits():
    fresh = owes(item("A", due="2026-11-02", issue="2026-10-26"), first_invoices=("A",))
    decisions = decided(fresh)
    assert [skip.reason for skip in decisions[0].skips] == [Reason.SUPERSEDED]

    assert written(decisions).skips == (("A", decisions[0].skips[0]),)
    assert written(decisions, history=letters_before(fresh, "2026-10-23", Phase.SERVICE)).skips == ()


def test_rule_6_a_waiting_message_is_superseded_and_its_items_carried():
    items = owes(late("A"), late("WAITING", due="2026-10-16"), late("PAID", outstanding=0))
    unsent = {"WAITING": [done("r1", "2026-10-19", state=ActionState.PLANNED)]}
    decisions = decided(items, unsent)
    waiting = Waiting("m-1", group(items), Phase.FRIENDLY, (Cargo("WAITING", "r1"), Cargo("PAID", "r1")))

    (message,) = written(decisions, history={"durand": Correspondence(waiting=(waiting,))}).messages
    assert message.supersedes == ("m-1",)
    assert set(message.cargo) == {Cargo("A", "r1"), Cargo("WAITING", "r1")}
    assert message.due_cents == 2_000_00


def test_rule_6_a_text_message_follows_its_e_mail_and_takes_no_slot():
    plan = compile_steps([STANDARD_STEPS[3], Step("text", 5, Phase.FRIENDLY, Channel.SMS, offset=3, requires=("r1",))])
    items = owes(late("A"), late("B", due="2026-10-23"))
    histories = {"A": [done("r1", "2026-10-24", plan)]}
    decisions = decided(items, histories, steps=plan)
    mail = Written(day("2026-10-24"), Phase.FIRM, group([items[1]], steps=plan))

    result = written(decisions, history={"durand": Correspondence(written=(mail,))})
    assert [(message.channel, message.cargo) for message in result.messages] == [(Channel.SMS, (Cargo("A", "text"),))]
    assert set(result.deferrals) == {"B"}


# --- rules 9 and 10: tasks --------------------------------------------------------------------------------------------------------------


def test_rule_10_new_items_join_the_open_call():
    items = owes(late("A", due="2026-10-01"), late("B", due="2026-10-12"))
    histories = {"A": R1_DONE, "B": [done("r1", "2026-10-13")]}
    open_call = {"durand": Correspondence(open_call="task-7")}

    (call,) = written(decided(items, histories), history=open_call).tasks
    assert (call.kind, call.joins, call.cargo) == (TaskKind.CALL, "task-7", (Cargo("A", "call"), Cargo("B", "call")))
    assert call.amounts == {"EUR": 2_000_00}


def test_rule_9_what_only_we_can_free_becomes_one_task_per_customer():
    unreachable = owes(late("A"), late("B"), name="anne", reachable=frozenset())
    credit = Credit("p1", "VIR", 100_00, day("2026-10-20"))
    unallocated = owes(late("C", due="2026-10-01"), name="bruno", credits=[credit])
    expired = Hold(HoldSide.OURS, HoldKind.DOCUMENT_OWED, day("2026-10-01"), day("2026-10-15"))
    forgotten = owes(late("D", situation=ItemSituation(holds=(expired,))), name="chloe")
    unmatched = owes(late("E"), name="denis", situation=CustomerSituation(unmatched_since=day("2026-10-20")))

    result = written(decided([*unreachable, *unallocated, *forgotten, *unmatched], {"C": CALL_DONE}))
    assert [(task.kind, task.customer_id, task.also, task.escalate) for task in result.tasks] == [
        (TaskKind.FIND_CONTACT, "anne", ("A", "B"), False),
        (TaskKind.ALLOCATE_CREDIT, "bruno", ("C",), False),
        (TaskKind.HOLD_EXPIRED, "chloe", ("D",), True),
        (TaskKind.MATCH_RECEIPT, "denis", ("E",), False),
    ]


def test_a_step_done_by_hand_is_one_task_per_customer_and_step():
    plan = compile_steps([Step("chorus", 1, Phase.FRIENDLY, Channel.TASK, offset=1, task_kind=TaskKind.CHORUS_STATUS)])
    items = owes(late("A"), late("B"))

    (task,) = written(decided(items, steps=plan)).tasks
    assert (task.kind, task.step_key, task.cargo) == (TaskKind.CHORUS_STATUS, "chorus", (Cargo("A", "chorus"), Cargo("B", "chorus")))


# --- rule 11: commitments ---------------------------------------------------------------------------------------------------------------


def test_rule_11_an_announced_consequence_becomes_a_commitment_of_the_items_at_that_step():
    items = owes(late("R3", due="2026-10-01"), late("NEW"))
    (message,) = written(decided(items, {"R3": R2_DONE})).messages

    (commitment,) = message.commitments
    assert (commitment.consequence, commitment.executed_by, commitment.item_ids) == (
        Consequence.FORMAL_NOTICE,
        "formal_notice",
        ("R3",),
    )
    assert iso(commitment.due_on) == iso(message.deadline_on) == "2026-11-03"


def test_rule_11_the_same_consequence_is_announced_once_and_not_to_an_unknown_kind():
    open_one = OpenCommitment(Consequence.FORMAL_NOTICE, day("2026-11-03"), "formal_notice", frozenset({"R3"}))
    announced = owes(late("R3", due="2026-10-01"), situation=CustomerSituation(commitments=(open_one,)))
    unknown = owes(late("R3", due="2026-10-01"), regime="")

    for items in (announced, unknown):
        (message,) = written(decided(items, {"R3": R2_DONE})).messages
        assert (message.step.key, message.commitments) == ("r3", ())


# --- rule 15: supervision ---------------------------------------------------------------------------------------------------------------


def test_rule_15_under_supervision_everything_waits_on_the_board():
    supervised = replace(COVERED, supervised=True)
    (message,) = written(decided(owes(late("A")), policy=supervised), policy=supervised).messages

    assert message.approval == Reason.SUPERVISED


def test_a_step_that_wants_approval_gets_it_and_the_others_leave_by_themselves():
    plan = compile_steps([replace(STANDARD_STEPS[3], needs_approval=True)])

    (asked,) = written(decided(owes(late("A")), steps=plan)).messages
    (free,) = written(decided(owes(late("A")))).messages
    assert (asked.approval, free.approval) == (Reason.AWAITING_APPROVAL, None)


def test_nothing_due_nothing_written():
    promised = ItemSituation(promises=(Promise(1_000_00, day("2026-10-23"), day("2026-10-30")),))
    result = written(decided(owes(late("A", situation=promised), item("B", due="2026-11-20", issue="2026-10-26"))))

    assert (result.messages, result.tasks, dict(result.deferrals), result.skips) == ((), (), {}, ())


def test_the_lead_carries_its_wording():
    broken = ItemSituation(promises=(Promise(1_000_00, day("2026-10-05"), day("2026-10-20")),))
    (message,) = written(decided(owes(late("A", due="2026-10-01", situation=broken)), {"A": []})).messages

    assert (message.lead.variant, message.lines[0].variant) == (Variant.BROKEN_PROMISE, Variant.BROKEN_PROMISE)
