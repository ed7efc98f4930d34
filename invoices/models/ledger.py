"""How the ledger was loaded, how far it is complete, and the reference rates entered by hand."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dunning.core.tenancy import TenantForeignKey, TenantModel
from invoices.enums import ImportKind, RowOutcome


class ImportBatch(TenantModel):
    """One file that was loaded, with what became of its rows."""

    kind = models.CharField(max_length=14, choices=ImportKind)
    filename = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)  # column -> field, remembered for the next file of this kind
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    actor = models.CharField(max_length=120)
    loaded_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=120, blank=True)
    undone = models.JSONField(default=dict, blank=True)  # what was taken back, and what could not be

    class Meta:
        indexes: ClassVar = [models.Index(name="import_by_kind", fields=["organization", "kind", "loaded_at"])]

    def __str__(self) -> str:
        return self.filename


class ImportRow(TenantModel):
    """A row that could not be loaded, kept with its reason. Rows that were loaded are counted on the batch."""

    batch = TenantForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=RowOutcome)
    column = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    content = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="import_row_line", fields=["organization", "batch", "line"])]

    def __str__(self) -> str:
        return f"{self.line}: {self.reason}"


class LedgerCoverage(TenantModel):
    """Receipts are known to be complete through this day, because a bank feed or a person says so (rule 8)."""

    through = models.DateField()
    source = models.CharField(max_length=12, default="certified")  # certified by a person, or bank
    certified_by = models.CharField(max_length=120)
    certified_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(name="coverage_latest", fields=["organization", "certified_at"])]

    def __str__(self) -> str:
        return f"{self.through}"


class ReferenceRate(TenantModel):
    """A published rate entered by hand, added to the table that ships (2027-H1 once it is published, say)."""

    series = models.CharField(max_length=20)  # ecb_mro, legal_pro, legal_private
    semester = models.CharField(max_length=7)  # 2027-H1
    rate = models.DecimalField(max_digits=6, decimal_places=3)  # percent a year
    source = models.CharField(max_length=200)
    verified_on = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="reference_rate_once", fields=["organization", "series", "semester"]),
            models.CheckConstraint(name="reference_rate_semester", condition=Q(semester__regex=r"^[0-9]{4}-H[12]$")),
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.semester}: {self.rate}"
