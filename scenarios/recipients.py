"""Whom a message goes to: the contact chain of a customer, by channel and by how hard the step presses (docs/rules.md, rule 9).

Accounts payable first; the finance manager from the firm reminders on; the legal representative at the registered office for a legal step.
In insolvency proceedings the administrator comes second, after the debtor's first contact (rule 12).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final
from unicodedata import normalize
from uuid import UUID

from django.db import connection

from customers.enums import ContactRole, Reachability
from customers.models import Contact, Customer
from dunning.core.enums import PAPER_CHANNELS, Channel, Phase
from dunning.core.prepared import ask
from dunning.core.rows import columns_of, read_rows

_FRIENDLY_FIRST = (ContactRole.INVOICING_SERVICE, ContactRole.ACCOUNTING, ContactRole.FINANCE_MANAGER, ContactRole.MANAGEMENT)
_FIRM_FIRST = (ContactRole.FINANCE_MANAGER, ContactRole.ACCOUNTING, ContactRole.INVOICING_SERVICE, ContactRole.MANAGEMENT)
_LEGAL_FIRST = (ContactRole.LEGAL_REPRESENTATIVE, ContactRole.MANAGEMENT, ContactRole.FINANCE_MANAGER, ContactRole.ACCOUNTING)

# In plain SQL: every message that is written or leaves reads its customer's contacts.
_CONTACTS: Final = f"""
SELECT {columns_of(Contact)} FROM customers_contact
WHERE customer_id = ANY(%s::uuid[]) AND is_active ORDER BY customer_id, position, created_at
"""  # noqa: S608 - made of column names
_CUSTOMERS: Final = f"SELECT {columns_of(Customer)} FROM customers_customer WHERE id = ANY(%s::uuid[])"  # noqa: S608 - as above
_SUPPRESSED: Final = "SELECT channel, address FROM notifications_suppression WHERE address = ANY(%s) AND lifted_at IS NULL"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where one message goes: an address or a number, or for paper the lines of the window."""

    name: str
    address: str = ""
    contact_id: UUID | None = None
    postal: tuple[str, ...] = ()


class Directory:
    """The contacts of some customers, read at once, with the addresses that must not be used."""

    def __init__(self, customer_ids: Iterable[UUID | str]) -> None:
        self._ids = [str(pk) for pk in customer_ids]
        self._contacts: dict[str, list[Contact]] = {}
        for contact in read_rows(Contact, _CONTACTS, [self._ids]):
            self._contacts.setdefault(str(contact.customer_id), []).append(contact)
        self._customers: dict[str, Customer] | None = None
        addresses = {contact.email.lower() for chain in self._contacts.values() for contact in chain if contact.email}
        addresses |= {contact.phone for chain in self._contacts.values() for contact in chain if contact.phone}
        self._suppressed: set[tuple[str, str]] = set()
        if addresses:
            with connection.cursor() as cursor:
                ask(cursor, _SUPPRESSED, [list(addresses)])
                self._suppressed.update(cursor.fetchall())

    def find(
        self,
        customer_id: str,
        channel: str,
        phase: int,
        *,
        roles: Sequence[str] = (),
        today: date,
        tried: frozenset[str] = frozenset(),
    ) -> Recipient | None:
        """The first contact of the chain who can be reached over the channel; None when there is none.

        `roles` is the step's own first choice. `tried` are addresses that already failed for this very message.
        """
        chain = self._ordered(customer_id, phase, roles)
        if channel in PAPER_CHANNELS:
            return postal_recipient(self.customer(customer_id), chain, registered=channel == Channel.REGISTERED)
        by_id = {contact.pk: contact for contact in chain}
        away = {contact.pk for contact in chain if contact.absent_until is not None and today <= contact.absent_until}
        # Who is there, or has somebody who answers for them, comes before who is away; when all are, the step waits for them (rule 9).
        for contact in sorted(chain, key=lambda contact: contact.pk in away and contact.substitute_id not in by_id) if away else chain:
            chosen = contact
            if contact.pk in away and contact.substitute_id in by_id:
                chosen = by_id[contact.substitute_id]
            address = self.address(chosen, channel)
            if address and address not in tried:
                return Recipient(name=chosen.name or self.customer(customer_id).name, address=address, contact_id=chosen.pk)
        return None

    def customer(self, customer_id: str) -> Customer:
        """One of the customers. They are read when the first is asked for: an e-mail to a contact needs none of them."""
        if self._customers is None:
            self._customers = {str(customer.pk): customer for customer in read_rows(Customer, _CUSTOMERS, [self._ids])}
        return self._customers[customer_id]

    def contact(self, customer_id: str, contact_id: UUID | None) -> Contact | None:
        """A contact of a customer, also one that is not in use any more."""
        if contact_id is None:
            return None
        known = next((contact for contact in self._contacts.get(customer_id, ()) if contact.pk == contact_id), None)
        return known or Contact.objects.filter(pk=contact_id).first()

    def address(self, contact: Contact, channel: str) -> str:
        """The contact's address for the channel; "" when there is none, it failed, or it must not be used."""
        if channel == Channel.EMAIL:
            usable = contact.email and contact.email_state != Reachability.FAILED
            return contact.email if usable and ("email", contact.email.lower()) not in self._suppressed else ""
        if channel == Channel.SMS:
            usable = is_mobile(contact.phone) and contact.phone_state != Reachability.FAILED
            return contact.phone if usable and ("sms", contact.phone) not in self._suppressed else ""
        return contact.phone

    def _ordered(self, customer_id: str, phase: int, roles: Sequence[str]) -> list[Contact]:
        default = _LEGAL_FIRST if phase >= Phase.LEGAL else _FIRM_FIRST if phase >= Phase.FIRM else _FRIENDLY_FIRST
        rank = _ranks((*roles, *default))
        chain = self._contacts.get(customer_id, [])
        ordered = sorted(chain, key=lambda contact: (rank.get(contact.role, len(rank)), contact.position))
        administrators = [contact for contact in ordered if contact.role == ContactRole.ADMINISTRATOR]
        if not administrators or self.customer(customer_id).insolvency_opened_on is None:
            return ordered
        debtor = [contact for contact in ordered if contact.role != ContactRole.ADMINISTRATOR]
        return [*debtor[:1], *administrators, *debtor[1:]]


@lru_cache(maxsize=256)
def _ranks(roles: tuple[str, ...]) -> Mapping[str, int]:
    """The place of each role, the first where one is named twice: a step's own choice stands before the usual chain."""
    return {role: place for place, role in enumerate(dict.fromkeys(roles))}


def is_mobile(phone: str) -> bool:
    """Whether a text message can reach the number: French mobiles begin with 6 or 7; abroad the carrier knows."""
    return bool(phone) and (phone[:4] in ("+336", "+337") if phone.startswith("+33") else phone.startswith("+"))


def postal_recipient(customer: Customer, chain: Sequence[Contact], *, registered: bool) -> Recipient | None:
    """The window's lines. A registered letter goes to the registered office, for the attention of the legal representative; a plain one
    goes there when no other address is known."""
    has_office = bool(customer.registered_line1 and customer.registered_city)
    office = has_office and (registered or not (customer.address_line1 and customer.city))
    first = customer.registered_line1 if office else customer.address_line1
    second = customer.registered_line2 if office else customer.address_line2
    code, city = (customer.registered_postal_code, customer.registered_city) if office else (customer.postal_code, customer.city)
    if not first or not city:
        return None
    attention = ""
    if registered:
        name = customer.legal_representative or next((c.name for c in chain if c.role == ContactRole.LEGAL_REPRESENTATIVE), "")
        if customer.kind == "consumer":
            attention = ""
        elif customer.language == "fr":
            attention = f"À l’attention {_of(name)}, représentant légal" if name else "À l’attention du représentant légal"
        else:
            attention = f"For the attention of {name}, legal representative" if name else "For the attention of the legal representative"
    lines = [customer.name, attention, first, second, f"{code} {city}".strip(), customer.country if customer.country != "FR" else ""]
    return Recipient(name=customer.name, postal=tuple(line for line in lines if line))


def _of(name: str) -> str:
    """The French "de" before a name, elided before a vowel; an h or a y may be sounded, and is left alone."""
    return f"d’{name}" if normalize("NFD", name[:1]).casefold()[:1] in ("a", "e", "i", "o", "u", "œ", "æ") else f"de {name}"
