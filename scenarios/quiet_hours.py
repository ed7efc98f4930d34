"""When a message may leave and when somebody may be called: our own hours for e-mail, the customer's own clock for what rings.

E-mail leaves in the organization's sending hours. A text message rings in a pocket: it leaves within those hours as they read on the
clock of the number's country, never before nine nor after seven in the evening, on business days there. Paper has no hours.
"""

from datetime import time
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from customers.identity import phone_place
from dunning.core.calendars import EVERY_DAY, MONDAY_TO_FRIDAY, Calendar, calendar_for
from dunning.core.enums import Channel
from dunning.core.hours import Hours

SMS_FROM: Final = time(9)
SMS_UNTIL: Final = time(19)
CALLS_FROM: Final = time(9)
CALLS_UNTIL: Final = time(18)


def sending_hours(
    channel: str, address: str, *, opening: time, closing: time, zone: ZoneInfo, calendar: Calendar, home: str
) -> Hours | None:
    """The hours in which a message over `channel` may leave to `address`; None when any moment will do.

    `opening`, `closing`, `zone`, `calendar` are the organization's own, `home` its country.
    """
    if channel == Channel.EMAIL:
        return Hours((zone,), opening, closing, calendar)
    if channel != Channel.SMS:
        return None
    first, last = max(opening, SMS_FROM), min(closing, SMS_UNTIL)
    if first >= last:  # an organization that works at night does not wake its customers
        first, last = SMS_FROM, SMS_UNTIL
    return _there(address, first, last, zone, calendar, home)


def calling_hours(phone: str, *, zone: ZoneInfo, calendar: Calendar, home: str) -> Hours:
    """The hours in which a call to `phone` finds somebody at work."""
    return _there(phone, CALLS_FROM, CALLS_UNTIL, zone, calendar, home)


def _there(phone: str, first: time, last: time, zone: ZoneInfo, calendar: Calendar, home: str) -> Hours:
    country, zones = phone_place(phone)
    if country in ("", home) and (not zones or zone.key in zones):
        return Hours((zone,), first, last, calendar)
    return Hours(tuple(map(ZoneInfo, zones)) or (zone,), first, last, calendar if country == home else _business_days(country))


@lru_cache(maxsize=256)
def _business_days(country: str) -> Calendar:
    """The calendar of a country: its own weekend and public holidays; Monday to Friday where they are not known."""
    try:
        weekend = holidays.country_holidays(country, years=()).weekend
        return calendar_for(country, None, frozenset(EVERY_DAY - set(weekend)))
    except (NotImplementedError, ValueError):
        return calendar_for(None, None, MONDAY_TO_FRIDAY)
