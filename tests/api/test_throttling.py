"""How often a program may call: it is told how it stands, and when to come back; one that is too quick shuts the door for nobody else."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from customers.models import Customer
from dunning.api import throttling
from dunning.api.throttling import STRANGERS, WINDOW, Counter
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from tests.api.conftest import NOW, Api, program
from tests.scenarios.houses import open_house
from tests.servers import free_port

LIMIT = 5


@pytest.fixture(autouse=True)
def counting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Few calls are allowed, nobody has called, and the cache has time to answer on a machine that is busy with other tests."""
    settings.API_RATE_LIMIT = LIMIT * 60 // WINDOW
    monkeypatch.setattr(throttling, "_PATIENCE", 20.0)
    own = Counter()
    monkeypatch.setattr(throttling, "counter", own)
    own.count("nobody", 0)
    own.forget()
    return own


@pytest.fixture
def early(at_nine: None, counting: Counter) -> Iterator[Any]:
    """Three seconds of a window are over, and no time passes unless the test moves it."""
    with time_machine.travel(NOW + timedelta(seconds=3), tick=False) as clock:
        yield clock


@pytest.fixture
def alone(settings: Any, monkeypatch: pytest.MonkeyPatch, counting: Counter) -> Counter:
    """A process whose cache is away: nobody listens there."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{free_port()}/1"}}
    own = Counter()
    monkeypatch.setattr(throttling, "counter", own)
    return own


def standing(answer: Any) -> tuple[str, int, int]:
    """(policy, calls that are left, seconds until the next window) of an answer."""
    left, resets = answer["RateLimit"].removeprefix('"key";r=').split(";t=")
    return answer["RateLimit-Policy"], int(left), int(resets)


def refused(answer: Any) -> None:
    """Too many calls: told how many may be made, and when to come back."""
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (429, "application/problem+json", "too_many_calls")
    _policy, left, resets = standing(answer)
    assert (left, resets, answer["Retry-After"]) == (0, 7, "7")
    assert f"{WINDOW} seconds" in answer.json()["detail"]


def test_every_answer_says_how_its_key_stands(early: Any, api: Api) -> None:
    answers = [
        api.get("/groups"),
        api.get("/groups?limit=0"),  # unreadable
        api.post("/groups", {"key": "a", "name": "A"}),
        api.get("/nowhere"),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 201, 404]
    for used, answer in enumerate(answers, start=1):
        assert standing(answer) == (f'"key";q={LIMIT};w={WINDOW}', LIMIT - used, 7)


def test_a_key_that_calls_too_often_is_refused_until_the_next_window(early: Any, api: Api, house: Organization) -> None:
    assert [api.get("/groups").status_code for _ in range(LIMIT)] == [200] * LIMIT
    for _ in range(3):
        refused(api.get("/groups"))
    late = api.post("/customers", {"number": "C1", "name": "Durand"})
    refused(late)
    assert late.json()["detail"].endswith("Nothing was changed.")
    with tenant(house):
        assert not Customer.objects.exists()
    early.shift(6)
    assert api.get("/groups").status_code == 429
    early.shift(1)
    assert standing(api.get("/groups"))[1] == LIMIT - 1


def test_keys_are_counted_apart(early: Any, api: Api, house: Organization) -> None:
    other, stranger = program(house), program(open_house())
    for _ in range(LIMIT):
        api.get("/groups")
    refused(api.get("/groups"))
    assert [standing(one.get("/groups"))[1] for one in (other, stranger)] == [LIMIT - 1, LIMIT - 1]


def test_strangers_are_counted_by_address_and_keys_that_open_are_not(early: Any, api: Api) -> None:
    stranger, neighbour = Api("rk_live_nothing"), Api()
    neighbour.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    assert {stranger.get("/groups").status_code for _ in range(STRANGERS)} == {401}
    refused(stranger.get("/groups"))
    refused(stranger.post("/customers", {"number": "C1", "name": "Durand"}))
    assert neighbour.get("/groups").status_code == 401
    assert api.get("/groups").status_code == 200  # from the very address


def test_behind_a_proxy_strangers_are_counted_by_the_address_it_saw(early: Any, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    stranger, neighbour = Api("rk_live_nothing"), Api()
    for one, seen in ((stranger, "203.0.113.7:51234"), (neighbour, "198.51.100.2")):
        one.client.defaults["HTTP_X_FORWARDED_FOR"] = f"192.0.2.99, {seen}"
    assert {stranger.get("/groups").status_code for _ in range(STRANGERS)} == {401}
    refused(stranger.get("/groups"))
    assert neighbour.get("/groups").status_code == 401


def test_all_processes_count_together(early: Any, api: Api) -> None:
    """What another process counted is counted here: the count is the cache's."""
    at = time.time()
    key_id = api.token.removeprefix("rk_live_").split("_")[0]
    for _ in range(LIMIT - 1):
        Counter().count(f"key:{key_id}", at)
    assert api.get("/groups").status_code == 200
    refused(api.get("/groups"))


def test_without_the_cache_a_process_counts_alone_and_still_refuses(early: Any, api: Api, alone: Counter) -> None:
    answers = [api.get("/groups") for _ in range(LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [200] * LIMIT + [429]
    assert [standing(answer)[1] for answer in answers] == [4, 3, 2, 1, 0, 0]
    refused(answers[-1])
    assert alone._away_until > time.monotonic() - throttling._CACHE_AWAY  # it is left alone for a while, not asked at each call
    assert standing(program(open_house()).get("/groups"))[1] == LIMIT - 1


def test_a_process_alone_remembers_so_many_names_and_no_more(alone: Counter) -> None:
    for number in range(throttling._REMEMBERED + 50):
        alone.count(f"key:{number}", 0)
    assert len(alone._own) == throttling._REMEMBERED
    assert alone.count("key:0", 0) == 1  # the oldest were let go
