"""The day by e-mail, for people who asked for it: at most once a day each, never on a day their organization does not work.

It leaves from seven in the morning on the organization's clock, after the day's run, and not later than noon: an older one would tell what
is no longer so. The mail server is reached first; then the day is written down as dealt with, by a comparison that only one worker wins,
and committed; then the mail is handed over. A worker that dies in between, and an answer that is lost, cost that day's digest: it is never
sent twice. A server that cannot be reached costs nothing: the next ring tries again.
"""

import logging
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import notices
from dunning.core.calendars import Calendar
from dunning.core.enums import DigestRhythm
from dunning.core.models import Membership, Organization, OrganizationProfile
from dunning.core.money import format_date, format_money, format_number
from dunning.core.permissions import Permission, allows
from dunning.core.selectors import get_calendar, get_profile
from dunning.core.tenancy import tenant
from scenarios.models import DailyRun
from scenarios.selectors.digests import Amounts, Day, day_of

logger = logging.getLogger(__name__)

FIRST, LAST = 7, 12
"""Hours of the organization's clock between which digests leave, the second excluded."""
PREFERENCES: Final = "/notices/choose/"


def send_due(*, now: datetime) -> int:
    """Send the digests whose hour has come, everywhere; how many left. Opens its own transactions, none around a call."""
    sent = 0
    for organization, members in _expecting(now):
        try:
            mails = _compose(organization, members, now)
        except Exception:
            logger.exception("The digests of %s could not be written; the next ring tries again.", organization.slug)
            continue
        for member, mail in mails:
            try:
                sent += _send(member, mail, _today(organization, now))
            except OSError as error:
                logger.warning("The mail server cannot be reached (%s): digests wait for the next ring.", type(error).__name__)
                return sent
    return sent


def _today(organization: Organization, now: datetime) -> date:
    return now.astimezone(ZoneInfo(organization.timezone)).date()


def _expecting(now: datetime) -> Iterator[tuple[Organization, list[Membership]]]:
    """Organizations in whose morning it is, with the people whose digest of the day nobody has dealt with."""
    rows = (
        Membership.objects.exclude(digest=DigestRhythm.OFF)
        .filter(user__is_active=True, organization__suspended_at=None, organization__playing_until=None)
        .select_related("organization", "user")
        .order_by("organization", "pk")
    )
    for organization, members in groupby(rows, key=lambda row: row.organization):
        local = now.astimezone(ZoneInfo(organization.timezone))
        waiting = [row for row in members if row.digested_on is None or row.digested_on < local.date()]
        if waiting and FIRST <= local.hour < LAST:
            yield organization, waiting


def _compose(organization: Organization, members: list[Membership], now: datetime) -> list[tuple[Membership, EmailMultiAlternatives]]:
    """The digests of these people; empty on a day that is not worked, and before the day's run is over."""
    today = _today(organization, now)
    with tenant(organization) as scope:
        try:
            calendar = get_calendar(get_profile())
        except OrganizationProfile.DoesNotExist:
            return []
        if not calendar.is_business_day(today):
            for member in members:
                _take(member, today)
            return []
        if organization.run_hour < LAST and not DailyRun.objects.filter(local_date=today, finished_at__isnull=False).exists():
            return []
        before = calendar.add_business_days(today, -1)
        mails = []
        for member in members:
            if member.digest == DigestRhythm.MONDAYS and not _opens_the_week(today, before):
                _take(member, today)
                continue
            scope.account_owner = None if allows(member, Permission.VIEW) else member.user_id  # their own customers' day alone
            with translation.override(member.user.language):
                day = day_of(member=member, today=today, since=_since(member, today, before, calendar), now=now)
                mails.append((member, _write(member, day)))
        scope.account_owner = None
        return mails


def _opens_the_week(today: date, before: date) -> bool:
    """Whether it is the first working day of its week: a Monday that is not worked hands its digest to the day that follows."""
    return before.isocalendar()[:2] != today.isocalendar()[:2]


def _since(member: Membership, today: date, before: date, calendar: Calendar) -> date:
    """What left is told from the working day before, or for a weekly digest from the first one of the week before."""
    if member.digest != DigestRhythm.MONDAYS:
        return before
    return calendar.roll(date.fromordinal(before.toordinal() - before.weekday()))


def _take(member: Membership, today: date) -> bool:
    """Write down that the day's digest is dealt with; False when it was already, or is no longer wanted."""
    open_ones = Membership.objects.filter(pk=member.pk).exclude(digest=DigestRhythm.OFF)
    return bool(open_ones.filter(Q(digested_on=None) | Q(digested_on__lt=today)).update(digested_on=today))


def _send(member: Membership, mail: EmailMultiAlternatives, today: date) -> int:
    """Hand it over, once. Raises OSError when the server cannot be reached, and nothing was taken."""
    connection = get_connection()
    connection.open()
    try:
        if not _take(member, today):
            return 0
        mail.connection = connection
        return mail.send()
    except OSError as error:  # it may have arrived: never again today
        logger.warning("A digest may not have arrived (%s).", type(error).__name__)
        return 0
    finally:
        connection.close()


# --- its words ----------------------------------------------------------------------------------------------------------------------------


def _write(member: Membership, day: Day) -> EmailMultiAlternatives:
    """The mail, in the language in force: plain text, and its twin."""
    stop = notices.stop_address(member)
    context = {
        "language": translation.get_language(),
        "name": member.user.name,
        "organization": member.organization.name,
        "overdue": _overdue(day),
        "waiting": [(group.title, _number(group.count), _amounts(group.amounts)) for group in day.waiting],
        "left": _left(day),
        "channels": [(str(channel.label), _number(count)) for channel, count in day.left],
        "today_url": f"{settings.PUBLIC_BASE_URL}/",
        "preferences_url": f"{settings.PUBLIC_BASE_URL}{PREFERENCES}",
        "stop_url": stop,
    }
    amount = _amounts(day.overdue)
    values = {"amount": amount, "organization": member.organization.name}
    subject = _("%(amount)s overdue · %(organization)s") % values if amount else _("Nothing is overdue · %(organization)s") % values
    mail = EmailMultiAlternatives(
        " ".join(subject.splitlines()),
        render_to_string("messages/digest.txt", context),
        to=[member.user.email],
        headers={
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("messages/digest.html", context), "text/html")
    return mail


def _overdue(day: Day) -> str:
    if not day.overdue_items:
        return _("Nothing is overdue.")
    values = {"amount": _amounts(day.overdue), "items": _number(day.overdue_items), "customers": _customers(day.overdue_customers)}
    said = ngettext(
        "%(amount)s is overdue, on one invoice.",
        "%(amount)s is overdue, on %(items)s invoices of %(customers)s.",
        day.overdue_items,
    )
    return said % values


def _left(day: Day) -> str:
    count = sum(number for _channel, number in day.left)
    is_yesterday = (day.on - day.since).days == 1
    when = _("yesterday") if is_yesterday else _("since %(day)s") % {"day": format_date(day.since, _language())}
    values = {"n": _number(count), "when": when, "amount": _amounts(day.left_amounts)}
    if not count:
        return _("No message left %(when)s.") % values
    if not values["amount"]:
        return ngettext("One message left %(when)s.", "%(n)s messages left %(when)s.", count) % values
    return ngettext("One message left %(when)s, about %(amount)s.", "%(n)s messages left %(when)s, about %(amount)s.", count) % values


def _language() -> str:
    return "fr" if (translation.get_language() or "fr").startswith("fr") else "en"


def _number(count: int) -> str:
    return format_number(Decimal(count), 0, _language())


def _customers(count: int) -> str:
    return ngettext("%s customer", "%s customers", count) % _number(count)


def _amounts(values: Amounts) -> str:
    """By currency, never added to one another; empty for none."""
    return " + ".join(format_money(amount, currency, _language()) for currency, amount in values.items() if amount)
