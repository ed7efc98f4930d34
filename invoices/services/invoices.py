"""Issuing and cancelling invoices, and what is attached to them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import lock_customers
from dunning.core import audit, events, search
from dunning.core.errors import DomainError
from dunning.core.models import Document
from dunning.core.selectors import get_profile
from invoices.enums import DisputeState, HoldKind, InstallmentKind, InvoiceKind, InvoiceState, PaymentMeans, TriageChoice
from invoices.models import Allocation, Dispute, ImportBatch, Installment, Invoice, WriteOff
from invoices.references import reference_for
from invoices.selectors import customer_terms
from invoices.services import holds, judging, promises
from invoices.services.balances import CANCELLED, announce, announce_change, refresh, tell_changed
from invoices.services.drafts import InstallmentDraft, InvoiceDraft, check_amount, clean_pay_to
from invoices.services.locks import lock_items

SEARCH_KIND = "invoice"
TRIAGE_AFTER_DAYS = 90
"""Rule 3: at the first import, items more overdue than this wait for a person."""


class InvoiceFields(TypedDict, total=False):
    """What may change after an invoice was issued."""

    due_on: date
    delivered_on: date | None
    label: str
    purchase_order: str
    payment_reference: str
    pay_to_iban: str
    is_factored: bool


def issue_invoice(*, draft: InvoiceDraft, actor: str, today: date, now: datetime) -> Invoice:
    """Record one issued invoice. Raises DomainError, see `issue_invoices`."""
    return issue_invoices(drafts=[draft], actor=actor, today=today, now=now)[0]


def issue_invoices(
    *,
    drafts: Sequence[InvoiceDraft],
    batch: ImportBatch | None = None,
    first_import: bool = False,
    actor: str,
    today: date,
    now: datetime,
) -> list[Invoice]:
    """Record issued invoices with their instalments, in order; one audit event for all.

    At an organization's first import, items more than 90 days overdue wait for a person's choice (rule 3). Raises DomainError for a
    taken or blank number, a bad amount, currency or IBAN, a due date before the issue, or instalments that do not add up; nothing is
    written then.
    """
    iban = get_profile().iban
    customers = lock_customers(draft.customer.pk for draft in drafts)
    _refuse_taken([draft.number.strip() for draft in drafts])  # under the lock: two people entering one invoice meet here
    invoices: list[Invoice] = []
    installments: list[Installment] = []
    for draft in drafts:
        if draft.customer.pk not in customers:
            raise DomainError(_("This customer does not exist."), code="unknown_customer", field="customer")
        invoice, parts = _prepare(draft, customers[draft.customer.pk], iban, today, first_import)
        invoice.batch = batch
        invoices.append(invoice)
        installments += parts
    Invoice.objects.bulk_create(invoices, batch_size=2000)
    Installment.objects.bulk_create(installments, batch_size=2000)
    search.index(kind=SEARCH_KIND, tokens={invoice.pk: search_tokens(invoice) for invoice in invoices}, fresh=True)
    _record_issue(invoices, actor=actor, now=now)
    announce_change([part.pk for part in installments], reason="issued", today=today, now=now)
    return invoices


def cancel_invoice(*, invoice: Invoice, reason: str, actor: str, today: date, now: datetime) -> None:
    """The invoice was issued by mistake and was never owed; what had been set against it is free again.

    Its instalments are closed by a write-off that bears the reason, so that no list of open items holds them; their promises, disputes
    and pauses are closed. Nothing happens when it is
    already cancelled. Raises DomainError without a reason, or for a credit note whose credit was used.
    """
    if not reason.strip():
        raise DomainError(_("Say why the invoice is cancelled."), code="required", field="reason")
    locked = lock_items(invoice_ids=[invoice.pk])
    row = locked.invoices[invoice.pk]
    if row.state == InvoiceState.CANCELLED:
        return
    if row.kind == InvoiceKind.CREDIT_NOTE and row.unallocated != row.gross:
        raise DomainError(_("This credit note was set against invoices: take that back first."), code="credit_used")
    parts = {part.pk: part for part in locked.installments.values() if part.invoice_id == row.pk}
    freed = list(Allocation.objects.filter(installment__in=parts, reversed_at=None))
    Allocation.objects.filter(pk__in=[allocation.pk for allocation in freed]).update(reversed_at=now)
    WriteOff.objects.filter(installment__in=parts, reversed_at=None).update(reversed_at=now)
    WriteOff.objects.bulk_create(
        [WriteOff(installment=part, amount=part.amount, reason=reason.strip()[:200], written_off_on=today) for part in parts.values()]
    )
    row.unallocated = Decimal(0)
    for copy in (row, invoice):
        copy.state, copy.cancelled_at, copy.cancelled_reason = InvoiceState.CANCELLED, now, reason.strip()[:200]
    row.save(update_fields=["state", "cancelled_at", "cancelled_reason", "unallocated", "updated_at"])
    _close_exceptions(list(parts), reason, actor=actor, today=today, now=now)
    balances = refresh(
        parts,
        payment_ids={allocation.payment_id for allocation in freed if allocation.payment_id},
        credit_note_ids={allocation.credit_note_id for allocation in freed if allocation.credit_note_id},
    )
    judging.judge(parts, actor=actor, today=today, now=now)
    body = {"number": row.number, "reason": reason, "freed": str(sum((allocation.amount for allocation in freed), Decimal(0)))}
    audit.record(actor=actor, action="invoice.cancelled", target=row, body=body, now=now)
    events.emit(type="invoice.cancelled", object_type="invoice", object_ids=[row.pk], now=now)
    announce(balances, reason=CANCELLED, today=today, now=now)


def attach_document(
    *, invoice: Invoice, document: Document, proof_of_delivery: bool = False, actor: str, today: date, now: datetime
) -> None:
    """Attach the invoice's copy, or its proof of delivery; the file it replaces stays in the archive."""
    locked = lock_items(invoice_ids=[invoice.pk])
    row = locked.invoices[invoice.pk]
    field = "delivery_proof" if proof_of_delivery else "document"
    before = getattr(row, f"{field}_id")
    for copy in (row, invoice):
        setattr(copy, field, document)
    row.save(update_fields=[field, "updated_at"])
    body = {"document": str(document.pk), "sha256": document.sha256, "replaces": str(before) if before else None}
    audit.record(actor=actor, action=f"invoice.{field}_attached", target=row, body=body, now=now)
    tell_changed([row.pk], [field], now=now)
    announce_change(_parts_of(locked.installments, row), reason="document", today=today, now=now)


def set_triage(*, installments: Collection[Installment], choice: str, actor: str, today: date, now: datetime) -> None:
    """What becomes of items that were already old at the first import (rule 3); CHASE lets the plan take them up."""
    if choice not in TriageChoice.values:
        raise DomainError(_("Choose what becomes of these items."), code="bad_choice", field="choice")
    ids = sorted(item.pk for item in installments)
    locked = lock_items(ids)
    Installment.objects.filter(pk__in=ids).update(triage=choice)
    for item in installments:
        item.triage = choice
    single = locked.installments[ids[0]] if len(ids) == 1 else None
    audit.record(
        actor=actor, action="items.triaged", target=single, body={"choice": choice, "count": len(ids), "digest": audit.digest(ids)}, now=now
    )
    tell_changed(_invoices_of(locked.installments, ids), ["triage"], now=now)
    announce_change(ids, reason="triage", today=today, now=now)


def set_collection(*, installments: Collection[Installment], collection_on: date | None, actor: str, today: date, now: datetime) -> None:
    """These items are inside a direct debit or bill collected on that day and are not chased (rule 1); None takes them out again."""
    ids = sorted(item.pk for item in installments)
    locked = lock_items(ids)
    Installment.objects.filter(pk__in=ids).update(collection_on=collection_on)
    for item in installments:
        item.collection_on = collection_on
    body = {"collection_on": collection_on, "count": len(ids), "digest": audit.digest(ids)}
    audit.record(actor=actor, action="items.collection_set", body=body, now=now)
    tell_changed(_invoices_of(locked.installments, ids), ["collection_on"], now=now)
    announce_change(ids, reason="collection", today=today, now=now)


def update_invoice(*, invoice: Invoice, actor: str, today: date, now: datetime, **fields: Unpack[InvoiceFields]) -> list[str]:
    """Change what may change after issue; the names of the fields that did, `[]` when none. `due_on` moves the only instalment's due date.

    Amount, currency, customer and number never change: a correction is a credit note. Raises DomainError for a bad IBAN, a due date before
    the issue, or a due date of an invoice in several instalments.
    """
    locked = lock_items(invoice_ids=[invoice.pk])
    row = locked.invoices[invoice.pk]
    wanted: dict[str, Any] = dict(fields)
    if "pay_to_iban" in wanted:
        wanted["pay_to_iban"] = clean_pay_to(wanted["pay_to_iban"])
    parts = [part for part in locked.installments.values() if part.invoice_id == row.pk]
    changed = sorted(name for name, value in wanted.items() if getattr(row, name) != value)
    if not changed:
        return []
    if "due_on" in changed:
        _move_due_date(parts, wanted["due_on"], row)
    before = {name: getattr(row, name) for name in changed}
    for name in changed:
        setattr(row, name, wanted[name])
        setattr(invoice, name, wanted[name])
    row.save(update_fields=[*changed, "updated_at"])
    if "purchase_order" in changed:
        search.index(kind=SEARCH_KIND, tokens={row.pk: search_tokens(row)})
    body = {"before": before, "after": {name: wanted[name] for name in changed}}
    audit.record(actor=actor, action="invoice.updated", target=row, body=body, now=now)
    tell_changed([row.pk], changed, now=now)
    announce_change([part.pk for part in parts], reason="updated", today=today, now=now)
    return changed


def due_date_for(customer: Customer, issued_on: date) -> date:
    """The due date the customer's own terms give."""
    return customer_terms(customer).due_date(issued_on)


def search_tokens(invoice: Invoice) -> set[str]:
    """By its number, its amount and its order number."""
    return tokens_of(invoice.number, invoice.gross, invoice.purchase_order)


def tokens_of(number: str, gross: Decimal, purchase_order: str) -> set[str]:
    """The search tokens of an invoice from its plain values: a load has no instances."""
    tokens = search.number_tokens(number) | {search.amount_token(gross)}
    return tokens | {search.fold(purchase_order)} if purchase_order else tokens


def refuse_blank_or_taken(number: str) -> None:
    """Raises DomainError when an invoice or a credit note has that number."""
    _refuse_taken([number.strip()])


def _refuse_taken(numbers: Sequence[str]) -> None:
    if not all(numbers):
        raise DomainError(_("An invoice needs a number."), code="required", field="number")
    taken = set(Invoice.objects.filter(number__in=numbers).values_list("number", flat=True))
    if len(set(numbers)) < len(numbers):
        taken |= {number for number in numbers if numbers.count(number) > 1}
    if taken:
        raise DomainError(
            _("The number %s is already used: a correction is a credit note and a new invoice.") % ", ".join(sorted(taken)),
            code="duplicate_number",
            field="number",
        )


def _close_exceptions(ids: Sequence[UUID], reason: str, *, actor: str, today: date, now: datetime) -> None:
    """Nothing is owed any more: promises are withdrawn, disputes were right, pauses end."""
    promises.withdraw_open(ids, today=today, now=now)
    holds.release_matching(ids, kinds=HoldKind.values, reason=reason, actor=actor, today=today, now=now)
    contested = list(Dispute.objects.filter(installment__in=ids, state=DisputeState.OPEN).values_list("pk", flat=True))
    Dispute.objects.filter(pk__in=contested).update(state=DisputeState.ACCEPTED, closed_on=today, resolution_text=reason.strip())
    events.emit(type="dispute.closed", object_type="dispute", object_ids=contested, now=now)


def _move_due_date(parts: Sequence[Installment], due_on: date, invoice: Invoice) -> None:
    if len(parts) != 1:
        raise DomainError(
            _("This invoice falls due in several instalments: change them instead."), code="several_installments", field="due_on"
        )
    if due_on < invoice.issued_on and parts[0].kind != InstallmentKind.DEPOSIT:
        raise DomainError(_("The due date comes before the issue date."), code="bad_date", field="due_on")
    [part] = parts
    if part.collection_on == part.due_on:  # collected on its due date, whichever that is
        part.collection_on = due_on
    part.due_on = due_on
    part.save(update_fields=["due_on", "collection_on"])


def _prepare(draft: InvoiceDraft, customer: Customer, iban: str, today: date, first_import: bool) -> tuple[Invoice, list[Installment]]:
    check_amount(draft.gross, draft.currency, "gross")
    parts = draft.installments or (InstallmentDraft(draft.due_on or due_date_for(customer, draft.issued_on), draft.gross),)
    for part in parts:
        check_amount(part.amount, draft.currency)
        if part.due_on < draft.issued_on and part.kind != InstallmentKind.DEPOSIT:
            raise DomainError(_("The due date comes before the issue date."), code="bad_date", field="due_on")
    if sum(part.amount for part in parts) != draft.gross:
        raise DomainError(_("The instalments do not add up to the invoice's amount."), code="bad_total", field="installments")
    invoice = Invoice(
        number=draft.number.strip(),
        kind=InvoiceKind.INVOICE,
        customer=customer,
        issued_on=draft.issued_on,
        delivered_on=draft.delivered_on,
        due_on=max(part.due_on for part in parts),
        currency=draft.currency,
        gross=draft.gross,
        label=draft.label.strip()[:200],
        purchase_order=draft.purchase_order.strip()[:60],
        payment_reference=draft.payment_reference or reference_for(draft.number),
        pay_to_iban=clean_pay_to(draft.pay_to_iban) or iban,
        document=draft.document,
        delivery_proof=draft.delivery_proof,
        e_invoice_status=draft.e_invoice_status,
        is_factored=bool(customer.factor_name) if draft.is_factored is None else draft.is_factored,
        entered_on=today,
    )
    installments = [
        Installment(
            invoice=invoice,
            customer=customer,
            currency=draft.currency,
            position=position,
            kind=part.kind,
            means=part.means or customer.payment_means or PaymentMeans.TRANSFER,
            due_on=part.due_on,
            amount=part.amount,
            outstanding=part.amount,
            triage=part.triage or (TriageChoice.WAITING if first_import and (today - part.due_on).days > TRIAGE_AFTER_DAYS else ""),
        )
        for position, part in enumerate(parts, start=1)
    ]
    for item in installments:
        item.await_collection(today)
    return invoice, installments


def _record_issue(invoices: Sequence[Invoice], *, actor: str, now: datetime) -> None:
    if len(invoices) == 1:
        [invoice] = invoices
        body = {"number": invoice.number, "gross": str(invoice.gross), "currency": invoice.currency, "due_on": invoice.due_on}
        audit.record(actor=actor, action="invoice.issued", target=invoice, body=body, now=now)
    elif invoices:
        rows = [[invoice.number, str(invoice.gross), invoice.currency, invoice.due_on] for invoice in invoices]
        audit.record(actor=actor, action="invoices.issued", body={"count": len(rows), "digest": audit.digest(rows)}, now=now)
    if invoices:
        events.emit(type="invoice.created", object_type="invoice", object_ids=[invoice.pk for invoice in invoices], now=now, fresh=True)


def _invoices_of(installments: dict[UUID, Installment], ids: Sequence[UUID]) -> list[UUID]:
    return sorted({installments[pk].invoice_id for pk in ids})


def _parts_of(installments: dict[UUID, Installment], invoice: Invoice) -> list[UUID]:
    return [part.pk for part in installments.values() if part.invoice_id == invoice.pk]
