"""Business days: a country's public holidays, a company's working days, the banks' TARGET calendar (docs/domain.md, "Calendars").

Pure: no Django, no clock. Every question exists twice, on `date` and on ordinals (`date.toordinal()`), because the daily run asks
hundreds of thousands of them and integers cost a tenth: a year of a calendar is computed once and remembered as integers.
"""

from calendar import isleap
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import holidays

MONDAY_TO_FRIDAY = frozenset({0, 1, 2, 3, 4})
EVERY_DAY = frozenset(range(7))
ALSACE_MOSELLE = "6AE"
"""Subdivision of FR with Good Friday and 26 December (code du travail, L3134-13); the département of Moselle ("57") has the same days."""


SoftPeriod = tuple[int, int, int, int]
"""Month and day of its first and of its last day, every year; it may run over New Year (rule 14)."""


def read_soft_period(text: str) -> SoftPeriod:
    """`08-01/08-21` as a period. Raises ValueError for anything else, and for a day no year has; 29 February is 28 in other years."""
    first, _slash, last = text.partition("/")
    days = [date.fromisoformat(f"2000-{part}") for part in (first, last)]  # a leap year
    return days[0].month, days[0].day, days[1].month, days[1].day


def easter(year: int) -> date:
    """Easter Sunday of a Gregorian year (Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


_TARGET = "TARGET"


@lru_cache(maxsize=4096)
def _holidays(country: str | None, subdivision: str | None, year: int) -> frozenset[int]:
    """Ordinals of the public holidays of one year. Raises ValueError for an unknown country or subdivision."""
    if country is None:
        return frozenset()
    if country == _TARGET:
        sunday = easter(year).toordinal()
        fixed = (date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26))
        return frozenset({sunday - 2, sunday + 1, *(day.toordinal() for day in fixed)})
    # Neighbouring years too: an observed New Year's Day can fall on 31 December of the year before.
    years = range(max(year - 1, 1), min(year + 1, 9999) + 1)
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=years, expand=False)
    except NotImplementedError as error:
        where = f"{country}-{subdivision}" if subdivision else country
        raise ValueError(f"No public holidays are known for “{where}”.") from error
    return frozenset(day.toordinal() for day in found if day.year == year)


def subdivisions(country: str) -> tuple[str, ...]:
    """Codes of the parts of `country` that may have holidays of their own. Raises ValueError for an unknown country."""
    try:
        return tuple(holidays.country_holidays(country, years=()).subdivisions)
    except NotImplementedError as error:
        raise ValueError(f"No public holidays are known for “{country}”.") from error


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are business days.

    `country` is ISO 3166 (None: no public holiday at all), `subdivision` a code of `subdivisions(country)`, `working_days` the working
    weekdays (0 = Monday), `closures` the company's own closed days, `soft_periods` those in which customers are left in peace. Equal
    calendars are interchangeable; get them from `calendar_for`, which shares what they remember. Raises ValueError when no day of the week
    is worked or the country is unknown.
    """

    country: str | None = "FR"
    subdivision: str | None = None
    working_days: frozenset[int] = MONDAY_TO_FRIDAY
    closures: frozenset[date] = frozenset()
    soft_periods: tuple[SoftPeriod, ...] = ()
    _open: dict[int, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.working_days or not self.working_days <= EVERY_DAY:
            raise ValueError("Working days are weekdays from 0 (Monday) to 6 (Sunday), at least one.")
        if self.subdivision is not None and self.country is None:
            raise ValueError("A subdivision needs its country.")
        _holidays(self.country, self.subdivision, 2026)

    def _learn(self, ordinal: int) -> bool:
        """Remember the whole year around `ordinal`; whether that day is open."""
        year = date.fromordinal(ordinal).year
        first = date(year, 1, 1).toordinal()
        shut = _holidays(self.country, self.subdivision, year) | {day.toordinal() for day in self.closures if day.year == year}
        # Ordinal 1 is a Monday, hence the - 1.
        self._open.update({o: (o - 1) % 7 in self.working_days and o not in shut for o in range(first, date(year, 12, 31).toordinal() + 1)})
        return self._open[ordinal]

    def is_bd_ordinal(self, ordinal: int) -> bool:
        """Whether the day is a business day."""
        known = self._open.get(ordinal)
        return self._learn(ordinal) if known is None else known

    def roll_ordinal(self, ordinal: int) -> int:
        """The day itself if it is a business day, else the next one."""
        while not self.is_bd_ordinal(ordinal):
            ordinal += 1
        return ordinal

    def roll_back_ordinal(self, ordinal: int) -> int:
        """The day itself if it is a business day, else the one before."""
        while not self.is_bd_ordinal(ordinal):
            ordinal -= 1
        return ordinal

    def add_bd_ordinal(self, ordinal: int, n: int) -> int:
        """The n-th business day strictly after the day (before it when n < 0); with n = 0, the day rolled forward.

        From Sunday 25, +2 is Tuesday 27: the days between are counted, the starting day never is.
        """
        if n == 0:
            return self.roll_ordinal(ordinal)
        step, left = (1, n) if n > 0 else (-1, -n)
        known = self._open
        while left:
            ordinal += step
            is_open = known.get(ordinal)
            if is_open is None:
                is_open = self._learn(ordinal)
            left -= is_open
        return ordinal

    def bd_between_ordinal(self, start: int, end: int) -> int:
        """Business days from `start` (not counted) to `end` (counted); negative, mirrored, when `end` comes first."""
        if end >= start:
            return sum(map(self.is_bd_ordinal, range(start + 1, end + 1)))
        return -sum(map(self.is_bd_ordinal, range(end, start)))

    def soft_through_ordinal(self, ordinal: int) -> int | None:
        """The last day of the soft period the day is in; None on any other day."""
        if not self.soft_periods:
            return None
        day = date.fromordinal(ordinal)
        last = [_last_day(period, day) for period in self.soft_periods if _is_within(period, (day.month, day.day))]
        return max(last).toordinal() if last else None

    def is_business_day(self, day: date) -> bool:
        return self.is_bd_ordinal(day.toordinal())

    def roll(self, day: date) -> date:
        """See `roll_ordinal`."""
        return date.fromordinal(self.roll_ordinal(day.toordinal()))

    def roll_back(self, day: date) -> date:
        """See `roll_back_ordinal`."""
        return date.fromordinal(self.roll_back_ordinal(day.toordinal()))

    def add_business_days(self, day: date, n: int) -> date:
        """See `add_bd_ordinal`."""
        return date.fromordinal(self.add_bd_ordinal(day.toordinal(), n))

    def business_days_between(self, start: date, end: date) -> int:
        """See `bd_between_ordinal`; `business_days_between(d, add_business_days(d, n)) == n` for every n ≠ 0."""
        return self.bd_between_ordinal(start.toordinal(), end.toordinal())


def _is_within(period: SoftPeriod, day: tuple[int, int]) -> bool:
    first, last = period[:2], period[2:]
    return first <= day <= last if first <= last else day >= first or day <= last


def _last_day(period: SoftPeriod, day: date) -> date:
    year = day.year + ((day.month, day.day) > period[2:])
    leap_day = period[2:] == (2, 29) and not isleap(year)
    return date(year, 2, 28) if leap_day else date(year, period[2], period[3])


# Apart from `calendar_for` because lru_cache tells a keyword from a position, and one calendar would become two.
_shared = lru_cache(maxsize=1024)(Calendar)


def calendar_for(
    country: str | None = "FR",
    subdivision: str | None = None,
    working_days: frozenset[int] = MONDAY_TO_FRIDAY,
    closures: frozenset[date] = frozenset(),
    soft_periods: tuple[SoftPeriod, ...] = (),
) -> Calendar:
    """The shared `Calendar` of these settings: the years it has learnt serve every later run of this process."""
    return _shared(country, subdivision, working_days, closures, soft_periods)


TARGET = calendar_for(_TARGET)
"""The euro banks' calendar: Monday to Friday but 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December."""


def is_target_day(day: date) -> bool:
    """Whether euro transfers and direct debits settle on that day."""
    return TARGET.is_business_day(day)


def roll_to_target(day: date) -> date:
    """The day itself if banks settle on it, else the next day on which they do."""
    return TARGET.roll(day)
