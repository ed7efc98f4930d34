"""Whom a message goes to: the contact chain of a customer, by channel and by how hard the step presses (docs/rules.md, rule 9).

Accounts payable first; the finance manager from the firm reminders on; the legal representative at the registered office for a legal step.
In insolvency proceedings the administrator comes second, after the debtor's first contact (rule 12).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple
from unicodedata import normalize
from uuid import UUID

from django.db import connection

from customers.enums import ContactRole
from customers.models import Contact, Customer
from dunning.core.enums import PAPER_CHANNELS, Channel, Phase
from dunning.core.prepared import ask
from dunning.core.rows import columns_of, read_rows

_FRIENDLY_FIRST = (ContactRole.INVOICING_SERVICE, ContactRole.ACCOUNTING, ContactRole.FINANCE_MANAGER, ContactRole.MANAGEMENT)
_FIRM_FIRST = (ContactRole.FINANCE_MANAGER, ContactRole.ACCOUNTING, ContactRole.INVOICING_SERVICE, ContactRole.MANAGEMENT)
_LEGAL_FIRST = (ContactRole.LEGAL_REPRESENTATIVE, ContactRole.MANAGEMENT, ContactRole.FINANCE_MANAGER, ContactRole.ACCOUNTING)

# Every message that is written or leaves asks for its customer's contacts, and few of their columns matter.
_ENTRIES: Final = """
SELECT x.customer_id::text, x.id::text, x.name, x.role, x.position, x.email, x.email_state = 'failed' OR p.id IS NOT NULL,
       x.phone, x.phone_state = 'failed' OR q.id IS NOT NULL, x.absent_until, x.substitute_id::text
FROM customers_contact x
LEFT JOIN notifications_suppression p ON p.organization_id = x.organization_id AND p.channel = 'email'
                                      AND p.address = lower(x.email) AND p.lifted_at IS NULL
LEFT JOIN notifications_suppression q ON q.organization_id = x.organization_id AND q.channel = 'sms'
                                      AND q.address = x.phone AND q.lifted_at IS NULL
WHERE x.customer_id = ANY(%s::uuid[]) AND x.is_active
ORDER BY x.customer_id, x.position, x.created_at
"""
_CUSTOMERS: Final = f"SELECT {columns_of(Customer)} FROM customers_customer WHERE id = ANY(%s::uuid[])"  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where one message goes: an address or a number, or for paper the lines of the window."""

    name: str
    address: str = ""
    contact_id: UUID | None = None
    postal: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A contact in use, as the chain needs it: closed are an address that failed and one that must not be used."""

    customer_id: str
    contact_id: str
    name: str
    role: str
    position: int
    email: str
    email_closed: bool
    phone: str
    phone_closed: bool
    absent_until: date | None
    substitute_id: str | None


class Directory:
    """The contacts of some customers, read at once, with the addresses that must not be used."""

    def __init__(self, customer_ids: Iterable[UUID | str]) -> None:
        self._ids = [str(pk) for pk in customer_ids]
        self._customers: dict[str, Customer] | None = None
        self._entries: dict[str, list[Entry]] = {}
        with connection.cursor() as cursor:
            ask(cursor, _ENTRIES, [self._ids])
            for row in cursor.fetchall():
                self._entries.setdefault(row[0], []).append(Entry(*row))

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
        by_id = {entry.contact_id: entry for entry in chain}
        away = {entry.contact_id for entry in chain if entry.absent_until is not None and today <= entry.absent_until}
        # Who is there, or has somebody who answers for them, comes before who is away; when all are, the step waits for them (rule 9).
        for entry in sorted(chain, key=lambda entry: entry.contact_id in away and entry.substitute_id not in by_id) if away else chain:
            chosen = by_id.get(entry.substitute_id or "", entry) if entry.contact_id in away else entry
            address = _address(chosen, channel)
            if address and address not in tried:
                name = chosen.name or self.customer(customer_id).name
                return Recipient(name=name, address=address, contact_id=UUID(chosen.contact_id))
        return None

    def customer(self, customer_id: str) -> Customer:
        """One of the customers. They are read when the first is asked for: an e-mail to a contact needs none of them."""
        if self._customers is None:
            self._customers = {str(customer.pk): customer for customer in read_rows(Customer, _CUSTOMERS, [self._ids])}
        return self._customers[customer_id]

    def contact(self, customer_id: str, contact_id: UUID | None) -> Entry | Contact | None:
        """A contact of a customer, also one that is not in use any more."""
        if contact_id is None:
            return None
        known = next((entry for entry in self._entries.get(customer_id, ()) if entry.contact_id == str(contact_id)), None)
        return known or Contact.objects.filter(pk=contact_id).first()

    def _ordered(self, customer_id: str, phase: int, roles: Sequence[str]) -> list[Entry]:
        default = _LEGAL_FIRST if phase >= Phase.LEGAL else _FIRM_FIRST if phase >= Phase.FIRM else _FRIENDLY_FIRST
        rank = _ranks((*roles, *default))
        chain = self._entries.get(customer_id, [])
        ordered = sorted(chain, key=lambda entry: (rank.get(entry.role, len(rank)), entry.position))
        administrators = [entry for entry in ordered if entry.role == ContactRole.ADMINISTRATOR]
        if not administrators or self.customer(customer_id).insolvency_opened_on is None:
            return ordered
        debtor = [entry for entry in ordered if entry.role != ContactRole.ADMINISTRATOR]
        return [*debtor[:1], *administrators, *debtor[1:]]


@lru_cache(maxsize=256)
def _ranks(roles: tuple[str, ...]) -> Mapping[str, int]:
    """The place of each role, the first where one is named twice: a step's own choice stands before the usual chain."""
    return {role: place for place, role in enumerate(dict.fromkeys(roles))}


def _address(entry: Entry, channel: str) -> str:
    """The contact's address for the channel; "" when there is none, it failed, or it must not be used."""
    if channel == Channel.EMAIL:
        return "" if entry.email_closed else entry.email
    if channel == Channel.SMS:
        return entry.phone if is_mobile(entry.phone) and not entry.phone_closed else ""
    return entry.phone


def is_mobile(phone: str) -> bool:
    """Whether a text message can reach the number: French mobiles begin with 6 or 7; abroad the carrier knows."""
    return bool(phone) and (phone[:4] in ("+336", "+337") if phone.startswith("+33") else phone.startswith("+"))


def postal_recipient(customer: Customer, chain: Sequence[Entry], *, registered: bool) -> Recipient | None:
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
