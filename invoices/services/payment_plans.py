"""Agreements to pay in parts: made within the organization's policy, kept, broken, ended by a person (rule 7).

While the parts are paid the plan's items are paused on the debtor's side, through each part's day and tolerance. These pauses follow the
agreement's dates, not the thirty days of a pause by hand, and end with it.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.models import Contact, Customer
from dunning.core import audit, events
from dunning.core.calendars import Calendar
from dunning.core.errors import DomainError
from dunning.core.models import Document, OrganizationProfile
from dunning.core.money import format_date, format_money
from dunning.core.selectors import get_calendar, get_profile
from invoices import schedules
from invoices.enums import ActKind, ActSource, DisputeState, HoldKind, HoldSide, InvoiceState, PlanState, PromiseState
from invoices.models import (
    Allocation,
    DebtorAct,
    Declaration,
    Dispute,
    Hold,
    Installment,
    PaymentPlan,
    PaymentPlanItem,
    PaymentPlanPart,
    Promise,
    WriteOff,
)
from invoices.services import holds, promises
from invoices.services.balances import announce_change
from invoices.services.drafts import check_amount
from invoices.services.locks import lock_items

BROKEN_WITHIN: Final = timedelta(days=365)
"""A promise or plan broken within that time closes the debtor's own way to another plan."""
_STATES: Final = {
    schedules.Standing.RUNNING: PlanState.ACTIVE,
    schedules.Standing.KEPT: PlanState.KEPT,
    schedules.Standing.BROKEN: PlanState.BROKEN,
    schedules.Standing.VOID: PlanState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Who agreed for the debtor, and from where: the words they read, their name as they wrote it, their address and browser."""

    text: str
    language: str
    name: str
    address: str | None = None
    browser: str = ""
    contact: Contact | None = None
    declaration: Declaration | None = None  # on the debtor's page


def plan_amounts(installments: Collection[Installment]) -> dict[UUID, Decimal]:
    """What a plan divides of each item: what is left to pay, less a credit note we owe."""
    awaited: dict[UUID | None, Decimal] = {}
    ids = [item.pk for item in installments]
    rows = Hold.objects.filter(installment__in=ids, kind=HoldKind.CREDIT_NOTE_PENDING, released_on=None, amount__isnull=False)
    for identifier, amount in rows.values_list("installment_id", "amount"):
        awaited[identifier] = awaited.get(identifier, Decimal(0)) + (amount or Decimal(0))
    return {item.pk: max(Decimal(0), item.outstanding - awaited.get(item.pk, Decimal(0))) for item in installments}


def refuse_plan(*, installments: Sequence[Installment], by_debtor: bool, today: date) -> None:
    """Raises DomainError with why these items, their invoices and customers loaded, cannot be divided; a debtor may less than staff."""
    if not installments:
        raise DomainError(_("Choose the invoices to pay in instalments."), code="required", field="items")
    customer = installments[0].customer
    if len({item.customer_id for item in installments}) != 1:
        raise DomainError(_("Name items of one customer."), code="several_customers", field="items")
    if len({item.invoice.currency for item in installments}) != 1:
        raise DomainError(_("Invoices of one currency are paid in instalments together."), code="several_currencies", field="items")
    ids = [item.pk for item in installments]
    if any(item.outstanding <= 0 or item.invoice.state != InvoiceState.ISSUED for item in installments):
        raise DomainError(_("One of these invoices is paid already."), code="settled", field="items")
    if any(item.invoice.is_factored for item in installments) or customer.factor_name:
        raise DomainError(_("These invoices were assigned to a factor: only the factor can grant instalments."), code="factored")
    if customer.insolvency_opened_on is not None:
        raise DomainError(_("Insolvency proceedings are open: earlier debts cannot be paid in instalments."), code="insolvency")
    if Dispute.objects.filter(installment__in=ids, state=DisputeState.OPEN).exists():
        raise DomainError(_("One of these invoices is contested: the contest comes first."), code="disputed", field="items")
    if PaymentPlanItem.objects.filter(installment__in=ids, is_active=True).exists():
        raise DomainError(_("A payment plan already runs for one of these invoices."), code="already_planned", field="items")
    if by_debtor:
        _refuse_debtor(customer, today)


def _refuse_debtor(customer: Customer, today: date) -> None:
    if not get_profile().plans_offered:
        raise DomainError(_("Instalments are not offered here: please call us."), code="not_offered")
    if customer.insurer:
        raise DomainError(_("Instalments cannot be agreed on here for this account: please call us."), code="insured")
    since = today - BROKEN_WITHIN
    broken = Promise.objects.filter(customer=customer, state=PromiseState.BROKEN, closed_on__gte=since).exists()
    if broken or PaymentPlan.objects.filter(customer=customer, state=PlanState.BROKEN, closed_on__gte=since).exists():
        raise DomainError(_("An earlier agreement was not kept: please call us to find another."), code="broken_before")


def check_schedule(*, parts: Sequence[schedules.Part], total: Decimal, currency: str, by_debtor: bool, today: date) -> None:
    """Raises DomainError naming the field: parts that do not add up to `total`, days out of order or past, or beyond the policy."""
    profile = get_profile()
    language = "fr" if (get_language() or "").startswith("fr") else "en"
    if len(parts) < 2:
        raise DomainError(_("Instalments are at least two."), code="too_few", field="count")
    for part in parts:
        check_amount(part.amount, currency)
    if any(part.amount <= 0 for part in parts) or sum((part.amount for part in parts), Decimal(0)) != total:
        money = format_money(total, currency, language)
        raise DomainError(_("The parts must add up to %s.") % money, code="bad_amount", field="count")
    days = [part.due_on for part in parts]
    if days[0] < today:
        raise DomainError(_("The first instalment is in the past."), code="past_date", field="first_on")
    if days != sorted(set(days)):
        raise DomainError(_("Each instalment comes after the one before."), code="bad_order", field="first_on")
    if not by_debtor:
        return
    if len(parts) > profile.plan_most_parts:
        raise DomainError(_("At most %s instalments can be agreed on here.") % profile.plan_most_parts, code="too_many", field="count")
    if days[0] > today + timedelta(days=profile.plan_first_within):
        latest = format_date(today + timedelta(days=profile.plan_first_within), language)
        raise DomainError(_("The first instalment is paid by %s.") % latest, code="too_late", field="first_on")
    if days[-1] > today + timedelta(days=profile.plan_most_days):
        latest = format_date(today + timedelta(days=profile.plan_most_days), language)
        raise DomainError(_("The last instalment is paid by %s: choose fewer, or closer together.") % latest, code="too_long", field="gap")


def agree_on_plan(
    *,
    installments: Collection[Installment],
    parts: Sequence[schedules.Part],
    signature: Signature,
    reference: str = "",
    source: str = ActSource.STAFF,
    actor: str,
    today: date,
    now: datetime,
) -> PaymentPlan:
    """Divide what is owed on these items into dated parts, paid under `reference`, and pause them while the parts are paid.

    On the debtor's page (`source` PORTAL) within the organization's policy; staff may go beyond it. Open promises about the items give way.
    Raises DomainError as `refuse_plan` and `check_schedule` do.
    """
    by_debtor = source == ActSource.PORTAL
    locked = lock_items(item.pk for item in installments)
    items = sorted((locked.installment(item.pk) for item in installments), key=lambda item: (item.due_on, item.pk))
    refuse_plan(installments=items, by_debtor=by_debtor, today=today)
    currency, amounts = items[0].invoice.currency, plan_amounts(items)
    check_schedule(parts=parts, total=sum(amounts.values(), Decimal(0)), currency=currency, by_debtor=by_debtor, today=today)
    if any(amount <= 0 for amount in amounts.values()):
        raise DomainError(_("One of these invoices is paid already."), code="settled", field="items")
    if not signature.name.strip() or not signature.text.strip():
        raise DomainError(_("Write your name: it stands under the agreement."), code="required", field="name")
    profile = get_profile()
    calendar = get_calendar(profile)
    plan = PaymentPlan.objects.create(
        customer=items[0].customer,
        currency=currency,
        amount=sum(amounts.values(), Decimal(0)),
        reference=reference,
        held_through=_deadline(parts[0].due_on, profile, calendar),
        source=source,
        contact=signature.contact,
        language=signature.language,
        text=signature.text,
        text_sha256=hashlib.sha256(signature.text.encode()).hexdigest(),
        signatory=" ".join(signature.name.split())[:120],
        signed_from=signature.address,
        signed_with=signature.browser[:300],
        agreed_at=now,
        agreed_on=today,
        agreed_by=actor,
    )
    PaymentPlanPart.objects.bulk_create(
        [PaymentPlanPart(plan=plan, position=position, due_on=part.due_on, amount=part.amount) for position, part in enumerate(parts, 1)]
    )
    PaymentPlanItem.objects.bulk_create([PaymentPlanItem(plan=plan, installment=item, amount=amounts[item.pk]) for item in items])
    ids = [item.pk for item in items]
    promises.withdraw_open(ids, today=today, now=now)
    _pause(plan, ids, actor=actor, today=today)
    schedule = [[part.due_on.isoformat(), str(part.amount)] for part in parts]
    DebtorAct.objects.bulk_create(
        [
            DebtorAct(
                customer=plan.customer,
                installment=item,
                contact=signature.contact,
                kind=ActKind.AGREED_PLAN,
                source=source,
                at=now,
                actor=actor,
                details={"plan": str(plan.pk), "amount": str(amounts[item.pk]), "schedule": schedule, "text_sha256": plan.text_sha256},
                declaration=signature.declaration,
            )
            for item in items
        ]
    )
    body = {
        "amount": str(plan.amount),
        "currency": currency,
        "schedule": schedule,
        "items": len(ids),
        "digest": audit.digest(map(str, ids)),
        "source": str(source),
        "signatory": plan.signatory,
        "address": plan.signed_from,
        "text_sha256": plan.text_sha256,
    }
    audit.record(actor=actor, action="plan.agreed", target=plan, body=body, now=now)
    events.emit(type="payment_plan.agreed", object_type="payment_plan", object_ids=[plan.pk], now=now, fresh=True)
    announce_change(ids, reason="plan_agreed", today=today, now=now)
    return plan


def end_plan(*, plan: PaymentPlan, reason: str, actor: str, today: date, now: datetime) -> None:
    """A person ends a plan that runs: its items are asked for again, where their plan of reminders stood.

    Counts neither as kept nor as broken. Raises DomainError without a reason, or when it does not run any more.
    """
    if not reason.strip():
        raise DomainError(_("Say why this plan ends."), code="required", field="reason")
    ids = _ids_of([plan.pk])
    lock_items(ids)
    plan.refresh_from_db()
    if plan.state != PlanState.ACTIVE:
        raise DomainError(_("This payment plan does not run any more."), code="closed")
    _close(plan, PlanState.CANCELLED, reason.strip(), actor=actor, today=today, now=now)
    audit.record(actor=actor, action="plan.ended", target=plan, body={"reason": plan.closed_reason}, now=now)
    events.emit(type="payment_plan.ended", object_type="payment_plan", object_ids=[plan.pk], now=now)
    announce_change(ids, reason="plan_ended", today=today, now=now)


def keep_agreement(*, plan: PaymentPlan, document: Document) -> Document:
    """Keep the printed agreement with its plan; one that is there already stays. The one that is kept."""
    PaymentPlan.objects.filter(pk=plan.pk, document=None).update(document=document)
    plan.refresh_from_db(fields=["document"])
    kept: Document | None = plan.document
    return kept or document


def break_due_plans(*, actor: str, today: date, now: datetime) -> list[PaymentPlan]:
    """Judge the running plans whose next part and tolerance have passed; those broken now."""
    due = list(PaymentPlan.objects.filter(state=PlanState.ACTIVE, held_through__lt=today).values_list("pk", flat=True))
    if not due:
        return []
    ids = _ids_of(due)
    lock_items(ids)
    return reassess(ids, actor=actor, today=today, now=now)


def reassess(installment_ids: Collection[UUID], *, actor: str, today: date, now: datetime) -> list[PaymentPlan]:
    """Judge the plans of these locked items again, after money came, went, or changed its date; those found broken now.

    A broken plan is mended when a payment turns out to have come in time, a kept one runs (or is broken) when its money was taken back;
    one a person ended stays ended.
    """
    plans = list(_touching(installment_ids).order_by("pk"))
    if not plans:
        return []
    profile = get_profile()
    calendar = get_calendar(profile)
    broken = []
    for plan in plans:
        items = _ids_of([plan.pk])
        parts = list(plan.parts.order_by("position"))
        deadlines = [_deadline(part.due_on, profile, calendar) for part in parts]
        verdict = schedules.judge(
            [schedules.Part(part.due_on, part.amount) for part in parts],
            deadlines,
            _receipts(plan, items),
            is_settled=not Installment.objects.filter(pk__in=items, outstanding__gt=0).exists(),
            today=today,
        )
        state = _STATES[verdict.standing]
        through = deadlines[verdict.next_part] if verdict.next_part is not None else deadlines[-1]
        if state == plan.state:
            _follow(plan, through, items, today)
        elif state == PlanState.ACTIVE:
            _reopen(plan, through, items, actor=actor, today=today, now=now)
        else:
            _close(plan, state, "", actor=actor, today=today, now=now)
            audit.record(actor=actor, action=f"plan.{state.value}", target=plan, body={"amount": str(plan.amount)}, now=now)
            word = "ended" if state == PlanState.CANCELLED else state.value
            events.emit(type=f"payment_plan.{word}", object_type="payment_plan", object_ids=[plan.pk], now=now)
            if state == PlanState.BROKEN:
                broken.append(plan)
            announce_change(items, reason=f"plan_{state.value}", today=today, now=now)
    return broken


def _touching(installment_ids: Collection[UUID]) -> QuerySet[PaymentPlan]:
    """Plans of these items that a receipt may still change: not those a person ended."""
    plans = PaymentPlanItem.objects.filter(installment__in=list(installment_ids)).values("plan")
    return PaymentPlan.objects.filter(pk__in=plans).exclude(state=PlanState.CANCELLED, closed_reason__gt="")


def _ids_of(plan_ids: Collection[UUID]) -> list[UUID]:
    rows = PaymentPlanItem.objects.filter(plan__in=list(plan_ids)).order_by("installment_id")
    return list(rows.values_list("installment_id", flat=True))


def _deadline(due_on: date, profile: OrganizationProfile, calendar: Calendar) -> date:
    """The last day of the tolerance, as a promise has it: + 2 business days by default."""
    return calendar.add_business_days(due_on, profile.promise_tolerance_days)


def _receipts(plan: PaymentPlan, items: Collection[UUID]) -> list[schedules.Receipt]:
    """What was taken off the plan's items since it was agreed; credit notes and write-offs as far as the plan divided what they cover."""
    since = {"reversed_at": None, "value_on__gte": plan.agreed_on}
    paid = Allocation.objects.filter(installment__in=items, payment__isnull=False, **since)
    credited = Allocation.objects.filter(installment__in=items, payment=None, **since)
    given_up = WriteOff.objects.filter(installment__in=items, reversed_at=None, written_off_on__gte=plan.agreed_on)
    relieved: dict[UUID, Decimal] = {}
    for rows in (credited, given_up):
        for identifier, amount in rows.values_list("installment_id", "amount"):
            relieved[identifier] = relieved.get(identifier, Decimal(0)) + amount
    shares = dict(PaymentPlanItem.objects.filter(plan=plan).values_list("installment_id", "amount"))
    return [
        *(schedules.Receipt(value_on, amount, True) for value_on, amount in paid.values_list("value_on", "amount")),
        *(schedules.Receipt(plan.agreed_on, min(amount, shares[identifier]), False) for identifier, amount in relieved.items()),
    ]


def _pause(plan: PaymentPlan, items: Collection[UUID], *, actor: str, today: date) -> None:
    Hold.objects.bulk_create(
        [
            Hold(
                customer_id=plan.customer_id,
                installment_id=identifier,
                side=HoldSide.THEIRS,
                kind=HoldKind.AGREED_INSTALMENTS,
                starts_on=today,
                ends_on=max(plan.held_through, today),
                reason=_("A payment plan runs."),
                requested_by=actor,
            )
            for identifier in items
        ]
    )


def _follow(plan: PaymentPlan, through: date, items: Collection[UUID], today: date) -> None:
    """The next part moved on, or back: the pauses end with its tolerance."""
    if plan.state != PlanState.ACTIVE or plan.held_through == through:
        return
    plan.held_through = through
    plan.save(update_fields=["held_through"])
    running = Hold.objects.filter(installment__in=items, kind=HoldKind.AGREED_INSTALMENTS, released_on=None)
    running.update(ends_on=max(through, today))


def _reopen(plan: PaymentPlan, through: date, items: list[UUID], *, actor: str, today: date, now: datetime) -> None:
    if PaymentPlanItem.objects.filter(installment__in=items, is_active=True).exclude(plan=plan).exists():
        return  # another agreement has taken its place
    plan.state, plan.held_through = PlanState.ACTIVE, through
    plan.closed_on, plan.closed_by, plan.closed_reason = None, "", ""
    plan.save(update_fields=["state", "held_through", "closed_on", "closed_by", "closed_reason"])
    PaymentPlanItem.objects.filter(plan=plan).update(is_active=True)
    _pause(plan, items, actor=actor, today=today)
    audit.record(actor=actor, action="plan.reopened", target=plan, now=now)
    announce_change(items, reason="plan_reopened", today=today, now=now)


def _close(plan: PaymentPlan, state: PlanState, reason: str, *, actor: str, today: date, now: datetime) -> None:
    items = _ids_of([plan.pk])
    plan.state, plan.closed_on, plan.closed_by, plan.closed_reason = state, today, actor, reason[:300]
    plan.save(update_fields=["state", "closed_on", "closed_by", "closed_reason"])
    PaymentPlanItem.objects.filter(plan=plan).update(is_active=False)
    why = reason or str(state.label)
    holds.release_matching(items, kinds=[HoldKind.AGREED_INSTALMENTS], reason=why, actor=actor, today=today, now=now)
