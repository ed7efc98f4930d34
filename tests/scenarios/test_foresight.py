"""The coming days of a paying group, lived by the daily run's own functions: dates as the planner's, messages as its grouping's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scenarios.enums import Consequence, Phase
from scenarios.facts import Credit, CustomerFacts, CustomerSituation, HistoryEntry, Item
from scenarios.foresight import Coming, Subject, foresee
from scenarios.planner import forecast
from scenarios.spacing import Correspondence, Waiting, Written, group_of
from tests.scenarios.builders import COVERED, FRANCE, STANDARD, ask, customer, day, done, iso, item


def days(
    items: Sequence[Item],
    *,
    pasts: Mapping[str, Sequence[HistoryEntry]] | None = None,
    correspondence: Mapping[str, Correspondence] | None = None,
    today: str = "2026-09-20",
    first: str = "2026-09-21",
    last: str = "2026-12-31",
) -> list[tuple[str, str, int]]:
    """(day, step, items) of what comes."""
    return [(iso(coming.on), coming.step, coming.items) for coming in _live(items, pasts, correspondence, today, first, last)]


def _live(
    items: Sequence[Item],
    pasts: Mapping[str, Sequence[HistoryEntry]] | None = None,
    correspondence: Mapping[str, Correspondence] | None = None,
    today: str = "2026-09-20",
    first: str = "2026-09-21",
    last: str = "2026-12-31",
) -> list[Coming]:
    return foresee(
        [Subject(one, STANDARD, (pasts or {}).get(one.id, ())) for one in items],
        correspondence=correspondence or {},
        calendar=FRANCE,
        policy=COVERED,
        today=day(today),
        first=day(first),
        last=day(last),
    ).coming


def test_one_invoice_comes_as_its_own_forecast_says() -> None:
    alone = item()
    ahead = forecast(item=alone, steps=STANDARD, history=(), calendar=FRANCE, policy=COVERED, today=day("2026-09-20"))
    assert days([alone]) == [(iso(on), step.key, 1) for step, on in ahead]
    assert days([alone])[:3] == [("2026-09-24", "pre_due", 1), ("2026-10-01", "due_notice", 1), ("2026-10-02", "r1", 1)]


def test_what_comes_says_to_whom_in_which_language_and_for_how_much() -> None:
    (first, *_rest) = _live([item(amount=120_00)])
    assert (first.channel, first.customer_id, first.language, first.amounts) == ("email", "durand", "fr", {"EUR": 120_00})


def test_two_invoices_of_a_customer_share_a_message_and_a_call() -> None:
    whole = customer(net=2_000_00, overdue=2_000_00)
    pair = [item("FA-1", customer=whole), item("FA-2", customer=whole)]
    assert days(pair, last="2026-10-14") == [
        ("2026-09-24", "pre_due", 2),
        ("2026-10-01", "due_notice", 2),
        ("2026-10-02", "r1", 2),
        ("2026-10-09", "call", 2),
        ("2026-10-14", "r2", 2),
    ]


def test_a_second_invoice_waits_for_the_spacing_behind_the_first() -> None:
    whole = customer(net=2_000_00, overdue=2_000_00)
    pair = [item("FA-1", customer=whole), item("FA-2", customer=whole, due="2026-10-04")]
    assert ("2026-10-07", "r1", 1) in days(pair)  # three business days after the message of the 2nd


def test_nothing_comes_before_the_first_day_nor_after_the_last() -> None:
    assert days([item()], first="2026-10-02", last="2026-10-09") == [("2026-10-02", "r1", 1), ("2026-10-09", "call", 1)]


def test_what_waits_today_leaves_today_and_counts_for_the_spacing() -> None:
    late = item()
    taken = replace(done("r1", "2026-10-02"), state="planned")
    waiting = Waiting("m1", group_of(ask("2026-10-02", late)), Phase.FRIENDLY)
    told = {"durand": Correspondence(waiting=(waiting,))}
    found = days([late], pasts={"FA-1": [taken]}, correspondence=told, today="2026-10-02", first="2026-10-05", last="2026-10-14")
    assert found == [("2026-10-09", "call", 1), ("2026-10-14", "r2", 1)]
    other = item("FA-2", due="2026-10-02", customer=customer(net=2_000_00, overdue=2_000_00))
    both = days([late, other], correspondence=told, pasts={"FA-1": [taken]}, today="2026-10-02", first="2026-10-05", last="2026-10-08")
    assert both == [("2026-10-07", "r1", 1)]


def test_an_announced_consequence_holds_the_others_until_it_is_carried_out() -> None:
    whole = customer(net=2_000_00, overdue=2_000_00)
    threatened = item("FA-1", customer=whole)
    past = [done("r1", "2026-10-02"), done("call", "2026-10-09"), done("r2", "2026-10-14")]
    younger = item("FA-2", customer=whole, due="2026-10-27", issue="2026-09-27")
    found = days([threatened, younger], pasts={"FA-1": past}, today="2026-10-14", first="2026-10-15", last="2026-11-30")
    # the due-day notice of the younger is too close behind the firm message of the day before, and past its day it drops out
    assert found[:3] == [("2026-10-20", "pre_due", 1), ("2026-10-26", "r3", 1), ("2026-11-06", "formal_notice", 1)]
    # r1 of the younger was due on the 28th: it waits for the formal notice that r3 announced, then for the hand-over the notice announced
    assert found[3:] == [("2026-11-25", "hand_over", 1), ("2026-11-26", "r1", 1)]


def test_a_consequence_announced_before_is_carried_out_and_frees_the_others() -> None:
    from scenarios.facts import OpenCommitment

    announced = OpenCommitment(Consequence.FORMAL_NOTICE, day("2026-11-03"), "formal_notice", frozenset({"FA-1"}))
    held = customer(net=2_000_00, overdue=2_000_00, situation=CustomerSituation(commitments=(announced,)))
    steps = replace(STANDARD, steps=tuple(replace(step, announces=None) for step in STANDARD.steps))
    past = [done("r1", "2026-10-02"), done("call", "2026-10-09"), done("r2", "2026-10-14"), done("r3", "2026-10-26")]
    pair = [item("FA-1", customer=held), item("FA-2", customer=held, due="2026-10-27", issue="2026-09-27")]
    found = foresee(
        [Subject(pair[0], steps, past), Subject(pair[1], steps, ())],
        correspondence={},
        calendar=FRANCE,
        policy=COVERED,
        today=day("2026-10-27"),
        first=day("2026-10-28"),
        last=day("2026-11-12"),
    ).coming
    # freed by the notice, r1 keeps its distance from it: three business days, the 11th being a holiday
    assert [(iso(coming.on), coming.step) for coming in found] == [("2026-11-06", "formal_notice"), ("2026-11-12", "r1")]


def test_a_credit_covers_what_is_overdue_until_more_becomes_so() -> None:
    def facts(overdue: int) -> CustomerFacts:
        credit = Credit("c1", "AV-1", 1_000_00, day("2026-09-15"))
        return customer(net=1_000_00, overdue=overdue, credits=[credit])

    pair = [item("FA-1", customer=facts(1_000_00)), item("FA-2", customer=facts(1_000_00), due="2026-10-12", issue="2026-09-12")]
    found = days(pair, today="2026-10-06", first="2026-10-06", last="2026-10-16")
    # 1 000 overdue less 1 000 to set against it: nothing is asked for before the second falls due; from then on the first reminder goes
    assert [entry[:2] for entry in found] == [("2026-10-06", "pre_due"), ("2026-10-12", "due_notice"), ("2026-10-13", "r1")]


def test_who_cannot_be_reached_is_told_apart() -> None:
    mute = item(customer=customer(reachable=frozenset({"letter"})))
    found = foresee(
        [Subject(mute, STANDARD, ())],
        correspondence={},
        calendar=FRANCE,
        policy=COVERED,
        today=day("2026-10-02"),
        first=day("2026-10-02"),
        last=day("2026-11-30"),
    )
    assert (found.coming, list(found.unreached)) == ([], ["FA-1"])


def test_an_item_without_a_plan_brings_nothing() -> None:
    found = foresee(
        [Subject(item(), None, ())],
        correspondence={"durand": Correspondence(written=(Written(day("2026-09-01"), Phase.SERVICE, "x"),))},
        calendar=FRANCE,
        policy=COVERED,
        today=day("2026-10-02"),
        first=day("2026-10-02"),
        last=day("2026-11-30"),
    )
    assert (found.coming, found.unreached) == ([], {})
