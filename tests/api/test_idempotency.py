"""A call that names itself has one effect: made fifty times at once, made again after its process was killed, made again by mistake."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from customers.models import Customer
from dunning.core import clock
from dunning.core.api_keys import create_api_key
from dunning.core.audit import verify
from dunning.core.models import AuditEvent, KeptAnswer, Organization
from dunning.core.tenancy import tenant
from tests.api.conftest import ACTOR, NOW, Api, program
from tests.api.webserver import Said, WebServer, serving
from tests.scenarios.houses import open_house

AT_ONCE = 50


class Caller:
    """A program with a key that calls a web server under a name it gives."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.token = create_api_key(organization=organization, name="ERP", scopes=["write"], actor=ACTOR, now=clock.now()).token

    def create(self, server: WebServer, number: str, *, under: str) -> Said:
        """Create the customer of this number, the call named `under`."""
        body = json.dumps({"number": number, "name": f"Client {number}"}).encode()
        named = {"Authorization": f"Bearer {self.token}", "Content_Type": "application/json", "Idempotency_Key": under}
        return server.ask("POST", "/customers", body, **named)


def effects(organization: Organization, number: str) -> tuple[int, int, int]:
    """(customers, audit events of their creation, answers kept) of this number; the chain of audit events holds."""
    with tenant(organization):
        assert list(verify()) == []
        created = AuditEvent.objects.filter(action="customer.created", body__number=number).count()
        kept = KeptAnswer.objects.filter(content__contains=f'"number":"{number}"').count()
        return Customer.objects.filter(number=number).count(), created, kept


@pytest.fixture
def caller(committed_database: str) -> Caller:
    return Caller(open_house())


def test_fifty_calls_of_one_name_at_once_have_one_effect_and_one_answer(caller: Caller) -> None:
    with serving("api-before-commit:sleep=0.3:1") as server, ThreadPoolExecutor(AT_ONCE) as together:
        for number in ("C1", "C2", "C3"):
            answers = list(together.map(lambda _: caller.create(server, number, under=f"call-{number}"), range(AT_ONCE)))  # noqa: B023  all within the loop
            statuses = Counter(answer.status for answer in answers)
            assert set(statuses) == {201, 409} and statuses.total() == AT_ONCE, statuses
            given = [answer for answer in answers if answer.status == 201]
            assert len({(answer.body, answer.headers["etag"], answer.headers["location"]) for answer in given}) == 1
            assert ["idempotency-replayed" in answer.headers for answer in given].count(False) == 1
            for answer in answers:
                if answer.status == 409:
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert (answer.json["code"], answer.headers["retry-after"]) == ("in_progress", "1")
                    assert answer.json["detail"].endswith("Nothing was changed.")
            later = caller.create(server, number, under=f"call-{number}")
            assert (later.status, later.body, later.headers["idempotency-replayed"]) == (201, given[0].body, "true")
            assert effects(caller.organization, number) == (1, 1, 1)


def test_calls_whose_process_is_killed_have_one_effect_however_often_they_are_made_again(caller: Caller) -> None:
    again = 0
    with serving("api-before-commit:kill:0.5,api-after-commit:kill:0.5") as server:
        for number in (f"C{place}" for place in range(16)):
            while (told := caller.create(server, number, under=f"call-{number}")).status == 0:
                server.raise_the_dead()
            assert (told.status, told.json["number"]) == (201, number)
            again += "idempotency-replayed" in told.headers  # the process died between its commit and its answer
            later = caller.create(server, number, under=f"call-{number}")
            assert (later.status, later.body, later.headers["idempotency-replayed"]) == (201, told.body, "true")
            assert effects(caller.organization, number) == (1, 1, 1)
        assert server.deaths > again > 0


def test_a_name_given_to_another_call_is_refused_and_nothing_is_done(api: Api, house: Organization) -> None:
    first = api.post("/customers", {"number": "C1", "name": "Durand"}, idempotency_key="k")
    assert first.status_code == 201
    other: list[tuple[str, str, Any]] = [
        ("POST", "/customers", {"number": "C2", "name": "Durand"}),
        ("POST", "/customers?fields=id", {"number": "C1", "name": "Durand"}),
        ("POST", "/groups", {"key": "c1", "name": "Durand"}),
        ("PATCH", f"/customers/{first.json()['id']}", {"name": "Petit"}),
    ]
    for method, path, body in other:
        answer = api(method, path, body, idempotency_key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "other_call"), path
    with tenant(house):
        assert list(Customer.objects.values_list("number", "name")) == [("C1", "Durand")]


def test_a_refused_call_may_be_mended_under_the_same_name(api: Api, house: Organization) -> None:
    assert api.post("/customers", {"number": "C1"}, idempotency_key="k").status_code == 400
    assert api.post("/customers", {"number": "C1", "name": "x", "siren": "123456789"}, idempotency_key="k").status_code == 422
    mended = api.post("/customers", {"number": "C1", "name": "Durand"}, idempotency_key="k")
    assert (mended.status_code, "Idempotency-Replayed" in mended) == (201, False)
    assert effects(house, "C1") == (1, 1, 1)


def test_a_name_belongs_to_one_organization_and_is_forgotten_after_a_day(api: Api, house: Organization) -> None:
    body = {"number": "C1", "name": "Durand"}
    assert api.post("/customers", body, idempotency_key="k").status_code == 201
    assert api.post("/customers", body, idempotency_key="k")["Idempotency-Replayed"] == "true"
    theirs = program(open_house()).post("/customers", body, idempotency_key="k")
    assert (theirs.status_code, "Idempotency-Replayed" in theirs) == (201, False)
    with clock.virtual(NOW + timedelta(days=1)):
        later = api.post("/customers", {"number": "C2", "name": "Petit"}, idempotency_key="k")
        assert (later.status_code, later.json()["number"]) == (201, "C2")


@pytest.mark.parametrize("name", ["", " ", "k" * 256, "clé", "a b", "a\tb", "a\x00"])
def test_a_name_that_is_none_is_refused(api: Api, house: Organization, name: str) -> None:
    answer = api.post("/customers", {"number": "C1", "name": "Durand"}, idempotency_key=name)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")
    assert effects(house, "C1") == (0, 0, 0)
