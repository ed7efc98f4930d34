"""Customers: who owes."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from customers import services
from customers.enums import CustomerKind, InsolvencyKind
from customers.models import Customer, CustomerGroup
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, get, member, named, replace_ids
from dunning.api.v1.groups import GroupRow
from dunning.core import search
from dunning.core.scopes import WRITE

_IDENTITY = {
    "number": "As your ledger knows it; unique.",
    "name": "Its legal name.",
    "kind": "What the law of its messages follows from. Proposed from its identifiers when left out; once confirmed, confirm another.",
    "legal_form": "SARL, SAS…",
    "siren": "Nine digits.",
    "siret": "Fourteen digits.",
    "vat_number": "With its country's letters.",
    "language": "Of its messages.",
    "group_id": "Customers of a group follow its plan.",
    "parent_id": "Its parent company.",
    "account_owner_id": "The person of yours who looks after it.",
}
_ADDRESS = {
    "address_line1": "",
    "address_line2": "",
    "postal_code": "",
    "city": "",
    "country": "Two letters of ISO 3166; FR when left out.",
    "registered_line1": "The registered office, where it differs: legal letters go there.",
    "registered_line2": "",
    "registered_postal_code": "",
    "registered_city": "",
    "legal_representative": "To whom legal letters are addressed.",
}
_TERMS = {
    "payment_means": "How it pays.",
    "payment_days": "Days from the issue date.",
    "payment_end_of_month": "Whether, and when, the end of the month is added.",
    "payment_day_of_month": "A fixed day of the month.",
    "iban": "The account it pays from: recognizes its transfers.",
    "service_code": "Chorus Pro: code service.",
    "factor_name": "The factor its invoices are assigned to.",
    "factor_allows_reminders": "Whether the factor lets you remind.",
    "credit_limit": "In your organization's currency.",
    "insurer": "Of its credit.",
    "risk_note": "",
}


class CustomerRow(Shape):
    """A debtor."""

    class Meta:
        model = Customer
        columns = {
            "id": "",
            **_IDENTITY,
            "kind_confirmed_at": "When a person confirmed the kind.",
            "payer_id": "The customer who pays for it.",
            **_ADDRESS,
            **_TERMS,
            "insolvency_kind": "Proceedings it is in.",
            "insolvency_opened_on": "Day of the opening judgment.",
            "insolvency_published_on": "Day of its publication (BODACC).",
            "reply_pending_since": "Since when something it wrote waits to be read: everything to it is paused.",
            "archived_at": "When it was put away.",
            "created_at": "",
        }
        expand = {"group": Expansion(GroupRow, "group_id")}


class CustomerBody(Body):
    """A customer to create or to change."""

    class Meta:
        model = Customer
        columns = {**_IDENTITY, **_ADDRESS, **_TERMS}
        required = ("number", "name")


class PayerBody(Body):
    """Who pays for a customer."""

    payer_id = Uid(allow_null=True, help_text="null: it pays for itself.")


class KindBody(Body):
    """What a customer is, as a person confirms it."""

    kind = Word([kind for kind in CustomerKind.values if kind != CustomerKind.UNKNOWN])


class InsolvencyBody(Body):
    """The opening judgment of proceedings."""

    kind = Word(InsolvencyKind.values)
    opened_on = Day(help_text="Of the opening judgment.")
    published_on = Day(required=False, allow_null=True, help_text="In the BODACC: the time to declare the claim runs from it.")


def _found(rows: QuerySet[Customer], query: str) -> QuerySet[Customer]:
    return rows.filter(pk__in=search.find(kind="customer", query=query))


def _archived(rows: QuerySet[Customer], value: bool) -> QuerySet[Customer]:
    return rows.filter(archived_at__isnull=not value)


CUSTOMERS = Table(
    name="customer",
    shape=CustomerRow,
    rows=Customer.objects.all,
    filters={
        "number": Filter(Text(max_length=40), "number"),
        "q": Filter(Text(max_length=100, allow_blank=False), _found, "Words of its name, its number, SIREN, SIRET, VAT number or IBAN."),
        "group_id": Filter(Uid(), "group"),
        "payer_id": Filter(Uid(), "payer"),
        "kind": Filter(Word(CustomerKind.values), "kind"),
        "siren": Filter(Text(max_length=9), "siren"),
        "archived": Filter(Flag(), _archived, "Only those put away, or only the others."),
    },
    order={"id": "id", "number": "number", "name": "sort_name"},
)


def _fields(call: Call) -> dict[str, Any]:
    return replace_ids(
        call.body,
        group=lambda pk, field: named(CustomerGroup, pk, field),
        parent=lambda pk, field: named(Customer, pk, field),
        account_owner=lambda pk, field: member(call.caller.organization, pk, field),
    )


class Customers(Endpoint):
    resource = "customers"

    @operation("listCustomers", "List customers", lists=CUSTOMERS)
    def get(self, call: Call) -> Answer:
        """Customers, the newest first."""
        return call.list(CUSTOMERS)

    @operation(
        "createCustomer",
        "Create a customer",
        access=WRITE,
        body=CustomerBody,
        shows=CUSTOMERS,
        status=201,
        example={"number": "C0042", "name": "Boulangerie Durand SARL", "siren": "999999014", "city": "Lyon", "payment_days": 30},
    )
    def post(self, call: Call) -> Answer:
        """Identifiers are checked and put in one form. A number that is taken is refused: change that customer instead."""
        customer = services.create_customer(**_fields(call), **call.acting)
        return call.show(CUSTOMERS, customer.pk, status=201, location=f"/api/v1/customers/{customer.pk}")


class _OneCustomer(Endpoint):
    resource = "customers"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        services.hold_customers([ids["pk"]])
        return one(CUSTOMERS, ids["pk"])


class OneCustomer(_OneCustomer):
    @operation("getCustomer", "Read a customer", shows=CUSTOMERS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One customer."""
        return call.show(CUSTOMERS, pk)

    @operation(
        "updateCustomer", "Change a customer", access=WRITE, body=CustomerBody, shows=CUSTOMERS, guarded=True, example={"city": "Lyon"}
    )
    def patch(self, call: Call, pk: UUID) -> Answer:
        """Only the fields that are sent change. Its payer, a confirmed kind, proceedings and archiving have addresses of their own."""
        services.update_customer(customer=get(Customer, pk), **_fields(call), **call.acting)
        return call.show(CUSTOMERS, pk)


class Payer(_OneCustomer):
    @operation(
        "setPayer", "Say who pays for a customer", access=WRITE, body=PayerBody, shows=CUSTOMERS, guarded=True, example={"payer_id": None}
    )
    def put(self, call: Call, pk: UUID) -> Answer:
        """Messages up to the formal notice go to the payer. Nobody pays for a payer."""
        payer = named(Customer, call.body["payer_id"], "payer_id")
        services.set_payer(customer=get(Customer, pk), payer=payer, **call.acting)
        return call.show(CUSTOMERS, pk)


class ConfirmKind(_OneCustomer):
    @operation(
        "confirmKind",
        "Confirm what a customer is",
        access=WRITE,
        body=KindBody,
        shows=CUSTOMERS,
        guarded=True,
        example={"kind": "business"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Without an identifier or a confirmed kind a customer gets no penalties and no formal notice."""
        services.confirm_kind(customer=get(Customer, pk), kind=call.body["kind"], **call.acting)
        return call.show(CUSTOMERS, pk)


class Archive(_OneCustomer):
    @operation("archiveCustomer", "Put a customer away", access=WRITE, shows=CUSTOMERS, guarded=True)
    def post(self, call: Call, pk: UUID) -> Answer:
        """What it owes stays owed and followed. Nothing happens the second time."""
        services.archive_customer(customer=get(Customer, pk), **call.acting)
        return call.show(CUSTOMERS, pk)


class Insolvency(_OneCustomer):
    @operation(
        "recordInsolvency",
        "Record the opening of proceedings",
        access=WRITE,
        body=InsolvencyBody,
        shows=CUSTOMERS,
        guarded=True,
        example={"kind": "receivership", "opened_on": "2026-10-06", "published_on": "2026-10-14"},
    )
    def put(self, call: Call, pk: UUID) -> Answer:
        """Older debts are frozen and deadlines run from the publication. Sent again, it corrects what was recorded."""
        services.record_insolvency(customer=get(Customer, pk), **call.body, **call.acting)
        return call.show(CUSTOMERS, pk)


class EndInsolvency(_OneCustomer):
    @operation(
        "clearInsolvency",
        "End or take back proceedings",
        access=WRITE,
        body=ReasonBody,
        shows=CUSTOMERS,
        guarded=True,
        example={"reason": "Recorded on the wrong company."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """The proceedings are over, or were recorded by mistake."""
        services.clear_insolvency(customer=get(Customer, pk), reason=call.body["reason"], **call.acting)
        return call.show(CUSTOMERS, pk)
