"""Parameters that cannot be read are named, with what was expected."""

import base64

import pytest

from tests.api.conftest import NOWHERE, Api
from tests.api.served import Served, ids_of, operations


@pytest.mark.parametrize("one", [one for one in operations() if one.is_list], ids=ids_of)
def test_a_parameter_nobody_knows_is_named(one: Served, api: Api) -> None:
    path = one.at(NOWHERE)
    answer = api.get(f"{path}?colour=red&limit=0&limit=5")
    assert answer.status_code == 400
    assert {(fault["field"], fault["code"]) for fault in answer.json()["errors"]} == {
        ("colour", "unknown_parameter"),
        ("limit", "given_twice"),
    }


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("limit=0", "limit", "invalid"),
        ("limit=201", "limit", "invalid"),
        ("limit=%F0%9F%98%80", "limit", "invalid"),
        ("limit=1e2", "limit", "invalid"),
        ("ordering=gross", "ordering", "invalid_choice"),
        ("fields=id,secret", "fields", "invalid_choice"),
        ("expand=customer.group", "expand", "invalid_choice"),
        ("customer_id=1", "customer_id", "invalid"),
        ("due_from=2026-02-30", "due_from", "invalid"),
        ("open=yes", "open", "invalid"),
        ("state=", "state", "invalid_choice"),
        ("number=%00", "number", "control"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(api: Api, query: str, field: str, code: str) -> None:
    answer = api.get(f"/invoices?{query}")
    assert answer.status_code == 400
    [fault] = answer.json()["errors"]
    assert (fault["field"], fault["code"]) == (field, code)
    assert fault["message"].endswith(".")


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "WyItaWQiLCJ4IiwieSJd", "%00", "WyJpZCIsbnVsbCxudWxsXQ", "w6k" * 100])
def test_a_cursor_that_was_made_up_is_refused(api: Api, cursor: str) -> None:
    answer = api.get(f"/invoices?cursor={cursor}")
    assert answer.status_code == 400
    assert answer.json()["code"] in ("bad_cursor", "bad_request")


def test_a_cursor_with_half_a_sign_is_refused(api: Api) -> None:
    """JSON may spell the first half of a pair alone; no text in the database can be compared with it."""
    cursor = base64.urlsafe_b64encode(b'["number", "\\ud800", "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10"]').decode()
    answer = api.get(f"/invoices?ordering=number&cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize(("number", "status"), [("1", 200), ("2147483647", 200), ("2147483648", 400), ("99999999999", 400), ("0", 400)])
def test_a_whole_number_is_read_as_far_as_the_document_says(api: Api, number: str, status: int) -> None:
    assert api.get(f"/plan-versions?number={number}").status_code == status
