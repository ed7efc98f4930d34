"""docs/api.md does what it says: its commands are run one after another against a live server, and its answers compared."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings

from customers.models import Customer
from dunning.api import endpoint, tables, throttling
from dunning.api.errors import TITLES
from dunning.api.v1.bulk import MOST
from dunning.core import answers
from dunning.core.api_keys import CHANGE_OVER
from dunning.core.models import Organization
from dunning.core.scopes import ApiResource
from dunning.core.tenancy import tenant
from invoices.models import Invoice, Payment
from tests.browser_fixtures import LiveSite
from tests.scenarios.road import pdf

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MARK = "@@@ next @@@"


class Step(NamedTuple):
    """Some commands, and the answer shown below them; `kind` is json or http."""

    commands: str
    kind: str
    shown: str


def steps() -> list[Step]:
    """What the page has one do, in order."""
    found: list[Step] = []
    for kind, content in BLOCK.findall(TEXT):
        if kind == "sh":
            found.append(Step(content, "", ""))
        else:
            assert kind in ("json", "http") and not found[-1].kind, f"Two answers to one command: {content}"
            found[-1] = found[-1]._replace(kind=kind, shown=content)
    assert all(step.kind for step in found), "Every command has its answer shown."
    return found


def fits(shown: Any, said: Any) -> bool:
    """Whether an answer is what the page shows of it: it may tell more fields, and anything where “…” stands."""
    if isinstance(shown, dict):
        return isinstance(said, dict) and all(name in said and fits(value, said[name]) for name, value in shown.items())
    if isinstance(shown, list):
        if shown == ["…"]:
            return isinstance(said, list) and len(said) > 0
        return isinstance(said, list) and len(shown) == len(said) and all(map(fits, shown, said))
    if isinstance(shown, str) and "…" in shown:
        return isinstance(said, str) and re.fullmatch(".+".join(map(re.escape, shown.split("…"))), said, re.DOTALL) is not None
    return bool(shown == said)


def lines(printed: str) -> list[str]:
    return printed.strip().splitlines()


def last_json(printed: str) -> Any:
    """The last JSON value printed: a block may make several calls."""
    decoder, place, value = json.JSONDecoder(), 0, None
    while place < len(printed):
        value, end = decoder.raw_decode(printed[place:])
        place += end
        place += len(printed[place:]) - len(printed[place:].lstrip())
    return value


def test_the_kinds_of_comparison() -> None:
    assert fits({"a": "…", "b": ["…"]}, {"a": "x", "b": [1, 2], "c": 3}) and fits("RF…", "RF12") and fits([], [])
    assert not fits("RF…", "XX12") and not fits([1], [1, 2]) and not fits({"a": 1}, {}) and not fits("…", None)
    assert last_json('{"a": 1}{"b": 2}\n') == {"b": 2}


def patient(commands: str) -> str:
    """The commands, and before those that read the event log a wait until it tells of what was done: no older transaction may be open on
    the server, and other tests have theirs there."""
    if "/events" not in commands:
        return commands
    asked = 'call "$API/events?type=invoice.paid&fields=id"'
    return f"for _ in $(seq 300); do {asked} | grep -q '\"id\"' && break; sleep 0.2; done\n{commands}"


def test_every_command_runs_and_is_answered_as_shown(live_site: LiveSite, tmp_path: Path) -> None:
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    (tmp_path / "FA-2026-0101.pdf").write_bytes(pdf())
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "dunning.settings",
    }

    def run(script: str) -> str:
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False)  # noqa: S603  the page's own
        assert done.returncode == 0, done.stderr
        return done.stdout

    run('python3 manage.py create_organization atelier --name "Atelier Martin SARL" --owner claire@atelier-martin.example')
    assert "http://localhost:8000/api/v1\n" in TEXT
    script = f"\necho; echo '{MARK}'\n".join(patient(step.commands) for step in steps())
    printed = run(script.replace("http://localhost:8000", live_site.url)).split(f"\n{MARK}\n")
    assert len(printed) == len(steps())
    for step, said in zip(steps(), printed, strict=True):
        shown, answered = (json.loads(step.shown), last_json(said.strip())) if step.kind == "json" else (lines(step.shown), lines(said))
        assert fits(shown, answered), f"{step.commands}\n{said}"
    with tenant(Organization.objects.get(slug="atelier")):
        assert (Customer.objects.count(), Invoice.objects.count(), Payment.objects.count()) == (1, 3, 1)  # and no second payment


def test_its_figures_and_words_are_those_of_the_code() -> None:
    assert "up to a thousand" in TEXT and MOST == 1000
    assert f"pages of {tables.USUAL_ROWS}, `limit` asks for up to {tables.MOST_ROWS}" in TEXT
    assert f"{settings.API_RATE_LIMIT} a minute" in TEXT and throttling.WINDOW == 10
    assert "Within a day" in TEXT and answers.KEPT_FOR.days == 1
    assert "for a week more" in TEXT and CHANGE_OVER.days == 7
    named = TEXT.split("The words are\n", 1)[1].split(", each with", 1)[0]
    assert set(re.findall(r"`([a-z-]+)`", named)) == {resource.value for resource in ApiResource}
    table = TEXT.split("| status |", 1)[1].split("\n## ", 1)[0]
    told = {int(status) for row in table.splitlines() for status in re.findall(r"\b\d{3}\b", row.partition("| ")[2].partition(" |")[0])}
    assert told == set(TITLES) - {405, 411}  # what a program that reads /api/docs never meets
    assert endpoint.LONGEST_NAME == 255


@pytest.mark.parametrize("page", ["README.md", "docs/webhooks.md"])
def test_it_is_found_from(page: str) -> None:
    assert re.search(r"\]\((?:docs/)?api\.md\)", (ROOT / page).read_text(encoding="utf-8"))
