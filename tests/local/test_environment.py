"""Environment variables are read strictly: a bad value stops with one sentence that names it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured

from dunning import environment

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "k9Zr2mVw7QxT4yBn8cLp1sGd6hJf3aEu0RiOoWtNvXbYzMqKs5",
    "FIELD_ENCRYPTION_KEY": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
    "PUBLIC_BASE_URL": "https://relances.example.fr",
    "EMAIL_URL": "smtp+tls://account:s%40cret@mail.example.fr:587",
    "DUNNING_BOOTSTRAP": "off",
    "PATH": os.environ["PATH"],
}


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603  this very project


def test_the_deployment_check_is_clean_with_production_variables() -> None:
    done = manage(PRODUCTION, "check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, done.stdout.strip().splitlines()[0]) == (0, "System check identified no issues (1 silenced)."), done.stderr


def test_the_deployment_check_names_what_is_missing() -> None:
    done = manage({**PRODUCTION, "EMAIL_URL": "", "PUBLIC_BASE_URL": "http://relances.example.fr"}, "check", "--deploy")
    assert done.returncode == 1
    assert "The environment variable EMAIL_URL must be set in production." in done.stderr
    assert "The environment variable PUBLIC_BASE_URL (an https address) must be set in production." in done.stderr


def test_a_bad_value_stops_every_command_with_one_sentence() -> None:
    done = manage({**PRODUCTION, "DEBUG": "yes"}, "check")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "DEBUG must be true or false, not 'yes'.\n")


@pytest.mark.parametrize(
    ("function", "value", "sentence"),
    [
        (environment.database, "mysql://x@y/z", "X must look like postgresql://role:password@host:5432/database."),
        (environment.database, "postgresql://host", "X must look like postgresql://role:password@host:5432/database."),
        (environment.database, "postgresql://host:99999/x", "X has a port that is not a number from 0 to 65535."),
        (environment.mail, "mail.example.fr", "X must look like smtp+tls://account:password@host:587 (or smtp://, smtps://)."),
        (environment.fernet_key, "short", "X must be 32 random bytes in URL-safe base64 (44 characters)."),
        (
            lambda name: environment.base_url(name, ""),
            "example.fr/",
            "X must be an address like https://relances.example.fr, not 'example.fr'.",
        ),
        (lambda name: environment.redis(name, ""), "redis://host/zero", "X must look like redis://:password@host:6379/0."),
        (lambda name: environment.integer(name, 1, least=0, most=9), "10", "X must be a whole number from 0 to 9, not '10'."),
        (lambda name: environment.choice(name, "a", ("a", "b")), "c", "X must be one of a, b, not 'c'."),
    ],
)
def test_each_kind_refuses_with_its_name(monkeypatch: pytest.MonkeyPatch, function, value: str, sentence: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=f"^{re.escape(sentence)}$"):
        function("X")


def test_addresses_are_taken_apart_with_their_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "postgresql://dunning_app:p%40ss%2F@db.example.fr:6432/relances?sslmode=require")
    assert environment.database("X") == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "relances",
        "USER": "dunning_app",
        "PASSWORD": "p@ss/",
        "HOST": "db.example.fr",
        "PORT": "6432",
        "OPTIONS": {"connect_timeout": 5, "sslmode": "require"},
    }
    monkeypatch.setenv("X", "redis://:secret@broker:6380/4")
    assert environment.redis("X", "") == ("redis://:secret@broker:6380/4", "redis://:secret@broker:6380/5")
    monkeypatch.setenv("X", "smtps://me:pass@mail")
    assert environment.mail("X") == {
        "EMAIL_HOST": "mail",
        "EMAIL_PORT": 465,
        "EMAIL_HOST_USER": "me",
        "EMAIL_HOST_PASSWORD": "pass",
        "EMAIL_USE_TLS": False,
        "EMAIL_USE_SSL": True,
    }


def test_every_variable_is_documented_and_given_to_the_containers() -> None:
    settings = "".join((ROOT / "dunning" / name).read_text() for name in ("settings.py", "logs.py"))
    read = set(re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', settings)) - {"environment"}
    read |= set(re.findall(r'\w+=environment\.\w+\("([A-Z_]+)"', settings))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE))
    assert documented - {"DUNNING_BOOTSTRAP"} == read
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for name in ("migrate", "web", "worker", "sweep", "beat"):
        assert compose["services"][name]["environment"].keys() <= read
    assert "DATABASE_OWNER_URL" not in compose["services"]["web"]["environment"]
