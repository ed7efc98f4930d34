"""Disputes: an item is contested, whole or in part."""

from typing import Any
from uuid import UUID

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Amount, Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import get, member, needed, unknown
from dunning.api.v1.customers import CustomerRow
from dunning.api.v1.installments import InstallmentRow
from dunning.core.scopes import WRITE
from invoices import services
from invoices.enums import DisputeReason, DisputeState
from invoices.models import Dispute, Installment
from scenarios.services.answers import acknowledge_disputes


class DisputeRow(Shape):
    """A dispute of one instalment."""

    class Meta:
        model = Dispute
        columns = {
            "id": "",
            "installment_id": "",
            "invoice_number": "",
            "customer_id": "",
            "amount": "What is contested; null: the whole.",
            "reason": "",
            "text": "In the customer's words.",
            "state": "",
            "opened_on": "",
            "owner_id": "Who answers.",
            "answer_due_on": "By when, as the customer was told.",
            "acknowledged_on": "When the customer was told.",
            "closed_on": "",
            "resolution_text": "Our answer.",
            "created_at": "",
        }
        sources = {"invoice_number": "installment__invoice__number"}
        expand = {"installment": Expansion(InstallmentRow, "installment_id"), "customer": Expansion(CustomerRow, "customer_id")}


class DisputeBody(Body):
    """A dispute to open."""

    installment_id = Uid()
    reason = Word(DisputeReason.values)
    amount = Amount(required=False, allow_null=True, help_text="The whole when left out.")
    text = Text(max_length=5000, lines=True, required=False, help_text="In the customer's words.")
    owner_id = Uid(required=False, allow_null=True, help_text="Who answers; the account owner when left out.")
    answer_due_on = Day(required=False, allow_null=True, help_text="Five business days when left out.")
    acknowledge = Flag(required=False, help_text="False: you tell the customer yourself that it is looked into. True when left out.")


class AssignBody(Body):
    """Who answers, and by when."""

    owner_id = Uid()
    answer_due_on = Day()


class CloseBody(Body):
    """How a dispute ends."""

    outcome = Word([state for state in DisputeState.values if state != DisputeState.OPEN])
    text = Text(max_length=5000, lines=True, required=False, help_text="Our answer.")
    credit_amount = Amount(
        required=False, allow_null=True, help_text="The credit note to issue, when accepted; what was contested when left out."
    )


DISPUTES = Table(
    name="dispute",
    shape=DisputeRow,
    rows=Dispute.objects.all,
    filters={
        "state": Filter(Word(DisputeState.values), "state"),
        "customer_id": Filter(Uid(), "customer"),
        "installment_id": Filter(Uid(), "installment"),
        "owner_id": Filter(Uid(), "owner"),
        "answer_due_to": Filter(Day(), "answer_due_on__lte"),
    },
    order={"id": "id", "answer_due_on": "answer_due_on"},
)


class Disputes(Endpoint):
    resource = "disputes"

    @operation("listDisputes", "List disputes", lists=DISPUTES)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(DISPUTES)

    @operation(
        "openDispute",
        "Open a dispute",
        access=WRITE,
        body=DisputeBody,
        shows=DISPUTES,
        status=201,
        example={"installment_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10", "reason": "PU_ERR", "amount": "312.00"},
    )
    def post(self, call: Call) -> Answer:
        """What is contested is asked for no more; the rest stays due. One dispute is open on an instalment at a time. The customer is
        written to the same day: who looks into it, and until when."""
        given = dict(call.body)
        is_told = given.pop("acknowledge", True)
        item = needed(Installment, given.pop("installment_id"), "installment_id")
        owner = member(call.caller.organization, given.pop("owner_id", None), "owner_id")
        dispute = services.open_dispute(installment=item, owner=owner, **given, **call.acting)
        if is_told:
            acknowledge_disputes(disputes=[dispute], **call.acting)
        return call.show(DISPUTES, dispute.pk, status=201, location=f"/api/v1/disputes/{dispute.pk}")


class _OneDispute(Endpoint):
    resource = "disputes"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        services.lock_items([get(Dispute, ids["pk"]).installment_id])
        return one(DISPUTES, ids["pk"])


class OneDispute(_OneDispute):
    @operation("getDispute", "Read a dispute", shows=DISPUTES)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One dispute."""
        return call.show(DISPUTES, pk)


class Acknowledge(_OneDispute):
    @operation("acknowledgeDispute", "Note that the customer was told", access=WRITE, shows=DISPUTES, guarded=True)
    def post(self, call: Call, pk: UUID) -> Answer:
        """That its dispute is being looked at, by whom and until when. Nothing happens the second time."""
        services.acknowledge_dispute(dispute=get(Dispute, pk), **call.acting)
        return call.show(DISPUTES, pk)


class Assign(_OneDispute):
    @operation(
        "assignDispute",
        "Have somebody else answer a dispute",
        access=WRITE,
        body=AssignBody,
        shows=DISPUTES,
        guarded=True,
        example={"owner_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10", "answer_due_on": "2026-10-16"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Or by another date."""
        owner = member(call.caller.organization, call.body["owner_id"], "owner_id")
        if owner is None:
            raise unknown("owner_id")
        services.assign_dispute(dispute=get(Dispute, pk), owner=owner, answer_due_on=call.body["answer_due_on"], **call.acting)
        return call.show(DISPUTES, pk)


class Close(_OneDispute):
    @operation(
        "closeDispute",
        "Close a dispute",
        access=WRITE,
        body=CloseBody,
        shows=DISPUTES,
        guarded=True,
        example={"outcome": "accepted", "credit_amount": "312.00"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Accepted, the item waits for our credit note; rejected or withdrawn, it goes on."""
        services.close_dispute(dispute=get(Dispute, pk), **call.body, **call.acting)
        return call.show(DISPUTES, pk)
