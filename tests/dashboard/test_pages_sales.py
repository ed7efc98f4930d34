"""Somebody in sales: sees their own customers and what belongs to them, nothing of anybody else's, on every page, list and file."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from dunning.core import search
from dunning.core.enums import Role
from dunning.core.models import User
from dunning.core.tenancy import tenant, way_to_customer
from invoices.models import Allocation, DeclarationFile, Hold, HoldRequest, Installment, Invoice, Payment
from notifications.models import Message
from scenarios.models import PlanAssignment, Task
from tests.dashboard.conftest import House, sign_in

SALES = "samir@atelier.example"


@pytest.fixture
def sales(house: House, at_nine: None) -> Client:
    """Looks after Durand SARL, and not after Ets Lefèvre."""
    client = sign_in(house.organization, Role.SALES, SALES)
    with tenant(house.organization):
        Customer.objects.filter(number="C1").update(account_owner=User.objects.get(email=SALES))
    return client


def text(client: Client, name: str, *arguments: Any, **query: str) -> str:
    answer = client.get(reverse(f"dashboard:{name}", args=arguments), query)
    assert answer.status_code == 200, (name, answer.status_code)
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()


def lefevres(house: House) -> list[tuple[str, Any]]:
    """Every page that shows something of the other customer."""
    with tenant(house.organization):
        message = Message.objects.filter(customer__number="C2").order_by("pk").first()
        assert message is not None
    of_message = [(name, message.pk) for name in ("message", "message_proof", "message_html", "message_letter")]
    return [("customer", house.disputed.customer_id), ("invoice", house.disputed.invoice_id), *of_message]


@pytest.mark.parametrize("name", ["invoices", "customers", "messages"])
def test_lists_and_their_files_hold_ones_own_customers(sales: Client, owner: Client, house: House, name: str) -> None:
    for query in ({}, {"file": "csv"}):
        assert "Lefèvre" in text(owner, name, **query)
        own = text(sales, name, **query)
        assert "Durand SARL" in own and "Lefèvre" not in own and "FA-2" not in own
    assert "Lefèvre" not in text(sales, name, find="Lefèvre").replace('value="Lefèvre"', "")


def test_search_finds_ones_own(sales: Client, owner: Client, house: House) -> None:
    with tenant(house.organization):
        search.index(kind="customer", tokens={row.pk: search.words(row.name) for row in Customer.objects.all()})
        search.index(kind="invoice", tokens={row.pk: search.number_tokens(row.number) for row in Invoice.objects.all()})
    assert "Durand SARL" in text(sales, "search", q="durand")
    other = reverse("dashboard:customer", args=[house.disputed.customer_id])
    assert other in text(owner, "search", q="Lefèvre") and other not in text(sales, "search", q="Lefèvre")
    found = {client: client.get(reverse("dashboard:search"), {"q": "FA-2"}).status_code for client in (owner, sales)}
    assert found == {owner: 302, sales: 200}  # the number of another's invoice leads nowhere


def test_pages_of_others_do_not_exist(sales: Client, owner: Client, house: House) -> None:
    pages = lefevres(house)
    known = {name: owner.get(reverse(f"dashboard:{name}", args=[pk])).status_code for name, pk in pages if name != "message_letter"}
    assert set(known.values()) == {200}
    refused = {name: sales.get(reverse(f"dashboard:{name}", args=[pk])).status_code for name, pk in pages}
    assert refused == dict.fromkeys(refused, 404)
    assert "FA-1" in text(sales, "customer", house.item.customer_id)
    assert "Durand SARL" in text(sales, "invoice", house.item.invoice_id)


def test_todays_page_is_about_ones_own_customers(sales: Client, house: House) -> None:
    today = text(sales, "today")
    assert "Your customers owe €1,200.00 that is overdue, on one invoice." in today and "FA-1" in today
    assert "Lefèvre" not in today and "Inconnu" not in today
    with tenant(house.organization):
        Customer.objects.filter(number="C2").update(account_owner=User.objects.get(email=SALES))
        Customer.objects.filter(number="C1").update(account_owner=None)
    today = text(sales, "today")
    assert "Ets Lefèvre, FA-2:" in today and "answer by" in today and "Durand" not in today


def test_who_has_no_customer_yet_reads_how_one_becomes_theirs(house: House, at_nine: None) -> None:
    client = sign_in(house.organization, Role.SALES, "new@atelier.example")
    assert "Customers are yours when an administrator names you as their account owner." in text(client, "today")
    assert "FA-1" not in text(client, "invoices")


def test_the_organizations_own_pages_are_refused_and_not_offered(sales: Client, house: House) -> None:
    for name in ("board", "reports", "payments", "plans", "settings", "inbox", "letters", "texts"):
        address = reverse(f"dashboard:{name}")
        assert sales.get(address).status_code == 403
        assert f'href="{address}"' not in text(sales, "today")
    assert sales.get(reverse("dashboard:invoices"), {"counted": "ageing", "line": "all"}).status_code == 403


def test_a_narrowed_scope_reaches_every_table_that_leads_to_a_customer(house: House, sales: Client) -> None:
    person = User.objects.get(email=SALES)
    with tenant(house.organization) as scope:
        everything = [model.objects.count() for model in (Customer, Installment, Message, Payment, Task)]
        scope.account_owner = person.pk
        own = [model.objects.count() for model in (Customer, Installment, Message, Payment, Task)]
        assert own == [1, 1, Message.objects.filter(customer__number="C1").count(), 0, Task.objects.filter(customer__number="C1").count()]
        assert all(mine <= all_ for mine, all_ in zip(own, everything, strict=True)) and own != everything
        assert {item.customer.number for item in Installment.objects.all()} == {"C1"}
        scope.account_owner = None
        assert [model.objects.count() for model in (Customer, Installment, Message, Payment, Task)] == everything
    ways = {Customer: (), Payment: ("customer",), Allocation: ("installment", "customer"), DeclarationFile: ("declaration", "customer")}
    assert {model: way_to_customer(model) for model in ways} == ways
    assert way_to_customer(PlanAssignment) is None


def test_a_pause_is_asked_for_granted_and_told(sales: Client, owner: Client, house: House) -> None:
    invoice = text(sales, "invoice", house.item.invoice_id)
    ask = reverse("dashboard:ask_hold", args=[house.item.pk])
    assert ask in invoice and reverse("dashboard:hold", args=[house.item.pk]) not in invoice
    refused = sales.post(ask, {"ends_on": "2027-10-20", "reason": "New buyer"})
    assert (refused.status_code, "within the next 30 days" in refused.content.decode()) == (422, True)
    said = sales.post(ask, {"ends_on": "2026-10-20", "reason": "New buyer"}, follow=True).content.decode()
    assert "Until it answers, reminders go on." in said and "A pause until 20 October 2026 is asked for" in said
    with tenant(house.organization):
        asked = HoldRequest.objects.get()
        task = Task.objects.get(kind="hold_request")
    assert "New buyer" in text(owner, "today")
    answer = reverse("dashboard:hold_answer", args=[asked.pk])
    assert answer in text(owner, "task", task.pk)
    assert "Claire Petit asks that reminders to Durand SARL (FA-1) wait until 20 October 2026: “New buyer”." in text(
        owner, "hold_answer", asked.pk
    )
    assert "Say why: who asked reads it." in owner.post(answer, {"grants": "no", "answer": ""}).content.decode()
    assert owner.post(answer, {"grants": "yes", "ends_on": "2026-10-16", "answer": "A week"}).status_code == 302
    with tenant(house.organization):
        assert [(hold.ends_on.isoformat(), hold.reason) for hold in Hold.objects.all()] == [("2026-10-16", "New buyer")]
    today = text(sales, "today")
    assert "Pauses you asked for" in today and "Granted" in today and "A week" in today
    assert sales.get(answer).status_code == 403


def test_nothing_is_asked_about_anothers_customer(sales: Client, house: House) -> None:
    with tenant(house.organization):
        dispute = house.disputed.disputes.get()
    doors = (("ask_hold", house.disputed.pk), ("ask_customer_hold", house.disputed.customer_id), ("dispute_position", dispute.pk))
    for name, pk in doors:
        for method in (sales.get, sales.post):
            assert method(reverse(f"dashboard:{name}", args=[pk])).status_code == 404
    with tenant(house.organization):
        assert HoldRequest.objects.count() == 0


def test_a_dispute_is_answered_and_who_closes_it_starts_from_there(sales: Client, owner: Client, house: House) -> None:
    with tenant(house.organization):
        Customer.objects.filter(number="C2").update(account_owner=User.objects.get(email=SALES))
        dispute = house.disputed.disputes.get()
    word = reverse("dashboard:dispute_position", args=[dispute.pk])
    close = reverse("dashboard:close_dispute", args=[dispute.pk])
    assert word in text(sales, "today") and sales.get(close).status_code == 403
    assert sales.post(word, {"text": "", "position": ""}).status_code == 422
    assert sales.post(word, {"text": "Our price list was wrong.", "position": "accepted"}).status_code == 302
    assert "You answered" in text(sales, "today")
    record = text(owner, "invoice", house.disputed.invoice_id)
    assert "Position on the dispute: Accepted" in record and "Claire Petit · Our price list was wrong." in record
    page = text(owner, "close_dispute", dispute.pk)
    assert "Claire Petit: “Our price list was wrong.”" in page
    assert owner.get(close).context["form"]["outcome"].value() == "accepted"
