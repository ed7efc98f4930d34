"""What becomes of the accessory of an invoice - its penalties and fixed sum: billed apart, or waived with a reason (rule 1)."""

from datetime import date, datetime

from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from invoices.models import Invoice
from invoices.services.balances import announce_change, tell_changed
from invoices.services.locks import lock_items

_FIELDS = ("penalties_waived_at", "penalties_waived_reason", "penalties_invoiced_on", "penalties_invoice_number")


def waive_penalties(*, invoice: Invoice, reason: str, actor: str, today: date, now: datetime) -> None:
    """Give up the penalties and the fixed sum of one invoice, with a reason; the principal stays owed."""
    if not reason.strip():
        raise DomainError(_("Say why the penalties are waived."), code="required", field="reason")
    values = {"penalties_waived_at": now, "penalties_waived_reason": reason.strip()[:200]}
    _decide(invoice, "invoice.penalties_waived", {"reason": reason}, values, actor=actor, today=today, now=now)


def note_penalties_invoiced(*, invoice: Invoice, number: str, on: date, actor: str, today: date, now: datetime) -> None:
    """They were billed by an invoice of their own, of that number and day. Raises DomainError without a number, or for a day to come."""
    if not number.strip():
        raise DomainError(_("Write the number of the invoice that bills them."), code="required", field="number")
    if not invoice.issued_on <= on <= today:
        raise DomainError(_("A day between the invoice itself and today."), code="bad_date", field="on")
    values = {"penalties_invoiced_on": on, "penalties_invoice_number": number.strip()[:60]}
    _decide(invoice, "invoice.penalties_invoiced", {"number": number, "on": on}, values, actor=actor, today=today, now=now)


def claim_penalties_again(*, invoice: Invoice, reason: str, actor: str, today: date, now: datetime) -> None:
    """Take back that they were waived or billed apart, with a reason; nothing happens where they were neither."""
    if not reason.strip():
        raise DomainError(_("Say why they are due again."), code="required", field="reason")
    if invoice.penalties_waived_at is None and invoice.penalties_invoiced_on is None:
        return
    _decide(invoice, "invoice.penalties_due_again", {"reason": reason}, {}, actor=actor, today=today, now=now)


def _decide(
    invoice: Invoice, action: str, body: dict[str, object], values: dict[str, object], *, actor: str, today: date, now: datetime
) -> None:
    """The last word replaces an earlier one, which the audit trail keeps."""
    locked = lock_items(invoice_ids=[invoice.pk])
    row = locked.invoices[invoice.pk]
    blank = {"penalties_waived_at": None, "penalties_waived_reason": "", "penalties_invoiced_on": None, "penalties_invoice_number": ""}
    for name, value in {**blank, **values}.items():
        setattr(row, name, value)
        setattr(invoice, name, value)
    row.save(update_fields=[*_FIELDS, "updated_at"])
    audit.record(actor=actor, action=action, target=row, body=body, now=now)
    tell_changed([row.pk], ["penalties"], now=now)
    parts = [part.pk for part in locked.installments.values() if part.invoice_id == row.pk]
    announce_change(parts, reason="penalties", today=today, now=now)
