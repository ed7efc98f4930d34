"""Card payments of a payment request: opened for a debtor, and booked once when the payment service says that they were made.

What was paid is booked as it was paid, whatever happened to the invoices meanwhile: each gets what it was asked for, as far as that is
still left to pay, and the rest stays on account, as unallocated money of whoever was asked.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Q

from customers.enums import PaymentMeans
from dunning.core import audit
from dunning.core.errors import DomainError
from invoices.enums import InvoiceState
from invoices.models import Checkout, Installment, PaymentRequest, PaymentRequestItem
from invoices.services.drafts import PaymentDraft
from invoices.services.locks import Locked, lock_items
from invoices.services.payments import record_payment

SERVES: Final = timedelta(hours=2)
"""How long a payment page may be used: long enough to find the card, short enough for its amount to be right."""
STILL: Final = timedelta(minutes=10)
"""What a page must have left to be shown again instead of another."""


def open_checkout(*, request: PaymentRequest, account_id: UUID, actor: str, now: datetime) -> Checkout:
    """A card payment of the request through this account; one that still serves is the same. Its page is opened after the transaction.

    Runs under the locks of `request_payment`, so that two clicks are one payment.
    """
    serving = Checkout.objects.filter(request=request, account_id=account_id, paid_at=None, closed_reason="", expires_at__gt=now + STILL)
    known = serving.order_by("-opened_at").first()
    if known is not None:
        return known
    checkout = Checkout.objects.create(
        request=request,
        account_id=account_id,
        amount=request.amount,
        currency=request.currency,
        opened_at=now,
        expires_at=now + SERVES,
    )
    body = {"reference": request.reference, "amount": str(request.amount), "currency": request.currency}
    audit.record(actor=actor, action="checkout.opened", target=checkout, body=body, now=now)
    return checkout


def note_page(*, checkout_id: UUID, provider_id: str, address: str) -> None:
    """The service opened a page for this payment. A payment that was reported before keeps what was reported."""
    Checkout.objects.filter(pk=checkout_id, provider_id__in=["", provider_id]).update(provider_id=provider_id, address=address)


def close_checkout(*, provider_id: str, checkout_id: UUID | None, reason: str, now: datetime) -> bool:
    """The page ended without a payment; False when it is not known here. One that was paid stays paid."""
    checkout = _find(provider_id, checkout_id)
    if checkout is None:
        return False
    if Checkout.objects.filter(pk=checkout.pk, paid_at=None, closed_reason="").update(closed_reason=reason, provider_id=provider_id):
        audit.record(actor="system", action="checkout.closed", target=checkout, body={"reason": reason}, now=now)
    return True


def settle_checkout(
    *, provider_id: str, checkout_id: UUID | None, amount: Decimal, currency: str, paid_on: date, today: date, now: datetime
) -> bool:
    """Book what was paid on a page, once; False when it is not known here. It counts in whatever order it is reported."""
    checkout = _find(provider_id, checkout_id)
    if checkout is None:
        return False
    asked = list(PaymentRequestItem.objects.filter(request=checkout.request_id).order_by("installment__due_on", "installment_id"))
    locked = lock_items((part.installment_id for part in asked), customer_ids=[checkout.request.customer_id])
    checkout = Checkout.objects.select_for_update(no_key=True).select_related("request").get(pk=checkout.pk)
    if checkout.paid_at is not None:
        return True
    if checkout.provider_id not in ("", provider_id):
        raise DomainError("Another page belongs to this card payment.", code="other_page")
    draft = PaymentDraft(
        customer=locked.customers[checkout.request.customer_id],
        amount=amount,
        currency=currency,
        received_on=paid_on,
        means=PaymentMeans.CARD,
        external_reference=f"{checkout.request.reference}/{provider_id[-8:]}",  # read by people, as a bank's would be
        reference_text=checkout.request.reference,
        allocations=_parts(asked, locked, amount, currency),
    )
    payment = record_payment(draft=draft, actor="system", today=today, now=now).payment
    checkout.provider_id, checkout.payment, checkout.paid_at, checkout.closed_reason = provider_id, payment, now, ""
    checkout.save(update_fields=["provider_id", "payment", "paid_at", "closed_reason"])
    body = {"reference": checkout.request.reference, "amount": str(amount), "currency": currency, "asked": str(checkout.amount)}
    audit.record(actor="system", action="checkout.paid", target=checkout, body=body, now=now)
    return True


def _find(provider_id: str, checkout_id: UUID | None) -> Checkout | None:
    found = Checkout.objects.select_related("request").filter(Q(provider_id=provider_id) | Q(pk=checkout_id)).order_by("-provider_id")
    return found.first()


def _parts(asked: Sequence[PaymentRequestItem], locked: Locked, amount: Decimal, currency: str) -> tuple[tuple[Installment, Decimal], ...]:
    """What of the money is set against which item: what it was asked for, as far as it is left, the oldest due first."""
    parts, left = [], amount
    for part in asked:
        item = locked.installment(part.installment_id)
        if item.invoice.currency != currency or item.invoice.state != InvoiceState.ISSUED:
            continue
        taken = min(part.amount, item.outstanding, left)
        if taken > 0:
            parts.append((item, taken))
            left -= taken
    return tuple(parts)
