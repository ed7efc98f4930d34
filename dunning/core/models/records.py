"""The records every floor writes: audit events, events for the outside, documents, search words, answers kept, calls counted."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Cast

from dunning.core.tenancy import TenantModel


class RateWindow(models.Model):
    """How often something was done within one stretch of time. Outside the wall: who is counted is not known to anybody yet, nor named."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64)  # a keyed hash of what is counted and for whom
    starts_at = models.DateTimeField()  # database time
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="rate_window_once", fields=["key", "starts_at"])]
        indexes: ClassVar = [models.Index(name="rate_window_by_age", fields=["starts_at"])]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.count}"


class KeptAnswer(TenantModel):
    """The answer to a call that named itself (`Idempotency-Key`), committed with its effect and given again for a day."""

    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, address and body, hex
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    content = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="kept_answer_key", fields=["organization", "key"])]
        indexes: ClassVar = [models.Index(name="kept_answer_by_age", fields=["organization", "created_at"])]

    def __str__(self) -> str:
        return self.key


class AuditHead(TenantModel):
    """The last link of an organization's chain; its row lock is the last lock any transaction takes."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_audit_head_per_organization", fields=["organization"])]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class AuditEvent(TenantModel):
    """What happened, who did it, and the hash that chains it to the event before (SHA-256, hex).

    Append-only: triggers refuse UPDATE, DELETE and TRUNCATE, from raw SQL too.
    """

    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    body = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="audit_sequence", fields=["organization", "sequence"])]
        indexes: ClassVar = [
            models.Index(name="audit_by_object", fields=["organization", "object_type", "object_id", "sequence"]),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="audit_no_truncate",
                operation=pgtrigger.Truncate,
                when=pgtrigger.Before,
                level=pgtrigger.Statement,
                func="RAISE EXCEPTION 'the audit trail is append-only';",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.action}"


class Event(TenantModel):
    """News for the outside world, written in the business transaction; webhooks fan it out later.

    `sequence` counts the events of one object: a later one has the greater number. `batch` joins those of one transaction that somebody
    asked to hear of; null when nobody did.
    """

    type = models.CharField(max_length=80)
    at = models.DateTimeField()
    object_type = models.CharField(max_length=60)
    object_id = models.UUIDField()
    sequence = models.PositiveIntegerField(db_default=1)
    batch = models.UUIDField(null=True, blank=True)
    payload = models.JSONField(default=dict)
    # The database transaction that wrote it: in this order, and behind the oldest one still open, a reader misses none.
    transaction = models.BigIntegerField(
        db_default=Cast(Cast(models.Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()), editable=False
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(name="event_by_object", fields=["organization", "object_id", "sequence"]),  # the last one, at every event
            models.Index(name="event_by_batch", fields=["organization", "batch", "id"], condition=models.Q(batch__isnull=False)),
            models.Index(name="event_by_transaction", fields=["organization", "transaction", "id"]),
        ]

    def __str__(self) -> str:
        return self.type


class Document(TenantModel):
    """A file that is kept: its bytes lie behind the storage port, addressed by their SHA-256."""

    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)
    filename = models.CharField(max_length=200)
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(name="document_by_hash", fields=["organization", "sha256"])]

    def __str__(self) -> str:
        return self.filename


class SearchEntry(TenantModel):
    """One folded word by which an object is found: equality and ranges are the only look-ups an index serves behind RLS."""

    kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    token = models.CharField(max_length=80)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="search_token", fields=["organization", "token", "kind", "object_id"]),
        ]
        indexes: ClassVar = [models.Index(name="search_by_object", fields=["organization", "kind", "object_id"])]

    def __str__(self) -> str:
        return self.token
