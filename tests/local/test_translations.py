"""Every string a user can see is in the French catalogue, translated, and the compiled catalogue is the one that ships."""

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from notifications.typography import typeset

ROOT = Path(__file__).resolve().parents[2]
FRENCH = Path("locale", "fr", "LC_MESSAGES", "django.po")
SOURCES = ("dunning", "customers", "invoices", "notifications", "scenarios", "templates", "locale")


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="fr", abort_invalid=True)


def test_french_is_complete() -> None:
    french = catalogue(ROOT / FRENCH)
    wrong = {}
    for message in french:
        if not message.id:
            continue
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.fuzzy:
            wrong[message.id] = "fuzzy"
        elif not all(texts):
            wrong[message.id] = "untranslated"
        elif errors := [str(error) for error in message.check(french)]:
            wrong[message.id] = errors
    assert wrong == {}
    assert list(french.obsolete) == []


def test_french_is_set_as_the_messages_to_customers_are() -> None:
    texts = [
        re.sub(r"%(\(\w+\))?[sd]", "X", text)  # a placeholder is a word
        for message in catalogue(ROOT / FRENCH)
        if message.id
        for text in (message.string if isinstance(message.string, tuple) else (message.string,))
    ]
    assert len(texts) > 1000
    assert [text for text in texts if typeset(text, "fr") != text] == []


def test_the_catalogue_holds_exactly_the_strings_of_the_source(tmp_path: Path) -> None:
    if shutil.which("xgettext") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs gettext: apt-get install gettext")
        pytest.skip("no gettext on this machine")
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    (tmp_path / FRENCH).unlink()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "fr", "--verbosity", "0"]
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    subprocess.run(command, cwd=tmp_path, env=env, check=True, timeout=120)  # noqa: S603  fixed command

    def strings(path: Path) -> set[tuple[str | None, str]]:
        return {
            (message.context, message.id if isinstance(message.id, str) else message.id[0]) for message in catalogue(path) if message.id
        }

    fresh, kept = strings(tmp_path / FRENCH), strings(ROOT / FRENCH)
    assert sorted(fresh - kept, key=str) == [], "run: python3 manage.py makemessages -l fr, and translate"
    assert sorted(kept - fresh, key=str) == [], "no longer in the source: run makemessages -l fr --no-obsolete"


def test_the_compiled_catalogue_is_up_to_date() -> None:
    with (ROOT / FRENCH).with_suffix(".mo").open("rb") as file:
        shipped = gettext.GNUTranslations(file)
    stale = []
    for message in catalogue(ROOT / FRENCH):
        context = (message.context,) if message.context else ()
        if isinstance(message.id, str):
            said: object = (shipped.pgettext if context else shipped.gettext)(*context, message.id) if message.id else message.string
        else:
            said = tuple((shipped.npgettext if context else shipped.ngettext)(*context, *message.id, number) for number in (1, 2))
        if said != message.string:
            stale.append(message.id)
    assert stale == [], "run: python3 manage.py compilemessages"
