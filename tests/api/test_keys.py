"""Keys: made once and shown once, recognized, rotated, revoked; whoever does not hold one is told nothing."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dunning.core import clock
from dunning.core.api_keys import (
    KeyState,
    create_api_key,
    get_api_key,
    list_api_keys,
    recognize,
    revoke_api_key,
    rotate_api_key,
    state_of,
)
from dunning.core.errors import DomainError
from dunning.core.models import ApiKey, AuditEvent, Organization
from dunning.core.scopes import ALL, allows, clean_scopes
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_api_token, read_api_token
from tests.api.conftest import ACTOR, NOW, Api, program
from tests.factories import make_organization


def test_a_token_tells_its_key_and_whether_it_was_mistyped() -> None:
    token = new_api_token()
    assert re.fullmatch(r"rk_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", token.text)
    assert read_api_token(token.text) == token
    for position in range(len("rk_live_"), len(token.text)):
        other = "x" if token.text[position] != "x" else "y"
        assert read_api_token(token.text[:position] + other + token.text[position + 1 :]) is None
    assert [read_api_token(text) for text in ("", token.text[:-1], f" {token.text}", f"{token.text}\n", "rk_live_é")] == [None] * 5


def test_only_a_hash_of_it_is_kept(house: Organization) -> None:
    new = create_api_key(organization=house, name="  Sage   100 ", scopes=["customers:write"], actor=ACTOR, now=NOW)
    row = ApiKey.objects.filter(pk=new.key.pk).values().get()
    secret = new.token.rpartition("_")[2]
    assert (row["name"], row["scopes"], row["token_hash"]) == ("Sage 100", ["customers:write"], read_api_token(new.token).sha256)  # type: ignore[union-attr]
    assert not any(secret in str(value) for value in row.values())
    with tenant(house):
        [event] = AuditEvent.objects.filter(action="api_key.created")
        assert secret not in str(event.body) and event.body["key_id"] == new.key.key_id


@pytest.mark.parametrize(
    ("words", "scopes"),
    [
        (["read"], [scope for scope in ALL if scope.endswith(":read")]),
        (["write"], list(ALL)),
        (["payments:write", "customers:read", "payments:write"], ["customers:read", "payments:write"]),
    ],
)
def test_scopes_are_words(words: list[str], scopes: list[str]) -> None:
    assert clean_scopes(words) == scopes


@pytest.mark.parametrize("words", [[], [""], ["customers"], ["reports:write"], ["customers:delete"], ["*"]])
def test_what_is_no_scope_is_refused_by_name(words: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        clean_scopes(words)
    assert refused.value.field == "scopes"
    assert "".join(words) in refused.value.message


def test_who_may_write_may_read() -> None:
    assert allows(["customers:write"], "customers", "read") and allows(["customers:read"], "customers", "read")
    assert not allows(["customers:read"], "customers", "write") and not allows(["customers:write"], "invoices", "read")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"name": " "}, "name"), ({"scopes": ["all"]}, "scopes"), ({"expires_at": NOW}, "expires_at")],
)
def test_a_key_that_cannot_be_is_refused_and_nothing_is_made(house: Organization, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        create_api_key(**{"organization": house, "name": "ERP", "scopes": ["read"], "actor": ACTOR, "now": NOW, **changes})
    assert (refused.value.field, ApiKey.objects.count()) == (field, 0)


def test_a_rotated_key_opens_for_a_week_beside_its_successor(house: Organization) -> None:
    old = create_api_key(organization=house, name="ERP", scopes=["read"], actor=ACTOR, now=NOW)
    new = rotate_api_key(key=old.key, actor=ACTOR, now=NOW)
    assert new.token != old.token and new.key.scopes == ["customers:read" if s == "customers:read" else s for s in old.key.scopes]
    assert [recognize(one.token, now=NOW).state for one in (old, new)] == [KeyState.CHANGING_OVER, KeyState.ACTIVE]
    later = NOW + timedelta(days=7)
    assert [recognize(one.token, now=later).state for one in (old, new)] == [KeyState.EXPIRED, KeyState.ACTIVE]
    with pytest.raises(DomainError, match="rotated already"):
        rotate_api_key(key=old.key, actor=ACTOR, now=NOW)  # two at most
    assert ApiKey.objects.count() == 2


def test_rotating_never_makes_a_key_last_longer(house: Organization) -> None:
    end = NOW + timedelta(days=2)
    old = create_api_key(organization=house, name="ERP", scopes=["read"], expires_at=end, actor=ACTOR, now=NOW)
    new = rotate_api_key(key=old.key, actor=ACTOR, now=NOW)
    assert {key.expires_at for key in list_api_keys(house)} == {end} and new.key.expires_at == end


def test_a_revoked_key_opens_nothing_and_cannot_be_rotated(house: Organization) -> None:
    new = create_api_key(organization=house, name="ERP", scopes=["read"], actor=ACTOR, now=NOW)
    revoke_api_key(key=new.key, actor=ACTOR, now=NOW)
    revoke_api_key(key=new.key, actor="user:other", now=NOW + timedelta(days=1))
    key = get_api_key(house, new.key.pk)
    assert (state_of(key, NOW), key.revoked_at, key.revoked_by) == (KeyState.REVOKED, NOW, ACTOR)
    with pytest.raises(DomainError, match="does not open any more"):
        rotate_api_key(key=key, actor=ACTOR, now=NOW)
    with tenant(house):
        assert list(AuditEvent.objects.filter(action__startswith="api_key").values_list("action", flat=True).order_by("sequence")) == [
            "api_key.created",
            "api_key.revoked",
        ]


def test_another_organization_s_key_does_not_exist_here(house: Organization) -> None:
    foreign = create_api_key(organization=make_organization(), name="ERP", scopes=["read"], actor=ACTOR, now=NOW)
    with pytest.raises(ApiKey.DoesNotExist):
        get_api_key(house, foreign.key.pk)


# --- at the door ---------------------------------------------------------------------------------------------------------------------


def told(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_without_a_key_that_opens_nothing_is_told(house: Organization, api: Api) -> None:
    wrong = new_api_token().text  # well made, nobody's
    other_secret = api.token.rpartition("_")[0] + "_" + wrong.rpartition("_")[2]
    answers = {
        "none": Api().get("/customers"),
        "basic": Api().get("/customers", authorization="Basic YTpi"),
        "empty": Api().get("/customers", authorization="Bearer "),
        "mistyped": Api(api.token[:-1] + ("a" if api.token[-1] != "a" else "b")).get("/customers"),
        "unknown": Api(wrong).get("/customers"),
        "other secret": Api(other_secret).get("/customers"),
    }
    assert {name: told(answer) for name, answer in answers.items()} == {
        "none": (401, "no_key"),
        "basic": (401, "no_key"),
        "empty": (401, "no_key"),
        "mistyped": (401, "unknown_key"),
        "unknown": (401, "unknown_key"),
        "other secret": (401, "unknown_key"),
    }
    assert answers["unknown"].content == answers["other secret"].content
    assert all(answer["WWW-Authenticate"] == 'Bearer realm="api"' for answer in answers.values())
    assert told(Api().get("/nowhere")) == (401, "no_key")  # what exists is told to nobody


def test_who_holds_the_secret_learns_why_it_does_not_open(house: Organization) -> None:
    expiring = program(house, expires_at=NOW + timedelta(hours=1))
    revoked = program(house)
    revoke_api_key(key=recognize(revoked.token, now=NOW).key, actor=ACTOR, now=NOW)  # type: ignore[arg-type]
    assert expiring.get("/customers").status_code == 200
    assert told(revoked.get("/customers")) == (401, "revoked_key")
    with clock.virtual(NOW + timedelta(hours=2)):
        assert told(expiring.get("/customers")) == (401, "expired_key")


def test_a_key_without_the_scope_is_told_which(house: Organization) -> None:
    reader = program(house, "customers:read")
    assert reader.get("/customers").status_code == 200
    answer = reader.post("/customers", {"number": "C1", "name": "Durand"})
    assert told(answer) == (403, "missing_scope") and "customers:write" in answer.json()["detail"]
    assert told(program(house, "payments:write").get("/customers")) == (403, "missing_scope")


def test_its_use_is_noted_to_the_minute(house: Organization, api: Api, django_assert_num_queries: Any) -> None:
    api.get("/groups")
    key = recognize(api.token, now=NOW).key
    assert key is not None and key.last_used_at == NOW
    with django_assert_num_queries(6):  # key, savepoint, organization, list, organization, release: nothing is written
        api.get("/groups")
    with clock.virtual(NOW + timedelta(minutes=1)):
        api.get("/groups")
        assert recognize(api.token, now=NOW).key.last_used_at == NOW + timedelta(minutes=1)  # type: ignore[union-attr]


def test_a_browser_s_session_opens_nothing_and_stands_in_no_way(house: Organization, api: Api) -> None:
    from tests.dashboard.conftest import sign_in

    other = make_organization()
    api.client = sign_in(other)
    assert Api.get(Api(), "/groups").status_code == 401
    assert api.get("/groups").status_code == 200
    assert api.client.get("/api/v1/groups").status_code == 401


# --- the command ---------------------------------------------------------------------------------------------------------------------


def test_the_command_prints_a_key_that_opens(house: Organization) -> None:
    out, err = StringIO(), StringIO()
    words = ["customers:read", "payments:write,invoices:write"]
    call_command("create_api_key", organization=house.slug, name="ERP", scopes=words, expires="2026-12-31", stdout=out, stderr=err)
    token = out.getvalue().strip()
    assert "cannot be shown again" in err.getvalue()
    shown = recognize(token, now=NOW)
    assert shown.opens and shown.key is not None and shown.key.scopes == ["customers:read", "invoices:write", "payments:write"]
    assert shown.key.expires_at is not None and shown.key.expires_at.isoformat() == "2026-12-31T22:59:59.999999+00:00"  # the day in Paris
    assert Api(token).get("/customers").status_code == 200


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"organization": "nobody"}, "There is no organization “nobody”"),
        ({"scopes": ["all"]}, "“all” is not a scope"),
        ({"expires": "31/12/2026"}, "is not a date"),
        ({"expires": "2026-02-30"}, "is not a date"),
        ({"expires": "2026-10-08"}, "opens nothing"),
        ({"expires": "9999-12-31"}, "is the year right"),
        ({"expires": ""}, "not a date"),
        ({"name": ""}, "Give the key a name"),
    ],
)
def test_the_command_refuses_in_one_sentence(house: Organization, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("create_api_key", **{"organization": house.slug, "name": "ERP", "scopes": ["read"], **changes})
    assert ApiKey.objects.count() == 0
