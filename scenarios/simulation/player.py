"""The player: one organization's days under a virtual clock, each with its morning, its run, its departures and its people.

Nothing is shortened: the same run, the same gate and the same dispatcher as in real life, on the local post office alone. While it is
played, an organization's `next_run_at` is null and beat passes it by.
"""

import gc
import time as stopwatch
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.collector import spare_the_program
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.services import next_run_after
from dunning.core.tenancy import tenant
from notifications.dispatcher import deliver_due
from notifications.selectors import is_on_post_office
from scenarios.services.runs import run_organization

ACTOR: Final = "player"
MORNING: Final = time(6, 0)
AT_WORK: Final = time(10, 30)
EVENING: Final = time(17, 0)


class Life(Protocol):
    """What happens around the engine on a day. Each is called inside `tenant()`, at its own hour of the virtual clock."""

    def morning(self, today: date, now: datetime) -> None:
        """What the ledger learns before the run: invoices issued, money received."""

    def at_work(self, today: date, now: datetime) -> None:
        """What people do after the day's messages left: calls, approvals, posting, answers."""


@dataclass
class Played:
    """What a life came to: counts over all its days, and the seconds it took."""

    days: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def joined(self, later: "Played") -> "Played":
        """This life and what followed it."""
        return Played(
            days=self.days + later.days,
            steps=self.steps + later.steps,
            messages=self.messages + later.messages,
            tasks=self.tasks + later.tasks,
            delivered=self.delivered + later.delivered,
            seconds=self.seconds + later.seconds,
        )


def play(
    *,
    organization: Organization,
    first: date,
    last: date,
    life: Life,
    on_day: Callable[[date, Played], None] | None = None,
) -> Played:
    """Play the days from `first` to `last`, both included. Raises DomainError when messages could leave this machine."""
    refuse_real_ways(organization)
    zone = ZoneInfo(organization.timezone)
    started = stopwatch.monotonic()
    played = Played()
    _mark(organization, until=first - timedelta(days=1), last=last)
    try:
        with _collector_seldom(), clock.virtual(datetime.combine(first, time(0, 0), tzinfo=zone)) as virtual:
            for today in _days(first, last):
                _play_day(organization, today, zone, virtual, life, played)
                _mark(organization, until=today, last=last)
                if on_day is not None:
                    on_day(today, played)
    finally:
        Organization.objects.filter(pk=organization.pk).update(playing_until=None, next_run_at=next_run_after(organization, clock.now()))
    played.seconds = stopwatch.monotonic() - started
    return played


def refuse_real_ways(organization: Organization) -> None:
    """Raises DomainError when messages could leave this machine."""
    if not is_on_post_office(organization):
        raise DomainError(_("Only an organization on the local post office can be played: messages of a played life must not leave."))


@contextmanager
def _collector_seldom() -> Iterator[None]:
    """A life makes rows by the hundred thousand and hardly a cycle among them: the collector looks at them seldom, and never again at
    the program itself."""
    before = gc.get_threshold()
    spare_the_program()
    gc.set_threshold(20_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _mark(organization: Organization, *, until: date, last: date) -> None:
    Organization.objects.filter(pk=organization.pk).update(next_run_at=None, played_until=until, playing_until=last)


def _play_day(organization: Organization, today: date, zone: ZoneInfo, virtual: clock.VirtualClock, life: Life, played: Played) -> None:
    def at(hour: time) -> datetime:
        moment = datetime.combine(today, hour, tzinfo=zone).astimezone(UTC)
        virtual.set(moment)
        return moment

    now = at(MORNING)
    with tenant(organization):
        life.morning(today, now)
    report = run_organization(organization=organization, today=today, now=now, actor=ACTOR, played=True)
    if not report.already_done:
        for total, key in ((played.steps, "steps"), (played.messages, "messages"), (played.tasks, "tasks")):
            total.update(report.counts.get(key, {}))
    played.delivered.update(deliver_due(now=at(time(9, 0)), organization=organization, batch=200))
    now = at(AT_WORK)
    with tenant(organization):
        life.at_work(today, now)
    played.delivered.update(deliver_due(now=at(EVENING), organization=organization, batch=200))
    played.days += 1
