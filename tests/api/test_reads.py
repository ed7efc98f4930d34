"""Reading: every list and every row, the same way everywhere."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dunning.core import clock
from tests.api.conftest import NOW, NOWHERE, Api
from tests.api.served import Served, operations
from tests.api.world import World, inhabit
from tests.scenarios.houses import open_house

ROWS = 3
LISTS = [one for one in operations() if one.is_list]
SHOWN = [one for one in operations() if one.method == "GET" and one.path.count("/") == 2 and one.has_id]


@pytest.fixture(scope="module")
def world(committed_for_module: str) -> Iterator[World]:
    with clock.virtual(NOW):
        yield inhabit(open_house(), times=ROWS)


@pytest.fixture(autouse=True)
def as_often_as_one_likes(settings: Any) -> None:
    """Every field of every row is asked for: a quick machine does it within one window of the rate limit."""
    settings.API_RATE_LIMIT = 1_000_000


def rows_of(api: Api, path: str) -> list[dict[str, Any]]:
    answer = api.get(path)
    assert answer.status_code == 200, (path, answer.content)
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def expansions(one: Served) -> list[str]:
    return list(one.query["expand"]["items"]["enum"]) if "expand" in one.query else []


def usual_value(name: str, schema: dict[str, Any], row: dict[str, Any]) -> str:
    """A value a filter takes: the row's own where it has one of that name."""
    known = row.get(name)
    if isinstance(known, str) and known and schema["type"] == "string":
        return known
    if "enum" in schema:
        return str(schema["enum"][0])
    return {"boolean": "true", "integer": "1"}.get(schema["type"]) or {
        "uuid": NOWHERE,
        "date": "2026-10-09",
        "date-time": "2026-10-09T08:00:00Z",
    }.get(schema.get("format", ""), "FA")


def walk(api: Api, path: str, ordering: str) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = api.get(f"{path}?limit=7&ordering={ordering}{cursor}").json()
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"


def queries(api: Api, path: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert api.get(path).status_code == 200
    return len(seen)


def test_every_list_asks_as_often_for_three_rows_as_for_one(world: World) -> None:
    api = world.api
    for one in LISTS:
        if one.path.count("/") == 1:
            assert len(rows_of(api, one.path)) >= ROWS, one.path
            few, many = (queries(api, f"{one.path}?limit={limit}") for limit in (1, ROWS))
            assert few == many <= 8, one.path
            more = expansions(one)
            if more:  # one question more for each and one for its parts, however many rows
                assert queries(api, f"{one.path}?limit={ROWS}&expand={','.join(more)}") <= many + 2 * len(more), one.path


def test_every_order_shows_every_row_once(world: World) -> None:
    for one in LISTS:
        if one.path.count("/") > 1:
            continue
        whole = {row["id"] for row in rows_of(world.api, f"{one.path}?limit=200")}
        for ordering in one.query["ordering"]["enum"]:
            seen = [row["id"] for row in walk(world.api, one.path, ordering)]
            assert len(seen) == len(set(seen)), (one.path, ordering)
            assert set(seen) == whole, (one.path, ordering)


def test_backwards_is_the_other_way_round(world: World) -> None:
    for one in LISTS:
        if one.path.count("/") == 1:
            for ordering in one.query["ordering"]["enum"]:
                if not ordering.startswith("-"):
                    forth = [row["id"] for row in rows_of(world.api, f"{one.path}?limit=200&ordering={ordering}")]
                    assert [row["id"] for row in rows_of(world.api, f"{one.path}?limit=200&ordering=-{ordering}")] == forth[::-1], (
                        one.path,
                        ordering,
                    )


def test_every_filter_is_answered_and_only_with_what_it_asks_for(world: World) -> None:
    for one in LISTS:
        if one.path.count("/") > 1:
            continue
        row = rows_of(world.api, one.path)[0]
        for name, schema in one.query.items():
            if name in ("cursor", "limit", "ordering", "fields", "expand"):
                continue
            value = usual_value(name, schema, row)
            found = rows_of(world.api, f"{one.path}?{name}={value}")
            if value == row.get(name):
                assert row["id"] in {other["id"] for other in found}, (one.path, name)
                assert {other[name] for other in found} == {value}, (one.path, name)


def test_a_row_is_shown_as_it_is_listed_and_by_the_fields_asked_for(world: World) -> None:
    for one in SHOWN:
        path = one.at(world.ids[one.kind])
        whole = world.api.get(path)
        assert whole.status_code == 200, (path, whole.content)
        listed = next(row for row in rows_of(world.api, f"/{one.kind}?limit=200") if row["id"] == world.ids[one.kind])
        assert listed.items() <= whole.json().items(), path  # alone it may tell more
        for name in one.query["fields"]["items"]["enum"]:
            sparse = world.api.get(f"{path}?fields={name}").json()
            assert set(sparse) == {"id", name}, (path, name)
            assert sparse[name] == whole.json()[name], (path, name)
        for name in expansions(one):
            grown = world.api.get(f"{path}?expand={name}").json()
            assert grown[name] is None or grown[name]["id"] == listed[f"{name}_id"], (path, name)
            assert set(grown) == {*whole.json(), name}, (path, name)
