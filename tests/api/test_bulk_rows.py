"""Many rows in one call: what only the ledger knows to be wrong is told of the row too, and the others are written."""

from typing import Any

import pytest

from customers.models import Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Invoice, Payment
from tests.api.conftest import Api
from tests.api.test_bulk import outcomes

DURAND, DURAND_LYON, OTHER, OTHER_LYON = "999999014", "99999901400015", "999999022", "99999902200018"


@pytest.mark.parametrize(
    ("known", "sent", "field"),
    [
        ({"siren": DURAND}, {"siret": OTHER_LYON}, "siret"),
        ({"siret": DURAND_LYON}, {"siret": OTHER_LYON}, "siret"),
        ({"siret": DURAND_LYON}, {"siren": OTHER}, "siren"),
    ],
)
def test_half_of_another_companys_identity_refuses_its_row_alone(
    api: Api, house: Organization, known: dict[str, str], sent: dict[str, str], field: str
) -> None:
    api.post("/customers", {"number": "C1", "name": "Durand SARL", **known})
    rows: list[Any] = [{"number": "C1", "name": "Durand et Fils", **sent}, {"number": "C2", "name": "Midi"}]
    for options in ({"dry_run": True}, {}):
        first, second = outcomes(api.put("/customers/bulk", {"items": rows, **options}))
        assert first[:2] == ("C1", "error") and [named for named, _message in first[2]] == [field]
        assert first[2][0][1].endswith("do not belong together, and the customer is known by one of them: give both")
        assert second == ("C2", "created", [])
    with tenant(house):
        assert dict(Customer.objects.values_list("number", "name")) == {"C1": "Durand SARL", "C2": "Midi"}
    both = [{"number": "C1", "name": "Durand et Fils", "siren": OTHER, "siret": OTHER_LYON}]
    assert outcomes(api.put("/customers/bulk", {"items": both})) == [("C1", "updated", [])]


@pytest.mark.parametrize("group", ["***", "-", "Отдел"])
def test_a_group_that_cannot_be_named_refuses_its_row_alone(api: Api, house: Organization, group: str) -> None:
    rows: list[Any] = [{"number": "C1", "name": "Durand", "group": group}, {"number": "C2", "name": "Midi", "group": "Hôtels"}]
    why = f"“{group}” cannot name a group: give it a letter from A to Z, or a digit"
    assert outcomes(api.put("/customers/bulk", {"items": rows})) == [("C1", "error", [("group", why)]), ("C2", "created", [])]
    bill = {"issued_on": "2026-09-01", "gross": "120.00", "customer_group": group}
    bills: list[Any] = [{"number": "FA-1", "customer": "C9", **bill}, {"number": "FA-2", "customer": "C2", **bill}]
    assert outcomes(api.put("/invoices/bulk", {"items": bills})) == [
        ("FA-1", "error", [("customer_group", why)]),
        ("FA-2", "created", []),  # its customer is known, and in a group
    ]
    with tenant(house):
        assert list(Customer.objects.values_list("number", "group__key")) == [("C2", "hotels")]
        assert Invoice.objects.get().number == "FA-2"


def test_each_row_is_answered_with_what_the_ledger_knows_it_by(api: Api, house: Organization) -> None:
    [customer] = api.put("/customers/bulk", {"items": [{"number": "C  1", "name": "Durand"}]}).json()["results"]
    written = {"number": "FA  1", "customer": "C 1", "issued_on": "2026-09-01", "gross": "90.00"}
    [bill] = api.put("/invoices/bulk", {"items": [written]}).json()["results"]
    receipt = {"customer": "C 1", "amount": "90.00", "received_on": "2026-10-08"}
    first, again = (api.put("/payments/bulk", {"items": [receipt]}).json()["results"] for _ in range(2))
    with tenant(house):
        payment = Payment.objects.get()
        assert (customer["key"], customer["id"]) == ("C 1", str(Customer.objects.get().pk))
        assert (bill["key"], bill["id"]) == ("FA 1", str(Invoice.objects.get().pk))
    for [row], outcome in ((first, "created"), (again, "unchanged")):
        assert (row["key"], row["outcome"], row["id"]) == (payment.external_reference, outcome, str(payment.pk))


def test_a_receipt_of_a_customer_nobody_has_is_refused_unless_it_names_an_invoice(api: Api, house: Organization) -> None:
    api.put("/invoices/bulk", {"items": [{"number": "FA-1", "customer": "C0042", "issued_on": "2026-09-01", "gross": "500.00"}]})
    receipt = {"customer": "C0O42", "amount": "500.00", "received_on": "2026-10-08"}
    rows: list[Any] = [{"external_reference": "V8", **receipt}, {"external_reference": "V9", "invoice": "FA-1", **receipt}]
    assert outcomes(api.put("/payments/bulk", {"items": rows})) == [
        ("V8", "error", [("customer", "there is no customer C0O42: its receipt would be nobody’s")]),
        ("V9", "created", []),
    ]
    with tenant(house):
        assert list(Payment.objects.values_list("external_reference", "customer__number")) == [("V9", "C0042")]
