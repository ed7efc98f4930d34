"""Whose clock counts: ours for e-mail, the customer's for what rings in a pocket (reliability B12: none outside the window)."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from dunning.core.calendars import calendar_for
from dunning.core.hours import Hours
from scenarios.quiet_hours import calling_hours, sending_hours

PARIS = ZoneInfo("Europe/Paris")
OURS = {"opening": time(9), "closing": time(18), "zone": PARIS, "calendar": calendar_for("FR"), "home": "FR"}
FRANCE, BERLIN, NEW_YORK, REUNION, DUBAI = "+33639980101", "+4915112345678", "+12125550123", "+262692123456", "+971501234567"


def hours(channel: str, address: str, **changed: object) -> Hours:
    found = sending_hours(channel, address, **{**OURS, **changed})  # type: ignore[arg-type]  # a table of settings
    assert found is not None
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "asked", "leaves"),
    [
        (FRANCE, "2026-11-25T06:00", "2026-11-25T08:00"),
        (FRANCE, "2026-11-25T17:30", "2026-11-26T08:00"),
        (FRANCE, "2026-12-24T17:30", "2026-12-28T08:00"),  # Christmas, then a week-end
        (BERLIN, "2026-10-02T17:00", "2026-10-05T07:00"),  # 3 October is a holiday there, and a Saturday
        (BERLIN, "2026-07-14T08:00", "2026-07-14T08:00"),  # our holiday is not theirs
        (NEW_YORK, "2026-11-25T08:00", "2026-11-25T14:00"),  # nine in New York
        (NEW_YORK, "2026-11-25T23:30", "2026-11-27T14:00"),  # Thanksgiving
        (REUNION, "2026-11-25T03:00", "2026-11-25T06:00"),  # the later of the two islands the number may be on
        (DUBAI, "2026-11-27T14:30", "2026-11-30T05:00"),  # Saturday and Sunday are their week-end
    ],
)
def test_a_text_message_waits_for_the_customers_morning(address: str, asked: str, leaves: str) -> None:
    assert hours("sms", address).next_opening(utc(asked)) == utc(leaves)


@pytest.mark.parametrize("address", [FRANCE, BERLIN, NEW_YORK, REUNION, DUBAI])
def test_no_quarter_of_an_hour_of_a_month_is_open_before_nine_or_after_seven(address: str) -> None:
    open_hours = hours("sms", address, opening=time(6), closing=time(22))
    zone = {FRANCE: PARIS, BERLIN: ZoneInfo("Europe/Berlin"), NEW_YORK: ZoneInfo("America/New_York")}.get(address)
    zone = zone or {REUNION: ZoneInfo("Indian/Reunion"), DUBAI: ZoneInfo("Asia/Dubai")}[address]
    moments = [utc("2026-12-15T00:00") + timedelta(minutes=15 * step) for step in range(96 * 31)]
    local = [moment.astimezone(zone) for moment in moments if open_hours.is_open(moment)]
    assert local
    assert all(time(9) <= moment.time() < time(19) for moment in local)
    assert not any((moment.month, moment.day) in ((12, 25), (1, 1)) for moment in local if address != DUBAI)


def test_an_organization_that_works_at_night_does_not_wake_its_customers() -> None:
    assert hours("sms", FRANCE, opening=time(20), closing=time(23)).next_opening(utc("2026-11-25T20:00")) == utc("2026-11-26T08:00")


def test_email_keeps_our_hours_and_paper_has_none() -> None:
    assert hours("email", "ap@client.example", opening=time(8)).next_opening(utc("2026-11-25T05:00")) == utc("2026-11-25T07:00")
    assert sending_hours("letter", "", **OURS) is None  # type: ignore[arg-type]  # a table of settings


def test_a_call_is_for_their_office_hours() -> None:
    there = calling_hours(NEW_YORK, zone=PARIS, calendar=calendar_for("FR"), home="FR")
    assert not there.is_open(utc("2026-11-25T09:00"))
    assert there.is_open(utc("2026-11-25T15:00"))
    assert not there.is_open(utc("2026-11-26T15:00"))  # Thanksgiving
