"""Settings, API keys: who may see them, a key that is shown once, replacing one and revoking one."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dunning.core import clock
from dunning.core.api_keys import NewKey, create_api_key, recognize, revoke_api_key, rotate_api_key
from dunning.core.enums import Role
from dunning.core.models import ApiKey, AuditEvent
from dunning.core.scopes import ALL, READ_ONLY, ApiResource
from dunning.core.tenancy import tenant
from dunning.dashboard.views.api_keys import may_in_words
from tests.api.conftest import Api
from tests.dashboard.conftest import NOW, House, sign_in

ON_ONE = ("api_key", "api_key_rotate", "api_key_revoke")
READER = {"name": "Sage 100", "which": "read", "expires_at": ""}


@pytest.fixture
def new(house: House) -> NewKey:
    return create_api_key(organization=house.organization, name="Sage 100", scopes=["read"], actor="command:create_api_key", now=NOW)


def at(name: str, *arguments: UUID) -> str:
    return reverse(f"dashboard:{name}", args=arguments)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def trail(house: House) -> list[str]:
    with tenant(house.organization):
        return list(AuditEvent.objects.filter(action__startswith="api_key.").values_list("action", flat=True).order_by("sequence"))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SALES, Role.COLLECTOR])
def test_who_does_not_manage_sees_no_key_and_makes_none(house: House, new: NewKey, at_nine: None, role: Role) -> None:
    client = sign_in(house.organization, role, "vera@atelier.example")
    for address in (at("api_keys"), at("api_key_new"), *(at(name, new.key.pk) for name in ON_ONE)):
        assert client.get(address).status_code == 403
        assert Client().get(address).status_code == 302
    assert client.post(at("api_key_new"), READER).status_code == 403
    assert client.post(at("api_key_rotate", new.key.pk), {"days": "7"}).status_code == 403
    assert client.post(at("api_key_revoke", new.key.pk)).status_code == 403
    assert at("api_keys") not in text(client.get(at("settings")))
    assert (ApiKey.objects.count(), trail(house)) == (1, ["api_key.created"])
    assert recognize(new.token, now=NOW).opens


def test_another_organizations_key_is_an_unknown_key(stranger: Client, house: House, new: NewKey) -> None:
    for name in ON_ONE:
        assert stranger.get(at(name, new.key.pk)).status_code == 404
    assert stranger.post(at("api_key_rotate", new.key.pk), {"days": "0"}).status_code == 404
    assert stranger.post(at("api_key_revoke", new.key.pk)).status_code == 404
    assert "Sage 100" not in text(stranger.get(at("api_keys")))
    assert ApiKey.objects.count() == 1 and recognize(new.token, now=NOW).opens


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_a_key_is_made_and_shown_in_that_answer_alone(house: House, at_nine: None, role: Role) -> None:
    client = sign_in(house.organization, role, "marc@atelier.example")
    assert at("api_keys") in text(client.get(at("settings")))
    given = {"name": "  Sage   100 ", "which": "some", "scopes": ["invoices:write", "customers:read"], "expires_at": "2026-12-31"}
    answer = client.post(at("api_key_new"), given)
    token = answer.context["token"]
    assert answer.status_code == 200 and token in text(answer)
    assert answer["Cache-Control"] == "no-store"
    assert "Customers, contacts and groups (reads) · Invoices and credit notes (reads and changes)" in text(answer)
    key = ApiKey.objects.get()
    assert (key.name, key.scopes) == ("Sage 100", ["customers:read", "invoices:write"])
    assert key.expires_at is not None and key.expires_at.isoformat() == "2026-12-31T22:59:59.999999+00:00"  # the day in Paris
    assert Api(token).get("/customers").status_code == 200
    assert Api(token).get("/payments").status_code == 403
    for address in (at("api_keys"), *(at(name, key.pk) for name in ON_ONE)):
        page = text(client.get(address))
        assert token not in page and "Sage 100" in page
    assert "Claire Petit" in text(client.get(at("api_key", key.pk)))
    assert trail(house) == ["api_key.created"]


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": "   "}, "name", "This field is required."),
        ({"name": "x" * 81}, "name", "at most 80 characters"),
        ({"which": ""}, "which", "This field is required."),
        ({"which": "some"}, "scopes", "Tick at least one box."),
        ({"which": "some", "scopes": ["reports:write"]}, "scopes", "not one of the available choices"),
        ({"expires_at": "2026-10-08"}, "expires_at", "opens nothing: choose a later day."),
        ({"expires_at": "31/12/2026"}, "expires_at", "Enter a valid date."),
    ],
)
def test_what_cannot_be_made_is_said_on_the_form(owner: Client, house: House, changes: dict[str, Any], field: str, sentence: str) -> None:
    answer = owner.post(at("api_key_new"), {**READER, **changes})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert sentence in str(answer.context["form"].errors[field]) and sentence in text(answer)
    assert (ApiKey.objects.count(), trail(house)) == (0, [])


def test_the_form_offers_every_scope_once_each_under_its_name(owner: Client, house: House) -> None:
    answer = owner.get(at("api_key_new"))
    page = text(answer)
    assert [page.count(f'value="{scope}"') for scope in ALL] == [1] * len(ALL)
    rows = answer.context["form"].rows()
    assert [row.label for row in rows] == [str(resource.label) for resource in ApiResource]
    assert [row.write is None for row in rows] == [resource in READ_ONLY for resource in ApiResource]
    kept = owner.post(at("api_key_new"), {**READER, "which": "some", "scopes": ["disputes:write"], "name": ""})
    assert text(kept).count("checked") == 2  # what was chosen and what was ticked are still there


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        (list(ALL), "reads and changes everything"),
        ([scope for scope in ALL if scope.endswith(":read")], "reads everything"),
        (["payments:write"], "Payments and what they settle (reads and changes)"),
        (["payments:read", "holds:write"], "Payments and what they settle (reads) · Pauses (reads and changes)"),
        (["payments:read", "holds:read", "disputes:read"], "reads 3 kinds of data"),
        (["payments:read", "holds:write", "disputes:read"], "reads 3 kinds of data and changes one"),
        (["payments:read", "holds:write", "disputes:write"], "reads 3 kinds of data and changes 2 of them"),
        (["payments:write", "holds:write", "disputes:write"], "reads and changes 3 kinds of data"),
    ],
)
def test_what_a_key_may_do_is_said_in_one_phrase(scopes: list[str], words: str) -> None:
    assert may_in_words(scopes) == words


@pytest.mark.parametrize(("days", "told"), [("7", "opens until 16 October 2026, 11:05"), ("0", "opens nothing any more")])
def test_a_key_is_replaced_and_the_old_one_goes_on_for_the_time_chosen(
    owner: Client, house: House, new: NewKey, days: str, told: str
) -> None:
    answer = owner.post(at("api_key_rotate", new.key.pk), {"days": days})
    fresh = answer.context["token"]
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    assert f"The old key {told}" in text(answer)
    later = NOW + timedelta(minutes=1)
    assert (recognize(new.token, now=later).opens, recognize(fresh, now=later).opens) == (days != "0", True)
    over = NOW + timedelta(days=int(days), seconds=1)
    assert (recognize(new.token, now=over).opens, recognize(fresh, now=over).opens) == (False, True)
    shown = text(owner.get(at("api_key", new.key.pk)))
    assert ("Another key has taken its place" in shown) == (days != "0")
    assert at("api_key_rotate", new.key.pk) not in shown
    again = owner.post(at("api_key_rotate", new.key.pk), {"days": "7"})
    assert again.status_code == 422 and ("rotated already" if days != "0" else "does not open any more") in text(again)
    assert (ApiKey.objects.count(), trail(house)) == (2, ["api_key.created", "api_key.rotated"])


def test_a_key_is_revoked_and_says_by_whom(owner: Client, house: House, new: NewKey) -> None:
    assert Api(new.token).get("/groups").status_code == 200
    assert "It was last used on 9 October 2026 at 11:05." in text(owner.get(at("api_key_revoke", new.key.pk)))
    assert owner.post(at("api_key_revoke", new.key.pk))["Location"] == at("api_key", new.key.pk)
    assert Api(new.token).get("/groups").status_code == 401
    page = text(owner.get(at("api_key", new.key.pk)))
    assert "the command line" in page and "Claire Petit" in page
    assert at("api_key_revoke", new.key.pk) not in page
    listed = owner.get(at("api_keys"))
    assert [line.key.pk for line in listed.context["closed"]] == [new.key.pk] and listed.context["lines"] == []
    assert "No program has a key" in text(listed)
    assert trail(house) == ["api_key.created", "api_key.revoked"]


def test_a_key_says_when_it_was_used_and_until_when_it_opens(owner: Client, house: House, new: NewKey) -> None:
    assert "not used yet" in text(owner.get(at("api_keys")))
    Api(new.token).get("/groups")
    with clock.virtual(NOW + timedelta(days=1)):
        rotate_api_key(key=new.key, actor=f"api:{new.key.pk}", now=clock.now())
        page = text(owner.get(at("api_keys")))
    assert "9 Oct 26 11:05" in page and "17 Oct 26" in page and "Being replaced" in page
    assert "Sage 100 (API key)" in page  # who made the other one
    with clock.virtual(NOW + timedelta(days=9)):
        assert "Expired" in text(owner.get(at("api_key", new.key.pk)))


def test_a_longer_list_asks_the_database_no_more(owner: Client, house: House, new: NewKey) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(at("api_keys")).status_code == 200
        return len(queries)

    asked()
    few = asked()
    for number in range(3):
        made = create_api_key(organization=house.organization, name=f"Key {number}", scopes=["write"], actor="system", now=NOW)
        if number:
            revoke_api_key(key=made.key, actor="system", now=NOW)
    assert asked() == few
