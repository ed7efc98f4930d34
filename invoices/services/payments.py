"""Receipts: recording, identifying, correcting and cancelling them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core import audit, events, failpoints
from dunning.core.errors import DomainError, StaleObject
from dunning.core.tokens import new_id
from invoices import reconciliation
from invoices.models import Allocation, Installment, Payment
from invoices.references import ENTERED_BY_HAND, find_references
from invoices.services import judging
from invoices.services.allocations import Account, Source, after_allocation, family, tell_allocated
from invoices.services.balances import announce, announce_change, announce_credit, refresh
from invoices.services.drafts import PaymentDraft, check_amount, check_value_date
from invoices.services.locks import Locked, lock_items, lock_payment
from invoices.services.write_offs import reopen_small_differences


@dataclass(frozen=True, slots=True)
class Recorded:
    """A payment, and whether it was recorded now (False: the ledger had it already, with the same content)."""

    payment: Payment
    created: bool


def record_payment(*, draft: PaymentDraft, actor: str, today: date, now: datetime) -> Recorded:
    """Record one receipt and set it against what it pays. See `record_payments`.

    Raises DomainError, too, for explicit allocations to what several payers owe, when nobody says whose receipt it is.
    """
    if draft.customer is None and draft.allocations and _owners([draft]) == [None]:
        raise DomainError(
            _("What this receipt settles is owed by several customers: say whose it is."), code="unidentified", field="customer"
        )
    return record_payments(drafts=[draft], actor=actor, today=today, now=now)[0]


def record_payments(*, drafts: Sequence[PaymentDraft], actor: str, today: date, now: datetime) -> list[Recorded]:
    """Record receipts in order and set each against what it pays; one audit event for all.

    A draft whose external reference is known with the same content changes nothing, cancelled or not; a cancelled receipt gives its
    reference up to one that says something else. The customer of a receipt is the one given, else the one payer of all it is explicitly
    set against, else the one of the invoices its text surely names; a receipt of nobody stays unidentified. Raises DomainError for a bad
    amount or currency, a value date more than ten days ahead, a known reference with other content, or explicit allocations above what is
    left; nothing is written then.
    """
    for draft in drafts:
        check_amount(draft.amount, draft.currency)
        check_value_date(draft.received_on, today)
    owners = _owners(drafts)
    families = _families({owner for draft, owner in zip(drafts, owners, strict=True) if owner and draft.allocations is None})
    locked = lock_items(
        (item.pk for draft in drafts for item, _amount in draft.allocations or ()),
        customer_ids={owner for owner in owners if owner}.union(*families.values()),
        open_items=bool(families),
    )
    if {owner for owner in owners if owner} - set(locked.customers):
        raise DomainError(_("This customer does not exist."), code="unknown_customer", field="customer")
    answers, fresh = _sort_out(drafts, owners, locked, today)
    made = _match(fresh, families, locked)
    _insert([payment for _draft, payment in fresh])
    _record_receipts([payment for _draft, payment in fresh], actor=actor, now=now)
    after_allocation(made, locked.installments, reason="paid", actor=actor, today=today, now=now)
    on_account = {payment.customer_id for _draft, payment in fresh if payment.customer_id is not None and payment.unallocated > 0}
    announce_credit(on_account, today=today, now=now)
    transaction.on_commit(lambda: failpoints.hit("payment-committed"))
    return answers


def identify_payment(
    *, payment: Payment, customer: Customer, settle: bool = True, actor: str, today: date, now: datetime
) -> list[Allocation]:
    """Say whose receipt this is, and set it against what it pays (`settle=False` leaves it on account); the allocations made.

    Raises DomainError when it belongs to another customer already, or was cancelled.
    """
    locked = lock_items(customer_ids=family(customer.pk), open_items=True)
    row = lock_payment(payment)
    _refuse_cancelled(row)
    if row.customer_id not in (None, customer.pk):
        raise DomainError(_("This receipt belongs to another customer."), code="identified", field="customer")
    row.customer = locked.customers[customer.pk]
    row.save(update_fields=["customer"])
    body = {"customer": customer.number, "amount": str(row.amount), "currency": row.currency}
    audit.record(actor=actor, action="payment.identified", target=row, body=body, now=now)
    events.emit(type="payment.changed", object_type="payment", object_ids=[row.pk], now=now, payload={"what": ["customer"]})
    account = Account(locked.installments.values(), texts=[row.reference_text])
    made = account.settle(Source(payment=row), locked.customers) if settle else []
    tell_allocated(made, now=now)
    after_allocation(made, locked.installments, reason="paid", actor=actor, today=today, now=now)
    announce_credit([customer.pk], today=today, now=now)
    payment.customer, payment.unallocated = customer, row.unallocated
    return made


def cancel_payment(*, payment: Payment, reason: str, actor: str, today: date, now: datetime) -> None:
    """The money was not received after all (a rejected debit, a bounced cheque, a typing error): what it had settled is owed again.

    Nothing happens when it is already cancelled. Raises DomainError without a reason.
    """
    if not reason.strip():
        raise DomainError(_("Say why this payment is cancelled."), code="required", field="reason")
    owners = {payment.customer_id} if payment.customer_id else set()
    touched = list(Allocation.objects.filter(payment=payment, reversed_at=None).values_list("installment_id", flat=True))
    locked = lock_items(touched, customer_ids=owners)
    row = lock_payment(payment)
    if row.cancelled_at is not None:
        return
    active = list(Allocation.objects.filter(payment=row, reversed_at=None))
    if not {allocation.installment_id for allocation in active} <= set(locked.installments):
        raise DomainError(_("This receipt was allocated a moment ago by somebody else; look at it again."), code="stale")
    Allocation.objects.filter(pk__in=[allocation.pk for allocation in active]).update(reversed_at=now)
    for copy in (row, payment):
        copy.cancelled_at, copy.cancelled_reason, copy.unallocated = now, reason.strip()[:200], Decimal(0)
    row.save(update_fields=["cancelled_at", "cancelled_reason", "unallocated"])
    freed = {allocation.installment_id: locked.installments[allocation.installment_id] for allocation in active}
    reopen_small_differences(freed, actor=actor, now=now)
    balances = refresh(freed)
    body = {"amount": str(row.amount), "currency": row.currency, "reason": reason, "items": len(freed)}
    audit.record(actor=actor, action="payment.cancelled", target=row, body=body, now=now)
    events.emit(type="payment.cancelled", object_type="payment", object_ids=[row.pk], now=now)
    judging.judge(freed, actor=actor, today=today, now=now)
    announce(balances, reason="payment_cancelled", today=today, now=now)
    announce_credit(owners, today=today, now=now)


def correct_value_date(*, payment: Payment, received_on: date, actor: str, today: date, now: datetime) -> None:
    """The money was at our disposal on another day: settlement dates, promises and penalties follow. Raises DomainError for a day more
    than ten days ahead, and for a payment that was cancelled."""
    touched = list(Allocation.objects.filter(payment=payment, reversed_at=None).values_list("installment_id", flat=True))
    locked = lock_items(touched, customer_ids=[payment.customer_id] if payment.customer_id else [])
    row = lock_payment(payment)
    _refuse_cancelled(row)
    if row.received_on == received_on:
        return
    check_value_date(received_on, today)
    before = row.received_on
    for copy in (row, payment):
        copy.received_on = received_on
    row.save(update_fields=["received_on"])
    Allocation.objects.filter(payment=row, reversed_at=None).update(value_on=received_on)
    refresh({identifier: locked.installments[identifier] for identifier in touched})
    body = {"before": before, "after": received_on}
    audit.record(actor=actor, action="payment.value_date_corrected", target=row, body=body, now=now)
    events.emit(type="payment.changed", object_type="payment", object_ids=[row.pk], now=now, payload={"what": ["received_on"]})
    judging.judge(touched, actor=actor, today=today, now=now)
    announce_change(touched, reason="value_date", today=today, now=now)


def _sort_out(
    drafts: Sequence[PaymentDraft], owners: Sequence[UUID | None], locked: Locked, today: date
) -> tuple[list[Recorded], list[tuple[PaymentDraft, Payment]]]:
    """An answer for each draft, and those to write, with their payments."""
    references = {draft.external_reference for draft in drafts if draft.external_reference}
    known = {payment.external_reference: payment for payment in Payment.objects.filter(external_reference__in=references)}
    answers, fresh = [], []
    for draft, owner in zip(drafts, owners, strict=True):
        existing = known.get(draft.external_reference)
        if existing is not None and existing.cancelled_at is not None and _says_else(existing, draft):
            existing.external_reference = f"cancelled-{existing.pk}"
            existing.save(update_fields=["external_reference"])
            existing = None
        if existing is not None:
            _refuse_other_content(existing, draft)
            answers.append(Recorded(existing, False))
            continue
        payment = Payment(
            customer=locked.customers[owner] if owner else None,
            amount=draft.amount,
            currency=draft.currency,
            unallocated=draft.amount,
            received_on=draft.received_on,
            entered_on=today,
            means=draft.means,
            external_reference=draft.external_reference or f"{ENTERED_BY_HAND}{new_id()}",
            reference_text=draft.reference_text.strip()[:200],
            payer_name=draft.payer_name.strip()[:140],
            payer_iban=draft.payer_iban.strip()[:34],
        )
        known[payment.external_reference] = payment
        fresh.append((draft, payment))
        answers.append(Recorded(payment, True))
    return answers, fresh


def _match(fresh: Sequence[tuple[PaymentDraft, Payment]], families: dict[UUID, set[UUID]], locked: Locked) -> list[Allocation]:
    """What each payment settles, in order: an item a payment closed is not there for the next one."""
    texts = {payment.reference_text for draft, payment in fresh if draft.allocations is None and payment.customer_id is not None}
    account = Account(locked.installments.values() if families else (), texts=texts)
    made: list[Allocation] = []
    for draft, payment in fresh:
        source = Source(payment=payment)
        if draft.allocations is not None:
            made += account.take(source, [(locked.installment(item.pk), amount) for item, amount in draft.allocations])
        elif payment.customer_id is not None:
            made += account.settle(source, families[payment.customer_id])
    return made


def _insert(payments: Sequence[Payment]) -> None:
    try:
        with transaction.atomic():
            Payment.objects.bulk_create(payments, batch_size=2000)
    except IntegrityError as error:
        if "payment_reference" not in str(error):
            raise
        raise StaleObject(_("The same receipt was recorded by somebody else at the same moment; load it again.")) from None


def _record_receipts(payments: Sequence[Payment], *, actor: str, now: datetime) -> None:
    if not payments:
        return
    if len(payments) == 1:
        [payment] = payments
        body = {
            "amount": str(payment.amount),
            "currency": payment.currency,
            "received_on": payment.received_on,
            "reference": payment.external_reference,
            "customer": str(payment.customer_id) if payment.customer_id else None,
        }
        audit.record(actor=actor, action="payment.recorded", target=payment, body=body, now=now)
    else:
        rows = [[payment.external_reference, str(payment.amount), payment.currency, payment.received_on] for payment in payments]
        audit.record(actor=actor, action="payments.recorded", body={"count": len(rows), "digest": audit.digest(rows)}, now=now)
    events.emit(type="payment.recorded", object_type="payment", object_ids=[payment.pk for payment in payments], now=now, fresh=True)


def _owners(drafts: Sequence[PaymentDraft]) -> list[UUID | None]:
    """Whose receipt each draft is, as far as that is certain."""
    unsaid = [draft for draft in drafts if draft.customer is None]
    named = _payers_named([draft.reference_text for draft in unsaid if draft.allocations is None])
    payers = _payers_of({item.pk for draft in unsaid for item, _amount in draft.allocations or ()})
    owners: list[UUID | None] = []
    for draft in drafts:
        if draft.customer is not None:
            owners.append(draft.customer.pk)
        elif draft.allocations is None:
            owners.append(named.get(draft.reference_text))
        else:
            found = {payers.get(item.pk) for item, _amount in draft.allocations}
            owners.append(found.pop() if len(found) == 1 else None)
    return owners


def _payers_of(item_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """For each instalment who pays it: its customer's payer, else its customer."""
    if not item_ids:
        return {}
    owners = Installment.objects.filter(pk__in=item_ids).values_list("pk", "invoice__customer_id", "invoice__customer__payer_id")
    return {pk: payer or customer for pk, customer, payer in owners}


def _payers_named(texts: Iterable[str]) -> dict[str, UUID]:
    """For each text that surely names invoices, payment requests or the account of one payer, that payer: who pays for them, else their
    own customer."""
    texts = {text for text in texts if text.strip()}
    if not texts:
        return {}
    named = reconciliation.named_in(texts)
    asked = {**reconciliation.accounts_quoted(texts), **reconciliation.payers_of_requests(texts)}
    owners = {invoice.customer_id for invoices in named.values() for invoice in invoices}
    customers = Customer.objects.in_bulk(owners | set(asked.values()))
    payers: dict[str, set[UUID]] = {}
    for text in texts:
        for reference in set(find_references(text)) & asked.keys():
            payers.setdefault(text, set()).add(customers[asked[reference]].payer_id or asked[reference])
        for invoice in named.get(text, ()):
            owner = customers[invoice.customer_id]
            payers.setdefault(text, set()).add(owner.payer_id or owner.pk)
    return {text: next(iter(found)) for text, found in payers.items() if len(found) == 1}


def _families(customer_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Each customer with those it pays for."""
    families = {identifier: {identifier} for identifier in customer_ids}
    for paid, payer in Customer.objects.filter(payer__in=families).values_list("pk", "payer_id") if families else ():
        families[payer].add(paid)
    return families


def _says_else(existing: Payment, draft: PaymentDraft) -> bool:
    same = (existing.amount, existing.currency, existing.received_on) == (draft.amount, draft.currency, draft.received_on)
    return not same or (draft.customer is not None and existing.customer_id not in (None, draft.customer.pk))


def _refuse_other_content(existing: Payment, draft: PaymentDraft) -> None:
    if _says_else(existing, draft):
        raise DomainError(
            _("The receipt %s is already recorded with another amount, date or customer.") % draft.external_reference,
            code="other_content",
            field="external_reference",
        )


def _refuse_cancelled(payment: Payment) -> None:
    if payment.cancelled_at is not None:
        raise DomainError(_("This payment was cancelled."), code="cancelled")
