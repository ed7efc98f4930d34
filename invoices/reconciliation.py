"""Which open items a receipt pays (docs/domain.md, "Reconciliation").

The order: a structured reference or an invoice number in the payer's text, then, for a known customer, the exact amount of one item, the
exact sum of its oldest items, and at last the oldest due first. A name alone proves nothing: it only proposes.

`settle` and `propose` are pure over frozen values; `open_items` and `named_invoices` read them. Receipts of nobody: `invoices.unmatched`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from uuid import UUID

from customers.models import Customer
from dunning.core import search
from dunning.core.models import SearchEntry
from invoices.enums import InvoiceKind, InvoiceState
from invoices.models import Dispute, Installment, Invoice, PaymentRequest, PaymentRequestItem
from invoices.references import find_references, reference_for

SUBSET_LIMIT = 12
"""An exact sum is looked for among this many oldest items: 4,096 sums at most."""
NAME_LIKENESS = 0.85
_NOTHING = Decimal(0)
_UNASKED: Mapping[str, Decimal] = MappingProxyType({})
_PIECES = re.compile(r"[a-z0-9]+")


class Evidence(StrEnum):
    """Why a receipt is thought to pay an item; `certain` ones are set against it without a person."""

    REFERENCE = "reference"
    NUMBER = "number"
    EXACT_AMOUNT = "exact_amount"
    EXACT_SUM = "exact_sum"
    OLDEST_FIRST = "oldest_first"
    IBAN = "iban"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An open instalment as the matching sees it."""

    id: UUID
    customer_id: UUID
    invoice_number: str
    payment_reference: str
    due_on: date
    outstanding: Decimal
    currency: str
    contested: bool = False
    requests: Mapping[str, Decimal] = field(default_factory=dict)  # asked for together with others: reference, and the amount it asks for


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a payer sent. `customer_id` is None while nobody knows who paid."""

    amount: Decimal
    currency: str
    text: str = ""
    payer_name: str = ""
    payer_iban: str = ""
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """`amount` of a receipt set against one item."""

    item_id: UUID
    amount: Decimal
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Proposal:
    """A customer who may have paid, why we think so, and what the receipt would then settle."""

    customer_id: UUID
    evidence: Evidence
    parts: tuple[Part, ...]


@lru_cache(maxsize=100_000)
def compact(text: str) -> str:
    """A number without case, spaces and separators: "FA-2026-00042" → "fa202600042"."""
    return "".join(_PIECES.findall(search.fold(text)))


def numbers_in(text: str) -> frozenset[str]:
    """Every run of up to four words of a transfer's text that may be a document's number, compact; words without a figure are none."""
    pieces = _PIECES.findall(search.fold(text))
    runs = {"".join(pieces[start : start + length]) for start in range(len(pieces)) for length in range(1, 5)}
    return frozenset(run for run in runs if len(run) >= 4 and any(character.isdigit() for character in run))


def settle(receipt: Receipt, items: Sequence[OpenItem], *, named_only: bool = False) -> list[Part]:
    """What the receipt pays of `items`, all of one customer or of those it pays for; `[]` when nothing.

    Named items are paid first, oldest first, and what exceeds them is left unallocated: the debtor said what it was for (C. civ. 1342-10).
    A receipt that quotes a payment request and brings its amount pays each item what the request asked for it.
    Without a name the exact amount of one item, the exact sum of the oldest ones, then the oldest due first. Items of another currency are
    never touched; contested ones come last. `named_only` stops after the names.
    """
    candidates = sorted(
        (item for item in items if item.currency == receipt.currency and item.outstanding > 0),
        key=lambda item: (item.contested, item.due_on, item.invoice_number, item.id),
    )
    named = named_items(receipt, candidates)
    if named:
        return _as_requested(receipt, candidates) or _pay_in_order(receipt.amount, named)
    if named_only or not candidates:
        return []
    exact = [item for item in candidates if item.outstanding == receipt.amount]
    if exact:
        return [Part(exact[0].id, receipt.amount, Evidence.EXACT_AMOUNT)]
    subset = _exact_subset(receipt.amount, candidates[:SUBSET_LIMIT])
    if subset:
        return [Part(item.id, item.outstanding, Evidence.EXACT_SUM) for item in subset]
    return _pay_in_order(receipt.amount, [(item, Evidence.OLDEST_FIRST) for item in candidates])


def propose(
    receipt: Receipt,
    items: Sequence[OpenItem],
    *,
    names: Mapping[UUID, str],
    ibans: Mapping[UUID, str],
    payers: Mapping[UUID, UUID] = MappingProxyType({}),
) -> list[Proposal]:
    """Who may have sent an unidentified receipt, best evidence first, one proposal for each customer; a person chooses.

    `names` and `ibans` are of the customers to consider; `payers` says who pays for whom, and a payer owes what they owe. By what the text
    names, by a known account, by a like name whose open items hold the amount, one or several, by an amount that fits one item, or all that
    an account owes.
    """
    mine: dict[UUID, list[OpenItem]] = {}
    accounts: dict[UUID, list[OpenItem]] = {}
    for item in items:
        if item.currency == receipt.currency and item.outstanding > 0:
            mine.setdefault(item.customer_id, []).append(item)
            accounts.setdefault(payers.get(item.customer_id, item.customer_id), []).append(item)
    owed = {**mine, **accounts}
    found: dict[UUID, Proposal] = {}

    def add(customer_id: UUID, evidence: Evidence, parts: Iterable[Part]) -> None:
        found.setdefault(customer_id, Proposal(customer_id, evidence, tuple(parts)))

    for customer_id, own in mine.items():
        parts = settle(receipt, own, named_only=True)
        if parts:
            add(customer_id, parts[0].evidence, parts)
    for customer_id, iban in ibans.items():
        if receipt.payer_iban and iban == receipt.payer_iban:
            add(customer_id, Evidence.IBAN, settle(receipt, owed.get(customer_id, [])))
    for customer_id, name in names.items():
        own = owed.get(customer_id, [])
        if own and alike(receipt.payer_name, name):
            parts = settle(receipt, own)
            if parts and parts[0].evidence in (Evidence.EXACT_AMOUNT, Evidence.EXACT_SUM):
                add(customer_id, Evidence.NAME, parts)
    for customer_id, own in mine.items():
        fitting = [item for item in own if item.outstanding == receipt.amount]
        if fitting:
            oldest = min(fitting, key=lambda item: (item.due_on, item.invoice_number))
            add(customer_id, Evidence.EXACT_AMOUNT, [Part(oldest.id, receipt.amount, Evidence.EXACT_AMOUNT)])
    for customer_id, own in accounts.items():
        if len(own) > 1 and sum((item.outstanding for item in own), _NOTHING) == receipt.amount:
            add(customer_id, Evidence.EXACT_SUM, [Part(item.id, item.outstanding, Evidence.EXACT_SUM) for item in own])
    order = [Evidence.REFERENCE, Evidence.NUMBER, Evidence.IBAN, Evidence.NAME, Evidence.EXACT_AMOUNT, Evidence.EXACT_SUM]
    return sorted(found.values(), key=lambda proposal: order.index(proposal.evidence))


def named_items(receipt: Receipt, items: Sequence[OpenItem]) -> list[tuple[OpenItem, Evidence]]:
    """The items that the receipt's text names, and how."""
    if not receipt.text:
        return []
    references, numbers = set(find_references(receipt.text)), numbers_in(receipt.text)
    named = []
    for item in items:
        if (item.payment_reference and item.payment_reference in references) or not references.isdisjoint(item.requests):
            named.append((item, Evidence.REFERENCE))
        elif compact(item.invoice_number) in numbers:
            named.append((item, Evidence.NUMBER))
    return named


def _as_requested(receipt: Receipt, items: Sequence[OpenItem]) -> list[Part]:
    for reference in find_references(receipt.text):
        asked = [(item, item.requests[reference]) for item in items if reference in item.requests]
        if sum((amount for _item, amount in asked), _NOTHING) == receipt.amount and all(a <= item.outstanding for item, a in asked):
            return [Part(item.id, amount, Evidence.REFERENCE) for item, amount in asked]
    return []


def _pay_in_order(amount: Decimal, items: Iterable[tuple[OpenItem, Evidence]]) -> list[Part]:
    parts = []
    for item, evidence in items:
        paid = min(amount, item.outstanding)
        if paid > 0:
            parts.append(Part(item.id, paid, evidence))
            amount -= paid
    return parts


def _exact_subset(amount: Decimal, items: Sequence[OpenItem]) -> list[OpenItem]:
    """The items, at least two, whose sum is exactly `amount`; of several such choices the one with the oldest items."""
    sums: dict[Decimal, tuple[int, ...]] = {_NOTHING: ()}
    for position, item in enumerate(items):
        for total, chosen in list(sums.items()):
            reached = total + item.outstanding
            if reached <= amount:
                sums.setdefault(reached, (*chosen, position))
    chosen = sums.get(amount, ())
    return [items[position] for position in chosen] if len(chosen) > 1 else []


def alike(left: str, right: str) -> bool:
    """Whether two names may be one's: the words of one are in the other, or they differ by a slip of the pen."""
    if not left or not right:
        return False
    (one, one_folded), (two, two_folded) = _read_name(left), _read_name(right)
    if one and two and (one <= two or two <= one):
        return True
    matcher = SequenceMatcher(None, one_folded, two_folded)
    bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)  # each at least the next, and far cheaper
    return all(bound() >= NAME_LIKENESS for bound in bounds)


@lru_cache(maxsize=100_000)
def _read_name(name: str) -> tuple[frozenset[str], str]:
    """The words that tell a name apart, and the name folded: one receipt's is compared with those of all customers."""
    return frozenset(search.words(name)), search.fold(name)


def as_items(
    installments: Iterable[Installment],
    contested: frozenset[UUID] = frozenset(),
    requests: Mapping[UUID, Mapping[str, Decimal]] = MappingProxyType({}),
) -> list[OpenItem]:
    """Instalments, their `invoice` loaded, as the matching sees them. `contested` are ids of wholly disputed ones, `requests` from
    `requested`."""
    return [
        OpenItem(
            id=row.pk,
            customer_id=row.customer_id,
            invoice_number=row.invoice.number,
            payment_reference=row.invoice.payment_reference,
            due_on=row.due_on,
            outstanding=row.outstanding,
            currency=row.invoice.currency,
            contested=row.pk in contested,
            requests=requests.get(row.pk, _UNASKED),
        )
        for row in installments
    ]


def requested(installment_ids: Iterable[UUID]) -> dict[UUID, dict[str, Decimal]]:
    """Those of these instalments that were asked for together with others: the references, each with what it asks for the instalment."""
    found: dict[UUID, dict[str, Decimal]] = {}
    rows = PaymentRequestItem.objects.filter(installment__in=list(installment_ids))
    for identifier, reference, amount in rows.values_list("installment_id", "request__reference", "amount"):
        found.setdefault(identifier, {})[reference] = amount
    return found


def payers_of_requests(texts: Iterable[str]) -> dict[str, UUID]:
    """The customers who were asked for what these texts quote, by the reference of the request."""
    references = {reference for text in texts for reference in find_references(text)}
    if not references:
        return {}
    return dict(PaymentRequest.objects.filter(reference__in=references).values_list("reference", "customer_id"))


def accounts_quoted(texts: Iterable[str]) -> dict[str, UUID]:
    """The customers whose account these texts quote, by the reference that a message about several invoices prints."""
    references = {reference for text in texts for reference in find_references(text)}
    if not references:
        return {}
    likely = SearchEntry.objects.filter(kind="customer", token__in=[reference[4:].lower() for reference in references])
    owners: dict[str, list[UUID]] = {}
    for customer_id, number in Customer.objects.filter(pk__in=likely.values("object_id")).values_list("pk", "number"):
        owners.setdefault(reference_for(number), []).append(customer_id)
    return {reference: found[0] for reference, found in owners.items() if reference in references and len(found) == 1}


def wholly_contested(installment_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of these instalments under an open dispute that names no amount."""
    found = Dispute.objects.filter(installment__in=list(installment_ids), state="open", amount=None)
    return frozenset(found.values_list("installment_id", flat=True))


def named_invoices(texts: Iterable[str]) -> list[Invoice]:
    """Issued invoices, of any customer, that these texts name surely: by a valid RF reference, or by a number of at least five characters
    with letters and figures. A bare figure is not enough to find a customer by."""
    tokens: set[str] = set()
    references: set[str] = set()
    for text in texts:
        found = find_references(text)
        references |= set(found)
        tokens |= {reference[4:].lower() for reference in found}
        tokens |= {number for number in numbers_in(text) if len(number) >= 5 and not number.isdigit()}
    if not tokens:
        return []
    ids = SearchEntry.objects.filter(kind="invoice", token__in=tokens).values("object_id")
    invoices = Invoice.objects.filter(pk__in=ids, kind=InvoiceKind.INVOICE, state=InvoiceState.ISSUED).order_by("pk")
    return [invoice for invoice in invoices if invoice.payment_reference in references or compact(invoice.number) in tokens]


def named_in(texts: Iterable[str]) -> dict[str, list[Invoice]]:
    """For each text that surely names invoices, those; open or not."""
    texts = {text for text in texts if text.strip()}
    invoices = named_invoices(texts)
    if not invoices:
        return {}
    found: dict[str, list[Invoice]] = {}
    for text in texts:
        references, numbers = set(find_references(text)), numbers_in(text)
        named = [row for row in invoices if row.payment_reference in references or compact(row.number) in numbers]
        if named:
            found[text] = named
    return found


def open_items(customer_ids: Iterable[UUID] | None = None) -> list[OpenItem]:
    """Open items as the matching sees them, of these customers or of all."""
    rows = Installment.objects.select_related("invoice").filter(outstanding__gt=0)
    if customer_ids is not None:
        rows = rows.filter(customer__in=list(customer_ids))
    found = list(rows)
    ids = [row.pk for row in found]
    return as_items(found, wholly_contested(ids), requested(ids))
