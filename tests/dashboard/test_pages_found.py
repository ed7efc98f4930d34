"""What a list's search finds: all that matches, however much came since, and nothing for signs nobody writes."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from customers.services.customers import search_tokens
from dunning.core import search
from dunning.core.enums import Role
from dunning.core.models import User
from dunning.core.tenancy import tenant
from invoices.models import Invoice
from invoices.services import PaymentDraft, record_payment
from scenarios.models import ActionPlan
from scenarios.services.plan_drafts import begin_draft
from tests.dashboard.conftest import NOW, TODAY, House, sign_in
from tests.dashboard.test_pages_inbox import answered
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK

MANY = 201


@pytest.fixture
def namesakes(house: House) -> House:
    """Since Durand SARL (C1, FA-1, due on 1 October) 201 others of that name have come, each invoiced under a number that begins alike."""
    with tenant(house.organization):
        draft = PaymentDraft(
            amount=Decimal("50.00"), received_on=TODAY, customer=house.item.customer, external_reference="B-2", allocations=()
        )
        record_payment(draft=draft, actor=CLERK, today=TODAY, now=NOW)
        for number in range(MANY):
            other = make_customer(f"C1-{number:03}", name=f"Durand {number:03}", email="")
            make_invoice(other, number=f"FA-1-{number:03}", issued_on=date(2026, 10, 5), due_on=date(2026, 11, 5))
        search.index(kind="customer", tokens={row.pk: search_tokens(row) for row in Customer.objects.all()})
        search.index(kind="invoice", tokens={row.pk: search.number_tokens(row.number) for row in Invoice.objects.all()})
    return house


@pytest.mark.parametrize("query", ["FA-1", "durand"])
def test_a_search_finds_the_one_overdue_invoice_among_the_latest(namesakes: House, owner: Client, query: str) -> None:
    def found(**more: str) -> tuple[list[str], int]:
        context = owner.get(reverse("dashboard:invoices"), {"find": query, **more}).context
        return [row.item.invoice.number for row in context["rows"]], context["page"].paginator.count

    assert found(state="overdue") == (["FA-1"], 1)
    numbers, count = found()
    assert (numbers[0], count) == ("FA-1", MANY + 1)


def test_a_search_finds_all_customers_and_what_belongs_to_the_oldest(namesakes: House, owner: Client) -> None:
    customers = owner.get(reverse("dashboard:customers"), {"find": "durand"}).context
    assert customers["page"].paginator.count == MANY + 1
    messages = owner.get(reverse("dashboard:messages"), {"find": "durand"}).context["page"]
    assert namesakes.sent in messages.object_list
    assert namesakes.sent in owner.get(reverse("dashboard:messages"), {"find": namesakes.sent.recipient}).context["page"].object_list
    payments = owner.get(reverse("dashboard:payments"), {"find": "durand"}).context["rows"]
    assert [payment.external_reference for payment in payments] == ["B-2"]


@pytest.mark.parametrize("sign", ["\0", "1\0", "1\ud7ff", "1\U0010ffff", "\U0010ffff", "1\ufffe"], ids=ascii)
def test_signs_nobody_writes_find_nothing(house: House, owner: Client, sign: str) -> None:
    with tenant(house.organization):
        plan = ActionPlan.objects.get(key="standard")
        draft = begin_draft(plan=plan, actor=CLERK, now=NOW)
    pages = {name: reverse(f"dashboard:{name}") for name in ("invoices", "customers", "payments", "messages", "texts")}
    pages |= {"plan_assign": reverse("dashboard:plan_assign", args=[plan.pk]), "plan_try": reverse("dashboard:plan_try", args=[draft.pk])}
    opened = {name: owner.get(address, {"find": sign}).status_code for name, address in pages.items()}
    assert opened == dict.fromkeys(pages, 200)
    assert owner.get(reverse("dashboard:search"), {"q": sign}).status_code == 200


def test_a_file_that_did_not_come_with_a_reply_does_not_exist(house: House, owner: Client) -> None:
    reply = answered(house, owner, "See the copy")
    assert owner.get(reverse("dashboard:reply_file", args=[reply.pk, house.sent.pk])).status_code == 404


def test_sales_find_their_own_among_everybodys(namesakes: House, at_nine: None) -> None:
    sales = sign_in(namesakes.organization, Role.SALES, "samir@atelier.example")
    with tenant(namesakes.organization):
        Customer.objects.filter(number="C1").update(account_owner=User.objects.get(email="samir@atelier.example"))
    context = sales.get(reverse("dashboard:search"), {"q": "durand"}).context
    assert [customer.number for customer in context["customers"]] == ["C1"]
    assert [invoice.number for invoice in context["invoices"]] == ["FA-1"]
