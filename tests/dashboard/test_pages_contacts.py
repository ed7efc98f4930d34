"""What customers gave on their page and a person checks: somebody they named, a mandate they signed."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Contact, Mandate
from dunning.core.models import AuditEvent, OrganizationProfile
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios.models import Task
from scenarios.services.mandates import draft_mandate, sign_mandate
from scenarios.services.other_contact import name_other
from tests.dashboard.conftest import NOW, TODAY, House

WHO: dict[str, Any] = {"actor": "contact:anne", "today": TODAY, "now": NOW}


@pytest.fixture
def named(house: House) -> Task:
    with tenant(house.organization):
        contact = Contact.objects.get(customer=house.item.customer)
        given = {"name": "Paul Durand", "email": "paul@gmail.com", "role": "accounting"}
        task = name_other(contact=contact, items=[house.item.pk], message_id=house.sent.pk, **given, **WHO).task
        assert task is not None
        return task


@pytest.fixture
def mandate(house: House) -> Mandate:
    with tenant(house.organization):
        OrganizationProfile.objects.update(mandate_scheme="core", creditor_identifier="FR72ZZZ123456")
        customer = house.item.customer
        draft = draft_mandate(customer=customer, iban="FR7630006000011234567890189", holder="Durand", language="en", today=TODAY)
        return sign_mandate(customer=customer, draft=draft, sha256=draft.sha256, name="Anne", **WHO)


def test_who_was_named_is_written_to_once_confirmed(owner: Client, house: House, named: Task) -> None:
    card = owner.get(reverse("dashboard:task", args=[named.pk])).content.decode()
    confirm = reverse("dashboard:confirm_named", args=[named.pk])
    assert "paul@gmail.com" in card and confirm in card
    assert "at a number you know" in owner.get(confirm).content.decode()
    assert owner.post(confirm).status_code == 302
    with tenant(house.organization):
        assert Contact.objects.filter(email="paul@gmail.com").count() == 1
        assert Message.objects.filter(recipient="paul@gmail.com").count() == 1
    assert owner.get(confirm).status_code == 404
    assert "Named somebody else" in owner.get(reverse("dashboard:invoice", args=[house.item.invoice_id])).content.decode()


def test_who_was_named_wrongly_is_refused_with_words(owner: Client, house: House, named: Task) -> None:
    owner.post(reverse("dashboard:task_cancel", args=[named.pk]), {"reason": "Nobody knows this Paul"})
    with tenant(house.organization):
        assert not Contact.objects.filter(email="paul@gmail.com").exists()
        assert Task.objects.get(pk=named.pk).state == "cancelled"


def test_a_mandate_is_put_to_use_and_ended_on_the_record(owner: Client, house: House, mandate: Mandate) -> None:
    record = reverse("dashboard:customer", args=[house.item.customer_id])
    page = owner.get(record).content.decode()
    assert "FR76 •••• 0189" in page and "0112" not in page and "Signed, to be checked" in page
    activate, revoke = (reverse(f"dashboard:{act}_mandate", args=[mandate.pk]) for act in ("activate", "revoke"))
    assert "what comes due is not reminded of before its collection" in owner.get(activate).content.decode()
    assert "pays by transfer again" not in owner.get(revoke).content.decode()
    assert owner.post(activate).status_code == 302
    assert "It then pays by transfer again" in owner.get(revoke).content.decode()
    assert "In use" in owner.get(record).content.decode()
    assert owner.post(revoke, {"reason": "Account closed"}).status_code == 302
    owner.get(record)  # says so once
    assert mandate.reference not in owner.get(record).content.decode()
    with tenant(house.organization):
        assert Task.objects.get(kind="activate_mandate").state == "done"


def test_a_task_to_check_a_mandate_is_closed_by_deciding(owner: Client, house: House, mandate: Mandate) -> None:
    with tenant(house.organization):
        task = Task.objects.get(kind="activate_mandate")
    card = owner.get(reverse("dashboard:task", args=[task.pk])).content.decode()
    assert reverse("dashboard:activate_mandate", args=[mandate.pk]) in card and "Mark as done" not in card
    assert owner.post(reverse("dashboard:task_done", args=[task.pk]), {"note": ""}).status_code == 422


def test_the_paper_for_the_bank_is_for_those_in_charge(owner: Client, viewer: Client, house: House, mandate: Mandate) -> None:
    paper = reverse("dashboard:mandate_paper", args=[mandate.pk])
    answer = owner.get(paper)
    assert (answer.status_code, answer.content[:5], answer["Cache-Control"]) == (200, b"%PDF-", "private, no-store")
    assert viewer.get(paper).status_code == 403
    with tenant(house.organization):
        assert AuditEvent.objects.filter(action="mandate.account_read").count() == 1


@pytest.mark.parametrize("name", ["activate_mandate", "revoke_mandate", "mandate_paper", "confirm_named"])
def test_strangers_and_who_only_looks(viewer: Client, stranger: Client, house: House, mandate: Mandate, named: Task, name: str) -> None:
    address = reverse(f"dashboard:{name}", args=[named.pk if name == "confirm_named" else mandate.pk])
    assert stranger.get(address).status_code == 404
    assert viewer.get(address).status_code == 403
    assert viewer.post(address, {"reason": "Mine"}).status_code in (403, 405)
    assert Client().get(address).status_code == 302
    with tenant(house.organization):
        mandate.refresh_from_db()
        assert mandate.state == "signed"
