"""Bodies nobody sends by mistake: each is refused with a sentence that says what was expected, soon, and nothing is kept of it."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from customers.models import Customer
from dunning.core import clock
from dunning.core.api_keys import create_api_key
from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from tests.api.conftest import ACTOR, NOWHERE, Api
from tests.api.served import Served, ids_of, operations
from tests.api.webserver import serving
from tests.scenarios.houses import open_house
from tests.scenarios.road import pdf

SOON = 2.0  # seconds of this process; the benchmark of the API says how many thousandths
GOOD = '{"number": "C1", "name": "Durand"}'
MEGABYTE = 1024**2


def traces(house: Organization) -> tuple[int, int]:
    with tenant(house):
        return Customer.objects.count(), AuditEvent.objects.count()


@pytest.fixture(autouse=True, scope="module")
def awake() -> None:
    """The first call of a process imports the product."""
    import dunning.urls  # noqa: F401  so that no first call pays for it


@contextmanager
def soon() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SOON


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal that kept nothing."""
    assert answer.status_code == status, answer.content[:500]
    assert answer["Content-Type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert (said["status"], said["code"], said["type"]) == (status, code, f"urn:dunning:problem:{code}")
    assert said["detail"].endswith("Nothing was changed.") and len(answer.content) < 20_000
    return said


UNREADABLE = {
    "nothing": (b" ", "bad_json", "line 1, column 2"),
    "not JSON": (b"number=C1&name=Durand", "bad_json", "line 1, column 1"),
    "JavaScript": (b"{number: 'C1'}", "bad_json", "line 1, column 2"),
    "cut off": (b'{"number": "C1", "name": "Dur', "bad_json", "line 1, column 26"),
    "two of them": (f"{GOOD} {GOOD}", "bad_json", "line 1, column 36"),
    "a comment": (f"{GOOD}\n// yes", "bad_json", "line 2, column 1"),
    "NaN": ('{"number": "C1", "payment_days": NaN}', "bad_json", "“NaN” is not JSON"),
    "Infinity": ('{"number": "C1", "payment_days": Infinity}', "bad_json", "“Infinity” is not JSON"),
    "-Infinity": ('{"number": "C1", "payment_days": -Infinity}', "bad_json", "“-Infinity” is not JSON"),
    "a million digits": ('{"payment_days": ' + "9" * 1_000_000 + "}", "bad_json", "not a number anybody needs"),
    "a million decimals": ('{"payment_days": 0.' + "9" * 1_000_000 + "}", "bad_json", "not a number anybody needs"),
    "an exponent beyond numbers": ('{"payment_days": 1e99999999999999999999}', "bad_json", "not a number anybody needs"),
    "a name twice": ('{"number": "C1", "name": "Durand", "number": "C2"}', "bad_json", "“number” stands twice"),
    "a name twice inside": ('{"items": [{"a": 1, "a": 1}]}', "bad_json", "“a” stands twice"),
    "a name twice, escaped": ('{"number": "C1", "n\\u0075mber": "C2"}', "bad_json", "“number” stands twice"),
    "Latin-1": ('{"number": "C1", "name": "Crémerie"}'.encode("latin-1"), "bad_json", "not UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "bad_json", "not UTF-8"),
    "overlong UTF-8": (b'{"number": "C1", "name": "\xc0\xaf"}', "bad_json", "not UTF-8"),
    "a surrogate in UTF-8": (b'{"number": "C1", "name": "\xed\xa0\x80"}', "bad_json", "not UTF-8"),
    "a bare NUL": (b'{"number": "C1\x00"}', "bad_json", "line 1, column"),
    "lists 100,000 deep": ("[" * 100_000 + "]" * 100_000, "too_deep", "more than 20 levels deep"),
    "lists that are never closed": ("[" * 1_000_000, "too_deep", "more than 20 levels deep"),
    "objects 100,000 deep": ('{"a":' * 100_000 + "1" + "}" * 100_000, "too_deep", "more than 20 levels deep"),
    "21 levels": ("[" * 21 + "]" * 21, "too_deep", "more than 20 levels deep"),
    "900 levels": ('{"name":' * 900 + "1" + "}" * 900, "too_deep", "more than 20 levels deep"),
}


@pytest.mark.parametrize(("body", "code", "words"), UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_body_that_cannot_be_read_is_refused(api: Api, house: Organization, body: Any, code: str, words: str) -> None:
    before = traces(house)
    with soon():
        answer = api("POST", "/customers", body)
    assert words in problem(answer, 400, code)["detail"]
    assert traces(house) == before


FIELDS = {
    "a list": ("[]", "", "invalid", "in curly brackets"),
    "a text": ('"C1"', "", "invalid", "in curly brackets"),
    "null": ("null", "", "null", "null means nothing here"),
    "a million entries": ("[" + "0," * 999_999 + "0]", "", "invalid", "in curly brackets"),
    "NUL": ('{"number": "C\\u00001", "name": "Durand"}', "number", "control", "control characters"),
    "a control character": ('{"number": "C1", "name": "Dur\\u001b[31mand"}', "name", "control", "control characters"),
    "a line break": ('{"number": "C1", "name": "Durand\\nBcc: all@example.com"}', "name", "control", "control characters"),
    "a lone surrogate": ('{"number": "C1", "name": "\\ud800"}', "name", "control", "control characters"),
    "half a smile": ('{"number": "C1", "name": "\\ude00 Durand"}', "name", "control", "control characters"),
    "spaces": ('{"number": "C1", "name": " \\u00a0 "}', "name", "blank", "must not be"),
    "two megabytes": ('{"number": "C1", "name": "' + "x" * (2 * MEGABYTE - 100) + '"}', "name", "max_length", "At most 200 characters"),
    "a number for a text": ('{"number": 1, "name": "Durand"}', "number", "invalid", "in quotation marks"),
    "true for a number": ('{"number": "C1", "name": "Durand", "payment_days": true}', "payment_days", "invalid", "A whole number"),
    "a text for a number": ('{"number": "C1", "name": "Durand", "payment_days": "30"}', "payment_days", "invalid", "A whole number"),
    "half a day": ('{"number": "C1", "name": "Durand", "payment_days": 30.5}', "payment_days", "invalid", "A whole number"),
    "1e400": ('{"number": "C1", "name": "Durand", "payment_days": 1e400}', "payment_days", "invalid", "A whole number"),
    "1e-999999999": ('{"number": "C1", "name": "Durand", "payment_days": 1e-999999999}', "payment_days", "invalid", "A whole number"),
    "1e999999999": ('{"number": "C1", "name": "Durand", "payment_days": 1e999999999}', "payment_days", "invalid", "A whole number"),
    "40 digits": ('{"number": "C1", "name": "Durand", "payment_days": ' + "9" * 40 + "}", "payment_days", "invalid", "A whole number"),
    "a list for a word": ('{"number": "C1", "name": "Durand", "kind": [' + "0," * 500_000 + "0]}", "kind", "invalid_choice", "“…” is not"),
    "a name nobody knows": ('{"number": "C1", "name": "Durand", "nmae": "x"}', "nmae", "unknown_field", "did you mean “name”?"),
    "an empty name": ('{"number": "C1", "name": "Durand", "": "x"}', "", "unknown_field", "cannot be sent here"),
    "a surrogate for a name": ('{"number": "C1", "name": "Durand", "\\ud800": 1}', "?", "unknown_field", "cannot be sent here"),
    "a long name": ('{"number": "C1", "name": "Durand", "' + "x" * 1_000_000 + '": 1}', "x" * 60, "unknown_field", "cannot be sent here"),
    "a prototype": ('{"number": "C1", "name": "Durand", "__proto__": {"number": "C2"}}', "__proto__", "unknown_field", "cannot be sent"),
}


@pytest.mark.parametrize(("body", "field", "code", "words"), FIELDS.values(), ids=list(FIELDS))
def test_a_field_that_cannot_be_read_is_named(api: Api, house: Organization, body: str, field: str, code: str, words: str) -> None:
    before = traces(house)
    with soon():
        answer = api("POST", "/customers", body)
    [fault] = problem(answer, 400, "bad_request")["errors"]
    assert (fault["field"], fault["code"]) == (field, code)
    assert words in fault["message"]
    assert traces(house) == before


def test_a_hundred_thousand_names_nobody_knows_are_one_short_answer(api: Api, house: Organization) -> None:
    before = traces(house)
    with soon():
        answer = api("POST", "/customers", json.dumps({f"name{number}": 0 for number in range(100_000)}))
    assert len(problem(answer, 400, "bad_request")["errors"]) == 50
    assert traces(house) == before


def test_a_thousand_rows_of_which_each_is_wrong_are_one_short_answer(api: Api, house: Organization) -> None:
    rows = [{"number": "C\x00", "nmae": "x", "kind": 1, "siren": None, "credit_limit": 1} for _ in range(1000)]
    with soon():
        answer = api("PUT", "/customers/bulk", {"items": rows, "strict": True})
    assert len(problem(answer, 422, "control")["errors"]) == 50


MEDIA = {
    "none": ("", 415, "unsupported_media_type"),
    "a text": ("text/plain", 415, "unsupported_media_type"),
    "a form": ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    "parts": ("multipart/form-data; boundary=x", 415, "unsupported_media_type"),
    "XML": ("application/xml", 415, "unsupported_media_type"),
    "nearly": ("application/jsonp", 415, "unsupported_media_type"),
    "two at once": ("application/json, text/plain", 415, "unsupported_media_type"),
    "in UTF-16": ("application/json; charset=utf-16", 415, "unsupported_media_type"),
}


@pytest.mark.parametrize(("kind", "status", "code"), MEDIA.values(), ids=list(MEDIA))
def test_another_media_type_is_refused_before_it_is_read(api: Api, house: Organization, kind: str, status: int, code: str) -> None:
    before = traces(house)
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % number for number in range(30_000))
    with soon():
        answer = api("POST", "/customers", parts if kind.startswith("multipart") else GOOD, content_type=kind)
    assert "application/json" in problem(answer, status, code)["detail"]
    assert traces(house) == before


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_taken_however_its_type_is_written(api: Api, house: Organization, kind: str) -> None:
    assert api("POST", "/customers", GOOD, content_type=kind).status_code == 201


@pytest.mark.parametrize("length", ["-1", "+5", "1e3", "0x20", "٣", "5 5", "x"])
def test_a_length_that_is_no_number_is_refused(api: Api, house: Organization, length: str) -> None:
    assert "Content-Length" in problem(api("POST", "/customers", GOOD, content_length=length), 400, "bad_request")["detail"]
    assert traces(house)[0] == 0


@pytest.mark.parametrize(
    ("method", "path", "kind", "most"),
    [
        ("POST", "/customers", "application/json", "2048 kB"),
        ("PUT", f"/invoices/{NOWHERE}/document", "application/pdf", "10240 kB"),
        ("POST", "/plans", "application/yaml", "512 kB"),
    ],
)
def test_a_body_that_is_too_large_is_refused_by_its_announcement(
    api: Api, house: Organization, method: str, path: str, kind: str, most: str
) -> None:
    with soon():
        answer = api(method, path, b"[" * (10 * MEGABYTE + 1), content_type=kind)
    assert most in problem(answer, 413, "too_large")["detail"]


PLANS = {
    "a bomb of aliases": b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n",
    "a program": b"!!python/object/apply:os.system ['true']",
    "brackets": b"[" * 100_000,
    "brackets that close": b"[" * 5_000 + b"]" * 5_000,
    "dashes": b"- " * 100_000,
    "NUL": b"key: a\x00b",
    "no UTF-8": b"key: \xff\xfe\xff",
    "a surrogate": b'key: "\\ud800"',
    "nothing": b" ",
    "two documents": b"key: a\n---\nkey: b\n",
    "a list": b"- a\n- b\n",
    "half a megabyte of keys": b"".join(b"k%d: 1\n" % number for number in range(50_000)),
}


@pytest.mark.parametrize("body", PLANS.values(), ids=list(PLANS))
def test_a_plan_file_that_is_none_is_refused_with_every_reason(api: Api, house: Organization, body: bytes) -> None:
    before = traces(house)
    with soon():
        answer = api("POST", "/plans", body, content_type="application/yaml")
    said = problem(answer, 422, "plan_file")
    assert said["errors"] and all(fault["code"] == "plan_file" and fault["message"] for fault in said["errors"])
    assert traces(house) == before


@pytest.mark.parametrize("content", [b" ", b"MZ\x90\x00" * 1000, b"<html><script>alert(1)</script></html>", b"\x00" * MEGABYTE])
def test_a_copy_that_is_no_pdf_is_refused(api: Api, house: Organization, content: bytes) -> None:
    customer = api.post("/customers", {"number": "C1", "name": "Durand"})
    assert customer.status_code == 201
    given = {"number": "FA-1", "customer_number": "C1", "issued_on": "2026-09-01", "due_on": "2026-10-01", "gross": "120.00"}
    path = f"/invoices/{api.post('/invoices', given).json()['id']}/document"
    problem(api("PUT", path, content, content_type="application/pdf"), 422, "not_a_pdf")
    assert api.get(path).status_code == 404
    assert api("PUT", path, pdf(), content_type="application/pdf").status_code == 200


@pytest.mark.parametrize("kind", ["document", "delivery-proof"])
def test_a_scan_of_several_megabytes_is_kept(api: Api, house: Organization, kind: str) -> None:
    api.post("/customers", {"number": "C1", "name": "Durand"})
    given = {"number": "FA-1", "customer_number": "C1", "issued_on": "2026-09-01", "due_on": "2026-10-01", "gross": "120.00"}
    path = f"/invoices/{api.post('/invoices', given).json()['id']}/{kind}"
    scan = pdf() + b"%" * 3 * MEGABYTE
    assert api("PUT", path, scan, content_type="application/pdf").status_code == 200
    assert api.get(path).content == scan
    largest = pdf().ljust(10 * MEGABYTE, b"%")
    assert api("PUT", path, largest, content_type="application/pdf", idempotency_key="scan-1").status_code == 200


ADDRESSES = {
    "an endless name": f"/customers?{'x' * 100_000}=1",
    "ten thousand parameters": "/customers?" + "&".join(f"p{number}=1" for number in range(10_000)),
    "a parameter ten thousand times": "/customers?" + "number=1&" * 10_000,
    "no UTF-8": "/customers?number=%ff%fe",
    "NUL": "/customers?q=%00",
    "a long word": "/customers?q=" + "x" * 5000,
    "fields without end": "/customers?fields=" + "id," * 20_000,
}


@pytest.mark.parametrize("path", ADDRESSES.values(), ids=list(ADDRESSES))
def test_an_address_that_cannot_be_read_is_refused(api: Api, path: str) -> None:
    with soon():
        answer = api.get(path)
    assert answer.status_code in (200, 400) and len(answer.content) < 20_000
    if answer.status_code == 400:
        assert answer["Content-Type"] == "application/problem+json" and answer.json()["detail"]


FORBIDDEN = ("organization", "organization_id", "tenant", "created_at", "created_by", "actor", "role", "is_admin", "scopes", "pk")
WITH_BODY = [one for one in operations() if one.media == "application/json"]


@pytest.mark.parametrize("one", WITH_BODY, ids=ids_of)
def test_what_nobody_may_set_is_refused_by_name(one: Served, api: Api, house: Organization) -> None:
    before = traces(house)
    extra = dict.fromkeys(FORBIDDEN, NOWHERE)
    answer = api(one.method, one.at(NOWHERE), json.dumps({**one.example, **extra}))
    said = problem(answer, 400, "bad_request")
    assert {fault["field"] for fault in said["errors"]} == set(FORBIDDEN)
    assert {fault["code"] for fault in said["errors"] if fault["field"] != "role"} == {"unknown_field"}  # contacts have one
    assert traces(house) == before


# --- on the line ---------------------------------------------------------------------------------------------------------------------


def on_the_line(port: int, head: str, body: bytes = b"", *, ends: bool = True) -> tuple[int, dict[str, Any]]:
    """(status, problem) of a call as it is written; `ends` says whether the caller is done writing."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        if ends:
            line.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(line)
        answer.begin()
        assert answer.headers["Content-Type"] == "application/problem+json"
        return answer.status, json.loads(answer.read())


def test_a_body_is_refused_before_it_is_waited_for(committed_database: str) -> None:
    house = open_house()
    key = create_api_key(organization=house, name="ERP", scopes=["write"], actor=ACTOR, now=clock.now()).token
    before = traces(house)
    with serving() as server:
        start = f"POST /api/v1/customers HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Bearer {key}\nContent-Type: application/json"
        status, said = on_the_line(server.port, f"{start}\nTransfer-Encoding: chunked", b"24\r\n" + GOOD.encode() + b"\r\n0\r\n\r\n")
        assert (status, said["code"]) == (411, "length_required") and "Content-Length" in said["detail"]
        status, said = on_the_line(server.port, f"{start}\nContent-Length: 1000000000000", ends=False)
        assert (status, said["code"]) == (413, "too_large")
        status, said = on_the_line(server.port, f"{start}\nContent-Length: 100", GOOD.encode())
        assert (status, said["code"]) == (400, "cut_off")
        stranger = start.replace(key, f"{key[:-1]}0" if key[-1] != "0" else f"{key[:-1]}1")
        status, said = on_the_line(server.port, f"{stranger}\nContent-Length: 2000000", ends=False)
        assert (status, said["code"]) == (401, "unknown_key")
    assert traces(house) == before
