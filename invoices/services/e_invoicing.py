"""Lifecycle statuses of the French e-invoicing reform and what each does to an invoice (docs/domain.md, "Lifecycle statuses")."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.selectors import get_calendar, get_profile
from invoices.enums import (
    E_INVOICE_ACCEPTED,
    E_INVOICE_RECEIVED,
    ActKind,
    ActSource,
    DisputeReason,
    DisputeState,
    EInvoiceStatus,
    HoldKind,
)
from invoices.models import Dispute, Hold, Installment, Invoice
from invoices.services import acts, disputes, holds
from invoices.services.balances import announce_change
from invoices.services.locks import lock_items

PAYMENT_ANNOUNCED_DAYS = 5
"""Business days during which status 211 ("payment sent") is believed."""
_ON_THE_WAY = ("200", "201", "202", "203")


def record_e_invoice_status(
    *,
    invoice: Invoice,
    status: str,
    reason: str = "",
    text: str = "",
    contested_amount: Decimal | None = None,
    actor: str,
    today: date,
    now: datetime,
) -> bool:
    """Record a lifecycle status and what follows from it; whether it was news.

    201-206 and later ones prove receipt, 205 acceptance; 206 opens a dispute on `contested_amount`, 207 on the whole invoice; 208 pauses
    on our side until 209; 211 pauses for five business days; 210 and 213 stop the plan. The same status again, and an early one (200-203)
    after a later one, change nothing: platforms repeat themselves and messages overtake each other. Raises DomainError for an unknown code,
    or 206 without an amount.
    """
    if not status or status not in EInvoiceStatus.values:
        raise DomainError(_("“%s” is not a lifecycle status this product knows.") % status, code="bad_status", field="status")
    if status == EInvoiceStatus.PARTLY_APPROVED and contested_amount is None:
        raise DomainError(_("A partial approval names the amount that was not approved."), code="required", field="contested_amount")
    locked = lock_items(invoice_ids=[invoice.pk])
    row = locked.invoices[invoice.pk]
    before = str(row.e_invoice_status)
    if status == before or (status in _ON_THE_WAY and before and status < before):
        return False
    row.e_invoice_status = status
    if status == EInvoiceStatus.DEPOSITED or row.deposited_on is None:
        row.deposited_on = row.deposited_on or today
    row.save(update_fields=["e_invoice_status", "deposited_on", "updated_at"])
    items = [item for item in locked.installments.values() if item.invoice_id == row.pk and item.outstanding > 0]
    if status in E_INVOICE_ACCEPTED:
        acts.record_platform_answer(row, ActKind.ACCEPTED, locked, actor=actor, now=now)
    elif status in E_INVOICE_RECEIVED and row.received_at is None:
        acts.record_platform_answer(row, ActKind.RECEIVED, locked, actor=actor, now=now)
    body = {"before": before, "after": str(status), "reason": reason, "text": text}
    audit.record(actor=actor, action="invoice.e_invoice_status", target=row, body=body, now=now)
    told = {"before": before, "after": str(status), "reason": reason}
    events.emit(type="invoice.e_invoice_status", object_type="invoice", object_ids=[row.pk], now=now, payload=told)
    _follow(str(status), items, reason, text, contested_amount, actor=actor, today=today, now=now)
    for name in ("e_invoice_status", "deposited_on", "received_at", "accepted_at", "not_received_at"):
        setattr(invoice, name, getattr(row, name))
    announce_change([item.pk for item in items], reason="e_invoice_status", today=today, now=now)
    return True


def _follow(
    status: str,
    items: list[Installment],
    reason: str,
    text: str,
    contested_amount: Decimal | None,
    *,
    actor: str,
    today: date,
    now: datetime,
) -> None:
    if status in (EInvoiceStatus.DISPUTED, EInvoiceStatus.PARTLY_APPROVED):
        _contest(items, reason, text, contested_amount, actor=actor, today=today, now=now)
    elif status == EInvoiceStatus.SUSPENDED:
        until = today + timedelta(days=holds.LONGEST_DAYS)
        _pause(items, HoldKind.E_INVOICE_SUSPENDED, until, reason or text, actor=actor, today=today, now=now)
    elif status == EInvoiceStatus.PAYMENT_SENT:
        until = get_calendar(get_profile()).add_business_days(today, PAYMENT_ANNOUNCED_DAYS)
        _pause(items, HoldKind.PAYMENT_ANNOUNCED, until, reason or text, actor=actor, today=today, now=now)
    elif status in (EInvoiceStatus.COMPLETED, EInvoiceStatus.APPROVED, EInvoiceStatus.TAKEN_IN_CHARGE):
        holds.release_matching(
            [item.pk for item in items],
            kinds=[HoldKind.E_INVOICE_SUSPENDED],
            reason=_("Completed on the platform."),
            actor=actor,
            today=today,
            now=now,
        )


def _contest(items: list[Installment], reason: str, text: str, amount: Decimal | None, *, actor: str, today: date, now: datetime) -> None:
    """One dispute for each open instalment not contested yet; an amount is spread over them, the last due first."""
    left = amount
    taken = set(Dispute.objects.filter(installment__in=items, state=DisputeState.OPEN).values_list("installment_id", flat=True))
    code = reason if reason in DisputeReason.values else DisputeReason.OTHER
    for item in sorted(items, key=lambda item: (item.due_on, item.position), reverse=True):
        share = None if left is None else min(left, item.outstanding)
        if item.pk in taken or share == 0:
            continue
        disputes.open_dispute(
            installment=item, reason=code, amount=share, text=text, source=ActSource.PLATFORM, actor=actor, today=today, now=now
        )
        left = None if left is None or share is None else left - share


def _pause(items: list[Installment], kind: HoldKind, until: date, why: str, *, actor: str, today: date, now: datetime) -> None:
    running = set(Hold.objects.filter(installment__in=items, kind=kind, released_on=None).values_list("installment_id", flat=True))
    pauses = [
        Hold(
            customer=item.customer,
            installment=item,
            side=holds.SIDES[kind],
            kind=kind,
            starts_on=today,
            ends_on=until,
            reason=(why.strip() or str(kind.label))[:300],
            requested_by=actor,
        )
        for item in items
        if item.pk not in running
    ]
    holds.add_holds(pauses, actor=actor, today=today, now=now)
