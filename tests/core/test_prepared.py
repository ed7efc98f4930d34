"""Prepared statements answer what the same text answers, behind the same wall."""

from typing import Any

import pytest
from django.db import DataError, connection, transaction
from psycopg2.extras import Json

from dunning.core.prepared import LONG, ask
from dunning.core.tenancy import tenant
from tests.factories import make_customer, make_organization

pytestmark = pytest.mark.django_db

NUMBERS = "SELECT number FROM customers_customer WHERE number <> %s ORDER BY number"


def answer(sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        ask(cursor, sql, values)
        return cursor.fetchall()


def known(sql: str) -> list[tuple[int, int]]:
    """How often this session executed the statement by the plan it has, and by a plan made for the values."""
    with connection.cursor() as cursor:
        word = sql.partition("-- ")[2]
        cursor.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE right(statement, %s) = %s", [len(word), word])
        return cursor.fetchall()


def test_a_statement_is_planned_once_for_all_organizations_and_shows_each_its_own() -> None:
    one, other = make_organization(), make_organization()
    sql = f"{NUMBERS} -- shared"
    for house, number in ((one, "A1"), (other, "B1")):
        with tenant(house):
            make_customer(number)
    for _ in range(2):
        with tenant(one):
            assert answer(sql, [""]) == [("A1",)]
        with tenant(other):
            assert answer(sql, [""]) == [("B1",)]
            assert answer(sql, ["B1"]) == []
    assert known(sql) == [(6, 0)]
    with pytest.raises(DataError), transaction.atomic():
        answer(sql, [""])  # outside the wall nothing is readable, planned or not


def test_values_arrive_as_they_are() -> None:
    values = {"text": 'a "quoted" \\ word', "list": ["x,y", 'z"', "\\", "100 %"], "none": None, "body": Json({"a": [1]}), "number": 7}
    sql = """
    SELECT %(text)s::text, %(list)s::text[], %(none)s::date, %(body)s::jsonb ->> 'a', %(number)s::int + %(number)s::int, '%%'
    """
    with tenant(make_organization()):
        expected = [('a "quoted" \\ word', ["x,y", 'z"', "\\", "100 %"], None, "[1]", 14, "%")]
        assert answer(sql, values) == expected
        assert answer(sql, {**values, "number": 8})[0][4] == 16
        assert answer("SELECT x FROM unnest(%s::int[]) x WHERE x > %s", [[1, 2, 3], 1]) == [(2,), (3,)]


def test_what_is_prepared_outlives_a_rollback() -> None:
    house = make_organization()
    sql = f"{NUMBERS} -- rolled back"
    with pytest.raises(ZeroDivisionError), tenant(house):
        answer(sql, [""])
        raise ZeroDivisionError
    with tenant(house):
        assert answer(sql, [""]) == []


def test_nothing_is_prepared_behind_a_pooler_nor_for_a_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT count(*) FROM unnest(%s::text[]) -- not prepared"
    with tenant(make_organization()):
        assert answer(sql, [["x"] * (LONG + 1)]) == [(LONG + 1,)]
        monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
        assert answer(sql, [["x"]]) == [(1,)]
        assert known(sql) == []
        monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
        assert answer(sql, [["x"]]) == [(1,)]
        assert known(sql) == [(1, 0)]
