"""The wall around tests and the product alike: which role works, and that committing tests leave nothing behind."""

import importlib.util
import threading

import pytest
from django.core.checks import run_checks
from django.db import ProgrammingError, connection, connections, transaction

from dunning.core import checks
from dunning.core.models import Organization


@pytest.mark.django_db
def test_the_suite_runs_as_the_applications_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("dunning_app", False, False, False, False)
        cursor.execute("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = 'dunning_app'")
        assert cursor.fetchone() == (0,)
    assert checks.database_role() == []
    assert [problem for problem in run_checks() if problem.id and problem.id.startswith("core.")] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["TRUNCATE core_organization CASCADE", "ALTER TABLE core_organization ADD x int", "CREATE TABLE mine (x int)"]
)
def test_the_application_may_not_empty_or_change_tables(statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_check_refuses_the_owner(committed_database: str) -> None:
    default = connections.settings["default"]
    before = {key: default[key] for key in ("USER", "PASSWORD")}
    connections["default"].close()
    default.update({key: connections.settings["owner"][key] for key in before})
    try:
        problems = checks.database_role()
    finally:
        connections["default"].close()
        default.update(before)
    assert [problem.msg for problem in problems] == [
        "The database role dunning_owner of DATABASE_URL owns tables: row-level security would not separate organizations."
    ]
    assert checks.database_role() == []


def test_other_threads_see_what_a_committing_test_wrote(committed_database: str) -> None:
    Organization.objects.create(slug="atelier", name="Atelier")
    seen: list[str] = []

    def look() -> None:
        seen.extend(Organization.objects.values_list("slug", flat=True))
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == ["atelier"]


@pytest.mark.django_db
def test_nothing_of_a_committing_test_is_left() -> None:
    assert Organization.objects.count() == 0


def test_psycopg_3_is_not_installed() -> None:
    assert importlib.util.find_spec("psycopg") is None, "Django would silently prefer it to psycopg2"
