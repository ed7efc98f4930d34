"""The aged balance on any day: it says what the documents say, and every way of counting it gives the same cents."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer, CustomerGroup
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices import services
from invoices.enums import InvoiceKind, InvoiceState
from invoices.measures.ageing import BUCKETS
from invoices.models import Allocation, Installment, Invoice, Payment, WriteOff
from invoices.owed import Scope
from invoices.reports.ageing import KINDS, LATE, aged_balance, aged_history, ageing_rows, lines_of, top_debtors
from invoices.reports.rows import CountedItems
from invoices.selectors import list_items
from invoices.services import InstallmentDraft, InvoiceDraft, PaymentDraft
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import at, bill, pay
from tests.reports.ledger import TODAY, example

EURO = Scope("EUR")
AUGUST_31, JULY_31 = date(2026, 8, 31), date(2026, 7, 31)


def amounts(as_of: date, scope: Scope = EURO) -> list[Decimal]:
    found = aged_balance(scope, as_of=as_of, today=TODAY).open
    return [cell.amount for cell in found.cells]


def test_the_worked_example_out_of_the_ledger(organization: Organization) -> None:
    who = example()
    assert amounts(TODAY) == [3600, 7200, 3000, 1500, 900]
    # At the end of August: what was paid in September was open, the part of 2 000 too.
    assert amounts(AUGUST_31) == [3600 + 7200 + 2400, 5000, 1500, 0, 900]
    found = top_debtors(EURO, as_of=TODAY, today=TODAY, most=2)
    assert [(row.customer_id, row.open.amount, row.overdue, row.oldest_due_on) for row in found.largest] == [
        (who["B"].pk, 10200, 10200, date(2026, 8, 20)),
        (who["A"].pk, 3600, 0, None),
    ]
    assert (found.others, found.others_open.amount, found.others_open.count, found.others_overdue) == (2, 2400, 2, 2400)


def test_bills_and_factored_items_stand_apart_and_count(organization: Organization) -> None:
    customer, sold = make_customer(), make_customer(factor_name="Factor SA")
    bill(customer, "100", issued_on=JULY_31, due_on=AUGUST_31, number="F-1")
    bill(customer, "50", issued_on=JULY_31, due_on=AUGUST_31, number="F-2", is_factored=True)
    bill(sold, "25", issued_on=JULY_31, due_on=AUGUST_31, number="F-3")
    part = (InstallmentDraft(due_on=AUGUST_31, amount=Decimal(10), kind="bill"),)
    draft = InvoiceDraft(customer=customer, number="F-4", issued_on=JULY_31, gross=Decimal(10), installments=part)
    services.issue_invoice(draft=draft, **at(JULY_31))
    found = aged_balance(EURO, as_of=TODAY, today=TODAY)
    assert [found.kinds[kind].total.amount for kind in KINDS] == [100, 10, 75]
    assert (found.open.total.amount, found.open.cell("1-30").count) == (185, 4)


def test_what_customers_have_in_their_favour_stands_apart(organization: Organization) -> None:
    customer = make_customer()
    bill(customer, "1000", issued_on=JULY_31, due_on=AUGUST_31, number="F-1")
    pay(customer, "300", on=TODAY, allocations=())
    pay(None, "40", on=TODAY)
    services.issue_credit_note(customer=customer, number="AV-1", issued_on=TODAY, gross=Decimal(60), **at(TODAY))
    bill(customer, "9", issued_on=JULY_31, due_on=AUGUST_31, number="F-USD", currency="USD")
    found = aged_balance(EURO, as_of=TODAY, today=TODAY)
    assert (found.on_account.amount, found.credit_notes.amount, found.unidentified.amount) == (300, 60, 40)
    assert (found.credits, found.net) == (400, 600)
    assert aged_balance(EURO, as_of=AUGUST_31, today=TODAY).net == 1000


def test_an_advance_was_in_the_customers_favour_until_its_invoice_came(organization: Organization) -> None:
    customer = make_customer()
    advance = pay(customer, "300", on=JULY_31, allocations=())
    item = bill(customer, "1000", issued_on=date(2026, 9, 10), due_on=date(2026, 10, 10), number="F-1")
    services.allocate(payment=advance, parts=[(item, Decimal(300))], **at(TODAY))
    assert aged_balance(EURO, as_of=TODAY, today=TODAY).net == 700
    then = aged_balance(EURO, as_of=AUGUST_31, today=TODAY)
    assert (then.on_account.count, then.on_account.amount, then.net) == (1, 300, -300)


def test_a_group_and_a_customer_are_looked_at_alone(organization: Organization) -> None:
    group = CustomerGroup.objects.create(key="g", name="G")
    mine, other = make_customer(group=group), make_customer()
    bill(mine, "10", issued_on=JULY_31, due_on=AUGUST_31, number="F-1")
    bill(other, "20", issued_on=JULY_31, due_on=AUGUST_31, number="F-2")
    assert amounts(TODAY, Scope("EUR", group_id=group.pk))[1] == 10
    assert amounts(TODAY, Scope("EUR", customer_id=other.pk))[1] == 20
    assert aged_history(Scope("EUR", group_id=group.pk), days=[AUGUST_31, TODAY], today=TODAY)[TODAY]["1-30"] == 10


def test_a_cancelled_invoice_was_never_owed(organization: Organization) -> None:
    item = bill(make_customer(), "10", issued_on=JULY_31, due_on=AUGUST_31, number="F-1")
    services.cancel_invoice(invoice=item.invoice, reason="by mistake", **at(TODAY))
    assert amounts(AUGUST_31) == [0] * 5


def test_what_was_corrected_since_is_corrected_in_the_past(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "10", issued_on=JULY_31, due_on=AUGUST_31, number="F-1")
    payment = pay(customer, "10", on=date(2026, 9, 2), allocations=((item, Decimal(10)),))
    assert amounts(AUGUST_31)[0] == 10
    services.correct_value_date(payment=payment, received_on=date(2026, 8, 30), **at(TODAY))
    assert amounts(AUGUST_31)[0] == 0


def test_reports_cost_the_same_queries_at_one_and_at_three_items(organization: Organization) -> None:
    counts = []
    for round_ in range(2):
        for number in range(1 + round_):
            bill(make_customer(), "10", issued_on=JULY_31, due_on=AUGUST_31, number=f"F-{round_}{number}")
        with CaptureQueriesContext(connection) as queries:
            aged_balance(EURO, as_of=AUGUST_31, today=TODAY)
            aged_history(EURO, days=[JULY_31, AUGUST_31, TODAY], today=TODAY)
            top_debtors(EURO, as_of=TODAY, today=TODAY, most=5)
        counts.append(len(queries))
    assert counts == [4, 4]


# --- whatever was done to the ledger ----------------------------------------------------------------------------------------------------

DAYS = st.integers(0, 120).map(lambda n: TODAY - timedelta(days=n))
CENTS = st.integers(1, 50_000).map(lambda cents: Decimal(cents) / 100)
ACT = st.one_of(
    st.tuples(st.just("invoice"), CENTS, DAYS, st.integers(-10, 60), st.sampled_from(["EUR", "EUR", "USD"]), st.booleans()),
    st.tuples(st.just("payment"), CENTS, DAYS, st.sampled_from(["EUR", "EUR", "USD"]), st.booleans()),
    st.tuples(st.just("note"), CENTS, DAYS),
    st.tuples(st.just("write_off"), st.integers(1, 100), DAYS),
    st.tuples(st.just("cancel_payment"), st.integers(0, 9)),
    st.tuples(st.just("cancel_invoice"), st.integers(0, 9)),
    st.tuples(st.just("settle_notes"), DAYS),
)


def _do(act: tuple[Any, ...], customer: Customer, number: int) -> None:
    match act:
        case ("invoice", gross, issued_on, term, currency, is_factored):
            due_on = issued_on + timedelta(days=max(0, term))
            bill(customer, str(gross), issued_on=issued_on, due_on=due_on, number=f"F-{number}", currency=currency, is_factored=is_factored)
        case ("payment", amount, on, currency, on_account):
            draft = PaymentDraft(
                customer=customer, amount=amount, received_on=on, currency=currency, allocations=() if on_account else None
            )
            services.record_payment(draft=draft, **at(TODAY))
        case ("note", gross, on):
            corrected = Invoice.objects.filter(kind="invoice", state="issued", currency="EUR", customer=customer).order_by("number").first()
            services.issue_credit_note(
                customer=customer, number=f"AV-{number}", issued_on=on, gross=gross, credited_invoice=corrected, **at(TODAY)
            )
        case ("write_off", percent, on):
            item = Installment.objects.filter(outstanding__gt=0, invoice__state="issued").order_by("-outstanding", "pk").first()
            if item is not None and on >= Invoice.objects.get(pk=item.invoice_id).issued_on:
                part = max(Decimal("0.01"), (item.outstanding * percent / 100).quantize(Decimal("0.01")))
                services.write_off(installment=item, amount=part, reason="agreed", **at(on))
        case ("cancel_payment", place):
            payments = list(Payment.objects.filter(cancelled_at=None).order_by("pk"))
            if payments:
                services.cancel_payment(payment=payments[place % len(payments)], reason="bounced", **at(TODAY))
        case ("cancel_invoice", place):
            invoices = list(Invoice.objects.filter(kind="invoice", state="issued").order_by("pk"))
            if invoices:
                services.cancel_invoice(invoice=invoices[place % len(invoices)], reason="by mistake", **at(TODAY))
        case ("settle_notes", _on):
            services.allocate_credit_notes(customer=customer, **at(TODAY))


def _by_documents(day: date, currency: str) -> Decimal:
    """What the documents dated by that day say was owed: invoices − credit notes − receipts − what was given up on these invoices."""
    found = Decimal(0)
    for invoice in Invoice.objects.filter(state=InvoiceState.ISSUED, currency=currency, issued_on__lte=day):
        found += invoice.gross if invoice.kind == InvoiceKind.INVOICE else -invoice.gross
    for payment in Payment.objects.filter(cancelled_at=None, currency=currency, received_on__lte=day):
        found -= payment.amount
    given_up = WriteOff.objects.select_related("installment__invoice").filter(reversed_at=None, written_off_on__lte=day)
    for row in given_up.filter(installment__invoice__state=InvoiceState.ISSUED, installment__invoice__currency=currency):
        found -= row.amount
    return found


def _one_by_one(day: date, currency: str) -> dict[str, Decimal]:
    """What each item had left at the end of that day, added up by customer, from its own rows."""
    found: dict[str, Decimal] = {}
    items = Installment.objects.select_related("invoice").filter(invoice__state="issued", invoice__currency=currency)
    for item in items.filter(invoice__issued_on__lte=day):
        parts = Allocation.objects.filter(installment=item, reversed_at=None, value_on__lte=day)
        given_up = WriteOff.objects.filter(installment=item, reversed_at=None, written_off_on__lte=day)
        left = item.amount - sum(part.amount for part in parts) - sum(row.amount for row in given_up)
        found[str(item.customer_id)] = found.get(str(item.customer_id), Decimal(0)) + left
    return {customer: amount for customer, amount in found.items() if amount}


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(st.tuples(ACT, st.integers(0, 2)), min_size=2, max_size=14), day=DAYS, currency=st.sampled_from(["EUR", "USD"]))
def test_every_count_of_a_day_gives_the_same_cents(acts: list[tuple[tuple[Any, ...], int]], day: date, currency: str) -> None:
    with transaction.atomic():
        with tenant(make_organization()):
            customers = [make_customer() for _ in range(3)]
            for number, (act, place) in enumerate(acts):
                _do(act, customers[place], number)
            scope = Scope(currency)
            for as_of in (day, TODAY):
                found = aged_balance(scope, as_of=as_of, today=TODAY)
                total = found.open.total
                assert found.net == _by_documents(as_of, currency)
                assert total.amount == sum(_one_by_one(as_of, currency).values())
                debtors = top_debtors(scope, as_of=as_of, today=TODAY, most=1)
                assert sum((row.open for row in debtors.largest), debtors.others_open) == total
                assert sum(row.overdue for row in debtors.largest) + debtors.others_overdue == found.open.overdue.amount
                listed = CountedItems(ageing_rows(scope, as_of=as_of, today=TODAY), lines_of())
                assert (len(listed), sum(amount for _id, amount in listed)) == (total.count, total.amount)
                late = CountedItems(ageing_rows(scope, as_of=as_of, today=TODAY), lines_of(buckets=LATE))
                assert late.total == found.open.overdue
                assert [item for start in range(0, len(listed), 3) for item in listed[start : start + 3]] == list(listed)
                by_customer = sum(
                    (aged_balance(Scope(currency, customer_id=row.pk), as_of=as_of, today=TODAY).open.total.amount for row in customers),
                    Decimal(0),
                )
                assert by_customer == total.amount
            shown = list_items(today=TODAY).filter(invoice__currency=currency)
            assert sum(item.outstanding for item in shown) == aged_balance(scope, as_of=TODAY, today=TODAY).open.total.amount
            days = sorted({day, day - timedelta(days=31), TODAY})
            for as_of, columns in aged_history(scope, days=days, today=TODAY).items():
                balance = aged_balance(scope, as_of=as_of, today=TODAY)
                assert columns == {label: balance.open.cell(label).amount for label in BUCKETS}
        transaction.set_rollback(True)
