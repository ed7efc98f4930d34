"""Promises to pay."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.api import shapes
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Amount, Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape, several
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, all_named, get
from dunning.api.v1.customers import CustomerRow
from dunning.api.v1.installments import InstallmentRow
from dunning.core.scopes import WRITE
from invoices import services
from invoices.enums import PromiseState
from invoices.models import Installment, Promise


class PromiseRow(Shape):
    """A customer named the day on which an amount of one instalment will be paid."""

    class Meta:
        model = Promise
        columns = {
            "id": "",
            "installment_id": "",
            "invoice_number": "",
            "customer_id": "",
            "amount": "",
            "made_on": "",
            "promised_for": "",
            "state": "",
            "source": "",
            "reference": "Shared by promises made together.",
            "text": "",
            "closed_on": "",
            "created_at": "",
        }
        sources = {"invoice_number": "installment__invoice__number"}
        expand = {"installment": Expansion(InstallmentRow, "installment_id"), "customer": Expansion(CustomerRow, "customer_id")}


class PromisedBody(Body):
    """One promised instalment."""

    installment_id = Uid()
    amount = Amount(required=False, allow_null=True, help_text="All that is left when left out.")


class PromiseBody(Body):
    """A promise to record."""

    installments = several(PromisedBody, most=200, least=1, help_text="Of one customer.")
    promised_for = Day()
    text = Text(max_length=300, required=False, help_text="What was said, and by whom.")
    beyond_policy = Flag(required=False, help_text="Accept a day beyond your organization's limit.")


PROMISES = Table(
    name="promise",
    shape=PromiseRow,
    rows=Promise.objects.all,
    filters={
        "state": Filter(Word(PromiseState.values), "state"),
        "customer_id": Filter(Uid(), "customer"),
        "installment_id": Filter(Uid(), "installment"),
        "reference": Filter(Uid(), "reference"),
        "promised_from": Filter(Day(), "promised_for__gte"),
        "promised_to": Filter(Day(), "promised_for__lte"),
    },
    order={"id": "id", "promised_for": "promised_for"},
)


class Promises(Endpoint):
    resource = "promises"

    @operation("listPromises", "List promises", lists=PROMISES)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(PROMISES)

    @operation(
        "makePromise",
        "Record a promise",
        access=WRITE,
        body=PromiseBody,
        pages=PROMISES,
        status=201,
        example={"installments": [{"installment_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10"}], "promised_for": "2026-10-23"},
    )
    def post(self, call: Call) -> Answer:
        """One promise for each instalment, sharing a reference. A new promise takes the place of an open one."""
        given = dict(call.body)
        asked = given.pop("installments")
        if len({part["installment_id"] for part in asked}) < len(asked):
            raise refused([Fault("installments", "given_twice", _("Name every instalment once."))])
        ids = {f"installments[{position}].installment_id": part["installment_id"] for position, part in enumerate(asked)}
        items = all_named(Installment, ids)
        amounts = {items[part["installment_id"]]: part.get("amount") for part in asked}
        made = services.make_promise(amounts=amounts, **given, **call.acting)
        rows, _keys = shapes.read(PromiseRow, Promise.objects.filter(pk__in=[promise.pk for promise in made]).order_by("pk"))
        return Answer({"data": rows, "next_cursor": None}, 201)


class _OnePromise(Endpoint):
    resource = "promises"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        services.lock_items([get(Promise, ids["pk"]).installment_id])
        return one(PROMISES, ids["pk"])


class OnePromise(_OnePromise):
    @operation("getPromise", "Read a promise", shows=PROMISES)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One promise."""
        return call.show(PROMISES, pk)


class CancelPromise(_OnePromise):
    @operation(
        "cancelPromise",
        "Withdraw a promise",
        access=WRITE,
        body=ReasonBody,
        shows=PROMISES,
        guarded=True,
        example={"reason": "It was another customer."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """It counts neither as kept nor as broken. Only an open one can be withdrawn."""
        services.cancel_promise(promise=get(Promise, pk), reason=call.body["reason"], **call.acting)
        return call.show(PROMISES, pk)
