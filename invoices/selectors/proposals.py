"""What must be known of customers before anything is written to them, proposed for a person to confirm (first hour, rules 1, 5 and 11)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Sum

from customers import proposals
from customers.enums import CustomerKind, PaymentMeans
from customers.models import Customer
from invoices.enums import InvoiceState
from invoices.models import Installment, Payment

PUBLIC, CONSUMER, BUSINESS, FACTORED, DEBIT, HOUSES = "public", "consumer", "business", "factored", "debit", "houses"
TOPICS: Final = (PUBLIC, FACTORED, DEBIT, HOUSES, CONSUMER, BUSINESS)
_KINDS: Final = {PUBLIC: CustomerKind.PUBLIC, CONSUMER: CustomerKind.CONSUMER, BUSINESS: CustomerKind.BUSINESS}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One customer proposed under a topic. `why`: siren, name, file (the file said so), item, label or payment; `open` by currency."""

    customer: Customer
    why: str
    open: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class House:
    """Accounts that seem to be of one company: by their SIREN, or by their names. The largest is proposed as the one that pays."""

    why: str
    members: tuple[Proposal, ...]

    @property
    def key(self) -> str:
        """What the group is called in a form."""
        return str(self.members[0].customer.pk)


def topic_counts() -> dict[str, int]:
    """How many proposals each topic has."""
    found = _Everything()
    return {topic: len(found.houses()) if topic == HOUSES else len(found.of(topic)) for topic in TOPICS}


def proposed(topic: str, limit: int = 200) -> list[Proposal]:
    """Customers proposed under a topic but HOUSES, the largest open amount first."""
    found = _Everything()
    return _with_amounts(found.of(topic), limit)


def proposed_houses(limit: int = 50) -> list[House]:
    """Groups of accounts proposed as one company."""
    groups = _Everything().houses()[:limit]
    amounts = _open({customer.pk for _why, members in groups for customer in members})
    return [
        House(why, tuple(sorted((Proposal(row, why, amounts.get(row.pk, {})) for row in members), key=_largest_first)))
        for why, members in groups
    ]


class _Everything:
    """All customers with what the topics look at, read once."""

    def __init__(self) -> None:
        fields = ("number", "name", "siren", "vat_number", "kind", "kind_confirmed_at", "payment_means", "factor_name", "payer", "parent")
        self.customers = list(Customer.objects.filter(archived_at=None).only(*fields).order_by("sort_name", "pk"))

    def of(self, topic: str) -> list[Proposal]:
        if topic in _KINDS:
            return [Proposal(row, why) for row in self.customers if (why := _kind_why(row, _KINDS[topic]))]
        if topic == FACTORED:
            marked = _owners(Installment.objects.filter(invoice__is_factored=True, outstanding__gt=0))
            return [
                Proposal(row, "item" if row.pk in marked else "name")
                for row in self.customers
                if not row.factor_name and (row.pk in marked or proposals.is_factor(row.name))
            ]
        if topic == DEBIT:
            return self._debit()
        return []

    def _debit(self) -> list[Proposal]:
        rows = [row for row in self.customers if row.payment_means != PaymentMeans.DIRECT_DEBIT]
        marked = _owners(Installment.objects.filter(means=PaymentMeans.DIRECT_DEBIT))
        paid = {
            pk
            for pk in Payment.objects.filter(means=PaymentMeans.DIRECT_DEBIT, cancelled_at=None).values_list("customer", flat=True)
            if pk is not None
        }
        labels = Installment.objects.filter(outstanding__gt=0).exclude(invoice__label="").values_list("customer_id", "invoice__label")
        said = {customer_id for customer_id, label in labels.distinct() if proposals.speaks_of_debit(label)}
        why = {**dict.fromkeys(said, "label"), **dict.fromkeys(paid, "payment"), **dict.fromkeys(marked, "item")}
        return [Proposal(row, why[row.pk]) for row in rows if row.pk in why]

    def houses(self) -> list[tuple[str, list[Customer]]]:
        alone = [row for row in self.customers if row.payer_id is None and row.parent_id is None]
        linked = {pk for row in self.customers for pk in (row.payer_id, row.parent_id) if pk}
        free = [row for row in alone if row.pk not in linked]
        by_siren: dict[str, list[Customer]] = {}
        for row in free:
            if row.siren:
                by_siren.setdefault(row.siren, []).append(row)
        found = [("siren", rows) for rows in by_siren.values() if len(rows) > 1]
        taken = {row.pk for _why, rows in found for row in rows}
        named = {str(row.pk): row for row in free if row.pk not in taken and proposals.kind_by_name(row.name) != CustomerKind.CONSUMER}
        for keys in proposals.houses((key, row.name) for key, row in named.items()):
            rows = [named[key] for key in keys]
            if len({row.siren for row in rows if row.siren}) <= 1:  # two SIRENs are two companies, whatever they are called
                found.append(("name", rows))
        return found


def _kind_why(customer: Customer, kind: CustomerKind) -> str:
    """Why the customer is proposed as `kind`, "" when it is not, or a person has spoken. A business with an identifier needs no word."""
    if customer.kind_confirmed_at is not None:
        return ""
    seems, why = proposals.seems(customer.name, customer.siren, customer.vat_number)
    if kind == CustomerKind.BUSINESS:
        return why if seems == kind and customer.kind == CustomerKind.UNKNOWN else ""
    if customer.kind == kind:
        return why if seems == kind else "file"
    return why if seems == kind and customer.kind == CustomerKind.UNKNOWN else ""


def _owners(items: Iterable[Installment]) -> set[UUID]:
    return set(items.values_list("customer_id", flat=True).distinct())  # type: ignore[attr-defined]  # a queryset


def _with_amounts(found: list[Proposal], limit: int) -> list[Proposal]:
    amounts = _open({proposal.customer.pk for proposal in found})
    rows = [Proposal(proposal.customer, proposal.why, amounts.get(proposal.customer.pk, {})) for proposal in found]
    return sorted(rows, key=_largest_first)[:limit]


def _largest_first(proposal: Proposal) -> tuple[Decimal, str]:
    return -max(proposal.open.values(), default=Decimal(0)), proposal.customer.name


def _open(customer_ids: set[UUID]) -> dict[UUID, dict[str, Decimal]]:
    """What is open of these customers, by currency."""
    rows = (
        Installment.objects.filter(customer__in=customer_ids, outstanding__gt=0, invoice__state=InvoiceState.ISSUED)
        .values_list("customer_id", "invoice__currency")
        .annotate(open=Sum("outstanding"))
        .order_by("customer_id", "-open")
    )
    found: dict[UUID, dict[str, Decimal]] = {}
    for customer_id, currency, amount in rows:
        found.setdefault(customer_id, {})[currency] = amount
    return found
