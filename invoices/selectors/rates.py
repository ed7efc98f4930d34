"""The reference rates an organization's penalties are made of: which are known, and which somebody has to enter."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dunning.core.selectors import get_profile
from invoices.clauses import series_of
from invoices.models import ReferenceRate
from invoices.penalties import PenaltyStatement, WarningCode
from invoices.rates import PUBLISHED, RateRow, Semester, Series, UnpublishedRate, known_from
from invoices.selectors.accessory import rate_table

SHOWN: Final = 8
"""Semesters a list goes back: what is late for longer is rare, and an earlier rate can be entered all the same."""
NAMES: Final[dict[Series, str | Promise]] = {
    Series.ECB_MRO: gettext_lazy("European Central Bank, main refinancing rate"),
    Series.FR_LEGAL_PRO: gettext_lazy("French legal interest rate, professional creditors"),
    Series.FR_LEGAL_PRIVATE: gettext_lazy("French legal interest rate, private creditors"),
    Series.DE_BASE: gettext_lazy("German base rate (Basiszinssatz)"),
    Series.UK_BOE: gettext_lazy("Bank of England base rate"),
}
READ_ON: Final[dict[Series, str | Promise]] = {
    Series.ECB_MRO: gettext_lazy("The rate in force on the first day of the half-year, on the bank’s list of key interest rates."),
    Series.FR_LEGAL_PRO: gettext_lazy("The order of the half-year in the Journal officiel, “tous autres cas”."),
    Series.FR_LEGAL_PRIVATE: gettext_lazy("The order of the half-year in the Journal officiel, creditors who are private individuals."),
    Series.DE_BASE: gettext_lazy("Announced by the Bundesbank for the first day of the half-year."),
    Series.UK_BOE: gettext_lazy("The rate in force on 31 December, or on 30 June for the second half-year."),
}
"""Where each is read, and of which day."""


@dataclass(frozen=True, slots=True)
class RateLine:
    """One rate of the list. `row` is None while nobody knows it here; `is_own` where the organization entered it."""

    series: Series
    semester: Semester
    row: RateRow | None
    is_own: bool = False

    @property
    def name(self) -> str:
        return str(NAMES[self.series])


def semester_name(semester: Semester) -> str:
    """A half-year in words: `1st half of 2027`."""
    if semester.half == 1:
        return _("1st half of %(year)s") % {"year": semester.year}
    return _("2nd half of %(year)s") % {"year": semester.year}


def unpublished_words(missing: UnpublishedRate) -> str:
    """What a person reads where a figure cannot be given: which rate is missing, and where it is entered."""
    what = {"rate": NAMES[missing.series], "semester": semester_name(missing.semester)}
    return _("%(rate)s, %(semester)s: not known here. Enter it under Settings, Reference rates.") % what


def floor_words(statement: PenaltyStatement) -> list[str]:
    """What a person should know of the clause before it is claimed: where its rate lies below 3 times the legal rate (L441-10 II)."""
    said = []
    for warning in statement.warnings:
        if warning.semester is None or warning.rate is None:
            continue
        facts = {"semester": semester_name(warning.semester), "rate": f"{warning.rate.normalize():f}", "floor": warning.floor or ""}
        if warning.code == WarningCode.BELOW_FLOOR:
            said.append(
                _("%(semester)s: your clause, %(rate)s %%, is below the legal floor, %(floor)s %%: open to challenge and a fine.") % facts
            )
        elif warning.code == WarningCode.DEFAULT_BELOW_FLOOR:
            said.append(_("%(semester)s: the rate of the law, %(rate)s %%, is below 3 times the legal rate, %(floor)s %%.") % facts)
        elif warning.code == WarningCode.FLOOR_UNPUBLISHED:
            said.append(_("%(semester)s: the legal rate is not known here, so that the floor of your clause was not checked.") % facts)
    return said


def rate_lines(*, today: date) -> list[RateLine]:
    """The rates that the organization's law needs, the latest semester first: those that can be known, missing ones too."""
    series, rates = series_of(get_profile().country), rate_table()
    own = set(ReferenceRate.objects.values_list("series", "semester"))
    found = []
    semester = Semester.of(today).next
    for _back in range(SHOWN + 1):
        for one in series:
            if known_from(one, semester) <= today:
                found.append(RateLine(one, semester, rates.find(one, semester), (one.value, str(semester)) in own))
        semester = semester.previous
    return found


def missing_rates(semester: Semester, *, country_of_law: str) -> list[Series]:
    """The rates of that semester that this law needs and nobody knows here; asks the database only for those that do not ship."""
    wanted = [series for series in series_of(country_of_law) if PUBLISHED.find(series, semester) is None]
    if not wanted:
        return []
    entered = set(ReferenceRate.objects.filter(semester=str(semester)).values_list("series", flat=True))
    return [series for series in wanted if series.value not in entered]
