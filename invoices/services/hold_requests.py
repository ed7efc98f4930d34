"""Pauses asked for by who may not place them: finance grants or refuses, and the plan goes on meanwhile.

Silence is a go: an unanswered request lapses with the day it named, and nothing was ever held.
"""

from collections.abc import Sequence
from datetime import date, datetime

from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import lock_customers
from dunning.core import audit
from dunning.core.errors import DomainError
from invoices.enums import HoldKind, HoldRequestState
from invoices.models import Hold, HoldRequest, Installment
from invoices.services.holds import LONGEST_DAYS, place_hold
from invoices.services.locks import lock_items


def request_hold(
    *,
    customer: Customer | None = None,
    installment: Installment | None = None,
    ends_on: date,
    reason: str,
    actor: str,
    today: date,
    now: datetime,
) -> HoldRequest:
    """Ask for a pause of one item, or of a whole customer, through `ends_on`. Nothing is held yet.

    Raises DomainError without a reason, for a day that has passed or is more than 30 days ahead, for an item that is paid, and while
    another request about the same waits.
    """
    item = lock_items([installment.pk]).installment(installment.pk) if installment is not None else None
    owner = item.customer if item is not None else None
    if customer is not None and item is None:
        owner = lock_customers([customer.pk]).get(customer.pk)
    if owner is None:
        raise DomainError(_("This customer does not exist."), code="unknown_customer")
    if item is not None and item.outstanding <= 0:
        raise DomainError(_("Nothing is left to pay on this invoice."), code="settled")
    if not reason.strip():
        raise DomainError(_("Say why reminders should wait."), code="required", field="reason")
    if not 0 <= (ends_on - today).days <= LONGEST_DAYS:
        raise DomainError(_("Name a day within the next %s days.") % LONGEST_DAYS, code="bad_date", field="ends_on")
    if HoldRequest.objects.filter(customer=owner, installment=item, state=HoldRequestState.OPEN).exists():
        raise DomainError(_("A pause was asked for already: it waits for an answer."), code="already_asked")
    row = HoldRequest.objects.create(
        customer=owner, installment=item, ends_on=ends_on, reason=reason.strip()[:300], requested_by=actor, requested_on=today
    )
    _record(row, "hold.requested", actor=actor, now=now)
    return row


def grant_hold(*, request: HoldRequest, ends_on: date | None = None, answer: str = "", actor: str, today: date, now: datetime) -> Hold:
    """Place the pause that was asked for, through the day asked for or `ends_on`; it bears the name of who asked.

    Raises DomainError when the request was answered already or its day has passed, and what `place_hold` raises.
    """
    row = _locked(request)
    until = ends_on or row.ends_on
    hold = place_hold(
        customer=row.customer if row.installment_id is None else None,
        installment=row.installment,
        kind=HoldKind.PAUSE,
        ends_on=until,
        reason=row.reason,
        requested_by=row.requested_by,
        actor=actor,
        today=today,
        now=now,
    )
    row.hold = hold
    _answer(row, HoldRequestState.GRANTED, answer, actor=actor, today=today, now=now)
    return hold


def refuse_hold(*, request: HoldRequest, answer: str, actor: str, today: date, now: datetime) -> None:
    """Say no, and why. Raises DomainError without words, or when it was answered already."""
    if not answer.strip():
        raise DomainError(_("Say why: who asked reads it."), code="required", field="answer")
    _answer(_locked(request), HoldRequestState.REFUSED, answer, actor=actor, today=today, now=now)


def withdraw_hold_request(*, request: HoldRequest, actor: str, today: date, now: datetime) -> None:
    """Who asked needs it no more. Raises DomainError for somebody else's, or when it was answered already."""
    row = _locked(request)
    if row.requested_by != actor:
        raise DomainError(_("Only who asked withdraws a request; you may refuse it."), code="not_yours")
    _answer(row, HoldRequestState.WITHDRAWN, "", actor=actor, today=today, now=now)


def lapse_hold_requests(*, actor: str, today: date, now: datetime) -> Sequence[HoldRequest]:
    """Requests whose day has passed without an answer, over now."""
    rows = list(HoldRequest.objects.select_related("customer").filter(state=HoldRequestState.OPEN, ends_on__lt=today).order_by("pk"))
    for row in rows:
        _answer(_locked(row), HoldRequestState.LAPSED, "", actor=actor, today=today, now=now)
    return rows


def _locked(request: HoldRequest) -> HoldRequest:
    lock_customers([request.customer_id])
    row = HoldRequest.objects.select_related("customer", "installment").get(pk=request.pk)
    if row.state != HoldRequestState.OPEN:
        raise DomainError(_("This request was answered already."), code="answered")
    return row


def _answer(row: HoldRequest, state: HoldRequestState, answer: str, *, actor: str, today: date, now: datetime) -> None:
    row.state, row.answer, row.answered_by, row.answered_on = state, answer.strip()[:300], actor, today
    row.save(update_fields=["state", "answer", "answered_by", "answered_on", "hold"])
    _record(row, f"hold.request_{state}", actor=actor, now=now)


def _record(row: HoldRequest, action: str, *, actor: str, now: datetime) -> None:
    body = {
        "customer": str(row.customer_id),
        "item": str(row.installment_id) if row.installment_id else None,
        "ends_on": row.ends_on,
        "reason": row.answer or row.reason,
    }
    audit.record(actor=actor, action=action, target=row, body=body, now=now)
