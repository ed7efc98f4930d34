"""Credit notes: what an invoice should not have claimed."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from customers.models import Customer
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Amount, Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, customer_of, get, unknown
from dunning.api.v1.customers import CUSTOMERS, CustomerRow
from dunning.api.v1.invoices import InvoiceRow, invoices
from dunning.core.scopes import WRITE
from dunning.core.selectors import get_profile
from invoices.enums import InvoiceKind, InvoiceState
from invoices.models import Invoice
from invoices.services import allocate_credit_notes, cancel_invoice, issue_credit_note, lock_items


class CreditNoteRow(Shape):
    """A credit note."""

    class Meta:
        model = Invoice
        columns = {
            "id": "",
            "number": "As issued; unique, invoices included.",
            "state": "",
            "customer_id": "",
            "customer_number": "",
            "credited_invoice_id": "What it corrects.",
            "issued_on": "",
            "currency": "ISO 4217.",
            "gross": "VAT included, positive.",
            "unallocated": "What is not set against an instalment yet.",
            "label": "",
            "cancelled_at": "",
            "cancelled_reason": "",
            "entered_on": "The day this system learnt of it.",
            "created_at": "",
        }
        sources = {"customer_number": "customer__number"}
        expand = {"customer": Expansion(CustomerRow, "customer_id"), "credited_invoice": Expansion(InvoiceRow, "credited_invoice_id")}


class CreditNoteBody(Body):
    """An issued credit note."""

    customer_id = Uid(required=False, help_text="This, customer_number, or a credited invoice.")
    customer_number = Text(max_length=40, allow_blank=False, required=False)
    credited_invoice_id = Uid(required=False, help_text="What it corrects: this or credited_number.")
    credited_number = Text(max_length=60, allow_blank=False, required=False, help_text="The number of the invoice it corrects.")
    currency = Text(max_length=3, allow_blank=False, required=False, help_text="Of the credited invoice, else your organization's.")
    gross = Amount(help_text="VAT included, positive.")
    issued_on = Day()

    class Meta:
        model = Invoice
        columns = {"number": "", "label": ""}
        required = ("number",)


def credit_notes() -> QuerySet[Invoice]:
    return Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE)


def _unallocated(rows: QuerySet[Invoice], value: bool) -> QuerySet[Invoice]:
    return rows.filter(unallocated__gt=0) if value else rows.filter(unallocated=0)


CREDIT_NOTES = Table(
    name="credit note",
    shape=CreditNoteRow,
    rows=credit_notes,
    filters={
        "number": Filter(Text(max_length=60), "number"),
        "customer_id": Filter(Uid(), "customer"),
        "credited_invoice_id": Filter(Uid(), "credited_invoice"),
        "state": Filter(Word(InvoiceState.values), "state"),
        "unallocated": Filter(Flag(), _unallocated, "Only those with something to allocate, or only the others."),
        "issued_from": Filter(Day(), "issued_on__gte"),
        "issued_to": Filter(Day(), "issued_on__lte"),
    },
    order={"id": "id", "number": "number", "issued_on": "issued_on"},
)


def _credited(given: dict[str, Any]) -> Invoice | None:
    """The invoice a body names, taken out of it; the note's customer and currency are its own unless given."""
    pk, number = given.pop("credited_invoice_id", None), given.pop("credited_number", None)
    if pk is None and number is None:
        return None
    named = {name: value for name, value in (("pk", pk), ("number", number)) if value is not None}
    found = invoices().filter(**named).first()
    if found is None:
        raise unknown("credited_invoice_id" if pk is not None else "credited_number")
    given.setdefault("currency", found.currency)
    if "customer_id" not in given and "customer_number" not in given:
        given["customer_id"] = found.customer_id
    return found


class CreditNotes(Endpoint):
    resource = "invoices"

    @operation("listCreditNotes", "List credit notes", lists=CREDIT_NOTES)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(CREDIT_NOTES)

    @operation(
        "createCreditNote",
        "Record an issued credit note",
        access=WRITE,
        body=CreditNoteBody,
        shows=CREDIT_NOTES,
        status=201,
        example={"number": "AV-2026-0007", "credited_number": "FA-2026-0101", "issued_on": "2026-10-05", "gross": "312.00"},
    )
    def post(self, call: Call) -> Answer:
        """It is set against the invoice it names, and ends the pause that awaited it; what exceeds it stays in the customer's favour."""
        given = dict(call.body)
        credited = _credited(given)
        customer = customer_of(given)
        given.setdefault("currency", get_profile().default_currency)
        note = issue_credit_note(customer=customer, credited_invoice=credited, **given, **call.acting)
        return call.show(CREDIT_NOTES, note.pk, status=201, location=f"/api/v1/credit-notes/{note.pk}")


class _OneCreditNote(Endpoint):
    resource = "invoices"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        lock_items(invoice_ids=[ids["pk"]])
        return one(CREDIT_NOTES, ids["pk"])


class OneCreditNote(_OneCreditNote):
    @operation("getCreditNote", "Read a credit note", shows=CREDIT_NOTES)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One credit note."""
        return call.show(CREDIT_NOTES, pk)


class CancelCreditNote(_OneCreditNote):
    @operation(
        "cancelCreditNote",
        "Cancel a credit note",
        access=WRITE,
        body=ReasonBody,
        shows=CREDIT_NOTES,
        guarded=True,
        example={"reason": "Issued by mistake."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """One that was set against invoices is refused: take that back first."""
        cancel_invoice(invoice=credit_notes().get(pk=pk), reason=call.body["reason"], **call.acting)
        return call.show(CREDIT_NOTES, pk)


class AllocateCreditNotes(Endpoint):
    resource = "invoices"

    @operation("allocateCreditNotes", "Set a customer's credit notes against what it owes", access=WRITE, shows=CUSTOMERS)
    def post(self, call: Call, pk: UUID) -> Answer:
        """The oldest first, each against open items of its currency."""
        allocate_credit_notes(customer=get(Customer, pk), **call.acting)
        return call.show(CUSTOMERS, pk)
