"""Files on their way into the ledger: what somebody gave, what they said about it, and what a load leaves to take back."""

from typing import ClassVar

from django.db import models

from dunning.core.enums import Language
from dunning.core.tenancy import TenantForeignKey, TenantModel
from invoices.enums import FileState, ImportKind, TraceKind


class ImportFile(TenantModel):
    """A file somebody gave, from the moment it is kept until it is loaded or set aside.

    `look` is what its first rows showed, `answers` what a person said about it, `report` what the last check or the load found. While its
    state says so it waits for a worker, who holds its row until all is done: a worker that dies leaves it as it was.
    """

    kind = models.CharField(max_length=14, choices=ImportKind, blank=True)  # blank: nobody knows yet
    filename = models.CharField(max_length=200)
    document = TenantForeignKey("core.Document")
    state = models.CharField(max_length=10, choices=FileState, default=FileState.GIVEN)
    look = models.JSONField(default=dict)
    answers = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    refusal = models.TextField(blank=True)  # why it could not be checked or loaded, in the asker's language
    refusal_field = models.CharField(max_length=20, blank=True)  # the question that is open: problems.FileRefused.field
    errors = TenantForeignKey("core.Document", null=True, blank=True)  # the refused rows, ready to be corrected
    batch = TenantForeignKey("invoices.ImportBatch", null=True, blank=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.FRENCH)
    tries = models.PositiveSmallIntegerField(default=0)  # begun by a worker since it was asked for
    given_by = models.CharField(max_length=120)
    given_at = models.DateTimeField()
    asked_by = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(name="import_file_by_age", fields=["organization", "given_at"]),
            models.Index(name="import_file_by_batch", fields=["organization", "batch"], condition=models.Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.filename


class ImportTrace(TenantModel):
    """Something a load made or changed, by which it can be taken back on the same day. Kept no longer than that."""

    batch_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=TraceKind)
    object_id = models.UUIDField()
    before_id = models.UUIDField(null=True, blank=True)  # the copy an invoice had before
    on = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="import_trace_once", fields=["organization", "batch_id", "kind", "object_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
