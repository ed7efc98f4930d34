"""Customers: who owes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypedDict, Unpack
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from customers import identity
from customers.enums import CustomerKind
from customers.models import Customer, CustomerGroup
from customers.signals import customer_changed
from dunning.core import audit, events, search
from dunning.core.errors import DomainError
from dunning.core.models import User
from dunning.core.prepared import ask
from dunning.core.rows import columns_of, read_rows

SEARCH_KIND = "customer"
# One statement, each half served by an index: this is asked before nearly every write.
_LOCK_GROUPS: Final = f"""
WITH roots AS MATERIALIZED (SELECT DISTINCT coalesce(payer_id, id) AS id FROM customers_customer WHERE id = ANY(%s::uuid[]))
SELECT {columns_of(Customer)} FROM customers_customer
WHERE id IN (SELECT id FROM roots UNION SELECT m.id FROM customers_customer m JOIN roots ON m.payer_id = roots.id)
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - made of column names


class CustomerFields(TypedDict, total=False):
    """What may be given when a customer is created or updated; amounts in the organization's currency, days in calendar days."""

    number: str
    name: str
    kind: str
    legal_form: str
    siren: str
    siret: str
    vat_number: str
    language: str
    group: CustomerGroup | None
    parent: Customer | None
    account_owner: User | None
    address_line1: str
    address_line2: str
    postal_code: str
    city: str
    country: str
    registered_line1: str
    registered_line2: str
    registered_postal_code: str
    registered_city: str
    legal_representative: str
    payment_means: str
    payment_days: int
    payment_end_of_month: str
    payment_day_of_month: int | None
    iban: str
    service_code: str
    factor_name: str
    factor_allows_reminders: bool
    credit_limit: Decimal | None
    insurer: str
    risk_note: str


def lock_customers(ids: Iterable[UUID]) -> dict[UUID, Customer]:
    """Lock these customers, by pk: the first lock of every write about what they owe. Unknown ids are left out.

    Who pays for them, and whom that one pays for, are locked along: what follows a write looks at the whole paying group, and locks taken
    one after the other in two orders end in a deadlock. Only the customers asked for are returned.
    """
    wanted = set(ids)
    if not wanted:
        return {}
    return {customer.pk: customer for customer in read_rows(Customer, _LOCK_GROUPS, [list(wanted)]) if customer.pk in wanted}


def hold_customers(ids: Iterable[UUID]) -> None:
    """Take the same locks as `lock_customers` where nobody needs the rows."""
    wanted = [str(pk) for pk in set(ids)]
    if wanted:
        with connection.cursor() as cursor:
            ask(cursor, _HOLD, [wanted])


_HOLD: Final = """
WITH roots AS MATERIALIZED (SELECT DISTINCT coalesce(payer_id, id) AS id FROM customers_customer WHERE id = ANY(%s::uuid[]))
SELECT 1 FROM customers_customer
WHERE id IN (SELECT id FROM roots UNION SELECT m.id FROM customers_customer m JOIN roots ON m.payer_id = roots.id)
ORDER BY id FOR NO KEY UPDATE
"""


def lock_customer(customer: Customer | UUID) -> Customer:
    """Lock one customer and read it again. Raises DomainError when it does not exist here."""
    identifier = customer if isinstance(customer, UUID) else customer.pk
    locked = lock_customers([identifier])
    if identifier not in locked:
        raise DomainError(_("This customer does not exist."), code="unknown_customer", field="customer")
    return locked[identifier]


def create_customer(*, actor: str, today: date, now: datetime, **fields: Unpack[CustomerFields]) -> Customer:
    """Create one customer; `number` and `name` are required. Raises DomainError, see `create_customers`."""
    return create_customers(rows=[fields], actor=actor, today=today, now=now)[0]


def create_customers(*, rows: Sequence[CustomerFields], actor: str, today: date, now: datetime) -> list[Customer]:
    """Create customers, in order, with one audit event and their search tokens.

    Identifiers are checked and put in one form; a kind that is not given is proposed from them, never confirmed (rule 11). Raises
    DomainError for a missing or taken number, a blank name, or a bad identifier; then nothing is written.
    """
    customers = [Customer(**_cleaned(row, None)) for row in rows]
    numbers = [customer.number for customer in customers]
    taken = set(Customer.objects.filter(number__in=numbers).values_list("number", flat=True))
    taken |= {number for number in numbers if numbers.count(number) > 1} if len(set(numbers)) < len(numbers) else set()
    if taken:
        raise DomainError(_("A customer already has the number %s.") % ", ".join(sorted(taken)), code="duplicate_number", field="number")
    Customer.objects.bulk_create(customers)
    search.index(kind=SEARCH_KIND, tokens={customer.pk: search_tokens(customer) for customer in customers}, fresh=True)
    if len(customers) == 1:
        audit.record(
            actor=actor, action="customer.created", target=customers[0], body={"number": numbers[0], "name": customers[0].name}, now=now
        )
    elif customers:
        audit.record(actor=actor, action="customers.created", body={"count": len(numbers), "digest": audit.digest(numbers)}, now=now)
    _announce(customers, reason="created", today=today, now=now)
    return customers


def update_customer(*, customer: Customer, actor: str, today: date, now: datetime, **fields: Unpack[CustomerFields]) -> list[str]:
    """Change the fields given; the names of those that really changed, `[]` when nothing did (then nothing is written).

    A kind given here is one a person or a file stated; `confirm_kind` records a confirmation, and alone changes what was confirmed (rule
    11). Raises DomainError for bad identifiers, a number that another customer has, or another kind than the one confirmed.
    """
    locked = lock_customer(customer)
    changed = _change(locked, customer, fields, actor=actor, now=now)
    if changed:
        _announce([locked], reason="updated", today=today, now=now)
    return changed


def update_customers(*, changes: Sequence[tuple[Customer, CustomerFields]], actor: str, today: date, now: datetime) -> int:
    """Change several customers, each once; how many really changed. Each has its audit event; the news of all goes out together.

    Raises DomainError as `update_customer` does; then nothing is written.
    """
    locked = lock_customers(customer.pk for customer, _fields in changes)
    changed = [locked[customer.pk] for customer, fields in changes if _change(locked[customer.pk], customer, fields, actor=actor, now=now)]
    _announce(changed, reason="updated", today=today, now=now)
    return len(changed)


def _change(locked: Customer, customer: Customer, fields: CustomerFields, *, actor: str, now: datetime) -> list[str]:
    """Write what differs on the locked row, and on the caller's instance; the names of what changed."""
    wanted = _cleaned(fields, locked)
    changed = sorted(name for name, value in wanted.items() if getattr(locked, name) != value)
    if not changed:
        return []
    if "number" in changed and Customer.objects.filter(number=wanted["number"]).exists():
        raise DomainError(_("A customer already has the number %s.") % wanted["number"], code="duplicate_number", field="number")
    before = {name: _plain(getattr(locked, name)) for name in changed}
    for name in changed:
        setattr(locked, name, wanted[name])
        setattr(customer, name, wanted[name])
    locked.save(update_fields=[*changed, "updated_at"])
    if {"number", "name", "siren", "siret", "vat_number", "iban"} & set(changed):
        search.index(kind=SEARCH_KIND, tokens={locked.pk: search_tokens(locked)})
    after = {name: _plain(wanted[name]) for name in changed}
    audit.record(actor=actor, action="customer.updated", target=locked, body={"before": before, "after": after}, now=now)
    return changed


def confirm_kind(*, customer: Customer, kind: str, actor: str, today: date, now: datetime) -> None:
    """A person states what the customer is: the legal regime of its messages follows (rule 11). UNKNOWN is not an answer."""
    if kind not in (CustomerKind.BUSINESS, CustomerKind.PUBLIC, CustomerKind.CONSUMER):
        raise DomainError(_("Say whether the customer is a business, a public body or a consumer."), code="bad_kind", field="kind")
    locked = lock_customer(customer)
    before = locked.kind
    for row in (locked, customer):
        row.kind, row.kind_confirmed_at = kind, now
    locked.save(update_fields=["kind", "kind_confirmed_at", "updated_at"])
    audit.record(actor=actor, action="customer.kind_confirmed", target=locked, body={"before": before, "after": kind}, now=now)
    _announce([locked], reason="kind", today=today, now=now)


def set_payer(*, customer: Customer, payer: Customer | None, actor: str, today: date, now: datetime) -> None:
    """Another customer pays for this one (`None`: it pays itself); messages up to the formal notice go to the payer (rule 5).

    Raises DomainError for itself, and for chains: a payer has no payer, and a customer others rely on gets none.
    """
    locked = lock_customers([customer.pk, *([payer.pk] if payer else [])])
    row = locked[customer.pk]
    if payer is not None:
        if payer.pk == customer.pk:
            raise DomainError(_("A customer that pays for itself needs no payer."), code="own_payer", field="payer")
        if locked[payer.pk].payer_id is not None:
            raise DomainError(_("%s is itself paid for by another customer.") % payer.name, code="payer_chain", field="payer")
        if Customer.objects.filter(payer=customer).exists():
            raise DomainError(_("%s pays for other customers.") % customer.name, code="payer_chain", field="payer")
    before = row.payer_id
    row.payer = customer.payer = payer
    row.save(update_fields=["payer", "updated_at"])
    body = {"before": _plain(before), "after": _plain(payer)}
    audit.record(actor=actor, action="customer.payer_set", target=row, body=body, now=now)
    _announce([row], reason="payer", today=today, now=now)


def link_customers(
    *, links: Mapping[UUID, Mapping[str, Customer]], fresh: Collection[UUID] = (), actor: str, today: date, now: datetime
) -> int:
    """Give customers a `payer` or a `parent` as a checked load says; how many that changed. One audit event for all.

    `fresh` ones, created in this transaction, were told of as created."""
    locked = lock_customers(links)
    moved = [row for pk, row in locked.items() if any(getattr(row, f"{name}_id") != target.pk for name, target in links[pk].items())]
    if not moved:
        return 0
    for row in moved:
        for name, target in links[row.pk].items():
            setattr(row, name, target)
        row.updated_at = now
    Customer.objects.bulk_update(moved, ["payer", "parent", "updated_at"], batch_size=2000)
    pairs = sorted([row.number, name, target.number] for row in moved for name, target in links[row.pk].items())
    body = {"links": pairs if len(pairs) <= 20 else len(pairs), "digest": audit.digest(pairs)}
    audit.record(actor=actor, action="customers.linked", target=moved[0] if len(moved) == 1 else None, body=body, now=now)
    _announce([row for row in moved if row.pk not in fresh], reason="payer", today=today, now=now)
    return len(moved)


def set_group(*, customers: Collection[Customer], group: CustomerGroup | None, actor: str, today: date, now: datetime) -> int:
    """Move customers to a group; the number of those that were not in it yet."""
    locked = lock_customers(customer.pk for customer in customers)
    moved = [row for row in locked.values() if row.group_id != (group.pk if group else None)]
    if not moved:
        return 0
    Customer.objects.filter(pk__in=[row.pk for row in moved]).update(group=group, updated_at=now)
    for customer in customers:
        customer.group = group
    numbers = [row.number for row in moved]
    body = {"group": group.key if group else None, "count": len(moved), "digest": audit.digest(numbers)}
    audit.record(actor=actor, action="customers.grouped", target=moved[0] if len(moved) == 1 else None, body=body, now=now)
    _announce(moved, reason="group", today=today, now=now)
    return len(moved)


def set_account_owner(*, customers: Collection[UUID], owner: User | None, actor: str, today: date, now: datetime) -> int:
    """Give customers an account owner, or (None) nobody; the number of those that had another one. One audit event for all."""
    locked = lock_customers(customers)
    moved = [row for row in locked.values() if row.account_owner_id != (owner.pk if owner else None)]
    if not moved:
        return 0
    Customer.objects.filter(pk__in=[row.pk for row in moved]).update(account_owner=owner, updated_at=now)
    body = {"owner": str(owner.pk) if owner else None, "count": len(moved), "digest": audit.digest([row.number for row in moved])}
    audit.record(actor=actor, action="customers.assigned", target=moved[0] if len(moved) == 1 else None, body=body, now=now)
    _announce(moved, reason="assigned", today=today, now=now)
    return len(moved)


def vet_customer(*, customer: Customer, answers: dict[str, Any], actor: str, today: date, now: datetime) -> None:
    """Keep the prospect check list: reputation, seriousness, responsiveness… as `{question: answer}`; answers are added to earlier ones."""
    locked = lock_customer(customer)
    locked.vetting = customer.vetting = {**locked.vetting, **answers, "checked_on": today.isoformat()}
    locked.save(update_fields=["vetting", "updated_at"])
    audit.record(actor=actor, action="customer.vetted", target=locked, body={"answers": sorted(answers)}, now=now)
    events.emit(type="customer.changed", object_type="customer", object_ids=[locked.pk], now=now, payload={"what": ["vetting"]})


def archive_customer(*, customer: Customer, actor: str, today: date, now: datetime) -> None:
    """Put a customer away; what it owes stays owed and followed. Nothing happens when it already is."""
    locked = lock_customer(customer)
    if locked.archived_at is not None:
        return
    locked.archived_at = customer.archived_at = now
    locked.save(update_fields=["archived_at", "updated_at"])
    audit.record(actor=actor, action="customer.archived", target=locked, now=now)
    _announce([locked], reason="archived", today=today, now=now)


def search_tokens(customer: Customer) -> set[str]:
    """The folded words by which a customer is found."""
    codes = (customer.number, customer.siren, customer.siret, customer.vat_number, customer.iban)
    return search.words(customer.name) | search.number_tokens(customer.number) | {search.fold(code) for code in codes if code}


def _announce(customers: Sequence[Customer], *, reason: str, today: date, now: datetime) -> None:
    ids = [customer.pk for customer in customers]
    if ids:
        if reason in ("created", "archived"):
            events.emit(type=f"customer.{reason}", object_type="customer", object_ids=ids, now=now, fresh=reason == "created")
        else:
            events.emit(type="customer.changed", object_type="customer", object_ids=ids, now=now, payload={"what": [reason]})
        customer_changed.send(sender=Customer, customer_ids=ids, reason=reason, today=today, now=now)


def _plain(value: Any) -> Any:
    return str(value.pk) if hasattr(value, "pk") else value


def _cleaned(fields: CustomerFields, customer: Customer | None) -> dict[str, Any]:
    """The fields as they are stored, with those that follow from them (folded name, SIREN of a SIRET, proposed kind)."""
    clean: dict[str, Any] = dict(fields)
    for name in ("number", "name"):
        if name in clean or customer is None:
            clean[name] = " ".join(str(clean.get(name, "")).split())
            if not clean[name]:
                raise DomainError(_("A customer needs a number and a name."), code="required", field=name)
    if "name" in clean:
        clean["sort_name"] = search.fold(clean["name"])
    if "country" in clean:
        clean["country"] = identity.clean_country(clean["country"])
    for name, check in (
        ("siren", identity.clean_siren),
        ("siret", identity.clean_siret),
        ("vat_number", identity.clean_vat_number),
        ("iban", identity.clean_iban),
    ):
        if name in clean:
            clean[name] = check(clean[name])
    if {"siren", "siret", "vat_number"} & clean.keys():
        _reconcile_identifiers(clean, customer)
    _check_terms(clean)
    if not clean.get("kind") and (customer is None or customer.kind == CustomerKind.UNKNOWN):
        clean["kind"] = identity.propose_kind(_now(clean, customer, "siren"), _now(clean, customer, "vat_number"))
    elif "kind" in clean and not clean["kind"]:
        del clean["kind"]
    if customer is not None and customer.kind_confirmed_at is not None and clean.get("kind", customer.kind) != customer.kind:
        raise DomainError(
            _("A person confirmed what this customer is: to change it, confirm the other kind."), code="confirmed_kind", field="kind"
        )
    return clean


def _now(clean: dict[str, Any], customer: Customer | None, name: str) -> str:
    return str(clean[name] if name in clean else getattr(customer, name, ""))


def _reconcile_identifiers(clean: dict[str, Any], customer: Customer | None) -> None:
    siren, siret = _now(clean, customer, "siren"), _now(clean, customer, "siret")
    contained = identity.siren_of(siret, _now(clean, customer, "vat_number"))
    if siren and siret and not siret.startswith(siren):
        raise DomainError(_("The SIRET does not belong to this SIREN."), code="bad_siret", field="siret")
    if not siren and contained:
        clean["siren"] = contained


def _check_terms(clean: dict[str, Any]) -> None:
    days, fixed = clean.get("payment_days"), clean.get("payment_day_of_month")
    if days is not None and not 0 <= days <= 365:
        raise DomainError(_("Payment terms count between 0 and 365 days."), code="bad_terms", field="payment_days")
    if fixed is not None and not 1 <= fixed <= 31:
        raise DomainError(_("The day of the month lies between 1 and 31."), code="bad_terms", field="payment_day_of_month")
    limit = clean.get("credit_limit")
    if limit is not None and limit < 0:
        raise DomainError(_("A credit limit is not negative."), code="bad_amount", field="credit_limit")
