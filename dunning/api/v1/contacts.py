"""Contacts: whom a message reaches, and in which order."""

from typing import Any
from uuid import UUID

from customers import services
from customers.models import Contact, Customer
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Day, Flag, Text, Uid
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import get, named, needed
from dunning.api.v1.customers import CustomerRow
from dunning.core.scopes import WRITE

_PERSON = {
    "name": "",
    "role": "",
    "email": "",
    "phone": "Any usual way of writing; kept as +33199001234.",
    "language": "Empty: the customer's.",
    "position": "In the chain: the next one is tried when one fails. At its end when left out.",
}


class ContactRow(Shape):
    """A person or a mailbox at a customer."""

    class Meta:
        model = Contact
        columns = {
            "id": "",
            "customer_id": "",
            **_PERSON,
            "email_state": "What became of the last message there.",
            "phone_state": "",
            "absent_until": "The last day away.",
            "absence_noted_on": "",
            "substitute_id": "Who stands in while away.",
            "is_active": "Whether this contact is written to at all.",
            "created_at": "",
        }
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


class ContactChangeBody(Body):
    """What may change of a contact."""

    phone = Text(max_length=40, required=False, help_text=_PERSON["phone"])

    class Meta:
        model = Contact
        columns = _PERSON


class ContactBody(ContactChangeBody):
    """A contact to add: a name, an e-mail address or a telephone number at least."""

    customer_id = Uid()


class AbsenceBody(Body):
    """Until when a contact is away."""

    until = Day(allow_null=True, help_text="The last day away; null: back again.")
    substitute_id = Uid(required=False, allow_null=True, help_text="Another contact of the customer.")


CONTACTS = Table(
    name="contact",
    shape=ContactRow,
    rows=Contact.objects.all,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "email": Filter(Text(max_length=254, allow_blank=False), "email"),
        "active": Filter(Flag(), "is_active"),
    },
    order={"id": "id", "position": "position"},
    newest_first=False,
)


class Contacts(Endpoint):
    resource = "customers"

    @operation("listContacts", "List contacts", lists=CONTACTS)
    def get(self, call: Call) -> Answer:
        """Contacts of all customers, or of one."""
        return call.list(CONTACTS)

    @operation(
        "createContact",
        "Add a contact",
        access=WRITE,
        body=ContactBody,
        shows=CONTACTS,
        status=201,
        example={"customer_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10", "name": "Paul Durand", "email": "compta@durand.example"},
    )
    def post(self, call: Call) -> Answer:
        """An address the customer has already is refused."""
        person = dict(call.body)
        customer = needed(Customer, person.pop("customer_id"), "customer_id")
        contact = services.add_contact(customer=customer, **person, **call.acting)
        return call.show(CONTACTS, contact.pk, status=201, location=f"/api/v1/contacts/{contact.pk}")


class _OneContact(Endpoint):
    resource = "customers"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        services.hold_customers([get(Contact, ids["pk"]).customer_id])
        return one(CONTACTS, ids["pk"])


class OneContact(_OneContact):
    @operation("getContact", "Read a contact", shows=CONTACTS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One contact."""
        return call.show(CONTACTS, pk)

    @operation(
        "updateContact",
        "Change a contact",
        access=WRITE,
        body=ContactChangeBody,
        shows=CONTACTS,
        guarded=True,
        example={"phone": "01 99 00 12 34"},
    )
    def patch(self, call: Call, pk: UUID) -> Answer:
        """A new address or number counts as not tried yet."""
        services.update_contact(contact=get(Contact, pk), **call.body, **call.acting)
        return call.show(CONTACTS, pk)


class Absence(_OneContact):
    @operation(
        "setAbsence",
        "Note that a contact is away",
        access=WRITE,
        body=AbsenceBody,
        shows=CONTACTS,
        guarded=True,
        example={"until": "2026-10-23"},
    )
    def put(self, call: Call, pk: UUID) -> Answer:
        """Reminders wait for the return, or go to the substitute."""
        stand_in = named(Contact, call.body.get("substitute_id"), "substitute_id")
        services.set_absence(contact=get(Contact, pk), until=call.body["until"], substitute=stand_in, **call.acting)
        return call.show(CONTACTS, pk)


class Deactivate(_OneContact):
    @operation("deactivateContact", "Write to a contact no more", access=WRITE, shows=CONTACTS, guarded=True)
    def post(self, call: Call, pk: UUID) -> Answer:
        """Its history stays. Nothing happens the second time."""
        services.deactivate_contact(contact=get(Contact, pk), **call.acting)
        return call.show(CONTACTS, pk)
