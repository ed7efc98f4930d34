"""When to ring somebody, on their own clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from dunning.core.models import Organization
from dunning.core.selectors import get_calendar, get_profile
from scenarios.quiet_hours import calling_hours
from scenarios.selectors.why import day_words


def calling_note(*, organization: Organization, phone: str, now: datetime) -> str:
    """A warning before a call nobody would answer: what time it is there, and when to ring instead; "" in their office hours."""
    if not phone:
        return ""
    profile = get_profile()
    home = ZoneInfo(organization.timezone)
    hours = calling_hours(phone, zone=home, calendar=get_calendar(profile), home=profile.country)
    if hours.is_open(now):
        return ""
    there, opens = now.astimezone(hours.zones[0]), hours.next_opening(now).astimezone(home)
    return _("It is %(time)s there, outside office hours: call on %(day)s from %(opening)s, our time.") % {
        "time": f"{there:%H:%M}",
        "day": day_words(opens.date()),
        "opening": f"{opens:%H:%M}",
    }
