"""Two people of one customer: what one of them asked for or agreed on, and what the other sees of it."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import pytest
from django.test import Client

from customers.models import Contact
from dunning.core import clock
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment, PaymentPlan
from notifications.dispatcher import deliver_due
from notifications.enums import MessageKind
from notifications.models import Message
from scenarios import outside
from tests.factories import make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, link_in, opened
from tests.portal.test_instalments import sign
from tests.scenarios.houses import CLERK


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


class Pair(NamedTuple):
    anne: Client  # accounting: the whole account
    paul: Client  # purchasing: what he was sent
    sent: list[Installment]  # to Paul


def pair_of(debt: Debt, *, sent: int) -> Pair:
    """FA-1, FA-2 and FA-3 are due; Paul was written to about the first `sent` of them."""
    with tenant(debt.organization):
        OrganizationProfile.objects.update(plans_offered=True)
        Contact.objects.filter(pk=debt.contact.pk).update(role="accounting")
        late = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 9, 20)}
        items = [debt.item, *(make_invoice(debt.customer, number=number, amount="300.00", **late) for number in ("FA-2", "FA-3"))]
        paul = Contact.objects.create(
            customer=debt.customer, name="Paul Martin", email="paul@client.example", role="purchasing", language="en"
        )
        message = outside.write(
            customer=debt.customer,
            kind=MessageKind.ANSWER,
            template_key="account_statement",
            items=[item.pk for item in items[:sent]],
            contact=paul,
            actor=CLERK,
            today=TODAY,
            now=NOW,
        )
    deliver_due(now=NOW, organization=debt.organization)
    with tenant(debt.organization):
        path = link_in(Message.objects.get(pk=message.pk))
    return Pair(opened(debt.path), opened(path), items[:sent])


def test_what_a_colleague_asked_for_together_is_paid_by_the_second_too(debt: Debt) -> None:
    """Anne asked for FA-1 and FA-2 in one transfer; Paul, who was sent both, asks for the same."""
    pair = pair_of(debt, sent=2)
    form = {"item": [str(item.pk) for item in pair.sent]}
    asked = pair.anne.post("/portal/pay/", form)["Location"]
    assert pair.paul.post("/portal/pay/", form)["Location"] == asked
    page = pair.paul.get(asked)
    assert page.status_code == 200 and "<svg" in page.content.decode()


def test_what_was_asked_for_together_is_hidden_from_who_was_sent_a_part(debt: Debt) -> None:
    pair = pair_of(debt, sent=1)
    asked = pair.anne.post("/portal/pay/", {})["Location"]
    assert pair.anne.get(asked).status_code == 200 and pair.paul.get(asked).status_code == 404


def test_a_plan_is_shown_to_who_may_see_all_of_it(debt: Debt, at_noon: clock.VirtualClock) -> None:
    """Anne agrees on FA-1 to FA-3 in three payments. Paul was sent FA-1 alone: he learns that a plan runs, and no more."""
    pair = pair_of(debt, sent=1)
    sign(pair.anne, at_noon)
    with tenant(debt.organization):
        plan = PaymentPlan.objects.get()
    assert "Your payment plan" in pair.anne.get("/portal/").content.decode()
    page = pair.paul.get("/portal/").content.decode()
    assert "A payment plan runs for some of these invoices: only its instalments are expected." in page
    assert "Your payment plan" not in page and "FA-2" not in page and "€600" not in page
    assert pair.paul.get(f"/portal/agreement/{plan.pk}/").status_code == 404
    assert pair.paul.get(f"/portal/pay/plan/{plan.pk}/")["Location"] == "/portal/"
    paying = pair.paul.get("/portal/pay/").content.decode()
    assert "A payment plan runs for these invoices" in paying and "Pay the next instalment" not in paying
    assert pair.anne.get(f"/portal/agreement/{plan.pk}/").status_code == 200
