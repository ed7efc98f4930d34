"""docs/webhooks.md says what the code does: its tables are the catalogue, its receiver works."""

import re
from pathlib import Path
from typing import Any

import pytest

from dunning.core.event_types import CATALOGUE, SUBJECTS
from notifications.webhooks import log, settling, signing
from notifications.webhooks.delivering import deliver_due
from tests.factories import make_organization
from tests.notifications.receivers import NOW, Receiver, subscribe, tell
from tests.servers import Reply, http_service

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading."""
    section = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def words(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def test_the_table_of_events_is_the_catalogue() -> None:
    told = [(words(name)[0], subject, meaning, words(details)) for name, subject, meaning, details in table("The events")]
    assert told == [(entry.name, entry.subject, str(entry.meaning), entry.details) for entry in CATALOGUE.values()]


def test_the_table_of_subjects_is_what_is_told_of_them() -> None:
    told = {words(name)[0]: words(fields) for name, fields in table("What is told of each subject")}
    assert told == {name: subject.fields for name, subject in SUBJECTS.items()}


def test_the_times_and_terms_are_those_of_the_code() -> None:
    (after,) = [line for line in TEXT.splitlines() if line.startswith("| after |")]
    seconds = {"s": 1, "min": 60, "h": 3600}
    planned = [0]  # at once
    for cell in after.split("|")[3:-1]:
        count, unit = cell.split()
        planned.append(int(count) * seconds[unit])
    assert tuple(planned) == settling.SCHEDULE
    assert sum(planned) // 3600 == 75 == settling.FAILING_FOR.total_seconds() // 3600
    assert f"kept for {log.DELIVERED_FOR.days} days, those given up for {log.FAILED_FOR.days}" in TEXT


@pytest.mark.django_db
def test_the_receiver_of_the_documentation_takes_our_calls_and_nobody_elses(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    place: dict[str, Any] = {"SECRET": "", "queue": []}
    exec(code, place)  # noqa: S102  the documentation's own example
    organization = make_organization()
    with http_service(lambda request: Reply(place["receive"](request.headers, request.body))) as service:
        receiver = Receiver(service)
        subscribe(organization, receiver)
        place["SECRET"] = receiver.secret
        tell(organization, "invoice.paid", count=2)
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 2}
        first = service.requests[0]
        assert place["receive"](first.headers, first.body) == 204  # told again
        forged = signing.headers([signing.new_secret()], id="1", at=int(first.headers["webhook-timestamp"]), body=first.body)
        assert place["receive"]({**first.headers, **forged}, first.body) == 401
    assert [event["type"] for event in place["queue"]] == ["invoice.paid"] * 2
