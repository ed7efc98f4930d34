"""Rule 14: in August and at the year's end nothing firm is said, and no term ends within."""

import pytest

from dunning.core.calendars import calendar_for, read_soft_period
from scenarios.gate import carried
from scenarios.planner import forecast
from scenarios.timing import printed_deadline
from tests.scenarios.builders import COVERED, STANDARD, World, ask, day, done, iso, item

SOFT = calendar_for("FR", soft_periods=(read_soft_period("08-01/08-21"), read_soft_period("12-24/01-02")))
SUMMER = item(due="2026-07-17", issue="2026-06-17")


def test_friendly_goes_on_and_firm_waits_for_the_first_business_day_after() -> None:
    story = World(SUMMER, calendar=SOFT).live("2026-06-17", "2026-09-30").taken
    assert [(key, on) for key, on in story if on >= "2026-07-17"] == [
        ("due_notice", "2026-07-17"),
        ("r1", "2026-07-20"),
        ("call", "2026-07-27"),
        ("r2", "2026-08-24"),  # its day was the 1st of August, a Saturday; the period ends on Friday 21
        ("r3", "2026-09-04"),
        ("formal_notice", "2026-09-15"),
        ("hand_over", "2026-09-29"),
    ]
    without = World(SUMMER).live("2026-06-17", "2026-08-31").taken
    assert dict(without)["r2"] == "2026-08-03"


def test_it_says_why_and_until_when() -> None:
    past = [done("r1", "2026-07-20"), done("call", "2026-07-27")]
    found = ask("2026-08-05", SUMMER, past, calendar=SOFT)
    assert (found.kind, found.reason, iso(found.on)) == ("wait", "soft_period", "2026-08-24")
    assert found.step.key == "r2"
    ahead = forecast(item=SUMMER, steps=STANDARD, history=past, calendar=SOFT, policy=COVERED, today=day("2026-08-05"))
    assert [(step.key, iso(on)) for step, on in ahead[:2]] == [("r2", "2026-08-24"), ("r3", "2026-09-04")]


def test_the_years_end_runs_over_new_year() -> None:
    winter = item(due="2026-12-10", issue="2026-11-10")
    past = [done("r1", "2026-12-11"), done("call", "2026-12-18")]
    for on in ("2026-12-24", "2026-12-31", "2027-01-01", "2027-01-02"):
        found = ask(on, winter, past, calendar=SOFT)
        assert found.kind != "take", on
    assert iso(ask("2026-12-28", winter, past, calendar=SOFT).on) == "2027-01-04"
    assert ask("2027-01-04", winter, past, calendar=SOFT).step.key == "r2"


def test_a_firm_message_that_was_about_to_leave_is_stopped_at_the_gate() -> None:
    step = STANDARD.steps[STANDARD.index["r2"]]
    past = [done("r1", "2026-07-20"), done("call", "2026-07-27")]

    def stop(on: str) -> str | None:
        return carried(SUMMER, step, STANDARD, past, 1_000_00, SOFT, COVERED, day(on)).stop

    assert [stop(on) for on in ("2026-07-31", "2026-08-03", "2026-08-24")] == [None, "soft_period", None]


@pytest.mark.parametrize(
    ("posted", "deadline"),
    [
        ("2026-07-20", "2026-07-31"),  # three days on the road, eight to pay
        ("2026-08-03", "2026-08-24"),  # it would be the 14th
        ("2026-08-20", "2026-09-02"),  # later than the period in any case
        ("2026-12-28", "2027-01-08"),
    ],
)
def test_a_term_given_within_the_period_ends_after_it(posted: str, deadline: str) -> None:
    assert iso(printed_deadline(day(posted), 8, SOFT, by_post=True)) == deadline


def test_periods_are_read_and_refused() -> None:
    assert read_soft_period("12-24/01-02") == (12, 24, 1, 2)
    leap = calendar_for(None, soft_periods=(read_soft_period("02-10/02-29"),))
    assert [iso(leap.soft_through_ordinal(day(on))) for on in ("2027-02-10", "2028-02-10")] == ["2027-02-28", "2028-02-29"]
    assert leap.soft_through_ordinal(day("2027-03-01")) is None
    for text in ("", "08-01", "08-32/09-01", "1 August/21 August", "08-01/08-21/09-01"):
        with pytest.raises(ValueError, match=r"."):
            read_soft_period(text)
