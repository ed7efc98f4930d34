"""Not me, ask somebody else: whom a debtor names is written to at once at an address of its own house, and else after somebody looked."""

from collections.abc import Iterator

import pytest
from django.test import Client

from customers.models import Contact
from dunning.core import clock
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Declaration
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.models import Task
from tests.portal.conftest import NOW, Debt, link_in
from tests.portal.tools import send

WHO = {"name": "Paul Martin", "role": "accounting"}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def own_domain(debt: Debt) -> str:
    return debt.contact.email.partition("@")[2]


def test_a_colleague_is_written_to_at_once(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    email = f"paul.martin@{own_domain(debt)}"
    answer = send(visitor, at_noon, "other-contact", email=email, **WHO)
    assert "our message is on its way to Paul Martin" in visitor.get(answer["Location"]).content.decode()
    deliver_due(now=at_noon.now, organization=debt.organization)
    with tenant(debt.organization):
        added = Contact.objects.get(email=email)
        assert added.position < Contact.objects.get(pk=debt.contact.pk).position
        again = Message.objects.get(recipient=email)
        assert (again.kind, again.state) == ("reminder", "accepted") and again.template_key == debt.message.template_key
        receipt = Message.objects.get(template_key="portal_receipt")
        assert receipt.recipient == debt.contact.email and "Paul Martin" in receipt.body_text
        act = DebtorAct.objects.get(kind="named_other")
        assert act.declaration == Declaration.objects.get() and act.details["waits"] is False
        path = link_in(again)
    page = Client(headers={"user-agent": "Mozilla/5.0"})
    page.get(path)
    assert "FA-1" in page.get("/portal/").content.decode()  # with a link of its own


def test_a_new_domain_waits_for_a_person(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "other-contact", email="paul@elsewhere.example", **WHO)
    assert "the address of Paul Martin is new to us" in visitor.get(answer["Location"]).content.decode()
    with tenant(debt.organization):
        assert Task.objects.get(kind="confirm_contact").details["email"] == "paul@elsewhere.example"
        assert not Contact.objects.filter(email="paul@elsewhere.example").exists()
        assert not Message.objects.filter(recipient="paul@elsewhere.example").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "Write the name of the person in charge."),
        ({"email": ""}, "Write their e-mail address."),
        ({"email": "paul.martin"}, "is not an e-mail address"),
        ({"role": ""}, "Choose where this person works."),
        ({"role": "administrator"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_written_to_is_said(
    visitor: Client, debt: Debt, at_noon: clock.VirtualClock, typed: dict[str, str], said: str
) -> None:
    answer = send(visitor, at_noon, "other-contact", **{"email": "paul@elsewhere.example", **WHO, **typed})
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page
    assert typed.get("name", "Paul Martin") in page
    with tenant(debt.organization):
        assert not Declaration.objects.exists() and not Task.objects.filter(kind="confirm_contact").exists()


def test_ones_own_address_is_nobody_else(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "other-contact", email=debt.contact.email.upper(), **WHO)
    assert answer.status_code == 422 and "This is your own address" in answer.content.decode()
