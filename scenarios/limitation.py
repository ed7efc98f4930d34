"""Claims about to be barred: which they are, and who is told (docs/domain.md, "Limitation")."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Coalesce

from customers.enums import CustomerKind
from dunning.core.enums import WRITTEN_CHANNELS, Phase
from dunning.core.models import OrganizationProfile
from invoices.enums import InvoiceState
from invoices.limitation import last_safe_day, mark_reached
from invoices.models import Installment, PaymentPlanItem
from scenarios import effects
from scenarios.enums import ActionState, TaskKind, TaskState
from scenarios.models import Action, Task

LOOKED_AT: Final = timedelta(days=364)
"""What was supplied more recently is more than a year from its end: the shortest period is two years."""


@dataclass(frozen=True, slots=True)
class Ending:
    """An open item a year at most from its limitation: `last_day` is the last safe one, `mark` the months of it that are left."""

    item: Installment
    last_day: date
    mark: int


def ending_items(*, profile: OrganizationProfile, today: date, items: Collection[UUID] | None = None) -> list[Ending]:
    """Overdue items near the end of their limitation, of these or of all, the nearest first.

    None where another law than the French holds; none in proceedings, where the claim is declared. What is not due yet cannot be barred
    (C. civ. 2233).
    """
    if profile.country != "FR":
        return []
    rows = Installment.objects.select_related("invoice", "customer").filter(outstanding__gt=0, due_on__lt=today)
    rows = rows.alias(supplied_on=Coalesce("invoice__delivered_on", "invoice__issued_on")).filter(supplied_on__lte=today - LOOKED_AT)
    rows = rows.filter(invoice__state=InvoiceState.ISSUED, customer__insolvency_opened_on=None)
    found = list(rows if items is None else rows.filter(pk__in=list(items)))
    acknowledged, asked = _acknowledged(found), _asked(found)
    ending = []
    for item in found:
        last_day = last_safe_day(
            CustomerKind(item.customer.kind),
            supplied_on=item.invoice.delivered_on or item.invoice.issued_on,
            acknowledged_on=acknowledged.get(item.pk),
            asked_on=asked.get(item.pk),
        )
        mark = mark_reached(last_day, today=today)
        if mark is not None:
            ending.append(Ending(item, last_day, mark))
    return sorted(ending, key=lambda one: (one.last_day, one.item.pk))


def _acknowledged(items: Sequence[Installment]) -> dict[UUID, date]:
    """The last day on which the debtor signed an agreement about each."""
    signed = PaymentPlanItem.objects.filter(installment__in=[item.pk for item in items]).order_by()
    return dict(signed.values("installment").annotate(on=Max("plan__agreed_on")).values_list("installment", "on"))


def _asked(items: Sequence[Installment]) -> dict[UUID, date]:
    """The last day on which a public body was asked in writing for each."""
    public = [item.pk for item in items if item.customer.kind == CustomerKind.PUBLIC]
    if not public:
        return {}
    written = Action.objects.filter(installment__in=public, state=ActionState.DONE, phase__gt=Phase.SERVICE, channel__in=WRITTEN_CHANNELS)
    return dict(written.order_by().values("installment").annotate(on=Max("done_on")).values_list("installment", "on"))


def open_limitation_tasks(*, profile: OrganizationProfile, today: date, now: datetime) -> int:
    """One open task for each customer of whom a claim is about to be barred, due on its last safe day; told anew at six and three months.

    Returns how many were opened. It is over when nothing of the customer's is near its end any more.
    """
    by_customer: dict[UUID, list[Ending]] = {}
    for ending in ending_items(profile=profile, today=today):
        by_customer.setdefault(ending.item.customer_id, []).append(ending)
    running = {task.customer_id: task for task in Task.objects.filter(kind=TaskKind.LIMITATION, state=TaskState.OPEN)}
    over = [task for customer_id, task in running.items() if customer_id not in by_customer]
    effects.close_tasks(over, state=TaskState.CANCELLED, outcome="settled", actor="system", now=now)
    opened = 0
    for customer_id, endings in by_customer.items():
        first = endings[0]
        mine = [ending.item for ending in endings if ending.item.currency == first.item.currency]
        fields = {"due_on": first.last_day, "amount": sum((item.outstanding for item in mine), Decimal(0)), "currency": first.item.currency}
        key = f"{TaskKind.LIMITATION}:{customer_id}:{first.last_day}:{first.mark}"
        known = running.get(customer_id)
        if known is None:
            opened += (
                effects.open_once(kind=TaskKind.LIMITATION, key=key, today=today, now=now, customer_id=customer_id, **fields) is not None
            )
        elif known.key != key:
            Task.objects.filter(pk=known.pk).update(key=key, alerted_on=today, **fields)
    return opened
