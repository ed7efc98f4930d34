"""Rule 12: of what was billed soon after an opening judgment nothing is asked until a person has said when it was delivered."""

from datetime import date
from uuid import UUID

import pytest

from customers.models import Customer
from customers.services import record_insolvency
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice
from scenarios.models import Schedule, Task
from scenarios.services.calls import record_call
from scenarios.services.proceedings import confirm_split
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Organization:
    """Durand was judged on 15 October; September's deliveries were billed on the 30th, October's on the 31st. Nobody noted a delivery."""
    organization = open_house()
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL")
        for number, issued_on, due_on in (("FA-9", "2026-09-30", "2026-10-30"), ("FA-10", "2026-10-31", "2026-11-05")):
            make_invoice(durand, number=number, issued_on=date.fromisoformat(issued_on), due_on=date.fromisoformat(due_on))
        who = {"actor": CLERK, "today": date(2026, 10, 19), "now": at("2026-10-19")}
        record_insolvency(customer=durand, kind="receivership", opened_on=date(2026, 10, 15), **who)
    return organization


def _reasons() -> dict[str, str]:
    return dict(Schedule.objects.values_list("installment__invoice__number", "reason"))


def _note(days: dict[str, date]) -> None:
    ids: dict[str, UUID] = dict(Invoice.objects.values_list("number", "pk"))
    given = {ids[number]: day for number, day in days.items()}
    confirm_split(customer=Customer.objects.get(), delivered=given, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06"))


def test_nothing_is_asked_until_somebody_says_when_it_was_delivered(house: Organization) -> None:
    run_on(house, "2026-11-06")
    with tenant(house):
        assert _reasons() == {"FA-9": "insolvency", "FA-10": "insolvency_unsure"}
        task = Task.objects.get(kind="confirm_split")
        assert (task.state, task.amount) == ("open", Installment.objects.get(invoice__number="FA-10").outstanding)
        _note({"FA-10": date(2026, 10, 20)})
        task.refresh_from_db()
        assert task.state == "done"
        assert _reasons()["FA-10"] not in ("insolvency", "insolvency_unsure")
    run_on(house, "2026-11-09")
    with tenant(house):
        assert Task.objects.filter(kind="confirm_split").count() == 1


def test_what_was_delivered_before_joins_the_claim(house: Organization) -> None:
    run_on(house, "2026-11-06")
    with tenant(house):
        _note({"FA-10": date(2026, 10, 14)})
        assert _reasons() == {"FA-9": "insolvency", "FA-10": "insolvency"}
        assert not Task.objects.filter(kind="confirm_split", state="open").exists()
        with pytest.raises(Invoice.DoesNotExist):
            stranger = make_customer("C2")
            foreign = make_invoice(stranger, number="FA-X", issued_on=date(2026, 10, 31), due_on=date(2026, 11, 30))
            confirm_split(
                customer=Customer.objects.get(number="C1"),
                delivered={foreign.invoice_id: date(2026, 10, 1)},
                actor=CLERK,
                today=date(2026, 11, 6),
                now=at("2026-11-06"),
            )


def test_a_conversation_about_the_judgment_does_not_unsay_its_publication(house: Organization) -> None:
    with tenant(house):
        durand = Customer.objects.get()
        who = {"actor": CLERK, "today": date(2026, 10, 26), "now": at("2026-10-26")}
        record_insolvency(customer=durand, kind="receivership", opened_on=date(2026, 10, 15), published_on=date(2026, 10, 24), **who)
        task = Task.objects.create(kind="call", customer=durand, opened_on=date(2026, 10, 26), due_on=date(2026, 10, 26), amount=0)
        record_call(task=task, outcome="insolvency", details={"date": "2026-10-15", "kind": "receivership"}, **who)
        assert Customer.objects.get().insolvency_published_on == date(2026, 10, 24)
