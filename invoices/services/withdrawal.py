"""Receipts taken back as if they had never come: a load of them was a mistake."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from dunning.core import audit, events
from invoices.models import Allocation, Payment
from invoices.services import judging
from invoices.services.balances import announce, announce_credit, refresh
from invoices.services.locks import lock_items
from invoices.services.write_offs import reopen_small_differences

_PORTION = 500


def withdraw_payments(*, payment_ids: Collection[UUID], reason: str, actor: str, today: date, now: datetime) -> None:
    """Cancel receipts; what they had settled is owed again, and their references are free for a corrected file.

    One audit event for each portion of 500. Receipts cancelled already are left as they are.
    """
    ids = sorted(payment_ids)
    for start in range(0, len(ids), _PORTION):
        _withdraw(ids[start : start + _PORTION], reason, actor=actor, today=today, now=now)


def _withdraw(ids: list[UUID], reason: str, *, actor: str, today: date, now: datetime) -> None:
    owners = set(Payment.objects.filter(pk__in=ids, customer__isnull=False).values_list("customer_id", flat=True))
    settled = Allocation.objects.filter(payment__in=ids, reversed_at=None)
    locked = lock_items(settled.values_list("installment_id", flat=True), customer_ids={pk for pk in owners if pk is not None})
    rows = list(Payment.objects.select_for_update(no_key=True).filter(pk__in=ids, cancelled_at=None).order_by("pk"))
    parts = list(Allocation.objects.filter(payment__in=[row.pk for row in rows], reversed_at=None))
    Allocation.objects.filter(pk__in=[part.pk for part in parts]).update(reversed_at=now)
    references = [row.external_reference for row in rows]
    for row in rows:
        row.cancelled_at, row.cancelled_reason, row.unallocated = now, reason[:200], Decimal(0)
        row.external_reference = f"withdrawn-{row.pk}"
    Payment.objects.bulk_update(rows, ["cancelled_at", "cancelled_reason", "unallocated", "external_reference"])
    freed = {part.installment_id: locked.installment(part.installment_id) for part in parts}
    reopen_small_differences(freed, actor=actor, now=now)
    balances = refresh(freed)
    body = {"count": len(rows), "reason": reason, "digest": audit.digest(references)}
    audit.record(actor=actor, action="payments.withdrawn", body=body, now=now)
    events.emit(type="payment.cancelled", object_type="payment", object_ids=[row.pk for row in rows], now=now)
    judging.judge(freed, actor=actor, today=today, now=now)
    announce(balances, reason="payment_cancelled", today=today, now=now)
    announce_credit(locked.customers, today=today, now=now)
