"""Whether and how fast an account may be called, for all workers together: kept in the database, in its own time.

While nothing is limited and nothing is wrong, none of this costs a statement: the account's row, read with every message anyway, says so.
Every function runs inside `tenant()`; what a worker finds out is committed by itself, outside any message's transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Func, Q, QuerySet

from notifications.models import ProviderAccount
from notifications.providers.base import Accepted, Entrusted, NotAccepted, Refused, Released, ToPost, Uncertain

THRESHOLD: Final = 3  # failures in a row after which a service is left alone
SHORTEST, LONGEST = 10.0, 60.0  # seconds between the probes of a service that is away
LONGEST_ASKED: Final = 3600.0  # seconds a Retry-After is believed
HORIZON: Final = 5.0  # seconds a worker waits for its turn; whatever comes later goes back to the queue


class NotNow(Exception):
    """Another worker asks a service that was left alone: the message waits for the outcome."""


class ClockTimestamp(Func):
    """The database's present moment; `now()` would be the start of the transaction."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def database_time(seconds: float) -> Any:
    """The database's present moment and so many seconds, as an expression."""
    return ClockTimestamp() + timedelta(seconds=seconds)


def active_accounts() -> QuerySet[ProviderAccount]:
    """The accounts in use, each with `closed_for`: how long it is still left alone (a timedelta, None or negative when it is not)."""
    left = ExpressionWrapper(F("closed_until") - ClockTimestamp(), output_field=DurationField())
    return ProviderAccount.objects.filter(is_active=True).annotate(closed_for=left)


def seconds_closed(account: ProviderAccount) -> float:
    """Seconds the account was to be left alone when it was read; 0 when it may be called."""
    left: timedelta | None = getattr(account, "closed_for", None)
    return max(left.total_seconds(), 0.0) if left is not None else 0.0


def is_troubled(account: ProviderAccount) -> bool:
    """Whether its last calls failed, so that a success is worth writing down."""
    return account.failures > 0 or account.closed_until is not None


def take_probe(account_id: UUID) -> bool:
    """Be the one that asks a service which was left alone; False when another worker is. The next may ask in ten seconds."""
    free = Q(closed_until=None) | Q(closed_until__lte=ClockTimestamp())
    taken = ProviderAccount.objects.filter(free, pk=account_id).update(closed_until=ClockTimestamp() + timedelta(seconds=SHORTEST))
    return bool(taken)


def be_the_one(account: ProviderAccount) -> None:
    """In T1, or before any other call: be the one that asks a service which was left alone. Raises NotNow when another worker is."""
    if account.closed_until is not None and not take_probe(account.pk):
        raise NotNow


_FAILED: Final = """
UPDATE notifications_provideraccount
SET failures = LEAST(failures + 1, 1000), last_error = %(text)s, last_error_at = %(now)s,
    closed_until = CASE
        WHEN failures + 1 >= %(threshold)s OR %(asked)s > 0 THEN GREATEST(
            COALESCE(closed_until, clock_timestamp()),
            clock_timestamp() + make_interval(secs => GREATEST(
                %(asked)s, CASE WHEN failures + 1 >= %(threshold)s
                    THEN LEAST(%(shortest)s * 2 ^ LEAST(failures + 1 - %(threshold)s, 10), %(longest)s) ELSE 0 END)))
        ELSE closed_until END
WHERE id = %(account)s
"""


def must_report(account: ProviderAccount, answer: object) -> bool:
    """Whether what became of a call is worth a statement: a failure of the service, or its end."""
    if isinstance(answer, Uncertain) or (isinstance(answer, NotAccepted) and answer.service):
        return True
    return isinstance(answer, Accepted | ToPost | Entrusted | Refused) and is_troubled(account)


def report(account_id: UUID, answer: object, *, now: datetime) -> None:
    """Note what became of a call, when `must_report` says so. An answer that was lost counts as a failure: the next would be lost too."""
    if isinstance(answer, NotAccepted | Uncertain):
        asked = answer.retry_after if isinstance(answer, NotAccepted) else None
        values: dict[str, Any] = {
            "account": account_id,
            "text": answer.text[:500],
            "now": now,
            "asked": min(asked or 0.0, LONGEST_ASKED),
            "threshold": THRESHOLD,
            "shortest": SHORTEST,
            "longest": LONGEST,
        }
        with connection.cursor() as cursor:
            cursor.execute(_FAILED, values)
    elif not isinstance(answer, Released):
        ProviderAccount.objects.filter(pk=account_id).update(failures=0, closed_until=None)


@dataclass(frozen=True, slots=True)
class Turns:
    """Room for calls: the first `count` of them, each `interval` seconds after the other, the first in `first_in` seconds."""

    count: int
    first_in: float
    interval: float

    def starts_in(self, place: int) -> float:
        """Seconds until the call of that place (0 is the first), whether it still has room or not."""
        return self.first_in + place * self.interval


def reserve(account_id: UUID, *, interval: float, calls: int) -> Turns:
    """Take turns for up to `calls` calls of a limited account, as many as can be made within the horizon. Commit at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM notifications_provideraccount WHERE id = %s FOR NO KEY UPDATE", [account_id])
        cursor.execute(
            "SELECT GREATEST(EXTRACT(EPOCH FROM next_slot_at - clock_timestamp()), 0)::float FROM notifications_provideraccount"
            " WHERE id = %s",
            [account_id],
        )
        row = cursor.fetchone()
        backlog = float(row[0] or 0.0) if row else 0.0
        count = min(calls, int((HORIZON - backlog) / interval) + 1) if backlog <= HORIZON else 0
        if count:
            cursor.execute(
                "UPDATE notifications_provideraccount"
                " SET next_slot_at = GREATEST(COALESCE(next_slot_at, clock_timestamp()), clock_timestamp()) + make_interval(secs => %s)"
                " WHERE id = %s",
                [count * interval, account_id],
            )
    return Turns(count, backlog, interval)


def interval_of(settings: Mapping[str, object], default_per_second: float | None) -> float | None:
    """Seconds between two calls by an account's `rate_per_second` and `rate_per_minute`, else by its provider's own; None: no limit.

    Raises ValueError for a rate that is not a number above zero.
    """
    intervals = []
    for name, seconds in (("rate_per_second", 1.0), ("rate_per_minute", 60.0)):
        if settings.get(name):
            rate = float(str(settings[name]).replace(",", "."))
            if not 0 < rate < float("inf"):
                raise ValueError(name)
            intervals.append(seconds / rate)
    if intervals:
        return max(intervals)
    return 1.0 / default_per_second if default_per_second else None
