"""Dated pauses of one item or of a whole customer, with their side and their reason."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import hold_customers
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Amount, Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, get, named
from dunning.api.v1.customers import CustomerRow
from dunning.api.v1.installments import InstallmentRow
from dunning.core.scopes import WRITE
from invoices import services
from invoices.enums import HoldKind, HoldSide
from invoices.models import Hold, Installment


class HoldRow(Shape):
    """A pause."""

    class Meta:
        model = Hold
        columns = {
            "id": "",
            "customer_id": "",
            "installment_id": "null: the whole customer.",
            "side": "`theirs` resumes by itself, `ours` never does.",
            "kind": "",
            "amount": "Of an awaited credit note.",
            "starts_on": "",
            "ends_on": "Inclusive.",
            "reason": "",
            "requested_by": "",
            "renews_id": "The pause it prolongs.",
            "released_on": "",
            "released_by": "",
            "released_reason": "",
            "escalated_on": "",
            "created_at": "",
        }
        expand = {"installment": Expansion(InstallmentRow, "installment_id"), "customer": Expansion(CustomerRow, "customer_id")}


class HoldBody(Body):
    """A pause to place, on an instalment or on a whole customer."""

    installment_id = Uid(required=False, help_text="This, or customer_id.")
    customer_id = Uid(required=False, help_text="This, or installment_id.")
    kind = Word(HoldKind.values)
    side = Word(HoldSide.values, required=False, help_text="Of a `pause`; other kinds have theirs.")
    amount = Amount(required=False, help_text="Of an awaited credit note.")
    starts_on = Day(required=False, help_text="Today when left out.")
    ends_on = Day(help_text="Inclusive; thirty days at most.")
    reason = Text(max_length=300, allow_blank=False)


class RenewBody(Body):
    """How a pause is prolonged."""

    ends_on = Day(help_text="Inclusive; thirty days at most.")
    reason = Text(max_length=300, allow_blank=False)


def _running(rows: QuerySet[Hold], value: bool) -> QuerySet[Hold]:
    return rows.filter(released_on__isnull=value)


HOLDS = Table(
    name="hold",
    shape=HoldRow,
    rows=Hold.objects.all,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "installment_id": Filter(Uid(), "installment"),
        "side": Filter(Word(HoldSide.values), "side"),
        "kind": Filter(Word(HoldKind.values), "kind"),
        "running": Filter(Flag(), _running, "Only those nobody released, or only the others."),
        "ends_to": Filter(Day(), "ends_on__lte"),
    },
    order={"id": "id", "ends_on": "ends_on"},
)


class Holds(Endpoint):
    resource = "holds"

    @operation("listHolds", "List pauses", lists=HOLDS)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(HOLDS)

    @operation(
        "placeHold",
        "Pause an instalment or a customer",
        access=WRITE,
        body=HoldBody,
        shows=HOLDS,
        status=201,
        example={
            "customer_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10",
            "kind": "next_pay_run",
            "ends_on": "2026-10-30",
            "reason": "Pays on the 30th.",
        },
    )
    def post(self, call: Call) -> Answer:
        """Nothing is asked for while it lasts."""
        given = dict(call.body)
        if ("installment_id" in given) == ("customer_id" in given):
            raise refused([Fault("installment_id", "required", _("Name an instalment or a customer, one of them."))])
        item = named(Installment, given.pop("installment_id", None), "installment_id")
        customer = named(Customer, given.pop("customer_id", None), "customer_id")
        hold = services.place_hold(installment=item, customer=customer, **given, **call.acting)
        return call.show(HOLDS, hold.pk, status=201, location=f"/api/v1/holds/{hold.pk}")


class _OneHold(Endpoint):
    resource = "holds"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        hold = get(Hold, ids["pk"])
        if hold.installment_id is not None:
            services.lock_items([hold.installment_id])
        else:
            hold_customers([hold.customer_id])
        return one(HOLDS, ids["pk"])


class OneHold(_OneHold):
    @operation("getHold", "Read a pause", shows=HOLDS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One pause."""
        return call.show(HOLDS, pk)


class RenewHold(_OneHold):
    @operation(
        "renewHold",
        "Prolong a pause",
        access=WRITE,
        body=RenewBody,
        shows=HOLDS,
        status=201,
        guarded=True,
        example={"ends_on": "2026-11-13", "reason": "The pay run was postponed."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """By a new pause, which is answered; somebody else than who asked for it renews it."""
        renewed = services.renew_hold(hold=get(Hold, pk), **call.body, **call.acting)
        return call.show(HOLDS, renewed.pk, status=201, location=f"/api/v1/holds/{renewed.pk}")


class ReleaseHold(_OneHold):
    @operation(
        "releaseHold", "End a pause", access=WRITE, body=ReasonBody, shows=HOLDS, guarded=True, example={"reason": "The document was sent."}
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Now. Nothing happens the second time."""
        services.release_hold(hold=get(Hold, pk), reason=call.body["reason"], **call.acting)
        return call.show(HOLDS, pk)
