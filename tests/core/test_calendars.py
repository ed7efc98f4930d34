from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.calendars import (
    ALSACE_MOSELLE,
    EVERY_DAY,
    MONDAY_TO_FRIDAY,
    TARGET,
    Calendar,
    calendar_for,
    easter,
    is_target_day,
    roll_to_target,
    subdivisions,
)

FRANCE = calendar_for("FR")
DAYS = st.dates(date(2015, 1, 1), date(2045, 12, 31))
CALENDARS = st.sampled_from(
    [
        FRANCE,
        TARGET,
        calendar_for("FR", ALSACE_MOSELLE),
        calendar_for("GB"),
        calendar_for(None, None, EVERY_DAY),
        calendar_for("FR", None, frozenset({1, 4}), frozenset({date(2026, 8, 4), date(2026, 8, 7)})),
    ]
)


def closed_weekdays(calendar: Calendar, year: int) -> list[date]:
    first = date(year, 1, 1)
    days = (first + timedelta(days=offset) for offset in range(365))
    return [day for day in days if day.weekday() < 5 and not calendar.is_business_day(day)]


def test_easter() -> None:
    assert [easter(year) for year in (2024, 2025, 2026, 2027)] == [
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2027, 3, 28),
    ]


def test_french_holidays_of_2026() -> None:
    # 15 August is a Saturday, 1 November a Sunday.
    assert closed_weekdays(FRANCE, 2026) == [
        date(2026, 1, 1),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 8),
        date(2026, 5, 14),
        date(2026, 5, 25),
        date(2026, 7, 14),
        date(2026, 11, 11),
        date(2026, 12, 25),
    ]


@pytest.mark.parametrize("subdivision", [ALSACE_MOSELLE, "57"])
def test_alsace_and_moselle_have_two_more(subdivision: str) -> None:
    assert subdivision in subdivisions("FR")
    there = calendar_for("FR", subdivision, frozenset({0, 1, 2, 3, 4, 5}))
    elsewhere = calendar_for("FR", None, frozenset({0, 1, 2, 3, 4, 5}))
    first = date(2026, 1, 1)
    days = [first + timedelta(days=offset) for offset in range(365)]
    assert [day for day in days if elsewhere.is_business_day(day) and not there.is_business_day(day)] == [
        date(2026, 4, 3),
        date(2026, 12, 26),
    ]


def test_an_observed_holiday_is_found_in_its_own_year() -> None:
    # 1 January 2028 is a Saturday: the United States rest on Friday 31 December 2027.
    assert not calendar_for("US").is_business_day(date(2027, 12, 31))


def test_rolling_over_the_easter_week_end() -> None:
    assert FRANCE.roll(date(2026, 4, 4)) == date(2026, 4, 7)
    assert FRANCE.roll(date(2026, 4, 3)) == date(2026, 4, 3)
    assert FRANCE.roll_back(date(2026, 4, 6)) == date(2026, 4, 3)


def test_counting_business_days() -> None:
    sunday = date(2026, 10, 25)
    assert FRANCE.add_business_days(sunday, 2) == date(2026, 10, 27)
    assert FRANCE.add_business_days(sunday, 0) == date(2026, 10, 26)
    assert FRANCE.add_business_days(sunday, -1) == date(2026, 10, 23)
    # Wednesday 11 November 2026 is a holiday.
    assert FRANCE.add_business_days(date(2026, 11, 10), 1) == date(2026, 11, 12)
    assert FRANCE.add_business_days(date(2026, 11, 10), 3) == date(2026, 11, 16)
    assert FRANCE.add_business_days(date(2026, 11, 12), -1) == date(2026, 11, 10)
    assert FRANCE.business_days_between(date(2026, 11, 10), date(2026, 11, 16)) == 3
    assert FRANCE.business_days_between(date(2026, 11, 16), date(2026, 11, 10)) == -3


def test_the_company_has_its_own_week_and_closures() -> None:
    shop = Calendar("FR", None, frozenset({1, 2, 3, 4, 5}), frozenset({date(2026, 8, 4)}))
    assert shop.is_business_day(date(2026, 8, 1))  # a Saturday
    assert shop.roll(date(2026, 8, 2)) == date(2026, 8, 5)  # Sunday, Monday off, Tuesday closed


def test_a_calendar_without_any_closed_day() -> None:
    always = calendar_for(None, None, EVERY_DAY)
    assert always.add_business_days(date(2026, 12, 24), 8) == date(2027, 1, 1)


def test_the_banks_calendar() -> None:
    assert closed_weekdays(TARGET, 2026) == [date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 12, 25)]
    assert is_target_day(date(2026, 5, 8))
    assert not is_target_day(date(2026, 12, 26))
    assert roll_to_target(date(2026, 4, 3)) == date(2026, 4, 7)
    assert roll_to_target(date(2026, 9, 20)) == date(2026, 9, 21)


def test_the_banks_calendar_agrees_with_an_independent_one() -> None:
    independent = holidays.financial_holidays("XECB", years=range(2015, 2046))
    first = date(2015, 1, 1)
    for offset in range((date(2045, 12, 31) - first).days + 1):
        day = first + timedelta(days=offset)
        assert is_target_day(day) == (day.weekday() < 5 and day not in independent), day


@pytest.mark.parametrize(
    ("country", "subdivision", "week"),
    [
        ("QQ", None, MONDAY_TO_FRIDAY),
        ("FR", "ZZ", MONDAY_TO_FRIDAY),
        (None, "57", MONDAY_TO_FRIDAY),
        ("FR", None, frozenset()),
        ("FR", None, frozenset({7})),
    ],
)
def test_what_is_no_calendar_is_refused_at_once(country: str | None, subdivision: str | None, week: frozenset[int]) -> None:
    with pytest.raises(ValueError, match=r"holidays|subdivision|weekdays"):
        Calendar(country, subdivision, week)


def test_equal_settings_share_one_calendar() -> None:
    assert calendar_for("FR", None) is calendar_for(country="FR", working_days=MONDAY_TO_FRIDAY)
    assert Calendar("FR") == Calendar("FR")
    assert hash(Calendar("FR")) == hash(Calendar("FR"))
    assert Calendar("FR") != Calendar("FR", ALSACE_MOSELLE)


@given(CALENDARS, DAYS)
def test_rolling_never_moves_the_wrong_way_and_passes_no_open_day(calendar: Calendar, day: date) -> None:
    forward, back = calendar.roll(day), calendar.roll_back(day)
    assert back <= day <= forward
    assert calendar.is_business_day(forward)
    assert calendar.is_business_day(back)
    between = [back + timedelta(days=offset) for offset in range(1, (forward - back).days)]
    assert [one for one in between if calendar.is_business_day(one)] == []


@given(CALENDARS, DAYS, st.integers(-40, 40).filter(bool))
def test_adding_and_counting_are_one_thing(calendar: Calendar, day: date, n: int) -> None:
    there = calendar.add_business_days(day, n)
    assert calendar.is_business_day(there)
    assert calendar.business_days_between(day, there) == n


@given(CALENDARS, DAYS, st.integers(1, 40))
def test_going_and_coming_back_ends_on_the_rolled_day(calendar: Calendar, day: date, n: int) -> None:
    start = calendar.roll(day)
    assert calendar.add_business_days(calendar.add_business_days(start, n), -n) == start


@given(DAYS, DAYS)
def test_one_more_holiday_never_makes_a_day_come_earlier(day: date, closed: date) -> None:
    stricter = Calendar("FR", None, MONDAY_TO_FRIDAY, frozenset({closed}))
    assert stricter.roll(day) >= FRANCE.roll(day)
    assert stricter.add_business_days(day, 3) >= FRANCE.add_business_days(day, 3)


@given(CALENDARS, DAYS, st.integers(-5, 5))
def test_ordinals_and_dates_agree(calendar: Calendar, day: date, n: int) -> None:
    ordinal = day.toordinal()
    assert calendar.is_bd_ordinal(ordinal) == calendar.is_business_day(day)
    assert date.fromordinal(calendar.roll_ordinal(ordinal)) == calendar.roll(day)
    assert date.fromordinal(calendar.roll_back_ordinal(ordinal)) == calendar.roll_back(day)
    assert date.fromordinal(calendar.add_bd_ordinal(ordinal, n)) == calendar.add_business_days(day, n)
