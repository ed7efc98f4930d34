"""Settings by which customers are chased: the clause of penalties, thresholds, and how long messages wait for a person."""

from datetime import date
from decimal import Decimal

from django.test import Client
from django.urls import reverse

from customers.models import Customer
from dunning.core.enums import Phase
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice
from notifications.models import Message
from scenarios.models import Action, ActionMessage
from tests.dashboard.conftest import TODAY, House

THRESHOLDS = {
    "acceptance_threshold": "5000,00",
    "residue_amount": "20",
    "residue_percent": "2",
    "promise_share_percent": "70",
    "promise_tolerance_days": "3",
    "promise_max_days": "45",
}


def profile_of(house: House) -> OrganizationProfile:
    with tenant(house.organization):
        return OrganizationProfile.objects.get()


def test_a_clause_below_the_floor_is_taken_and_said_where_penalties_are_read(owner: Client, viewer: Client, house: House) -> None:
    door = reverse("dashboard:penalties")
    assert viewer.get(door).status_code == 403
    assert door in owner.get(reverse("dashboard:settings")).content.decode()
    for mode, value in (("contract_legal_x", "2"), ("contract_fixed", ""), ("contract_fixed", "99")):
        assert owner.post(door, {"penalty_mode": mode, "penalty_value": value}).status_code == 422
    assert profile_of(house).penalty_mode == "default_ecb10"
    assert owner.post(door, {"penalty_mode": "contract_fixed", "penalty_value": "8,00"}).status_code == 302
    assert (profile_of(house).penalty_mode, profile_of(house).penalty_value) == ("contract_fixed", Decimal(8))
    page = owner.get(reverse("dashboard:invoice", args=[house.item.invoice_id])).content.decode()
    assert "2nd half of 2026: your clause, 8 %, is below the legal floor, 8.25 %" in page
    lifted = {"penalty_mode": "contract_fixed", "penalty_value": "8,00", "penalty_lift_to_floor": "on"}
    assert owner.post(door, lifted).status_code == 302
    assert profile_of(house).penalty_lift_to_floor
    assert "checked" in owner.get(door).content.decode()
    assert owner.post(door, {"penalty_mode": "default_ecb10", "penalty_value": "8"}).status_code == 302
    assert not profile_of(house).penalty_lift_to_floor
    assert profile_of(house).penalty_value is None


def test_thresholds_change_within_their_bounds(owner: Client, house: House) -> None:
    door = reverse("dashboard:thresholds")
    assert 'value="3000.00"' in owner.get(door).content.decode()
    for name, wrong in (("promise_max_days", "400"), ("residue_amount", "500"), ("residue_amount", "")):
        assert owner.post(door, {**THRESHOLDS, name: wrong}).status_code == 422
    assert owner.post(door, THRESHOLDS).status_code == 302
    profile = profile_of(house)
    assert (profile.acceptance_threshold, profile.residue_percent, profile.promise_share_percent) == (Decimal(5000), Decimal(2), 70)
    assert (profile.promise_tolerance_days, profile.promise_max_days, profile.residue_amount) == (3, 45, Decimal(20))


def test_supervision_is_prolonged_and_ended(owner: Client, house: House) -> None:
    door = reverse("dashboard:supervision")
    assert owner.post(door, {"until": "2026-10-08"}).status_code == 422  # yesterday
    assert owner.post(door, {"until": "2026-11-30"}).status_code == 302
    assert profile_of(house).supervised_until == date(2026, 11, 30)
    assert owner.post(door, {"until": ""}).status_code == 302
    assert profile_of(house).supervised_until is None


def test_terms_longer_than_the_law_allows_are_said_on_the_customers_page(owner: Client, house: House) -> None:
    page = reverse("dashboard:customer", args=[house.item.customer_id])
    assert "beyond the legal maximum" not in owner.get(page).content.decode()
    with tenant(house.organization):
        Customer.objects.filter(pk=house.item.customer_id).update(payment_days=90)
    said = owner.get(page).content.decode()
    assert "An invoice of 1 January 2025 would fall due 30 days beyond the legal maximum (C. com. L441-10 I): a fine threatens." in said
    with tenant(house.organization):
        Customer.objects.filter(pk=house.item.customer_id).update(kind="consumer")
    assert "beyond the legal maximum" not in owner.get(page).content.decode()


def test_a_clause_below_the_floor_is_said_before_a_formal_notice_is_approved(owner: Client, house: House) -> None:
    with tenant(house.organization):
        OrganizationProfile.objects.update(penalty_mode="contract_fixed", penalty_value=8)
        customer = house.item.customer
        message = Message.objects.create(
            customer=customer, channel="registered", kind="reminder", phase=Phase.LEGAL, language="en", template_key="formal_notice",
            state="awaiting_approval", planned_on=TODAY, currency="EUR", details={"items": [str(house.item.pk)]},
        )  # fmt: skip
        action = Action.objects.create(
            installment=house.item, customer=customer, step_key="formal_notice", phase=Phase.LEGAL, channel="registered", taken_on=TODAY
        )
        ActionMessage.objects.create(action=action, message=message)
    page = owner.get(reverse("dashboard:message", args=[message.pk])).content.decode()
    assert "2nd half of 2026: your clause, 8 %, is below the legal floor, 8.25 %" in page


def test_penalties_are_waived_billed_apart_and_due_again_on_the_invoices_page(owner: Client, viewer: Client, house: House) -> None:
    pk = house.item.invoice_id
    page = reverse("dashboard:invoice", args=[pk])
    waive, invoiced, again = (reverse(f"dashboard:penalties_{act}", args=[pk]) for act in ("waive", "invoiced", "again"))
    shown = owner.get(page).content.decode()
    assert waive in shown and invoiced in shown and again not in shown
    assert waive not in viewer.get(page).content.decode()
    assert owner.post(waive, {"reason": " "}).status_code == 422
    assert owner.post(waive, {"reason": "An isolated delay"}).status_code == 302
    shown = owner.get(page).content.decode()
    assert "An isolated delay" in shown and again in shown and waive not in shown
    assert owner.post(again, {"reason": "Late once more"}).status_code == 302
    assert owner.post(invoiced, {"number": "PEN-7", "on": "2027-01-01"}).status_code == 422
    assert owner.post(invoiced, {"number": "PEN-7", "on": TODAY.isoformat()}).status_code == 302
    shown = owner.get(page).content.decode()
    assert "Invoiced apart" in shown and "PEN-7" in shown


def test_a_claim_near_its_limitation_says_until_when(owner: Client, house: House) -> None:
    page = reverse("dashboard:invoice", args=[house.item.invoice_id])
    assert "Barred by limitation" not in owner.get(page).content.decode()
    with tenant(house.organization):
        Invoice.objects.filter(pk=house.item.invoice_id).update(issued_on=date(2022, 3, 10))
        Installment.objects.filter(pk=house.item.pk).update(due_on=date(2022, 4, 10))
    assert "after 10 March 2027" in owner.get(page).content.decode()
