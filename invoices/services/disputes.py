"""Disputes: a whole item or an amount of it is contested (rule 7)."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from customers.models import Contact
from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.models import User
from dunning.core.selectors import get_calendar, get_profile
from invoices.enums import ActKind, ActSource, DisputeReason, DisputeState, HoldKind, HoldSide
from invoices.models import Declaration, Dispute, Hold, Installment
from invoices.services import holds
from invoices.services.acts import Voice, replay, write_act
from invoices.services.balances import announce_change
from invoices.services.drafts import check_amount
from invoices.services.locks import lock_item

ANSWER_DAYS = 5
"""Business days within which an answer is announced, unless another date is given."""


def open_dispute(
    *,
    installment: Installment,
    reason: str,
    amount: Decimal | None = None,
    text: str = "",
    owner: User | None = None,
    answer_due_on: date | None = None,
    source: str = ActSource.STAFF,
    contact: Contact | None = None,
    declaration: Declaration | None = None,
    actor: str,
    today: date,
    now: datetime,
) -> Dispute:
    """The customer contests an item, whole (`amount` None) or in part; `owner` answers by `answer_due_on` (5 business days by default).

    Raises DomainError for an unknown reason, a settled item, an amount above what is left, an answer in the past, or while a dispute is
    open on the item.
    """
    if reason not in DisputeReason.values:
        raise DomainError(_("Say what is contested."), code="bad_reason", field="reason")
    item = lock_item(installment)
    if item.outstanding <= 0:
        raise DomainError(_("Nothing is left to pay on this invoice."), code="settled")
    if amount is not None:
        check_amount(amount, item.invoice.currency)
        if amount > item.outstanding:
            raise DomainError(_("No more than what is left to pay can be contested."), code="bad_amount", field="amount")
    due = answer_due_on or get_calendar(get_profile()).add_business_days(today, ANSWER_DAYS)
    if due < today:
        raise DomainError(_("The date of the answer has passed."), code="past_date", field="answer_due_on")
    if Dispute.objects.filter(installment=item, state=DisputeState.OPEN).exists():
        raise DomainError(_("A dispute is already open on this invoice."), code="already_open")
    dispute = Dispute.objects.create(
        installment=item,
        customer=item.customer,
        amount=amount,
        reason=reason,
        text=text.strip(),
        opened_on=today,
        owner=owner or item.customer.account_owner,
        answer_due_on=due,
    )
    details = {"reason": str(reason), "amount": str(amount) if amount is not None else None, "dispute": str(dispute.pk)}
    write_act(ActKind.DISPUTED, [item], Voice(source, contact, declaration), text, details, actor=actor, now=now)
    replay([item.invoice])
    audit.record(actor=actor, action="dispute.opened", target=dispute, body={**details, "answer_due_on": due}, now=now)
    events.emit(type="dispute.opened", object_type="dispute", object_ids=[dispute.pk], now=now, fresh=True)
    events.emit(type="invoice.disputed", object_type="invoice", object_ids=[item.invoice_id], now=now)
    announce_change([item.pk], reason="dispute_opened", today=today, now=now)
    return dispute


def acknowledge_dispute(*, dispute: Dispute, actor: str, today: date, now: datetime) -> None:
    """The customer was told that its dispute is being looked at, by whom and until when. Nothing happens the second time."""
    item = lock_item(dispute.installment_id)
    dispute.refresh_from_db()
    if dispute.acknowledged_on is not None:
        return
    dispute.acknowledged_on = today
    dispute.save(update_fields=["acknowledged_on"])
    audit.record(actor=actor, action="dispute.acknowledged", target=dispute, now=now)
    _tell_changed(dispute, "acknowledged_on", now)
    announce_change([item.pk], reason="dispute_acknowledged", today=today, now=now)


def assign_dispute(*, dispute: Dispute, owner: User, answer_due_on: date, actor: str, today: date, now: datetime) -> None:
    """Another person answers, or by another date."""
    if answer_due_on < today:
        raise DomainError(_("The date of the answer has passed."), code="past_date", field="answer_due_on")
    item = lock_item(dispute.installment_id)
    dispute.refresh_from_db()
    if dispute.state != DisputeState.OPEN:
        raise DomainError(_("This dispute is closed."), code="closed")
    dispute.owner, dispute.answer_due_on = owner, answer_due_on
    dispute.save(update_fields=["owner", "answer_due_on"])
    body = {"owner": str(owner.pk), "answer_due_on": answer_due_on}
    audit.record(actor=actor, action="dispute.assigned", target=dispute, body=body, now=now)
    _tell_changed(dispute, "owner", now)
    announce_change([item.pk], reason="dispute_assigned", today=today, now=now)


def state_position(*, dispute: Dispute, text: str, position: str = "", actor: str, today: date, now: datetime) -> None:
    """Say what is true of a dispute and, with `position` (accepted, rejected), how it should end; it stays open for who closes it.

    A later word takes the place of an earlier one. Raises DomainError without words, or when the dispute is closed.
    """
    if not text.strip():
        raise DomainError(_("Say what is true of it: who closes the dispute reads it."), code="required", field="text")
    if position not in ("", DisputeState.ACCEPTED, DisputeState.REJECTED):
        raise DomainError(_("Say how the dispute should end."), code="bad_outcome", field="position")
    lock_item(dispute.installment_id)
    dispute.refresh_from_db()
    if dispute.state != DisputeState.OPEN:
        raise DomainError(_("This dispute is closed."), code="closed")
    dispute.position, dispute.position_text, dispute.position_by, dispute.position_on = position, text.strip(), actor, today
    dispute.save(update_fields=["position", "position_text", "position_by", "position_on"])
    body = {"position": str(position), "digest": audit.digest(dispute.position_text)}
    audit.record(actor=actor, action="dispute.position_stated", target=dispute, body=body, now=now)
    _tell_changed(dispute, "position", now)


def close_dispute(
    *,
    dispute: Dispute,
    outcome: str,
    text: str = "",
    credit_amount: Decimal | None = None,
    actor: str,
    today: date,
    now: datetime,
) -> Hold | None:
    """Close a dispute: accepted (a credit note of `credit_amount` follows, by default what was contested), rejected, or withdrawn.

    An accepted one leaves a pause of our own, which carries the amount of the credit note to issue and is returned; the others let the
    item go on (a rejected one in the friendly phase). Raises DomainError when it is closed already, or the amount exceeds what is left.
    """
    if outcome not in (DisputeState.ACCEPTED, DisputeState.REJECTED, DisputeState.WITHDRAWN):
        raise DomainError(_("Say how the dispute ends."), code="bad_outcome", field="outcome")
    item = lock_item(dispute.installment_id)
    dispute.refresh_from_db()
    if dispute.state != DisputeState.OPEN:
        raise DomainError(_("This dispute is closed."), code="closed")
    hold = None
    if outcome == DisputeState.ACCEPTED and item.outstanding > 0:
        awaited = credit_amount if credit_amount is not None else min(dispute.amount or item.outstanding, item.outstanding)
        check_amount(awaited, item.invoice.currency, "credit_amount")
        if awaited > item.outstanding:
            raise DomainError(_("The credit note exceeds what is left to pay."), code="bad_amount", field="credit_amount")
        hold = Hold(
            customer=item.customer,
            installment=item,
            side=HoldSide.OURS,
            kind=HoldKind.CREDIT_NOTE_PENDING,
            amount=awaited,
            starts_on=today,
            ends_on=today + timedelta(days=holds.LONGEST_DAYS),
            reason=_("The dispute was accepted: a credit note is to be issued."),
            requested_by=actor,
        )
    dispute.state, dispute.closed_on, dispute.resolution_text = outcome, today, text.strip()
    dispute.save(update_fields=["state", "closed_on", "resolution_text"])
    body = {"outcome": str(outcome), "credit_amount": str(hold.amount) if hold else None}
    audit.record(actor=actor, action="dispute.closed", target=dispute, body=body, now=now)
    if hold is not None:
        holds.add_holds([hold], actor=actor, today=today, now=now)
    events.emit(type="dispute.closed", object_type="dispute", object_ids=[dispute.pk], now=now)
    announce_change([item.pk], reason="dispute_closed", today=today, now=now)
    return hold


def _tell_changed(dispute: Dispute, what: str, now: datetime) -> None:
    events.emit(type="dispute.changed", object_type="dispute", object_ids=[dispute.pk], now=now, payload={"what": [what]})
