"""Many rows in one call: created, updated, left alone or refused one by one, under the very rules of files."""

from decimal import Decimal
from typing import Any

import pytest

from customers.models import Contact, Customer
from dunning.core.audit import verify
from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from invoices.models import ImportBatch, Installment, Invoice, LedgerCoverage, Payment
from invoices.selectors import coverage_through
from tests.api.conftest import Api, program


def outcomes(answer: Any) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(key, outcome, [(field, message)]) of each row."""
    assert answer.status_code == 200, answer.content
    body = answer.json()
    counted = [body[name] for name in ("created", "updated", "unchanged", "errors")]
    assert sum(counted) == len(body["results"])
    assert [result["index"] for result in body["results"]] == list(range(len(body["results"])))
    return [
        (result["key"], result["outcome"], [(fault["field"], fault["message"]) for fault in result["errors"]]) for result in body["results"]
    ]


CUSTOMERS = [
    {"number": "C1", "name": "Durand SARL", "email": ["compta@durand.example", "paul@durand.example"], "terms": "45 jours fin de mois"},
    {"number": "C2", "name": "Hôtel des Alpes", "kind": "business", "group": "hotels", "payer": "C1", "language": "en"},
]


def test_customers_are_created_then_updated_then_left_alone(api: Api, house: Organization) -> None:
    first = api.put("/customers/bulk", {"items": CUSTOMERS})
    assert outcomes(first) == [("C1", "created", []), ("C2", "created", [])]
    with tenant(house):
        durand, hotel = Customer.objects.order_by("number").select_related("group", "payer")
        assert (durand.payment_days, durand.payment_end_of_month) == (45, "after")
        assert [contact.email for contact in Contact.objects.filter(customer=durand).order_by("position")] == [
            "compta@durand.example",
            "paul@durand.example",
        ]
        assert (hotel.group.key, hotel.payer, hotel.language) == ("hotels", durand, "en")  # type: ignore[union-attr]
    assert [result["id"] for result in first.json()["results"]] == [str(durand.pk), str(hotel.pk)]
    again = [CUSTOMERS[0], {"number": "C2", "name": "Hôtel des Alpes et du Lac", "city": None}]
    assert outcomes(api.put("/customers/bulk", {"items": again})) == [("C1", "unchanged", []), ("C2", "updated", [])]
    with tenant(house):
        assert Customer.objects.get(number="C2").name == "Hôtel des Alpes et du Lac"
        events = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
        assert events[-2:] == ["customer.updated", "customers.imported"]
        assert AuditEvent.objects.order_by("-sequence").first().actor.startswith("api:")  # type: ignore[union-attr]
        assert list(verify()) == []
        assert [(batch.filename, batch.created, batch.updated, batch.unchanged) for batch in ImportBatch.objects.order_by("pk")] == [
            ("API: ERP", 2, 0, 0),
            ("API: ERP", 0, 1, 1),
        ]


def test_a_confirmed_kind_is_changed_by_confirming_another_alone(api: Api, house: Organization) -> None:
    dubois = api.post("/customers", {"number": "C7", "name": "Jeanne Dubois"}).json()
    confirmed = api.post(f"/customers/{dubois['id']}/confirm-kind", {"kind": "consumer"}).json()
    nightly = {"items": [{"number": "C7", "name": "Jeanne Dubois", "kind": "business"}]}
    assert outcomes(api.put("/customers/bulk", nightly)) == [("C7", "unchanged", [])]
    refused = api.patch(f"/customers/{dubois['id']}", {"kind": "business"})
    assert (refused.status_code, [(fault["field"], fault["code"]) for fault in refused.json()["errors"]]) == (
        422,
        [("kind", "confirmed_kind")],
    )
    assert api.get(f"/customers/{dubois['id']}").json() == confirmed
    assert api.post(f"/customers/{dubois['id']}/confirm-kind", {"kind": "business"}).json()["kind"] == "business"


def test_what_is_wrong_with_a_row_is_told_of_that_row_and_the_others_are_written(api: Api, house: Organization) -> None:
    rows: list[Any] = [
        {"number": "C1", "name": "Durand"},
        {"number": "C2", "name": "Alpes", "siren": "123456789"},
        {"number": "C3", "name": 3, "organization": "x", "kind": "robot"},
        {"number": "C4"},
        {"number": "C5", "name": "Lac", "payer": "C9"},
        "C6",
        {"number": "C7", "name": "Midi", "credit_limit": 1000},
        {"number": "C1", "name": "Durand Frères"},
        {"number": "C8", "name": "Ouest"},
        {"number": "C8", "name": "Ouest"},
    ]
    found = outcomes(api.put("/customers/bulk", {"items": rows}))
    assert [(key, outcome) for key, outcome, _faults in found] == [
        ("C1", "error"),
        ("C2", "error"),
        ("C3", "error"),
        ("C4", "error"),
        ("C5", "error"),
        ("", "error"),
        ("C7", "error"),
        ("C1", "error"),
        ("C8", "created"),
        ("C8", "unchanged"),
    ]
    faults = [faults for _key, _outcome, faults in found]
    assert "stands several times" in faults[0][0][1] and "stands several times" in faults[7][0][1]
    assert faults[1] == [("siren", "“123456789” is not a SIREN: nine digits with a right key.")]
    assert [field for field, _message in faults[2]] == ["name", "organization", "kind"]
    assert faults[3] == [("name", "this cell is empty and must not be")]
    assert faults[4] == [("payer", "there is no customer C9, neither known nor in this file")]
    assert faults[5] == [("", "An object is expected here, in curly brackets.")]
    assert faults[6] == [("credit_limit", 'Write the amount as a text with a point, such as "1200.50".')]
    with tenant(house):
        assert list(Customer.objects.values_list("number", flat=True)) == ["C8"]
        assert (ImportBatch.objects.get().errors, ImportBatch.objects.get().unchanged) == (8, 1)


def test_a_local_number_is_read_in_the_country_of_its_customer(api: Api, house: Organization) -> None:
    rows = [
        {"number": "B1", "name": "Bruxelles SA", "country": "BE", "phone": "0475 12 34 56"},
        {"number": "F1", "name": "Lyon SA", "phone": "06 99 00 12 34"},
        {"number": "B2", "name": "Gand", "country": "BE", "phone": "12"},
    ]
    found = outcomes(api.put("/customers/bulk", {"items": rows}))
    assert [(key, outcome, [field for field, _message in faults]) for key, outcome, faults in found] == [
        ("B1", "created", []),
        ("F1", "created", []),
        ("B2", "error", ["phone"]),
    ]
    with tenant(house):
        assert dict(Contact.objects.values_list("customer__number", "phone")) == {"B1": "+32475123456", "F1": "+33699001234"}


@pytest.mark.parametrize(("option", "status"), [("strict", 422), ("dry_run", 200)])
def test_strict_and_dry_calls_write_nothing(api: Api, house: Organization, option: str, status: int) -> None:
    rows = [{"number": "C1", "name": "Durand"}, {"number": "C2"}]
    answer = api.put("/customers/bulk", {"items": rows, option: True})
    assert answer.status_code == status
    if option == "strict":
        assert [(fault["field"], fault["message"]) for fault in answer.json()["errors"]] == [
            ("items[1].name", "this cell is empty and must not be")
        ]
        assert answer.json()["detail"].endswith("Nothing was changed.")
    else:
        assert [row["outcome"] for row in answer.json()["results"]] == ["created", "error"]
        assert (answer.json()["dry_run"], answer.json()["results"][0]["id"]) == (True, None)
    with tenant(house):
        assert (Customer.objects.count(), ImportBatch.objects.count(), AuditEvent.objects.filter(actor__startswith="api").count()) == (
            0,
            0,
            0,
        )


INVOICES = [
    {
        "number": "FA-1",
        "customer": "C1",
        "customer_name": "Durand SARL",
        "issued_on": "2026-09-01",
        "due_on": "2026-10-01",
        "gross": "1200.00",
    },
    {"number": "AV-1", "customer": "C1", "issued_on": "2026-09-10", "gross": "-200", "kind": "credit_note", "credited_number": "FA-1"},
]


def test_invoices_and_credit_notes_follow_the_rules_of_files(api: Api, house: Organization) -> None:
    first = api.put("/invoices/bulk", {"items": INVOICES})
    assert outcomes(first) == [("FA-1", "created", []), ("AV-1", "created", [])]
    with tenant(house):
        assert Installment.objects.get().outstanding == Decimal("1000.00")
        assert Customer.objects.get().name == "Durand SARL"
        batch = ImportBatch.objects.get()
        assert set(Invoice.objects.values_list("batch", flat=True)) == {batch.pk}
    assert outcomes(api.put("/invoices/bulk", {"items": INVOICES})) == [("FA-1", "unchanged", []), ("AV-1", "unchanged", [])]
    changes: list[Any] = [
        {**INVOICES[0], "gross": "1300.00"},
        {**INVOICES[1], "currency": "USD"},
    ]
    refused = outcomes(api.put("/invoices/bulk", {"items": changes}))
    assert refused == [
        ("FA-1", "error", [("gross", "FA-1 was issued for 1200.00: a changed amount is a credit note, issue a credit note.")]),
        ("AV-1", "error", [("currency", "AV-1 was issued in EUR: issue a credit note and a new invoice.")]),
    ]
    other = outcomes(api.put("/invoices/bulk", {"items": [{**INVOICES[0], "customer": "C2"}]}))
    assert other == [("FA-1", "error", [("customer", "FA-1 belongs to customer C1: issue a credit note and a new invoice.")])]
    later = outcomes(api.put("/invoices/bulk", {"items": [{**INVOICES[0], "due_on": "2026-10-15", "purchase_order": "BC-9"}]}))
    assert later == [("FA-1", "updated", [])]
    with tenant(house):
        invoice = Invoice.objects.get(number="FA-1")
        assert (str(invoice.due_on), invoice.purchase_order, invoice.gross) == ("2026-10-15", "BC-9", Decimal("1200.00"))
        assert (Invoice.objects.count(), Customer.objects.count()) == (2, 1)


def test_payments_settle_what_they_name_and_say_nothing_of_the_ledger_unless_told(api: Api, house: Organization) -> None:
    api.put("/invoices/bulk", {"items": INVOICES[:1]})
    row = {"external_reference": "V1", "customer": "C1", "invoice": "FA-1", "amount": "1200.00", "received_on": "2026-10-08"}
    assert outcomes(api.put("/payments/bulk", {"items": [row]})) == [("V1", "created", [])]
    with tenant(house):
        assert (Installment.objects.get().outstanding, LedgerCoverage.objects.count()) == (0, 0)
    assert outcomes(api.put("/payments/bulk", {"items": [row], "ledger_through": "2026-10-08"})) == [("V1", "unchanged", [])]
    with tenant(house):
        assert str(coverage_through()) == "2026-10-08"
    changed = {**row, "amount": "1100.00"}
    [(_key, outcome, [(field, message)])] = outcomes(api.put("/payments/bulk", {"items": [changed], "ledger_through": "2026-10-09"}))
    assert (outcome, field) == ("error", "external_reference") and "already recorded with another amount" in message
    with tenant(house):
        assert (Payment.objects.count(), str(coverage_through())) == (1, "2026-10-08")  # not complete: one was refused


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": {}}, "items"),
        ({"items": [{"number": f"C{n}", "name": "x"} for n in range(1001)]}, "items"),
        ({"items": [{"number": "C1", "name": "x"}], "strct": True}, "strct"),
        ({"items": [{"number": "C1", "name": "x"}], "dry_run": "yes"}, "dry_run"),
        ([], ""),
    ],
)
def test_what_is_no_bulk_call_is_refused_whole(api: Api, house: Organization, body: Any, field: str) -> None:
    answer = api.put("/customers/bulk", body)
    assert (answer.status_code, [fault["field"] for fault in answer.json()["errors"]]) == (400, [field])
    with tenant(house):
        assert Customer.objects.count() == 0


def test_a_thousand_rows_are_one_call_with_few_queries(api: Api, house: Organization, django_assert_max_num_queries: Any) -> None:
    rows = [{"number": f"C{n}", "name": f"Client {n}", "email": [f"c{n}@client.example"]} for n in range(1000)]
    with django_assert_max_num_queries(40):
        assert api.put("/customers/bulk", {"items": rows}).json()["created"] == 1000
    invoices = [{"number": f"F{n}", "customer": f"C{n}", "issued_on": "2026-10-01", "gross": "100.00"} for n in range(1000)]
    with django_assert_max_num_queries(60):
        assert api.put("/invoices/bulk", {"items": invoices}).json()["created"] == 1000


def test_the_next_file_is_read_as_the_last_file_was_not_as_programs_send(api: Api, house: Organization) -> None:
    from invoices.importers.session import remembered_for

    with tenant(house):
        batch = ImportBatch(kind="customers", filename="a.csv", sha256="", actor="system", loaded_at="2026-10-01T00:00:00Z")
        batch.mapping = {"columns": {"Cpte": "number"}, "date_format": "dmy"}
        batch.save()
    api.put("/customers/bulk", {"items": CUSTOMERS[:1]})
    with tenant(house):
        assert ImportBatch.objects.count() == 2
        assert remembered_for("customers") == {"columns": {"Cpte": "number"}, "date_format": "dmy"}


def test_other_organizations_know_nothing_of_it(api: Api, house: Organization) -> None:
    from tests.factories import make_organization

    stranger = program(make_organization())
    api.put("/customers/bulk", {"items": CUSTOMERS})
    assert outcomes(stranger.put("/customers/bulk", {"items": [CUSTOMERS[0]]})) == [("C1", "created", [])]
    assert outcomes(stranger.put("/customers/bulk", {"items": [{"number": "C9", "name": "x", "payer": "C2"}]}))[0][1] == "error"
