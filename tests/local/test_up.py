"""`manage.py up`: one command, everything answers; and however it ends, nothing is left behind."""

import os
import signal
import socket

import psutil
import psycopg2
import pytest

from tests.local.checkout import SERVICES, Running, copied


def test_one_up_a_folder_with_services_given_and_its_port_taken(committed_database: str) -> None:
    with copied(ordinary=False) as checkout, socket.socket() as squatter:
        checkout.give(*SERVICES)
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]

        up = Running(checkout, "--empty", "--port", str(taken))
        assert f"[up] port {taken} is taken; using {up.url.rpartition(':')[2]}\n" in up.said
        assert "starting PostgreSQL" not in up.text()
        assert up.get("/healthz") == "ok\n"
        assert up.get("/readyz") == {"ready": True, "database": "ok", "migrations": "ok", "broker": "ok"}

        code, said = checkout.run("up", "--empty")
        assert (code, said) == (1, f"Already running at {up.url}/ (process {up.process.pid}); use that one, or stop it first.\n")

        worker = next(child for child in psutil.Process(up.process.pid).children() if "worker" in child.cmdline())
        worker.kill()
        assert up.end() == 1
        assert "[up] worker ended (signal 9); stopping everything\n" in up.text()
        assert up.text().endswith("[up] stopped\n")
        assert checkout.nothing_left(within=5), checkout.left()


def test_an_ordinary_user_with_nothing_installed() -> None:
    with copied(ordinary=True) as checkout:
        checkout.env["LANG"] = "xx_XX.UTF-8"  # a terminal's own, which this machine does not have
        first, second = checkout.start("showmigrations", "core"), checkout.start("showmigrations", "core")
        for process in (first, second):  # both need a database; one starts it, the other joins it
            said, _ = process.communicate(timeout=120)
            assert (process.returncode, said.splitlines()[0], "[ ] 0001_initial" in said) == (0, "core", True), said
        assert checkout.nothing_left(within=5), checkout.left()

        up = Running(checkout, "--empty", "--port", "18000")
        assert up.get("/readyz")["ready"] is True
        for name in ("secrets.json", "postgres.json", "valkey.json"):
            assert (checkout.folder / ".local" / name).stat().st_mode & 0o777 == 0o600
        code, said = checkout.run("showmigrations", "core")
        assert (code, "[X] 0001_initial" in said) == (0, True), said
        code, said = checkout.run("create_organization", "atelier", "--name", "Atelier", "--owner", "claire@atelier.example")
        assert (code, f" {up.url}/\n" in said) == (0, True), said  # where one signs in is where the site answers
        assert up.get("/readyz")["ready"] is True  # the commands that joined took nothing with them

        up.process.kill()
        assert up.end() == -signal.SIGKILL
        assert checkout.nothing_left(within=10), checkout.left()


def test_a_first_command_finds_its_tables_and_a_second_one_loses_no_time(committed_database: str) -> None:
    with copied(ordinary=False) as checkout:
        command = ["create_organization", "atelier", "--name", "Atelier", "--owner", "claire@atelier.example"]
        code, said = checkout.run(*command)
        assert (code, said.splitlines()[:2]) == (0, ["[setup] preparing the database", "Atelier\u00a0: tout est prêt."]), said
        code, said = checkout.run(*command)
        assert (code, "preparing" in said, "existe déjà" in said) == (1, False, True), said

        checkout.give(*SERVICES)
        with psycopg2.connect(os.environ["DATABASE_OWNER_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'scenarios'")
        connection.close()
        code, said = checkout.run(*command)
        assert code == 1
        assert said == "The database of DATABASE_URL lacks tables of this version: run python3 manage.py migrate first.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "70000"], "a port is a number from 1 to 65535, not '70000'"),
        (["--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_a_bad_argument_is_refused_before_anything_starts(arguments: list[str], sentence: str) -> None:
    with copied(ordinary=False) as checkout:
        code, said = checkout.run("up", *arguments)
        assert code == 2
        assert sentence in said
        assert not (checkout.folder / ".local").exists()
