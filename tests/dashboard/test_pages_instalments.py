"""Payment plans on the records: agreed on by telephone, read, ended; broken ones on the desk."""

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core.tenancy import tenant
from invoices.enums import PlanState
from invoices.models import Hold, PaymentPlan
from invoices.services import break_due_plans
from scenarios.models import Task
from scenarios.selectors import work_queue
from tests.dashboard.conftest import NOW, House
from tests.scenarios.houses import CLERK, at


def agree(client: Client, house: House, **changes: Any) -> Any:
    given = {"items": [str(house.item.pk)], "count": "3", "first_on": "2026-10-15", "gap": "month", "name": "Anne Durand"}
    return client.post(reverse("dashboard:instalments", args=[house.item.customer_id]), {**given, **changes})


def test_what_is_agreed_on_by_telephone_runs_and_is_shown_on_both_records(owner: Client, house: House) -> None:
    customer = reverse("dashboard:customer", args=[house.item.customer_id])
    assert agree(owner, house)["Location"] == customer
    for page in (customer, reverse("dashboard:invoice", args=[house.item.invoice_id])):
        content = owner.get(page).content.decode()
        assert "Payment plan: €400.00 by 15 October 2026" in content
        assert "FA-1 in 3 parts, €0.00 paid so far" in content
        assert "Instalments agreed on" in content and "3 parts, the last on 15 December 2026" in content
        assert "End the pause" not in content
    with tenant(house.organization):
        assert Task.objects.get(pk=house.call.pk).state == "cancelled"


def test_the_agreement_is_read_as_a_pdf(owner: Client, viewer: Client, house: House) -> None:
    agree(owner, house)
    with tenant(house.organization):
        plan = PaymentPlan.objects.get()
    for client in (owner, viewer):
        answer = client.get(reverse("dashboard:plan_paper", args=[plan.pk]))
        assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
    with tenant(house.organization):
        plan.refresh_from_db()
        assert plan.document is not None


def test_what_cannot_be_agreed_on_is_said_and_what_was_typed_stays(owner: Client, house: House) -> None:
    refused = agree(owner, house, first_on="2026-10-01", name="Anne D")
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "The first instalment is in the past." in page and "Anne D" in page
    assert "Tick at least one invoice." in agree(owner, house, items=[]).content.decode()
    with tenant(house.organization):
        assert not PaymentPlan.objects.exists()


def test_a_plan_is_ended_with_a_reason(owner: Client, house: House) -> None:
    agree(owner, house)
    with tenant(house.organization):
        plan = PaymentPlan.objects.get()
        hold = Hold.objects.get(kind="agreed_instalments")
    refused = owner.post(reverse("dashboard:release_hold", args=[hold.pk]), {"reason": "Stop"})
    assert refused.status_code == 422 and "end the plan itself" in refused.content.decode()
    end = reverse("dashboard:end_payment_plan", args=[plan.pk])
    assert owner.post(end, {"reason": ""}).status_code == 422
    assert owner.post(end, {"reason": "Asked by the customer"}).status_code == 302
    with tenant(house.organization):
        plan.refresh_from_db()
        assert (plan.state, plan.closed_reason) == (PlanState.CANCELLED, "Asked by the customer")
    assert "Asked by the customer" in owner.get(reverse("dashboard:customer", args=[house.item.customer_id])).content.decode()


def test_a_broken_plan_is_on_the_desk_until_something_else_is_agreed_on(owner: Client, house: House) -> None:
    agree(owner, house)
    day = date(2026, 10, 20)
    with tenant(house.organization):
        break_due_plans(actor=CLERK, today=day, now=at("2026-10-20"))
        entries = [entry for entry in work_queue(today=day, now=NOW) if entry.kind == "broken_plan"]
        assert [(entry.title, entry.amount, entry.is_late) for entry in entries] == [("Payment plan: FA-1", house.item.amount, True)]
    agree(owner, house)
    with tenant(house.organization):
        assert [entry for entry in work_queue(today=day, now=NOW) if entry.kind == "broken_plan"] == []


@pytest.mark.parametrize("name", ["instalments", "end_payment_plan", "plan_paper"])
def test_who_only_looks_and_who_is_elsewhere(owner: Client, viewer: Client, stranger: Client, house: House, name: str) -> None:
    agree(owner, house)
    with tenant(house.organization):
        plan = PaymentPlan.objects.get()
    address = reverse(f"dashboard:{name}", args=[house.item.customer_id if name == "instalments" else plan.pk])
    assert viewer.get(address).status_code == (200 if name == "plan_paper" else 403)
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, {"reason": "Mine"}).status_code in (404, 405)
    assert Client().get(address).status_code == 302
    with tenant(house.organization):
        plan.refresh_from_db()
        assert plan.state == PlanState.ACTIVE
