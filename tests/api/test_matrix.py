"""Every operation of the document, with every kind of key and the ids of other organizations: nothing opens that should not.

The cases are made from the document, so a new operation is tested as it comes; one whose example or world is missing fails.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from dunning.api.schema import document
from dunning.api.throttling import counter
from dunning.core import clock
from dunning.core.api_keys import create_api_key, list_api_keys, revoke_api_key
from dunning.core.models import AuditEvent, Event
from dunning.core.tenancy import tenant
from notifications import mailbox
from notifications.models import Message
from tests.api.conftest import ACTOR, NOW, NOWHERE, Api, program
from tests.api.served import Served, ids_of, operations
from tests.api.world import KINDS, World, inhabit
from tests.scenarios.houses import open_house
from tests.scenarios.road import pdf

pytestmark = pytest.mark.usefixtures("undone")
INSTEAD = {  # a body names one of several
    ("createCreditNote", "credited_invoice_id"): ("credited_number",),
    ("assignPlan", "group_id"): ("customer_id",),
    ("assignPlan", "invoice_id"): ("customer_id",),
    ("placeHold", "installment_id"): ("customer_id",),
    ("createPayment", "customer_id"): ("customer_number",),
    ("createInvoice", "customer_id"): ("customer_number",),
    ("identifyPayment", "customer_id"): ("customer_number",),
}
AROUND = {("createPayment", "installment_id"): {"allocations": [{"amount": "1200.00"}]}}
WITH_ID = [one for one in operations() if one.has_id]
WITH_BODY = [one for one in operations() if one.media == "application/json"]
BEFORE = {  # what must have happened before the example can
    "recordLetterProof": ("/letters/{id}/posting", {"posted_on": "2026-10-09", "tracking_number": "1A 234 567 8901 2"}),
    "releaseMessage": ("/messages/{id}/hold", {"reason": "A doubt."}),
    "reopenTask": ("/tasks/{id}/cancel", {"reason": "Moot."}),
}
REFUSED_BY_A_RULE = {  # rightly so in this world
    "archivePlan": "plan_in_use",
    "completeTask": "decided_elsewhere",
    "renewHold": "same_person",
}


@pytest.fixture(scope="module")
def worlds(committed_for_module: str) -> Iterator[tuple[World, World]]:
    """Ours, and another organization's."""
    with clock.virtual(NOW):
        yield inhabit(open_house()), inhabit(open_house())


@pytest.fixture
def ours(worlds: tuple[World, World]) -> World:
    return worlds[0]


@pytest.fixture
def theirs(worlds: tuple[World, World]) -> World:
    return worlds[1]


@pytest.fixture
def undone(worlds: tuple[World, World]) -> Iterator[None]:
    """Whatever a call does is taken back, and nobody has called too often yet."""
    counter.forget()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def fitting(value: Any, world: World, name: str = "") -> Any:
    """An example of the document as it would read in this world."""
    if isinstance(value, dict):
        return {key: fitting(inner, world, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [fitting(inner, world, name) for inner in value]
    if name in KINDS and value is not None:
        return world.ids[KINDS[name]]
    return {"customer_number": "C1", "customer": "C1", "credited_number": "FA-1"}.get(name, value)


def content_of(one: Served, world: World) -> bytes | str | None:
    if not one.media:
        return None
    if one.media == "application/pdf":
        return pdf()
    if one.media == "application/yaml":
        file: bytes = world.api.get(f"/plans/{world.ids['plans']}/file").content
        return file
    assert one.example is not None, f"{one.id} takes a body and shows no example."
    return json.dumps(fitting(one.example, world))


def ask(api: Api, one: Served, world: World, pk: str = "") -> Any:
    """The operation with a body that can be read."""
    return api(one.method, one.at(pk or world.ids.get(one.kind, "")), content_of(one, world), content_type=one.media or "application/json")


def words(answer: Any) -> tuple[int, bytes]:
    return answer.status_code, answer.content


def traces(world: World) -> tuple[int, int]:
    with tenant(world.organization):
        return AuditEvent.objects.count(), Event.objects.count()


@pytest.mark.parametrize("one", operations(), ids=ids_of)
def test_an_operation_does_what_its_example_says(one: Served, ours: World) -> None:
    if one.id in BEFORE:
        path, body = BEFORE[one.id]
        assert ours.api.post(path.replace("{id}", ours.ids[one.kind]), body).status_code == 200
    answer = ask(ours.api, one, ours)
    assert answer.status_code in one.statuses, answer.content
    if one.id in REFUSED_BY_A_RULE:
        assert (answer.status_code, answer.json()["code"]) == (422, REFUSED_BY_A_RULE[one.id])
    else:
        assert answer.status_code < 300, answer.content


@pytest.mark.parametrize("one", operations(), ids=ids_of)
def test_no_key_that_does_not_open_opens(one: Served, ours: World) -> None:
    past = program(ours.organization, expires_at=NOW + timedelta(seconds=1))
    gone = create_api_key(organization=ours.organization, name="Old", scopes=("write",), actor=ACTOR, now=NOW)
    [row] = [row for row in list_api_keys(ours.organization) if row.pk == gone.key.pk]
    revoke_api_key(key=row, actor=ACTOR, now=NOW)
    before = traces(ours)
    with clock.virtual(NOW + timedelta(seconds=2)):
        answers = [ask(api, one, ours) for api in (Api(), past, Api(gone.token), Api(gone.token[:-1]), Api("rk_live_"))]
    assert {answer.status_code for answer in answers} == {401}
    assert all(answer["WWW-Authenticate"].startswith("Bearer") for answer in answers)
    assert [answer.json()["code"] for answer in answers[:3]] == ["no_key", "expired_key", "revoked_key"]
    assert answers[3].content == answers[4].content  # of a key one does not have, nothing is told
    assert traces(ours) == before


@pytest.fixture(scope="module")
def debtors(worlds: tuple[World, World]) -> list[Api]:
    """Programs of a debtor: one shows the token of its link as a key, one holds the cookie that link gave it."""
    with tenant(worlds[0].organization):
        link = next(filter(None, map(mailbox.page_of, Message.objects.exclude(link_digest=""))))
    visitor = Api()
    assert visitor.client.get(link).status_code == 302
    assert visitor.client.get("/portal/").status_code == 200
    return [Api(link.strip("/").split("/")[-1]), visitor]


@pytest.mark.parametrize("one", operations(), ids=ids_of)
def test_what_opens_the_debtors_page_opens_nothing_here(one: Served, ours: World, debtors: list[Api]) -> None:
    before = traces(ours)
    assert {ask(debtor, one, ours).status_code for debtor in debtors} == {401}
    assert traces(ours) == before


@pytest.mark.parametrize("one", operations(), ids=ids_of)
def test_a_key_opens_what_its_scopes_say_and_no_more(one: Served, ours: World) -> None:
    resource, access = one.scope.split(":")
    others = sorted({other.scope for other in operations()} - {one.scope, f"{resource}:write"})
    reader, other, owner = program(ours.organization, "read"), program(ours.organization, *others), program(ours.organization, one.scope)
    before = traces(ours)
    refused = [ask(other, one, ours)] + ([ask(reader, one, ours)] if one.writes else [])
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
        assert one.scope in answer.json()["detail"]
    assert traces(ours) == before
    assert access == ("write" if one.writes else "read")
    assert ask(owner, one, ours).status_code not in (401, 403)
    if not one.writes:
        assert ask(reader, one, ours).status_code == 200


@pytest.mark.parametrize("one", WITH_ID, ids=ids_of)
def test_another_organizations_id_is_an_unknown_id(one: Served, ours: World, theirs: World) -> None:
    before = traces(ours), traces(theirs)
    unknown = words(ask(ours.api, one, ours, NOWHERE))
    assert unknown[0] == 404
    assert words(ask(ours.api, one, ours, theirs.ids[one.kind])) == unknown
    assert words(ask(theirs.api, one, theirs, ours.ids[one.kind])) == unknown
    assert (traces(ours), traces(theirs)) == before
    for key in (program(ours.organization, "read"), program(ours.organization, "runs:read" if one.kind != "runs" else "holds:read"), Api()):
        assert words(ask(key, one, ours, theirs.ids[one.kind])) == words(ask(key, one, ours, NOWHERE))


def ids_in(schema: Any, schemas: dict[str, Any], path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a body may hold ids."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("format") == "uuid":
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from ids_in(inner, schemas, (*path, name))
    if "items" in schema:
        yield from ids_in(schema["items"], schemas, (*path, 0))


def with_id(body: Any, path: tuple[str | int, ...], pk: str) -> Any:
    """The body with this id at that place; an example is repeated where a list is empty."""
    if not path:
        return pk
    step, *rest = path
    if isinstance(step, int):
        first = body[0] if body else {}
        return [with_id(first, tuple(rest), pk)]
    return {**(body or {}), step: with_id((body or {}).get(step), tuple(rest), pk)}


PLACES = [
    (one, place)
    for one in WITH_BODY
    for place in ids_in(
        {"$ref": document()["paths"][f"/api/v1{one.path}"][one.method.lower()]["requestBody"]["content"][one.media]["schema"]["$ref"]},
        document()["components"]["schemas"],
    )
]


@pytest.mark.parametrize(("one", "place"), PLACES, ids=lambda value: value.id if isinstance(value, Served) else ".".join(map(str, value)))
def test_another_organizations_id_in_a_body_is_an_unknown_id(one: Served, place: tuple[str | int, ...], ours: World, theirs: World) -> None:
    name = next(str(step) for step in reversed(place) if isinstance(step, str))
    example = {**fitting(one.example, ours), **AROUND.get((one.id, name), {})}
    for other in INSTEAD.get((one.id, name), ()):
        example.pop(other)
    before = traces(ours), traces(theirs)
    answers = []
    for pk in (theirs.ids[KINDS[name]], NOWHERE):
        answer = ours.api(one.method, one.at(ours.ids.get(one.kind, "")), with_id(example, place, pk))
        assert answer.status_code == 422, answer.content
        [fault] = answer.json()["errors"]
        assert fault["code"] == "unknown_id"
        assert fault["field"].split(".")[-1].split("[")[0] == name
        answers.append(answer.content)
    assert answers[0] == answers[1]
    assert (traces(ours), traces(theirs)) == before


@pytest.mark.parametrize("one", [one for one in operations() if one.is_list and not one.has_id], ids=ids_of)
def test_another_organizations_id_finds_nothing(one: Served, ours: World, theirs: World) -> None:
    for name, schema in one.query.items():
        if schema.get("format") == "uuid":
            known = theirs.ids.get(KINDS.get(name, f"{name.removesuffix('_id')}s"), NOWHERE)
            assert words(ours.api.get(f"{one.path}?{name}={known}")) == words(ours.api.get(f"{one.path}?{name}={NOWHERE}")), name
