"""Invoices and credit notes as a staged set: compared with the ledger, then written.

Shared by the invoice file and the open-items snapshot.
"""

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core import events, search
from dunning.core.tenancy import current_organization_id
from invoices.enums import InstallmentKind, InvoiceKind, InvoiceState, PaymentMeans, RowOutcome, TriageChoice
from invoices.importers import staging
from invoices.importers.session import Work
from invoices.services.balances import announce_change, tell_changed
from invoices.services.invoices import SEARCH_KIND, TRIAGE_AFTER_DAYS, tokens_of

NEW, CREDITS, CHANGED, SAME, TWICE = "new", "credits", "changed", "same", "twice"
"""What becomes of a staged row; CREDITS is a new credit note that names the invoice it corrects."""

STAGE = staging.Stage(
    "staged_invoice",
    {
        "line": "integer NOT NULL",
        "number": "text NOT NULL",
        "kind": "text NOT NULL",
        "customer_number": "text NOT NULL",
        "customer_id": "uuid",
        "issued_on": "date NOT NULL",
        "delivered_on": "date",
        "due_on": "date",
        "due_given": "boolean NOT NULL",
        "currency": "text NOT NULL",
        "gross": "numeric(14,2) NOT NULL",
        "label": "text",
        "purchase_order": "text",
        "payment_reference": "text",
        "own_reference": "text NOT NULL",  # made from the number, for want of one
        "pay_to_iban": "text",
        "means": "text",
        "credited_number": "text",
        "is_factored": "boolean",
        "content": "text NOT NULL",
        "id": "uuid NOT NULL",
        "installment_id": "uuid NOT NULL",
    },
    {"outcome": "text", "existing_id": "uuid"},
)

_TOKENS = staging.Stage("staged_token", {"id": "uuid", "object_id": "uuid", "token": "text"}, {})

_TWICE = """
WITH repeated AS (
    SELECT number, min(line) AS first, count(DISTINCT content) AS contents, string_agg(line::text, ', ' ORDER BY line) AS lines
    FROM staged_invoice GROUP BY number HAVING count(*) > 1
)
SELECT staged.line, repeated.contents, repeated.first, left(repeated.lines, 60), staged.number
FROM staged_invoice AS staged JOIN repeated USING (number) ORDER BY staged.line
"""

_AGAINST_LEDGER = """
SELECT staged.line, staged.number, known.kind <> staged.kind, known.customer_id IS DISTINCT FROM staged.customer_id,
    owner.number, known.currency <> staged.currency, known.currency, known.gross <> staged.gross, known.gross
FROM staged_invoice AS staged
JOIN invoices_invoice AS known ON known.organization_id = %(organization)s AND known.number = staged.number
JOIN customers_customer AS owner ON owner.id = known.customer_id
WHERE known.kind <> staged.kind OR known.customer_id IS DISTINCT FROM staged.customer_id OR known.currency <> staged.currency
    OR known.gross <> staged.gross
"""

# An empty cell says nothing: only what a file gives is compared. A cancelled invoice stays as it is, and so do the means of several
# instalments: each has its own.
_COMPARE = """
UPDATE staged_invoice AS staged SET existing_id = known.id, outcome = CASE
    WHEN known.state = %(cancelled)s THEN 'same'
    WHEN known.issued_on <> staged.issued_on
        OR (staged.delivered_on IS NOT NULL AND known.delivered_on IS DISTINCT FROM staged.delivered_on)
        OR (staged.due_given AND known.due_on IS DISTINCT FROM staged.due_on)
        OR known.label <> COALESCE(staged.label, known.label)
        OR known.purchase_order <> COALESCE(staged.purchase_order, known.purchase_order)
        OR known.payment_reference <> COALESCE(staged.payment_reference, known.payment_reference)
        OR known.pay_to_iban <> COALESCE(staged.pay_to_iban, known.pay_to_iban)
        OR known.is_factored <> COALESCE(staged.is_factored, known.is_factored)
        OR (staged.means IS NOT NULL AND (
            SELECT count(*) = 1 AND min(part.means) <> staged.means FROM invoices_installment AS part WHERE part.invoice_id = known.id))
    THEN 'changed' ELSE 'same' END
FROM invoices_invoice AS known
WHERE known.organization_id = %(organization)s AND known.number = staged.number AND staged.outcome IS NULL
"""

_MOVED_WITH_PARTS = """
SELECT staged.line FROM staged_invoice AS staged JOIN invoices_invoice AS known ON known.id = staged.existing_id
WHERE staged.outcome = 'changed' AND staged.due_given AND known.due_on IS DISTINCT FROM staged.due_on
    AND (SELECT count(*) FROM invoices_installment AS part WHERE part.invoice_id = known.id) > 1
"""

_DATED_AFTER_DUE = """
SELECT staged.line, staged.number, min(part.due_on) FROM staged_invoice AS staged
JOIN invoices_invoice AS known ON known.id = staged.existing_id
JOIN invoices_installment AS part ON part.invoice_id = known.id
WHERE staged.outcome = 'changed' AND known.issued_on <> staged.issued_on
    AND (NOT staged.due_given OR known.due_on IS NOT DISTINCT FROM staged.due_on)
    AND part.kind <> %(deposit)s AND part.due_on < staged.issued_on
GROUP BY staged.line, staged.number
"""

_CREDITED = """
UPDATE staged_invoice AS staged SET outcome = 'credits' WHERE staged.outcome = 'new' AND staged.credited_number IS NOT NULL AND (
    EXISTS (SELECT 1 FROM invoices_invoice AS known WHERE known.organization_id = %(organization)s AND known.number = staged.credited_number
        AND known.customer_id = staged.customer_id AND known.kind = %(invoice)s AND known.state = %(issued)s
        AND known.currency = staged.currency)
    OR EXISTS (SELECT 1 FROM staged_invoice AS other WHERE other.number = staged.credited_number AND other.outcome = 'new'
        AND other.customer_number = staged.customer_number AND other.kind = %(invoice)s AND other.currency = staged.currency))
"""

_INSERT_INVOICES = """
INSERT INTO invoices_invoice (
    id, organization_id, number, kind, state, customer_id, issued_on, delivered_on, due_on, currency, gross, unallocated, batch_id,
    label, purchase_order, payment_reference, pay_to_iban, e_invoice_status, is_factored, cancelled_reason, penalties_waived_reason,
    entered_on, created_at, updated_at)
SELECT staged.id, %(organization)s, staged.number, staged.kind, %(issued)s, staged.customer_id, staged.issued_on, staged.delivered_on,
    staged.due_on, staged.currency, staged.gross, CASE WHEN staged.kind = %(credit_note)s THEN staged.gross ELSE 0 END, %(batch)s,
    COALESCE(staged.label, ''), COALESCE(staged.purchase_order, ''), COALESCE(staged.payment_reference, staged.own_reference),
    COALESCE(staged.pay_to_iban, %(iban)s), '', COALESCE(staged.is_factored, owner.factor_name <> ''), '', '', %(today)s, %(now)s, %(now)s
FROM staged_invoice AS staged JOIN customers_customer AS owner ON owner.id = staged.customer_id
WHERE staged.outcome = 'new' ORDER BY staged.line
"""

_INSERT_INSTALLMENTS = """
INSERT INTO invoices_installment (
    id, organization_id, invoice_id, customer_id, currency, position, kind, means, due_on, amount, outstanding, triage,
    collection_on)
SELECT staged.installment_id, %(organization)s, staged.id, staged.customer_id, staged.currency, 1, %(normal)s,
    COALESCE(staged.means, NULLIF(owner.payment_means, ''), %(transfer)s), staged.due_on, staged.gross, staged.gross,
    CASE WHEN %(first)s AND staged.due_on < %(old)s THEN %(waiting)s ELSE '' END,
    CASE WHEN COALESCE(staged.means, owner.payment_means) = %(debit)s AND staged.due_on >= %(today)s THEN staged.due_on END
FROM staged_invoice AS staged JOIN customers_customer AS owner ON owner.id = staged.customer_id
WHERE staged.outcome = 'new' AND staged.kind = %(invoice)s ORDER BY staged.line
"""

_UPDATE_INVOICES = """
UPDATE invoices_invoice AS known SET issued_on = staged.issued_on, delivered_on = COALESCE(staged.delivered_on, known.delivered_on),
    due_on = CASE WHEN staged.due_given THEN staged.due_on ELSE known.due_on END, label = COALESCE(staged.label, known.label),
    purchase_order = COALESCE(staged.purchase_order, known.purchase_order),
    payment_reference = COALESCE(staged.payment_reference, known.payment_reference),
    pay_to_iban = COALESCE(staged.pay_to_iban, known.pay_to_iban), is_factored = COALESCE(staged.is_factored, known.is_factored),
    updated_at = %(now)s
FROM staged_invoice AS staged WHERE staged.existing_id = known.id AND staged.outcome = 'changed'
"""

_UPDATE_INSTALLMENTS = """
UPDATE invoices_installment AS part SET means = wanted.means, due_on = wanted.due_on,
    collection_on = CASE
        WHEN wanted.means = %(debit)s AND wanted.due_on >= %(today)s AND (part.means <> %(debit)s OR part.collection_on = part.due_on)
        THEN wanted.due_on
        WHEN wanted.means <> %(debit)s AND part.means = %(debit)s THEN NULL
        ELSE part.collection_on END
FROM staged_invoice AS staged, LATERAL (
    SELECT COALESCE(staged.means, known.means) AS means, CASE WHEN staged.due_given THEN staged.due_on ELSE known.due_on END AS due_on
    FROM invoices_installment AS known WHERE known.invoice_id = staged.existing_id
) AS wanted
WHERE staged.existing_id = part.invoice_id AND staged.outcome = 'changed'
    AND (SELECT count(*) FROM invoices_installment AS other WHERE other.invoice_id = part.invoice_id) = 1
"""


def outcome_of_repetitions(work: Work) -> None:
    """A number twice in the file: refused on every line when the contents differ, else the later ones change nothing."""
    repeated = []
    for line, contents, first, lines, number in staging.query(_TWICE):
        if contents > 1:
            reason = _("the number %(number)s stands several times in the file with different content (lines %(lines)s)")
            work.refuse(line, "number", reason % {"number": number, "lines": lines})
        elif line != first:
            repeated.append(line)
    staging.execute("UPDATE staged_invoice SET outcome = 'twice' WHERE line = ANY(%s)", [repeated])
    drop_refused(work)


def compare(work: Work) -> None:
    """Refuse what contradicts the ledger, and say of every other row whether it is new, changed or the same."""
    known = {"organization": current_organization_id(), "cancelled": InvoiceState.CANCELLED.value}
    for line, number, kind, customer, owner, currency, known_currency, gross, known_gross in staging.query(_AGAINST_LEDGER, known):
        name, reason = "", ""
        if kind:
            name, reason = "kind", _("%(number)s is known as another kind of document (invoice or credit note).")
        elif customer:
            name, reason = "customer", _("%(number)s belongs to customer %(owner)s: issue a credit note and a new invoice.")
        elif currency:
            name, reason = "currency", _("%(number)s was issued in %(currency)s: issue a credit note and a new invoice.")
        elif gross:
            name, reason = "gross", _("%(number)s was issued for %(gross)s: a changed amount is a credit note, issue a credit note.")
        work.refuse(line, name, reason % {"number": number, "owner": owner, "currency": known_currency, "gross": known_gross})
    drop_refused(work)
    staging.execute(_COMPARE, known)
    for (line,) in staging.query(_MOVED_WITH_PARTS):
        work.refuse(line, "due_on", _("this invoice falls due in several instalments: load their dates with import_installments"))
    for line, number, due_on in staging.query(_DATED_AFTER_DUE, {"deposit": InstallmentKind.DEPOSIT.value}):
        reason = _("%(number)s falls due on %(due)s, before the invoice date in this file: correct the date, or give the due date too")
        work.refuse(line, "issued_on", reason % {"number": number, "due": due_on})
    drop_refused(work)
    staging.execute("UPDATE staged_invoice SET outcome = 'new' WHERE outcome IS NULL")
    staging.execute(_CREDITED, {**known, "invoice": InvoiceKind.INVOICE.value, "issued": InvoiceState.ISSUED.value})


def drop_refused(work: Work) -> None:
    """Rows refused meanwhile leave the stage."""
    staging.execute("DELETE FROM staged_invoice WHERE line = ANY(%s)", [list(work.problems)])


def count_outcomes() -> dict[str, int]:
    staging.analyze(STAGE.name)
    return dict(staging.query("SELECT outcome, count(*) FROM staged_invoice GROUP BY outcome"))


def outcomes() -> dict[int, RowOutcome]:
    """What becomes of each staged row, by its line."""
    words = {
        NEW: RowOutcome.CREATED,
        CREDITS: RowOutcome.CREATED,
        CHANGED: RowOutcome.UPDATED,
        SAME: RowOutcome.UNCHANGED,
        TWICE: RowOutcome.UNCHANGED,
    }
    return {line: words[outcome] for line, outcome in staging.query("SELECT line, outcome FROM staged_invoice")}


def lock_for_writing() -> None:
    """The customers of what is written, then the invoices that change, each by pk (the order of all locks)."""
    staging.lock("customers_customer", "SELECT customer_id FROM staged_invoice WHERE outcome IN ('new', 'credits', 'changed')")
    staging.lock(
        "invoices_invoice",
        "SELECT existing_id FROM staged_invoice WHERE outcome = 'changed' UNION SELECT known.id FROM staged_invoice AS staged "
        "JOIN invoices_invoice AS known ON known.number = staged.credited_number WHERE staged.outcome = 'credits'",
    )


def is_first_import(work: Work) -> bool:
    """Whether this belongs to the organization's first import: none before, or one today (rule 3 concerns the first alone)."""
    return work.profile.first_import_on in (None, work.today)


def mark_first_import(work: Work) -> None:
    if work.profile.first_import_on is None:
        work.profile.first_import_on = work.today
        work.profile.save(update_fields=["first_import_on"])


def triage_of(due_on: date, today: date, *, first: bool) -> str:
    """WAITING for an item more than 90 days overdue at the first import (rule 3), else nothing."""
    return TriageChoice.WAITING.value if first and (today - due_on).days > TRIAGE_AFTER_DAYS else ""


def insert_new(work: Work, *, with_installments: bool = True) -> None:
    """Write the new invoices and credit notes; invoices get one instalment unless the caller writes its own."""
    values = parameters(work)
    staging.execute(_INSERT_INVOICES, values)
    if with_installments:
        staging.execute(_INSERT_INSTALLMENTS, values)


def update_changed(work: Work) -> None:
    if not work.updated:
        return
    # What this transaction inserted is unknown to the statistics: a nested loop over it would take minutes.
    staging.execute("SET LOCAL enable_nestloop = off")
    staging.execute(_UPDATE_INVOICES, {"now": work.now})
    staging.execute(_UPDATE_INSTALLMENTS, {"today": work.today, "debit": PaymentMeans.DIRECT_DEBIT.value})
    staging.execute("SET LOCAL enable_nestloop = on")


def parameters(work: Work) -> dict[str, Any]:
    """The constants of the INSERT statements."""
    return {
        "organization": current_organization_id(),
        "issued": InvoiceState.ISSUED.value,
        "credit_note": InvoiceKind.CREDIT_NOTE.value,
        "invoice": InvoiceKind.INVOICE.value,
        "normal": InstallmentKind.NORMAL.value,
        "transfer": PaymentMeans.TRANSFER.value,
        "debit": PaymentMeans.DIRECT_DEBIT.value,
        "waiting": TriageChoice.WAITING.value,
        "iban": work.profile.iban,
        "today": work.today,
        "now": work.now,
        "batch": work.batch.pk,
        "first": is_first_import(work),
        "old": date.fromordinal(work.today.toordinal() - TRIAGE_AFTER_DAYS),
    }


def make_findable() -> None:
    """Search tokens for what was written."""
    _TOKENS.create()
    for part in staging.chunks("SELECT id::text, number, gross, purchase_order FROM staged_invoice WHERE outcome = 'new' ORDER BY line"):
        staging.copy_into(
            _TOKENS.name,
            _TOKENS.columns,
            (
                (staging.new_key(), identifier, token[: search.LONGEST])
                for identifier, number, gross, order in part
                for token in sorted(tokens_of(number, gross, order or ""))
            ),
        )
    staging.execute(
        "INSERT INTO core_searchentry (id, organization_id, kind, object_id, token) "
        "SELECT id, %s, %s, object_id, token FROM staged_token ON CONFLICT DO NOTHING",
        [current_organization_id(), SEARCH_KIND],
    )
    changed = (
        "SELECT known.id, known.number, known.gross, known.purchase_order FROM staged_invoice AS staged "
        "JOIN invoices_invoice AS known ON known.id = staged.existing_id WHERE staged.outcome = 'changed' ORDER BY staged.line"
    )
    for part in staging.chunks(changed):
        search.index(kind=SEARCH_KIND, tokens={row[0]: tokens_of(*row[1:]) for row in part})


def announce(work: Work) -> None:
    """Tell the floors above and the outside world, in portions."""
    for kind, type_ in ((InvoiceKind.INVOICE, "invoice.created"), (InvoiceKind.CREDIT_NOTE, "credit_note.issued")):
        for part in staging.chunks("SELECT id FROM staged_invoice WHERE outcome = 'new' AND kind = %s ORDER BY line", [kind.value]):
            events.emit(type=type_, object_type="invoice", object_ids=[row[0] for row in part], now=work.now, fresh=True)
    for part in staging.chunks("SELECT existing_id FROM staged_invoice WHERE outcome = 'changed' ORDER BY line"):
        tell_changed([row[0] for row in part], ["import"], now=work.now)
    for outcome, column, reason in ((NEW, "id", "issued"), (CHANGED, "existing_id", "corrected")):
        rows = (
            f"SELECT part.id FROM staged_invoice AS staged JOIN invoices_installment AS part ON part.invoice_id = staged.{column} "  # noqa: S608 - ours
            "WHERE staged.outcome = %s ORDER BY staged.line"
        )
        for part in staging.chunks(rows, [outcome]):
            announce_change([row[0] for row in part], reason=reason, today=work.today, now=work.now)


def written() -> Iterator[object]:
    """What the audit event's digest covers: every row written, in the file's order."""
    sql = (
        "SELECT outcome, number, kind, customer_number, issued_on, due_on, currency, gross FROM staged_invoice "
        "WHERE outcome IN ('new', 'credits', 'changed') ORDER BY line"
    )
    for part in staging.chunks(sql):
        yield from part


def known_customers(numbers: Collection[str] | None = None) -> dict[str, Customer]:
    """The organization's customers by number, all or these, with what a load needs of them."""
    fields = ("number", "country", "payment_days", "payment_end_of_month", "payment_day_of_month", "payment_means")
    rows = Customer.objects.only(*fields)
    if numbers is not None:
        rows = rows.filter(number__in=numbers)
    return {customer.number: customer for customer in rows.iterator(chunk_size=2000)}


def gross_of(amount: Decimal, kind: str | None) -> tuple[Decimal, str]:
    """The positive amount and the kind of a document. Raises ValueError for zero, and for a negative amount nobody calls a credit note."""
    if amount == 0:
        raise ValueError(_("the amount is zero"))
    if amount < 0 and kind != InvoiceKind.CREDIT_NOTE:
        raise ValueError(
            _("the amount is negative: a credit note says so in its type column (avoir, credit note)")
            if kind is None
            else _("an invoice is not negative: call it a credit note in its type column (avoir, credit note)")
        )
    return abs(amount), kind or InvoiceKind.INVOICE.value
