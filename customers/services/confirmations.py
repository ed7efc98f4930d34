"""What a person confirms about many customers at once: what they are, who pays for them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from customers import identity
from customers.enums import CustomerKind
from customers.models import Contact, Customer
from customers.services.contacts import ContactFields, add_contacts
from customers.services.customers import lock_customers
from customers.signals import customer_changed
from dunning.core import audit, events
from dunning.core.errors import DomainError

MOST_LINES: Final = 5_000


def confirm_kinds(*, customers: Collection[Customer], kind: str, actor: str, today: date, now: datetime) -> int:
    """A person states what these customers are (rule 11); how many. Each has its audit event. UNKNOWN is not an answer."""
    if kind not in (CustomerKind.BUSINESS, CustomerKind.PUBLIC, CustomerKind.CONSUMER):
        raise DomainError(_("Say whether the customer is a business, a public body or a consumer."), code="bad_kind", field="kind")
    locked = lock_customers(customer.pk for customer in customers)
    for row in locked.values():
        audit.record(actor=actor, action="customer.kind_confirmed", target=row, body={"before": row.kind, "after": kind}, now=now)
    Customer.objects.filter(pk__in=locked).update(kind=kind, kind_confirmed_at=now, updated_at=now)
    for customer in customers:
        customer.kind, customer.kind_confirmed_at = kind, now
    _announce(list(locked), reason="kind", what="kind", today=today, now=now)
    return len(locked)


def link_house(*, head: Customer, members: Collection[Customer], pays: bool, actor: str, today: date, now: datetime) -> int:
    """These accounts are of one company: `head` pays for all (rule 5), or is only their parent and each pays for itself; how many.

    Raises DomainError when the head is itself paid for by another, or one of the members pays for others.
    """
    ids = {customer.pk for customer in members} - {head.pk}
    locked = lock_customers({head.pk, *ids})
    if pays and locked[head.pk].payer_id is not None:
        raise DomainError(_("%s is itself paid for by another customer.") % head.name, code="payer_chain", field="payer")
    if pays and (busy := Customer.objects.filter(payer__in=ids).select_related("payer").first()) is not None and busy.payer is not None:
        raise DomainError(_("%s pays for other customers.") % busy.payer.name, code="payer_chain", field="payer")
    field = "payer" if pays else "parent"
    rows = [locked[pk] for pk in sorted(ids & locked.keys())]
    for row in rows:
        body = {"before": str(getattr(row, f"{field}_id") or "") or None, "after": str(head.pk)}
        audit.record(actor=actor, action=f"customer.{field}_set", target=row, body=body, now=now)
    Customer.objects.filter(pk__in=[row.pk for row in rows]).update(**{field: head, "updated_at": now})
    _announce([row.pk for row in rows], reason=field, what=field, today=today, now=now)
    return len(rows)


@dataclass(frozen=True, slots=True)
class PastedLine:
    """One line of what was pasted. `problem` says why it cannot be used, "" when it can."""

    line: int
    text: str
    customer: Customer | None = None
    email: str = ""
    problem: str = ""


def read_addresses(text: str) -> list[PastedLine]:
    """Lines "number⇥e-mail" as a spreadsheet gives them (or ; or spaces between), each with its customer or its problem.

    Nothing is written. Raises DomainError for more than 5,000 lines.
    """
    rows = [(line, content.strip()) for line, content in enumerate(text.splitlines(), start=1) if content.strip()]
    if len(rows) > MOST_LINES:
        raise DomainError(_("Paste at most %(most)s lines at once.") % {"most": f"{MOST_LINES:,}"}, code="too_many", field="text")
    cut = [(line, content, *_cut(content)) for line, content in rows]
    known = {row.number: row for row in Customer.objects.filter(number__in={number for _line, _content, number, _email in cut})}
    has: dict[UUID, set[str]] = {}
    contacts = Contact.objects.filter(customer__in=[row.pk for row in known.values()], is_active=True).exclude(email="")
    for customer_id, email in contacts.values_list("customer_id", "email"):
        has.setdefault(customer_id, set()).add(email.lower())
    found = []
    for line, content, number, address in cut:
        found.append(_read(line, content, known.get(number), number, address, has))
    return found


def _cut(content: str) -> tuple[str, str]:
    for separator in ("\t", ";", ","):
        if separator in content:
            parts = [part.strip() for part in content.split(separator) if part.strip()]
            return (parts[0], parts[-1]) if len(parts) > 1 else (content, "")
    number, _space, address = content.rpartition(" ")
    return (number.strip(), address) if number else (content, "")


def _read(line: int, content: str, customer: Customer | None, number: str, address: str, has: dict[UUID, set[str]]) -> PastedLine:
    if not address:
        return PastedLine(line, content, problem=_("a customer number and an e-mail address, with a tab between them"))
    if customer is None:
        return PastedLine(line, content, problem=_("no customer has the number “%(number)s”") % {"number": number[:40]})
    try:
        email = identity.clean_email(address)
    except DomainError as wrong:
        return PastedLine(line, content, customer, problem=wrong.message)
    if email.lower() in has.setdefault(customer.pk, set()):
        return PastedLine(line, content, customer, email, problem=_("this customer already has the address"))
    has[customer.pk].add(email.lower())
    return PastedLine(line, content, customer, email)


def add_addresses(*, lines: Sequence[PastedLine], actor: str, today: date, now: datetime) -> int:
    """Add the addresses of the lines without a problem to their customers' chains; how many."""
    chains: dict[Customer, list[ContactFields]] = {}
    for line in lines:
        if line.customer is not None and not line.problem:
            chains.setdefault(line.customer, []).append({"email": line.email})
    return len(add_contacts(chains=chains, actor=actor, today=today, now=now)) if chains else 0


def _announce(ids: list[UUID], *, reason: str, what: str, today: date, now: datetime) -> None:
    if ids:
        events.emit(type="customer.changed", object_type="customer", object_ids=ids, now=now, payload={"what": [what]})
        customer_changed.send(sender=Customer, customer_ids=ids, reason=reason, today=today, now=now)
