"""Amounts given up, by a person or by the organization's tolerance, and asked for again."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Max, Sum
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.selectors import get_profile
from invoices.enums import DisputeState, InvoiceState, WriteOffKind
from invoices.models import Allocation, Dispute, Installment, WriteOff
from invoices.services import judging
from invoices.services.balances import announce, refresh
from invoices.services.drafts import check_amount
from invoices.services.locks import lock_items

AUTOMATIC = "system"
SMALL_PART = Decimal("0.1")
"""Of an item, beyond which what is left is no small difference, whatever the tolerance: somebody paid half of a small invoice."""


def write_off(
    *,
    installment: Installment,
    reason: str,
    amount: Decimal | None = None,
    kind: str = WriteOffKind.OTHER,
    limit: Decimal | None = None,
    actor: str,
    today: date,
    now: datetime,
) -> WriteOff:
    """Give up what is left of an item, or `amount` of it, with a kind and a reason.

    `limit` is the most that people may have given up of the item altogether, None for any amount. Raises DomainError above what is left or
    above the limit.
    """
    if not reason.strip():
        raise DomainError(_("Say why this amount is given up."), code="required", field="reason")
    if kind not in WriteOffKind.values:
        raise DomainError(_("Say what kind of loss this is."), code="bad_kind", field="kind")
    item = lock_items([installment.pk]).installment(installment.pk)
    given_up = item.outstanding if amount is None else amount
    if given_up > item.outstanding or given_up <= 0:
        raise DomainError(_("No more than what is left to pay can be given up."), code="bad_amount", field="amount")
    check_amount(given_up, item.invoice.currency)
    if limit is not None:
        before = WriteOff.objects.filter(installment=item, reversed_at=None, is_automatic=False).aggregate(sum=Sum("amount"))["sum"]
        if given_up + (before or 0) > limit:
            raise DomainError(
                _("This is more than your role may give up of one invoice. Ask an owner or administrator of your organization."),
                code="above_limit",
                field="amount",
            )
    row = WriteOff.objects.create(
        installment=item, amount=given_up, kind=kind, reason=reason.strip()[:200], actor=actor, written_off_on=today
    )
    balances = refresh({item.pk: item})
    installment.outstanding, installment.settled_on = item.outstanding, item.settled_on
    judging.judge([item.pk], actor=actor, today=today, now=now)
    body = {"item": str(item.pk), "amount": str(given_up), "kind": str(kind), "reason": reason}
    audit.record(actor=actor, action="item.written_off", target=row, body=body, now=now)
    announce(balances, reason="written_off", today=today, now=now)
    return row


def reverse_write_off(*, row: WriteOff, reason: str, actor: str, today: date, now: datetime) -> None:
    """The amount is owed after all. Nothing happens when it was reversed already."""
    if not reason.strip():
        raise DomainError(_("Say why this amount is owed again."), code="required", field="reason")
    item = lock_items([row.installment_id]).installment(row.installment_id)
    if item.invoice.state == InvoiceState.CANCELLED:
        raise DomainError(_("The invoice was cancelled."), code="cancelled")
    told = {"reversed_at": now, "reversed_by": actor, "reversed_reason": reason.strip()[:300]}
    if not WriteOff.objects.filter(pk=row.pk, reversed_at=None).update(**told):
        return
    row.reversed_at = now
    balances = refresh({item.pk: item})
    audit.record(actor=actor, action="write_off.reversed", target=row, body={"amount": str(row.amount), "reason": reason}, now=now)
    announce(balances, reason="write_off_reversed", today=today, now=now)


def close_small_differences(items: Mapping[UUID, Installment], *, now: datetime) -> list[WriteOff]:
    """Give up what a payment or credit note left of these locked items, where it is within the organization's tolerance.

    Their `outstanding` is what the allocation left; balances are not refreshed here. No difference is more than a tenth of its item. An
    item in dispute is left to who answers it, and one whose small amount a person asked for again stays open. It is given up on the value
    date of what left it: a payment that came in time makes no invoice late, whatever day it is entered.
    """
    small = [item for item in items.values() if 0 < item.outstanding < item.amount]
    tolerance = get_profile().tolerance_amount if small else Decimal(0)
    small = [item for item in small if item.outstanding <= min(tolerance, item.amount * SMALL_PART)]
    if not small:
        return []
    ids = [item.pk for item in small]
    kept = set(Dispute.objects.filter(installment__in=ids, state=DisputeState.OPEN).values_list("installment_id", flat=True))
    again = WriteOff.objects.filter(installment__in=ids, is_automatic=True, reversed_at__isnull=False).exclude(reversed_by=AUTOMATIC)
    kept |= set(again.values_list("installment_id", flat=True))
    settling = Allocation.objects.filter(installment__in=ids, reversed_at=None).values("installment_id")
    valued = dict(settling.annotate(last_on=Max("value_on")).values_list("installment_id", "last_on"))
    rows = [
        WriteOff(
            installment=item,
            amount=item.outstanding,
            kind=WriteOffKind.SMALL_DIFFERENCE,
            reason=_("Within the tolerance of %s") % tolerance,
            actor=AUTOMATIC,
            is_automatic=True,
            written_off_on=valued[item.pk],
        )
        for item in small
        if item.pk not in kept
    ]
    WriteOff.objects.bulk_create(rows)
    if rows:
        parts = [[str(row.installment_id), str(row.amount)] for row in rows]
        body = {
            "automatic": True,
            "tolerance": str(tolerance),
            "items": parts if len(parts) <= 20 else len(parts),
            "digest": audit.digest(parts),
        }
        audit.record(actor=AUTOMATIC, action="items.written_off", body=body, now=now)
    return rows


def reopen_small_differences(item_ids: Iterable[UUID], *, actor: str, now: datetime) -> int:
    """Money was taken back from these locked items: what the tolerance closed is owed again; balances are not refreshed."""
    rows = WriteOff.objects.filter(installment__in=list(item_ids), is_automatic=True, reversed_at=None)
    ids = sorted(str(pk) for pk in rows.values_list("pk", flat=True))
    if ids:
        rows.update(reversed_at=now, reversed_by=AUTOMATIC, reversed_reason=_("What was paid on it was taken back"))
        audit.record(
            actor=actor, action="write_offs.reversed", body={"automatic": True, "count": len(ids), "digest": audit.digest(ids)}, now=now
        )
    return len(ids)
