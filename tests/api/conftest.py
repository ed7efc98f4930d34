"""Organizations with keys of every kind, and a client that speaks JSON."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from dunning.api.throttling import counter
from dunning.core import clock
from dunning.core.api_keys import create_api_key
from dunning.core.models import Organization
from tests.notifications.conftest import document_store as document_store  # a fixture
from tests.scenarios.houses import open_house

NOW = datetime(2026, 10, 9, 9, 5, tzinfo=UTC)
ACTOR = "user:0199aaaa-0000-7000-8000-000000000001"
NOWHERE = "0199aaaa-0000-7000-8000-00000000dead"


class Api:
    """A program with a key."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call below /api/v1; `body` is sent as JSON. Headers are written with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("authorization", f"Bearer {self.token}")
        content = {} if body is None else {"data": body if isinstance(body, (bytes, str)) else json.dumps(body)}
        kind = sent.pop("content-type", "application/json")
        return self.client.generic(method, f"/api/v1{path}", content_type=kind, headers=sent, **content)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self("PATCH", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self("DELETE", path, **headers)


def program(organization: Organization, *scopes: str, **key: Any) -> Api:
    """A program of the organization's; it may do everything unless scopes are named."""
    new = create_api_key(organization=organization, name="ERP", scopes=scopes or ("write",), actor=ACTOR, now=NOW, **key)
    return Api(new.token)


@pytest.fixture
def at_nine() -> Iterator[None]:
    """It is the 9th of October 2026, nine o'clock, and nobody has called yet."""
    with clock.virtual(NOW):
        counter.forget()
        yield


@pytest.fixture
def house(db: None, at_nine: None) -> Organization:
    return open_house()


@pytest.fixture
def api(house: Organization) -> Api:
    return program(house)
