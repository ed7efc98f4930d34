"""Rows inserted as arrays arrive as they were given."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, connection
from psycopg2.extras import Json

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from scenarios import bulk
from scenarios.bulk import insert_rows
from scenarios.models import Task
from tests.factories import make_customer, make_organization

pytestmark = pytest.mark.django_db

COLUMNS = (
    "id", "organization_id", "kind", "state", "key", "customer_id", "title", "details", "amount", "currency", "opened_on", "due_on",
    "not_before", "outcome", "note", "closed_by", "created_at",
)  # fmt: skip
NOW = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)
AWKWARD = ['He said "no", {braces}', "back\\slash \\\" and 'quotes'", "NULL", "", "é\nnew line; DROP TABLE", "%s %(x)s"]


def _row(organization: Organization, customer_id: Any, title: str, note: str = "") -> tuple[Any, ...]:
    return (
        new_id(), organization.pk, "other", "open", "", customer_id, title, Json({"said": title}), Decimal("12.34"), "EUR",
        date(2026, 10, 5), date(2026, 10, 6), None, "", note, "", NOW,
    )  # fmt: skip


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def test_every_kind_of_value_survives(organization: Organization) -> None:
    with tenant(organization):
        customer = make_customer()
        rows = [_row(organization, customer.pk if number % 2 else None, title) for number, title in enumerate(AWKWARD)]
        insert_rows("scenarios_task", COLUMNS, rows)
        tasks = {task.title: task for task in Task.objects.all()}
        assert sorted(tasks) == sorted(AWKWARD)
        assert [tasks[title].details for title in AWKWARD] == [{"said": title} for title in AWKWARD]
        assert [tasks[title].customer_id for title in AWKWARD] == [None, customer.pk] * 3
        first = tasks[AWKWARD[0]]
        assert (first.amount, first.opened_on, first.not_before, first.created_at) == (Decimal("12.34"), date(2026, 10, 5), None, NOW)


def test_one_row_and_rows_all_alike_are_inserted_too(organization: Organization) -> None:
    with tenant(organization):
        insert_rows("scenarios_task", COLUMNS, [_row(organization, None, "alone")])
        insert_rows("scenarios_task", COLUMNS, [])
        twice = _row(organization, None, "once, whatever is said twice")
        assert insert_rows("scenarios_task", COLUMNS, [twice, twice], conflict="DO NOTHING") == 1
        assert sorted(task.title for task in Task.objects.all()) == ["alone", "once, whatever is said twice"]


def test_what_all_rows_share_is_told_once_beside_them(organization: Organization) -> None:
    with tenant(organization):
        said = Json({"said": 'shared, "quoted"'})
        rows = [_row(organization, None, title) for title in AWKWARD]
        own = [(row[0], row[6], said) for row in rows]
        others = {name: value for name, value in zip(COLUMNS, rows[0], strict=True) if name not in ("id", "title", "details")}
        assert insert_rows("scenarios_task", ("id", "title", "details"), own, shared=others) == len(AWKWARD)
        assert {(task.title, task.details["said"], task.currency) for task in Task.objects.all()} == {
            (title, said.adapted["said"], "EUR") for title in AWKWARD
        }


def test_text_that_is_too_long_is_refused_not_cut(organization: Organization) -> None:
    with tenant(organization), pytest.raises(DataError), tenant(organization):
        insert_rows("scenarios_task", COLUMNS, [_row(organization, None, "x" * 201), _row(organization, None, "y")])
    with tenant(organization):
        assert Task.objects.count() == 0


def test_a_conflict_leaves_the_row_that_was_there(organization: Organization) -> None:
    with tenant(organization):
        row = _row(organization, None, "first")
        insert_rows("scenarios_task", COLUMNS, [row])
        insert_rows("scenarios_task", COLUMNS, [row, _row(organization, None, "second")], conflict="DO NOTHING")
        assert sorted(task.title for task in Task.objects.all()) == ["first", "second"]


def test_a_shape_is_planned_once_for_a_session_and_a_process_plans_no_more_than_so_many(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_shapes", set())
    monkeypatch.setattr(bulk, "MOST_SHAPES", 1)
    columns = COLUMNS[::-1]  # of this test alone

    def insert(*titles: str) -> None:
        insert_rows("scenarios_task", columns, [_row(organization, None, title)[::-1] for title in titles])

    before = _planned()
    with tenant(organization):
        insert("one")
        insert("two")
        assert _planned() == before + 1
        insert("three", "four")  # another shape: two titles
        insert("five", "six")
        assert _planned() == before + 1
        assert Task.objects.count() == 6


def _planned() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%INSERT INTO \"scenarios_task\"%'")
        return int(cursor.fetchone()[0])
