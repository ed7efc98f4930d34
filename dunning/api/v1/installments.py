"""Instalments, the items reminders follow: what customers said of them, amounts given up, collections and old ones."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.models import Contact
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Amount, Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, get, named
from dunning.api.v1.customers import CustomerRow
from dunning.api.v1.invoices import InvoiceRow
from dunning.core.scopes import WRITE
from invoices import services
from invoices.enums import ActKind, TriageChoice
from invoices.models import DebtorAct, Installment, WriteOff


class InstallmentRow(Shape):
    """One due date of an invoice, with its invoice's number and currency."""

    class Meta:
        model = Installment
        columns = {
            "id": "",
            "invoice_id": "",
            "invoice_number": "",
            "customer_id": "",
            "position": "",
            "kind": "",
            "means": "",
            "due_on": "",
            "currency": "",
            "amount": "",
            "outstanding": "What is left to pay.",
            "collection_on": "Inside a direct debit or bill of that day: not chased.",
            "settled_on": "Value date of what settled it.",
            "triage": "What a person decided of an item that was old at the first import.",
        }
        sources = {"invoice_number": "invoice__number", "currency": "invoice__currency"}
        expand = {"invoice": Expansion(InvoiceRow, "invoice_id"), "customer": Expansion(CustomerRow, "customer_id")}


def _open(rows: QuerySet[Installment], value: bool) -> QuerySet[Installment]:
    return rows.filter(outstanding__gt=0) if value else rows.filter(outstanding=0)


INSTALLMENTS = Table(
    name="installment",
    shape=InstallmentRow,
    rows=Installment.objects.all,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "invoice_id": Filter(Uid(), "invoice"),
        "open": Filter(Flag(), _open, "Only those with something left to pay, or only the others."),
        "due_from": Filter(Day(), "due_on__gte"),
        "due_to": Filter(Day(), "due_on__lte"),
        "triage": Filter(Word(TriageChoice.values), "triage"),
    },
    order={"due_on": "due_on", "id": "id"},
    newest_first=False,
)


class ActRow(Shape):
    """What a customer said of an item, whoever recorded it."""

    class Meta:
        model = DebtorAct
        columns = {
            "id": "",
            "kind": "",
            "source": "",
            "at": "",
            "customer_id": "",
            "installment_id": "",
            "contact_id": "",
            "text": "In whose words.",
            "details": "",
            "undone_at": "Since when it counts no more.",
            "undone_reason": "",
        }


ACTS = Table(
    name="act",
    shape=ActRow,
    rows=DebtorAct.objects.all,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "installment_id": Filter(Uid(), "installment"),
        "kind": Filter(Word(ActKind.values), "kind"),
    },
)


class WriteOffRow(Shape):
    """An amount given up."""

    class Meta:
        model = WriteOff
        columns = {
            "id": "",
            "installment_id": "",
            "amount": "",
            "reason": "",
            "written_off_on": "",
            "reversed_at": "Since when it is owed again.",
            "created_at": "",
        }


WRITE_OFFS = Table(name="write-off", shape=WriteOffRow, rows=WriteOff.objects.all, filters={"installment_id": Filter(Uid(), "installment")})


class ActBody(Body):
    """What the customer said."""

    kind = Word([ActKind.RECEIVED, ActKind.ACCEPTED, ActKind.NOT_RECEIVED, ActKind.SAYS_PAID])
    text = Text(max_length=2000, lines=True, required=False, help_text="In their words.")
    contact_id = Uid(required=False, allow_null=True, help_text="Who said it.")
    paid_on = Day(required=False, help_text="The payment's day, for says_paid; today when left out.")
    reference = Text(max_length=100, required=False, help_text="The payment's, for says_paid.")
    credited_iban_end = Text(
        max_length=4, required=False, help_text="The last four characters of the account they paid; not yours: everything stops."
    )


class WriteOffBody(ReasonBody):
    """An amount to give up."""

    amount = Amount(required=False, help_text="All that is left when left out.")


class CollectionBody(Body):
    """The day of a direct debit or bill."""

    collection_on = Day(allow_null=True, help_text="null: in none.")


class TriageBody(Body):
    """What becomes of an old item."""

    choice = Word([choice for choice in TriageChoice.values if choice != TriageChoice.WAITING])


class Installments(Endpoint):
    resource = "invoices"

    @operation("listInstallments", "List instalments", lists=INSTALLMENTS)
    def get(self, call: Call) -> Answer:
        """Instalments, the first due first."""
        return call.list(INSTALLMENTS)


class _OneInstallment(Endpoint):
    resource = "invoices"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        services.lock_items([ids["pk"]])
        return one(INSTALLMENTS, ids["pk"])


class OneInstallment(_OneInstallment):
    @operation("getInstallment", "Read an instalment", shows=INSTALLMENTS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One instalment."""
        return call.show(INSTALLMENTS, pk)


class Act(_OneInstallment):
    @operation(
        "recordAct",
        "Record what the customer said",
        access=WRITE,
        body=ActBody,
        shows=INSTALLMENTS,
        guarded=True,
        example={"kind": "accepted", "text": "OK to pay, said Paul Durand."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Received, accepted, not received, or "already paid". A promise and a dispute have addresses of their own."""
        said = dict(call.body)
        item = get(Installment, pk, "invoice", "customer")
        common = {
            "installments": [item],
            "contact": named(Contact, said.pop("contact_id", None), "contact_id"),
            "text": said.get("text", ""),
        }
        if said["kind"] == ActKind.SAYS_PAID:
            given = {name: said[name] for name in ("reference", "credited_iban_end") if name in said}
            services.says_paid(paid_on=said.get("paid_on", call.caller.today), **given, **common, **call.acting)
        else:
            _refuse_particulars(said)
            act = {
                ActKind.RECEIVED: services.mark_received,
                ActKind.ACCEPTED: services.mark_accepted,
                ActKind.NOT_RECEIVED: services.mark_not_received,
            }[said["kind"]]
            act(**common, **call.acting)
        return call.show(INSTALLMENTS, pk)


def _refuse_particulars(said: dict[str, Any]) -> None:
    strange = sorted({"paid_on", "reference", "credited_iban_end"} & set(said))
    if strange:
        raise refused([Fault(name, "out_of_place", _("This goes with says_paid alone.")) for name in strange])


class GiveUp(_OneInstallment):
    @operation(
        "writeOff",
        "Give up what is left to pay",
        access=WRITE,
        body=WriteOffBody,
        shows=INSTALLMENTS,
        guarded=True,
        example={"reason": "A residue.", "amount": "4.37"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Or an amount of it."""
        services.write_off(installment=get(Installment, pk), **call.body, **call.acting)
        return call.show(INSTALLMENTS, pk)


class Collection(_OneInstallment):
    @operation(
        "setCollection",
        "Say when an instalment is collected",
        access=WRITE,
        body=CollectionBody,
        shows=INSTALLMENTS,
        guarded=True,
        example={"collection_on": "2026-10-15"},
    )
    def put(self, call: Call, pk: UUID) -> Answer:
        """While it is inside a direct debit or bill it is not chased."""
        services.set_collection(installments=[get(Installment, pk)], collection_on=call.body["collection_on"], **call.acting)
        return call.show(INSTALLMENTS, pk)


class Triage(_OneInstallment):
    @operation(
        "triageInstallment",
        "Decide what becomes of an old item",
        access=WRITE,
        body=TriageBody,
        shows=INSTALLMENTS,
        guarded=True,
        example={"choice": "chase"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Items more than 90 days overdue at the first import wait for this."""
        services.set_triage(installments=[get(Installment, pk)], choice=call.body["choice"], **call.acting)
        return call.show(INSTALLMENTS, pk)


class Acts(Endpoint):
    resource = "invoices"

    @operation("listActs", "List what customers said", lists=ACTS)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(ACTS)


class OneAct(Endpoint):
    resource = "invoices"

    @operation("getAct", "Read what a customer said", shows=ACTS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One act."""
        return call.show(ACTS, pk)


class UndoAct(Endpoint):
    resource = "invoices"

    @operation(
        "undoAct", "Take back what was noted", access=WRITE, body=ReasonBody, shows=ACTS, example={"reason": "It was another customer."}
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """It was not said, or not by them: it counts no more, and stays on record."""
        services.undo_act(act=get(DebtorAct, pk), reason=call.body["reason"], **call.acting)
        return call.show(ACTS, pk)


class WriteOffs(Endpoint):
    resource = "invoices"

    @operation("listWriteOffs", "List amounts given up", lists=WRITE_OFFS)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(WRITE_OFFS)


class OneWriteOff(Endpoint):
    resource = "invoices"

    @operation("getWriteOff", "Read an amount given up", shows=WRITE_OFFS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One write-off."""
        return call.show(WRITE_OFFS, pk)


class ReverseWriteOff(Endpoint):
    resource = "invoices"

    @operation(
        "reverseWriteOff",
        "Say that an amount is owed after all",
        access=WRITE,
        body=ReasonBody,
        shows=WRITE_OFFS,
        example={"reason": "The customer paid the rest."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Nothing happens the second time."""
        services.reverse_write_off(row=get(WriteOff, pk), reason=call.body["reason"], **call.acting)
        return call.show(WRITE_OFFS, pk)
