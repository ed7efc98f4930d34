"""The payment file: receipts, set against the invoices they name.

A receipt that names one open invoice and pays exactly what is left of it - nearly all of a large file - is written as a set; any other
goes through `record_payments`, which knows partial payments, promises, pauses and what a silent payer pays.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Customer
from dunning.core import events
from dunning.core.tenancy import current_organization_id
from invoices.enums import ImportKind, InvoiceKind, InvoiceState, PaymentMeans, RowOutcome, TraceKind
from invoices.importers import staging
from invoices.importers.fields import PAYMENT_FIELDS
from invoices.importers.problems import RowProblem
from invoices.importers.session import ItemLoader, Work
from invoices.importers.staging import Value, content_hash, new_key
from invoices.importers.values import check_decimals, currency_of
from invoices.models import Installment
from invoices.services import PaymentDraft, certify_ledger, record_payments
from invoices.services.balances import Balances, announce
from invoices.services.drafts import MOST_AHEAD

_SERVICE_CHUNK = 500
_LISTED = re.compile(r"[,;+&|\n]|\set\s|\sand\s")

STAGE = staging.Stage(
    "staged_payment",
    {
        "line": "integer NOT NULL",
        "key": "text NOT NULL",
        "customer_id": "uuid",
        "amount": "numeric(14,2) NOT NULL",
        "currency": "text NOT NULL",
        "received_on": "date NOT NULL",
        "means": "text NOT NULL",
        "reference_text": "text NOT NULL",
        "payer_name": "text NOT NULL",
        "payer_iban": "text NOT NULL",
        "names_invoices": "boolean NOT NULL",
        "content": "text NOT NULL",
        "id": "uuid NOT NULL",
        "allocation_id": "uuid NOT NULL",
    },
    {"outcome": "text", "installment_id": "uuid"},
)
NAMED = staging.Stage("staged_reference", {"line": "integer NOT NULL", "rank": "smallint NOT NULL", "token": "text NOT NULL"}, {})
MATCHED = staging.Stage(
    "staged_match",
    {"line": "integer NOT NULL", "invoice_id": "uuid NOT NULL", "customer_id": "uuid NOT NULL", "payer_id": "uuid NOT NULL"},
    {},
)

_TWICE = """
WITH repeated AS (
    SELECT key, min(line) AS first, count(DISTINCT content) AS contents, string_agg(line::text, ', ' ORDER BY line) AS lines
    FROM staged_payment GROUP BY key HAVING count(*) > 1
)
SELECT staged.line, repeated.contents, repeated.first, left(repeated.lines, 60), staged.key
FROM staged_payment AS staged JOIN repeated USING (key) ORDER BY staged.line
"""

_SAYS_ELSE = """((known.amount, known.currency, known.received_on) IS DISTINCT FROM (staged.amount, staged.currency, staged.received_on)
    OR coalesce(known.customer_id <> staged.customer_id, false))"""
_AGAINST_LEDGER = f"""
SELECT staged.line, staged.key FROM staged_payment AS staged
JOIN invoices_payment AS known ON known.organization_id = %s AND known.external_reference = staged.key
WHERE known.cancelled_at IS NULL AND {_SAYS_ELSE}
"""  # noqa: S608 - made of constants
# What was cancelled stays so as long as files say the same of it: a debit that was rejected stands in them for ever.
_KNOWN = f"""
UPDATE staged_payment AS staged SET outcome = 'same' FROM invoices_payment AS known
WHERE known.organization_id = %s AND known.external_reference = staged.key AND staged.outcome IS NULL
    AND (known.cancelled_at IS NULL OR NOT {_SAYS_ELSE})
"""  # noqa: S608 - made of constants
_STAY_CANCELLED = """
SELECT count(*) FROM staged_payment AS staged
JOIN invoices_payment AS known ON known.organization_id = %s AND known.external_reference = staged.key
WHERE staged.outcome = 'same' AND known.cancelled_at IS NOT NULL
"""
_FREE_REFERENCES = """
UPDATE invoices_payment AS known SET external_reference = 'cancelled-' || known.id FROM staged_payment AS staged
WHERE known.organization_id = %s AND known.external_reference = staged.key AND known.cancelled_at IS NOT NULL AND staged.outcome = 'new'
"""

# Of a cell's readings (whole, cut at signs, cut at spaces) the first that names a known invoice holds.
_MATCH = """
INSERT INTO staged_match (line, invoice_id, customer_id, payer_id)
SELECT DISTINCT found.line, found.invoice_id, found.customer_id, found.payer_id FROM (
    SELECT named.line, known.id AS invoice_id, known.customer_id, COALESCE(debtor.payer_id, debtor.id) AS payer_id, named.rank,
        min(named.rank) OVER (PARTITION BY named.line) AS best
    FROM staged_reference AS named
    JOIN invoices_invoice AS known ON known.organization_id = %(organization)s AND known.number = named.token
    JOIN customers_customer AS debtor ON debtor.id = known.customer_id
    WHERE known.kind = %(invoice)s AND known.state = %(issued)s
) AS found WHERE found.rank = found.best
"""

_OWN = """
UPDATE staged_payment AS staged SET customer_id = owner.id FROM (
    SELECT line, (array_agg(payer_id))[1] AS id FROM staged_match GROUP BY line HAVING count(DISTINCT payer_id) = 1
) AS owner WHERE owner.line = staged.line AND staged.customer_id IS NULL
"""

# A named invoice of somebody the payer does not pay for is no allocation: the receipt stays on the payer's account for a person to see.
_FOREIGN = """
DELETE FROM staged_match USING staged_payment AS staged
WHERE staged.line = staged_match.line AND staged.customer_id IS NOT NULL
    AND staged.customer_id NOT IN (staged_match.customer_id, staged_match.payer_id)
"""

_DIRECT = """
UPDATE staged_payment AS staged SET installment_id = direct.installment_id FROM (
    SELECT single.line, item.id AS installment_id, count(*) OVER (PARTITION BY item.id) AS claims
    FROM (SELECT line, (array_agg(invoice_id))[1] AS invoice_id FROM staged_match GROUP BY line HAVING count(*) = 1) AS single
    JOIN staged_payment AS receipt ON receipt.line = single.line AND receipt.outcome = 'new'
    JOIN invoices_invoice AS known ON known.id = single.invoice_id AND known.currency = receipt.currency
    JOIN invoices_installment AS item ON item.invoice_id = single.invoice_id AND item.outstanding = receipt.amount
    WHERE (SELECT count(*) FROM invoices_installment AS other WHERE other.invoice_id = single.invoice_id AND other.outstanding > 0) = 1
        AND NOT EXISTS (SELECT 1 FROM invoices_promise AS promise WHERE promise.installment_id = item.id)
        AND NOT EXISTS (SELECT 1 FROM invoices_paymentplanitem AS planned WHERE planned.installment_id = item.id)
) AS direct WHERE direct.line = staged.line AND direct.claims = 1
"""

_INSERT_PAYMENTS = """
INSERT INTO invoices_payment (id, organization_id, customer_id, amount, currency, unallocated, received_on, entered_on, means,
    external_reference, reference_text, payer_name, payer_iban, cancelled_reason, created_at)
SELECT id, %(organization)s, customer_id, amount, currency, 0, received_on, %(today)s, means, key, reference_text, payer_name, payer_iban,
    '', %(now)s
FROM staged_payment WHERE installment_id IS NOT NULL ORDER BY line
"""
_INSERT_ALLOCATIONS = """
INSERT INTO invoices_allocation (id, organization_id, installment_id, payment_id, amount, value_on, created_at)
SELECT allocation_id, %(organization)s, installment_id, id, amount, received_on, %(now)s
FROM staged_payment WHERE installment_id IS NOT NULL ORDER BY line
"""
_SETTLE = """
UPDATE invoices_installment AS item SET outstanding = 0, settled_on = GREATEST(
    staged.received_on,
    (SELECT max(value_on) FROM invoices_allocation AS part WHERE part.installment_id = item.id AND part.reversed_at IS NULL),
    (SELECT max(written_off_on) FROM invoices_writeoff AS part WHERE part.installment_id = item.id AND part.reversed_at IS NULL))
FROM staged_payment AS staged WHERE staged.installment_id = item.id
"""
_CONCERNED = """
WITH concerned AS (
    SELECT customer_id AS id FROM staged_payment WHERE outcome = 'new' UNION SELECT customer_id FROM staged_match
)
SELECT id FROM concerned
UNION SELECT payer_id FROM customers_customer WHERE id IN (SELECT id FROM concerned)
UNION SELECT id FROM customers_customer WHERE payer_id IN (SELECT id FROM concerned)
"""


@dataclass(slots=True)
class _Left:
    """What is still to pay of an instalment while a portion of receipts is shared out."""

    item: Installment
    amount: Decimal


class PaymentLoader(ItemLoader):
    """`ledger_through`: receipts are complete through that day (rule 8). None: through the day of the load, unless a row is refused.

    Without `certify` nothing is said about it. `customers`: numbers of the only customers the rows name, where they are few and known: a
    program's, whose row about a customer nobody has is refused unless it names invoices. A file's stays for a person to look at.
    """

    kind = ImportKind.PAYMENTS.value
    fields = PAYMENT_FIELDS

    def __init__(self, ledger_through: date | None = None, *, certify: bool = True, customers: Collection[str] | None = None) -> None:
        self._through = ledger_through
        self._says = certify
        self._named = customers
        self._references: list[tuple[int, int, str]] = []
        self._ordinals: Counter[str] = Counter()
        self._strangers = 0

    def read(self, work: Work) -> None:
        if not {"external_reference", "invoice", "customer", "reference_text", "payer_name"} & set(work.columns.index):
            work.notes.append(_("No column says whose payments these are: they will all be unidentified."))
        known = Customer.objects.all() if self._named is None else Customer.objects.filter(number__in=self._named)
        customers = dict(known.values_list("number", "pk"))
        STAGE.create()
        STAGE.fill(self._staged(work, customers))
        NAMED.create()
        NAMED.fill(iter(self._references))
        self._references.clear()
        _settle_repetitions(work)
        for line, key in staging.query(_AGAINST_LEDGER, [current_organization_id()]):
            reason = _("the receipt %(key)s is already recorded with another amount, date or customer: cancel it and load it anew")
            work.refuse(line, "external_reference", reason % {"key": key})
        _drop_refused(work)
        staging.execute(_KNOWN, [current_organization_id()])
        staging.execute("UPDATE staged_payment SET outcome = 'new' WHERE outcome IS NULL")
        [(stay,)] = staging.query(_STAY_CANCELLED, [current_organization_id()])
        if stay:
            work.notes.append(
                ngettext(
                    "%(count)s receipt was cancelled here, and stays so: its row says the same as before.",
                    "%(count)s receipts were cancelled here, and stay so: their rows say the same as before.",
                    stay,
                )
                % {"count": stay}
            )
        counts = dict(staging.query("SELECT outcome, count(*) FROM staged_payment GROUP BY outcome"))
        work.created, work.unchanged = counts.get("new", 0), counts.get("same", 0) + counts.get("twice", 0)
        if self._strangers:
            work.notes.append(_("Rows with a customer number nobody has: %(count)s") % {"count": self._strangers})

    def outcomes(self) -> dict[int, RowOutcome]:
        words = {"new": RowOutcome.CREATED, "same": RowOutcome.UNCHANGED, "twice": RowOutcome.UNCHANGED}
        return {line: words[outcome] for line, outcome in staging.query("SELECT line, outcome FROM staged_payment")}

    def keys(self) -> dict[int, str]:
        return dict(staging.query("SELECT line, key FROM staged_payment"))

    def write(self, work: Work) -> Iterator[object]:
        staging.execute(_FREE_REFERENCES, [current_organization_id()])
        _match()
        staging.lock("customers_customer", _CONCERNED)
        staging.lock("invoices_invoice", "SELECT invoice_id FROM staged_match")
        staging.execute(_DIRECT)
        _write_direct(work)
        for part in _portions():
            _record(part, work)
        self._say_what_stayed_open(work)
        self._certify(work)
        for rows in staging.chunks(
            "SELECT key, amount, currency, received_on, installment_id FROM staged_payment WHERE outcome = 'new' ORDER BY line"
        ):
            yield from rows

    def _staged(self, work: Work, customers: dict[str, UUID]) -> Iterator[tuple[Value, ...]]:
        for line, values in work.rows():
            try:
                yield self._row(line, values, work, customers)
            except RowProblem as problem:
                work.refuse(line, problem.column, problem.reason)

    def _row(self, line: int, values: dict[str, Any], work: Work, customers: dict[str, UUID]) -> tuple[Value, ...]:
        for name in ("received_on", "amount"):
            if values[name] is None:
                raise RowProblem(name, _("this cell is empty and must not be"))
        amount, received_on = values["amount"], values["received_on"]
        if amount <= 0:
            raise RowProblem("amount", _("a receipt is more than zero: cancel the payment it takes back instead"))
        currency = currency_of(values, work.currency, "amount")
        check_decimals(amount, currency, "amount")
        if received_on > work.today + MOST_AHEAD:
            raise RowProblem("received_on", _("%(date)s has not come yet") % {"date": received_on})
        number, named = values["customer"], values["invoice"]
        customer_id = customers.get(number) if number else None
        if self._named is not None and number and customer_id is None and not named:
            raise RowProblem("customer", _("there is no customer %(number)s: its receipt would be nobody’s") % {"number": number})
        self._strangers += bool(number) and customer_id is None
        content = content_hash([received_on, amount, currency, number, named, *(values[name] for name in _CONTENT)])
        key = values["external_reference"]
        if key is None:
            self._ordinals[content] += 1
            key = f"content-{content}-{self._ordinals[content]}"
        if named:
            self._references += [(line, rank, token) for rank, token in _readings(named)]
        text = " ".join(part for part in (named, values["reference_text"]) if part)
        return (
            line, key, customer_id, amount, currency, received_on, values["means"] or PaymentMeans.TRANSFER.value, text[:200],
            values["payer_name"] or (number if number and customer_id is None else "") or "", values["payer_iban"] or "", bool(named),
            content, new_key(), new_key(),
        )  # fmt: skip

    def _say_what_stayed_open(self, work: Work) -> None:
        [(unidentified, on_account)] = staging.query(
            "SELECT count(*) FILTER (WHERE known.customer_id IS NULL), count(*) FILTER (WHERE known.customer_id IS NOT NULL) "
            "FROM staged_payment AS staged JOIN invoices_payment AS known "
            "ON known.organization_id = %s AND known.external_reference = staged.key "
            "WHERE staged.outcome = 'new' AND known.unallocated > 0",
            [current_organization_id()],
        )
        if unidentified:
            work.notes.append(
                ngettext(
                    "%(count)s receipt is unidentified: say whose it is.",
                    "%(count)s receipts are unidentified: say whose they are.",
                    unidentified,
                )
                % {"count": unidentified}
            )
        if on_account:
            work.notes.append(
                ngettext("%(count)s receipt stays partly on account.", "%(count)s receipts stay partly on account.", on_account)
                % {"count": on_account}
            )

    def _certify(self, work: Work) -> None:
        if not self._says:
            return
        if self._through is None and work.problems:
            work.notes.append(
                _("Because rows were refused, receipts are not certified complete. Load them, or give --ledger-through DATE.")
            )
            return
        through = self._through or work.today
        coverage = certify_ledger(through=through, actor=work.actor, today=work.today, now=work.now)
        work.trace(TraceKind.COVERAGE, [coverage.pk])
        work.notes.append(_("Receipts are complete through %(date)s.") % {"date": through})


_CONTENT = ("means", "reference_text", "payer_name", "payer_iban")


def _readings(cell: str) -> list[tuple[int, str]]:
    """The numbers a cell may hold: the whole of it (0), its parts between signs (1), its words (2)."""
    ranks = {cell: 0}
    for part in _LISTED.split(cell):
        ranks.setdefault(part.strip(), 1)
    for word in re.split(r"[\s,;+&|/]+", cell):
        ranks.setdefault(word, 2)
    return [(rank, token) for token, rank in ranks.items() if token and len(token) <= 60]


def _settle_repetitions(work: Work) -> None:
    repeated = []
    for line, contents, first, lines, key in staging.query(_TWICE):
        if contents > 1:
            reason = _("the receipt %(key)s stands several times in the file with different content (lines %(lines)s)")
            work.refuse(line, "external_reference", reason % {"key": key, "lines": lines})
        elif line != first:
            repeated.append(line)
    staging.execute("UPDATE staged_payment SET outcome = 'twice' WHERE line = ANY(%s)", [repeated])
    _drop_refused(work)


def _drop_refused(work: Work) -> None:
    staging.execute("DELETE FROM staged_payment WHERE line = ANY(%s)", [list(work.problems)])


def _match() -> None:
    """Find the invoices named, and whose receipts they are."""
    staging.execute(
        "DELETE FROM staged_reference AS named USING staged_payment AS staged WHERE staged.line = named.line AND staged.outcome <> 'new'"
    )
    MATCHED.create()
    staging.execute(
        _MATCH,
        {"organization": current_organization_id(), "invoice": InvoiceKind.INVOICE.value, "issued": InvoiceState.ISSUED.value},
    )
    staging.analyze(MATCHED.name, STAGE.name)
    staging.execute(_OWN)
    staging.analyze(STAGE.name)  # its owners have just become known: without it the planner compares every pair of rows
    staging.execute(_FOREIGN)


def _write_direct(work: Work) -> None:
    """Write the receipts that settle exactly the one item they name."""
    values = {"organization": current_organization_id(), "today": work.today, "now": work.now}
    staging.execute(_INSERT_PAYMENTS, values)
    staging.execute(_INSERT_ALLOCATIONS, values)
    staging.execute(_SETTLE)
    for part in staging.chunks("SELECT id, installment_id FROM staged_payment WHERE installment_id IS NOT NULL ORDER BY line"):
        events.emit(type="payment.recorded", object_type="payment", object_ids=[row[0] for row in part], now=work.now, fresh=True)
        work.trace(TraceKind.PAYMENT, [row[0] for row in part])
        announce(Balances(settled=[row[1] for row in part], reopened=[], open=[]), reason="paid", today=work.today, now=work.now)


def _portions() -> Iterator[list[tuple[Any, ...]]]:
    return staging.chunks(
        "SELECT line, key, customer_id, amount, currency, received_on, means, reference_text, payer_name, payer_iban, names_invoices "
        "FROM staged_payment WHERE outcome = 'new' AND installment_id IS NULL ORDER BY line",
        size=_SERVICE_CHUNK,
    )


def _record(rows: list[tuple[Any, ...]], work: Work) -> None:
    """Record one portion of receipts through the service, sharing them out over the items they name."""
    lines = [row[0] for row in rows]
    named: dict[int, list[UUID]] = {}
    for line, invoice_id in staging.query("SELECT line, invoice_id FROM staged_match WHERE line = ANY(%s) ORDER BY line", [lines]):
        named.setdefault(line, []).append(invoice_id)
    left = _open_items({identifier for found in named.values() for identifier in found})
    customers = Customer.objects.in_bulk({row[2] for row in rows if row[2]})
    drafts = []
    for line, key, customer_id, amount, currency, received_on, means, text, payer_name, payer_iban, names_invoices in rows:
        parts = _share(amount, currency, [item for identifier in named.get(line, []) for item in left.get(identifier, [])])
        drafts.append(
            PaymentDraft(
                amount=amount,
                received_on=received_on,
                currency=currency,
                customer=customers.get(customer_id),
                means=means,
                external_reference=key,
                reference_text=text,
                payer_name=payer_name,
                payer_iban=payer_iban,
                allocations=tuple(parts) if names_invoices else None,
            )
        )
    recorded = record_payments(drafts=drafts, actor=work.actor, today=work.today, now=work.now)
    work.trace(TraceKind.PAYMENT, [answer.payment.pk for answer in recorded if answer.created])


def _open_items(invoice_ids: set[UUID]) -> dict[UUID, list[_Left]]:
    found: dict[UUID, list[_Left]] = {}
    items = Installment.objects.filter(invoice__in=invoice_ids, outstanding__gt=0).select_related("invoice").order_by("due_on", "position")
    for item in items if invoice_ids else ():
        found.setdefault(item.invoice_id, []).append(_Left(item, item.outstanding))
    return found


def _share(amount: Decimal, currency: str, items: list[_Left]) -> list[tuple[Installment, Decimal]]:
    """Pay the named items, the oldest due first; what exceeds them stays on account."""
    parts = []
    for left in sorted(items, key=lambda left: (left.item.due_on, left.item.position)):
        paid = min(amount, left.amount)
        if paid > 0 and left.item.invoice.currency == currency:
            parts.append((left.item, paid))
            left.amount -= paid
            amount -= paid
    return parts
