"""The only reader of time.

Two times exist. *Business time* (today, due, windows, sent_at, next_run_at) is read here, by interfaces, tasks and commands alone, and
handed down as an argument. *Database lease time* is PostgreSQL's `clock_timestamp()`: leases and claims compare it with itself, inside
SQL, and never with this clock, so that workers with a wrong clock or under a virtual one still exclude each other.

A virtual clock replaces business time for what runs inside `with virtual(start):`

- it stands still: time passes only by `advance` and `set`, never by itself, so what is computed twice is the same twice;
- it only goes forward: `set` and `advance` refuse to run backwards (a second `with` may start earlier; the first is found again after it);
- it lives in a ContextVar: other threads, tasks and requests keep real time, coroutines started inside share the one clock object. A
  thread started inside sees real time unless it is run in a copied context.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


class VirtualClock:
    """A clock that stands still until it is moved. All times are aware; `now` is in UTC."""

    __slots__ = ("_now",)

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)

    @property
    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """Move to `moment`. Raises ValueError when it is naive or earlier than now."""
        moment = _utc(moment)
        if moment < self._now:
            raise ValueError(f"Time does not run backwards: {moment.isoformat()} is before {self._now.isoformat()}.")
        self._now = moment

    def advance(self, delta: timedelta = timedelta(), *, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0) -> datetime:
        """Move forward by `delta` plus the given units of elapsed time (a day is 24 hours); the new time."""
        self.set(self._now + delta + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))
        return self._now


_offset = timedelta()  # a trial's own day; the settings refuse it anywhere else
_virtual: ContextVar[VirtualClock | None] = ContextVar("dunning_virtual_clock", default=None)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("A moment needs its time zone.")
    return moment.astimezone(UTC)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    clock = _virtual.get()
    return datetime.now(UTC) + _offset if clock is None else clock.now


def shift(seconds: float) -> None:
    """Have this process live so many seconds from real time, so that a trial at night sends in the morning."""
    global _offset
    _offset = timedelta(seconds=seconds)


def today(zone: str | ZoneInfo) -> date:
    """The present date in `zone` (an IANA name or a ZoneInfo): a company's day is its own. ZoneInfoNotFoundError for an unknown name."""
    return now().astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone).date()


def is_virtual() -> bool:
    """Whether the time read here is a virtual clock's."""
    return _virtual.get() is not None


@contextmanager
def virtual(start: datetime) -> Iterator[VirtualClock]:
    """Replace business time by a clock standing at `start` (aware) for what runs inside; see the semantics above."""
    clock = VirtualClock(start)
    token = _virtual.set(clock)
    try:
        yield clock
    finally:
        _virtual.reset(token)
