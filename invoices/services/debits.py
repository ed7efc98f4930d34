"""Customers whose invoices are collected by direct debit."""

from collections.abc import Collection
from datetime import date, datetime

from django.db.models import F

from customers.models import Customer
from customers.services import update_customers
from dunning.core import audit
from invoices.enums import PaymentMeans
from invoices.models import Installment
from invoices.services.balances import announce_change
from invoices.services.locks import lock_items


def collect_by_debit(*, customers: Collection[Customer], actor: str, today: date, now: datetime) -> int:
    """These customers pay by direct debit: their open items are collected on their due dates, and not chased before (rule 1).

    What is overdue already was not collected, and stays as it is, as does what a collection of another day holds. How many customers really
    changed.
    """
    changes = [(customer, {"payment_means": PaymentMeans.DIRECT_DEBIT.value}) for customer in customers]
    changed = update_customers(changes=changes, actor=actor, today=today, now=now)  # type: ignore[arg-type]  # a TypedDict of one field
    items = lock_items(customer_ids=[customer.pk for customer in customers], open_items=True).installments
    Installment.objects.filter(pk__in=items).update(means=PaymentMeans.DIRECT_DEBIT)
    coming = [item.pk for item in items.values() if item.due_on >= today]
    Installment.objects.filter(pk__in=coming, collection_on=None).update(collection_on=F("due_on"))
    body = {"customers": changed, "items": len(items), "coming": len(coming), "digest": audit.digest(sorted(map(str, items)))}
    audit.record(actor=actor, action="items.collected_by_debit", body=body, now=now)
    announce_change(sorted(items), reason="collection", today=today, now=now)
    return changed


def end_debits(*, customer: Customer, actor: str, today: date, now: datetime) -> None:
    """This customer no longer pays by direct debit: what was still to be collected on its due date is reminded of like a transfer again.

    What a collection of another day holds was given to the bank, and waits for that day.
    """
    update_customers(changes=[(customer, {"payment_means": PaymentMeans.TRANSFER.value})], actor=actor, today=today, now=now)
    locked = lock_items(customer_ids=[customer.pk], open_items=True).installments
    items = sorted(pk for pk, item in locked.items() if item.means == PaymentMeans.DIRECT_DEBIT)
    Installment.objects.filter(pk__in=items).update(means=PaymentMeans.TRANSFER)
    Installment.objects.filter(pk__in=items, collection_on=F("due_on"), due_on__gte=today).update(collection_on=None)
    audit.record(actor=actor, action="items.debits_ended", body={"items": len(items), "digest": audit.digest(items)}, now=now)
    announce_change(items, reason="collection", today=today, now=now)
