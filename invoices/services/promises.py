"""Promises to pay: made, kept, broken, withdrawn (rule 7)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from customers.models import Contact
from dunning.core import audit, events
from dunning.core.calendars import Calendar
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_calendar, get_profile
from dunning.core.tokens import new_id
from invoices.enums import ActKind, ActSource, PromiseState
from invoices.keeping import is_kept
from invoices.models import Allocation, DebtorAct, Declaration, Installment, Promise
from invoices.selectors.said import takes_no_promise
from invoices.services.balances import announce_change
from invoices.services.drafts import check_amount
from invoices.services.locks import lock_items


def make_promise(
    *,
    amounts: Mapping[Installment, Decimal | None],
    promised_for: date,
    source: str = ActSource.STAFF,
    contact: Contact | None = None,
    declaration: Declaration | None = None,
    text: str = "",
    beyond_policy: bool = False,
    actor: str,
    today: date,
    now: datetime,
) -> list[Promise]:
    """The customer will pay these items on `promised_for`: for each its amount, None meaning all that is left.

    Promises made together share a `reference`. A new promise takes the place of the item's open one, which is withdrawn - except on the
    debtor's page. Raises DomainError for a past date, one beyond the organization's limit (`beyond_policy` lets staff accept it), an amount
    above what is left, items of several customers, and on the debtor's page after two broken promises or while one is open.
    """
    profile = get_profile()
    if promised_for < today:
        raise DomainError(_("The promised day has passed."), code="past_date", field="promised_for")
    latest = today + timedelta(days=profile.promise_max_days)
    if promised_for > latest and not beyond_policy:
        raise DomainError(_("A promise reaches %s days ahead at most.") % profile.promise_max_days, code="too_far", field="promised_for")
    locked = lock_items(item.pk for item in amounts)
    items = [locked.installment(item.pk) for item in amounts]
    if len({item.customer_id for item in items}) != 1:
        raise DomainError(_("Name items of one customer."), code="several_customers", field="installments")
    if source == ActSource.PORTAL:
        _refuse_on_portal(items)
    reference = new_id()
    promises = []
    for item, asked in zip(items, amounts.values(), strict=True):
        amount = item.outstanding if asked is None else asked
        if amount <= 0 or amount > item.outstanding:
            raise DomainError(_("A promise is for what is left to pay, or a part of it."), code="bad_amount", field="amount")
        check_amount(amount, item.invoice.currency)
        promises.append(
            Promise(
                installment=item,
                customer=item.customer,
                amount=amount,
                made_on=today,
                promised_for=promised_for,
                source=source,
                reference=reference,
                text=text.strip()[:300],
            )
        )
    _withdraw(list(Promise.objects.filter(installment__in=items, state=PromiseState.OPEN)), today, now)
    Promise.objects.bulk_create(promises)
    details = {"promised_for": promised_for.isoformat(), "reference": str(reference)}
    DebtorAct.objects.bulk_create(
        [
            DebtorAct(
                customer=promise.customer,
                installment=promise.installment,
                contact=contact,
                declaration=declaration,
                kind=ActKind.PROMISED,
                source=source,
                at=now,
                actor=actor,
                text=promise.text,
                details={**details, "amount": str(promise.amount)},
            )
            for promise in promises
        ]
    )
    ids = [item.pk for item in items]
    rows = [[str(promise.installment_id), str(promise.amount)] for promise in promises]
    body = {**details, "source": str(source), "items": rows if len(rows) <= 20 else len(rows), "digest": audit.digest(rows)}
    audit.record(actor=actor, action="promise.made", target=promises[0], body=body, now=now)
    events.emit(type="promise.made", object_type="promise", object_ids=[promise.pk for promise in promises], now=now, fresh=True)
    announce_change(ids, reason="promise_made", today=today, now=now)
    return promises


def cancel_promise(*, promise: Promise, reason: str, actor: str, today: date, now: datetime) -> None:
    """Withdraw an open promise: it was entered by mistake, or the customer took it back. Counts neither as kept nor as broken."""
    if not reason.strip():
        raise DomainError(_("Say why this promise is withdrawn."), code="required", field="reason")
    lock_items([promise.installment_id])
    promise.refresh_from_db()
    if promise.state != PromiseState.OPEN:
        raise DomainError(_("Only an open promise can be withdrawn."), code="closed")
    _withdraw([promise], today, now)
    audit.record(actor=actor, action="promise.cancelled", target=promise, body={"reason": reason}, now=now)
    announce_change([promise.installment_id], reason="promise_cancelled", today=today, now=now)


def break_due_promises(*, actor: str, today: date, now: datetime) -> list[Promise]:
    """Close the open promises whose day and tolerance have passed: kept when what came in reaches them, else broken; the broken ones."""
    due = list(Promise.objects.filter(state=PromiseState.OPEN, promised_for__lt=today).values_list("installment_id", flat=True))
    if not due:
        return []
    lock_items(due)
    return reassess(due, actor=actor, today=today, now=now)


def reassess(installment_ids: Sequence[UUID], *, actor: str, today: date, now: datetime) -> list[Promise]:
    """Judge the promises of these locked items again, after money came, went, or changed its date; those found broken now.

    Kept: see `keeping`, with what was valued since the promise was made, through its day + the tolerance. A credit note that settles the
    item leaves nothing to promise: withdrawn, neither kept nor broken. A promise once broken is mended when a payment turns out to have
    come in time, one once kept is broken (or open, before its end) when its money was taken back.
    """
    found = Promise.objects.select_related("installment").filter(installment__in=list(installment_ids))
    promises = list(found.exclude(state=PromiseState.CANCELLED).order_by("pk"))
    if not promises:
        return []
    profile = get_profile()
    calendar = get_calendar(profile)
    moved: dict[PromiseState, list[Promise]] = {state: [] for state in PromiseState}
    taken = {promise.installment_id for promise in promises if promise.state == PromiseState.OPEN}
    for promise in promises:
        limit = deadline(promise, profile, calendar)
        settled = promise.installment.outstanding == 0
        if is_kept(promised=promise.amount, **_since(promise, limit), is_settled=settled):
            state = PromiseState.KEPT
        elif promise.state == PromiseState.OPEN and today <= limit and settled:
            state = PromiseState.CANCELLED  # nothing is left to promise: a credit note or a write-off settled it
        elif today > limit or (promise.state != PromiseState.OPEN and promise.installment_id in taken):
            state = PromiseState.BROKEN
        else:
            state = PromiseState.OPEN
            taken.add(promise.installment_id)
        if state != promise.state:
            promise.state, promise.closed_on = state, None if state == PromiseState.OPEN else today
            moved[state].append(promise)
    for state, judged in moved.items():
        if not judged:
            continue
        Promise.objects.bulk_update(judged, ["state", "closed_on"])
        ids = [promise.pk for promise in judged]
        action = "promise.reopened" if state == PromiseState.OPEN else f"promise.{state.value}"
        audit.record(actor=actor, action=action, target=judged[0], body={"count": len(ids), "promises": ids[:20]}, now=now)
        events.emit(type=action, object_type="promise", object_ids=ids, now=now)
    broken = moved[PromiseState.BROKEN]
    announce_change(sorted({promise.installment_id for promise in broken}), reason="promise_broken", today=today, now=now)
    return broken


def deadline(promise: Promise, profile: OrganizationProfile, calendar: Calendar) -> date:
    """The last day of the tolerance: the promised day + 2 business days by default."""
    return calendar.add_business_days(promise.promised_for, profile.promise_tolerance_days)


def withdraw_open(installment_ids: Sequence[UUID], *, today: date, now: datetime) -> None:
    """Close the open promises of these locked items, which are owed no more; the caller audits and tells."""
    _withdraw(list(Promise.objects.filter(installment__in=list(installment_ids), state=PromiseState.OPEN)), today, now)


def _since(promise: Promise, limit: date) -> dict[str, Decimal]:
    """What payments, and what credit notes, took off the item from the day of the promise through `limit`."""
    parts = Allocation.objects.filter(
        installment=promise.installment_id, reversed_at=None, value_on__gte=promise.made_on, value_on__lte=limit
    )
    sums = parts.aggregate(paid=Sum("amount", filter=Q(payment__isnull=False)), credited=Sum("amount", filter=Q(payment=None)))
    return {name: total or Decimal(0) for name, total in sums.items()}


def _refuse_on_portal(items: Sequence[Installment]) -> None:
    if takes_no_promise([items[0].customer_id]):
        raise DomainError(
            _("Two earlier promises were not kept: please call us to agree on a date."),
            code="too_many_broken_promises",
            field="promised_for",
        )
    known = Promise.objects.select_related("installment__invoice").filter(installment__in=items, state=PromiseState.OPEN)
    if numbers := sorted({promise.installment.invoice.number for promise in known}):
        sentence = _("A payment date is already announced for %s. To change it, answer our e-mail; for other invoices, tick them alone.")
        raise DomainError(sentence % ", ".join(numbers), code="already_promised", field="promised_for")


def _withdraw(promises: Sequence[Promise], today: date, now: datetime) -> None:
    for promise in promises:
        promise.state, promise.closed_on = PromiseState.CANCELLED, today
    Promise.objects.bulk_update(promises, ["state", "closed_on"])
    events.emit(type="promise.cancelled", object_type="promise", object_ids=[promise.pk for promise in promises], now=now)
