"""Every list as a file: the lines of its filters, all of them, numbers as numbers, and no text a formula."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from dunning.core.tenancy import tenant
from dunning.dashboard import exports
from invoices.models import Payment
from notifications.enums import EventState
from notifications.models import InboundEvent, Message
from tests.dashboard.conftest import NOW, House
from tests.dashboard.test_pages_inbox import answered
from tests.factories import make_customer, make_invoice

LISTS = ("invoices", "customers", "payments", "messages", "today", "inbox", "letters", "plans", "members")
TITLES = {"today": "to-do", "letters": "letters-to-post"}


def saved(client: Client, name: str, **query: str) -> list[list[str]]:
    answer = client.get(reverse(f"dashboard:{name}"), {"file": "csv", **query})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer["Content-Disposition"].startswith(f'attachment; filename="{TITLES.get(name, name)}-2026-10-09')
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_invoices_with_their_next_step(owner: Client, house: House) -> None:
    head, *rows = saved(owner, "invoices", state="overdue")
    assert head[:3] == ["Invoice", "Customer", "Customer number"]
    first = dict(zip(head, rows[0], strict=True))
    assert (first["Invoice"], first["Customer number"], first["Due"], first["Days late"]) == ("FA-1", "C1", "2026-10-01", "8")
    assert (first["Amount"], first["Left to pay"], first["Currency"]) == ("1200.00", "1200.00", "EUR")
    assert [row[0] for row in saved(owner, "invoices", state="disputed")[1:]] == ["FA-2"]
    assert saved(owner, "invoices", find="nothing of that name")[1:] == []


def test_customers_a_line_for_each_currency(owner: Client, house: House) -> None:
    with tenant(house.organization):
        make_customer("C8", name="=HYPERLINK(1)")
        dollars = make_invoice(house.item.customer, currency="USD", amount="70.00", issued_on=date(2026, 9, 1), due_on=date(2026, 12, 1))
    rows = saved(owner, "customers")[1:]
    durand = [row[-3:] for row in rows if row[0] == "Durand SARL"]
    assert durand == [["1200.00", "1200.00", "EUR"], ["0", str(dollars.outstanding), "USD"]]
    assert [row[0] for row in rows if row[1] == "C8"] == ["'=HYPERLINK(1)"]


def test_payments_and_messages(owner: Client, house: House) -> None:
    head, *rows = saved(owner, "payments")
    first = dict(zip(head, rows[0], strict=True))
    assert (first["Payer"], first["External reference"], first["Not set against anything"]) == ("Inconnu", "B-1", "2400.00")
    subjects = [row[0] for row in saved(owner, "messages", state="sent")[1:]]
    assert house.sent.subject in subjects


def test_a_receipt_cancelled_after_midnight_was_cancelled_that_day(owner: Client, house: House) -> None:
    with tenant(house.organization):
        Payment.objects.filter(pk=house.receipt).update(cancelled_at=datetime(2026, 10, 8, 22, 30, tzinfo=UTC))  # in Paris it is the 9th
    assert [row[-1] for row in saved(owner, "payments", state="cancelled")[1:]] == ["2026-10-09"]


def test_the_queue_of_the_day_in_its_order(owner: Client, house: House) -> None:
    head, *rows = saved(owner, "today")
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["Kind"] for row in found] == ["Receipts to match", "Calls"]
    call = found[1]
    assert (call["Customer"], call["Customer number"], call["Due"], call["Amount"]) == ("Durand SARL", "C1", "2026-10-09", "1200.00")


def test_the_inbox_under_its_tab(owner: Client, house: House) -> None:
    reply = answered(house, owner, "=1+1")
    head, *rows = saved(owner, "inbox")
    first = dict(zip(head, rows[0], strict=True))
    assert (first["What it says"], first["Customer number"], first["Dealt with"]) == ("'=1+1", "C1", "")
    other = house.disputed.customer_id
    assert saved(owner, "inbox", kinds="automatic")[1:] == saved(owner, "inbox", customer=str(other))[1:] == []
    with tenant(house.organization):
        known = {"account_id": reply.pk, "kind": "post_office", "key": "k", "body": b"{", "due_at": NOW, "received_at": NOW}
        InboundEvent.objects.create(**known, state=EventState.UNREADABLE, error="=cmd")
    assert [row[-1] for row in saved(owner, "inbox", kinds="trouble")[1:]] == ["'=cmd"]


def test_plans_and_members(owner: Client, viewer: Client, house: House) -> None:
    head, *rows = saved(owner, "plans")
    standard = next(row for row in rows if "everybody else" in row[1])
    assert dict(zip(head, standard, strict=True))["Open amount"] == "2000.00"
    people = saved(owner, "members")[1:]
    assert [(row[0], row[2]) for row in people] == [("Claire Petit", "Owner"), ("Claire Petit", "Viewer")]
    assert viewer.get(reverse("dashboard:members"), {"file": "csv"}).status_code == 403


def to_post(house: House) -> None:
    with tenant(house.organization):
        Message.objects.filter(pk=house.sent.pk).update(state="to_post", channel="letter", postal_address=["=Durand", "75001 Paris"])


def test_letters_to_post(owner: Client, house: House) -> None:
    to_post(house)
    head, *rows = saved(owner, "letters")
    letter = dict(zip(head, rows[0], strict=True))
    assert (letter["Customer number"], letter["Kind"], letter["Addressee"]) == ("C1", "Letter", "'=Durand, 75001 Paris")


def test_a_workbook_holds_numbers_and_days(owner: Client, house: House) -> None:
    answer = owner.get(reverse("dashboard:invoices"), {"file": "xlsx", "state": "overdue"})
    sheet = load_workbook(io.BytesIO(answer.content)).active
    head, line = [list(row) for row in sheet.iter_rows(values_only=True)][:2]
    found = dict(zip(head, line, strict=True))
    assert (found["Amount"], found["Due"].date()) == (1200, date(2026, 10, 1))


def test_a_control_character_in_a_reply_spoils_no_workbook(owner: Client, house: House) -> None:
    answered(house, owner, "\x1b=1+1 Hello\x07 there")
    answer = owner.get(reverse("dashboard:inbox"), {"file": "xlsx"})
    assert answer.status_code == 200
    cells = [cell for row in load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True) for cell in row]
    assert "'=1+1 Hello there" in cells
    assert "'=1+1 Hello there" in saved(owner, "inbox")[1]


def test_in_french_it_is_written_as_french_spreadsheets_read_it(owner: Client, house: House) -> None:
    answer = owner.get(reverse("dashboard:invoices"), {"file": "csv"}, headers={"accept-language": "fr"})
    line = answer.content.decode("utf-8-sig").splitlines()[1].split(";")
    assert ("1200,00" in line, "01/10/2026" in line) == (True, True)


def test_a_list_too_long_for_a_file_says_so(owner: Client, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST", 1)
    answer = owner.get(reverse("dashboard:invoices"), {"file": "csv", "state": "open"}, follow=True)
    assert answer.redirect_chain == [(f"{reverse('dashboard:invoices')}?state=open", 302)]
    assert "This list has 2 lines and a file holds 1" in answer.content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_a_page_leads_to_its_file_and_odd_ones_are_pages(owner: Client, house: House, name: str) -> None:
    if name == "inbox":
        answered(house, owner)
    elif name == "letters":
        to_post(house)
    page = owner.get(reverse(f"dashboard:{name}"), {"find": "", "page": "1"}).content.decode()
    assert "file=csv" in page and "file=xlsx" in page
    assert owner.get(reverse(f"dashboard:{name}"), {"file": "exe"})["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("name", LISTS)
def test_a_file_asks_as_often_for_three_rows_as_for_one(owner: Client, house: House, name: str) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            saved(owner, name)
        return len(found)

    count()
    before = count()
    with tenant(house.organization):
        for number in (7, 8, 9):
            make_invoice(make_customer(f"C{number}"), amount=Decimal(10), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    assert count() == before
