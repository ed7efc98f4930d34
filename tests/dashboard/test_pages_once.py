"""A form is acted upon once: a double click, or its button pressed again after going back, books, gives up and sends nothing twice."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core.tenancy import tenant
from invoices.models import Installment, Payment, WriteOff
from notifications.models import Message
from tests.dashboard.conftest import House

RECEIPT = {"customer": "C1", "amount": "500", "currency": "EUR", "received_on": "2026-10-08", "means": "transfer"}


def drawn(client: Client, door: str) -> dict[str, str]:
    """The key of the form as it was drawn."""
    (key,) = re.findall(r'name="once" value="([0-9a-f]{32})"', client.get(door).content.decode())
    return {"once": key}


def twice(client: Client, door: str, typed: dict[str, Any]) -> str:
    """The form is drawn once and sent twice; what the page says in the end."""
    form = {**drawn(client, door), **typed}
    first = client.post(door, form)
    again = client.post(door, form)
    assert (first.status_code, again.status_code, again["Location"]) == (302, 302, first["Location"])
    return client.get(again["Location"]).content.decode()


def test_a_receipt_sent_twice_is_entered_once(owner: Client, house: House) -> None:
    """Durand pays 500.00 of 1,200.00: a second receipt would settle 500.00 that nobody paid."""
    page = twice(owner, reverse("dashboard:record_payment"), RECEIPT)
    assert "Sent twice, done once: €500.00 is entered: Durand SARL." in page
    with tenant(house.organization):
        assert Payment.objects.get(customer__number="C1").amount == Decimal(500)
        assert Installment.objects.get(pk=house.item.pk).outstanding == Decimal(700)


@pytest.mark.parametrize(
    ("act", "typed", "left"),
    [
        ("pay", {"amount": "500", "received_on": "2026-10-08", "means": "transfer"}, 700),
        ("write_off", {"amount": "100", "kind": "other", "reason": "Bargained"}, 1100),
    ],
)
def test_a_part_is_paid_or_given_up_once(owner: Client, house: House, act: str, typed: dict[str, str], left: int) -> None:
    twice(owner, reverse(f"dashboard:{act}", args=[house.item.pk]), typed)
    with tenant(house.organization):
        assert Installment.objects.get(pk=house.item.pk).outstanding == left
        assert Payment.objects.filter(customer__number="C1").count() + WriteOff.objects.count() == 1


def test_a_statement_leaves_once(owner: Client, house: House) -> None:
    twice(owner, reverse("dashboard:send_statement", args=[house.item.customer_id]), {})
    with tenant(house.organization):
        assert Message.objects.filter(template_key="account_statement").count() == 1


def test_another_receipt_in_the_same_form_is_asked_about(owner: Client, house: House) -> None:
    """Back on the form that entered 500.00, the clerk writes 200.00: nothing is lost, and the button pressed once more enters it."""
    door = reverse("dashboard:record_payment")
    form = {**drawn(owner, door), **RECEIPT}
    owner.post(door, form)
    asked = owner.post(door, {**form, "amount": "200"})
    assert asked.status_code == 422 and "This form was sent before, with other content, and that was done." in asked.content.decode()
    assert asked.context["form"]["amount"].value() == "200"
    (key,) = re.findall(r'name="once" value="([0-9a-f]{32})"', asked.content.decode())
    assert key != form["once"]
    assert owner.post(door, {**form, "amount": "200", "once": key}).status_code == 302
    with tenant(house.organization):
        amounts = Payment.objects.filter(customer__number="C1").order_by("amount").values_list("amount", flat=True)
        assert list(amounts) == [Decimal(200), Decimal(500)]


def test_what_was_refused_may_be_sent_again(owner: Client, house: House) -> None:
    door = reverse("dashboard:write_off", args=[house.item.pk])
    form = {**drawn(owner, door), "amount": "5000", "kind": "other", "reason": "Bargained"}
    assert owner.post(door, form).status_code == 422
    assert owner.post(door, {**form, "amount": "100"}).status_code == 302
    with tenant(house.organization):
        assert WriteOff.objects.get().amount == Decimal(100)
