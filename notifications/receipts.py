"""What comes back: providers' calls are verified on their raw bytes and kept before they are acknowledged; a worker reads them later.

- Kept once, whatever the provider repeats; a call that cannot be shown to be the provider's leaves a count and nothing else.
- Applied in any order, any number of times, with the same result. What names a message nobody knows yet is parked and looked at again for a
  day; what fails three times is set aside with its reason. One bad call never stops the others.
"""

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils.translation import gettext as _

from dunning.core import audit, failpoints
from dunning.core.sealing import SealBroken, seal_bytes
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications import accounts, inbox, reports, routes
from notifications.enums import EventState
from notifications.models import InboundEvent, ProviderAccount, ProviderRoute
from notifications.providers.base import LARGEST_MAIL, Callback, CardNews, Forged, Misconfigured, ProviderError, Report
from notifications.signals import card_reported

logger = logging.getLogger(__name__)

LARGEST: Final = 1_000_000  # bytes of one call that brings no files
LARGEST_WITH_FILES: Final = LARGEST_MAIL
MOST_HEADERS: Final = 16_000  # characters kept of its headers
PATIENCE: Final = 200  # milliseconds one statement may take while a provider waits
PATIENCE_MAIL: Final = 15_000  # the same for what brings files
PAUSES: Final = (10, 30, 120, 600, 1800, 3600, 7200)  # seconds until a parked call is looked at again; the last repeats
PARKED_FOR: Final = timedelta(hours=24)
MOST_TRIES: Final = 3
KEPT_FOR: Final = timedelta(days=396)  # 13 months
BATCH: Final = 200
WAITING: Final = (EventState.STORED, EventState.PARKED)
UNTOLD: Final = frozenset({"authorization", "cookie", "proxy-authorization"})  # credentials are not kept


class Verdict(Enum):
    """What the one who called is told."""

    KEPT = "kept"
    UNKNOWN = "unknown"  # nobody's address
    FORGED = "forged"
    AWAY = "away"  # it could not be kept: call again


@dataclass(frozen=True, slots=True)
class Kept:
    """Whose call was kept; `is_new` is false for one that was there already."""

    verdict: Verdict
    organization_id: UUID | None = None
    is_new: bool = False


# --- before it is acknowledged ----------------------------------------------------------------------------------------------------------

# A provider waits while these run, hundreds of times a second. Each is one exchange with the database: statements sent together are one
# transaction, which opens the organization as `tenant()` does, for itself alone. Calls on one address are kept together, by one COMMIT.
_WHOSE: Final = f"""
SELECT set_config('app.organization', coalesce((SELECT organization_id::text FROM notifications_providerroute
       WHERE token_hash = %(hash)s AND kind = %(kind)s), '{UUID(int=0)}'), true), set_config('statement_timeout', %(patience)s, true);
SELECT r.id, r.organization_id, r.account_id, r.heard_at IS NULL OR r.heard_at < clock_timestamp() - interval '1 minute',
       a.channel, a.settings::text, a.secrets
FROM notifications_providerroute r JOIN notifications_provideraccount a ON a.id = r.account_id
WHERE r.token_hash = %(hash)s AND r.kind = %(kind)s
"""  # noqa: S608  a constant is put in
_OPEN: Final = "SELECT set_config('app.organization', %s, true), set_config('statement_timeout', %s, true);"
_HEARD: Final = "UPDATE notifications_providerroute SET heard_at = clock_timestamp() WHERE id = %s;"
_ROW: Final = "(%s, %s, %s, %s, %s, %s, %s, %s, 'stored', 0, 0, %s, '', %s)"
_KEEP: Final = """
INSERT INTO notifications_inboundevent
    (id, organization_id, account_id, kind, key, query, headers, body, state, looks, failures, due_at, error, received_at)
VALUES {rows}
ON CONFLICT (organization_id, account_id, key) DO NOTHING RETURNING key
"""


@dataclass(frozen=True, slots=True)
class Call:
    """What came over the wire: `url` is the public address called, `headers` have names in lower case."""

    kind: str
    token: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime


def accept(calls: Sequence[Call], *, patience: int = PATIENCE) -> list[Kept]:
    """Verify calls and keep them; each is committed when this returns KEPT for it, in the order given.

    Opens its own transactions, whose statements take `patience` milliseconds at most. A broken connection is made anew once: keeping a call
    twice keeps it once. A call that cannot be kept takes none of its company with it.
    """
    answers: dict[int, Kept] = {}
    together: dict[tuple[str, str], list[int]] = {}
    for number, call in enumerate(calls):
        together.setdefault((call.kind, call.token), []).append(number)
    for numbers in together.values():
        answers.update(zip(numbers, _accept_all([calls[number] for number in numbers], patience), strict=True))
    return [answers[number] for number in range(len(calls))]


def _accept_all(calls: Sequence[Call], patience: int) -> list[Kept]:
    try:
        return _accept(calls, patience)
    except (OperationalError, InterfaceError):
        connection.close()
    except DatabaseError:
        if len(calls) > 1:
            return [kept for call in calls for kept in _accept_all([call], patience)]
    try:
        return _accept(calls, patience)
    except DatabaseError as error:
        connection.close()
        logger.warning("Providers' calls could not be kept (%s); they were asked to call again.", type(error).__name__)
        return [Kept(Verdict.AWAY)] * len(calls)


def _accept(calls: Sequence[Call], patience: int) -> list[Kept]:
    """Calls on one address."""
    with connection.cursor() as cursor:
        cursor.execute(_WHOSE, {"hash": routes.hash_of(calls[0].token), "kind": calls[0].kind, "patience": str(patience)})
        found = cursor.fetchone()
        if found is None:
            return [Kept(Verdict.UNKNOWN)] * len(calls)
        route_id, organization_id, account_id, quiet, channel, settings, secrets = found
        account = ProviderAccount(
            pk=account_id,
            organization_id=organization_id,
            kind=calls[0].kind,
            channel=channel,
            settings=json.loads(settings),
            secrets=secrets,
        )
        names = [_verified(account, call) for call in calls]
        keys = [name if name is None else name or hashlib.sha256(call.body).hexdigest() for name, call in zip(names, calls, strict=True)]
        rows: list[tuple[Any, ...]] = [
            (
                new_id(), str(organization_id), account_id, call.kind, key, call.url.partition("?")[2],
                json.dumps(_worth_keeping(call.headers)), seal_bytes(call.body), call.now, call.now,
            )
            for call, key in zip(calls, keys, strict=True)
            if key is not None
        ]  # fmt: skip
        new: set[str] = set()
        if rows:
            keep = _KEEP.format(rows=", ".join([_ROW] * len(rows)))
            heard: list[Any] = [route_id] if quiet else []
            values = [str(organization_id), str(patience), *heard, *(value for row in rows for value in row)]
            cursor.execute(f"{_OPEN}{_HEARD if quiet else ''}{keep}", values)
            new = {key for (key,) in cursor.fetchall()}
    if None in keys:
        _count(route_id, keys.count(None), calls[0].now)
    return [Kept(Verdict.FORGED) if key is None else Kept(Verdict.KEPT, organization_id, key in new) for key in keys]


def _verified(account: ProviderAccount, call: Call) -> str | None:
    """The call's own name (blank: it has none) when it is the provider's; None when that cannot be shown."""
    try:
        return accounts.provider_of(account).verify(Callback(call.url, call.headers, call.body), now=call.now)
    except Forged:
        return None
    except Exception as error:  # what cannot be verified is not believed, however it managed that
        logger.warning("A provider's call could not be verified (%s).", type(error).__name__)
        return None


def _count(route_id: UUID, number: int, now: datetime) -> None:
    """A flood of refused calls queues for one counter: one that cannot have it soon is not counted."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PATIENCE)])
            routes.count_refusals(route_id, number, now=now)
    except DatabaseError as error:
        logger.warning("A refused call could not be counted (%s).", type(error).__name__)


def _worth_keeping(headers: Mapping[str, str]) -> dict[str, str]:
    kept, size = {}, 0
    for name, value in headers.items():
        size += len(name) + len(value)
        if name not in UNTOLD and size <= MOST_HEADERS:
            kept[name] = value.replace("\x00", "")
    return kept


def keep_local(*, account: ProviderAccount, key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> InboundEvent:
    """Keep what the local post office's mailbox was handed, inside `tenant()`."""
    if not ProviderRoute.objects.filter(account_id=account.pk).exists():  # it was made before accounts had ways in
        routes.open_route(account, now=now)
        account.save(update_fields=["secrets"])
    ProviderRoute.objects.filter(account_id=account.pk).update(heard_at=reports.DatabaseMoment())
    return InboundEvent.objects.create(
        account_id=account.pk, kind=account.kind, key=key, headers=dict(headers), body=seal_bytes(body), due_at=now, received_at=now
    )


# --- afterwards, by a worker ------------------------------------------------------------------------------------------------------------


def apply_due(*, now: datetime, organization_id: UUID | None = None, budget: float | None = None) -> Counter[str]:
    """Read and apply every call that waits, oldest first, each in its own transaction; counts by resulting state.

    Without `organization_id` it looks wherever something came in since it last found nothing left.
    """
    ends = time.monotonic() + budget if budget is not None else None
    outcomes: Counter[str] = Counter()
    for identifier in [organization_id] if organization_id is not None else _organizations_with_news():
        for event_id in _waiting(identifier, now):
            if ends is not None and time.monotonic() > ends:
                return outcomes
            state = apply_one(organization_id=identifier, event_id=event_id, now=now)
            if state:
                outcomes[state] += 1
        _note_settled(identifier)
    return outcomes


def _organizations_with_news() -> list[UUID]:
    """Organizations that were called since nothing was left. `heard_at` is to the minute, and a call may take seconds to commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT organization_id FROM notifications_providerroute "
            "WHERE heard_at IS NOT NULL AND (settled_at IS NULL OR settled_at < heard_at + interval '2 minutes')"
        )
        return [row[0] for row in cursor.fetchall()]


def _waiting(organization_id: UUID, now: datetime) -> Iterator[UUID]:
    """Ids of what is due, in batches, until a batch brings nothing new."""
    last: UUID | None = None
    while True:
        with tenant(organization_id):
            due = InboundEvent.objects.filter(state__in=WAITING, due_at__lte=now).order_by("pk")
            batch = list((due if last is None else due.filter(pk__gt=last)).values_list("pk", flat=True)[:BATCH])
        if not batch:
            return
        last = batch[-1]
        yield from batch


def _note_settled(organization_id: UUID) -> None:
    """Nothing is left: the sweep passes by until the next call."""
    with tenant(organization_id):
        if InboundEvent.objects.filter(state__in=WAITING).exists():
            return
    ProviderRoute.objects.filter(organization_id=organization_id).exclude(heard_at=None).update(settled_at=reports.DatabaseMoment())


def apply_one(*, organization_id: UUID, event_id: UUID, now: datetime) -> str:
    """Read one call and apply what it says; its new state, blank when another worker has it or it is done.

    Anything it raises is kept as its error: it is tried three times, then set aside.
    """
    try:
        with tenant(organization_id):
            event = _claim(event_id)
            if event is not None:
                failpoints.hit("inbox-stored-not-processed")
            return _apply(event, now) if event is not None else ""
    except (OperationalError, InterfaceError):
        raise  # the database is at fault, not the call
    except Exception as error:
        logger.error("A provider's call could not be applied (%s): %s", type(error).__name__, event_id)  # its words may be personal
        with tenant(organization_id):
            event = _claim(event_id)
            return _failed(event, f"{type(error).__name__}: {error}", now) if event is not None else ""


def _claim(event_id: UUID) -> InboundEvent | None:
    """The event, locked; nobody ever waits for such a lock, so it may be taken before the customers'."""
    rows = InboundEvent.objects.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(pk=event_id, state__in=WAITING).first()


def _apply(event: InboundEvent, now: datetime) -> str:
    account = ProviderAccount.objects.get(pk=event.account_id)
    try:
        provider = accounts.provider_of(account)
        callback = Callback(f"?{event.query}" if event.query else "", event.headers, event.content)
    except Misconfigured as error:
        return _failed(event, error.text, now)
    except SealBroken:
        return _failed(event, _("It cannot be read with this installation's key: give it the key it was kept with."), now)
    try:
        found = provider.read(callback, now=event.received_at)
    except Forged as error:
        return _close(event, EventState.REJECTED, str(error), now)
    except ProviderError as error:
        return _failed(event, error.text, now)
    except (ValueError, RecursionError) as error:
        return _close(event, EventState.UNREADABLE, str(error) or type(error).__name__, now)
    unknown = 0
    for position, entry in enumerate(found):
        if isinstance(entry, Report):
            unknown += not reports.apply(entry, channel=account.channel, name=f"{event.key}:{position}", at=event.received_at, now=now)
        elif isinstance(entry, CardNews):
            unknown += not any(known for _receiver, known in card_reported.send(sender=ProviderAccount, news=entry, now=now))
        else:
            inbox.take(entry, event_id=event.pk, position=position, account=account, at=event.received_at, now=now)
    if unknown:
        return _park(event, now)
    return _close(event, EventState.APPLIED, "", now)


def _close(event: InboundEvent, state: EventState, error: str, now: datetime) -> str:
    event.state, event.error, event.applied_at = state, error.replace("\x00", "")[:500], now
    event.save(update_fields=["state", "error", "applied_at"])
    return str(state)


def _park(event: InboundEvent, now: datetime) -> str:
    """It names a message that is not known, perhaps not yet: looked at again with growing pauses, for a day."""
    if now >= event.received_at + PARKED_FOR:
        return _close(event, EventState.UNKNOWN, "", now)
    pause = PAUSES[min(event.looks, len(PAUSES) - 1)]
    event.looks += 1
    event.state, event.due_at = EventState.PARKED, now + timedelta(seconds=pause)
    event.save(update_fields=["state", "looks", "due_at"])
    return str(event.state)


def _failed(event: InboundEvent, error: str, now: datetime) -> str:
    event.failures += 1
    if event.failures >= MOST_TRIES:
        event.save(update_fields=["failures"])
        return _close(event, EventState.QUARANTINED, error, now)
    event.error, event.due_at = error.replace("\x00", "")[:500], now + timedelta(minutes=event.failures)
    event.save(update_fields=["failures", "error", "due_at"])
    return "failed"


def try_again(*, event_id: UUID, actor: str, now: datetime) -> None:
    """A person mended what was in the way: have a call that was set aside read again. Raises InboundEvent.DoesNotExist."""
    event = InboundEvent.objects.get(pk=event_id)
    changed = InboundEvent.objects.filter(pk=event.pk, state__in=[EventState.QUARANTINED, EventState.UNREADABLE, EventState.REJECTED])
    if changed.update(state=EventState.STORED, looks=0, failures=0, error="", due_at=now):
        audit.record(actor=actor, action="event.tried_again", body={"event": str(event_id)}, now=now)


def forget(*, now: datetime) -> int:
    """Delete calls kept for 13 months, of the open organization; how many."""
    deleted, _ = InboundEvent.objects.filter(received_at__lt=now - KEPT_FOR).exclude(state__in=WAITING).delete()
    return deleted
