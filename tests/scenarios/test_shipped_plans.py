"""The shipped plans (rules 12 and 18): they can work, they say what their texts need, and their dates are the ones promised."""

import pytest

from dunning.core.enums import Channel, Phase
from notifications.texts import shipped_texts
from scenarios.enums import Anchor
from scenarios.facts import Steps, compile_steps
from scenarios.plan_store import text_facts
from scenarios.planner import forecast
from scenarios.services.texts import shipped_contents
from scenarios.shipped import GROUPS, PLAN_KEYS, shipped_plans
from scenarios.validator import Surroundings, validate_plan
from tests.scenarios.builders import COVERED, FRANCE, customer, day, iso, item

SURROUNDINGS = Surroundings(languages=frozenset({"fr", "en"}), texts=text_facts(shipped_contents()))


def compiled(key: str) -> Steps:
    return compile_steps(shipped_plans()[key].as_steps(), plan=key, version=f"{key}-1")


def dates(key: str, *, due: str = "2026-10-01", first: bool = False) -> list[tuple[str, str]]:
    """The plan as foreseen on the issue date, 1 September 2026, for 1 000,00; `first`: one of the customer's first invoices."""
    newcomer = customer(first_invoices=("FA-1",)) if first else customer()
    found = forecast(
        item=item(due=due, customer=newcomer),
        steps=compiled(key),
        history=[],
        calendar=FRANCE,
        policy=COVERED,
        today=day("2026-09-01"),
    )
    return [(step.key, iso(on)) for step, on in found]


@pytest.mark.parametrize("key", PLAN_KEYS)
def test_a_shipped_plan_has_neither_error_nor_warning(key: str) -> None:
    assert validate_plan(shipped_plans()[key].as_steps(), SURROUNDINGS, thanks=shipped_plans()[key].thanks) == []


def test_thanks_are_said_where_customers_are_kept_and_nowhere_else() -> None:
    assert {key for key in PLAN_KEYS if shipped_plans()[key].thanks} == {"standard", "key-account"}


@pytest.mark.parametrize("key", PLAN_KEYS)
def test_a_shipped_plan_is_named_in_both_languages(key: str) -> None:
    plan = shipped_plans()[key]
    assert plan.key == key
    assert all((plan.name, plan.name_en, plan.description, plan.description_en))
    assert [step.key for step in plan.steps if not (step.name and step.name_en)] == []


@pytest.mark.parametrize("key", PLAN_KEYS)
def test_steps_say_what_their_texts_need(key: str) -> None:
    """Term, announcement and citations stand in both places and must agree, or a message says what the plan does not do."""
    texts = shipped_texts()
    for step in shipped_plans()[key].steps:
        if not step.template:
            assert step.channel in (Channel.CALL, Channel.TASK)
            continue
        text = texts[step.template]
        assert (text.channel, text.phase, text.term_days, text.announces) == (
            step.channel.value,
            step.phase.name,
            step.term_days,
            step.announces.value if step.announces else "",
        )
        assert set(text.requires) <= set(step.requires)


def test_only_tasks_and_approved_letters_are_legal() -> None:
    for plan in shipped_plans().values():
        for step in plan.steps:
            if step.phase == Phase.LEGAL:
                assert step.channel == Channel.TASK or (step.channel == Channel.REGISTERED and step.needs_approval)


def test_every_group_follows_a_shipped_plan() -> None:
    assert {group.key: group.plan for group in GROUPS} == {
        "regular": "standard",
        "key-accounts": "key-account",
        "late": "firm",
        "public": "public",
        "consumers": "consumer",
    }
    assert all(group.name["fr"] and group.name["en"] for group in GROUPS)


def test_standard_plan_due_thursday_1_october_2026() -> None:
    """The worked example of rule 2; the hand-over leaves the printed deadline (6 November + 3 bd + 8 days, 11 November closed) + 3 bd."""
    assert dates("standard") == [
        ("pre_due", "2026-09-24"),
        ("due_day_notice", "2026-10-01"),
        ("r1", "2026-10-02"),
        ("call", "2026-10-09"),
        ("r2", "2026-10-14"),
        ("r3", "2026-10-26"),
        ("formal_notice", "2026-11-06"),
        ("hand_over", "2026-11-25"),
    ]


def test_the_first_invoices_are_asked_about() -> None:
    assert dates("standard", first=True)[0] == ("receipt_check", "2026-09-07")  # 6 September is a Sunday
    assert dates("firm", first=True)[0] == ("receipt_check", "2026-09-04")
    assert dates("key-account", first=True)[0] == ("pre_due", "2026-09-28")  # nobody asks; 26 September is a Saturday


def test_key_account_plan() -> None:
    assert dates("key-account")[1:] == [
        ("r1", "2026-10-09"),
        ("call", "2026-10-16"),
        ("r2", "2026-10-26"),  # the 24th is a Saturday
        ("decision", "2026-11-06"),
        ("formal_notice", "2026-11-12"),  # 9, 10 and 12 November: the 11th is closed
        ("hand_over", "2026-11-30"),
    ]


def test_firm_plan_is_the_same_road_in_fewer_days() -> None:
    assert dates("firm") == [
        ("pre_due", "2026-09-24"),
        ("due_day_notice", "2026-10-01"),
        ("r1", "2026-10-02"),
        ("call", "2026-10-06"),
        ("r2", "2026-10-12"),  # the 10th is a Saturday
        ("sms", "2026-10-14"),
        ("r3", "2026-10-20"),
        ("formal_notice", "2026-10-28"),
        ("hand_over", "2026-11-16"),
    ]


def test_firm_plan_without_a_mobile_goes_on_without_its_text_message() -> None:
    nobody = customer(reachable=frozenset({"email", "letter", "registered"}))
    found = forecast(
        item=item(customer=nobody), steps=compiled("firm"), history=[], calendar=FRANCE, policy=COVERED, today=day("2026-10-05")
    )
    assert [step.key for step, _on in found] == ["r1", "call", "r2", "r3", "formal_notice", "hand_over"]


def test_public_plan_is_counted_from_the_due_date() -> None:
    public = forecast(
        item=item(customer=customer(regime="public:FR")),
        steps=compiled("public"),
        history=[],
        calendar=FRANCE,
        policy=COVERED,
        today=day("2026-09-01"),
    )
    assert [(step.key, iso(on)) for step, on in public] == [
        ("chorus_status", "2026-09-11"),
        ("r1", "2026-10-12"),  # the 11th is a Sunday
        ("call", "2026-10-22"),  # ten days after a reminder that left a day late
        ("r2", "2026-11-02"),  # 1 November is a Sunday
        ("r3", "2026-11-17"),
        ("formal_notice", "2026-12-02"),
        ("hand_over", "2027-01-04"),  # 1 January is closed
    ]


def test_consumer_plan() -> None:
    assert dates("consumer") == [
        ("pre_due", "2026-09-28"),  # 26 September is a Saturday
        ("r1", "2026-10-06"),
        ("call", "2026-10-16"),
        ("r2", "2026-10-26"),
        ("r3", "2026-11-06"),
        ("formal_notice", "2026-11-17"),
        ("hand_over", "2026-12-10"),
    ]


def test_the_plan_of_proceedings_is_light() -> None:
    assert dates("proceedings") == [
        ("due_day_notice", "2026-10-01"),
        ("r1", "2026-10-05"),  # the 4th is a Sunday
        ("call", "2026-10-12"),
        ("decision", "2026-10-19"),
    ]


def test_overdue_steps_are_counted_from_the_one_before_except_in_public() -> None:
    for key in set(PLAN_KEYS) - {"public"}:
        overdue = [step for step in shipped_plans()[key].steps if step.phase > Phase.SERVICE]
        assert [step.anchor for step in overdue] == [Anchor.DUE] + [Anchor.PREVIOUS] * (len(overdue) - 1)
