"""What the ledger holds open and a snapshot does not name: proposed as settled, and settled on request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoices.enums import InvoiceKind, InvoiceState, TraceKind
from invoices.importers.problems import amount_words
from invoices.importers.traces import leave_traces
from invoices.models import Allocation, ImportBatch, Installment, Invoice, Payment
from invoices.services import PaymentDraft, allocate, lock_items, record_payments
from invoices.services.allocations import Source, after_allocation, set_against

MOST = Fraction(30, 100)
"""Above this share of what is open, settling by absence looks like half a file."""
SHOWN = 20
_PORTION = 500
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Item:
    id: UUID
    customer_id: UUID
    customer: str
    number: str
    due_on: date
    currency: str
    outstanding: Decimal
    settled: Decimal  # what the snapshot no longer shows of it


@dataclass(frozen=True, slots=True)
class Absent:
    """The proposal. `share`: of the open items, by number or amount, whichever is larger."""

    items: tuple[_Item, ...] = ()
    payments: tuple[UUID, ...] = ()  # money on account the snapshot no longer shows
    credit_notes: tuple[UUID, ...] = ()
    share: Fraction = field(default_factory=Fraction)

    @property
    def count(self) -> int:
        return len(self.items)


def find(*, present: frozenset[str], partly: Mapping[str, Decimal], payments: frozenset[UUID]) -> Absent:
    """Compare the open items with the document numbers `present`; `partly`: how much less is open of some. `payments` are still there."""
    left = dict(partly)
    found: list[_Item] = []
    open_count, open_totals = 0, dict[str, Decimal]()
    rows = Installment.objects.filter(outstanding__gt=0, invoice__state=InvoiceState.ISSUED).order_by("due_on", "pk")
    fields = ("pk", "customer_id", "customer__number", "invoice__number", "due_on", "invoice__currency", "outstanding")
    for identifier, customer_id, customer, number, due_on, currency, outstanding in rows.values_list(*fields).iterator(chunk_size=5000):
        open_count += 1
        open_totals[currency] = open_totals.get(currency, _ZERO) + outstanding
        settled = outstanding if number not in present else min(outstanding, left.get(number, _ZERO))
        if settled:
            if number in left:
                left[number] -= settled
            found.append(_Item(identifier, customer_id, customer, number, due_on, currency, outstanding, settled))
    shares = [Fraction(len(found), open_count)] if open_count else []
    for currency, total in open_totals.items():
        shares.append(Fraction(sum((item.settled for item in found if item.currency == currency), _ZERO)) / Fraction(total))
    on_account = Payment.objects.filter(unallocated__gt=0, customer__isnull=False, cancelled_at=None).exclude(pk__in=payments)
    notes = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE, state=InvoiceState.ISSUED, unallocated__gt=0).exclude(number__in=present)
    return Absent(
        items=tuple(found),
        payments=tuple(on_account.order_by("received_on", "pk").values_list("pk", flat=True)),
        credit_notes=tuple(notes.order_by("issued_on", "pk").values_list("pk", flat=True)),
        share=max(shares, default=Fraction()),
    )


def described(absent: Absent) -> list[str]:
    """The proposal in words: how many, how much, and the largest ones."""
    if not absent.items:
        return []
    totals: dict[str, Decimal] = {}
    for item in absent.items:
        totals[item.currency] = totals.get(item.currency, _ZERO) + item.settled
    amounts = " + ".join(amount_words(total, currency) for currency, total in sorted(totals.items()))
    lines = [
        ngettext(
            "%(count)s open item (%(amount)s) is no longer in the file: it seems settled. Settle it with --apply-settled.",
            "%(count)s open items (%(amount)s) are no longer in the file: they seem settled. Settle them with --apply-settled.",
            absent.count,
        )
        % {"count": absent.count, "amount": amounts}
    ]
    for item in largest(absent):
        part = "" if item.settled == item.outstanding else _(" of %(all)s") % {"all": amount_words(item.outstanding, item.currency)}
        lines.append(f"  {item.number}  {item.customer}  {item.due_on}  {amount_words(item.settled, item.currency)}{part}")
    return lines


def largest(absent: Absent) -> list[_Item]:
    """The items with the largest amounts, at most SHOWN of them."""
    return sorted(absent.items, key=lambda item: (-item.settled, item.number))[:SHOWN]


def apply(absent: Absent, *, batch: ImportBatch, actor: str, today: date, now: datetime) -> None:
    """Settle the proposal: money and credit notes that disappeared with the items first, a receipt dated today for the rest."""
    lock_items(item.id for item in absent.items)
    left = {item.id: item.settled for item in absent.items}
    used = _use_credit_notes(absent, left, actor=actor, today=today, now=now)
    used += _use_payments(absent, left, actor=actor, today=today, now=now)
    leave_traces(batch, TraceKind.ALLOCATION, [part.pk for part in used], on=today)
    rest = [item for item in absent.items if left[item.id] > 0]
    for start in range(0, len(rest), _PORTION):
        portion = rest[start : start + _PORTION]
        items = Installment.objects.select_related("customer").in_bulk([item.id for item in portion])
        drafts = [
            PaymentDraft(
                amount=left[item.id],
                received_on=today,
                currency=item.currency,
                customer=items[item.id].customer,
                external_reference=f"settled-{batch.pk}-{item.id}",
                reference_text=_("%(number)s: no longer among the open items of %(date)s") % {"number": item.number, "date": today},
                allocations=((items[item.id], left[item.id]),),
            )
            for item in portion
        ]
        recorded = record_payments(drafts=drafts, actor=actor, today=today, now=now)
        leave_traces(batch, TraceKind.PAYMENT, [answer.payment.pk for answer in recorded if answer.created], on=today)


def _shares(
    absent: Absent, left: dict[UUID, Decimal], customer_id: UUID | None, currency: str, amount: Decimal
) -> list[tuple[UUID, Decimal]]:
    """What a source of `amount` settles of the customer's items, the oldest due first; `left` goes down."""
    shares = []
    for item in absent.items:
        if item.customer_id == customer_id and item.currency == currency and (part := min(amount, left[item.id])) > 0:
            left[item.id] -= part
            amount -= part
            shares.append((item.id, part))
    return shares


def _use_credit_notes(absent: Absent, left: dict[UUID, Decimal], *, actor: str, today: date, now: datetime) -> list[Allocation]:
    used: list[Allocation] = []
    for note in Invoice.objects.filter(pk__in=absent.credit_notes).order_by("issued_on", "pk"):
        shares = _shares(absent, left, note.customer_id, note.currency, note.unallocated)
        if shares:
            locked = lock_items([identifier for identifier, _amount in shares], invoice_ids=[note.pk])
            made = set_against(
                Source(credit_note=locked.invoices[note.pk]), [(locked.installment(identifier), amount) for identifier, amount in shares]
            )
            after_allocation(made, locked.installments, reason="credited", actor=actor, today=today, now=now)
            used += made
    return used


def _use_payments(absent: Absent, left: dict[UUID, Decimal], *, actor: str, today: date, now: datetime) -> list[Allocation]:
    used: list[Allocation] = []
    for payment in Payment.objects.filter(pk__in=absent.payments).order_by("received_on", "pk"):
        shares = _shares(absent, left, payment.customer_id, payment.currency, payment.unallocated)
        if shares:
            items = Installment.objects.in_bulk([identifier for identifier, _amount in shares])
            used += allocate(
                payment=payment, parts=[(items[identifier], amount) for identifier, amount in shares], actor=actor, today=today, now=now
            )
    return used


def compared(totals: Mapping[str, int | Decimal]) -> list[str]:
    """The ledger's balance beside the file's, for each currency in which they differ."""
    lines = []
    for currency, total in sorted(totals.items()):
        items = Installment.objects.filter(invoice__currency=currency, invoice__state=InvoiceState.ISSUED).aggregate(
            sum=Sum("outstanding")
        )["sum"]
        notes = Invoice.objects.filter(currency=currency, kind=InvoiceKind.CREDIT_NOTE).aggregate(sum=Sum("unallocated"))["sum"]
        money = Payment.objects.filter(currency=currency, customer__isnull=False).aggregate(sum=Sum("unallocated"))["sum"]
        balance = (items or _ZERO) - (notes or _ZERO) - (money or _ZERO)
        if balance != total:
            lines.append(
                _("The ledger now stands at %(ledger)s, the file at %(file)s.")
                % {"ledger": amount_words(balance, currency), "file": amount_words(Decimal(total), currency)}
            )
    return lines
