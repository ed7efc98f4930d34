"""When an organization works, and when it leaves its customers in peace: weekdays, public holidays, closures, soft periods (rule 14), and
the habits of good payers (rule 13)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.calendars import calendar_for, read_soft_period
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile

FIELDS: Final = ("working_days", "holiday_country", "holiday_subdivision", "closures", "soft_periods", "follows_habits")
MOST_CLOSURES: Final = 400
MOST_PERIODS: Final = 12


def change_working_days(
    *,
    working_days: Iterable[int],
    holiday_country: str,
    holiday_subdivision: str,
    closures: Iterable[date],
    soft_periods: Iterable[str],
    follows_habits: bool,
    actor: str,
    now: datetime,
) -> list[str]:
    """Change the calendar the plans count by; the names of the fields that changed.

    `working_days` are weekdays from 0 (Monday), `holiday_country` ISO 3166 or "" for no public holiday, `soft_periods` as
    `read_soft_period` reads them, `follows_habits` whether good payers are waited for. What was decided for a day to come is decided anew
    by the next run; what was sent stays. Raises DomainError naming the field; nothing is written then.
    """
    new: dict[str, Any] = {
        "working_days": sorted(set(working_days)),
        "holiday_country": holiday_country,
        "holiday_subdivision": holiday_subdivision,
        "closures": sorted(set(closures)),
        "soft_periods": sorted(set(soft_periods)),
        "follows_habits": follows_habits,
    }
    _check(new["working_days"], holiday_country, holiday_subdivision, new["closures"], new["soft_periods"])
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    before = {name: getattr(profile, name) for name in FIELDS}
    changed = [name for name in FIELDS if before[name] != new[name]]
    if changed:
        for name in changed:
            setattr(profile, name, new[name])
        profile.save(update_fields=changed)
        body = {"before": {name: _plain(before[name]) for name in changed}, "after": {name: _plain(new[name]) for name in changed}}
        audit.record(actor=actor, action="organization.working_days", target=profile, body=body, now=now)
    return changed


def _check(working_days: list[int], country: str, subdivision: str, closures: list[date], soft_periods: list[str]) -> None:
    if not working_days or not set(working_days) <= set(range(7)):
        raise DomainError(_("Work on one day of the week at least."), field="working_days")
    try:
        calendar_for(country or None, subdivision or None)
    except ValueError:
        raise DomainError(_("No public holidays are known for this country."), field="holidays") from None
    if len(closures) > MOST_CLOSURES:
        raise DomainError(_("At most %s days: for a day closed every week, change the working days.") % MOST_CLOSURES, field="closures")
    if len(soft_periods) > MOST_PERIODS:
        raise DomainError(_("At most %s periods.") % MOST_PERIODS, field="soft_periods")
    for text in soft_periods:
        try:
            read_soft_period(text)
        except ValueError:
            raise DomainError(_("“%s” is not a period.") % text, field="soft_periods") from None


def _plain(value: object) -> object:
    return [str(one) for one in value] if isinstance(value, list) else value
