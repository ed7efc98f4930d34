"""Allocations one by one, and how far receipts are known to be complete."""

from uuid import UUID

from django.db.models import QuerySet

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Day, Flag, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Shape
from dunning.api.tables import Filter, Table
from dunning.api.v1.base import ReasonBody, get
from dunning.core.scopes import WRITE
from invoices.models import Allocation, LedgerCoverage
from invoices.services import certify_ledger, reverse_allocation
from invoices.services.ledger import BANK, CERTIFIED


class AllocationRow(Shape):
    """A part of a payment or of a credit note, set against one instalment."""

    class Meta:
        model = Allocation
        columns = {
            "id": "",
            "installment_id": "",
            "invoice_id": "",
            "invoice_number": "",
            "payment_id": "The payment, or null.",
            "credit_note_id": "The credit note, or null.",
            "amount": "",
            "value_on": "The payment's value date, the credit note's issue date.",
            "reversed_at": "Since when it counts no more.",
            "created_at": "",
        }
        sources = {"invoice_id": "installment__invoice_id", "invoice_number": "installment__invoice__number"}


def _active(rows: QuerySet[Allocation], value: bool) -> QuerySet[Allocation]:
    return rows.filter(reversed_at__isnull=value)


ALLOCATIONS = Table(
    name="allocation",
    shape=AllocationRow,
    rows=Allocation.objects.all,
    filters={
        "payment_id": Filter(Uid(), "payment"),
        "credit_note_id": Filter(Uid(), "credit_note"),
        "installment_id": Filter(Uid(), "installment"),
        "active": Filter(Flag(), _active, "Only those that count, or only those taken back."),
    },
)


class CoverageRow(Shape):
    """Somebody said that receipts are complete through a day."""

    class Meta:
        model = LedgerCoverage
        columns = {
            "id": "",
            "through": "",
            "source": "`certified` by a person or a program, or `bank`.",
            "certified_by": "",
            "certified_at": "",
        }


COVERAGE = Table(name="ledger certification", shape=CoverageRow, rows=LedgerCoverage.objects.all)


class CoverageBody(Body):
    """Receipts are complete through a day."""

    through = Day(help_text="Every receipt of this day and before is recorded.")
    source = Word([CERTIFIED, BANK], required=False)  # type: ignore[assignment]  # declared fields leave the class


class Allocations(Endpoint):
    resource = "payments"

    @operation("listAllocations", "List allocations", lists=ALLOCATIONS)
    def get(self, call: Call) -> Answer:
        """What payments and credit notes were set against, the newest first."""
        return call.list(ALLOCATIONS)


class OneAllocation(Endpoint):
    resource = "payments"

    @operation("getAllocation", "Read an allocation", shows=ALLOCATIONS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One allocation."""
        return call.show(ALLOCATIONS, pk)


class ReverseAllocation(Endpoint):
    resource = "payments"

    @operation(
        "reverseAllocation",
        "Take an allocation back",
        access=WRITE,
        body=ReasonBody,
        shows=ALLOCATIONS,
        example={"reason": "It paid another invoice."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """The instalment is open again. Nothing happens the second time."""
        reverse_allocation(allocation=get(Allocation, pk), reason=call.body["reason"], **call.acting)
        return call.show(ALLOCATIONS, pk)


class Certifications(Endpoint):
    resource = "payments"

    @operation("listLedgerCertifications", "List what was said of receipts", lists=COVERAGE)
    def get(self, call: Call) -> Answer:
        """The newest first; it alone counts."""
        return call.list(COVERAGE)

    @operation(
        "certifyLedger",
        "Say that receipts are complete through a day",
        access=WRITE,
        body=CoverageBody,
        shows=COVERAGE,
        status=201,
        example={"through": "2026-10-08"},
    )
    def post(self, call: Call) -> Answer:
        """Overdue reminders wait for it: who pushes payments says each day through which one they are all there."""
        coverage = certify_ledger(**call.body, **call.acting)
        return call.show(COVERAGE, coverage.pk, status=201, location=f"/api/v1/ledger-certifications/{coverage.pk}")


class OneCertification(Endpoint):
    resource = "payments"

    @operation("getLedgerCertification", "Read what was said of receipts", shows=COVERAGE)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One certification."""
        return call.show(COVERAGE, pk)
