"""What each service reports and passes on, read by the parsers that know it, with this product's words."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest

from dunning.core.tokens import new_id
from notifications.enums import ProviderKind
from notifications.providers import build
from notifications.providers.base import Account, Callback, Incoming, Provider, Report
from tests.notifications.test_hook_forgeries import mailgun_call
from tests.servers import Reply, http_service

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ID = UUID("01912d68-783e-7a03-8467-5661c1243ad4")
OURS = {"message_id": str(ID)}


def service(name: str, **settings: Any) -> Provider:
    secrets = {key: "k" for key in ("api_key", "api_token", "server_token", "secret_key", "webhook_signing_key", "signing_secret")}
    return build(Account(new_id(), ProviderKind.ANYMAIL, "email", {"service": name, "project_id": "p", **settings}, secrets))


def read(name: str, body: Any, *, content_type: str = "application/json", **settings: Any) -> list[Report | Incoming]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(service(name, **settings).read(Callback("", {"content-type": content_type}, content), now=NOW))


def kinds(found: list[Report | Incoming]) -> list[tuple[str, UUID | None]]:
    return [(entry.kind, entry.message_id) for entry in found if isinstance(entry, Report)]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("request", "accepted"),
        ("delivered", "delivered"),
        ("hard_bounce", "bounced"),
        ("invalid_email", "bounced"),
        ("soft_bounce", "soft_bounced"),
        ("blocked", "failed"),
        ("spam", "complained"),
        ("deferred", "deferred"),
        ("opened", "opened"),
        ("unsubscribe", "stopped"),
    ],
)
def test_brevo(event: str, kind: str) -> None:
    body = {"event": event, "email": "a@b.example", "message-id": "<1@x>", "ts_epoch": 1764064800000, "X-Mailin-custom": json.dumps(OURS)}
    (report,) = read("brevo", body)
    assert isinstance(report, Report)
    assert (report.kind, report.message_id, report.provider_id, report.at) == (kind, ID, "<1@x>", datetime(2025, 11, 25, 10, tzinfo=UTC))


def test_what_means_nothing_to_us_is_left_out() -> None:
    assert read("brevo", {"event": "list_addition", "email": "a@b.example"}) == []
    assert read("sparkpost", [{"msys": {}}]) == []


def test_mailjet_several_at_once() -> None:
    body = [
        {"event": "sent", "MessageID": 19, "Payload": json.dumps(OURS), "email": "a@b.example", "time": 1764064800},
        {"event": "bounce", "MessageID": 20, "Payload": json.dumps(OURS), "hard_bounce": True, "error": "user unknown"},
        {"event": "bounce", "MessageID": 21, "Payload": json.dumps(OURS), "hard_bounce": False, "error": "quota exceeded"},
        {"event": "spam", "MessageID": 22, "Payload": json.dumps(OURS)},
    ]
    assert kinds(read("mailjet", body)) == [("delivered", ID), ("bounced", ID), ("soft_bounced", ID), ("complained", ID)]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"RecordType": "Delivery", "Recipient": "a@b.example", "DeliveredAt": "2026-11-25T10:00:00Z"}, "delivered"),
        ({"RecordType": "Bounce", "Type": "HardBounce", "ID": 42, "Email": "a@b.example"}, "bounced"),
        ({"RecordType": "Bounce", "Type": "SoftBounce", "ID": 43, "Email": "a@b.example"}, "soft_bounced"),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 44, "Email": "a@b.example"}, "complained"),
    ],
)
def test_postmark(said: dict[str, Any], kind: str) -> None:
    (report,) = read("postmark", {**said, "MessageID": "b7bc2f4a", "Metadata": OURS})
    assert isinstance(report, Report)
    assert (report.kind, report.message_id, report.provider_id) == (kind, ID, "b7bc2f4a")


def test_mailgun_sendgrid_resend_mailersend_and_sparkpost() -> None:
    call = mailgun_call(
        "k", NOW.timestamp(), **{"event": "failed", "severity": "permanent", "user-variables": OURS, "timestamp": 1764064800}
    )
    assert kinds(list(service("mailgun").read(call, now=NOW))) == [("bounced", ID)]
    sendgrid = [{"event": "bounce", "type": "bounce", "email": "a@b.example", "sg_event_id": "e", "timestamp": 1764064800, **OURS}]
    assert kinds(read("sendgrid", sendgrid)) == [("bounced", ID)]
    assert kinds(read("sendgrid", [{**sendgrid[0], "type": "blocked"}])) == [("soft_bounced", ID)]
    resend = {"type": "email.bounced", "created_at": "2026-11-25T10:00:00.000Z", "data": {"email_id": "r", "to": ["a@b.example"]}}
    resend["data"] |= {"bounce": {"message": "hard bounce message"}, "headers": [{"name": "X-Metadata", "value": json.dumps(OURS)}]}  # type: ignore[operator]  # a table of mixed values
    assert kinds(read("resend", resend)) == [("bounced", ID)]
    mailersend = {
        "type": "activity.delivered",
        "data": {"type": "delivered", "id": "m", "email": {"message": {"id": "x"}, "recipient": {}}},
    }
    (found,) = read("mailersend", mailersend)
    assert isinstance(found, Report) and (found.kind, found.provider_id) == ("delivered", "x")
    sparkpost = [{"msys": {"message_event": {"type": "bounce", "bounce_class": "10", "timestamp": "1764064800", "rcpt_meta": OURS}}}]
    assert kinds(read("sparkpost", sparkpost)) == [("bounced", ID)]


HEADERS = [("Message-ID", "<r1@client.example>"), ("In-Reply-To", f"<{ID}@atelier.example>"), ("Auto-Submitted", "auto-replied")]


def incoming(found: list[Report | Incoming]) -> Incoming:
    (came,) = found
    assert isinstance(came, Incoming)
    return came


def check(came: Incoming) -> None:
    assert (came.sender, came.text.strip(), came.in_reply_to) == ("paul@client.example", "Payé.", f"<{ID}@atelier.example>")
    assert (came.header_id, came.headers["auto-submitted"]) == ("<r1@client.example>", "auto-replied")


def test_mail_passed_on_by_postmark() -> None:
    named = [{"Name": name, "Value": value} for name, value in HEADERS]
    body = {
        "FromFull": {"Email": "paul@client.example", "Name": "Paul"},
        "ToFull": [{"Email": "compta+x@in.example", "Name": ""}],
        "Subject": "Re: Facture",
        "MessageID": "p1",
        "TextBody": "Payé.",
        "Headers": [{"Name": "Return-Path", "Value": "<>"}, *named],
        "Attachments": [{"Name": "avis.pdf", "ContentType": "application/pdf", "Content": "JVBERg=="}],
        "OriginalRecipient": "compta+x@in.example",
    }
    came = incoming(read("postmark", body))
    check(came)
    assert (came.event_id, came.recipients[0], came.headers["return-path"]) == ("p1", "compta+x@in.example", "<>")
    assert [(file.filename, file.media_type, file.content) for file in came.files] == [("avis.pdf", "application/pdf", b"%PDF")]


def test_mail_passed_on_by_mailjet_mailgun_and_sendgrid() -> None:
    headers = {"From": "Paul <paul@client.example>", "To": "compta@in.example", "Subject": "Re", **dict(HEADERS)}
    check(
        incoming(
            read(
                "mailjet",
                {"Headers": headers, "Text-part": "Payé.", "Sender": "paul@client.example", "Recipient": "c@in.example", "Parts": []},
            )
        )
    )
    form = {
        "message-headers": json.dumps(list(headers.items())),
        "body-plain": "Payé.",
        "sender": "paul@client.example",
        "timestamp": "1764064800",
        "token": "t",
    }
    check(incoming(read("mailgun", urlencode(form).encode(), content_type="application/x-www-form-urlencoded")))
    lines = "\n".join(f"{name}: {value}" for name, value in headers.items())
    parts = {
        "headers": lines,
        "text": "Payé.",
        "charsets": json.dumps({"text": "utf-8"}),
        "envelope": json.dumps({"from": "p@x", "to": ["c@x"]}),
    }
    body = (
        "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()) + "--b--\r\n"
    )
    check(incoming(read("sendgrid", body.encode(), content_type="multipart/form-data; boundary=b")))


PHOTO = bytes(range(256)) * 16_384  # four megabytes of a telephone's camera


def test_a_large_file_comes_whole_with_the_letter_whoever_passes_it_on() -> None:
    photo = {"Name": "virement.jpg", "ContentType": "image/jpeg", "Content": base64.b64encode(PHOTO).decode()}
    named = [{"Name": name, "Value": value} for name, value in HEADERS]
    postmark = {
        "RecordType": "Inbound", "From": "paul@client.example", "FromFull": {"Email": "paul@client.example", "Name": "Paul"},
        "ToFull": [{"Email": "compta@in.example"}], "Subject": "Re", "TextBody": "Payé.", "Headers": named, "Attachments": [photo],
    }  # fmt: skip
    fields = {
        "message-headers": json.dumps(list(HEADERS)),
        "body-plain": "Payé.",
        "sender": "paul@client.example",
        "timestamp": "1764064800",
        "token": "t",
        "attachment-count": "1",
    }
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    parts.append('--b\r\nContent-Disposition: form-data; name="attachment-1"; filename="virement.jpg"\r\nContent-Type: image/jpeg\r\n\r\n')
    mailgun = "".join(parts).encode() + PHOTO + b"\r\n--b--\r\n"
    for came in (
        incoming(read("postmark", postmark)),
        incoming(read("mailgun", mailgun, content_type="multipart/form-data; boundary=b")),
    ):
        assert [(file.filename, file.media_type, file.content == PHOTO) for file in came.files] == [("virement.jpg", "image/jpeg", True)]


@pytest.mark.parametrize("content", [b"%PDF", b"%PDF" * 1_000_000], ids=["small", "4 MB"])
def test_brevos_files_are_fetched_from_it_bounded(content: bytes) -> None:
    headers = {"From": "Paul <paul@client.example>", "To": "compta@in.example", "Subject": "Re", **dict(HEADERS)}
    item = {
        "Uuid": ["u1"],
        "Headers": headers,
        "RawTextBody": "Payé.",
        "Attachments": [{"Name": "avis.pdf", "DownloadToken": "t/1", "ContentType": "application/pdf"}],
    }
    with http_service(lambda request: Reply(200, content, {"Content-Type": "application/pdf"})) as api:
        came = incoming(read("brevo", {"items": [item]}, api_url=f"{api.url}/v3/"))
    check(came)
    assert [(file.filename, file.content) for file in came.files] == [("avis.pdf", content)]
    assert api.requests[0].path == "/v3/inbound/attachments/t%2F1"


@pytest.mark.parametrize("name", ["brevo", "mailjet", "postmark", "mailgun", "sendgrid", "resend", "mailersend", "sparkpost", "scaleway"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b"null", b"3", b'"x"', b'[{"event": 1}]', b'{"event": {}}', b"\xff" * 50, b"[" * 50_000]
)
def test_nonsense_is_a_value_error_or_nothing(name: str, body: bytes) -> None:
    for content_type in ("application/json", "multipart/form-data; boundary=b", "text/plain", ""):
        try:
            found = read(name, body, content_type=content_type)
        except (ValueError, RecursionError):
            continue
        assert all(isinstance(entry, Report | Incoming) for entry in found)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("sent", "", "accepted"),
        ("delivered", "", "delivered"),
        ("undelivered", "30006", "wrong_number"),
        ("failed", "30008", "failed"),
        ("undelivered", "30003", "failed"),
    ],
)
def test_twilio_statuses(status: str, code: str, kind: str) -> None:
    provider = build(Account(new_id(), ProviderKind.TWILIO, "sms", {"account_sid": "AC1"}, {"auth_token": "t"}))
    body = urlencode({"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": code, "To": "+33612345678"}).encode()
    (report,) = provider.read(Callback(f"?message={ID}", {}, body), now=NOW)
    assert isinstance(report, Report)
    assert (report.kind, report.message_id, report.provider_id, report.event_id) == (kind, ID, "SM1", f"SM1:{status}")
