"""Open items: what is left to pay, since when, and how much of it may be asked for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from dunning.core import search
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile
from dunning.core.money import quantize
from dunning.core.prepared import ask
from dunning.core.rows import columns_of, read_rows
from dunning.core.selectors import get_calendar, get_profile
from invoices.enums import DisputeState, HoldKind, HoldRequestState, HoldSide, InvoiceKind, InvoiceState
from invoices.measures.ageing import bucket_of
from invoices.models import Allocation, Dispute, Hold, HoldRequest, Installment, Invoice, LedgerCoverage, Payment, Promise

_NOTHING = Decimal(0)
_DISPUTES: Final = (
    f"SELECT {columns_of(Dispute)} FROM invoices_dispute"  # noqa: S608 - made of column names
    " WHERE installment_id = ANY(%s::uuid[]) AND state = 'open'"
)
_PROMISES: Final = (
    f"SELECT {columns_of(Promise)} FROM invoices_promise"  # noqa: S608 - made of column names
    " WHERE installment_id = ANY(%s::uuid[]) AND state = 'open'"
)
# Of single items, as `running_holds` tells them.
_HOLDS: Final = (
    f"SELECT {columns_of(Hold)} FROM invoices_hold"  # noqa: S608 - made of column names
    " WHERE installment_id = ANY(%(ids)s::uuid[]) AND released_on IS NULL AND starts_on <= %(today)s::date"
    " AND (ends_on >= %(today)s::date OR side = 'ours') ORDER BY ends_on, id"
)
_CREDITS: Final = """
SELECT currency, sum(unallocated) FROM (
    SELECT currency, unallocated FROM invoices_payment
    WHERE customer_id = ANY(%(ids)s::uuid[]) AND unallocated > 0 AND cancelled_at IS NULL
    UNION ALL
    SELECT currency, unallocated FROM invoices_invoice
    WHERE customer_id = ANY(%(ids)s::uuid[]) AND unallocated > 0 AND kind = 'credit_note' AND state = 'issued'
) credit GROUP BY currency
"""


@dataclass(frozen=True, slots=True)
class ItemView:
    """An open item with everything that stands between it and a reminder. Amounts are in its invoice's currency.

    `days_late` is negative before the due date. `disputed`, `promised` and `awaited` (a credit note we owe) are what is deducted;
    `chased` is what may be asked for (rule 7).
    """

    installment: Installment
    days_late: int
    bucket: str
    disputed: Decimal
    promised: Decimal
    awaited: Decimal
    chased: Decimal
    residue: bool
    dispute: Dispute | None
    promise: Promise | None
    holds: tuple[Hold, ...]


def get_invoice(identifier: UUID) -> Invoice:
    """Raises DomainError when it does not exist here."""
    found = Invoice.objects.select_related("customer", "credited_invoice", "document").filter(pk=identifier).first()
    if found is None:
        raise DomainError(_("This invoice does not exist."), code="unknown_invoice")
    return found


def get_invoice_by_number(number: str) -> Invoice:
    """Raises DomainError when no invoice or credit note has that number."""
    found = Invoice.objects.select_related("customer").filter(number=number.strip()).first()
    if found is None:
        raise DomainError(_("No invoice has the number %s.") % number, code="unknown_invoice", field="number")
    return found


def get_installment(identifier: UUID) -> Installment:
    """With its invoice and customer. Raises DomainError when it does not exist here."""
    found = Installment.objects.select_related("invoice", "customer").filter(pk=identifier).first()
    if found is None:
        raise DomainError(_("This instalment does not exist."), code="unknown_installment")
    return found


def get_payment(identifier: UUID) -> Payment:
    """With its customer. Raises DomainError when it does not exist here."""
    found = Payment.objects.select_related("customer").filter(pk=identifier).first()
    if found is None:
        raise DomainError(_("This payment does not exist."), code="unknown_payment")
    return found


def open_items(*, customer_ids: Collection[UUID] | None = None) -> QuerySet[Installment]:
    """Items with something left to pay, the oldest due first, with their invoice and customer."""
    found = Installment.objects.select_related("invoice", "customer").filter(outstanding__gt=0)
    if customer_ids is not None:
        found = found.filter(customer__in=customer_ids)
    return found.order_by("due_on", "pk")


def items_with_invoice(ids: Collection[UUID]) -> list[Installment]:
    """These items, open or not, with their invoice and customer, in no order."""
    return list(Installment.objects.select_related("invoice", "customer").filter(pk__in=list(ids)))


def list_items(
    *, query: str = "", today: date, overdue: bool | None = None, customer_ids: Collection[UUID] | None = None, settled: bool = False
) -> QuerySet[Installment]:
    """Items for a list: open ones (or `settled` ones), of these customers, overdue or not; `query` as in `search_invoices`."""
    found = Installment.objects.select_related("invoice", "customer").filter(invoice__state=InvoiceState.ISSUED)
    found = found.filter(outstanding=0) if settled else found.filter(outstanding__gt=0)
    if customer_ids is not None:
        found = found.filter(customer__in=customer_ids)
    if overdue is not None:
        found = found.filter(due_on__lt=today) if overdue else found.filter(due_on__gte=today)
    if query.strip():
        found = found.filter(items_found(query))
    return found.order_by("due_on", "pk")


def items_found(query: str) -> Q:
    """The condition of the items that `search_invoices` would find, however many they are."""
    named = Installment.objects.filter(invoice__in=search.find(kind="invoice", query=query)).values("pk")
    theirs = Installment.objects.filter(customer__in=search.find(kind="customer", query=query)).values("pk")
    return Q(pk__in=named.union(theirs))  # each by its own index: of both in one condition PostgreSQL reads every item


def search_invoices(*, query: str, limit: int = 50) -> list[Invoice]:
    """Invoices and credit notes by number (with or without separators, or its last figures), order number or amount, or by customer."""
    named = Invoice.objects.filter(pk__in=search.find(kind="invoice", query=query)).values("pk")
    theirs = Invoice.objects.filter(customer__in=search.find(kind="customer", query=query)).values("pk")
    found = Invoice.objects.select_related("customer").filter(pk__in=named.union(theirs))
    return list(found.order_by("-issued_on", "-pk")[:limit])


def residues() -> list[Installment]:
    """Partly settled items with next to nothing left: listed, never escalated, proposed for write-off (rule 1)."""
    profile = get_profile()
    share = F("amount") * profile.residue_percent / 100 + Decimal("0.01")  # `is_residue` rounds
    found = Installment.objects.filter(outstanding__gt=0, outstanding__lt=F("amount"))
    few = list(found.filter(outstanding__lte=Greatest(Value(profile.residue_amount), share)).values_list("pk", flat=True))
    candidates = open_items().filter(pk__in=few) if few else ()
    return [item for item in candidates if is_residue(item.amount, item.outstanding, item.invoice.currency, profile)]


def is_residue(amount: Decimal, outstanding: Decimal, currency: str, profile: OrganizationProfile) -> bool:
    """Whether a *partly settled* item has at most max(15, 1 % of its amount) left, by the organization's figures (rule 1)."""
    if not _NOTHING < outstanding < amount:
        return False
    return outstanding <= max(profile.residue_amount, quantize(amount * profile.residue_percent / 100, currency))


def chased_amount(
    *,
    outstanding: Decimal,
    disputed: Decimal = _NOTHING,
    promise: Decimal = _NOTHING,
    paid_since: Decimal = _NOTHING,
    awaited: Decimal = _NOTHING,
    promise_share_percent: int = 80,
) -> Decimal:
    """max(0, outstanding − open disputed − promised − credit note awaited) (rule 7).

    `promise` is the amount of the running promise, `paid_since` what came in after it was made. A promise of at least the share of what
    was open then holds the whole item; a smaller one holds what is left of its own amount.
    """
    if promise and promise * 100 >= (outstanding + paid_since) * promise_share_percent:
        return _NOTHING
    return max(_NOTHING, outstanding - disputed - max(_NOTHING, promise - paid_since) - awaited)


def view_items(installments: Iterable[Installment], *, today: date) -> list[ItemView]:
    """The items, their `invoice` loaded, with their disputes, promises and running pauses, in five queries whatever their number."""
    items = list(installments)
    ids = [item.pk for item in items]
    profile = get_profile()
    disputes = {row.installment_id: row for row in read_rows(Dispute, _DISPUTES, [ids])}
    promises = {row.installment_id: row for row in read_rows(Promise, _PROMISES, [ids])}
    held: dict[UUID, list[Hold]] = {}
    for hold in read_rows(Hold, _HOLDS, {"ids": ids, "today": today}):
        if hold.installment_id is not None:
            held.setdefault(hold.installment_id, []).append(hold)
    calendar = get_calendar(profile)
    running = {
        identifier: promise
        for identifier, promise in promises.items()
        if today <= calendar.add_business_days(promise.promised_for, profile.promise_tolerance_days)
    }
    paid = _paid_since(running)
    return [
        _view(
            item,
            disputes.get(item.pk),
            running.get(item.pk),
            paid.get(item.pk, _NOTHING),
            held.get(item.pk, []),
            profile,
            today,
        )
        for item in items
    ]


def running_holds(*, today: date) -> QuerySet[Hold]:
    """Pauses that still count: not released, begun, and not past their end - unless they wait for us (rule 7)."""
    found = Hold.objects.filter(Q(ends_on__gte=today) | Q(side=HoldSide.OURS), released_on=None, starts_on__lte=today)
    return found.order_by("ends_on", "pk")


def coverage_through() -> date | None:
    """The day through which receipts are known to be complete (rule 8), as last stated; None when nobody ever said."""
    return LedgerCoverage.objects.order_by("-certified_at", "-pk").values_list("through", flat=True).first()


def _paid_since(promises: Mapping[UUID, Promise]) -> dict[UUID, Decimal]:
    """What was received on each promised item since its promise was made."""
    paid: dict[UUID, Decimal] = {}
    parts = Allocation.objects.filter(installment__in=promises, payment__isnull=False, reversed_at=None) if promises else ()
    for part in parts:
        if part.value_on >= promises[part.installment_id].made_on:
            paid[part.installment_id] = paid.get(part.installment_id, _NOTHING) + part.amount
    return paid


def _view(
    item: Installment,
    dispute: Dispute | None,
    promise: Promise | None,
    paid_since: Decimal,
    holds: Sequence[Hold],
    profile: OrganizationProfile,
    today: date,
) -> ItemView:
    days = (today - item.due_on).days
    disputed = _NOTHING if dispute is None else min(dispute.amount or item.outstanding, item.outstanding)
    promised = promise.amount if promise is not None else _NOTHING
    awaited = sum((hold.amount for hold in holds if hold.kind == HoldKind.CREDIT_NOTE_PENDING and hold.amount), _NOTHING)
    return ItemView(
        installment=item,
        days_late=days,
        bucket=bucket_of(days),
        disputed=disputed,
        promised=min(max(_NOTHING, promised - paid_since), item.outstanding),
        awaited=awaited,
        chased=chased_amount(
            outstanding=item.outstanding,
            disputed=disputed,
            promise=promised,
            paid_since=paid_since,
            awaited=awaited,
            promise_share_percent=profile.promise_share_percent,
        ),
        residue=is_residue(item.amount, item.outstanding, item.invoice.currency, profile),
        dispute=dispute,
        promise=promise,
        holds=tuple(holds),
    )


def unallocated_credits(customer_ids: Collection[UUID]) -> tuple[list[Payment], list[Invoice]]:
    """Receipts on account and credit notes of these customers that are set against nothing yet, oldest first."""
    if not credit_sums(customer_ids):  # most have none, and one quick question says so
        return [], []
    payments = Payment.objects.filter(customer__in=customer_ids, unallocated__gt=0, cancelled_at=None).order_by("received_on", "pk")
    notes = Invoice.objects.filter(
        customer__in=customer_ids, kind=InvoiceKind.CREDIT_NOTE, state=InvoiceState.ISSUED, unallocated__gt=0
    ).order_by("issued_on", "pk")
    return list(payments), list(notes)


def credit_sums(customer_ids: Collection[UUID]) -> dict[str, Decimal]:
    """What `unallocated_credits` come to, by currency."""
    with connection.cursor() as cursor:
        ask(cursor, _CREDITS, {"ids": list(customer_ids)})
        return dict(cursor.fetchall())


def open_requests() -> QuerySet[HoldRequest]:
    """Pauses that were asked for and wait for an answer, the oldest first."""
    rows = HoldRequest.objects.select_related("customer", "installment__invoice").filter(state=HoldRequestState.OPEN)
    return rows.order_by("requested_on", "pk")


def requests_of(actor: str, *, since: date) -> list[HoldRequest]:
    """What somebody asked for: everything that waits, and what was answered since that day; the latest first."""
    rows = HoldRequest.objects.select_related("customer", "installment__invoice").filter(requested_by=actor)
    return list(rows.filter(Q(state=HoldRequestState.OPEN) | Q(answered_on__gte=since)).order_by("-requested_on", "-pk"))


def open_disputes() -> list[Dispute]:
    """Open disputes about something still owed, with what each is about, the earliest answer due first."""
    rows = Dispute.objects.select_related("installment__invoice", "customer", "owner").filter(state=DisputeState.OPEN)
    return list(rows.filter(installment__outstanding__gt=0).order_by("answer_due_on", "pk"))
