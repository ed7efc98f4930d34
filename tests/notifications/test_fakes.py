"""The fakes are the judge, so they are judged first: what the journal says was delivered, and nothing else."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from notifications.providers.base import Accepted, NotAccepted, ProviderError, Refused, Uncertain
from tests import fakes
from tests.fakes.provider import TAKES
from tests.notifications.test_providers_http import ID, ample, brevo, email, postmark, sms, twilio
from tests.servers import Reply, Request, http_service

EXPECTED: dict[str, type] = {
    "ok": Accepted,
    "drop_after_accept": Uncertain,
    "drop_before_accept": Uncertain,
    "timeout_after_write": Uncertain,
    "429": NotAccepted,
    "500": Uncertain,
    "500_after_accept": Uncertain,
    "slow_drip": Uncertain,
    "wrong_body": Uncertain,
    "endless": Uncertain,
    "refuse": Refused,
    "dead_address": Refused,
}


@pytest.mark.parametrize("mode", sorted(fakes.MODES))
@pytest.mark.parametrize("name", ["postmark", "twilio"])
def test_every_mood_is_what_it_says_and_the_journal_holds_what_was_taken(name: str, mode: str) -> None:
    make, envelope = (postmark, email()) if name == "postmark" else (twilio, sms())
    with fakes.running(name) as fake:
        fake.behave(mode, hold=2.0, drip=0.1)
        try:
            answer: object = make(fake.url).send(envelope, ample(timeout=1.0))
        except ProviderError as error:
            answer = error
    assert type(answer) is EXPECTED[mode]
    assert len(fake.journal.entries) == (mode in TAKES)


def test_the_same_key_twice_is_one_delivery_at_brevo() -> None:
    with fakes.running("brevo") as fake:
        fake.behave("drop_after_accept")
        provider = brevo(fake.url)
        for _ in range(3):
            with pytest.raises(Uncertain):
                provider.send(email(), ample())
    assert fake.deliveries() == {str(ID): 1}


def test_moods_come_in_their_shares_and_the_same_seed_gives_the_same_day() -> None:
    days = []
    for _ in range(2):
        behaviour = fakes.Behaviour({"429": 0.3, "drop_after_accept": 0.1}, seed=7)
        days.append([behaviour.choose() for _ in range(1000)])
    assert days[0] == days[1]
    counts = Counter(days[0])
    assert 250 < counts["429"] < 350 and 70 < counts["drop_after_accept"] < 130
    with pytest.raises(ValueError, match="No such mode: sulking"):
        fakes.Behaviour({"sulking": 1.0})


def test_reports_come_twice_out_of_order_and_before_the_answer() -> None:
    heard: list[Request] = []

    def hear(request: Request) -> Reply:
        heard.append(request)
        return Reply(204)

    with http_service(hear) as ours:
        told = fakes.Callbacks(url=f"{ours.url}/hooks/x", secret="postier:secret", before_answer=1.0, twice=1.0)
        with fakes.running("postmark", callbacks=told) as fake:
            postmark(fake.url).send(email(), ample())
            assert [request.json["RecordType"] for request in heard] == ["Delivery", "Delivery"]
    assert heard[0].headers["Authorization"].startswith("Basic ")
    assert heard[0].json["Metadata"] == {"message_id": str(ID)}


def test_a_fake_insists_on_its_reports_and_tells_each_account_at_its_own_address() -> None:
    heard: list[Request] = []

    def hear(request: Request) -> Reply:
        heard.append(request)
        return Reply(503 if len(heard) <= 2 else 200)

    with http_service(hear) as ours:
        told = fakes.Callbacks(
            url=f"{ours.url}/hooks/nobody",
            accounts={"jeton": {"url": f"{ours.url}/hooks/ours", "secret": "a:b"}},
            complained=1.0,
            insists=20.0,
        )
        with fakes.running("postmark", callbacks=told) as fake:
            postmark(fake.url).send(email(), ample())
            fake.finish()  # type: ignore[attr-defined]  # it speaks HTTP
            assert fake.state() == {"waiting": 0, "given_up": 0, "tries": 4, "refused": 2, "taken": 2}  # type: ignore[attr-defined]  # as above
            assert fake.journal.entries[0]["fate"] == "complained"
    assert [request.json["RecordType"] for request in heard] == ["Delivery", "Delivery", "Delivery", "SpamComplaint"]
    assert {request.path for request in heard} == {"/hooks/ours"}


def test_a_fake_that_is_never_answered_gives_its_report_up_in_the_end() -> None:
    with http_service(lambda _: Reply(500)) as ours:
        told = fakes.Callbacks(url=f"{ours.url}/hooks/x", insists=0.5, bounced=1.0)
        with fakes.running("postmark", callbacks=told) as fake:
            postmark(fake.url).send(email(), ample())
            fake.finish()  # type: ignore[attr-defined]  # it speaks HTTP
            state = fake.state()  # type: ignore[attr-defined]  # as above
    assert (state["waiting"], state["given_up"], state["taken"]) == (0, 1, 0)
    assert state["refused"] == state["tries"] >= 2


def test_a_fake_on_its_own_keeps_its_journal_when_it_is_killed(tmp_path: Path) -> None:
    journal, behaviour = tmp_path / "journal.jsonl", tmp_path / "behaviour.json"

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "tests.fakes", "brevo", "--journal", str(journal), "--behaviour", str(behaviour)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    behaviour.write_text(json.dumps({"modes": {"drop_after_accept": 1.0}}))
    process, url = start()
    with pytest.raises(Uncertain):
        brevo(url).send(email(), ample())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    behaviour.write_text(json.dumps({"modes": {}}))
    assert [json.loads(line)["key"] for line in journal.read_text().splitlines()] == [str(ID)]

    process, url = start()  # it remembers the key
    try:
        assert brevo(url).send(email(), ample()) == Accepted(response="brevo: already taken under this name")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert len(journal.read_text().splitlines()) == 1
