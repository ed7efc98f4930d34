"""The audit trail: append-only, hash-chained per organization, written with the business it reports.

`record()` buffers; the outermost `tenant()` block chains and writes as its last statements before COMMIT, so that the
head's row lock is held for milliseconds and always taken last. An event's hash is SHA-256 over its canonical JSON,
which contains the hash of the event before it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from dunning.core import clock
from dunning.core.models import AuditEvent, AuditHead
from dunning.core.tenancy import Scope, current_scope, register_flusher

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class PendingEvent:
    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    body: dict[str, Any]


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
    organization_id = scope.organization_id
    with connection.cursor() as cursor:
        sequence, previous = _lock_head(cursor, organization_id)
        rows: list[Any] = []
        for entry in pending:
            sequence += 1
            event = AuditEvent(
                organization_id=organization_id,
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
            rows += [
                event.pk, organization_id, sequence, event.at, event.actor, event.action, event.object_type, event.object_id,
                json.dumps(event.body), event.previous_hash, event.hash,
            ]  # fmt: skip
            if len(rows) >= _AT_ONCE * 11:
                _insert(cursor, rows)
                rows = []
        _insert(cursor, rows)
        cursor.execute(
            "UPDATE core_audithead SET sequence = %s, hash = %s WHERE organization_id = %s", [sequence, previous, organization_id]
        )


_AT_ONCE: Final = 500
_INSERT: Final = (
    "INSERT INTO core_auditevent"
    " (id, organization_id, sequence, at, actor, action, object_type, object_id, body, previous_hash, hash) VALUES "
)


def _lock_head(cursor: Any, organization_id: Any) -> tuple[int, str]:
    """The end of the chain, locked: the last lock of every transaction, in statements of its own because each one pays for them."""
    lock = "SELECT sequence, hash FROM core_audithead WHERE organization_id = %s FOR NO KEY UPDATE"
    cursor.execute(lock, [organization_id])
    head = cursor.fetchone()
    if head is None:  # the organization's first event; another transaction may be writing its own
        AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
        cursor.execute(lock, [organization_id])
        head = cursor.fetchone()
    return head[0], head[1]


def _insert(cursor: Any, rows: list[Any]) -> None:
    if rows:
        values = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"] * (len(rows) // 11))
        cursor.execute(_INSERT + values, rows)


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
