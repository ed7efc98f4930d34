"""Reports on screen: every page in every case, figures that lead to lists of the same cents, files no spreadsheet runs, bad addresses."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from customers.models import Customer, CustomerGroup
from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Organization
from dunning.core.spreadsheets import harmless
from dunning.core.tenancy import tenant
from dunning.dashboard.reports.registry import REPORTS
from dunning.dashboard.reports.tables import Column, Table, Value, as_csv, as_xlsx
from invoices.measures.collection import Lack, Missing
from invoices.models import CollectionTarget, MonthlySales
from scenarios import payer_indexes
from scenarios.services.runs import refresh_schedule
from tests.dashboard.conftest import sign_in
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import at, bill, pay
from tests.reports.ledger import TODAY, example, owe, settle

NOW = at(TODAY)["now"]
PAGES = tuple(REPORTS)


@pytest.fixture
def books(db: None) -> Iterator[Organization]:
    """The second worked example, a dispute, receipts on account, and something in dollars; it is 30 September 2026, nine o'clock."""
    organization = make_organization()
    with tenant(organization):
        who = example()
        pay(who["A"], "250", on=TODAY, allocations=())
        owe(make_customer(name="=HYPERLINK(1)"), "I11", "10", "2026-09-01")
        bill(who["D"], "77", issued_on=date(2026, 8, 1), due_on=date(2026, 9, 1), number="U1", currency="USD")
    refresh_schedule(organization=organization, today=TODAY, now=NOW)
    with clock.virtual(NOW):
        yield organization


@pytest.fixture
def reader(books: Organization) -> Client:
    return sign_in(books, Role.VIEWER, "vera@atelier.example")


@pytest.fixture
def boss(books: Organization) -> Client:
    return sign_in(books)


def page(client: Client, key: str, **query: str) -> Any:
    answer = client.get(reverse("dashboard:report", args=[key]), query)
    assert answer.status_code == 200
    return answer


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_report_opens_for_whoever_may_look(reader: Client, language: str) -> None:
    headers = {"accept-language": language}
    opened = {key: reader.get(reverse("dashboard:report", args=[key]), headers=headers).status_code for key in PAGES}
    assert opened == dict.fromkeys(PAGES, 200)
    index = reader.get(reverse("dashboard:reports"), headers=headers)
    assert (index.status_code, len(index.context["charted"]), len(index.context["others"])) == (200, 4, len(PAGES) - 4)


def test_an_organization_without_a_ledger_is_taught(db: None) -> None:
    organization = make_organization()
    with clock.virtual(NOW):
        client = sign_in(organization)
        for key in PAGES:
            found = page(client, key).context["found"]
            assert found.empty or key == "payment-delays"
        assert client.get(reverse("dashboard:reports")).status_code == 200


def test_reports_are_for_members_alone(client: Client, books: Organization) -> None:
    assert client.get(reverse("dashboard:reports")).status_code == 302
    assert sign_in(books).get("/reports/nonsense/").status_code == 404


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"as_of": "yesterday"}, "“yesterday” is not a day: the report shows 30 September 2026."),
        ({"as_of": "2027-01-01"}, "1 January 2027 has not come: the report shows today."),
        ({"as_of": "1066-10-14"}, "Nothing is known of 14 October 1066: the report shows 30 September 2026."),
        ({"period": "2026-13"}, "“2026-13” is not a period: the report shows the last three months."),
        ({"period": "2031"}, "This period has not begun: the report shows the last three months."),
        ({"currency": "xyz"}, "Nothing is in “XYZ”: the report shows EUR."),
        ({"group": "nobody"}, "There is no group “nobody”: the report shows all customers."),
    ],
)
def test_what_cannot_be_read_is_said_and_the_nearest_shown(reader: Client, query: dict[str, str], said: str) -> None:
    for key in PAGES:
        expected = said.replace("30 September 2026", "31 December 2025") if key == "payment-delays" else said  # its usual day
        assert expected in page(reader, key, **query).context["filters"].notes
    listed = reader.get(reverse("dashboard:invoices"), {"counted": "ageing", "line": "overdue", **query})
    assert (listed.status_code, said in listed.context["behind"].filters.notes) == (200, True)


def test_hostile_addresses_are_no_faults(reader: Client) -> None:
    names = ("as_of", "period", "currency", "group", "customer", "format", "table", "line", "page", "owner")
    for value in ("'", "%00", "9" * 400, "-1", "<script>", "2026-02-30", "é", "\x00"):
        hostile = dict.fromkeys(names, value)
        assert reader.get(reverse("dashboard:report", args=["ageing"]), hostile).status_code == 200
        assert reader.get(reverse("dashboard:invoices"), {"counted": "steps", **hostile}).status_code == 200
        assert reader.get(reverse("dashboard:payments"), {"from": "2026-09-01", "to": "2026-09-30", **hostile}).status_code == 200
        assert reader.get(reverse("dashboard:payments"), {"from": value, "to": value}).status_code == 200


def figures_with_lists(found: Any) -> Iterator[tuple[str, Decimal | int, str]]:
    """Every cell of a report's tables that leads to a list: its column's kind, its value, its address."""
    for table in found.tables:
        for row in table.rows:
            for column, cell in zip(table.columns, row, strict=False):
                if isinstance(cell, Value) and cell.href.startswith(reverse("dashboard:invoices")) and column.kind in ("amount", "count"):
                    assert isinstance(cell.value, Decimal | int)
                    yield column.kind, cell.value, cell.href


@pytest.mark.parametrize("key", PAGES)
@pytest.mark.parametrize("as_of", ["", "2026-08-31"])
def test_figures_lead_to_lists_of_the_same_cents(reader: Client, key: str, as_of: str) -> None:
    found = page(reader, key, **({"as_of": as_of} if as_of else {}), period="2026").context["found"]
    for kind, value, href in figures_with_lists(found):
        listed = reader.get(href).context
        assert (value, href) == (listed["behind"].total.amount if kind == "amount" else listed["behind"].total.count, href)
        assert sum(amount for _row, amount in listed["rows"]) == listed["behind"].total.amount
        assert len(listed["rows"]) == listed["behind"].total.count


def test_the_aged_balance_and_the_lists_behind_it(reader: Client) -> None:
    found = page(reader, "ageing").context["found"]
    ages = next(table for table in found.tables if table.title == "By age")
    assert [[row[1], row[5].value] for row in ages.rows] == [[1, 3600], [2, 7210], [1, 3000], [1, 1500], [1, 900]]
    assert len(list(figures_with_lists(found))) == 10
    listed = reader.get(reverse("dashboard:invoices"), {"counted": "ageing", "line": "1-30"})
    assert [row.item.invoice.number for row, _amount in listed.context["rows"]] == ["I11", "I7"]
    text = listed.content.decode()
    assert ("1 to 30 days late" in text, "€7,210.00, made up of 2 lines." in text) == (True, True)
    dollars = page(reader, "ageing", currency="USD").context["found"]
    assert dollars.figures[0].value == "US$77.00"
    assert "counted=ageing" in dollars.figures[0].href
    assert parse_qs(dollars.figures[0].href.partition("?")[2])["currency"] == ["USD"]


def test_the_list_of_today_is_the_invoice_list(reader: Client) -> None:
    shown = reader.get(reverse("dashboard:invoices"), {"state": "overdue"}).context["rows"]
    euros = sum(row.item.outstanding for row in shown if row.item.invoice.currency == "EUR")
    listed = reader.get(reverse("dashboard:invoices"), {"counted": "ageing", "line": "overdue", "currency": "EUR"}).context
    assert listed["behind"].total.amount == euros == 12610


def test_a_group_narrows_every_report(reader: Client, books: Organization) -> None:
    with tenant(books):
        group = CustomerGroup.objects.create(key="b", name="B")
        Customer.objects.filter(name="B").update(group=group)
    assert page(reader, "ageing", group="b").context["found"].figures[0].value == "€10,200.00"
    assert page(reader, "debtors", group="b").context["found"].tables[0].foot[2] == 10200


def test_a_report_asks_the_same_number_of_queries_whatever_its_rows(boss: Client, books: Organization) -> None:
    def count(key: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            page(boss, key, period="2026")
        return len(queries)

    for key in PAGES:  # what is learnt once stays
        count(key)
    before = {key: count(key) for key in PAGES}
    with tenant(books):
        for number in range(3):
            customer = make_customer()
            settle(owe(customer, f"N{number}", "100", "2026-09-01"), "40", "2026-09-09")
    assert {key: count(key) for key in PAGES} == before


# --- files ------------------------------------------------------------------------------------------------------------------------------


def test_a_table_is_saved_as_csv_and_as_a_workbook(reader: Client) -> None:
    url = reverse("dashboard:report", args=["debtors"])
    answer = reader.get(url, {"format": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="debtors-the-largest-debtors-EUR-2026-09-30.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["Customer", "Items", "Open (EUR)", "Overdue (EUR)", "Share", "Oldest due", "Payer index"]
    assert rows[1] == ["B", "2", "10200.00", "10200.00", "62.92", "2026-08-20", ""]
    assert rows[-2][0] == "'=HYPERLINK(1)"
    french = reader.get(url, {"format": "csv"}, headers={"accept-language": "fr"}).content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(french), delimiter=";"))[1] == ["B", "2", "10200,00", "10200,00", "62,92", "20/08/2026", ""]
    book = load_workbook(io.BytesIO(reader.get(url, {"format": "xlsx"}).content))
    assert book.active is not None
    sheet = list(book.active.iter_rows(values_only=True))
    assert sheet[1][:4] == ("B", 2, 10200, 10200)
    assert book.active["F2"].is_date
    assert book.active.cell(row=len(sheet) - 1, column=1).data_type == "s"


def test_every_table_of_every_report_can_be_saved(reader: Client) -> None:
    for key in PAGES:
        for number, _table in enumerate(page(reader, key).context["found"].tables):
            for kind in ("csv", "xlsx"):
                answer = reader.get(reverse("dashboard:report", args=[key]), {"format": kind, "table": str(number)})
                assert (answer.status_code, answer.content != b"") == (200, True)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    table = Table("T", [Column("Who"), Column("How much", "amount")], [[text, Decimal("-1.50")]], "EUR")
    [_head, [who, amount]] = list(csv.reader(io.StringIO(as_csv(table).decode("utf-8-sig"), newline="")))
    assert (who, amount) == (f"'{text}", "-1.50")
    book = load_workbook(io.BytesIO(as_xlsx(table)))
    assert book.active is not None
    assert (book.active["A2"].data_type, book.active["B2"].data_type, book.active["B2"].value) == ("s", "n", -1.5)


def test_what_is_missing_says_why_in_files_too() -> None:
    missing = Missing(Lack.SALES, (date(2026, 7, 1), date(2026, 6, 1)))
    table = Table("T", [Column("DSO", "days")], [[missing]], "EUR")
    assert "unavailable: the sales of June 2026, July 2026 are missing" in as_csv(table).decode()


def test_what_is_missing_takes_a_word_in_its_cell_and_its_reason_stands_once_below() -> None:
    july, price = Missing(Lack.SALES, (date(2026, 7, 1),)), Missing(Lack.PRICE)
    heads = [Column("Month"), Column("DSO", "days"), Column("Best", "days"), Column("Each", "price")]
    table = Table("T", heads, [["July", july, july, price], ["August", Decimal("52.1"), july, Decimal("0.0650")]], "EUR", ["", price])
    assert [[words for _column, _value, words in line] for line in table.lines] == [
        ["July", "unavailable (1)", "unavailable (1)", "unknown (2)"],
        ["August", "52.10", "unavailable (1)", "0.065\u00a0EUR"],
    ]
    assert table.total[1][2] == "unknown (2)"
    assert table.reasons == [
        "unavailable: the sales of July 2026 are missing",
        "unknown: no unit cost is stated for this way of sending",
    ]
    assert Table("T", heads, [["July", 1, 2, 3]], "EUR").reasons == []


# --- what a person states ---------------------------------------------------------------------------------------------------------------


def test_missing_sales_are_named_and_stated(boss: Client, reader: Client, books: Organization) -> None:
    """The first invoice was entered on 1 May: the year's table lacks the months from October to April."""
    found = page(boss, "payment-delays", as_of="2026-09-30").context["found"]
    assert found.notes == ("Unavailable: the sales of 7 months are missing, from October 2025 to April 2026.",)
    form = boss.get(reverse("dashboard:state_sales")).context["form"]
    assert form.initial["month"] == "2026-04-01"
    refused = boss.post(reverse("dashboard:state_sales"), {"month": "2026-04-01", "amount": "much", "currency": "EUR"})
    assert (refused.status_code, "Write an amount such as 1,840.25." in refused.content.decode()) == (422, True)
    for month in ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04"):
        stated = boss.post(reverse("dashboard:state_sales"), {"month": f"{month}-01", "amount": "1,000.00", "currency": "eur"})
        assert stated.status_code == 302
    with tenant(books):
        assert MonthlySales.objects.count() == 7
    assert page(boss, "payment-delays", as_of="2026-09-30").context["found"].notes == ()
    assert reader.get(reverse("dashboard:state_sales")).status_code == 403


def test_a_target_is_set_and_compared_with(boss: Client, reader: Client, books: Organization) -> None:
    url = reverse("dashboard:collection_target")
    answer = boss.post(url, {"month": "2026-08-01", "user": "", "amount": "10000", "currency": "EUR"})
    assert answer.status_code == 302
    found = page(boss, "collected", period="2026-09").context["found"]
    # 2 400 and the part of 2 000 in September, and 250 on account.
    assert [figure.value for figure in found.figures] == ["€4,650.00", "€10,000.00", "46.50%"]
    assert "€4,650.00" in boss.get(found.figures[0].href).content.decode()
    with tenant(books):
        assert CollectionTarget.objects.get().amount == 10000
    assert reader.get(url).status_code == 403
    assert boss.post(url, {"month": "2026-08-01", "user": "somebody", "amount": "1", "currency": "EUR"}).status_code == 422


def test_a_persons_target_is_not_compared_with_what_one_group_paid(boss: Client, books: Organization) -> None:
    person = boss.session["_auth_user_id"]
    boss.post(reverse("dashboard:collection_target"), {"month": "2026-08-01", "user": person, "amount": "900", "currency": "EUR"})
    with tenant(books):
        group = CustomerGroup.objects.create(key="hotels", name="Hotels")
        Customer.objects.update(account_owner=person, group=group)

    def of_owners(**params: str) -> list[Any]:
        found = page(boss, "collected", period="2026-09", **params).context["found"]
        return [row[3:] for table in found.tables if table.title == "By account owner" for row in table.rows]

    assert [target for target, _share in of_owners()] == [900]
    assert of_owners(group="hotels") == [[None, None]]


def test_receipts_behind_a_figure(reader: Client) -> None:
    found = page(reader, "collected", period="2026-09").context["found"]
    owners = next(table for table in found.tables if table.title == "By account owner")
    [[name, receipts, cell, _target, _share]] = owners.rows
    listed = reader.get(cell.href).context
    assert (name, receipts, cell.value, listed["total"]) == ("Nobody", len(listed["rows"]), 4650, {"EUR": 4650})


# --- the payer index --------------------------------------------------------------------------------------------------------------------


def test_the_payer_index_is_explained_on_the_record_and_sorts_the_list(reader: Client, books: Organization) -> None:
    with tenant(books):
        customer = Customer.objects.get(name="A")
        settle(owe(customer, "I12", "100", "2026-09-21"), "100", "2026-09-21")
        payer_indexes.refresh(today=TODAY)
    record = reader.get(reverse("dashboard:customer", args=[customer.pk]))
    payer = record.context["payer"]
    # (4 800 × 80,5 + 2 400 × 70⅔ + 100 × 80) / 7 300
    assert (payer.value, payer.word, payer.why) == (Decimal("77.3"), "Pays late", "")
    assert [(line.invoice, line.when) for line in payer.lines] == [
        ("I1", "paid 1 day early"),
        ("I2", "paid 14 days late"),
        ("I12", "paid on time"),
    ]
    assert "77.3" in record.content.decode()
    with tenant(books):
        other = Customer.objects.get(name="B")
    assert "Insufficient data: 2 paid invoices in the last two years, 3 are needed." in (
        reader.get(reverse("dashboard:customer", args=[other.pk])).content.decode()
    )
    ordered = reader.get(reverse("dashboard:customers"), {"sort": "-index"}).context["rows"]
    assert (ordered[0][0].name, ordered[0][3].value) == ("A", Decimal("77.3"))
    assert reader.get(reverse("dashboard:customers"), {"sort": "index"}).context["rows"][0][0].name == "A"


def test_disputes_and_promises_stay_in_their_currency(reader: Client) -> None:
    assert page(reader, "disputes", currency="USD").context["found"].empty
    assert page(reader, "disputes").context["found"].figures[0].value == "€1,500.00"
