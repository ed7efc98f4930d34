"""A good payer's habit on the records of the customer and of the invoice: shown with its evidence, set aside, counted on again."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import HabitSetAside
from invoices.services import PaymentDraft, find_good_payers, record_payments
from tests.dashboard.conftest import NOW, TODAY, House
from tests.factories import make_invoice

SAID = "6 of 6 invoices paid within four days of it, from 11 Jan 26 to 11 Jun 26; found on 9 Oct 26"


@pytest.fixture
def habit(house: House) -> None:
    """Durand paid six invoices ten days late."""
    with tenant(house.organization):
        drafts = []
        for number in range(6):
            due_on = date(2026, 1, 1) + timedelta(days=number * 151 // 5)
            paid = make_invoice(house.item.customer, amount="900.00", issued_on=due_on - timedelta(30), due_on=due_on)
            drafts.append(
                PaymentDraft(
                    amount=paid.amount,
                    received_on=due_on + timedelta(days=10),
                    customer=house.item.customer,
                    external_reference=f"OLD-{number}",
                    allocations=((paid, paid.amount),),
                )
            )
        record_payments(drafts=drafts, actor="system", today=TODAY, now=NOW)
        find_good_payers(today=TODAY)


def record(client: Client, house: House, name: str = "customer") -> str:
    pk = house.item.customer_id if name == "customer" else house.item.invoice_id
    return client.get(reverse(f"dashboard:{name}", args=[pk])).content.decode()


@pytest.mark.parametrize("name", ["customer", "invoice"])
def test_both_records_show_the_habit_with_its_evidence(owner: Client, house: House, habit: None, name: str) -> None:
    page = record(owner, house, name)
    assert "pays around D+10" in page
    assert SAID in page
    assert reverse("dashboard:habit_aside", args=[house.item.customer_id]) in page
    assert "This invoice follows its plan" not in page


def test_without_a_habit_nothing_is_said(owner: Client, house: House) -> None:
    assert "pays around" not in record(owner, house)
    assert "pays around" not in record(owner, house, "invoice")


def test_an_invoice_out_of_the_habit_says_so(owner: Client, house: House, habit: None) -> None:
    with tenant(house.organization):
        large = make_invoice(house.item.customer, amount="1800.01", issued_on=date(2026, 9, 20), due_on=date(2026, 10, 20))
    page = owner.get(reverse("dashboard:invoice", args=[large.invoice_id])).content.decode()
    assert "This invoice follows its plan: it is more than twice the usual amount, or something was said about it." in page


def test_a_clerk_sets_it_aside_with_a_reason_and_counts_on_it_again(owner: Client, house: House, habit: None) -> None:
    back = reverse("dashboard:customer", args=[house.item.customer_id])
    aside = reverse("dashboard:habit_aside", args=[house.item.customer_id])
    again = reverse("dashboard:habit_again", args=[house.item.customer_id])
    refused = owner.post(aside, {"reason": " "})
    assert refused.status_code == 422
    with tenant(house.organization):
        assert not HabitSetAside.objects.exists()
    assert owner.post(aside, {"reason": "Sold in July"})["Location"] == back
    page = record(owner, house)
    assert "The habit is set aside: reminders of Durand SARL follow the plan again." in page
    assert "Set aside on 9 Oct 26 by Claire Petit: Sold in July" in page
    assert "<s>pays around D+10</s>" in page
    assert aside not in page
    assert owner.post(again)["Location"] == back
    page = record(owner, house)
    assert "The habit of Durand SARL is counted on again." in page
    assert aside in page
    assert "<s>" not in page
    assert all(words in page for words in ("Habit set aside", "Sold in July", "Habit counted on again"))  # on the timeline
    stale = owner.post(again)
    assert stale.status_code == 422
    assert "Nothing is set aside for this customer." in stale.content.decode()


def test_settings_that_wait_for_nobody_are_said(owner: Client, house: House, habit: None) -> None:
    with tenant(house.organization):
        OrganizationProfile.objects.update(follows_habits=False)
    page = record(owner, house)
    assert "Your settings wait for nobody’s habit." in page
    assert reverse("dashboard:habit_aside", args=[house.item.customer_id]) not in page


def test_who_may_only_look_sees_it_and_changes_nothing(viewer: Client, house: House, habit: None) -> None:
    aside = reverse("dashboard:habit_aside", args=[house.item.customer_id])
    page = record(viewer, house)
    assert SAID in page
    assert aside not in page
    assert viewer.post(aside, {"reason": "x"}).status_code == 403
    with tenant(house.organization):
        assert not HabitSetAside.objects.exists()
