"""The invoice file: invoices and credit notes, their customers created on the way."""

from collections.abc import Collection, Iterator
from typing import Any

from django.utils.translation import gettext as _

from customers.models import Contact, Customer
from customers.services import CustomerFields, create_customers, ensure_group
from invoices.enums import ImportKind, InvoiceKind, RowOutcome, TraceKind
from invoices.importers import ledger, staging
from invoices.importers.customers import first_contacts
from invoices.importers.fields import INVOICE_FIELDS
from invoices.importers.problems import RowProblem
from invoices.importers.session import ItemLoader, Work
from invoices.importers.staging import Value, content_hash, new_key
from invoices.importers.values import check_decimals, check_group, currency_of, phone_of
from invoices.models import Allocation, Invoice
from invoices.references import reference_for
from invoices.selectors import customer_terms
from invoices.services import issue_credit_note
from invoices.terms import PaymentTerms

_DEFAULT_TERMS = PaymentTerms(30)


class InvoiceLoader(ItemLoader):
    """`customers`: numbers of the only customers the rows name, where they are few and known beforehand."""

    kind = ImportKind.INVOICES.value
    fields = INVOICE_FIELDS

    def __init__(self, customers: Collection[str] | None = None) -> None:
        self._named = customers
        self._customers: dict[str, Customer] = {}
        self._strangers: dict[str, dict[str, Any]] = {}

    def read(self, work: Work) -> None:
        self._customers = ledger.known_customers(self._named)
        ledger.STAGE.create()
        ledger.STAGE.fill(self._staged(work))
        ledger.outcome_of_repetitions(work)
        ledger.compare(work)
        counts = ledger.count_outcomes()
        work.created = counts.get(ledger.NEW, 0) + counts.get(ledger.CREDITS, 0)
        work.updated = counts.get(ledger.CHANGED, 0)
        work.unchanged = counts.get(ledger.SAME, 0) + counts.get(ledger.TWICE, 0)
        self._strangers = {number: self._strangers[number] for number in _new_customers()}
        if self._strangers:
            work.notes.append(_("New customers: %(count)s") % {"count": len(self._strangers)})

    def outcomes(self) -> dict[int, RowOutcome]:
        return ledger.outcomes()

    def keys(self) -> dict[int, str]:
        return dict(staging.query("SELECT line, number FROM staged_invoice"))

    def write(self, work: Work) -> Iterator[object]:
        create_strangers(self._strangers, work)
        ledger.lock_for_writing()
        ledger.insert_new(work)
        ledger.update_changed(work)
        ledger.make_findable()
        ledger.mark_first_import(work)
        _issue_credit_notes(work)
        ledger.announce(work)
        yield from ledger.written()

    def _staged(self, work: Work) -> Iterator[tuple[Value, ...]]:
        for line, values in work.rows():
            try:
                yield self._row(line, values, work)
            except RowProblem as problem:
                work.refuse(line, problem.column, problem.reason)

    def _row(self, line: int, values: dict[str, Any], work: Work) -> tuple[Value, ...]:
        number, customer_number, issued_on = values["number"], values["customer"], values["issued_on"]
        for name, what in (("number", number), ("customer", customer_number), ("issued_on", issued_on), ("gross", values["gross"])):
            if what is None:
                raise RowProblem(name, _("this cell is empty and must not be"))
        try:
            gross, kind = ledger.gross_of(values["gross"], values["kind"])
        except ValueError as error:
            raise RowProblem("gross", str(error)) from None
        currency = currency_of(values, work.currency, "gross")
        check_decimals(gross, currency, "gross")
        customer = self._customers.get(customer_number)
        if values["customer_phone"]:
            country = customer.country if customer is not None else None
            values["customer_phone"] = phone_of(values["customer_phone"], country, "customer_phone")
        if customer is None:
            self._meet(customer_number, values)
        due_on = values["due_on"]
        if kind == InvoiceKind.CREDIT_NOTE:
            due_on = None
        elif due_on is None:
            due_on = (values["terms"] or terms_of(customer)).due_date(issued_on)
        elif due_on < issued_on:
            raise RowProblem(
                "due_on", _("the due date %(due)s comes before the invoice date %(issued)s") % {"due": due_on, "issued": issued_on}
            )
        return (
            line,
            number,
            kind,
            customer_number,
            customer.pk if customer else None,
            issued_on,
            values["delivered_on"],
            due_on,
            kind == InvoiceKind.INVOICE and (values["due_on"] or values["terms"]) is not None,
            currency,
            gross,
            values["label"],
            values["purchase_order"],
            values["payment_reference"],
            reference_for(number),
            values["pay_to_iban"],
            values["means"],
            values["credited_number"],
            values["is_factored"],
            content_hash([*(values[item.name] for item in self.fields), gross, kind, currency]),
            new_key(),
            new_key(),
        )

    def _meet(self, number: str, values: dict[str, Any]) -> None:
        """Remember what the file says about a customer nobody knows; what comes first stays. Raises RowProblem."""
        if values["customer_group"]:
            check_group(values["customer_group"], "customer_group")
        seen = self._strangers.setdefault(number, {})
        for name in (
            "customer_name",
            "customer_email",
            "customer_phone",
            "customer_kind",
            "customer_siren",
            "customer_language",
            "customer_group",
        ):
            if values[name] is not None:
                seen.setdefault(name, values[name])


def terms_of(customer: Customer | None) -> PaymentTerms:
    """The customer's own terms; 30 days for one nobody knows yet."""
    return _DEFAULT_TERMS if customer is None else customer_terms(customer)


def _new_customers() -> list[str]:
    """The numbers of unknown customers that a row to write names, in the file's order."""
    rows = staging.query(
        "SELECT customer_number FROM staged_invoice WHERE outcome IN ('new', 'credits') AND customer_id IS NULL "
        "GROUP BY customer_number ORDER BY min(line)"
    )
    return [row[0] for row in rows]


def create_strangers(strangers: dict[str, dict[str, Any]], work: Work) -> None:
    """Create the customers an invoice file or a snapshot names for the first time, and give their staged rows their ids."""
    groups = {
        name: ensure_group(key=name, name=name, **work.who_and_when)
        for name in sorted({seen["customer_group"] for seen in strangers.values() if "customer_group" in seen})
    }
    numbers = list(strangers)
    for start in range(0, len(numbers), staging.CHUNK):
        part = numbers[start : start + staging.CHUNK]
        rows: list[CustomerFields] = []
        for number in part:
            seen = strangers[number]
            row: CustomerFields = {"number": number, "name": seen.get("customer_name") or number}
            if "customer_kind" in seen:
                row["kind"] = seen["customer_kind"]
            if "customer_siren" in seen:
                row["siren"] = seen["customer_siren"]
            row["language"] = seen.get("customer_language", work.profile.default_language)
            if "customer_group" in seen:
                row["group"] = groups[seen["customer_group"]]
            rows.append(row)
        contacts: list[Contact] = []
        created = create_customers(rows=rows, **work.who_and_when)
        work.trace(TraceKind.CUSTOMER, [customer.pk for customer in created])
        for customer in created:
            seen = strangers[customer.number]
            details = {"phone": seen["customer_phone"]} if "customer_phone" in seen else {}
            contacts += first_contacts(customer, seen.get("customer_email", ()), details)
        Contact.objects.bulk_create(contacts, batch_size=2000)
    staging.execute(
        "UPDATE staged_invoice AS staged SET customer_id = owner.id FROM customers_customer AS owner "
        "WHERE staged.customer_id IS NULL AND owner.number = staged.customer_number"
    )
    staging.analyze(ledger.STAGE.name)


def _issue_credit_notes(work: Work) -> None:
    """A credit note that names its invoice is issued like one typed by hand: set against it, ending the pause that awaited it."""
    rows = staging.query(
        "SELECT staged.number, staged.issued_on, staged.gross, staged.currency, staged.label, staged.credited_number "
        "FROM staged_invoice AS staged WHERE staged.outcome = 'credits' ORDER BY staged.line"
    )
    corrected = {
        invoice.number: invoice for invoice in Invoice.objects.filter(number__in={row[5] for row in rows}).select_related("customer")
    }
    notes = []
    for number, issued_on, gross, currency, label, credited_number in rows:
        note = issue_credit_note(
            customer=corrected[credited_number].customer,
            number=number,
            issued_on=issued_on,
            gross=gross,
            currency=currency,
            credited_invoice=corrected[credited_number],
            label=label or "",
            batch=work.batch,
            actor=work.actor,
            today=work.today,
            now=work.now,
        )
        notes.append(note.pk)
    work.trace(TraceKind.ALLOCATION, Allocation.objects.filter(credit_note__in=notes).values_list("pk", flat=True))
