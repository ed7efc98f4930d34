"""Pauses of many items in one act: one transaction, one audit event, and what cannot be paused stays as it is and is counted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import audit, events
from dunning.core.errors import DomainError
from invoices.enums import HoldKind, HoldSide, InvoiceState
from invoices.models import Hold, PaymentPlanItem
from invoices.selectors.many import over_holds
from invoices.services import holds
from invoices.services.locks import lock_items


@dataclass(frozen=True, slots=True)
class Changed:
    """What one act did: the pauses it made or ended, and how many of the items asked for stayed as they were."""

    holds: tuple[UUID, ...]
    items: int
    unchanged: int


def hold_items(
    *, installment_ids: Collection[UUID], kind: str, ends_on: date, reason: str, side: str = "", actor: str, today: date, now: datetime
) -> Changed:
    """Pause these items through `ends_on`. Those with nothing left to pay, and those with a running pause of their own, stay as they are.

    Raises DomainError as `place_hold` does; then nothing is written.
    """
    locked = lock_items(installment_ids)
    asked = set(installment_ids)
    running = set(Hold.objects.filter(installment__in=asked, released_on=None, ends_on__gte=today).values_list("installment_id", flat=True))
    chosen = [
        item
        for pk, item in sorted(locked.installments.items())
        if pk in asked and pk not in running and item.outstanding > 0 and item.invoice.state == InvoiceState.ISSUED
    ]
    made = [
        holds.checked(
            Hold(
                customer_id=item.customer_id,
                installment=item,
                side=holds.side_of(kind, side),
                kind=kind,
                starts_on=today,
                ends_on=ends_on,
                reason=reason.strip()[:300],
                requested_by=actor,
            ),
            today,
        )
        for item in chosen
    ]
    if made:
        Hold.objects.bulk_create(made)
        events.emit(type="hold.placed", object_type="hold", object_ids=[hold.pk for hold in made], now=now, fresh=True)
        ids = sorted(str(item.pk) for item in chosen)
        body = {"kind": kind, "ends_on": ends_on, "reason": reason.strip()[:300], "count": len(ids), "digest": audit.digest(ids)}
        audit.record(actor=actor, action="holds.placed", body=body, now=now)
        holds.tell_holds(made, reason="hold_placed", today=today, now=now)
    return Changed(tuple(hold.pk for hold in made), len(made), len(asked) - len(made))


def check_hold(*, kind: str, ends_on: date, reason: str, side: str = "", today: date) -> None:
    """Whether such a pause may stand for any item. Raises DomainError as `place_hold` does."""
    holds.checked(Hold(side=holds.side_of(kind, side), kind=kind, starts_on=today, ends_on=ends_on, reason=reason.strip()[:300]), today)


def place_again(*, hold_ids: Collection[UUID], actor: str, today: date, now: datetime) -> Changed:
    """The pauses that were ended run once more, to the day each had, as they were asked for.

    One that waits for the customer and would have run out meanwhile stays ended, and so do those of an item that was paid or is paused
    anew. One that waits for us stays running past its day, as it would have (rule 7).
    """
    ended = list(Hold.objects.filter(pk__in=hold_ids, released_on__isnull=False, installment__isnull=False).order_by("pk"))
    locked = lock_items([hold.installment_id for hold in ended if hold.installment_id is not None])
    over = over_holds([hold.installment_id for hold in ended if hold.installment_id is not None], today=today)
    made = [
        Hold(
            customer_id=hold.customer_id,
            installment=locked.installments[hold.installment_id],
            side=hold.side,
            kind=hold.kind,
            amount=hold.amount,
            starts_on=min(today, hold.ends_on),
            ends_on=hold.ends_on,
            reason=hold.reason,
            requested_by=hold.requested_by,
            escalated_on=hold.escalated_on,
        )
        for hold in ended
        if hold.installment_id in locked.installments
        and hold.installment_id not in over
        and (hold.side == HoldSide.OURS or hold.ends_on >= today)
    ]
    if made:
        Hold.objects.bulk_create(made)
        events.emit(type="hold.placed", object_type="hold", object_ids=[hold.pk for hold in made], now=now, fresh=True)
        ids = sorted(str(hold.installment_id) for hold in made)
        audit.record(actor=actor, action="holds.placed_again", body={"count": len(ids), "digest": audit.digest(ids)}, now=now)
        holds.tell_holds(made, reason="hold_placed", today=today, now=now)
    items = {hold.installment_id for hold in made}
    return Changed(tuple(hold.pk for hold in made), len(items), len({hold.installment_id for hold in ended} - items))


def end_item_holds(
    *,
    installment_ids: Collection[UUID] = (),
    hold_ids: Collection[UUID] = (),
    reason: str,
    actor: str,
    today: date,
    now: datetime,
) -> Changed:
    """End every running pause of these items, or these very pauses. Those that stand for a payment plan end with it alone, and stay.

    A pause of a whole customer is none of its items'. Raises DomainError without a reason.
    """
    if not reason.strip():
        raise DomainError(_("Say why these pauses end."), code="required", field="reason")
    found = Hold.objects.filter(released_on=None, installment__isnull=False)
    found = found.filter(pk__in=hold_ids) if hold_ids else found.filter(installment__in=list(installment_ids))
    items = set(found.values_list("installment_id", flat=True))
    lock_items([pk for pk in items if pk is not None])
    agreed = PaymentPlanItem.objects.filter(installment__in=items, is_active=True).values("installment")
    ending = list(found.exclude(kind=HoldKind.AGREED_INSTALMENTS, installment__in=agreed).order_by("pk"))
    if ending:
        holds.release(ending, reason=reason, actor=actor, today=today, now=now)
        ids = sorted(str(hold.pk) for hold in ending)
        body = {"reason": reason.strip()[:300], "count": len(ids), "digest": audit.digest(ids)}
        audit.record(actor=actor, action="holds.released", body=body, now=now)
        holds.tell_holds(ending, reason="hold_released", today=today, now=now)
    freed = {hold.installment_id for hold in ending}
    return Changed(tuple(hold.pk for hold in ending), len(freed), len(set(hold_ids) or set(installment_ids)) - len(freed))
