"""Services behind HTTP: django-anymail and Twilio against local servers that speak their APIs."""

import time
from urllib.parse import parse_qs
from uuid import UUID

import pytest

from dunning.core.tokens import new_id
from notifications.enums import ProviderKind
from notifications.providers import build
from notifications.providers.base import (
    Accepted,
    Account,
    Capability,
    Deadline,
    Envelope,
    File,
    Misconfigured,
    NotAccepted,
    Provider,
    ProviderError,
    Refused,
    Released,
    Uncertain,
)
from tests.servers import Reply, Request, free_port, http_service

ID = UUID("01912d68-783e-7a03-8467-5661c1243ad4")
SENT = {"To": "achats@client.example", "MessageID": "b7bc2f4a-e38e-4336-af7d-e6c392c2f817", "ErrorCode": 0, "Message": "OK"}


def postmark(url: str) -> Provider:
    return build(Account(new_id(), ProviderKind.ANYMAIL, "email", {"service": "postmark", "api_url": url}, {"server_token": "jeton"}))


def brevo(url: str) -> Provider:
    return build(Account(new_id(), ProviderKind.ANYMAIL, "email", {"service": "brevo", "api_url": url}, {"api_key": "cle"}))


def twilio(url: str) -> Provider:
    return build(Account(new_id(), ProviderKind.TWILIO, "sms", {"account_sid": "AC42", "api_url": url}, {"auth_token": "jeton"}))


def email(**changes: object) -> Envelope:
    values: dict[str, object] = {
        "message_id": ID,
        "channel": "email",
        "sender": "Claire Martin <compta@atelier.example>",
        "recipient": "achats@client.example",
        "subject": "Rappel",
        "text": "Bonjour",
        "html": "<p>Bonjour</p>",
        "header_id": f"<{ID}@atelier.example>",
        "files": (File("Facture-FA-2026-00042.pdf", "application/pdf", b"%PDF-1.4"),),
    }
    return Envelope(**{**values, **changes})  # type: ignore[arg-type]


def sms() -> Envelope:
    return Envelope(ID, "sms", "Atelier", "+33612345678", text="Facture 42 : 120,00 EUR, merci.")


def ample(timeout: float = 20.0) -> Deadline:
    return Deadline.after(120, timeout)


def failure(provider: Provider, envelope: Envelope, deadline: Deadline | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        provider.send(envelope, deadline or ample())
    return raised.value


def test_an_email_goes_through_postmark_with_its_id_and_attachment() -> None:
    with http_service(lambda request: Reply(200, SENT)) as service:
        answer = postmark(service.url).send(email(), ample())

    assert answer == Accepted(provider_id="b7bc2f4a-e38e-4336-af7d-e6c392c2f817", response="postmark: sent")
    (request,) = service.requests
    assert (request.path, request.headers["X-Postmark-Server-Token"]) == ("/email", "jeton")
    said = request.json
    assert (said["From"], said["To"], said["Subject"]) == ("Claire Martin <compta@atelier.example>", "achats@client.example", "Rappel")
    assert (said["TextBody"], said["HtmlBody"]) == ("Bonjour", "<p>Bonjour</p>")
    assert said["Metadata"] == {"message_id": str(ID)}
    assert [file["Name"] for file in said["Attachments"]] == ["Facture-FA-2026-00042.pdf"]
    headers = {header["Name"]: header["Value"] for header in said["Headers"]}
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"] == f"<{ID}@atelier.example>"


def test_brevo_is_given_the_message_id_as_its_idempotency_key() -> None:
    with http_service(lambda request: Reply(201, {"messageId": "<2026@relay.example>"})) as service:
        provider = brevo(service.url)
        provider.send(email(), ample())
    assert service.requests[0].json["headers"]["idempotencyKey"] == str(ID)
    assert provider.capabilities == Capability.IDEMPOTENT | Capability.CALLBACK
    assert provider.idempotent_for == 900.0


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_took_nothing_and_says_when_to_come_back(status: int) -> None:
    with http_service(lambda request: Reply(status, {"Message": "slow down"}, {"Retry-After": "90"})) as service:
        no = failure(postmark(service.url), email())
    assert isinstance(no, NotAccepted)
    assert (no.retry_after, no.service, len(service.requests)) == (90.0, True, 1)


def test_a_wrong_key_is_ours_to_mend() -> None:
    with http_service(lambda request: Reply(401, {"ErrorCode": 10, "Message": "Bad server token"})) as service:
        no = failure(postmark(service.url), email())
    assert isinstance(no, NotAccepted)
    assert "Bad server token" in no.text


def test_used_up_credits_are_ours_to_mend() -> None:
    with http_service(lambda request: Reply(402, {"code": "not_enough_credits", "message": "Buy some more"})) as service:
        no = failure(brevo(service.url), email())
    assert isinstance(no, NotAccepted) and no.service
    assert "not_enough_credits" in no.text


INACTIVE = (
    "You tried to send to recipient(s) that have been marked as inactive.\nFound inactive addresses: achats@client.example.\n"
    "Inactive recipients are ones that have generated a hard bounce or a spam complaint."
)


@pytest.mark.parametrize(("code", "text", "dead"), [(406, INACTIVE, True), (402, "Received invalid JSON input.", False)])
def test_what_the_service_refuses_for_good(code: int, text: str, dead: bool) -> None:
    with http_service(lambda request: Reply(422, {"ErrorCode": code, "Message": text})) as service:
        no = failure(postmark(service.url), email())
    assert isinstance(no, Refused)
    assert no.address_at_fault is dead


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, "oops"),
        Reply(502, "<html>bad gateway</html>"),
        Reply(200, "<html>welcome to the hotel wifi</html>"),
        Reply(200, b""),
        Reply(hang_up=True),
        Reply(302, b"", {"Location": "http://127.0.0.1:1/"}),
        Reply(200, b"x" * 1_500_000),
    ],
    ids=["500", "502", "html", "empty", "hang up", "redirect", "1.5 MB"],
)
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_whatever_proves_nothing_is_uncertain(reply: Reply, channel: str) -> None:
    with http_service(lambda request: reply) as service:
        no = failure(*((postmark(service.url), email()) if channel == "email" else (twilio(service.url), sms())))
        assert isinstance(no, Uncertain), no
        assert len(service.requests) == 1  # nothing was tried again


def test_an_answer_that_drips_is_cut_off() -> None:
    with http_service(lambda request: Reply(200, SENT, drip=0.1)) as service:
        started = time.monotonic()
        no = failure(postmark(service.url), email(), ample(timeout=1.0))
        assert isinstance(no, Uncertain)
        assert time.monotonic() - started < 4


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_service_that_is_not_there_took_nothing(channel: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    no = failure(*((postmark(url), email()) if channel == "email" else (twilio(url), sms())))
    assert isinstance(no, NotAccepted)
    assert "cannot be reached" in no.text


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_nothing_is_written_when_too_little_time_is_left(channel: str) -> None:
    with http_service(lambda request: Reply(200, SENT)) as service:
        provider, envelope = (postmark(service.url), email()) if channel == "email" else (twilio(service.url), sms())
        assert isinstance(failure(provider, envelope, Deadline.after(29.0)), Released)
        assert service.requests == []


def test_a_header_cannot_be_injected_into_an_api_call() -> None:
    with http_service(lambda request: Reply(200, SENT)) as service:
        no = failure(postmark(service.url), email(subject="Rappel\r\nBcc: x@y.example"))
        assert isinstance(no, Refused) and no.code == "unsafe_header"
        assert service.requests == []


def test_a_text_message_goes_through_twilio() -> None:
    def accept(request: Request) -> Reply:
        return Reply(201, {"sid": "SM0123", "status": "queued", "to": "+33612345678", "body": "…"})

    with http_service(accept) as service:
        answer = twilio(service.url).send(sms(), ample())
    assert answer == Accepted(provider_id="SM0123", response="Twilio: queued")
    (request,) = service.requests
    assert request.path == "/2010-04-01/Accounts/AC42/Messages.json"
    assert {name: values[0] for name, values in parse_qs(request.body.decode()).items()} == {
        "To": "+33612345678",
        "From": "Atelier",
        "Body": "Facture 42 : 120,00 EUR, merci.",
    }


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead", "stopped"),
    [
        (400, 21211, Refused, True, False),  # not a number
        (400, 21614, Refused, True, False),  # not a mobile
        (400, 21610, Refused, False, True),  # answered STOP
        (400, 21602, Refused, False, False),  # no body
        (400, 21612, Refused, False, False),  # this sender cannot write to that country
        (401, 20003, NotAccepted, False, False),
        (429, 20429, NotAccepted, False, False),
        (500, 20500, Uncertain, False, False),
    ],
)
def test_twilio_errors_mean_what_its_list_says(status: int, code: int, kind: type[ProviderError], dead: bool, stopped: bool) -> None:
    reply = Reply(status, {"code": code, "message": "No", "status": status}, {"Retry-After": "7"})
    with http_service(lambda request: reply) as service:
        no = failure(twilio(service.url), sms())
    assert type(no) is kind
    assert (getattr(no, "address_at_fault", False), getattr(no, "stopped", False)) == (dead, stopped)
    if isinstance(no, NotAccepted):
        assert no.retry_after == 7.0


def test_incomplete_settings_are_refused_with_what_is_missing() -> None:
    with pytest.raises(Misconfigured, match="needs server_token"):
        build(Account(new_id(), ProviderKind.ANYMAIL, "email", {"service": "postmark"}))
    with pytest.raises(Misconfigured, match="not a known e-mail service: choose one of amazon_ses"):
        build(Account(new_id(), ProviderKind.ANYMAIL, "email", {"service": "pigeon"}))
    with pytest.raises(Misconfigured, match="account SID and an auth token"):
        build(Account(new_id(), ProviderKind.TWILIO, "sms", {"account_sid": "AC42"}))
