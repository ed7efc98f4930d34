"""What a report looks at, out of its address: a day, a period, a currency, a group. What cannot be read is said, and the nearest taken."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from customers.models import CustomerGroup
from customers.selectors import list_groups
from dunning.core.money import format_date
from dunning.core.selectors import get_profile
from dunning.dashboard import formatting
from dunning.dashboard.reports.tables import month_name
from invoices.currencies import currencies_in_use
from invoices.owed import Scope
from invoices.reports.delays import Period
from invoices.reports.sales import month_end, months_before

AS_OF, PERIOD, CLOSING, MONTH = "as_of", "period", "closing", "month"
USUAL_PERIOD: Final = "last-3"
OLDEST_YEAR: Final = 2000
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_QUARTER: Final = re.compile(r"(\d{4})-Q([1-4])")
_YEAR: Final = re.compile(r"(\d{4})")
_LAST: Final = re.compile(r"last-(3|6|12)")


@dataclass(frozen=True)
class Filters:
    """What the page shows. `notes` say what of the address could not be read, and what was taken instead."""

    today: dt.date
    scope: Scope
    group: CustomerGroup | None
    as_of: dt.date
    period: Period
    period_key: str
    currencies: Sequence[str]
    groups: Sequence[CustomerGroup]
    usual_as_of: dt.date
    notes: Sequence[str] = field(default=())

    @property
    def currency(self) -> str:
        return self.scope.currency

    @property
    def query(self) -> dict[str, str]:
        """The filters as they stand in an address; those that say what is usual are left out."""
        found = {"currency": self.currency} if len(self.currencies) > 1 else {}
        if self.group is not None:
            found["group"] = self.group.key
        if self.as_of != self.usual_as_of:
            found["as_of"] = self.as_of.isoformat()
        if self.period_key != USUAL_PERIOD:
            found["period"] = self.period_key
        return found

    def counted(self, report: str, line: str, **more: Any) -> str:
        """The address of the list of invoices behind a figure: the same rows, on the same day or period."""
        exact = {"as_of": self.as_of.isoformat(), "period": self.period_key, "currency": self.currency}
        group = {} if self.group is None else {"group": self.group.key}
        return "?" + urlencode({"counted": report, "line": line, **exact, **group, **{name: str(value) for name, value in more.items()}})


def read(query: QueryDict, *, today: dt.date, default_as_of: dt.date | None = None) -> Filters:
    """The filters of an address, in three queries."""
    notes: list[str] = []
    groups = list(list_groups())
    group = next((group for group in groups if group.key == query.get("group")), None)
    if query.get("group") and group is None:
        notes.append(_("There is no group “%s”: the report shows all customers.") % query["group"][:40])
    currencies = currencies_in_use(get_profile().default_currency)
    currency = query.get("currency", "").upper()
    if currency and currency not in currencies:
        notes.append(_("Nothing is in “%(currency)s”: the report shows %(shown)s.") % {"currency": currency[:12], "shown": currencies[0]})
    as_of = _day(query.get("as_of", ""), today, default_as_of or today, notes)
    period, key = _period(query.get("period", ""), today, notes)
    scope = Scope(currency if currency in currencies else currencies[0], None if group is None else group.pk, _customer(query))
    return Filters(today, scope, group, as_of, period, key, currencies, groups, default_as_of or today, tuple(notes))


def _customer(query: QueryDict) -> UUID | None:
    try:
        return UUID(query.get("customer", ""))
    except ValueError:
        return None


def _day(text: str, today: dt.date, usual: dt.date, notes: list[str]) -> dt.date:
    if not text:
        return usual
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        notes.append(_("“%(text)s” is not a day: the report shows %(day)s.") % {"text": text[:20], "day": formatting.date_long(usual)})
        return usual
    if day > today:
        notes.append(_("%(day)s has not come: the report shows today.") % {"day": formatting.date_long(day)})
        return today
    if day.year < OLDEST_YEAR:
        notes.append(_("Nothing is known of %(day)s: the report shows %(shown)s.") % {
            "day": formatting.date_long(day), "shown": formatting.date_long(usual),
        })  # fmt: skip
        return usual
    return day


def _period(text: str, today: dt.date, notes: list[str]) -> tuple[Period, str]:
    key = text or USUAL_PERIOD
    found = parse_period(key, today)
    if found is None:
        found, key = parse_period(USUAL_PERIOD, today), USUAL_PERIOD
        notes.append(_("“%s” is not a period: the report shows the last three months.") % text[:20])
    elif found.first > today:
        found, key = parse_period(USUAL_PERIOD, today), USUAL_PERIOD
        notes.append(_("This period has not begun: the report shows the last three months."))
    return found or Period(today, today), key


def parse_period(key: str, today: dt.date) -> Period | None:
    """A month (2026-09), a quarter (2026-Q3), a year (2026), or the last months with the present one (last-3, last-6, last-12)."""
    if last := _LAST.fullmatch(key):
        return Period(months_before(today, int(last[1]))[-1], month_end(today))
    months = None
    if month := _MONTH.fullmatch(key):
        months = (int(month[1]), int(month[2]), int(month[2]))
    elif quarter := _QUARTER.fullmatch(key):
        months = (int(quarter[1]), 3 * int(quarter[2]) - 2, 3 * int(quarter[2]))
    elif year := _YEAR.fullmatch(key):
        months = (int(year[1]), 1, 12)
    if months is None or months[0] < OLDEST_YEAR:
        return None
    return Period(dt.date(months[0], months[1], 1), month_end(dt.date(months[0], months[2], 1)))


def period_choices(today: dt.date, chosen: str) -> list[tuple[str, str]]:
    """What the page offers: the last months, then month by month, quarters and years; the one asked for even when it is none of these."""
    keys = [USUAL_PERIOD, "last-6", "last-12", *(f"{month:%Y-%m}" for month in months_before(today, 13))]
    quarter, year = (today.month - 1) // 3, today.year
    for back in range(5):
        place = year * 4 + quarter - back
        keys.append(f"{place // 4}-Q{place % 4 + 1}")
    keys += [str(year), str(year - 1), str(year - 2)]
    return [(key, period_name(key)) for key in (keys if chosen in keys else [chosen, *keys])]


def period_name(key: str) -> str:
    """A period in words."""
    if last := _LAST.fullmatch(key):
        return _("The last %s months") % last[1]
    if month := _MONTH.fullmatch(key):
        return month_name(dt.date(int(month[1]), int(month[2]), 1))
    if quarter := _QUARTER.fullmatch(key):
        return _("Quarter %(number)s of %(year)s") % {"number": quarter[2], "year": quarter[1]}
    return key


def span(period: Period) -> str:
    """The days of a period, for a sentence."""
    language = formatting.language()
    return _("from %(first)s to %(last)s") % {"first": format_date(period.first, language), "last": format_date(period.last, language)}
