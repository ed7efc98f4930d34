"""What the outside world is told of invoices, of payments and of what stands between them, when something about them happened.

Inside `tenant()`. Amounts are decimals beside their currency; nobody's name and nobody's words are told.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db.models import Sum

from dunning.core import events
from invoices.enums import InvoiceKind
from invoices.models import (
    Declaration,
    Dispute,
    Hold,
    ImportBatch,
    Installment,
    Invoice,
    LedgerCoverage,
    Payment,
    PaymentPlan,
    Promise,
)

Described = Mapping[UUID, Mapping[str, Any]]

_CUSTOMER: Final = {"customer_id": "customer_id", "customer_number": "customer__number"}
_ITEM: Final = {
    "installment_id": "installment_id",
    "invoice_id": "installment__invoice_id",
    "invoice_number": "installment__invoice__number",
    **_CUSTOMER,
}
_CURRENCY: Final = {"currency": "installment__invoice__currency"}
_INVOICE: Final = {
    **events.named("number", "kind", "state"),
    **_CUSTOMER,
    **events.named("issued_on", "due_on", "currency", "gross"),
    "outstanding": "unallocated",
}
_INSTALLMENT: Final = {
    "invoice_id": "invoice_id",
    "invoice_number": "invoice__number",
    **_CUSTOMER,
    **events.named("position", "due_on"),
    "currency": "invoice__currency",
    **events.named("amount", "outstanding"),
}
_PAYMENT: Final = {
    "reference": "external_reference",
    **_CUSTOMER,
    **events.named("received_on", "currency", "amount", "unallocated"),
    "cancelled": "cancelled_at",
}
_PROMISE: Final = {**_ITEM, "promised_for": "promised_for", **_CURRENCY, "amount": "amount", "state": "state"}
_DISPUTE: Final = {
    **_ITEM,
    **events.named("reason", "opened_on", "answer_due_on"),
    **_CURRENCY,
    **events.named("amount", "state"),
}
_HOLD: Final = {**_ITEM, **events.named("kind", "side", "starts_on", "ends_on", "released_on")}
_PLAN: Final = {**_CUSTOMER, **events.named("agreed_on", "reference", "currency", "amount", "state")}
_DECLARATION: Final = {**_CUSTOMER, "action": "action", "said_at": "at"}
_IMPORT: Final = events.named("kind", "created", "updated", "unchanged", "errors")
_COVERAGE: Final = {"through": "through", "source": "source"}


def connect() -> None:
    """Say how each subject of this floor is described; called when the application starts."""
    events.describe_by("invoice", describe_invoices)
    events.describe_by("payment", describe_payments)
    for subject, model, paths in (
        ("installment", Installment, _INSTALLMENT),
        ("payment_plan", PaymentPlan, _PLAN),
        ("declaration", Declaration, _DECLARATION),
        ("promise", Promise, _PROMISE),
        ("dispute", Dispute, _DISPUTE),
        ("hold", Hold, _HOLD),
        ("import_batch", ImportBatch, _IMPORT),
        ("ledger_coverage", LedgerCoverage, _COVERAGE),
    ):
        events.describe_by(subject, partial(_read, model, paths))


def _read(model: Any, paths: Mapping[str, str], ids: Collection[UUID]) -> Described:
    return events.read_fields(model.objects.all(), ids, paths)


def describe_invoices(ids: Collection[UUID]) -> Described:
    """`outstanding` is what is left to pay; of a credit note, what was not set against anything yet."""
    found = events.read_fields(Invoice.objects.all(), ids, _INVOICE)
    left = Installment.objects.filter(invoice__in=list(ids)).order_by().values_list("invoice_id").annotate(Sum("outstanding"))
    for invoice_id, outstanding in left:
        if found[invoice_id]["kind"] == InvoiceKind.INVOICE:
            found[invoice_id]["outstanding"] = outstanding
    return found


def describe_payments(ids: Collection[UUID]) -> Described:
    """The reference is the bank's or the load's own."""
    found = events.read_fields(Payment.objects.all(), ids, _PAYMENT)
    for told in found.values():
        told["cancelled"] = told["cancelled"] is not None
    return found
