"""The open-items snapshot: what a company's accounting says is open today - the « échéancier clients » every French package prints.

Debit lines become invoices, credit lines credit notes or payments on account. What the ledger still holds open and the snapshot does not
name is proposed as settled, and settled only when asked.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from invoices.enums import ImportKind, InvoiceKind, InvoiceState, PaymentMeans, TraceKind
from invoices.importers import ledger, settling, staging
from invoices.importers.choices import DOCUMENT_KINDS
from invoices.importers.fields import OPEN_ITEM_FIELDS
from invoices.importers.invoices import create_strangers, terms_of
from invoices.importers.problems import FileRefused, RowProblem, amount_words
from invoices.importers.session import Loader, Work
from invoices.importers.staging import Value, content_hash, new_key
from invoices.importers.values import currency_of
from invoices.importers.words import compact, folded
from invoices.models import Installment, Invoice, Payment
from invoices.references import reference_for
from invoices.services import PaymentDraft, certify_ledger, record_payments

_ZERO = Decimal(0)
_SIDES = ("debit", "credit", "balance")
_TOTALS = ("total", "sous total", "solde", "subtotal", "grand total", "balance")


@dataclass(frozen=True, slots=True)
class _Line:
    line: int
    account: str
    document: str
    issued_on: date
    due_on: date | None
    amount: Decimal  # positive whichever side it stands on
    currency: str
    label: str


@dataclass(slots=True)
class _Document:
    """The open lines of one document: an invoice and its due dates, or a credit note."""

    kind: str
    lines: list[_Line]
    has_both_kinds: bool = False

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), _ZERO)


@dataclass(slots=True)
class _OnAccount:
    line: _Line
    key: str
    known_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decided beside the file. `control_total`: the balance of the customers' account in their accounting; `certify`: whether
    the load says that receipts are complete, through `ledger_through` or else the day of the load, unless a row is refused."""

    control_total: Decimal | None = None
    apply_settled: bool = False
    force: bool = False
    ledger_through: date | None = None
    certify: bool = True


class OpenItemsLoader(Loader):
    kind = ImportKind.OPEN_ITEMS.value
    fields = OPEN_ITEM_FIELDS

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._documents: dict[str, _Document] = {}
        self._on_account: list[_OnAccount] = []
        self._names: dict[str, dict[str, Any]] = {}
        self._customers: dict[str, Customer] = {}
        self._absent = settling.Absent()
        self._partly: dict[str, Decimal] = {}

    def read(self, work: Work) -> None:
        if not set(_SIDES) & set(work.columns.index):
            raise FileRefused(_("The file has no column for debit, credit or balance."), field="columns", remedy=_("Name it with --map."))
        self._customers = ledger.known_customers()
        self._read_lines(work)
        self._refuse_confusions(work)
        self._control(work)
        known = self._known()  # before: while COPY reads, the connection answers nothing else
        ledger.STAGE.create()
        ledger.STAGE.fill(self._staged(work, known))
        ledger.compare(work)
        self._count(work)
        self._match_on_account(work)
        work.absent = self._absent = settling.find(
            present=frozenset(self._documents),
            partly=self._partly,
            payments=frozenset(found.known_id for found in self._on_account if found.known_id),
        )
        self._refuse_large_settlement(work)

    def write(self, work: Work) -> Iterator[object]:
        create_strangers({number: self._names.get(number, {}) for number in self._strangers()}, work)
        ledger.lock_for_writing()
        self._insert(work)
        ledger.update_changed(work)
        ledger.make_findable()
        ledger.announce(work)
        self._record_on_account(work)
        ledger.mark_first_import(work)
        if self._choices.apply_settled and self._absent.count:
            settling.apply(self._absent, batch=work.batch, **work.who_and_when)
            work.notes.append(_("They were settled."))
        if self._choices.certify and (self._choices.ledger_through or not work.problems):
            coverage = certify_ledger(through=self._choices.ledger_through or work.today, **work.who_and_when)
            work.trace(TraceKind.COVERAGE, [coverage.pk])
        work.notes += settling.compared(work.totals)
        yield from ledger.written()
        yield from ([found.key, found.line.amount] for found in self._on_account if found.known_id is None)

    # --- reading ---

    def _read_lines(self, work: Work) -> None:
        ordinals: Counter[str] = Counter()
        for line, values in work.rows():
            if values["matching"] or _is_total(values):
                work.ignored += 1
                continue
            empty = next((name for name in ("account", "document", "issued_on") if values[name] is None), "")
            if empty:
                work.refuse(line, empty, _("this cell is empty and must not be"))
                continue
            signed = _signed(values)
            if not signed:
                work.refuse(line, "debit", _("the line needs an amount, on one side alone"))
                continue
            try:
                currency = currency_of(values, work.currency, next(side for side in _SIDES if values[side]))
            except RowProblem as problem:
                work.refuse(line, problem.column, problem.reason)
                continue
            account, name = values["account"], values["name"]
            if name and account not in self._customers:
                self._names.setdefault(account, {"customer_name": name})
            found = _Line(
                line, account, values["document"], values["issued_on"], values["due_on"], abs(signed), currency,
                values["label"] or "",
            )  # fmt: skip
            work.totals[found.currency] = work.totals.get(found.currency, _ZERO) + signed
            if signed > 0 or _is_credit_note(values):
                kind = InvoiceKind.INVOICE.value if signed > 0 else InvoiceKind.CREDIT_NOTE.value
                document = self._documents.setdefault(found.document, _Document(kind, []))
                document.lines.append(found)
                document.has_both_kinds |= document.kind != kind
            else:
                content = content_hash([account, found.document, found.issued_on, found.amount, found.currency])
                ordinals[content] += 1
                self._on_account.append(_OnAccount(found, f"open-items-{content}-{ordinals[content]}"))

    def _refuse_confusions(self, work: Work) -> None:
        """One document is one customer's, in one currency, an invoice or a credit note, and no line of it stands twice."""
        for number, document in list(self._documents.items()):
            lines, reason, name = document.lines, "", "document"
            if document.has_both_kinds:
                reason = _(
                    "document %(number)s is an invoice on one line and a credit note on another: give the credit note a number of its own, "
                    "or take away the type or label that makes it one, and it becomes a payment on account"
                )
            elif len({(line.account, line.currency) for line in lines}) > 1:
                reason = _("document %(number)s stands under several accounts or currencies")
            elif len({(line.due_on, line.amount) for line in lines}) < len(lines):
                reason = _("document %(number)s has the same line twice")
            elif any(line.due_on is not None and line.due_on < line.issued_on for line in lines) and document.kind == InvoiceKind.INVOICE:
                reason, name = _("document %(number)s falls due before its date"), "due_on"
            if reason:
                for line in lines:
                    work.refuse(line.line, name, reason % {"number": number})
                del self._documents[number]

    def _control(self, work: Work) -> None:
        """Compare the file with the balance a person read in their accounting. Raises FileRefused, with the figures."""
        given = self._choices.control_total
        if given is None:
            return
        currencies = [currency for currency, total in work.totals.items() if total] or [work.currency]
        if len(currencies) > 1:
            raise FileRefused(_("A control total needs a file in one currency; this one has %(codes)s.") % {"codes": ", ".join(currencies)})
        [currency] = currencies
        total, refused = work.totals.get(currency, _ZERO), len(work.problems)
        if total != given or refused:
            message = _(
                "The open lines come to %(file)s, the control total is %(given)s: a difference of %(difference)s. Nothing was loaded."
            ) % {
                "file": amount_words(total, currency),
                "given": amount_words(given, currency),
                "difference": amount_words(total - given, currency),
            }
            if refused:
                first = min(work.problems)
                message += " " + _("%(count)s rows cannot be read, the first on line %(line)s: %(why)s.") % {
                    "count": refused, "line": first, "why": work.problems[first].reason,
                }  # fmt: skip
            raise FileRefused(message)

    # --- comparing ---

    def _staged(self, work: Work, known: dict[str, "_Known"]) -> Iterator[tuple[Value, ...]]:
        for number, document in self._documents.items():
            first, total = document.lines[0], document.total
            gross, reason = self._gross(number, document, known.get(number))
            if reason:
                for line in document.lines:
                    work.refuse(line.line, "document", reason)
                continue
            due_on, given = self._due(document, known.get(number))
            customer = self._customers.get(first.account)
            issued_on = known[number].issued_on if number in known else min(line.issued_on for line in document.lines)
            yield (
                first.line, number, document.kind, first.account, customer.pk if customer else None, issued_on, None, due_on, given,
                first.currency, gross, None if number in known else first.label, None, None, reference_for(number), None, None, None, None,
                content_hash([total]), new_key(), new_key(),
            )  # fmt: skip

    def _known(self) -> dict[str, "_Known"]:
        found: dict[str, _Known] = {}
        numbers = list(self._documents)
        for start in range(0, len(numbers), staging.CHUNK):
            for invoice in Invoice.objects.filter(number__in=numbers[start : start + staging.CHUNK]).prefetch_related("installments"):
                parts = list(invoice.installments.all())
                left = sum((part.outstanding for part in parts), _ZERO) if invoice.kind == InvoiceKind.INVOICE else invoice.unallocated
                found[invoice.number] = _Known(invoice.gross, left, invoice.issued_on, len(parts), invoice.state)
        return found

    def _gross(self, number: str, document: _Document, known: "_Known | None") -> tuple[Decimal, str]:
        """The amount the document was issued for, and why the line contradicts the ledger ("" when it does not).

        A line smaller than what is left here was paid in part: the difference is proposed as settled.
        """
        total = document.total
        if known is None or total == known.gross:
            return total, ""
        if known.state == InvoiceState.CANCELLED:
            return known.gross, ""
        if total == known.left:
            return known.gross, ""
        if total < known.left:
            self._partly[number] = known.left - total
            return known.gross, ""
        amounts = {"number": number, "file": total, "left": known.left, "gross": known.gross}
        if total > known.gross:
            return total, _("%(number)s was issued for %(gross)s: a higher amount is a new invoice") % amounts
        return total, _("%(number)s: the file says %(file)s is open, the ledger %(left)s; correct the payment in one of them") % amounts

    def _due(self, document: _Document, known: "_Known | None") -> tuple[date | None, bool]:
        """The last due date, and whether it may move the one the ledger has: only a single one may."""
        if document.kind == InvoiceKind.CREDIT_NOTE:
            return None, False
        dates = [self._due_of(line) for line in document.lines]
        stated = len(dates) == 1 and document.lines[0].due_on is not None
        return max(dates), stated and (known is None or known.parts == 1)

    def _due_of(self, line: _Line) -> date:
        return line.due_on or terms_of(self._customers.get(line.account)).due_date(line.issued_on)

    def _count(self, work: Work) -> None:
        ledger.count_outcomes()
        for number, outcome in staging.query("SELECT number, outcome FROM staged_invoice"):
            count = len(self._documents[number].lines)
            work.created += count * (outcome == ledger.NEW)
            work.updated += count * (outcome == ledger.CHANGED)
            work.unchanged += count * (outcome == ledger.SAME)
        for document in self._documents.values():  # a document refused by one line is refused by all
            refused = [work.problems[line.line] for line in document.lines if line.line in work.problems]
            for line in document.lines if refused else ():
                work.problems.setdefault(line.line, refused[0])

    def _match_on_account(self, work: Work) -> None:
        """Find the payments a credit line already stands for: loaded by an earlier snapshot, or by a payment file."""
        keys = dict(
            Payment.objects.filter(external_reference__in=[found.key for found in self._on_account]).values_list("external_reference", "pk")
        )
        used = set(keys.values())
        others: dict[tuple[str, date, str], list[Payment]] = {}
        accounts = {found.line.account for found in self._on_account if found.key not in keys}
        for payment in Payment.objects.filter(customer__number__in=accounts, cancelled_at=None).select_related("customer").order_by("pk"):
            if payment.pk not in used and payment.customer is not None:
                others.setdefault((payment.customer.number, payment.received_on, payment.currency), []).append(payment)
        for found in self._on_account:
            line = found.line
            found.known_id = keys.get(found.key)
            alike = others.get((line.account, line.issued_on, line.currency), [])
            match = next((payment for payment in alike if line.amount in (payment.amount, payment.unallocated)), None)
            if found.known_id is None and match is not None:
                found.known_id = match.pk
                alike.remove(match)
            work.unchanged += found.known_id is not None
            work.created += found.known_id is None

    def _refuse_large_settlement(self, work: Work) -> None:
        if not (self._choices.apply_settled and self._absent.count):
            return
        if work.problems:
            raise FileRefused(_("Nothing was loaded: rows were refused, and what they name would count as settled. Correct them first."))
        if self._absent.share > settling.MOST and not self._choices.force:
            raise FileRefused(
                _("Nothing was loaded: %(percent)s %% of what is open would be settled at once. Is the file whole?")
                % {"percent": int(self._absent.share * 100)},
                field="settled",
                remedy=_("If so, add --force."),
            )

    # --- writing ---

    def _strangers(self) -> list[str]:
        """Accounts nobody knows that a new document or payment names."""
        rows = staging.query("SELECT customer_number FROM staged_invoice WHERE outcome = 'new' AND customer_id IS NULL ORDER BY line")
        named = [row[0] for row in rows]
        named += [found.line.account for found in self._on_account if found.known_id is None and found.line.account not in self._customers]
        return list(dict.fromkeys(named))

    def _insert(self, work: Work) -> None:
        ledger.insert_new(work, with_installments=False)
        first = ledger.is_first_import(work)
        rows = staging.query(
            "SELECT id, number, customer_id, currency FROM staged_invoice WHERE outcome = 'new' AND kind = %s",
            [InvoiceKind.INVOICE.value],
        )
        means = dict(Customer.objects.filter(pk__in={row[2] for row in rows}).values_list("pk", "payment_means"))
        parts = []
        for invoice_id, number, customer_id, currency in rows:
            lines = sorted(self._documents[number].lines, key=lambda line: (self._due_of(line), line.line))
            for position, line in enumerate(lines, start=1):
                due_on = self._due_of(line)
                parts.append(
                    Installment(
                        invoice_id=invoice_id,
                        customer_id=customer_id,
                        currency=currency,
                        position=position,
                        due_on=due_on,
                        amount=line.amount,
                        outstanding=line.amount,
                        means=means[customer_id] or PaymentMeans.TRANSFER,
                        triage=ledger.triage_of(due_on, work.today, first=first),
                    )
                )
        for part in parts:
            part.await_collection(work.today)
        Installment.objects.bulk_create(parts, batch_size=2000)

    def _record_on_account(self, work: Work) -> None:
        fresh = [found for found in self._on_account if found.known_id is None]
        customers = {row.number: row for row in Customer.objects.filter(number__in={found.line.account for found in fresh})}
        for start in range(0, len(fresh), 500):
            drafts = [
                PaymentDraft(
                    amount=found.line.amount,
                    received_on=min(found.line.issued_on, work.today),
                    currency=found.line.currency,
                    customer=customers[found.line.account],
                    external_reference=found.key,
                    reference_text=f"{found.line.document} {found.line.label}".strip()[:200],
                    allocations=(),
                )
                for found in fresh[start : start + 500]
            ]
            recorded = record_payments(drafts=drafts, actor=work.actor, today=work.today, now=work.now)
            work.trace(TraceKind.PAYMENT, [answer.payment.pk for answer in recorded if answer.created])


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger holds of a document."""

    gross: Decimal
    left: Decimal
    issued_on: date
    parts: int
    state: str


def _signed(values: dict[str, Any]) -> Decimal:
    """Debit positive, credit negative; zero when the line says nothing or both."""
    debit, credit = values["debit"] or _ZERO, values["credit"] or _ZERO
    if debit and credit:
        return _ZERO
    return debit - credit or (values["balance"] or _ZERO if values["debit"] is None and values["credit"] is None else _ZERO)


def _is_total(values: dict[str, Any]) -> bool:
    """A line of totals, as accounting packages print them between the accounts."""
    texts = [folded(str(values[name])) for name in ("account", "name", "document", "label") if values[name]]
    return values["issued_on"] is None and any(text.startswith(_TOTALS) for text in texts)


def _is_credit_note(values: dict[str, Any]) -> bool:
    if DOCUMENT_KINDS.get(compact(values["kind"] or "")) == InvoiceKind.CREDIT_NOTE:
        return True
    words = folded(f"{values['kind'] or ''} {values['label'] or ''}").split()
    return "avoir" in words or "credit note" in " ".join(words) or compact(values["document"]).startswith("av")
