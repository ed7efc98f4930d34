"""Setting money and credit notes against instalments: principal first, everywhere (C. civ. 1343-1 is set aside, or two letters show two
balances)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core import audit, events
from dunning.core.errors import DomainError
from invoices import reconciliation
from invoices.enums import InvoiceKind, InvoiceState
from invoices.models import Allocation, Installment, Invoice, Payment
from invoices.services import holds, judging
from invoices.services.balances import Balances, announce, announce_credit, refresh
from invoices.services.drafts import check_amount
from invoices.services.locks import lock_items, lock_payment
from invoices.services.write_offs import close_small_differences, reopen_small_differences


@dataclass(slots=True)
class Source:
    """Locked money to set against items: a payment, or a credit note. Its `unallocated` goes down as parts are taken."""

    payment: Payment | None = None
    credit_note: Invoice | None = None

    @property
    def row(self) -> Payment | Invoice:
        found = self.payment or self.credit_note
        if found is None:
            raise ValueError("A source is a payment or a credit note.")
        return found

    @property
    def value_on(self) -> date:
        return self.payment.received_on if self.payment is not None else self._credit_note.issued_on

    @property
    def _credit_note(self) -> Invoice:
        if self.credit_note is None:
            raise ValueError("A source is a payment or a credit note.")
        return self.credit_note


def allocate(
    *, payment: Payment, parts: Sequence[tuple[Installment, Decimal]] | None = None, actor: str, today: date, now: datetime
) -> list[Allocation]:
    """Set what is left of a payment against `parts`, or (None) against what it pays by the reconciliation's order.

    Raises DomainError for an amount above what is left of the payment or the item, another currency, a cancelled or unidentified payment.
    """
    if payment.customer_id is None:
        raise DomainError(_("Say first whose receipt this is."), code="unidentified", field="customer")
    if parts is None:
        locked = lock_items(customer_ids=family(payment.customer_id), open_items=True)
    else:
        locked = lock_items((item.pk for item, _amount in parts), customer_ids=[payment.customer_id])
    row = lock_payment(payment)
    if row.cancelled_at is not None:
        raise DomainError(_("This payment was cancelled."), code="cancelled")
    if parts is None:
        made = Account(locked.installments.values()).settle(Source(payment=row), locked.customers)
    else:
        made = set_against(Source(payment=row), [(locked.installment(item.pk), amount) for item, amount in parts])
    rows = [[str(part.installment_id), str(part.amount)] for part in made]
    if rows:
        body = {"items": rows if len(rows) <= 20 else len(rows), "digest": audit.digest(rows)}
        audit.record(actor=actor, action="payment.allocated", target=row, body=body, now=now)
        tell_allocated(made, now=now)
    after_allocation(made, locked.installments, reason="paid", actor=actor, today=today, now=now)
    payment.unallocated = row.unallocated
    return made


def reallocate(
    *, payment: Payment, parts: Sequence[tuple[Installment, Decimal]], actor: str, today: date, now: datetime
) -> list[Allocation]:
    """Take back what a payment settles and set it against `parts` instead, in one step."""
    old = list(Allocation.objects.filter(payment=payment, reversed_at=None))
    ids = {part.installment_id for part in old} | {item.pk for item, _amount in parts}
    lock_items(ids, customer_ids=[payment.customer_id] if payment.customer_id else [])  # both ends first: the order of locks
    for part in old:
        reverse_allocation(allocation=part, reason=_("Allocated anew"), actor=actor, today=today, now=now)
    return allocate(payment=payment, parts=parts, actor=actor, today=today, now=now)


def reverse_allocation(*, allocation: Allocation, reason: str, actor: str, today: date, now: datetime) -> None:
    """Take a part back from its item, which is open again; the row stays as history. Nothing happens when it was taken back already."""
    if not reason.strip():
        raise DomainError(_("Say why this allocation is taken back."), code="required", field="reason")
    note = allocation.credit_note_id
    locked = lock_items([allocation.installment_id], invoice_ids=[note] if note else [])
    if allocation.payment_id is not None:
        lock_payment(allocation.payment_id)
    if not Allocation.objects.filter(pk=allocation.pk, reversed_at=None).update(reversed_at=now):
        return
    allocation.reversed_at = now
    items = {allocation.installment_id: locked.installment(allocation.installment_id)}
    reopen_small_differences(items, actor=actor, now=now)
    balances = refresh(items, payment_ids=[allocation.payment_id] if allocation.payment_id else [], credit_note_ids=[note] if note else [])
    body = {"item": str(allocation.installment_id), "amount": str(allocation.amount), "reason": reason}
    audit.record(actor=actor, action="allocation.reversed", target=allocation, body=body, now=now)
    if allocation.payment_id is not None:
        events.emit(type="payment.released", object_type="payment", object_ids=[allocation.payment_id], now=now)
    judging.judge(items, actor=actor, today=today, now=now)
    announce(balances, reason="allocation_reversed", today=today, now=now)
    announce_credit(locked.customers, today=today, now=now)


def allocate_credit_notes(*, customer: Customer, actor: str, today: date, now: datetime) -> list[Allocation]:
    """Set a customer's unallocated credit notes against its open items of their currency, oldest first; the allocations made."""
    notes = Invoice.objects.filter(customer=customer, kind=InvoiceKind.CREDIT_NOTE, state=InvoiceState.ISSUED, unallocated__gt=0)
    locked = lock_items(invoice_ids=notes.values_list("pk", flat=True), customer_ids=[customer.pk], open_items=True)
    sources = [row for row in locked.invoices.values() if row.kind == InvoiceKind.CREDIT_NOTE and row.unallocated > 0]
    account = Account(locked.installments.values())
    made: list[Allocation] = []
    for note in sorted(sources, key=lambda row: (row.issued_on, row.number)):
        made += account.settle(Source(credit_note=note), [customer.pk])
    if made:
        rows = [[str(part.credit_note_id), str(part.installment_id), str(part.amount)] for part in made]
        body = {"count": len(rows), "digest": audit.digest(rows)}
        audit.record(actor=actor, action="credit_notes.allocated", target=customer, body=body, now=now)
    after_allocation(made, locked.installments, reason="credited", actor=actor, today=today, now=now)
    return made


def set_against(source: Source, parts: Iterable[tuple[Installment, Decimal]]) -> list[Allocation]:
    """Allocations of a locked source to locked items, not yet written; both go down in memory. Raises DomainError, see `allocate`."""
    row, made = source.row, []
    for item, amount in parts:
        if item.invoice.currency != row.currency:
            raise DomainError(_("A receipt in one currency cannot pay an invoice in another."), code="other_currency", field="currency")
        check_amount(amount, row.currency)
        if amount > row.unallocated:
            raise DomainError(_("More is allocated than was received."), code="above_source", field="amount")
        if amount > item.outstanding:
            raise DomainError(_("More is allocated than is left to pay on %s.") % item.invoice.number, code="above_item", field="amount")
        row.unallocated -= amount
        item.outstanding -= amount
        made.append(
            Allocation(installment=item, payment=source.payment, credit_note=source.credit_note, amount=amount, value_on=source.value_on)
        )
    return made


class Account:
    """The open, locked items of one or several payers, as the reconciliation reads them; kept up to date while receipts are set against it.

    Made once for a whole load: a receipt then costs what its payer's items cost, not what reading them again would. `texts` are those of
    receipts that come by themselves: one that names nothing but invoices that are paid already, a transfer sent twice, stays on account.
    """

    def __init__(self, items: Iterable[Installment], *, texts: Iterable[str] = ()) -> None:
        self.items = {item.pk: item for item in items}
        self._named = reconciliation.named_in(texts)
        contested = reconciliation.wholly_contested(self.items)
        self.views: dict[UUID, dict[UUID, reconciliation.OpenItem]] = {}
        for view in reconciliation.as_items(self.items.values(), contested, reconciliation.requested(self.items)):
            self.views.setdefault(view.customer_id, {})[view.id] = view

    def settle(self, source: Source, customer_ids: Iterable[UUID]) -> list[Allocation]:
        """Allocations of a locked source, by the reconciliation's order, to the items of these customers; not yet written."""
        row = source.row
        receipt = reconciliation.Receipt(
            amount=row.unallocated, currency=row.currency, text=source.payment.reference_text if source.payment is not None else ""
        )
        owners = set(customer_ids)
        open_ = [view for customer_id in sorted(owners) for view in self.views.get(customer_id, {}).values()]
        named = [
            invoice for invoice in self._named.get(receipt.text, ()) if invoice.customer_id in owners and invoice.currency == row.currency
        ]
        if named and not reconciliation.named_items(receipt, open_):
            return []
        return self.take(source, [(self.items[part.item_id], part.amount) for part in reconciliation.settle(receipt, open_)])

    def take(self, source: Source, parts: Iterable[tuple[Installment, Decimal]]) -> list[Allocation]:
        """`set_against`, of which the next `settle` takes account."""
        made = set_against(source, parts)
        for part in made:
            own = self.views.get(part.installment.customer_id, {})
            view = own.pop(part.installment_id, None)
            if view is not None and part.installment.outstanding:
                own[part.installment_id] = replace(view, outstanding=part.installment.outstanding)
        return made


def after_allocation(
    made: Sequence[Allocation], items: dict[UUID, Installment], *, reason: str, actor: str, today: date, now: datetime
) -> Balances:
    """Write allocations, close what they leave within tolerance, bring balances, promises and pauses up to date, and tell."""
    Allocation.objects.bulk_create(made, batch_size=2000)
    touched = {part.installment_id: items[part.installment_id] for part in made}
    close_small_differences(touched, now=now)
    balances = refresh(
        touched,
        payment_ids={part.payment_id for part in made if part.payment_id is not None},
        credit_note_ids={part.credit_note_id for part in made if part.credit_note_id is not None},
    )
    judging.judge(touched, actor=actor, today=today, now=now)
    holds.pause_partly_paid(made, touched, actor=actor, today=today, now=now)
    announce(balances, reason=reason, today=today, now=now)
    return balances


def tell_allocated(made: Sequence[Allocation], *, now: datetime) -> None:
    """Tell the outside world that receipts recorded before were set against items; a new receipt says so itself."""
    ids = sorted({part.payment_id for part in made if part.payment_id is not None})
    events.emit(type="payment.allocated", object_type="payment", object_ids=ids, now=now)


def family(customer_id: UUID) -> list[UUID]:
    """The customer and those it pays for."""
    return [customer_id, *Customer.objects.filter(payer=customer_id).values_list("pk", flat=True)]
