"""Hours on somebody's own clock: when a wall time really comes, and when a window of hours is open. Pure.

Clock changes never lose or double anything: a wall time that a change skips comes at the first instant after the gap, one that happens
twice comes the first time.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dunning.core.calendars import Calendar

_FARTHEST: Final = 60  # days; no calendar stays shut that long without being a mistake


def at_wall(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first instant (in UTC) at which the clocks of `zone` show `wall` or later on `day`."""
    asked = datetime.combine(day, wall)
    early, late = sorted(asked.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early == late or _shown(early, zone) == asked:
        return early
    before, after = early, late  # the wall time was skipped: the change lies between them
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if _shown(middle, zone) < asked:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Hours:
    """Open from `opening` to `closing` (excluded) on the business days of `calendar`, read on the clocks of `zones`.

    Several zones mean that nobody knows which one it is: it is open while it is open in all of them, or, where they have no hour in
    common, in the first.
    """

    zones: tuple[ZoneInfo, ...]
    opening: time
    closing: time
    calendar: Calendar

    def span(self, day: date) -> tuple[datetime, datetime] | None:
        """From when until when it is open on a local day, in UTC; None on a day that is not worked."""
        if not self.calendar.is_business_day(day):
            return None
        spans = [(at_wall(day, self.opening, zone), at_wall(day, self.closing, zone)) for zone in self.zones]
        common = (max(start for start, _ in spans), min(end for _, end in spans))
        return common if common[0] < common[1] else spans[0]

    def is_open(self, now: datetime) -> bool:
        return any(span is not None and span[0] <= now < span[1] for span in map(self.span, self._days(now, 2)))

    def next_opening(self, now: datetime) -> datetime:
        """The next instant (in UTC) at which it opens; `now` itself while it is open."""
        for span in map(self.span, self._days(now, _FARTHEST)):
            if span is not None and now < span[1]:
                return max(span[0], now.astimezone(UTC))
        raise ValueError("These hours never open.")

    def _days(self, now: datetime, count: int) -> list[date]:
        """From the day before today - zones may lie a day behind - onwards."""
        first = now.astimezone(self.zones[0]).date() - timedelta(days=1)
        return [first + timedelta(days=number) for number in range(count + 1)]
