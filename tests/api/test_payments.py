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
