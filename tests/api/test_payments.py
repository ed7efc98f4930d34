"""Payments one by one: a receipt with a day and a payer that can be true, or a refusal that names the field."""

from typing import Any

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Payment
from tests.api.conftest import Api


def refusal(answer: Any) -> tuple[str, str]:
    """The field at fault and why, of a call that a rule refused."""
    assert answer.status_code == 422, answer.content
    [fault] = answer.json()["errors"]
    return fault["field"], fault["code"]


def test_a_value_date_beyond_what_a_bank_announces_is_refused(api: Api, house: Organization) -> None:
    receipt = {"amount": "1200.00", "external_reference": "VIR-1"}
    assert refusal(api.post("/payments", {**receipt, "received_on": "2026-10-20"})) == ("received_on", "too_late")
    made = api.post("/payments", {**receipt, "received_on": "2026-10-19"})
    assert made.status_code == 201
    path = f"/payments/{made.json()['id']}"
    assert refusal(api.patch(path, {"received_on": "2027-10-08"})) == ("received_on", "too_late")
    assert api.patch(path, {"received_on": "2026-10-08"}).json()["received_on"] == "2026-10-08"
    with tenant(house):
        assert Payment.objects.count() == 1


def item_of(api: Api, customer: str, number: str, gross: str) -> str:
    """An invoice of one instalment, whose id is returned."""
    bill = {"number": number, "customer_number": customer, "issued_on": "2026-09-01", "due_on": "2026-10-01", "gross": gross}
    found: str = api.post("/invoices", bill).json()["installments"][0]["id"]
    return found


def test_what_a_receipt_settles_says_whose_it_is(api: Api, house: Organization) -> None:
    """A group pays for its daughter; a neighbour pays for itself."""
    group, daughter, neighbour = (
        api.post("/customers", {"number": number, "name": name}).json()["id"]
        for number, name in (("C1", "Durand Groupe"), ("C2", "Durand Lyon"), ("C3", "Petit"))
    )
    assert api.put(f"/customers/{daughter}/payer", {"payer_id": group}).status_code == 200
    of_group, of_daughter, of_neighbour = (
        {"installment_id": item_of(api, customer, f"FA-{customer}", "600.00"), "amount": "600.00"} for customer in ("C1", "C2", "C3")
    )
    receipt = {"received_on": "2026-10-08", "amount": "1200.00"}
    made = api.post("/payments", {**receipt, "allocations": [of_group, of_daughter]})
    assert (made.status_code, made.json()["customer_id"], made.json()["unallocated"]) == (201, group, "0.00")
    assert [row["id"] for row in api.get(f"/payments?customer_id={group}").json()["data"]] == [made.json()["id"]]

    api.post(f"/payments/{made.json()['id']}/cancel", {"reason": "Entered twice."})
    assert refusal(api.post("/payments", {**receipt, "allocations": [of_daughter, of_neighbour]})) == ("customer_id", "unidentified")
    with tenant(house):
        assert Payment.objects.filter(cancelled_at=None).count() == 0
    said = api.post("/payments", {**receipt, "customer_id": neighbour, "allocations": [of_daughter, of_neighbour]})
    assert (said.status_code, said.json()["customer_id"]) == (201, neighbour)


def test_a_receipt_that_is_left_on_account_may_be_nobodys(api: Api, house: Organization) -> None:
    made = api.post("/payments", {"received_on": "2026-10-08", "amount": "50.00", "allocations": []})
    assert (made.status_code, made.json()["customer_id"], made.json()["unallocated"]) == (201, None, "50.00")
