"""Every address of the dashboard, by every method, for every role, a stranger and a visitor, against one table; no button leads astray."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, resolve

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import AuditEvent
from dunning.core.permissions import ALLOWED, Permission
from dunning.core.tenancy import tenant
from tests.api.conftest import NOW
from tests.api.world import World
from tests.dashboard.conftest import sign_in
from tests.dashboard.permission_table import DOORS, Door
from tests.dashboard.permission_world import ROLES, address, furnish, patterns, staff, typed
from tests.scenarios.houses import open_house

PATTERNS = patterns()
REFUSAL = "Your role in this organization does not include this page or this act. Nothing was changed."
OPENS = {200, 204, 302, 400, 422}  # a page, a file or a sentence about what was sent
READERS = ("sales", "viewer", "collector")
LEAST = ("sales", "viewer", "collector", "admin", "owner")  # who may the least comes first


class Town(NamedTuple):
    """A furnished organization, its people, and those who are none of them."""

    world: World
    people: dict[str, Client]
    stranger: Client
    visitor: Client


@pytest.fixture(scope="module")
def town(committed_for_module: str) -> Iterator[Town]:
    with clock.virtual(NOW):
        house = open_house()
        people = staff(house)
        stranger = sign_in(open_house(), email="stranger@elsewhere.example")
        yield Town(furnish(house, people["owner"]), people, stranger, Client(headers={"accept-language": "en"}))


@pytest.fixture(autouse=True)
def undone(town: Town) -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(town: Town, door: Door, client: Client, method: str, *, nowhere: bool = False) -> Any:
    """Knock, or (`nowhere`) ask for something that does not exist; whatever it does is taken back."""
    role = next((role for role, own in town.people.items() if own is client), "owner")
    ids = town.world.ids | {"notices": town.world.ids[f"notices of {role}"]}
    place = address(PATTERNS[door.name], ids, nowhere=nowhere)
    with transaction.atomic():
        answer = client.get(place) if method == "GET" else client.post(place, typed(door.name, town.world))
        transaction.set_rollback(True)
    return answer


def may(role: str, permission: str) -> bool:
    return permission == "anybody" or Permission(permission) in ALLOWED[role]


def names_a_record(door: Door) -> bool:
    return "<uuid:" in str(PATTERNS[door.name].pattern)


def is_paper(door: Door) -> bool:
    """Whether it is a PDF, which is slow to make and offers nothing."""
    return door.name.endswith("_paper")


def traces(town: Town) -> int:
    with tenant(town.world.organization):
        return AuditEvent.objects.count()


def test_every_address_is_in_the_table_and_every_line_is_an_address() -> None:
    assert set(DOORS) == set(PATTERNS)


def test_the_table_says_what_the_roles_are_for() -> None:
    assert ALLOWED[Role.OWNER] == ALLOWED[Role.ADMIN] == set(Permission)  # so that one of them stands for both below
    assert {role: len(ALLOWED[role]) for role in LEAST} == {"sales": 2, "viewer": 2, "collector": 5, "admin": 8, "owner": 8}


@pytest.mark.parametrize("door", DOORS.values(), ids=lambda door: door.name)
def test_a_door_opens_to_whom_the_table_says_and_to_nobody_else(door: Door, town: Town) -> None:
    for method, permission in (("GET", door.see), ("POST", door.act)):
        if not permission:
            assert ask(town, door, town.people["owner"], method).status_code == 405
            continue
        before = traces(town)
        for role in ROLES:
            if not may(role, permission):
                answer = ask(town, door, town.people[role], method)
                assert (method, role, answer.status_code) == (method, role, 403)
                assert REFUSAL in answer.content.decode()
        if permission == "anybody":
            assert ask(town, door, town.visitor, method).status_code in OPENS
            continue
        answer = ask(town, door, town.visitor, method)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")
        if names_a_record(door):
            assert (method, ask(town, door, town.stranger, method).status_code) == (method, 404)
        assert traces(town) == before
        least, *others = [role for role in LEAST if may(role, permission)]
        if is_paper(door):
            others.append(least)
        elif method == "POST" or least not in READERS:  # readers look at every page below
            answer = ask(town, door, town.people[least], method)
            assert answer.status_code in OPENS, (method, least, answer.status_code)
        if names_a_record(door):  # who may gets to be told that there is none
            for role in others:
                assert (method, role, ask(town, door, town.people[role], method, nowhere=True).status_code) == (method, role, 404)


# --- what a page offers -----------------------------------------------------------------------------------------------------------------


class Offers(HTMLParser):
    """What can be followed and what can be sent on a page: `(address, "GET" or "POST")`."""

    def __init__(self, page: str, place: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.place, self.form = place, (place, "GET")
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.form = (given.get("action") or self.place, (given.get("method") or "get").upper())
        if tag == "button" and given.get("type") != "button":
            self._offer(given.get("formaction") or self.form[0], "POST" if given.get("form") else self.form[1])
        if tag == "a" and given.get("href"):
            self._offer(given["href"], "GET")
        for name in ("get", "post"):
            if given.get(f"hx-{name}"):
                self._offer(given[f"hx-{name}"], name.upper())

    def _offer(self, place: str | None, method: str) -> None:
        path = (place or "").partition("#")[0].partition("?")[0]
        if path.startswith("/") and method != "DIALOG":
            self.found.add((path, method))


def astray(role: str, page: str, place: str) -> list[str]:
    """What a page offers to a role that the table refuses it."""
    found = []
    for path, method in sorted(Offers(page, place).found):
        try:
            match = resolve(path)
        except Resolver404:
            continue
        door = DOORS.get(str(match.url_name)) if match.app_names == ["dashboard"] else None
        if door is not None:
            permission = door.see if method == "GET" else door.act
            if not permission or not may(role, permission):
                found.append(f"{method} {door.name}")
    return found


@pytest.mark.parametrize("role", READERS)
def test_no_page_offers_what_its_reader_may_not_do(role: str, town: Town) -> None:
    strays = {}
    for door in DOORS.values():
        if door.see and may(role, door.see) and not is_paper(door):
            answer = ask(town, door, town.people[role], "GET")
            assert answer.status_code in OPENS, (door.name, role)
            if answer["Content-Type"].startswith("text/html"):
                strays[door.name] = astray(role, answer.content.decode(), answer.wsgi_request.path)
    assert strays["today"] == [] and {name: found for name, found in strays.items() if found} == {}
