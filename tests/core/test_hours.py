"""Wall times and windows of hours across clock changes (reliability: a gap runs at the next valid instant, an overlap once)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dunning.core.calendars import EVERY_DAY, calendar_for
from dunning.core.hours import Hours, at_wall
from dunning.core.models import Organization
from dunning.core.services import next_run_after

PARIS, NEW_YORK, AUCKLAND = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Auckland")
ZONES = ("Europe/Paris", "America/New_York", "Pacific/Auckland", "Australia/Lord_Howe", "Africa/Casablanca")
DAYS = st.dates(date(2025, 1, 1), date(2035, 12, 31))
EVERY = calendar_for(None, None, EVERY_DAY)
FRENCH = calendar_for("FR")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "wall", "zone", "instant"),
    [
        (date(2027, 1, 15), time(9), PARIS, "2027-01-15T08:00"),
        (date(2027, 3, 28), time(2, 30), PARIS, "2027-03-28T01:00"),  # does not exist: the first instant after the gap, 03:00
        (date(2027, 10, 31), time(2, 30), PARIS, "2027-10-31T00:30"),  # exists twice: the first
        (date(2027, 3, 14), time(2), NEW_YORK, "2027-03-14T07:00"),
        (date(2026, 9, 27), time(2, 15), AUCKLAND, "2026-09-26T14:00"),
        (date(2026, 10, 4), time(2, 10), ZoneInfo("Australia/Lord_Howe"), "2026-10-03T15:30"),  # half an hour is skipped
    ],
)
def test_a_wall_time_comes_once_whatever_the_clocks_do(day: date, wall: time, zone: ZoneInfo, instant: str) -> None:
    assert at_wall(day, wall, zone) == utc(instant)


@given(day=DAYS, minutes=st.integers(0, 1439), name=st.sampled_from(ZONES))
@example(day=date(2027, 3, 28), minutes=150, name="Europe/Paris")
@example(day=date(2027, 10, 31), minutes=150, name="Europe/Paris")
def test_nothing_earlier_shows_the_wall_time_and_nothing_is_lost(day: date, minutes: int, name: str) -> None:
    zone, wall = ZoneInfo(name), time(minutes // 60, minutes % 60)
    instant = at_wall(day, wall, zone)
    asked = datetime.combine(day, wall)

    def shown(moment: datetime) -> datetime:
        return moment.astimezone(zone).replace(tzinfo=None)

    assert shown(instant) >= asked
    assert shown(instant - timedelta(minutes=1)) < asked
    assert shown(instant) - asked <= timedelta(hours=1)


@given(
    start=st.datetimes(datetime(2025, 1, 1), datetime(2035, 12, 1), timezones=st.just(UTC)),
    hour=st.integers(0, 23),
    name=st.sampled_from(ZONES),
)
@example(start=utc("2027-03-26T12:00"), hour=2, name="Europe/Paris")
@example(start=utc("2027-10-29T12:00"), hour=2, name="Europe/Paris")
def test_every_local_date_has_exactly_one_run(start: datetime, hour: int, name: str) -> None:
    organization = Organization(timezone=name, run_hour=hour)
    days, moment = [], start
    for _run in range(6):
        moment = next_run_after(organization, moment)
        days.append(moment.astimezone(ZoneInfo(name)).date())
    assert days == [days[0] + timedelta(days=number) for number in range(6)]


@given(
    now=st.datetimes(datetime(2025, 1, 1), datetime(2035, 12, 1), timezones=st.just(UTC)),
    names=st.lists(st.sampled_from(ZONES), min_size=1, max_size=2, unique=True),
    opening=st.integers(0, 22),
)
def test_what_waits_for_the_opening_finds_it_open(now: datetime, names: list[str], opening: int) -> None:
    hours = Hours(tuple(map(ZoneInfo, names)), time(opening), time(opening + 1), FRENCH)
    opens = hours.next_opening(now)
    assert opens >= now
    assert hours.is_open(opens)
    assert (opens == now) == hours.is_open(now)


def test_a_french_day_opens_at_nine_closes_at_six_and_stays_shut_on_holidays() -> None:
    hours = Hours((PARIS,), time(9), time(18), FRENCH)
    assert not hours.is_open(utc("2026-07-13T06:59"))
    assert hours.is_open(utc("2026-07-13T07:00"))
    assert not hours.is_open(utc("2026-07-13T16:00"))
    assert hours.next_opening(utc("2026-07-13T16:00")) == utc("2026-07-15T07:00")  # the 14th is a holiday


def test_zones_nobody_can_tell_apart_are_open_together_or_follow_the_first() -> None:
    coast_to_coast = Hours((NEW_YORK, ZoneInfo("America/Los_Angeles")), time(9), time(18), EVERY)
    assert coast_to_coast.next_opening(utc("2026-07-13T13:00")) == utc("2026-07-13T16:00")  # nine in the west
    assert not coast_to_coast.is_open(utc("2026-07-13T22:30"))  # past six in the east
    opposite = Hours((PARIS, AUCKLAND), time(9), time(12), EVERY)
    assert opposite.next_opening(utc("2026-07-13T00:00")) == utc("2026-07-13T07:00")


def test_a_zone_a_day_ahead_is_open_on_its_own_date() -> None:
    hours = Hours((AUCKLAND,), time(9), time(19), calendar_for("NZ"))
    sunday_evening_in_paris = utc("2026-07-12T21:30")  # Monday, half past nine, in Auckland
    assert hours.is_open(sunday_evening_in_paris)
