"""Databases for tests: a clone of the migrated template for each worker, another for each test that commits.

Tests run as the application's role, behind row-level security, like the product. `@pytest.mark.django_db` rolls back. A test
that must commit, use threads or start other processes asks for `committed_database` instead, which is dropped as a whole:
nothing is ever flushed or truncated, because the audit trail refuses it.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from dunning.api.hooks import keepers, mail_keepers
from dunning.local import roles, testing

FLUSHING = {"transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback", "live_server"}
COMMITTING = {"committed_database", "committed_for_module"}
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("django_db")
        names = set(getattr(item, "fixturenames", ()))
        if names & FLUSHING or (mark is not None and mark.kwargs.get("transaction")):
            raise pytest.UsageError(
                f"{item.nodeid}: ask for committed_database (or live_site); flushing tables is refused by the audit trail"
            )
        if names & COMMITTING and (mark is not None or "db" in names):
            raise pytest.UsageError(f"{item.nodeid}: committed_database replaces django_db; a test has one or the other")


def _template() -> str:
    name = os.environ.get(testing.TEMPLATE_VARIABLE)
    if not name:
        pytest.exit("Run the tests with: python3 manage.py test [arguments for pytest]", returncode=4)
    return name


def _point_at(database: str) -> None:
    """Lead both connections, and those other threads will open, to a database of the test server."""
    connections.close_all()
    for alias in ("default", "owner"):
        connections.settings[alias]["NAME"] = database
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):  # for child processes
        os.environ[name] = roles.with_database(os.environ[name], database)


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's hook: instead of migrating a database, clone the one `manage.py test` migrated."""
    template, server = _template(), os.environ["DATABASE_OWNER_URL"]
    with testing.clone(server, template, f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_0") as name:
        _point_at(name)
        yield
        connections.close_all()


@contextmanager
def cloned(template: str = "") -> Iterator[str]:
    """A copy of a database nobody is connected to, by default of the migrated template; dropped at the end."""
    label = f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_numbers)}"
    with testing.clone(os.environ["DATABASE_OWNER_URL"], template or _template(), label) as name:
        yield name


@contextmanager
def leading_to(name: str, blocker: Any) -> Iterator[None]:
    """Both connections lead to this database, in every thread, and commits are real."""
    before = connections.settings["default"]["NAME"]
    with blocker.unblock():
        _point_at(name)
        try:
            yield
        finally:
            keepers.close()
            mail_keepers.close()
            _point_at(before)


@contextmanager
def _committing(blocker: Any) -> Iterator[str]:
    with cloned() as name, leading_to(name, blocker):
        yield name


@pytest.fixture
def committed_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The name of a fresh database of this test's own, where commits are real; both connections lead to it, in every thread."""
    with _committing(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="module")
def committed_for_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The same for all tests of a module, which only read what its fixtures wrote."""
    with _committing(django_db_blocker) as name:
        yield name
