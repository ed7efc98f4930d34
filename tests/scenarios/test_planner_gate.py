"""What leaves at all: the brakes, the last look before a message leaves, what is not said twice; rules 15 and 17 of docs/rules.md."""

from dataclasses import replace

import pytest

from invoices.enums import HoldKind, HoldSide
from scenarios.brakes import Brake, Volume, brake
from scenarios.enums import Reason
from scenarios.facts import CustomerSituation, Dispute, ItemSituation, Policy, Promise, compile_steps
from scenarios.gate import Answer, Carried, GateFacts, carried, gate
from scenarios.outcomes import may_thank
from tests.scenarios.builders import COVERED, FRANCE, STANDARD, STANDARD_STEPS, ask, customer, day, held, item, said

# --- rule 15: brakes --------------------------------------------------------------------------------------------------------------------


def braked(planned, announced, *, before=None, new_invoices=True, played=False):
    return brake(planned=planned, announced=announced, claimed_before=before or {}, new_invoices=new_invoices, played=played)


def test_rule_15_volume():
    assert braked(Volume(60), Volume(40)) is None  # exactly 1.5 times
    assert braked(Volume(61), Volume(40)) == Brake("volume", "", 61, 40)
    assert braked(Volume(19), Volume(0)) is None  # not 20 more
    assert braked(Volume(20), Volume(0)) == Brake("volume", "", 20, 0)
    assert braked(Volume(500), Volume(0), played=True) is None


def test_rule_15_one_origin_makes_up_an_unforecast_excess():
    planned = Volume(130, by_step={"r1": 71, "r2": 59}, by_import={"": 130})
    announced = Volume(100, by_step={"r1": 55, "r2": 45}, by_import={"": 100})

    assert braked(planned, announced) == Brake("step", "r1", 71, 55)  # 16 of 30
    even = Volume(130, by_step={"r1": 70, "r2": 60})
    assert braked(even, announced) is None  # 15 of 30 is not more than half
    loaded = Volume(130, by_import={"friday.csv": 40})
    assert braked(loaded, announced) == Brake("import", "friday.csv", 40, 0)


def test_rule_15_the_total_claimed_jumps_without_new_invoices():
    before = {"EUR": 100_000_00}
    planned = Volume(10, claimed_cents={"EUR": 150_000_01})

    assert braked(planned, Volume(10), before=before) is None
    assert braked(planned, Volume(10), before=before, new_invoices=False) == Brake("claimed", "EUR", 150_000_01, 100_000_00)
    assert braked(Volume(10, claimed_cents={"EUR": 150_000_00}), Volume(10), before=before, new_invoices=False) is None


def test_rule_15_the_tenant_can_hold_everything():
    assert said(ask("2026-10-02", policy=replace(COVERED, held=True))) == ("wait", "tenant_held", None)


# --- rule 17: the gate ------------------------------------------------------------------------------------------------------------------

SOUND = Carried("FA-1", 1_000_00, 1_000_00)
OPEN_GATE = GateFacts(ibans=frozenset({"FR76"}))
R1 = STANDARD.steps[STANDARD.index["r1"]]


def test_rule_17_everything_in_order():
    verdict = gate(OPEN_GATE, [SOUND])

    assert (verdict.answer, verdict.reason, verdict.kept) == (Answer.GO, None, ("FA-1",))


def test_rule_17_the_first_no_in_the_order_of_the_rule():
    stops = [
        ("suspended", True, Answer.CANCEL, Reason.TENANT_SUSPENDED),
        ("held", True, Answer.WAIT, Reason.TENANT_HELD),
        ("suppressed", True, Answer.WAIT, Reason.SUPPRESSED),
        ("spaced", True, Answer.WAIT, Reason.SPACING),
        ("written_today", True, Answer.WAIT, Reason.ONE_PER_DAY),
        ("outside_window", True, Answer.WAIT, Reason.OUTSIDE_WINDOW),
        ("awaiting_approval", True, Answer.WAIT, Reason.AWAITING_APPROVAL),
        ("ibans", frozenset({"FR76", "DE44"}), Answer.WAIT, Reason.IBAN_MISMATCH),
    ]
    facts = OPEN_GATE
    for field, value, answer, reason in reversed(stops):
        facts = replace(facts, **{field: value})
        verdict = gate(facts, [SOUND])
        assert (verdict.answer, verdict.reason) == (answer, reason)


def test_rule_17_items_that_fell_away_are_dropped_and_the_rest_is_rendered_again():
    paid = Carried("FA-2", 500_00, 0, Reason.SETTLED)

    verdict = gate(OPEN_GATE, [SOUND, paid])
    assert (verdict.answer, verdict.reason, verdict.kept) == (Answer.RENDER_AGAIN, Reason.SETTLED, ("FA-1",))
    assert verdict.dropped == (("FA-2", Reason.SETTLED),)
    assert gate(OPEN_GATE, [paid]).answer == Answer.CANCEL
    assert gate(OPEN_GATE, []).reason == Reason.EMPTY


def test_rule_17_less_stays_approved_more_does_not():
    approved = replace(OPEN_GATE, approved_cents=1_000_00)

    assert gate(approved, [SOUND]).answer == Answer.GO
    assert gate(approved, [replace(SOUND, chased_cents=600_00)]).reason == Reason.AMOUNT_CHANGED
    verdict = gate(approved, [replace(SOUND, chased_cents=1_000_01)])
    assert (verdict.answer, verdict.reason) == (Answer.WAIT, Reason.AWAITING_APPROVAL)


def test_rule_17_no_iban_no_message():
    assert gate(replace(OPEN_GATE, ibans=frozenset({""})), [SOUND]).reason == Reason.IBAN_MISSING
    assert gate(replace(OPEN_GATE, ibans=frozenset(), needs_iban=False), [SOUND]).answer == Answer.GO


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (item(), None),
        (item(outstanding=0), Reason.SETTLED),
        (item(situation=held(HoldSide.THEIRS, HoldKind.PAUSE, "2026-10-30")), Reason.HELD_THEIRS),
        (item(situation=ItemSituation(disputes=(Dispute(None, day("2026-10-06")),))), Reason.DISPUTED),
        (item(situation=ItemSituation(promises=(Promise(1_000_00, day("2026-10-05"), day("2026-10-20")),))), Reason.PROMISED),
        (item(customer=customer(situation=CustomerSituation(insolvent_on=day("2026-10-05")))), Reason.INSOLVENCY),
        (item(iban=""), Reason.IBAN_MISSING),
    ],
    ids=["sound", "paid", "held", "disputed", "promised", "insolvent", "no iban"],
)
def test_rule_17_an_item_is_looked_at_again(subject, reason):
    seen = carried(subject, R1, STANDARD, [], 1_000_00, FRANCE, COVERED, day("2026-10-06"))

    assert seen.stop == reason


def test_rule_17_a_message_about_a_coming_term_does_not_leave_after_it():
    notice = STANDARD.steps[STANDARD.index["due_notice"]]

    assert carried(item(), notice, STANDARD, [], 1_000_00, FRANCE, COVERED, day("2026-10-01")).stop is None
    assert carried(item(), notice, STANDARD, [], 1_000_00, FRANCE, COVERED, day("2026-10-02")).stop == Reason.PAST_DUE_DATE


def test_rule_17_what_passes_by_itself_waits_instead_of_dying():
    uncovered = carried(item(), R1, STANDARD, [], 1_000_00, FRANCE, Policy(), day("2026-10-06"))

    verdict = gate(OPEN_GATE, [uncovered])
    assert (verdict.answer, verdict.reason, verdict.dropped) == (Answer.WAIT, Reason.LEDGER_NOT_COVERED, ())


# --- thanks, and a plan that is not one -------------------------------------------------------------------------------------------------


def test_thanks_once_a_quarter_and_never_after_a_firm_reminder():
    today = day("2026-10-01")

    assert may_thank(None, False, today) is True
    assert may_thank(None, True, today) is False
    assert [may_thank(today - days, False, today) for days in (90, 91)] == [False, True]


def test_two_steps_of_one_key_are_refused():
    with pytest.raises(ValueError, match="same key"):
        compile_steps([STANDARD_STEPS[0], replace(STANDARD_STEPS[1], key="receipt")])
