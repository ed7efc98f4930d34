"""Payments: what came in, and what it settles."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Amount, Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Children, Expansion, Shape, several
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, all_named, customer_of, get
from dunning.api.v1.customers import CustomerRow
from dunning.core.scopes import WRITE
from dunning.core.selectors import get_profile
from invoices import services
from invoices.models import Allocation, Installment, Payment
from invoices.services.locks import lock_payment


class SettledRow(Shape):
    """What of a payment is set against one instalment."""

    class Meta:
        model = Allocation
        always = True
        columns = {"id": "", "installment_id": "", "invoice_id": "", "invoice_number": "", "amount": "", "value_on": ""}
        sources = {"invoice_id": "installment__invoice_id", "invoice_number": "installment__invoice__number"}


def _counting() -> QuerySet[Allocation]:
    return Allocation.objects.filter(reversed_at=None)


class PaymentRow(Shape):
    """A receipt. Without a customer it is unidentified."""

    class Meta:
        model = Payment
        columns = {
            "id": "",
            "customer_id": "null while nobody knows whose it is.",
            "amount": "",
            "currency": "ISO 4217.",
            "unallocated": "What is set against nothing yet.",
            "received_on": "Its value date.",
            "entered_on": "The day this system learnt of it.",
            "means": "",
            "external_reference": "Yours or the bank's; unique.",
            "reference_text": "What the payer wrote.",
            "payer_name": "",
            "payer_iban": "",
            "cancelled_at": "",
            "cancelled_reason": "",
            "created_at": "",
        }
        children = {"allocations": Children(SettledRow, "payment_id", ("created_at", "pk"), _counting)}
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


class SettledBody(Body):
    """An amount to set against one instalment."""

    installment_id = Uid()
    amount = Amount()


class PaymentBody(Body):
    """A receipt to record."""

    customer_id = Uid(
        required=False, help_text="Whose it is: this or customer_number; found from what it settles, or its text, when both are left out."
    )
    customer_number = Text(max_length=40, allow_blank=False, required=False)
    currency = Text(max_length=3, allow_blank=False, required=False, help_text="ISO 4217; your organization's when left out.")
    external_reference = Text(
        max_length=120, allow_blank=False, required=False, help_text="Sent again with the same content, it changes nothing: send one."
    )
    allocations = several(
        SettledBody, most=500, required=False, help_text="What it settles; found when left out; an empty list leaves it on account."
    )

    class Meta:
        model = Payment
        columns = {"amount": "", "received_on": "Its value date.", "means": "", "reference_text": "", "payer_name": "", "payer_iban": ""}
        required = ("amount", "received_on")


class ValueDateBody(Body):
    """What may be corrected of a payment."""

    received_on = Day(help_text="The day the money was at your disposal.")


class IdentifyBody(Body):
    """Whose receipt it is."""

    customer_id = Uid(required=False, help_text="This, or customer_number.")
    customer_number = Text(max_length=40, allow_blank=False, required=False)
    settle = Flag(required=False, help_text="false leaves it on account.")


class AllocateBody(Body):
    """What a payment settles."""

    allocations = several(SettledBody, most=500, least=1, required=False, help_text="Found when left out.")


class ReallocateBody(Body):
    """What a payment settles, in place of what it settled."""

    allocations = several(SettledBody, most=500, help_text="An empty list takes everything back.")


def _in_state(rows: QuerySet[Payment], state: str) -> QuerySet[Payment]:
    return rows.filter(
        {
            "identified": Q(cancelled_at=None, customer__isnull=False),
            "unidentified": Q(cancelled_at=None, customer=None),
            "on_account": Q(cancelled_at=None, customer__isnull=False, unallocated__gt=0),
            "cancelled": Q(cancelled_at__isnull=False),
        }[state]
    )


PAYMENTS = Table(
    name="payment",
    shape=PaymentRow,
    rows=Payment.objects.all,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "external_reference": Filter(Text(max_length=120), "external_reference"),
        "state": Filter(Word(["identified", "unidentified", "on_account", "cancelled"]), _in_state),
        "received_from": Filter(Day(), "received_on__gte"),
        "received_to": Filter(Day(), "received_on__lte"),
    },
    order={"id": "id", "received_on": "received_on"},
)


class Payments(Endpoint):
    resource = "payments"

    @operation("listPayments", "List payments", lists=PAYMENTS)
    def get(self, call: Call) -> Answer:
        """Payments with what they settle, the newest first."""
        return call.list(PAYMENTS)

    @operation(
        "createPayment",
        "Record a payment",
        access=WRITE,
        body=PaymentBody,
        shows=PAYMENTS,
        status=201,
        also=(200,),
        example={"customer_number": "C0042", "amount": "1200.00", "received_on": "2026-10-08", "external_reference": "VIR-7781"},
    )
    def post(self, call: Call) -> Answer:
        """It is set against what it pays, and what it pays is asked for no more. A reference that is known with the same content is
        answered 200 with the payment as it stands; with another content it is refused. Many at once: PUT /api/v1/payments/bulk.
        """
        given = dict(call.body)
        customer = customer_of(given) if "customer_id" in given or "customer_number" in given else None
        parts = _parts(given.pop("allocations")) if "allocations" in given else None
        given.setdefault("currency", get_profile().default_currency)
        draft = services.PaymentDraft(customer=customer, allocations=parts, **given)
        recorded = services.record_payment(draft=draft, **call.acting)
        status = 201 if recorded.created else 200
        return call.show(PAYMENTS, recorded.payment.pk, status=status, location=f"/api/v1/payments/{recorded.payment.pk}")


def _parts(given: list[dict[str, Any]]) -> tuple[tuple[Installment, Any], ...]:
    ids = {f"allocations[{position}].installment_id": part["installment_id"] for position, part in enumerate(given)}
    items = all_named(Installment, ids, "invoice")
    return tuple((items[part["installment_id"]], part["amount"]) for part in given)


class _OnePayment(Endpoint):
    resource = "payments"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        payment = get(Payment, ids["pk"])
        touched = Allocation.objects.filter(payment=payment, reversed_at=None).values_list("installment_id", flat=True)
        services.lock_items(list(touched), customer_ids=[payment.customer_id] if payment.customer_id else [])
        lock_payment(payment)
        return one(PAYMENTS, ids["pk"])


class OnePayment(_OnePayment):
    @operation("getPayment", "Read a payment", shows=PAYMENTS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One payment with what it settles."""
        return call.show(PAYMENTS, pk)

    @operation(
        "updatePayment",
        "Correct the value date of a payment",
        access=WRITE,
        body=ValueDateBody,
        shows=PAYMENTS,
        guarded=True,
        example={"received_on": "2026-10-07"},
    )
    def patch(self, call: Call, pk: UUID) -> Answer:
        """Settlement dates, promises and penalties follow."""
        if call.body:
            services.correct_value_date(payment=get(Payment, pk), received_on=call.body["received_on"], **call.acting)
        return call.show(PAYMENTS, pk)


class Identify(_OnePayment):
    @operation(
        "identifyPayment",
        "Say whose a payment is",
        access=WRITE,
        body=IdentifyBody,
        shows=PAYMENTS,
        guarded=True,
        example={"customer_number": "C0042"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """It is set against what it pays."""
        given = dict(call.body)
        services.identify_payment(payment=get(Payment, pk), customer=customer_of(given), **given, **call.acting)
        return call.show(PAYMENTS, pk)


class Allocate(_OnePayment):
    @operation(
        "allocatePayment",
        "Set what is left of a payment against instalments",
        access=WRITE,
        body=AllocateBody,
        shows=PAYMENTS,
        guarded=True,
        example={"allocations": [{"installment_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10", "amount": "1200.00"}]},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Against those named, or against what it pays by its text, amount and the age of what is owed."""
        parts = _parts(call.body["allocations"]) if "allocations" in call.body else None
        services.allocate(payment=get(Payment, pk), parts=parts, **call.acting)
        return call.show(PAYMENTS, pk)

    @operation(
        "reallocatePayment",
        "Set a payment against other instalments",
        access=WRITE,
        body=ReallocateBody,
        shows=PAYMENTS,
        guarded=True,
        example={"allocations": [{"installment_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10", "amount": "1200.00"}]},
    )
    def put(self, call: Call, pk: UUID) -> Answer:
        """What it settled is open again, in one step."""
        services.reallocate(payment=get(Payment, pk), parts=_parts(call.body["allocations"]), **call.acting)
        return call.show(PAYMENTS, pk)


class CancelPayment(_OnePayment):
    @operation(
        "cancelPayment",
        "Cancel a payment",
        access=WRITE,
        body=ReasonBody,
        shows=PAYMENTS,
        guarded=True,
        example={"reason": "The debit was rejected."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """The money was not received after all: what it settled is owed again. Nothing happens the second time."""
        services.cancel_payment(payment=get(Payment, pk), reason=call.body["reason"], **call.acting)
        return call.show(PAYMENTS, pk)
