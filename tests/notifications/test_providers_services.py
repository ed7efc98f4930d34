"""Each service against a fake that speaks its API: what every answer proves, what it is asked, and what it reports."""

import base64
import hashlib
import hmac
import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dunning.core.tokens import new_id
from notifications.enums import ProofKind
from notifications.providers import build
from notifications.providers.base import (
    Accepted,
    Account,
    Callback,
    Capability,
    Deadline,
    Entrusted,
    Envelope,
    File,
    Forged,
    Incoming,
    Misconfigured,
    NotAccepted,
    Provider,
    ProviderError,
    Refused,
    Released,
    Report,
    Uncertain,
)
from notifications.providers.mysendingbox import address_of
from notifications.providers.ses import sign
from tests import fakes
from tests.fakes.post import MySendingBox
from tests.notifications.test_providers_http import ID, ample, email, failure, sms
from tests.notifications.test_reconciler import SERVICES
from tests.servers import Reply, free_port, http_service

NOW = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
BEHIND_HTTP = sorted(set(SERVICES) - {"smtp"})
LETTER = Envelope(
    ID,
    "registered",
    "Atelier",
    "",
    recipient_name="Durand SARL",
    subject="Mise en demeure",
    postal_address=("Durand SARL", "12 avenue des Essais", "75001 Paris"),
    letter=File("lettre.pdf", "application/pdf", b"%PDF-1.4 lettre"),
)


def through(name: str, url: str, **secrets: str) -> Provider:
    kind, channel, settings, own = SERVICES[name]
    return build(Account(new_id(), kind, channel, {**settings, "api_url": url}, {**own, **secrets}))


def envelope_for(name: str) -> Envelope:
    return {"email": email(), "sms": sms(), "registered": LETTER}[SERVICES[name][1]]


@pytest.mark.parametrize("name", BEHIND_HTTP)
def test_it_is_accepted_once_under_our_name(name: str) -> None:
    with fakes.running(name) as fake:
        answer = through(name, fake.url).send(envelope_for(name), ample())
        assert isinstance(answer, Entrusted if name == "mysendingbox" else Accepted)
        (entry,) = fake.journal.entries
        assert answer.provider_id == entry["provider_id"]
        if name != "twilio":  # it takes no name of ours
            assert entry["key"] == str(ID)


@pytest.mark.parametrize("name", BEHIND_HTTP)
@pytest.mark.parametrize("mode", ["drop_after_accept", "drop_before_accept", "500", "500_after_accept", "wrong_body"])
def test_a_lost_or_senseless_answer_is_uncertain(name: str, mode: str) -> None:
    with fakes.running(name) as fake:
        fake.behave(mode)
        assert type(failure(through(name, fake.url), envelope_for(name))) is Uncertain
        assert len(fake.requests) == 1  # nothing was tried again


@pytest.mark.parametrize("name", ["sinch", "mysendingbox", "ses", "mailjet"])
@pytest.mark.parametrize("mode", ["slow_drip", "timeout_after_write", "endless"])
def test_too_slow_or_too_long_is_cut_off_within_the_call_and_little_is_kept(name: str, mode: str) -> None:
    with fakes.running(name) as fake:
        provider = through(name, fake.url)
        provider.send(envelope_for(name), ample())  # what is loaded once is not counted
        fake.behave(mode, drip=0.2, hold=5.0)
        tracemalloc.start()
        started = time.monotonic()
        assert type(failure(provider, envelope_for(name), ample(timeout=1.0))) is Uncertain
        assert time.monotonic() - started < 4
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()


@pytest.mark.parametrize("name", BEHIND_HTTP)
def test_a_busy_service_took_nothing_and_says_when(name: str) -> None:
    with fakes.running(name) as fake:
        fake.behave("429", retry_after=33)
        no = failure(through(name, fake.url), envelope_for(name))
        assert isinstance(no, NotAccepted) and (no.retry_after, no.service) == (33.0, True)
        assert fake.journal.entries == []


@pytest.mark.parametrize(
    ("name", "dead"), [("brevo", True), ("mailjet", True), ("postmark", True), ("twilio", True), ("ses", False), ("sinch", False)]
)
def test_a_refusal_is_final_and_a_dead_address_is_told_apart_where_it_is_documented(name: str, dead: bool) -> None:
    with fakes.running(name) as fake:
        fake.behave("dead_address")
        no = failure(through(name, fake.url), envelope_for(name))
        assert isinstance(no, Refused) and no.address_at_fault is dead
        fake.behave("refuse")
        again = failure(through(name, fake.url), envelope_for(name))
        assert isinstance(again, NotAccepted if name in ("ses", "sinch") else Refused)  # a sender nobody verified
        assert not getattr(again, "address_at_fault", False)
        assert fake.journal.entries == []


@pytest.mark.parametrize("name", BEHIND_HTTP)
def test_no_server_and_no_time(name: str) -> None:
    assert isinstance(failure(through(name, f"http://127.0.0.1:{free_port()}"), envelope_for(name)), NotAccepted)
    with fakes.running(name) as fake:
        assert isinstance(failure(through(name, fake.url), envelope_for(name), Deadline.after(29.0)), Released)
        assert fake.requests == []


@pytest.mark.parametrize("name", ["mailjet", "postmark", "sinch"])
def test_it_can_be_asked_for_our_name(name: str) -> None:
    with fakes.running(name) as fake:
        provider = through(name, fake.url)
        assert provider.look_up(ID, sent_at=NOW, deadline=ample()) is None
        sent = provider.send(envelope_for(name), ample())
        found = provider.look_up(ID, sent_at=NOW, deadline=ample())
        assert isinstance(sent, Accepted) and found is not None and found.provider_id == sent.provider_id
        assert provider.look_up(UUID(int=7), sent_at=NOW, deadline=ample()) is None


@pytest.mark.parametrize("name", ["mailjet", "postmark", "sinch"])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, "<html>"), Uncertain),
        (Reply(200, {"TotalCount": 0}), Uncertain),
        (Reply(302, b"", {"Location": "/"}), Uncertain),
        (Reply(401, {}), NotAccepted),
        (Reply(429, {}, {"Retry-After": "5"}), NotAccepted),
        (Reply(503, "busy"), NotAccepted),
    ],
    ids=["html", "no list", "redirect", "401", "429", "503"],
)
def test_an_answer_that_is_no_list_is_no_absence(name: str, reply: Reply, kind: type[ProviderError]) -> None:
    with http_service(lambda request: reply) as service, pytest.raises(ProviderError) as raised:
        through(name, service.url).look_up(ID, sent_at=NOW, deadline=ample())
    assert type(raised.value) is kind


def test_what_each_declares() -> None:
    declared = {name: through(name, "http://127.0.0.1:1").capabilities for name in BEHIND_HTTP}
    assert declared == {
        "brevo": Capability.CALLBACK | Capability.IDEMPOTENT,
        "mailjet": Capability.CALLBACK | Capability.LOOK_UP,
        "postmark": Capability.CALLBACK | Capability.LOOK_UP,
        "ses": Capability.NONE,
        "twilio": Capability.CALLBACK,
        "sinch": Capability.CALLBACK | Capability.LOOK_UP,
        "mysendingbox": Capability.CALLBACK | Capability.FOLLOW,
    }


def test_settings_that_cannot_work_are_refused_with_what_is_missing() -> None:
    for name, missing, sentence in (
        ("sinch", "api_token", "service plan ID and an API token"),
        ("mysendingbox", "api_key", "needs an API key"),
        ("ses", "secret_access_key", "needs secret_access_key"),
    ):
        with pytest.raises(Misconfigured, match=sentence):
            through(name, "http://127.0.0.1:1", **{missing: ""})
    kind, channel, settings, secrets = SERVICES["sinch"]
    with pytest.raises(Misconfigured, match="no region “mars”: choose one of eu"):
        build(Account(new_id(), kind, channel, {**settings, "region": "mars"}, secrets))
    kind, channel, settings, secrets = SERVICES["ses"]
    with pytest.raises(Misconfigured, match="needs region"):
        build(Account(new_id(), kind, channel, {"service": "amazon_ses"}, secrets))


# --- Amazon SES ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_signature_is_the_one_of_amazon_s_own_test_suite(method: str, signature: str) -> None:
    headers = sign(
        method=method,
        path="/",
        headers={"Host": "example.amazonaws.com"},
        body=b"",
        key_id="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="service",
        at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert headers["Authorization"].endswith(f"SignedHeaders=host;x-amz-date, Signature={signature}")


def test_ses_is_given_the_message_as_it_was_frozen() -> None:
    with fakes.running("ses") as fake:
        through("ses", fake.url).send(email(), ample())
        (request,) = fake.requests
        said = request.json
        raw = base64.b64decode(said["Content"]["Raw"]["Data"])
        assert said["Destination"] == {"ToAddresses": ["achats@client.example"]}
        assert said["EmailTags"] == [{"Name": "message_id", "Value": str(ID)}]
        assert f"Message-ID: <{ID}@atelier.example>".encode() in raw and b"Facture-FA-2026-00042.pdf" in raw


@pytest.mark.parametrize(
    "kind",
    [
        "SendingPausedException",
        "AccountSuspendedException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        "MessageRejected",
    ],
)
def test_ses_that_is_stopped_as_a_whole_is_ours_to_mend(kind: str) -> None:
    with http_service(lambda request: Reply(400, {"message": "no"}, {"x-amzn-ErrorType": kind})) as service:
        assert isinstance(failure(through("ses", service.url), email()), NotAccepted)


# --- Sinch -----------------------------------------------------------------------------------------------------------------------------


def signed(body: bytes, *, key: str = "chut", moment: int | None = None, nonce: str = "n-1", **changes: str) -> Callback:
    stamp = str(int(NOW.timestamp()) if moment is None else moment)
    mac = hmac.new(key.encode(), body + f".{nonce}.{stamp}".encode(), hashlib.sha256).digest()
    headers = {
        "x-sinch-webhook-signature": base64.b64encode(mac).decode(),
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": stamp,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return Callback("https://relances.example/hooks/sinch/x", headers, body)


REPORT = {
    "type": "recipient_delivery_report_sms",
    "batch_id": "01FC66621",
    "recipient": "33612345678",
    "code": 0,
    "status": "Delivered",
    "at": "2026-10-05T07:59:00.000Z",
    "client_reference": str(ID),
}


def sinch() -> Provider:
    return through("sinch", "http://127.0.0.1:1", callback_secret="chut")


def test_a_signed_report_of_sinch_is_read() -> None:
    (report,) = sinch().receive(signed(json.dumps(REPORT).encode()), now=NOW)
    assert report == Report(
        kind="delivered",
        message_id=ID,
        provider_id="01FC66621",
        event_id="01FC66621:delivered",
        at=datetime(2026, 10, 5, 7, 59, tzinfo=UTC),
        recipient="+33612345678",
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [("Queued", "accepted"), ("Dispatched", "accepted"), ("Failed", "failed"), ("Expired", "failed"), ("Rejected", "failed")],
)
def test_the_statuses_of_sinch_mean_what_its_table_says(status: str, kind: str) -> None:
    (report,) = sinch().receive(signed(json.dumps({**REPORT, "status": status, "code": 402}).encode()), now=NOW)
    assert isinstance(report, Report) and report.kind == kind


def test_a_text_message_that_answers_is_read() -> None:
    said = {"type": "mo_text", "id": "mo-1", "from": "33612345678", "to": "33700000000", "body": "STOP", "received_at": REPORT["at"]}
    (answer,) = sinch().receive(signed(json.dumps(said).encode()), now=NOW)
    assert isinstance(answer, Incoming)
    assert (answer.event_id, answer.sender, answer.recipients, answer.text) == ("mo-1", "+33612345678", ("+33700000000",), "STOP")


def test_no_altered_old_or_foreign_call_is_taken() -> None:
    body = json.dumps(REPORT).encode()
    good = signed(body)
    provider = sinch()
    assert provider.receive(good, now=NOW + timedelta(seconds=299))
    bad = [Callback(good.url, good.headers, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]) for place in range(len(body))]
    bad += [
        signed(body, key="un autre compte"),
        signed(body, x_sinch_webhook_signature=""),
        signed(body, x_sinch_webhook_signature_nonce="n-2"),
        signed(body, x_sinch_webhook_signature_algorithm="none"),
        signed(body, x_sinch_webhook_signature_timestamp="1e9"),
        signed(body, moment=int(NOW.timestamp()) - 301),
        signed(body, moment=int(NOW.timestamp()) + 301),
        Callback(good.url, {}, body),
    ]
    for call in bad:
        with pytest.raises(Forged):
            provider.receive(call, now=NOW)
    with pytest.raises(Forged):
        through("sinch", "http://127.0.0.1:1").receive(good, now=NOW)  # no secret was given
    for nonsense in (b"[]", b"{", b"[1]", json.dumps({**REPORT, "status": "Levitating"}).encode()):
        with pytest.raises(ValueError):
            provider.receive(signed(nonsense), now=NOW)


# --- letters ---------------------------------------------------------------------------------------------------------------------------


def letters(url: str = "http://127.0.0.1:1") -> Provider:
    return through("mysendingbox", url, webhook_user="facteur", webhook_password="secret")


def told(body: object, *, who: str = "facteur:secret") -> Callback:
    heads = {"authorization": "Basic " + base64.b64encode(who.encode()).decode()}
    return Callback("https://relances.example/hooks/mysendingbox/x", heads, json.dumps(body).encode())


def test_a_registered_letter_is_handed_over_with_its_address() -> None:
    with fakes.running("mysendingbox") as fake:
        answer = letters(fake.url).send(LETTER, ample())
        assert isinstance(answer, Entrusted) and answer.response == "MySendingBox: 6.26 EUR"
        (entry,) = fake.journal.entries
        assert (entry["postage_type"], entry["bytes"], entry["color"]) == ("lrar", len(b"%PDF-1.4 lettre"), "bw")
        assert entry["to"] == {
            "name": "Durand SARL",
            "address_line1": "12 avenue des Essais",
            "address_postalcode": "75001",
            "address_city": "Paris",
            "address_country": "France",
        }


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("A", "1 rue B", "59000 Lille"), {"name": "A", "address_line1": "1 rue B"}),
        (("A", "Mme C", "Bât. 2", "1 rue B", "ZI", "59000 Lille"), {"name": "A", "company": "Mme C", "address_line3": "ZI"}),
        (("A", "1 rue B", "1000 Bruxelles"), None),
        (("A", "1 rue B", "59000 Lille", "France"), {"address_country": "France"}),
        (("A", "59000 Lille"), None),
        (("A", "1 rue B"), None),
        ((), None),
    ],
)
def test_an_address_is_told_apart_or_refused_never_guessed(lines: tuple[str, ...], expected: dict[str, str] | None) -> None:
    if expected is None:
        with pytest.raises(Refused, match="75001 Paris") as refusal:
            address_of(lines)
        assert refusal.value.address_at_fault
    else:
        assert expected.items() <= address_of(lines).items()


def test_a_letter_s_course_and_its_proofs_can_be_asked_for() -> None:
    with fakes.running("mysendingbox") as fake:
        provider = letters(fake.url)
        answer = provider.send(LETTER, ample())
        assert isinstance(answer, Entrusted)
        course = provider.follow(answer.provider_id, deadline=ample())
        assert [report.kind for report in course.reports] == ["delivered"]
        assert course.tracking_number == "2C12345678901"
        assert [proof.kind for proof in course.proofs] == [ProofKind.DEPOSIT, ProofKind.RECEIPT]
        assert provider.fetch(course.proofs[0], deadline=ample()).startswith(b"%PDF-")
        elsewhere = type(course.proofs[0])(ProofKind.DEPOSIT, "x", "http://169.254.169.254/latest/meta-data")
        with pytest.raises(Uncertain, match="not behind a safe address"):
            provider.fetch(elsewhere, deadline=ample())
        with pytest.raises(Uncertain):
            provider.follow("unknown", deadline=ample())


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("letter.filing_proof", "posted"),
        ("letter.sent", "posted"),
        ("letter.waiting_to_be_withdrawn", "presented"),
        ("letter.distributed", "delivered"),
        ("letter.returned_to_sender", "unclaimed"),
        ("letter.wrong_address", "unknown_address"),
        ("letter.lost", "failed"),
        ("letter.in_transit", None),
    ],
)
def test_its_events_become_ours(event: str, kind: str | None) -> None:
    body: dict[str, Any] = {
        "event": {"_id": "e1", "name": event, "created_at": "2026-10-05T07:00:00.000Z"},
        "letter": {"_id": "L1", "metadata": {"message_id": str(ID)}},
    }
    reports = letters().receive(told(body), now=NOW)
    assert [(report.kind, report.message_id, report.provider_id) for report in reports if isinstance(report, Report)] == (
        [(kind, ID, "L1")] if kind else []
    )


def test_a_call_without_the_password_is_not_taken() -> None:
    body = {"event": {"_id": "e1", "name": "letter.sent"}, "letter": {"_id": "L1"}}
    for call in (told(body, who="facteur:autre"), told(body, who=":"), Callback("https://x", {}, b"{}")):
        with pytest.raises(Forged):
            letters().receive(call, now=NOW)
    with pytest.raises(Forged):
        through("mysendingbox", "http://127.0.0.1:1").receive(told(body), now=NOW)
    with pytest.raises(ValueError):
        letters().receive(told({"event": 1}), now=NOW)
    assert MySendingBox.steps[1] == "letter.filing_proof"
