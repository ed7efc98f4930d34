"""Amounts typed on screen: French and English notation, and no thousand taken for a single euro."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from dunning.core.tenancy import tenant
from dunning.dashboard.forms.fields import AmountField, RateField
from invoices.models import Installment, Payment, WriteOff
from tests.dashboard.conftest import House

READ = {
    "1 840,25": "1840.25",
    "1,840.25": "1840.25",
    "1.840,25": "1840.25",
    "12000": "12000",
    "12 000": "12000",
    "12,5": "12.50",
    "12.50": "12.50",
    "1,234,567": "1234567",
    "0,500": "0.50",
    "1234,500": "1234.50",
}


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_both_notations_are_read(text: str, value: str) -> None:
    assert AmountField().clean(text) == Decimal(value)


@pytest.mark.parametrize(("text", "whole"), [("5,000", "5000"), ("5.000", "5000"), ("12,000 €", "12000 €"), ("1,234", "1234")])
def test_one_sign_and_three_figures_are_asked_about(text: str, whole: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        AmountField().clean(text)
    assert refusal.value.messages == [
        f"“{text}” may mean thousands or decimals: write {whole} for thousands, else two decimals at most.",
    ]


def test_a_receipt_of_twelve_thousand_is_never_one_of_twelve(owner: Client, house: House) -> None:
    """The bank says 12,000.00, the clerk types "12,000", is asked, and writes it as the page proposes."""
    form = {"customer": "C1", "amount": "12,000", "currency": "EUR", "received_on": "2026-10-08", "means": "transfer"}
    asked = owner.post(reverse("dashboard:record_payment"), form)
    assert (asked.status_code, list(asked.context["form"].errors)) == (422, ["amount"])
    assert 'value="12,000"' in asked.content.decode()
    with tenant(house.organization):
        assert Payment.objects.filter(customer__number="C1").count() == 0
    assert owner.post(reverse("dashboard:record_payment"), {**form, "amount": "12000"}).status_code == 302
    with tenant(house.organization):
        assert Payment.objects.get(customer__number="C1").amount == Decimal(12000)


def test_nothing_is_given_up_on_an_amount_that_may_mean_two(owner: Client, house: House) -> None:
    door = reverse("dashboard:write_off", args=[house.item.pk])
    asked = owner.post(door, {"amount": "1.000", "kind": "other", "reason": "Bargained"})
    assert (asked.status_code, list(asked.context["form"].errors)) == (422, ["amount"])
    with tenant(house.organization):
        assert WriteOff.objects.count() == 0
        assert Installment.objects.get(pk=house.item.pk).outstanding == Decimal("1200.00")


@pytest.mark.parametrize("written", ["2,655", "2.655"])
def test_a_rate_has_decimals_and_no_thousands(written: str) -> None:
    assert RateField().clean(written) == Decimal("2.655")
