"""Reads about debtors. Called inside `tenant()`."""

from calendar import monthrange
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from customers import mailboxes
from customers.enums import CustomerKind, Reachability
from customers.models import Contact, Customer, CustomerGroup
from dunning.core import search
from dunning.core.errors import DomainError
from dunning.core.prepared import ask
from dunning.core.rows import columns_of, read_rows

# Overseas territories whose creditors have four months to declare (R622-24: outside metropolitan France).
METROPOLITAN = "FR"
# Two halves, each served by an index; one condition over coalesce(payer, id) would read every customer.
_PAYING_GROUPS: Final = """
WITH roots AS MATERIALIZED (SELECT DISTINCT coalesce(payer_id, id) AS id FROM customers_customer WHERE id = ANY(%s))
SELECT id, NULL::uuid FROM roots UNION ALL SELECT m.payer_id, m.id FROM customers_customer m JOIN roots ON m.payer_id = roots.id
"""


@dataclass(frozen=True, slots=True)
class InsolvencyDeadlines:
    """Last days, counted from the BODACC publication; None until it is known (rule 12)."""

    declare_by: date | None
    reclaim_by: date | None
    relief_by: date | None


def paying_groups(ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """These customers, who pays for them, and everybody those pay for: each with who pays for it (itself when nobody else does)."""
    with connection.cursor() as cursor:
        cursor.execute(_PAYING_GROUPS, [list(ids)])
        return {member or root: root for root, member in cursor.fetchall()}


def get_customer(identifier: UUID) -> Customer:
    """One customer with its group, payer and owner. Raises DomainError when it does not exist here."""
    found = Customer.objects.select_related("group", "payer", "account_owner").filter(pk=identifier).first()
    if found is None:
        raise DomainError(_("This customer does not exist."), code="unknown_customer")
    return found


def get_customer_by_number(number: str) -> Customer:
    """Raises DomainError when no customer has that number."""
    found = Customer.objects.filter(number=number.strip()).first()
    if found is None:
        raise DomainError(_("No customer has the number %s.") % number, code="unknown_customer", field="number")
    return found


SORTS: Final = {"name": F("sort_name"), "number": F("number"), "index": F("payer_indexes__value")}
"""By which customers are sorted; those without an index come last, either way."""


def list_customers(
    *, query: str = "", group: CustomerGroup | None = None, kind: str = "", archived: bool = False, sort: str = ""
) -> QuerySet[Customer]:
    """Customers by name, or by a key of SORTS ("-" before it for the reverse); `query` is searched in names, numbers and identifiers."""
    found = Customer.objects.select_related("group").filter(archived_at__isnull=not archived).order_by("sort_name", "pk")
    column = SORTS.get(sort.removeprefix("-"))
    if column is not None:
        ordered = column.desc(nulls_last=True) if sort.startswith("-") else column.asc(nulls_last=True)
        found = found.order_by(ordered, "sort_name", "pk")
    if query.strip():
        found = found.filter(pk__in=search.find(kind="customer", query=query))
    if group is not None:
        found = found.filter(group=group)
    return found.filter(kind=kind) if kind else found


def list_groups() -> QuerySet[CustomerGroup]:
    return CustomerGroup.objects.order_by("name", "pk")


def contact_chain(customer_ids: Sequence[UUID], *, today: date) -> dict[UUID, list[Contact]]:
    """Active contacts of each customer in the order in which they are tried; a substitute stands in for an absent one (rule 9)."""
    chain: dict[UUID, list[Contact]] = {identifier: [] for identifier in customer_ids}
    contacts = Contact.objects.select_related("substitute").filter(customer__in=customer_ids, is_active=True)
    for contact in contacts.order_by("customer", "position", "pk"):
        absent = contact.absent_until is not None and contact.absent_until >= today
        stand_in = contact.substitute if absent and contact.substitute is not None and contact.substitute.is_active else contact
        if stand_in not in chain[contact.customer_id]:
            chain[contact.customer_id].append(stand_in)
    return chain


_CONTACT: Final = f"SELECT {columns_of(Contact)} FROM customers_contact WHERE id = %s AND is_active"  # noqa: S608 - made of column names
_CUSTOMER: Final = f"SELECT {columns_of(Customer)} FROM customers_customer WHERE id = %s"  # noqa: S608 - the same


def active_contact(identifier: UUID) -> Contact | None:
    """A contact who is still written to, with its customer."""
    for contact in read_rows(Contact, _CONTACT, [identifier]):
        (contact.customer,) = read_rows(Customer, _CUSTOMER, [contact.customer_id])
        return contact
    return None


def without_email() -> QuerySet[Customer]:
    """Customers nobody can write an e-mail to: no active contact with an address that has not failed."""
    reachable = Contact.objects.filter(is_active=True).exclude(email="").exclude(email_state=Reachability.FAILED)
    return Customer.objects.filter(archived_at=None).exclude(pk__in=reachable.values("customer"))


def payer_family(customer_id: UUID) -> list[UUID]:
    """The customer and those it pays for: a transfer of his may settle any of their items."""
    return sorted(payer_names(customer_id))


def payer_names(customer_id: UUID) -> dict[UUID, str]:
    """The names of the customer and of those it pays for, by id, as lists are sorted."""
    with connection.cursor() as cursor:
        ask(cursor, "SELECT id, name FROM customers_customer WHERE id = %s OR payer_id = %s ORDER BY sort_name, id", [customer_id] * 2)
        return dict(cursor.fetchall())


def has_legal_regime(customer: Customer) -> bool:
    """Whether a legal regime is known: a kind backed by an identifier or by a person's confirmation (rule 11)."""
    if customer.kind == CustomerKind.UNKNOWN:
        return False
    return bool(customer.kind_confirmed_at or customer.siren or customer.vat_number)


def insolvency_deadlines(customer: Customer, *, creditor_country: str = METROPOLITAN) -> InsolvencyDeadlines:
    """When claims must be declared (2 months after publication, 4 for a creditor outside metropolitan France: R622-24), goods under
    retention of title reclaimed (3 months: L624-9), and relief from foreclosure asked (6 months: L622-26)."""
    published = customer.insolvency_published_on
    if published is None:
        return InsolvencyDeadlines(None, None, None)
    months = 2 if creditor_country == METROPOLITAN else 4
    return InsolvencyDeadlines(add_months(published, months), add_months(published, 3), add_months(published, 6))


def add_months(day: date, months: int) -> date:
    """The same day of a later month, else its last one (CPC 641)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def is_domain_known(*, customer_ids: Collection[UUID], email: str) -> bool:
    """Whether somebody of these customers is written to at the same domain already. A public mailbox service is nobody's domain."""
    domain = mailboxes.domain_of(email)
    if not domain or mailboxes.is_public(domain):
        return False
    known = Contact.objects.filter(customer__in=list(customer_ids), is_active=True).exclude(email="").values_list("email", flat=True)
    return any(mailboxes.domain_of(address) == domain for address in known)
