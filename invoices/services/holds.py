"""Dated pauses, with their side, their reason and who asked (rule 7)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import lock_customers
from customers.signals import customer_changed
from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.selectors import get_calendar, get_profile
from invoices.enums import HoldKind, HoldSide
from invoices.models import Allocation, Hold, Installment, PaymentPlanItem
from invoices.services.balances import announce_change
from invoices.services.locks import lock_items

LONGEST_DAYS = 30
PARTIAL_PAYMENT_DAYS = 5
"""Business days during which a part payment pauses its item."""

SIDES: dict[str, HoldSide] = {
    HoldKind.ALREADY_PAID: HoldSide.THEIRS,
    HoldKind.PARTIAL_PAYMENT: HoldSide.THEIRS,
    HoldKind.AGREED_INSTALMENTS: HoldSide.THEIRS,
    HoldKind.NEXT_PAY_RUN: HoldSide.THEIRS,
    HoldKind.IN_VALIDATION: HoldSide.THEIRS,
    HoldKind.ABSENCE: HoldSide.THEIRS,
    HoldKind.CALL_BACK: HoldSide.THEIRS,
    HoldKind.RESENT: HoldSide.THEIRS,
    HoldKind.PAYMENT_ANNOUNCED: HoldSide.THEIRS,
    HoldKind.CREDIT_NOTE_PENDING: HoldSide.OURS,
    HoldKind.DOCUMENT_OWED: HoldSide.OURS,
    HoldKind.DISPUTE_ANSWER: HoldSide.OURS,
    HoldKind.PURCHASE_ORDER_MISSING: HoldSide.OURS,
    HoldKind.E_INVOICE_SUSPENDED: HoldSide.OURS,
    HoldKind.COMPENSATION: HoldSide.OURS,
    HoldKind.OTHER_PAYER: HoldSide.OURS,
    HoldKind.PAUSE: HoldSide.OURS,
}
"""Whose turn it is, by the kind of the pause. A pause by hand may be placed on either side."""


def place_hold(
    *,
    customer: Customer | None = None,
    installment: Installment | None = None,
    kind: str,
    ends_on: date,
    reason: str,
    side: str = "",
    amount: Decimal | None = None,
    starts_on: date | None = None,
    requested_by: str = "",
    actor: str,
    today: date,
    now: datetime,
) -> Hold:
    """Pause one item, or a whole customer, through `ends_on`. `side` follows from the kind unless given (PAUSE alone may choose).

    `requested_by` names who asked when that is not who places it.

    Raises DomainError without a reason, for an end in the past or more than 30 days ahead, an amount on another kind than
    CREDIT_NOTE_PENDING, and a side the kind does not have.
    """
    starts_on = starts_on or today
    item = lock_items([installment.pk]).installment(installment.pk) if installment is not None else None
    owner = item.customer if item is not None else _locked_customer(customer)
    hold = checked(
        Hold(
            customer=owner,
            installment=item,
            side=side_of(kind, side),
            kind=kind,
            amount=amount,
            starts_on=starts_on,
            ends_on=ends_on,
            reason=reason.strip()[:300],
            requested_by=requested_by or actor,
        ),
        today,
    )
    hold.save()
    _record(hold, "hold.placed", actor=actor, now=now)
    _tell_placed([hold], now)
    tell_holds([hold], reason="hold_placed", today=today, now=now)
    return hold


def renew_hold(*, hold: Hold, ends_on: date, reason: str, actor: str, today: date, now: datetime) -> Hold:
    """Prolong a pause by a new one. Raises DomainError when the person who asked for it renews it (rule 7), or it was released."""
    _lock_owner(hold)
    hold.refresh_from_db()
    if hold.released_on is not None:
        raise DomainError(_("This pause has already been ended."), code="released")
    _refuse_agreed(hold)
    if hold.requested_by == actor:
        raise DomainError(_("A pause is renewed by somebody else than who asked for it."), code="same_person")
    renewed = checked(
        Hold(
            customer_id=hold.customer_id,
            installment_id=hold.installment_id,
            side=hold.side,
            kind=hold.kind,
            amount=hold.amount,
            starts_on=today,
            ends_on=ends_on,
            reason=reason.strip()[:300],
            requested_by=actor,
            renews=hold,
        ),
        today,
    )
    release([hold], reason="renewed", actor=actor, today=today, now=now)
    renewed.save()
    _record(renewed, "hold.renewed", actor=actor, now=now)
    _tell_placed([renewed], now)
    tell_holds([renewed], reason="hold_placed", today=today, now=now)
    return renewed


def release_hold(*, hold: Hold, reason: str, actor: str, today: date, now: datetime) -> None:
    """End a pause now; a reason is required. Nothing happens when it is already ended."""
    if not reason.strip():
        raise DomainError(_("Say why this pause ends."), code="required", field="reason")
    _lock_owner(hold)
    hold.refresh_from_db()
    if hold.released_on is not None:
        return
    _refuse_agreed(hold)
    release([hold], reason=reason, actor=actor, today=today, now=now)
    _record(hold, "hold.released", actor=actor, now=now)
    tell_holds([hold], reason="hold_released", today=today, now=now)


def escalate_expired_holds(*, actor: str, today: date, now: datetime) -> list[Hold]:
    """Pauses of our own past their end, told to somebody now for the first time: they never resume by themselves (rule 7).

    Their end does not let the item go; the list is what the owner's manager must see. Pauses waiting for the customer lapse silently.
    """
    expired = list(
        Hold.objects.select_related("customer")
        .filter(side=HoldSide.OURS, released_on=None, escalated_on=None, ends_on__lt=today)
        .order_by("ends_on", "pk")
    )
    if not expired:
        return []
    Hold.objects.filter(pk__in=[hold.pk for hold in expired]).update(escalated_on=today)
    for hold in expired:
        hold.escalated_on = today
    ids = [hold.pk for hold in expired]
    audit.record(actor=actor, action="holds.escalated", body={"count": len(ids), "digest": audit.digest(ids)}, now=now)
    events.emit(type="hold.expired", object_type="hold", object_ids=ids, now=now)
    tell_holds(expired, reason="hold_expired", today=today, now=now)
    return expired


def release_matching(installment_ids: Iterable[UUID], *, kinds: Sequence[str], reason: str, actor: str, today: date, now: datetime) -> None:
    """End the running pauses of these kinds on these locked items; the caller tells."""
    found = list(Hold.objects.filter(installment__in=list(installment_ids), kind__in=kinds, released_on=None).order_by("pk"))
    release_holds(found, reason=reason, actor=actor, today=today, now=now)


def release_holds(found: Sequence[Hold], *, reason: str, actor: str, today: date, now: datetime) -> None:
    """End these running pauses of locked items; the caller tells."""
    release(found, reason=reason, actor=actor, today=today, now=now)
    for hold in found:
        _record(hold, "hold.released", actor=actor, now=now)


def add_holds(holds: Sequence[Hold], *, actor: str, today: date, now: datetime) -> None:
    """Write pauses of locked items, which the caller announces with its own news."""
    Hold.objects.bulk_create([checked(hold, today) for hold in holds])
    for hold in holds:
        _record(hold, "hold.placed", actor=actor, now=now)
    _tell_placed(holds, now)


def pause_partly_paid(allocations: Sequence[Allocation], items: dict[UUID, Installment], *, actor: str, today: date, now: datetime) -> None:
    """A part payment pauses what is left of its item for five business days from its value date (rule 7); the next message thanks for it.

    A later part prolongs the pause. Credit notes do not pause, nor do parts so old that their five days have passed.
    """
    parts = [part for part in allocations if part.payment_id is not None and items[part.installment_id].outstanding > 0]
    if not parts:
        return
    calendar = get_calendar(get_profile())
    ends: dict[UUID, date] = {}
    for part in parts:
        end = calendar.add_business_days(part.value_on, PARTIAL_PAYMENT_DAYS)
        if end >= today:
            ends[part.installment_id] = max(end, ends.get(part.installment_id, end))
    running = {
        hold.installment_id: hold
        for hold in Hold.objects.filter(installment__in=ends, kind=HoldKind.PARTIAL_PAYMENT, released_on=None, ends_on__gte=today)
    }
    for identifier, end in ends.items():
        if identifier in running and running[identifier].ends_on < end:
            running[identifier].ends_on = end
            running[identifier].save(update_fields=["ends_on"])
    fresh = [
        Hold(
            customer_id=items[identifier].customer_id,
            installment_id=identifier,
            side=HoldSide.THEIRS,
            kind=HoldKind.PARTIAL_PAYMENT,
            starts_on=today,
            ends_on=min(end, today + timedelta(days=LONGEST_DAYS)),
            reason=_("A part was paid."),
            requested_by=actor,
        )
        for identifier, end in ends.items()
        if identifier not in running
    ]
    Hold.objects.bulk_create(fresh)
    _tell_placed(fresh, now)


def tell_holds(holds: Sequence[Hold], *, reason: str, today: date, now: datetime) -> None:
    """Announce pauses: of items as changed items, of whole customers as changed customers."""
    items = sorted({hold.installment_id for hold in holds if hold.installment_id is not None})
    customers = sorted({hold.customer_id for hold in holds if hold.installment_id is None})
    announce_change(items, reason=reason, today=today, now=now)
    if customers:
        customer_changed.send(sender=Customer, customer_ids=customers, reason=reason, today=today, now=now)


def _locked_customer(customer: Customer | None) -> Customer:
    locked = lock_customers([customer.pk]) if customer is not None else {}
    if customer is None or customer.pk not in locked:
        raise DomainError(_("Say which item or which customer is paused."), code="required", field="customer")
    return locked[customer.pk]


def _refuse_agreed(hold: Hold) -> None:
    """A pause that stands for a running payment plan lives and ends with it."""
    if (
        hold.kind == HoldKind.AGREED_INSTALMENTS
        and PaymentPlanItem.objects.filter(installment=hold.installment_id, is_active=True).exists()
    ):
        raise DomainError(_("This pause stands for a payment plan: end the plan itself instead."), code="agreed")


def _lock_owner(hold: Hold) -> None:
    if hold.installment_id is not None:
        lock_items([hold.installment_id])
    else:
        lock_customers([hold.customer_id])


def side_of(kind: str, side: str) -> HoldSide:
    """Whose turn it is during a pause of that kind. Raises DomainError for an unknown kind, and for a side the kind does not have."""
    if kind not in SIDES:
        raise DomainError(_("Say what this pause waits for."), code="bad_kind", field="kind")
    natural = SIDES[kind]
    if side and side != natural and kind != HoldKind.PAUSE:
        raise DomainError(_("This kind of pause waits for the other side."), code="bad_side", field="side")
    return HoldSide(side) if side else natural


def checked(hold: Hold, today: date) -> Hold:
    """The pause itself when it may stand. Raises DomainError as `place_hold` says."""
    if not hold.reason:
        raise DomainError(_("A pause needs a reason."), code="required", field="reason")
    if hold.ends_on < today or hold.ends_on < hold.starts_on:
        raise DomainError(_("A pause ends in the future."), code="past_date", field="ends_on")
    if (hold.ends_on - max(hold.starts_on, today)).days > LONGEST_DAYS:
        raise DomainError(
            _("A pause lasts %s days at most; somebody else may then renew it.") % LONGEST_DAYS, code="too_long", field="ends_on"
        )
    if hold.amount is not None and (hold.kind != HoldKind.CREDIT_NOTE_PENDING or hold.amount <= 0):
        raise DomainError(_("Only an awaited credit note carries an amount, greater than zero."), code="bad_amount", field="amount")
    return hold


def _tell_placed(holds: Sequence[Hold], now: datetime) -> None:
    events.emit(type="hold.placed", object_type="hold", object_ids=[hold.pk for hold in holds], now=now, fresh=True)


def release(holds: Sequence[Hold], *, reason: str, actor: str, today: date, now: datetime) -> None:
    """End these pauses of locked items, without trail or news to the floors above: the caller writes those."""
    for hold in holds:
        hold.released_on, hold.released_by, hold.released_reason = today, actor, reason.strip()[:300]
    ended = {"released_on": today, "released_by": actor, "released_reason": reason.strip()[:300]}
    Hold.objects.filter(pk__in=[hold.pk for hold in holds]).update(**ended)
    events.emit(type="hold.released", object_type="hold", object_ids=[hold.pk for hold in holds], now=now)


def _record(hold: Hold, action: str, *, actor: str, now: datetime) -> None:
    body = {
        "kind": str(hold.kind),
        "side": str(hold.side),
        "item": str(hold.installment_id) if hold.installment_id else None,
        "customer": str(hold.customer_id),
        "amount": str(hold.amount) if hold.amount is not None else None,
        "ends_on": hold.ends_on,
        "reason": hold.released_reason or hold.reason,
    }
    audit.record(actor=actor, action=action, target=hold, body=body, now=now)
