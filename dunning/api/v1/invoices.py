"""Invoices: what is owed, as issued. An amount, a currency or a customer never changes: a correction is a credit note."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Amount, Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Children, Expansion, Shape, several
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, customer_of
from dunning.api.v1.customers import CustomerRow
from dunning.core import search
from dunning.core.scopes import WRITE
from dunning.core.selectors import get_profile
from invoices.enums import EInvoiceStatus, InvoiceKind, InvoiceState
from invoices.models import Installment, Invoice
from invoices.services import (
    InstallmentDraft,
    InvoiceDraft,
    cancel_invoice,
    issue_invoice,
    lock_items,
    update_invoice,
    waive_penalties,
)
from scenarios.services.answers import record_platform_status

_NOTHING: Final = Value(Decimal("0.00"))


class PartRow(Shape):
    """One due date of an invoice: the item reminders follow."""

    class Meta:
        model = Installment
        always = True
        columns = {
            "id": "",
            "position": "",
            "kind": "",
            "means": "",
            "due_on": "",
            "amount": "",
            "outstanding": "What is left to pay.",
            "collection_on": "Inside a direct debit or bill of that day.",
            "settled_on": "Value date of what settled it.",
            "triage": "What a person decided of an item that was old at the first import.",
        }


class InvoiceRow(Shape):
    """An invoice with its instalments, one at least."""

    outstanding = Amount(whole_digits=12, required=False, help_text="What is left to pay of all its instalments.")

    class Meta:
        model = Invoice
        columns = {
            "id": "",
            "number": "As issued; unique, credit notes included.",
            "state": "",
            "customer_id": "",
            "customer_number": "",
            "issued_on": "",
            "delivered_on": "",
            "due_on": "The last instalment's.",
            "currency": "ISO 4217.",
            "gross": "VAT included.",
            "outstanding": "What is left to pay of all its instalments.",
            "label": "",
            "purchase_order": "",
            "payment_reference": "RF creditor reference (ISO 11649).",
            "pay_to_iban": "The only IBAN a message about it may print.",
            "is_factored": "Assigned to a factor.",
            "e_invoice_status": "Lifecycle code of the platform.",
            "deposited_on": "On the platform.",
            "received_at": "When the customer had it, as far as is known.",
            "accepted_at": "When the customer agreed to pay it.",
            "not_received_at": "When the customer said it had not come.",
            "restart_on": "From which its plan counts, after it was sent again.",
            "penalties_waived_at": "",
            "penalties_waived_reason": "",
            "penalties_invoiced_on": "When penalties and fixed sum were billed by an invoice of their own.",
            "penalties_invoice_number": "The number of that invoice.",
            "cancelled_at": "",
            "cancelled_reason": "",
            "document_id": "Its copy, if there is one.",
            "delivery_proof_id": "Its proof of delivery, if there is one.",
            "entered_on": "The day this system learnt of it.",
            "created_at": "",
        }
        sources = {"customer_number": "customer__number"}
        computed = {
            "outstanding": Coalesce(
                Subquery(Installment.objects.filter(invoice=OuterRef("pk")).values("invoice").annotate(n=Sum("outstanding")).values("n")),
                _NOTHING,
            )
        }
        children = {"installments": Children(PartRow, "invoice_id", ("position",))}
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


class PartBody(Body):
    """One due date."""

    class Meta:
        model = Installment
        columns = {"due_on": "", "amount": "", "kind": "", "means": "The customer's when left out."}
        required = ("due_on", "amount")


class InvoiceBody(Body):
    """An issued invoice. Without instalments it falls due once: on `due_on`, else on what the customer's terms give."""

    customer_id = Uid(required=False, help_text="This, or customer_number.")
    customer_number = Text(max_length=40, allow_blank=False, required=False, help_text="This, or customer_id.")
    currency = Text(max_length=3, allow_blank=False, required=False, help_text="ISO 4217; your organization's when left out.")
    due_on = Day(required=False)
    pay_to_iban = Text(max_length=50, required=False, help_text="Your organization's when left out.")
    is_factored = Flag(required=False, help_text="Whether the customer has a factor, when left out.")
    installments = several(PartBody, most=60, required=False, help_text="They add up to `gross`.")

    class Meta:
        model = Invoice
        columns = {
            "number": "",
            "issued_on": "",
            "gross": "VAT included.",
            "delivered_on": "",
            "label": "",
            "purchase_order": "",
            "payment_reference": "Made from the number when left out.",
        }
        required = ("number", "issued_on", "gross")


class InvoiceChangeBody(Body):
    """What may change after issue."""

    due_on = Day(required=False, help_text="Of an invoice that falls due once.")
    pay_to_iban = Text(max_length=50, required=False)

    class Meta:
        model = Invoice
        columns = {"delivered_on": "", "label": "", "purchase_order": "", "payment_reference": "", "is_factored": ""}


class EInvoiceBody(Body):
    """A lifecycle status of the e-invoicing platform."""

    status = Word([code for code in EInvoiceStatus.values if code], help_text="AFNOR XP Z12-012.")
    reason = Text(max_length=20, required=False, help_text="Reason code of 206 and 207.")
    text = Text(max_length=2000, lines=True, required=False)
    contested_amount = Amount(required=False, help_text="What 206 does not approve.")


def invoices() -> QuerySet[Invoice]:
    return Invoice.objects.filter(kind=InvoiceKind.INVOICE)


def _found(rows: QuerySet[Invoice], query: str) -> QuerySet[Invoice]:
    return rows.filter(pk__in=search.find(kind="invoice", query=query))


def _open(rows: QuerySet[Invoice], value: bool) -> QuerySet[Invoice]:
    still = Installment.objects.filter(outstanding__gt=0).values("invoice")
    return rows.filter(pk__in=still) if value else rows.exclude(pk__in=still)


INVOICES = Table(
    name="invoice",
    shape=InvoiceRow,
    rows=invoices,
    filters={
        "number": Filter(Text(max_length=60), "number"),
        "q": Filter(Text(max_length=100, allow_blank=False), _found, "The beginning of its number or order number, or its amount."),
        "customer_id": Filter(Uid(), "customer"),
        "customer_number": Filter(Text(max_length=40), "customer__number"),
        "state": Filter(Word(InvoiceState.values), "state"),
        "open": Filter(Flag(), _open, "Only those with something left to pay, or only the others."),
        "currency": Filter(Text(max_length=3), "currency"),
        "purchase_order": Filter(Text(max_length=60), "purchase_order"),
        "issued_from": Filter(Day(), "issued_on__gte"),
        "issued_to": Filter(Day(), "issued_on__lte"),
        "due_from": Filter(Day(), "due_on__gte"),
        "due_to": Filter(Day(), "due_on__lte"),
    },
    order={"id": "id", "number": "number", "issued_on": "issued_on", "due_on": "due_on"},
)


def get_invoice(pk: UUID) -> Invoice:
    """Raises Invoice.DoesNotExist, for a credit note too."""
    return invoices().select_related("customer", "document", "delivery_proof").get(pk=pk)


class Invoices(Endpoint):
    resource = "invoices"

    @operation("listInvoices", "List invoices", lists=INVOICES)
    def get(self, call: Call) -> Answer:
        """Invoices with their instalments, the newest first."""
        return call.list(INVOICES)

    @operation(
        "createInvoice",
        "Record an issued invoice",
        access=WRITE,
        body=InvoiceBody,
        shows=INVOICES,
        status=201,
        example={
            "customer_number": "C0042",
            "number": "FA-2026-0101",
            "issued_on": "2026-09-01",
            "due_on": "2026-10-01",
            "gross": "1200.00",
        },
    )
    def post(self, call: Call) -> Answer:
        """A number that is taken is refused. Many at once: PUT /api/v1/invoices/bulk."""
        given = dict(call.body)
        customer = customer_of(given)
        parts = tuple(InstallmentDraft(**part) for part in given.pop("installments", ()))
        given.setdefault("currency", get_profile().default_currency)
        invoice = issue_invoice(draft=InvoiceDraft(customer=customer, installments=parts, **given), **call.acting)
        return call.show(INVOICES, invoice.pk, status=201, location=f"/api/v1/invoices/{invoice.pk}")


class InvoiceEndpoint(Endpoint):
    """An address below one invoice."""

    resource = "invoices"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        lock_items(invoice_ids=[ids["pk"]])
        return one(INVOICES, ids["pk"])


class OneInvoice(InvoiceEndpoint):
    @operation("getInvoice", "Read an invoice", shows=INVOICES)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One invoice with its instalments."""
        return call.show(INVOICES, pk)

    @operation(
        "updateInvoice",
        "Change what may change of an invoice",
        access=WRITE,
        body=InvoiceChangeBody,
        shows=INVOICES,
        guarded=True,
        example={"purchase_order": "BC-2026-17"},
    )
    def patch(self, call: Call, pk: UUID) -> Answer:
        """Amount, currency, customer and number never change: issue a credit note, and a new invoice."""
        update_invoice(invoice=get_invoice(pk), **call.body, **call.acting)
        return call.show(INVOICES, pk)


class CancelInvoice(InvoiceEndpoint):
    @operation(
        "cancelInvoice",
        "Cancel an invoice that was never owed",
        access=WRITE,
        body=ReasonBody,
        shows=INVOICES,
        guarded=True,
        example={"reason": "Issued twice by mistake."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """What had been set against it is free again. Nothing happens the second time."""
        cancel_invoice(invoice=get_invoice(pk), reason=call.body["reason"], **call.acting)
        return call.show(INVOICES, pk)


class WaivePenalties(InvoiceEndpoint):
    @operation(
        "waivePenalties",
        "Give up the penalties of an invoice",
        access=WRITE,
        body=ReasonBody,
        shows=INVOICES,
        guarded=True,
        example={"reason": "Agreed with the customer."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """And the fixed sum; the principal stays owed."""
        waive_penalties(invoice=get_invoice(pk), reason=call.body["reason"], **call.acting)
        return call.show(INVOICES, pk)


class EInvoice(InvoiceEndpoint):
    @operation(
        "recordEInvoiceStatus",
        "Record a status of the e-invoicing platform",
        access=WRITE,
        body=EInvoiceBody,
        shows=INVOICES,
        guarded=True,
        example={"status": "205"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Receipt, acceptance, dispute, suspension or refusal follow from it. The same status again changes nothing. Who contests on the
        platform is written to the same day."""
        record_platform_status(invoice=get_invoice(pk), **call.body, **call.acting)
        return call.show(INVOICES, pk)
