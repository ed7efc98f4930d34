"""The document and the program, one against the other: calls made from the document by schemathesis, good and bad, and every answer held
against what the document promises.

The calls are the same in each run. A long run is asked for by the number of calls an operation gets at random; they are others each time,
and with them come the edges of every value, and stories of calls that use what the calls before them gave:

    CONTRACT_EXAMPLES=100 python3 manage.py test tests/api/test_contract.py
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import strategies
from schemathesis import Case, Response
from schemathesis.specs.openapi.checks import negative_data_rejection

from dunning.api.schema import document
from dunning.api.throttling import counter
from dunning.core import clock
from tests.api.conftest import NOW
from tests.api.world import KINDS, World, inhabit
from tests.scenarios.houses import open_house
from tests.scenarios.road import pdf

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "0"))
RULES = ["2xx", "404", "409", "412", "422"]
"""What a call that is written as the document says may meet: an id that leads nowhere, and the rules of the trade."""
REFUSALS = ["400", "404", "405", "409", "411", "412", "413", "415", "422"]

schemathesis.openapi.media_type("application/pdf", strategies.sampled_from([pdf(), b"%PDF-", b"MZ", b"\x00"]))
contract = schemathesis.openapi.from_dict(
    document(),
    config=schemathesis.Config.from_dict(
        {
            "base-url": "http://127.0.0.1",
            "generation": {
                "max-examples": EXAMPLES or 10,
                "deterministic": not EXAMPLES,
                "database": "none",
                "no-shrink": not EXAMPLES,
                "with-security-parameters": False,
            },
            "phases": {"coverage": {"enabled": bool(EXAMPLES)}},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": RULES},
                "negative_data_rejection": {"expected-statuses": REFUSALS},
            },
        }
    ),
)


def application(environ: Any, start_response: Any) -> Any:
    """The product; its module looks at the database, which there is only in a test."""
    from dunning import wsgi

    return wsgi.application(environ, start_response)


contract.app = application


@pytest.fixture(scope="module")
def world(committed_for_module: str) -> Iterator[World]:
    from dunning import wsgi  # noqa: F401  it closes the connection, which the calls need open

    with clock.virtual(NOW):
        yield inhabit(open_house())


@contract.parametrize()
def test_an_operation_answers_as_its_document_says(case: Case, world: World) -> None:
    if "id" in case.path_parameters:
        kind = case.path.removeprefix("/api/v1/").split("/")[0]
        case.path_parameters["id"] = known(case.path_parameters["id"], kind, world)
    settle(case, world)
    with undone():
        case.call_and_validate(headers=headers_of(world), excluded_checks=told_by_row(case))


@pytest.mark.skipif(not EXAMPLES, reason="a story takes as long as all the rest: ask for it with CONTRACT_EXAMPLES")
def test_calls_may_use_what_calls_before_them_gave(world: World) -> None:
    class Story(contract.as_state_machine()):  # type: ignore[misc]  # made at run time
        def setup(self) -> None:
            self.undone = undone()
            self.undone.__enter__()

        def teardown(self) -> None:
            self.undone.__exit__(None, None, None)

        def before_call(self, case: Case) -> None:
            settle(case, world)

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"headers": headers_of(world)}

        def validate_response(self, response: Response, case: Case, **sent: Any) -> None:
            case.validate_response(
                response,
                headers=sent["headers"],
                excluded_checks=told_by_row(case),
                transport_kwargs=sent,
                recorder=self.recorder,
            )

    Story.run(settings=hypothesis.settings(max_examples=EXAMPLES, stateful_step_count=10, deadline=None, database=None))


def told_by_row(case: Case) -> list[Any]:
    """What is wrong with one of many rows refuses that row, not the call."""
    return [negative_data_rejection] if case.path.endswith("/bulk") else []


def headers_of(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.api.token}"}


@contextmanager
def undone() -> Iterator[None]:
    """Whatever a call does is taken back - on this connection, which stays open for it - and nobody has called before."""
    counter.forget()
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def settle(case: Case, world: World) -> None:
    """Have most ids of its body lead to something of this world; one of four stays an id nobody has."""
    if case.meta is None or case.meta.generation.mode.is_positive:
        case.query.pop("cursor", None)  # it is written as a text, and only what a page gave is one
    if isinstance(case.body, (dict, list)):
        case.body = at_home(case.body, world)


def at_home(value: Any, world: World, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: at_home(inner, world, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [at_home(inner, world, name) for inner in value]
    return known(value, KINDS[name], world) if name in KINDS else value


def known(value: Any, kind: str, world: World) -> Any:
    try:
        chosen = UUID(value)
    except (ValueError, TypeError, AttributeError):
        return value  # a bad one stays bad
    return value if chosen.int % 4 == 0 else world.ids[kind]
