"""The customer file: created, or brought up to date where the file says something; an empty cell says nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Contact, Customer, CustomerGroup
from customers.services import (
    CustomerFields,
    add_contact,
    create_customers,
    ensure_group,
    link_customers,
    lock_customers,
    update_contact,
    update_customers,
)
from invoices.enums import ImportKind, RowOutcome, TraceKind
from invoices.importers import staging
from invoices.importers.fields import CUSTOMER_FIELDS
from invoices.importers.problems import RowProblem
from invoices.importers.session import ItemLoader, Work
from invoices.importers.staging import content_hash
from invoices.importers.values import WRITTEN, check_group, other_currency, phone_of

# Fields of the file that are columns of the customer under the same name.
_PLAIN = tuple(
    item.name
    for item in CUSTOMER_FIELDS
    if item.name not in ("group", "payer", "parent", "terms", "contact_name", "contact_role", "email", "phone")
)
_LINKS = ("payer", "parent")


@dataclass(slots=True)
class _Row:
    """One customer of the file, as far as the file speaks of it."""

    line: int
    content: str
    values: dict[str, Any]  # fields of the customer, those given
    group: str
    links: dict[str, str]  # payer, parent: numbers
    contact: dict[str, Any]
    emails: tuple[str, ...]
    changes: bool = False


class CustomerLoader(ItemLoader):
    kind = ImportKind.CUSTOMERS.value
    fields = CUSTOMER_FIELDS

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}
        self._known: set[str] = set()
        self._twice: dict[str, list[int]] = {}

    def read(self, work: Work) -> None:
        refused: dict[str, list[int]] = {}
        for line, values in work.rows():
            try:
                row = _row(line, values, work.profile.default_currency)
            except RowProblem as problem:
                work.refuse(line, problem.column, problem.reason)
                continue
            number = row.values["number"]
            first = self._rows.get(number)
            if first is None:
                self._rows[number] = row
            elif first.content == row.content and number not in refused:
                self._twice.setdefault(number, []).append(line)
            else:
                refused.setdefault(number, [first.line]).append(line)
        for number, lines in refused.items():
            named = ", ".join(str(line) for line in lines[:8])
            reason = _("customer %(number)s stands several times in the file with different content (lines %(lines)s)")
            for line in sorted({*lines, *self._twice.pop(number, ())}):
                work.refuse(line, "number", reason % {"number": number, "lines": named})
            del self._rows[number]
        self._read_phones(work)
        self._check_links(work)
        self._compare(work)

    def outcomes(self) -> dict[int, RowOutcome]:
        found = {line: RowOutcome.UNCHANGED for lines in self._twice.values() for line in lines}
        for number, row in self._rows.items():
            changed = RowOutcome.UPDATED if row.changes else RowOutcome.UNCHANGED
            found[row.line] = changed if number in self._known else RowOutcome.CREATED
        return found

    def keys(self) -> dict[int, str]:
        found = {line: number for number, lines in self._twice.items() for line in lines}
        return found | {row.line: number for number, row in self._rows.items()}

    def write(self, work: Work) -> Iterator[object]:
        groups = {
            name: ensure_group(key=name, name=name, **work.who_and_when)
            for name in sorted({row.group for row in self._rows.values() if row.group})
        }
        known = set(Customer.objects.filter(number__in=list(self._rows)).values_list("number", flat=True))
        lock_customers(Customer.objects.filter(number__in=known).values_list("pk", flat=True))
        fresh = [row for number, row in self._rows.items() if number not in known]
        for start in range(0, len(fresh), staging.CHUNK):
            part = fresh[start : start + staging.CHUNK]
            drafts = [cast(CustomerFields, {"language": work.profile.default_language, **_fields(row, groups)}) for row in part]
            created = create_customers(rows=drafts, **work.who_and_when)
            work.trace(TraceKind.CUSTOMER, [customer.pk for customer in created])
            pairs = zip(created, part, strict=True)
            people = [contact for customer, row in pairs for contact in first_contacts(customer, row.emails, row.contact)]
            Contact.objects.bulk_create(people, batch_size=2000)
        changed = [row for number, row in self._rows.items() if number in known and row.changes]
        for start in range(0, len(changed), staging.CHUNK):
            part = changed[start : start + staging.CHUNK]
            found = {customer.number: customer for customer in Customer.objects.filter(number__in=[row.values["number"] for row in part])}
            known_rows = [(found[row.values["number"]], row) for row in part]
            changes = [(customer, cast(CustomerFields, _fields(row, groups, customer))) for customer, row in known_rows]
            update_customers(changes=changes, **work.who_and_when)
            contacts = _contacts_of(customer.pk for customer, _fields_given in changes)
            for customer, row in known_rows:
                _write_contacts(customer, row, contacts.get(customer.pk, []), work)
        self._link(work, known)
        for number, row in self._rows.items():
            if row.changes or number not in known:
                yield [row.line, number, row.content]

    def _read_phones(self, work: Work) -> None:
        """Read local numbers in the country the file gives the customer, else in the one it is known for."""
        silent = [number for number, row in self._rows.items() if "phone" in row.contact and "country" not in row.values]
        known: dict[str, str] = {}
        for start in range(0, len(silent), staging.CHUNK):
            part = silent[start : start + staging.CHUNK]
            known.update(Customer.objects.filter(number__in=part).values_list("number", "country"))
        for number, row in list(self._rows.items()):
            if "phone" not in row.contact:
                continue
            try:
                country = row.values.get("country") or known.get(number)
                row.contact["phone"] = phone_of(row.contact["phone"], country, "phone")
            except RowProblem as problem:
                self._drop(row, problem.column, problem.reason, work)

    def _drop(self, row: _Row, name: str, reason: str, work: Work) -> None:
        """Refuse a customer on every line that says the same of it."""
        number = row.values["number"]
        for line in (row.line, *self._twice.pop(number, ())):
            work.refuse(line, name, reason)
        self._rows.pop(number, None)

    def _check_links(self, work: Work) -> None:
        """A payer or parent must be in the file or known, and nobody pays for a payer (rule 5 has no chains)."""
        wanted = {number for row in self._rows.values() for number in row.links.values()}
        known = set(Customer.objects.filter(number__in=wanted).values_list("number", flat=True)) if wanted else set()
        paid_for = {number: row.links["payer"] for number, row in self._rows.items() if "payer" in row.links}
        for number in Customer.objects.filter(number__in=wanted, payer__isnull=False).values_list("number", flat=True):
            paid_for.setdefault(number, "")
        payers = set(_numbers_of(Customer.objects.values_list("payer_id", flat=True)).values()) if paid_for else set()
        payers |= {row.links["payer"] for row in self._rows.values() if "payer" in row.links}
        for number, row in list(self._rows.items()):
            for name, target in row.links.items():
                problem = ""
                if target == number:
                    problem = _("a customer is not its own payer or parent: leave the cell empty")
                elif target not in known and target not in self._rows:
                    problem = _("there is no customer %(number)s, neither known nor in this file")
                elif name == "payer" and (target in paid_for or number in payers):
                    problem = _("a payer has no payer of its own (%(number)s)")
                if problem:
                    self._drop(row, name, problem % {"number": target}, work)

    def _compare(self, work: Work) -> None:
        numbers = list(self._rows)
        group_keys = dict(CustomerGroup.objects.values_list("pk", "key"))
        confirmed = 0
        for start in range(0, len(numbers), staging.CHUNK):
            part = numbers[start : start + staging.CHUNK]
            found = list(Customer.objects.filter(number__in=part))
            contacts = _contacts_of(customer.pk for customer in found)
            linked = _numbers_of(pk for customer in found for pk in (customer.payer_id, customer.parent_id))
            for customer in found:
                row = self._rows[customer.number]
                if problem := _other_company(customer, row):
                    self._drop(row, problem.column, problem.reason, work)
                    continue
                self._known.add(customer.number)
                confirmed += row.values.get("kind", customer.kind) != _stated(row, customer).get("kind", customer.kind)
                row.changes = _differs(customer, row, contacts.get(customer.pk, []), group_keys, linked)
        if confirmed:
            work.notes.append(
                ngettext(
                    "%(count)s customer stays what a person confirmed, though its row says another kind.",
                    "%(count)s customers stay what a person confirmed, though their rows say another kind.",
                    confirmed,
                )
                % {"count": confirmed}
            )
        work.created = len(self._rows) - len(self._known)
        work.updated = sum(row.changes for row in self._rows.values())
        work.unchanged = len(self._known) - work.updated + sum(len(lines) for lines in self._twice.values())

    def _link(self, work: Work, known: set[str]) -> None:
        linked = {number: row for number, row in self._rows.items() if row.links}
        if not linked:
            return
        wanted = {*linked, *(target for row in linked.values() for target in row.links.values())}
        found = {customer.number: customer for customer in Customer.objects.filter(number__in=wanted)}
        links = {found[number].pk: {name: found[target] for name, target in row.links.items()} for number, row in linked.items()}
        fresh = {found[number].pk for number in linked if number not in known}
        link_customers(links=links, fresh=fresh, **work.who_and_when)


def _row(line: int, values: dict[str, Any], currency: str) -> _Row:
    if not values["number"]:
        raise RowProblem("number", _("this cell is empty and must not be"))
    if not values["name"]:
        raise RowProblem("name", _("this cell is empty and must not be"))
    fields = {name: values[name] for name in _PLAIN if values[name] is not None}
    if fields.get("credit_limit", 0) < 0:
        raise RowProblem("credit_limit", _("a credit limit is not negative"))
    if mark := other_currency(values[WRITTEN], currency):
        reason = _("“%(mark)s” is not %(currency)s: a credit limit is in your organization’s currency")
        raise RowProblem("credit_limit", reason % {"mark": mark, "currency": currency})
    if values["group"]:
        check_group(values["group"], "group")
    siren, siret = fields.get("siren", ""), fields.get("siret", "")
    if siren and siret and not siret.startswith(siren):
        raise RowProblem("siret", _("the SIRET does not belong to this SIREN"))
    if terms := values["terms"]:
        fields |= {"payment_days": terms.days, "payment_end_of_month": str(terms.end_of_month), "payment_day_of_month": terms.day_of_month}
    contact = {"phone": values["phone"], "name": values["contact_name"], "role": values["contact_role"]}
    return _Row(
        line=line,
        content=content_hash(values[item.name] for item in CUSTOMER_FIELDS),
        values=fields,
        group=values["group"] or "",
        links={name: values[name] for name in _LINKS if values[name]},
        contact={name: value for name, value in contact.items() if value},
        emails=values["email"] or (),
    )


def _fields(row: _Row, groups: dict[str, CustomerGroup], customer: Customer | None = None) -> dict[str, Any]:
    values = row.values if customer is None else _stated(row, customer)
    return {**values, **({"group": groups[row.group]} if row.group else {})}


def _stated(row: _Row, customer: Customer) -> dict[str, Any]:
    """What the row says of a known customer; a kind that a person confirmed is not the row's to change (rule 11)."""
    if customer.kind_confirmed_at is None:
        return row.values
    return {name: value for name, value in row.values.items() if name != "kind"}


def _other_company(customer: Customer, row: _Row) -> RowProblem | None:
    """What is wrong when the row gives a SIREN or a SIRET alone and the customer is known by the other one of another company."""
    siren, siret = row.values.get("siren", customer.siren), row.values.get("siret", customer.siret)
    if not (siren and siret) or siret.startswith(siren):
        return None
    reason = _("SIREN %(siren)s and SIRET %(siret)s do not belong together, and the customer is known by one of them: give both")
    return RowProblem("siret" if "siret" in row.values else "siren", reason % {"siren": siren, "siret": siret})


def _contacts_of(customer_ids: Iterable[UUID]) -> dict[UUID, list[Contact]]:
    """The active contacts of each customer, the first one first."""
    contacts: dict[UUID, list[Contact]] = {}
    for contact in Contact.objects.filter(customer__in=list(customer_ids), is_active=True).order_by("position", "pk"):
        contacts.setdefault(contact.customer_id, []).append(contact)
    return contacts


def _numbers_of(customer_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """The numbers of these customers.

    Asked for by id and not by a join of customers with customers: right after a first load the statistics know of none, and the join would
    compare every pair.
    """
    ids = list({pk for pk in customer_ids if pk is not None})
    numbers: dict[UUID, str] = {}
    for start in range(0, len(ids), staging.CHUNK):
        numbers.update(Customer.objects.filter(pk__in=ids[start : start + staging.CHUNK]).values_list("pk", "number"))
    return numbers


def _differs(customer: Customer, row: _Row, contacts: list[Contact], group_keys: dict[UUID, str], linked: dict[UUID, str]) -> bool:
    """`group_keys` by id, and `linked`: the numbers of payers and parents by id."""
    if any(getattr(customer, name) != value for name, value in _stated(row, customer).items()):
        return True
    if row.group and (customer.group_id is None or group_keys.get(customer.group_id) != slugify(row.group)[:40]):
        return True
    if any(linked.get(getattr(customer, f"{name}_id")) != target for name, target in row.links.items()):
        return True
    return bool(_contact_changes(row, contacts))


def _contact_changes(row: _Row, contacts: list[Contact]) -> list[tuple[Contact | None, dict[str, Any]]]:
    """What to write about contacts: (None, fields) adds one, (contact, fields) changes it.

    Details belong to the first address of the row; without an address, to the customer's first contact.
    """
    by_email = {contact.email.lower(): contact for contact in contacts if contact.email}
    changes: list[tuple[Contact | None, dict[str, Any]]] = []
    for rank, email in enumerate(row.emails or ("",)):
        details = dict(row.contact) if rank == 0 else {}
        known = by_email.get(email.lower()) if email else (contacts[0] if contacts else None)
        if known is None:
            if email or details:
                changes.append((None, {**details, **({"email": email} if email else {})}))
            continue
        different = {name: value for name, value in details.items() if getattr(known, name) != value}
        if different:
            changes.append((known, different))
    return changes


def first_contacts(customer: Customer, emails: tuple[str, ...], details: dict[str, Any]) -> list[Contact]:
    """The contacts of a customer just created, not yet written; details belong to the first address."""
    return [
        Contact(customer=customer, position=rank, email=email, **(details if rank == 1 else {}))
        for rank, email in enumerate(emails or (("",) if details else ()), start=1)
    ]


def _write_contacts(customer: Customer, row: _Row, contacts: list[Contact], work: Work) -> None:
    """Bring the customer's contacts up to date. An address that is new goes to the front: the file knows it for the one in use."""
    if not (row.emails or row.contact):
        return
    for contact, fields in _contact_changes(row, contacts):
        if contact is not None:
            update_contact(contact=contact, **fields, **work.who_and_when)
        else:
            add_contact(customer=customer, position=0 if contacts else 1, **fields, **work.who_and_when)
