"""When open money is likely to come in, learnt from the payers' own habits (docs/reports.md, "Cash forecast"). Pure.

Nothing here knows a percentage of its own: without a history there is no habit, no weight, and no date.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

WEEKS: Final = 13
FEWEST_PARTS: Final = 3
"""Payments below which a payer's own habit is not one: the group's, then everybody's stands in."""
FEWEST_OBSERVED: Final = 20
"""Items seen in an age below which no share of them is learnt."""
QUARTILES: Final = (Decimal("0.25"), Decimal("0.5"), Decimal("0.75"))
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Habit:
    """Days between due date and payment: a quarter of the money comes by `early`, half by `usual`, three quarters by `late`."""

    early: int
    usual: int
    late: int


def weighted_quantile(parts: Iterable[tuple[int, Decimal]], fraction: Decimal) -> int | None:
    """The fewest days by which that fraction (0 to 1) of the money had come, of (days, amount); None of nothing."""
    ordered = sorted(parts)
    wanted = sum((amount for _days, amount in ordered), _NOTHING) * fraction
    reached = _NOTHING
    for days, amount in ordered:
        reached += amount
        if reached >= wanted:
            return days
    return None


def habit(parts: Iterable[tuple[int, Decimal]]) -> Habit | None:
    """The habit of payments given as (days after the due date, amount); None of none."""
    known = list(parts)
    early, usual, late = (weighted_quantile(known, fraction) for fraction in QUARTILES)
    return None if early is None or usual is None or late is None else Habit(early, usual, late)


class Experience:
    """Everybody's payments together: how much longer those took that were already as late as an open item is now."""

    def __init__(self, parts: Iterable[tuple[int, Decimal]]) -> None:
        sums: dict[int, Decimal] = {}
        for days, amount in parts:
            sums[days] = sums.get(days, _NOTHING) + amount
        self._parts = sorted(sums.items())
        self._days = [days for days, _amount in self._parts]
        self._known: dict[int, Habit | None] = {}

    @property
    def everybody(self) -> Habit | None:
        """The habit of all payments together."""
        return habit(self._parts)

    def beyond(self, days_late: int) -> Habit | None:
        """Days between due date and payment of those paid later than `days_late`; None when nobody ever was."""
        if days_late not in self._known:
            self._known[days_late] = habit(self._parts[bisect_right(self._days, days_late) :])
        return self._known[days_late]


@dataclass(frozen=True, slots=True)
class Expectation:
    """Open money of one age, expected in the same weeks: at the early, the usual and the late end, counted from 0, the present one.

    None: nothing tells when. A week beyond the forecast's last is later.
    """

    amount: Decimal
    bucket: str
    weeks: tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Week:
    """What is expected from `starts_on` (a Monday, or today) through `ends_on` (a Sunday), and all together by its end.

    `by_early` and `by_late` are what has come by its end if everybody pays at the early, or at the late, end of their habit.
    """

    starts_on: date
    ends_on: date
    expected: Decimal
    by_early: Decimal
    by_usual: Decimal
    by_late: Decimal


@dataclass(frozen=True, slots=True)
class Forecast:
    """`later` is expected after the last week, `undated` has no date at all (nobody was ever so late, or nothing was ever paid), and
    `discounted` is what experience says will not come; with what the weeks expect they add up to what was given."""

    weeks: tuple[Week, ...]
    later: Decimal
    undated: Decimal
    discounted: Decimal
    unweighted: tuple[str, ...] = field(default=())  # ages of which too little is known: counted whole

    @property
    def expected(self) -> Decimal:
        return self.weeks[-1].by_usual if self.weeks else _NOTHING


def forecast(items: Iterable[Expectation], *, today: date, shares: Mapping[str, Decimal], weeks: int = WEEKS) -> Forecast:
    """Expected receipts by week.

    What comes is weighted by the share of money of that age that was paid before (`shares`, 0 to 1, by column of the aged balance); an age
    without one counts whole, and is named.
    """
    sums = [[_NOTHING, _NOTHING, _NOTHING] for _week in range(weeks)]
    later = undated = discounted = _NOTHING
    unweighted: set[str] = set()
    for item in items:
        if item.weeks is None:
            undated += item.amount
            continue
        likely = item.amount
        if item.bucket in shares:
            likely *= shares[item.bucket]
        else:
            unweighted.add(item.bucket)
        discounted += item.amount - likely
        for number, week in enumerate(item.weeks):
            if week < weeks:
                sums[week][number] += likely
            elif number == 1:
                later += likely
    found: list[Week] = []
    early = usual = late = _NOTHING
    start = today
    for end, (more_early, more_usual, more_late) in zip(_ends(today, weeks), sums, strict=True):
        early, usual, late = early + more_early, usual + more_usual, late + more_late
        found.append(Week(start, end, more_usual, early, usual, late))
        start = end + timedelta(days=1)
    return Forecast(tuple(found), later, undated, discounted, tuple(sorted(unweighted)))


def expected_days(
    due_on: date, own: Habit | None, *, today: date, experience: Experience, promised_for: date | None = None
) -> tuple[date, date, date] | None:
    """The early, the usual and the late day on which an open item is expected, none before today; None when nothing tells.

    What is promised comes on its day (`promised_for`: of a promise that still holds). Anything else comes its payer's usual days (`own`, or
    everybody's) after its due date; when that day has passed, as late as those who were as late before.
    """
    if promised_for is not None:
        day = max(today, promised_for)
        return day, day, day
    late = (today - due_on).days
    days = own if own is not None else experience.everybody
    if days is not None and days.usual < late:
        days = experience.beyond(late)
    if days is None:
        return None
    early, usual, last = (max(today, due_on + timedelta(days=count)) for count in (days.early, days.usual, days.late))
    return early, usual, last


def weeks_from(today: date, *, roll: Callable[[date], date], weeks: int = WEEKS) -> list[int]:
    """For each day from `today` on, the week in which money expected on it comes: that of the next business day (`roll`). The last entry,
    `weeks`, stands for every day after."""
    end = today + timedelta(days=6 - today.weekday())
    found: list[int] = []
    day = today
    while not found or found[-1] < weeks:
        found.append(max(0, (roll(day) - end).days + 6) // 7)
        day += timedelta(days=1)
    return [*found[:-1], weeks]


def _ends(today: date, weeks: int) -> Sequence[date]:
    sunday = today + timedelta(days=6 - today.weekday())
    return [sunday + timedelta(weeks=number) for number in range(weeks)]
