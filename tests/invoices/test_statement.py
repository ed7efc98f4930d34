"""Statements and penalties to date."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import services as customer_services
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices import services
from invoices.models import Installment, ReferenceRate
from invoices.selectors import LineKind, accessories, customer_statement, ledger_balance
from invoices.selectors.items import credit_sums
from invoices.services import InstallmentDraft, InvoiceDraft
from tests.factories import make_customer
from tests.invoices.ledger import at, bill, pay

SEPT_1, OCT_1, OCT_5 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5)


def test_story_two_one_net_total_equal_to_the_ledger(organization: Organization) -> None:
    customer = make_customer()
    for number in range(3):
        bill(customer, "400.00", issued_on=SEPT_1, due_on=OCT_1, number=f"F-{number}")
    contested = bill(customer, "2000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-PRICE")
    services.open_dispute(installment=contested, reason="PU_ERR", amount=Decimal("312.00"), **at(OCT_5))
    bill(customer, "50.00", issued_on=SEPT_1, due_on=date(2027, 9, 1), number="F-LATER")
    pay(customer, "1000.00", on=OCT_5, allocations=(), reference_text="acompte")
    services.issue_credit_note(customer=customer, number="AV-1", issued_on=OCT_5, gross=Decimal("4.37"), **at(OCT_5))
    bill(customer, "90.00", issued_on=SEPT_1, due_on=OCT_1, number="F-USD", currency="USD")
    euros, dollars = customer_statement([customer.pk], today=OCT_5)
    assert (euros.overdue, euros.not_due, euros.credits) == (Decimal("3200.00"), Decimal("50.00"), Decimal("-1004.37"))
    assert (euros.net, euros.chased) == (Decimal("2245.63"), Decimal("2888.00"))
    assert [(line.kind, line.amount) for line in euros.lines[-2:]] == [
        (LineKind.PAYMENT, Decimal("-1000.00")),
        (LineKind.CREDIT_NOTE, Decimal("-4.37")),
    ]
    assert (dollars.currency, dollars.net) == ("USD", Decimal("90.00"))
    assert credit_sums([customer.pk]) == {"EUR": Decimal("1004.37")}  # as the debtor's page sums them
    assert ledger_balance([customer.pk]) == {"EUR": euros.net, "USD": dollars.net}


def test_a_payer_and_its_daughters_have_one_account(organization: Organization) -> None:
    parent, daughter = make_customer(), make_customer()
    customer_services.set_payer(customer=daughter, payer=parent, **at(SEPT_1))
    bill(daughter, "500.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    pay(parent, "200.00", on=OCT_5)
    family = [parent.pk, daughter.pk]
    [statement] = customer_statement(family, today=OCT_5)
    assert (statement.net, ledger_balance(family)) == (Decimal("300.00"), {"EUR": Decimal("300.00")})


def test_an_account_costs_the_same_queries_at_one_and_at_three_items(organization: Organization) -> None:
    customer = make_customer()
    customer_statement([customer.pk], today=OCT_5)  # a session prepares its questions once
    counts = []
    for round_ in range(2):
        for number in range(1 + round_):
            bill(customer, "10.00", issued_on=SEPT_1, due_on=OCT_1, number=f"F-{round_}{number}")
        with CaptureQueriesContext(connection) as queries:
            customer_statement([customer.pk], today=OCT_5)
        counts.append(len(queries))
    assert counts == [6, 6]


def test_penalties_to_date_follow_part_payments_and_credit_notes(organization: Organization) -> None:
    """docs/domain.md, worked example 3, principal first: 74.90 + 45.94 + 31.59 = 152.43."""
    customer = make_customer()
    item = bill(customer, "5000.00", issued_on=date(2026, 3, 1), due_on=date(2026, 3, 31), number="F-1")
    pay(customer, "2000.00", on=date(2026, 5, 15), reference_text="F-1")
    figure = accessories([item.pk], until=date(2026, 7, 31))[item.pk]
    assert (figure.penalties, figure.fixed_sum, figure.total) == (Decimal("152.43"), Decimal(40), Decimal("192.43"))
    services.issue_credit_note(
        customer=customer, number="AV-1", issued_on=date(2026, 8, 1), gross=Decimal("3000.00"), credited_invoice=item.invoice, **at(OCT_5)
    )
    corrected = accessories([item.pk], until=date(2026, 7, 31))[item.pk]
    assert corrected.statement is not None
    assert [segment.base for segment in corrected.statement.segments] == [Decimal("2000.00")]  # never owed, never borne


def test_the_forty_euros_are_counted_once_per_invoice(organization: Organization) -> None:
    parts = tuple(InstallmentDraft(due_on=day, amount=Decimal("500.00")) for day in (date(2026, 7, 1), date(2026, 8, 1)))
    draft = InvoiceDraft(customer=make_customer(), number="F-1", issued_on=date(2026, 6, 1), gross=Decimal("1000.00"), installments=parts)
    invoice = services.issue_invoice(draft=draft, **at(date(2026, 6, 1)))
    items = list(Installment.objects.filter(invoice=invoice).order_by("position"))
    figures = accessories([item.pk for item in items], until=date(2026, 9, 1))
    assert [figures[item.pk].fixed_sum for item in items] == [Decimal(40), Decimal(0)]


def test_no_penalty_without_a_legal_regime_or_once_waived(organization: Organization) -> None:
    unknown = bill(make_customer(kind="unknown", siren=""), "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    unbacked = bill(make_customer(kind="business", siren=""), "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2")
    waived = bill(make_customer(), "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-3")
    services.waive_penalties(invoice=waived.invoice, reason="Retard isolé", **at(OCT_5))
    figures = accessories([unknown.pk, unbacked.pk, waived.pk], until=OCT_5)
    assert [(figures[item.pk].reason, figures[item.pk].total) for item in (unknown, unbacked, waived)] == [
        ("unknown_kind", Decimal(0)),
        ("unknown_kind", Decimal(0)),
        ("waived", Decimal(0)),
    ]


def test_an_unpublished_rate_gives_no_figure_until_a_person_enters_it(organization: Organization) -> None:
    item = bill(make_customer(), "1000.00", issued_on=date(2026, 12, 1), due_on=date(2027, 1, 10), number="F-1")
    feb_1 = date(2027, 2, 1)
    assert accessories([item.pk], until=feb_1)[item.pk].reason == "rate_unpublished"
    with pytest.raises(DomainError):
        services.enter_reference_rate(series="ecb_mro", semester="2027-H2", rate=Decimal("2.65"), source="ECB", **at(feb_1))
    services.enter_reference_rate(series="ecb_mro", semester="2027-H1", rate=Decimal("2.65"), source="ECB", **at(feb_1))
    figure = accessories([item.pk], until=feb_1)[item.pk]
    assert figure.penalties == Decimal("7.62")  # 1,000 x 12.65 % x 22/365
    services.enter_reference_rate(series="ecb_mro", semester="2027-H1", rate=Decimal("2.40"), source="ECB, corrected", **at(feb_1))
    assert (ReferenceRate.objects.count(), accessories([item.pk], until=feb_1)[item.pk].penalties) == (1, Decimal("7.47"))
