"""Giving up on screen: who may how much, what it says first, taking it back, the residues, the organization's policy."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core.enums import Role
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment, WriteOff
from invoices.services import PaymentDraft, record_payment
from notifications.enums import MessageState
from notifications.models import Message
from scenarios.enums import Phase
from scenarios.models import Action, ActionMessage
from tests.dashboard.conftest import NOW, TODAY, House, sign_in
from tests.factories import make_invoice
from tests.notifications.mailroom import write
from tests.scenarios.houses import CLERK


@pytest.fixture
def collector(house: House, at_nine: None) -> Client:
    return sign_in(house.organization, Role.COLLECTOR, "paul@atelier.example")


def at(name: str, pk: Any) -> str:
    return reverse(f"dashboard:{name}", args=[pk])


def test_who_manages_gives_up_anything_and_takes_it_back(owner: Client, viewer: Client, house: House) -> None:
    door = at("write_off", house.item.pk)
    page = owner.get(door).content.decode()
    assert "€1,200.00 left to pay." in page and "reminders, calls and penalties about it stop" in page
    assert "No longer to do, unless it is about other invoices too: Call of 9 October 2026." in page
    assert owner.post(door, {"reason": "Closed down"}).status_code == 422  # what kind of loss?
    assert owner.post(door, {"kind": "uncollectable", "reason": "Closed down"}).status_code == 302
    record = owner.get(at("invoice", house.item.invoice_id)).content.decode()
    assert "Uncollectable" in record and "Closed down" in record
    with tenant(house.organization):
        row = WriteOff.objects.get()
    back = at("reverse_write_off", row.pk)
    assert back in record and back not in viewer.get(at("invoice", house.item.invoice_id)).content.decode()
    assert "is owed again, and its plan goes on." in owner.get(back).content.decode()
    assert owner.post(back, {"reason": ""}).status_code == 422
    assert owner.post(back, {"reason": "A buyer was found"}).status_code == 302
    with tenant(house.organization):
        row.refresh_from_db()
        assert (row.reversed_reason, Installment.objects.get(pk=house.item.pk).outstanding) == ("A buyer was found", Decimal("1200.00"))


def test_what_stops_is_named_before_it_is_given_up(owner: Client, house: House) -> None:
    door = at("write_off", house.item.pk)
    with tenant(house.organization):
        waiting = write(house.item.customer, planned_on=TODAY, state=MessageState.AWAITING_APPROVAL)
        dates = {"issued_on": date(2026, 9, 2), "due_on": date(2026, 10, 2)}
        carry(waiting, house.item)
        other = carry(waiting, make_invoice(house.item.customer, amount="300.00", **dates))
    assert "Leaves without this invoice: “" in owner.get(door).content.decode()
    with tenant(house.organization):
        other.delete()
    page = owner.get(door).content.decode()
    assert "Withdrawn: “" in page and "planned for 9 October 2026 (Awaiting approval)." in page
    assert owner.post(door, {"kind": "uncollectable", "reason": "Closed down"}).status_code == 302
    with tenant(house.organization):
        waiting.refresh_from_db()
    assert waiting.state == MessageState.CANCELLED


def carry(message: Message, item: Installment) -> ActionMessage:
    step = {"step_key": "r2", "phase": Phase.FRIENDLY, "channel": "email", "taken_on": TODAY, "state": "planned"}
    action = Action.objects.create(installment=item, customer=item.customer, **step)
    return ActionMessage.objects.create(action=action, message=message)


def test_a_collector_gives_up_as_far_as_the_organization_says(collector: Client, house: House) -> None:
    door = at("write_off", house.item.pk)
    given = {"kind": "goodwill", "reason": "Late delivery", "amount": "40"}
    assert "Your role gives nothing up by itself" in collector.get(door).content.decode()
    refused = collector.post(door, given)
    assert (refused.status_code, "more than your role may give up" in refused.content.decode()) == (422, True)
    with tenant(house.organization):
        OrganizationProfile.objects.update(write_off_limit=50)
    assert "Your role may give up €50.00 of one invoice" in collector.get(door).content.decode()
    assert collector.post(door, given).status_code == 302
    assert collector.post(door, given).status_code == 422
    with tenant(house.organization):
        assert list(WriteOff.objects.values_list("amount", "kind")) == [(Decimal("40.00"), "goodwill")]


def test_residues_are_proposed_under_payments_with_one_click(owner: Client, collector: Client, house: House) -> None:
    with tenant(house.organization):
        draft = PaymentDraft(
            customer=house.item.customer, amount=Decimal("1195.63"), received_on=TODAY, allocations=((house.item, Decimal("1195.63")),)
        )
        record_payment(draft=draft, actor=CLERK, today=TODAY, now=NOW)
    door = at("write_off", house.item.pk)
    page = owner.get(reverse("dashboard:payments")).content.decode()
    assert "Small amounts left, proposed to be given up" in page and "€4.37" in page and f'action="{door}"' in page
    assert f'action="{door}"' not in collector.get(reverse("dashboard:payments")).content.decode()  # above what they may
    assert "One invoice is settled but for €4.37." in owner.get(reverse("dashboard:today")).content.decode()
    sent = {"amount": "4.37", "kind": "small_difference", "reason": "Small amount left after payment"}
    assert owner.post(door, sent).status_code == 302
    assert "Small amounts left" not in owner.get(reverse("dashboard:payments")).content.decode()


def test_the_policy_is_set_and_counts_from_the_next_payment(owner: Client, viewer: Client, house: House) -> None:
    door = reverse("dashboard:write_off_policy")
    assert viewer.get(door).status_code == 403
    assert door in owner.get(reverse("dashboard:settings")).content.decode()
    assert owner.post(door, {"tolerance_amount": "500", "write_off_limit": "0"}).status_code == 422
    assert owner.post(door, {"tolerance_amount": "5", "write_off_limit": "100"}).status_code == 302
    owner.post(at("pay", house.item.pk), {"amount": "1195.63", "received_on": TODAY.isoformat(), "means": "transfer", "reference_text": ""})
    record = owner.get(at("invoice", house.item.invoice_id)).content.decode()
    assert "Closed within the tolerance" in record and "Within the tolerance of 5.00" in record
