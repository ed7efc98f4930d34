"""The payer index as it is kept, and what the ledger holds for working it out (docs/domain.md, "Payer index")."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from customers.models import Customer
from invoices.enums import DisputeState, InvoiceState, PromiseState
from invoices.models import Allocation, Dispute, Installment, PayerIndex, Promise
from invoices.payer_index import Experience

SHOWN_FROM: Final = 70
"""The debtor's page never speaks of an index below it."""
PROMPT: Final = 80


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one currency of a customer's account says of its habits; `invoices` gives the ids of the invoices named, by number."""

    currency: str
    experiences: tuple[Experience, ...]
    broken_promises: tuple[date, ...]
    invoices: Mapping[str, UUID]

    def paid_invoices(self, today: date) -> int:
        """Invoices with a payment and nothing left; what is paid with a value date to come is not paid yet."""
        open_ = {one.invoice for one in self.experiences if one.paid_on is None or one.paid_on > today}
        return len({one.invoice for one in self.experiences} - open_)


def payer_evidence(customer_id: UUID, *, since: date, today: date, reminded: Collection[UUID] = ()) -> list[Evidence]:
    """The evidence in each currency, that with most paid invoices first, in four queries: payments valued after `since`, and open items.

    `reminded` are items for which a message before their due date was done. What is assigned to a factor says nothing: it pays in the
    debtor's stead.
    """
    counts = Q(invoice__state=InvoiceState.ISSUED, invoice__is_factored=False, customer__factor_name="", customer=customer_id)
    rows = Installment.objects.select_related("invoice").only("due_on", "outstanding", "invoice__number", "invoice__currency")
    items = {item.pk: item for item in rows.filter(counts).order_by("due_on", "pk")}
    found: dict[str, list[Experience]] = {}
    invoices: dict[str, UUID] = {}

    def add(item: Installment, amount: Decimal, paid_on: date | None, disputed: bool = False) -> None:
        if amount > 0:
            one = Experience(item.invoice.number, amount, item.due_on, paid_on, disputed, item.pk in reminded)
            found.setdefault(item.invoice.currency, []).append(one)
            invoices[item.invoice.number] = item.invoice_id

    parts = Allocation.objects.filter(installment__in=items, payment__isnull=False, reversed_at=None, value_on__gt=since)
    for item_id, amount, value_on in parts.order_by("value_on", "pk").values_list("installment", "amount", "value_on"):
        add(items[item_id], amount, value_on)
    disputes = Dispute.objects.filter(installment__in=items, state=DisputeState.OPEN)
    contested = dict(disputes.values_list("installment", "amount"))
    for item in items.values():
        if item.outstanding > 0:
            held = min(contested[item.pk] or item.outstanding, item.outstanding) if item.pk in contested else Decimal(0)
            add(item, item.outstanding - held, None)
            add(item, held, None, disputed=True)
    broken: dict[str, list[date]] = {}
    promises = Promise.objects.filter(customer=customer_id, state=PromiseState.BROKEN, closed_on__gt=since, closed_on__lte=today)
    for currency, closed_on in promises.values_list("installment__invoice__currency", "closed_on"):
        if closed_on is not None:
            broken.setdefault(currency, []).append(closed_on)
    evidence = [Evidence(currency, tuple(rows), tuple(broken.get(currency, ())), invoices) for currency, rows in found.items()]
    return sorted(evidence, key=lambda one: (-one.paid_invoices(today), one.currency))


def kept_indexes(customer_ids: Collection[UUID]) -> dict[UUID, PayerIndex]:
    """The index of each of these customers as it is kept, in one query; who never paid and never owed has none."""
    return {row.customer_id: row for row in PayerIndex.objects.filter(customer__in=list(customer_ids))}


def payer_index_sentence(customer: Customer) -> str:
    """What the debtor's own page says of their payer index; "" when it says nothing.

    It speaks to customers of groups that show it alone, never with a figure, and never below 70 or on too little evidence.
    """
    if customer.group is None or not customer.group.shows_payer_index:
        return ""
    row = PayerIndex.objects.filter(customer=customer).first()
    if row is None or row.value is None or row.value < SHOWN_FROM:
        return ""
    if row.value >= PROMPT:
        return _("Your payments reach us on time. Thank you.")
    return _("Your payments reach us within a few days of the due date. Thank you.")
