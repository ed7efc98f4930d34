"""Several invoices in one amount under one reference: the receipt that quotes it finds them by itself."""

from datetime import date
from decimal import Decimal

import pytest

from customers.models import Customer
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices import services
from invoices.models import Installment, Invoice, Payment, PaymentRequest
from invoices.references import is_valid_reference, printed_reference
from invoices.selectors import proposals_for
from tests.factories import make_customer
from tests.invoices.ledger import at, bill, left, pay, unallocated

SEPT_1, OCT_1, OCT_5, OCT_9 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5), date(2026, 10, 9)


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(name="Durand SARL")


@pytest.fixture
def items(customer: Customer) -> list[Installment]:
    """100, 200 and 300, the oldest first; a fourth that is not asked for is older than all."""
    bill(customer, "50.00", issued_on=SEPT_1, due_on=SEPT_1, number="F-2026-0")
    return [
        bill(customer, f"{number}00.00", issued_on=SEPT_1, due_on=date(2026, 10, number), number=f"F-2026-{number}") for number in (1, 2, 3)
    ]


def ask(customer: Customer, *items: Installment, on: date = OCT_5, **amounts: str) -> PaymentRequest:
    given = {item: Decimal(amounts[f"n{number}"]) if f"n{number}" in amounts else None for number, item in enumerate(items)}
    return services.request_payment(customer=customer, amounts=given, **at(on))


def test_the_same_items_are_the_same_request_and_others_another(customer: Customer, items: list[Installment]) -> None:
    first = ask(customer, items[0], items[2])
    assert (first.amount, first.currency, first.pay_to_iban) == (Decimal("400.00"), "EUR", "FR2099999000010000000001A82")
    assert is_valid_reference(first.reference)
    assert ask(customer, items[2], items[0], on=OCT_9) == first
    assert ask(customer, items[0], items[1]).reference != first.reference
    assert ask(customer, items[0], items[2], n0="99.99").reference != first.reference
    assert PaymentRequest.objects.count() == 3


def test_a_receipt_that_quotes_it_pays_exactly_these(customer: Customer, items: list[Installment]) -> None:
    request = ask(customer, items[0], items[2])
    payment = pay(None, "400.00", on=OCT_9, reference_text=f"VIR {printed_reference(request.reference)} MERCI")
    assert Payment.objects.get(pk=payment.pk).customer == customer
    assert [left(item) for item in items] == [0, Decimal("200.00"), 0]
    assert unallocated(payment) == 0


def test_what_was_contested_is_left_out_of_the_sum_and_of_what_it_pays(customer: Customer, items: list[Installment]) -> None:
    services.open_dispute(installment=items[0], reason="PU_ERR", amount=Decimal("40.00"), **at(OCT_5))
    request = ask(customer, items[0], items[1])
    assert request.amount == Decimal("260.00")
    pay(None, "260.00", on=OCT_9, reference_text=request.reference)
    assert [left(item) for item in items] == [Decimal("40.00"), 0, Decimal("300.00")]


def test_another_amount_pays_them_the_oldest_first_and_no_others(customer: Customer, items: list[Installment]) -> None:
    request = ask(customer, items[1], items[2])
    pay(None, "250.00", on=OCT_9, reference_text=request.reference)
    assert [left(item) for item in items] == [Decimal("100.00"), 0, Decimal("250.00")]
    more = pay(None, "500.00", on=OCT_9, reference_text=request.reference)
    assert [left(item) for item in items] == [Decimal("100.00"), 0, 0]
    assert unallocated(more) == Decimal("250.00")


def test_it_is_the_payers_receipt_when_somebody_else_pays(customer: Customer) -> None:
    parent = make_customer(name="Groupe Durand")
    Customer.objects.filter(pk=customer.pk).update(payer=parent)
    item = bill(Customer.objects.get(pk=customer.pk), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2026-7")
    own = bill(parent, "30.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2026-8")
    request = ask(parent, item, own)
    payment = pay(None, "130.00", on=OCT_9, reference_text=request.reference)
    assert (Payment.objects.get(pk=payment.pk).customer, left(item), left(own)) == (parent, 0, 0)


def test_an_unknown_reference_is_nobodys(customer: Customer, items: list[Installment]) -> None:
    payment = pay(None, "400.00", on=OCT_9, reference_text="RF18539007547034")
    assert Payment.objects.get(pk=payment.pk).customer is None
    assert [proposal.evidence for proposal in proposals_for(payment)] == []


def test_a_broken_reference_proposes_what_it_named(customer: Customer, items: list[Installment]) -> None:
    """The customer is not certain when the text names invoices of two payers: a person chooses."""
    request = ask(customer, items[0], items[1])
    other = bill(make_customer(), "300.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2026-99")
    payment = pay(None, "300.00", on=OCT_9, reference_text=f"{request.reference} F-2026-99")
    assert Payment.objects.get(pk=payment.pk).customer is None
    assert {proposal.customer_id for proposal in proposals_for(payment)} == {customer.pk, other.customer_id}


def test_what_cannot_be_paid_together_is_refused(customer: Customer, items: list[Installment]) -> None:
    pounds = bill(customer, "10.00", issued_on=SEPT_1, due_on=OCT_1, number="F-11", currency="GBP")
    elsewhere = bill(customer, "10.00", issued_on=SEPT_1, due_on=OCT_1, number="F-12", pay_to_iban="FR7630006000011234567890189")
    stranger = bill(make_customer(), "10.00", issued_on=SEPT_1, due_on=OCT_1, number="F-13")
    for other, code in ((pounds, "several_currencies"), (elsewhere, "several_ibans"), (stranger, "several_customers")):
        with pytest.raises(DomainError) as refusal:
            ask(customer, items[0], other)
        assert refusal.value.code == code
    with pytest.raises(DomainError) as refusal:
        ask(customer, items[0], n0="100.01")
    assert refusal.value.code == "bad_amount"
    pay(customer, "100.00", on=OCT_5, reference_text="F-2026-1")
    with pytest.raises(DomainError) as refusal:
        ask(customer, items[0])
    assert refusal.value.code == "settled"
    assert not PaymentRequest.objects.exists()


def test_a_factors_invoice_without_an_account_of_its_own_is_not_asked_for(customer: Customer, items: list[Installment]) -> None:
    Customer.objects.filter(pk=customer.pk).update(factor_name="BNP Factor")
    Invoice.objects.filter(pk=items[0].invoice_id).update(pay_to_iban="")
    with pytest.raises(DomainError) as refusal:
        ask(customer, items[0])
    assert refusal.value.code == "several_ibans"
