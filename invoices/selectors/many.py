"""What a choice of many items amounts to, told before anything is done with it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from invoices.enums import HoldKind, HoldSide, InvoiceState
from invoices.models import Hold, Installment


@dataclass(frozen=True, slots=True)
class Part:
    """Items, their customers, and what is left to pay by currency."""

    items: int
    customers: int
    amounts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Choice:
    """`free` would be paused, `paused` are already, each by itself; on `rest` nothing is left to pay."""

    free: Part
    paused: Part
    rest: int


def weigh(installment_ids: Collection[UUID], *, today: date) -> Choice:
    """In five queries, whatever their number."""
    rows = Installment.objects.filter(pk__in=installment_ids)
    open_ = rows.filter(outstanding__gt=0, invoice__state=InvoiceState.ISSUED)
    running = Exists(Hold.objects.filter(installment=OuterRef("pk"), released_on=None, ends_on__gte=today))
    free, paused = _part(open_.exclude(running)), _part(open_.filter(running))
    return Choice(free, paused, len(set(installment_ids)) - free.items - paused.items)


def weigh_paused(installment_ids: Collection[UUID]) -> Part:
    """Those whose own pauses can be ended: not the ones that stand for a payment plan."""
    agreed = Q(kind=HoldKind.AGREED_INSTALMENTS)
    running = Exists(Hold.objects.filter(installment=OuterRef("pk"), released_on=None).exclude(agreed))
    return _part(Installment.objects.filter(running, pk__in=installment_ids))


def weigh_unreceived(installment_ids: Collection[UUID]) -> Part:
    """Those whose receipt nobody noted yet."""
    return _part(unreceived(installment_ids))


def unreceived(installment_ids: Collection[UUID]) -> QuerySet[Installment]:
    """The same, as rows with their invoices."""
    rows = Installment.objects.select_related("invoice").filter(pk__in=installment_ids)
    return rows.filter(invoice__received_at=None, invoice__state=InvoiceState.ISSUED)


def over_holds(installment_ids: Collection[UUID], *, today: date) -> dict[UUID, str]:
    """Those whose ended pauses cannot run again: "settled" when nothing is left to pay, "paused" when another pause runs."""
    running = Q(side=HoldSide.OURS) | Q(ends_on__gte=today)
    held = Hold.objects.filter(running, installment__in=installment_ids, released_on=None).values_list("installment_id", flat=True)
    open_ = Installment.objects.filter(pk__in=installment_ids, outstanding__gt=0, invoice__state=InvoiceState.ISSUED)
    still = set(open_.values_list("pk", flat=True))
    return {pk: "paused" for pk in held if pk is not None} | {pk: "settled" for pk in installment_ids if pk not in still}


def part_of_customers(customer_ids: Collection[UUID]) -> Part:
    """The open items of these customers."""
    return _part(Installment.objects.filter(customer__in=customer_ids, outstanding__gt=0, invoice__state=InvoiceState.ISSUED))


def _part(rows: QuerySet[Installment]) -> Part:
    counts = rows.order_by().aggregate(items=Count("pk"), customers=Count("customer", distinct=True))
    amounts = rows.order_by().values_list("invoice__currency").annotate(total=Sum("outstanding")).order_by("invoice__currency")
    return Part(counts["items"], counts["customers"], {currency: total for currency, total in amounts if total})
