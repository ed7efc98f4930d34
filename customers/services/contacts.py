"""Contacts: whom a message reaches, and in which order."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.utils.translation import gettext as _

from customers import identity, portal_access
from customers.enums import Reachability
from customers.models import Contact, Customer
from customers.services.customers import lock_customer, lock_customers
from customers.signals import customer_changed
from dunning.core import audit, events
from dunning.core.errors import DomainError


class ContactFields(TypedDict, total=False):
    name: str
    role: str
    email: str
    phone: str
    language: str
    position: int


def add_contact(*, customer: Customer, actor: str, today: date, now: datetime, **fields: Unpack[ContactFields]) -> Contact:
    """Add somebody to a customer's chain, at its end unless `position` says where.

    Raises DomainError for a bad address or number, for a contact without any of name, e-mail and telephone, and for an address this
    customer already has.
    """
    locked = lock_customer(customer)
    chain = list(Contact.objects.filter(customer=locked, is_active=True).order_by("position", "pk"))
    contact = _next_in(chain, locked, fields)
    contact.save(force_insert=True)
    body = {"name": contact.name, "role": contact.role, "email": contact.email, "phone": contact.phone}
    audit.record(actor=actor, action="contact.added", target=contact, body=body, now=now)
    _announce([locked.pk], today=today, now=now)
    return contact


def add_contacts(*, chains: Mapping[Customer, Sequence[ContactFields]], actor: str, today: date, now: datetime) -> list[Contact]:
    """Add people to many customers' chains, with one audit event. Raises DomainError as `add_contact`; nothing is written then."""
    locked = lock_customers([customer.pk for customer in chains])
    known: dict[UUID, list[Contact]] = {pk: [] for pk in locked}
    for contact in Contact.objects.filter(customer__in=locked, is_active=True).order_by("position", "pk"):
        known[contact.customer_id].append(contact)
    added = []
    for customer, people in chains.items():
        for fields in people:
            contact = _next_in(known[customer.pk], locked[customer.pk], fields)
            known[customer.pk].append(contact)
            added.append(contact)
    Contact.objects.bulk_create(added)
    digest = audit.digest([str(contact.pk), contact.email, contact.phone] for contact in added)
    audit.record(actor=actor, action="contacts.added", body={"count": len(added), "digest": digest}, now=now)
    _announce(list(locked), today=today, now=now)
    return added


def _next_in(chain: list[Contact], customer: Customer, fields: ContactFields) -> Contact:
    """The contact to add to a chain, unsaved."""
    clean = _cleaned(fields, customer.country)
    if not any(clean.get(name) for name in ("name", "email", "phone")):
        raise DomainError(_("A contact needs a name, an e-mail address or a telephone number."), code="required", field="email")
    _refuse_twice(chain, clean.get("email", ""))
    clean.setdefault("position", max((contact.position for contact in chain), default=0) + 1)
    return Contact(customer=customer, **clean)


def update_contact(*, contact: Contact, actor: str, today: date, now: datetime, **fields: Unpack[ContactFields]) -> list[str]:
    """Change the fields given; the names of those that changed. A new address or number has not been tried yet.

    With another e-mail address, links to the debtor's page that went to the old one end.
    """
    locked = lock_customer(contact.customer_id)
    row = Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
    clean = _cleaned(fields, locked.country)
    changed = sorted(name for name, value in clean.items() if getattr(row, name) != value)
    if not changed:
        return []
    if "email" in changed:
        _refuse_twice(list(Contact.objects.filter(customer=locked, is_active=True).exclude(pk=row.pk)), clean["email"])
        clean["email_state"] = Reachability.UNKNOWN
    if "phone" in changed:
        clean["phone_state"] = Reachability.UNKNOWN
    before = {name: getattr(row, name) for name in changed}
    for name, value in clean.items():
        setattr(row, name, value)
        setattr(contact, name, value)
    row.save(update_fields=list(clean))
    if "email" in changed:
        portal_access.revoke_links([row], now=now)
    body = {"before": before, "after": {name: clean[name] for name in changed}}
    audit.record(actor=actor, action="contact.updated", target=row, body=body, now=now)
    _announce([locked.pk], today=today, now=now)
    return changed


def deactivate_contact(*, contact: Contact, actor: str, today: date, now: datetime) -> None:
    """Write to this contact no more; its history stays, its links to the debtor's page end."""
    lock_customer(contact.customer_id)
    if not Contact.objects.filter(pk=contact.pk, is_active=True).update(is_active=False):
        return
    contact.is_active = False
    portal_access.revoke_links([contact], now=now)
    audit.record(actor=actor, action="contact.deactivated", target=contact, now=now)
    _announce([contact.customer_id], today=today, now=now)


def reorder_contacts(*, customer: Customer, contact_ids: list[UUID], actor: str, today: date, now: datetime) -> None:
    """Put a customer's active contacts in this order. Raises DomainError unless every one of them is named once."""
    lock_customer(customer)
    chain = {contact.pk: contact for contact in Contact.objects.select_for_update(no_key=True).filter(customer=customer, is_active=True)}
    if sorted(chain) != sorted(contact_ids):
        raise DomainError(_("Name every contact of this customer once."), code="incomplete_order", field="contact_ids")
    for position, identifier in enumerate(contact_ids, start=1):
        chain[identifier].position = position
    Contact.objects.bulk_update(chain.values(), ["position"])
    body = {"order": [str(identifier) for identifier in contact_ids]}
    audit.record(actor=actor, action="contacts.reordered", target=customer, body=body, now=now)
    _announce([customer.pk], today=today, now=now)


def _refuse_twice(chain: list[Contact], email: str) -> None:
    if email and any(contact.email.lower() == email.lower() for contact in chain):
        raise DomainError(_("This customer already has the address %s.") % email, code="duplicate_contact", field="email")


def _cleaned(fields: ContactFields, country: str) -> dict[str, Any]:
    clean: dict[str, Any] = dict(fields)
    if "name" in clean:
        clean["name"] = " ".join(clean["name"].split())
    if "email" in clean:
        clean["email"] = identity.clean_email(clean["email"])
    if "phone" in clean:
        clean["phone"] = identity.clean_phone(clean["phone"], country)
    return clean


def _announce(customer_ids: list[UUID], *, today: date, now: datetime) -> None:
    events.emit(type="customer.changed", object_type="customer", object_ids=customer_ids, now=now, payload={"what": ["contacts"]})
    customer_changed.send(sender=Customer, customer_ids=customer_ids, reason="contacts", today=today, now=now)
