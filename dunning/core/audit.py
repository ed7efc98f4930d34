"""The audit trail: append-only, hash-chained per organization, written with the business it reports.

`record()` buffers; the outermost `tenant()` block chains and writes as its last statements before COMMIT, so that the
head's row lock is held for milliseconds and always taken last. An event's hash is SHA-256 over its canonical JSON,
which contains the hash of the event before it.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from dunning.core import clock
from dunning.core.models import AuditEvent, AuditHead
from dunning.core.prepared import ask
from dunning.core.tenancy import Scope, current_scope, register_flusher

GENESIS = "0" * 64
MOST_HEADS: Final = 1000  # remembered by a process


@dataclass(frozen=True, slots=True)
class PendingEvent:
    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The end of an organization's chain."""

    id: UUID
    sequence: int
    hash: str


_heads: dict[UUID, Head] = {}
"""The ends of chains this process wrote last."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that does not hold, and why."""

    sequence: int
    reason: str


def record(*, actor: str, action: str, target: Any = None, body: dict[str, Any] | None = None, now: datetime | None = None) -> None:
    """Have `action` by `actor` written to the open organization's trail when the transaction commits.

    `target` is the model instance concerned, if there is one. `body` holds JSON-able facts; bulk work records one event
    with the count and the digest of its rows (`digest`). Raises TenancyError outside `tenant()`.
    """
    current_scope().pending.append(
        PendingEvent(
            at=now or clock.now(),
            actor=actor,
            action=action,
            object_type=target._meta.label_lower if target is not None else "",
            object_id=str(target.pk) if target is not None else "",
            body=json.loads(json.dumps(body or {}, cls=DjangoJSONEncoder)),
        )
    )


def digest(rows: Any) -> str:
    """SHA-256 (hex) of rows in the order given, for the one audit event of a bulk write."""
    content = hashlib.sha256()
    for row in rows:
        content.update(json.dumps(row, cls=DjangoJSONEncoder, sort_keys=True, ensure_ascii=False).encode())
        content.update(b"\n")
    return content.hexdigest()


def install() -> None:
    """Have every `tenant()` block write what it recorded."""
    register_flusher(_flush)


def _flush(scope: Scope) -> None:
    pending = [entry for entry in scope.pending if isinstance(entry, PendingEvent)]
    if not pending:
        return
    scope.pending[:] = [entry for entry in scope.pending if not isinstance(entry, PendingEvent)]
    known = _heads.get(scope.organization_id)
    if known is None or not _append(scope.organization_id, pending, known):  # somebody else wrote meanwhile
        _append(scope.organization_id, pending, _lock_head())


def _append(organization_id: UUID, pending: Sequence[PendingEvent], head: Head) -> bool:
    """Chain these events to `head` and write them. False, and nothing is written, when that is the head no more."""
    sequence, previous = head.sequence, head.hash
    events = []
    for entry in pending:
        sequence += 1
        event = AuditEvent(
            sequence=sequence,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            object_type=entry.object_type,
            object_id=entry.object_id,
            body=entry.body,
            previous_hash=previous,
        )
        event.hash = previous = link_hash(event)
        events.append(event)
    if not _write(organization_id, events, head):
        return False
    if len(_heads) >= MOST_HEADS:
        _heads.clear()
    _heads[organization_id] = Head(head.id, sequence, previous)
    return True


# Nearly every transaction ends with these: one statement when this process wrote the head it finds, else two. Taking the head is a
# compare-and-set on its hash, so that what is remembered - of a transaction that was rolled back, too - can be wrong but do no harm.
_LOCK_HEAD: Final = "SELECT id, sequence, hash FROM core_audithead FOR NO KEY UPDATE"
_WRITE: Final = """
WITH head AS (UPDATE core_audithead SET sequence = %s, hash = %s WHERE id = %s AND sequence = %s AND hash = %s RETURNING id)
INSERT INTO core_auditevent (id, organization_id, sequence, at, actor, action, object_type, object_id, body, previous_hash, hash)
SELECT e.id, %s::uuid, e.sequence, e.at, e.actor, e.action, e.object_type, e.object_id, e.body, e.previous_hash, e.hash
FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[],
            %s::text[], %s::text[])
     AS e (id, sequence, at, actor, action, object_type, object_id, body, previous_hash, hash)
WHERE EXISTS (SELECT FROM head)
"""


def _lock_head() -> Head:
    with connection.cursor() as cursor:
        ask(cursor, _LOCK_HEAD)
        rows: list[tuple[UUID, int, str]] = cursor.fetchall()
        if not rows:  # the organization's first event; another transaction may be writing its own
            AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
            ask(cursor, _LOCK_HEAD)
            rows = cursor.fetchall()
    (row,) = rows
    return Head(*row)


def _write(organization_id: UUID, events: Sequence[AuditEvent], head: Head) -> bool:
    columns = (
        [event.pk for event in events],
        [event.sequence for event in events],
        [event.at for event in events],
        [event.actor for event in events],
        [event.action for event in events],
        [event.object_type for event in events],
        [event.object_id for event in events],
        [json.dumps(event.body) for event in events],
        [event.previous_hash for event in events],
        [event.hash for event in events],
    )
    with connection.cursor() as cursor:
        ask(cursor, _WRITE, [events[-1].sequence, events[-1].hash, head.id, head.sequence, head.hash, organization_id, *columns])
        return bool(cursor.rowcount == len(events))


def link_hash(event: AuditEvent) -> str:
    """The SHA-256 (hex) an event must carry, from its own content and the hash before it."""
    content = {
        "organization": str(event.organization_id),
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor,
        "action": event.action,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "body": event.body,
        "previous": event.previous_hash,
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def verify() -> Iterator[Broken]:
    """Walk the open organization's chain and yield every link that does not hold; nothing when it is whole.

    A removed tail shows against the head row; both gone together show only against an anchor kept elsewhere.
    """
    expected, previous = 1, GENESIS
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=2000):
        if event.sequence != expected:
            yield Broken(expected, f"events {expected} to {event.sequence - 1} are missing")
        elif event.previous_hash != previous:
            yield Broken(event.sequence, "it does not continue the event before it")
        if event.hash != link_hash(event):
            yield Broken(event.sequence, "its content was changed")
        expected, previous = event.sequence + 1, event.hash
    head = AuditHead.objects.first()
    if head is not None and (head.sequence, head.hash) != (expected - 1, previous):
        yield Broken(head.sequence, f"the trail ends at {expected - 1}, the head says {head.sequence}")
