"""Given only a database address: both roles are made when its role may make them; otherwise the SQL is shown, and nothing happens."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from dunning.local import roles
from dunning.local.errors import LocalError
from dunning.local.postgres import Postgres


@pytest.fixture(scope="module")
def administrator_url() -> Iterator[str]:
    """The address of a database `given` on a server of its own, as its superuser."""
    folder = Path(tempfile.mkdtemp(prefix="dunning-roles-"))
    server = Postgres(folder, durable=False)
    try:
        port = urlsplit(server.start()["DATABASE_URL"]).port
        password = json.loads((server.state / "postgres.json").read_text())["postgres"]
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        ask(url, "CREATE DATABASE given")
        yield roles.with_database(url, "given")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def test_an_administrator_s_address_becomes_two_roles_that_owe_it_nothing(administrator_url: str) -> None:
    env = {"DATABASE_URL": administrator_url}
    roles.settle(env, owner_needed=True)
    again = {"DATABASE_URL": administrator_url}
    roles.settle(again, owner_needed=True)
    assert env == again, "every process given the same address must find the same passwords"

    owner, app = env["DATABASE_OWNER_URL"], env["DATABASE_URL"]
    ask(owner, "CREATE TABLE letter (id serial, body text)")
    ask(app, "INSERT INTO letter (body) VALUES ('Relance')")
    assert ask(app, "SELECT id, body, current_user FROM letter") == [(1, "Relance", "dunning_app")]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(app, "TRUNCATE letter")
    assert ask(owner, "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'dunning%' ORDER BY 1") == [
        ("dunning_app", False, False),
        ("dunning_owner", False, False),
    ]


def test_a_role_that_may_not_make_roles_gets_the_sql(administrator_url: str) -> None:
    ask(administrator_url, "CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
    url = roles.with_role(administrator_url, "clerk", "clerk")
    env = {"DATABASE_URL": url}
    with pytest.raises(LocalError) as refused:
        roles.settle(env, owner_needed=True)
    sentence = str(refused.value).splitlines()[-1]
    assert sentence == (
        "DATABASE_URL is set without DATABASE_OWNER_URL and the role clerk may not create roles: "
        "have an administrator run the SQL above, then set both."
    )
    assert "CREATE ROLE dunning_owner LOGIN CREATEDB" in str(refused.value)
    assert env == {"DATABASE_URL": url}
    roles.settle(env, owner_needed=False)  # a command that needs no owner goes on with what it was given
    assert env == {"DATABASE_URL": url}


def test_an_address_nobody_answers_at_is_one_sentence() -> None:
    with pytest.raises(LocalError, match=r"^The database of DATABASE_URL cannot be reached: .*refused"):
        roles.settle({"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, owner_needed=False)
