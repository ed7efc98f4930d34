"""SMTP against a real server on a socket: what each answer proves, and what the recipient's program sees."""

import email
import email.policy
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.tokens import new_id
from notifications.enums import ProviderKind
from notifications.providers import build, mime
from notifications.providers.base import (
    Accepted,
    Account,
    Deadline,
    Envelope,
    File,
    Misconfigured,
    NotAccepted,
    Refused,
    Released,
    Uncertain,
)
from notifications.providers.smtp import Smtp
from tests.servers import MailSink, free_port, mail_server

PDF = b"%PDF-1.4\n.\n..a line that starts with dots\n%%EOF\n"


def provider(sink: MailSink, **settings: object) -> Smtp:
    built = build(Account(new_id(), ProviderKind.SMTP, "email", {"host": sink.host, "port": sink.port, **settings}))
    assert isinstance(built, Smtp)
    return built


def envelope(**changes: object) -> Envelope:
    message_id = UUID("01912d68-783e-7a03-8467-5661c1243ad4")
    values: dict[str, object] = {
        "message_id": message_id,
        "channel": "email",
        "sender": "Claire Martin <compta@atelier.example>",
        "recipient": "achats@client.example",
        "recipient_name": "Éloïse Lefèvre",
        "reply_to": "compta@atelier.example",
        "subject": "Facture FA-2026-00042 : échéance dépassée",
        "text": "Bonjour,\n.\nUn point seul sur sa ligne.\n",
        "html": "<p>Bonjour,</p>",
        "header_id": f"<{message_id}@atelier.example>",
        "references": "<premier@atelier.example>",
    }
    return Envelope(**{**values, **changes})  # type: ignore[arg-type]


def ample() -> Deadline:
    return Deadline.after(120)


def test_an_email_arrives_with_twins_honest_headers_and_its_invoice() -> None:
    with mail_server() as sink:
        answer = provider(sink).send(envelope(files=(File("Facture-FA-2026-00042.pdf", "application/pdf", PDF),)), ample())

    assert isinstance(answer, Accepted)
    assert answer.response == "250 2.0.0 queued"
    (message,) = sink.received
    assert sink.recipients == ["achats@client.example"]
    assert message["From"] == "Claire Martin <compta@atelier.example>"
    assert message["To"] == "Éloïse Lefèvre <achats@client.example>"
    assert message["Reply-To"] == "compta@atelier.example"
    assert message["Subject"].strip() == "Facture FA-2026-00042 : échéance dépassée"
    assert message["Message-ID"] == "<01912d68-783e-7a03-8467-5661c1243ad4@atelier.example>"
    assert message["References"] == "<premier@atelier.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "DR, RN, NRN"
    assert b"dunning" not in sink.raw[0].lower() and b"django" not in sink.raw[0].lower()
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None and text.get_content().replace("\r\n", "\n") == "Bonjour,\n.\nUn point seul sur sa ligne.\n"
    assert html is not None and html.get_content().strip() == "<p>Bonjour,</p>"
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "Facture-FA-2026-00042.pdf"
    assert attachment.get_content() == PDF


def test_the_connection_is_kept_and_replaced_when_the_server_hung_up() -> None:
    with mail_server() as sink:
        smtp = provider(sink)
        for _ in range(5):
            smtp.send(envelope(), ample())
        assert sink.connections == 1
        smtp._idle[0][0].close()  # what a server does to a silent client
        smtp.send(envelope(), ample())
        assert (sink.connections, len(sink.received)) == (2, 6)


def test_threads_share_a_provider_without_sharing_a_connection() -> None:
    with mail_server() as sink:
        smtp = provider(sink)
        threads = [threading.Thread(target=smtp.send, args=(envelope(recipient=f"c{n}@client.example"), ample())) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(sink.recipients) == sorted(f"c{n}@client.example" for n in range(12))


def test_a_server_that_is_not_there_certainly_took_nothing() -> None:
    nobody = MailSink(port=free_port())
    with pytest.raises(NotAccepted) as refusal:
        provider(nobody).send(envelope(), ample())
    assert f"127.0.0.1:{nobody.port} cannot be reached" in refusal.value.text
    assert refusal.value.service is True


def test_wrong_password_and_right_password() -> None:
    with mail_server(user=("atelier", "juste")) as sink:
        account = Account(
            new_id(), ProviderKind.SMTP, "email", {"host": sink.host, "port": sink.port, "username": "atelier"}, {"password": "faux"}
        )
        with pytest.raises(NotAccepted, match="refused the sign-in: check the user name and password"):
            build(account).send(envelope(), ample())
        assert sink.received == []
        right = Account(account.id, account.kind, account.channel, account.settings, {"password": "juste"})
        build(right).send(envelope(), ample())
        assert len(sink.received) == 1
        assert "juste" not in repr(right)


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_starttls_checks_the_certificate_unless_told_not_to(tmp_path: Path) -> None:
    with mail_server(tls=certificate(tmp_path)) as sink:
        with pytest.raises(NotAccepted, match="certificate verify failed"):
            provider(sink, security="starttls").send(envelope(), ample())
        assert sink.received == []
        provider(sink, security="starttls", verify=False).send(envelope(), ample())
        assert len(sink.received) == 1


def test_a_server_without_tls_is_not_written_to_in_the_clear() -> None:
    with mail_server() as sink:
        with pytest.raises(NotAccepted, match="STARTTLS"):
            provider(sink, security="starttls").send(envelope(), ample())
        assert sink.received == []


@pytest.mark.parametrize(
    ("reply", "kind", "dead"),
    [
        ("550 5.1.1 no such user", Refused, True),
        ("553 mailbox name not allowed", Refused, True),
        ("554 rejected for policy reasons", Refused, False),
        ("550 5.1.8 bad outbound sender", Refused, False),
        ("552 5.2.2 mailbox full", Refused, False),
        ("553 5.7.1 Sender address rejected: not owned by user relances", NotAccepted, False),
        ("550 5.7.1 Client host blocked using zen.spamhaus.org", NotAccepted, False),
        ("450 4.2.1 greylisted, try again", NotAccepted, False),
    ],
)
def test_a_refused_recipient(reply: str, kind: type[Refused | NotAccepted], dead: bool) -> None:
    with mail_server() as sink:
        sink.on_rcpt["perdu@client.example"] = reply
        smtp = provider(sink)
        with pytest.raises(kind) as refusal:
            smtp.send(envelope(recipient="perdu@client.example"), ample())
        assert reply in refusal.value.text
        assert getattr(refusal.value, "address_at_fault", False) is dead
        assert getattr(refusal.value, "service", False) is False  # one address says nothing about the server
        smtp.send(envelope(), ample())
        assert (sink.recipients, sink.connections) == (["achats@client.example"], 1)


@pytest.mark.parametrize(
    ("reply", "kind", "dead"),
    [
        ("554 5.7.1 looks like spam", Refused, False),
        ("550 5.1.1 no such user", Refused, True),
        ("550 no", Refused, False),
        ("451 4.3.0 disk full", NotAccepted, False),
    ],
)
def test_a_message_refused_after_it_was_written(reply: str, kind: type[Refused | NotAccepted], dead: bool) -> None:
    with mail_server() as sink:
        sink.on_data["*"] = reply
        with pytest.raises(kind, match=reply[4:]) as refusal:
            provider(sink).send(envelope(), ample())
        assert getattr(refusal.value, "address_at_fault", False) is dead


@pytest.mark.parametrize(("reply", "service"), [("553 sender not yours", True), ("530 5.7.0 sign in first", True), ("451 later", False)])
def test_a_refused_sender_is_ours_to_mend(reply: str, service: bool) -> None:
    with mail_server() as sink:
        sink.on_mail["compta@atelier.example"] = reply
        with pytest.raises(NotAccepted, match=f"refused the sender compta@atelier.example: {reply}") as refusal:
            provider(sink).send(envelope(), ample())
        assert (refusal.value.service, sink.received) == (service, [])


def test_a_lost_answer_is_uncertain() -> None:
    with mail_server() as sink:
        sink.drop_after_data = True
        with pytest.raises(Uncertain, match="did not answer after the message was written"):
            provider(sink).send(envelope(), ample())
        assert len(sink.received) == 1


def test_an_answer_that_drips_is_cut_off() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        client, _ = listener.accept()
        stream = client.makefile("rwb")
        for line in (b"220 hello", b"250 hello", b"250 sender", b"250 recipient", b"354 go on"):
            stream.write(line + b"\r\n")
            stream.flush()
            if line.startswith(b"354"):
                break
            stream.readline()
        stream.readline()
        while stream.readline() != b".\r\n":
            continue
        for _ in range(100):
            try:
                client.sendall(b"2")
            except OSError:
                return
            time.sleep(0.1)

    threading.Thread(target=drip, daemon=True).start()
    sink = MailSink(port=listener.getsockname()[1])
    started = time.monotonic()
    with pytest.raises(Uncertain):
        provider(sink).send(envelope(), Deadline.after(120, timeout=1.0))
    assert time.monotonic() - started < 5
    listener.close()


def test_nothing_is_written_when_too_little_time_is_left() -> None:
    with mail_server() as sink:
        with pytest.raises(Released):
            provider(sink).send(envelope(), Deadline.after(29.9))
        assert (sink.received, sink.connections) == ([], 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Rappel\r\nBcc: tout@monde.example"},
        {"recipient": "a@client.example\r\nBcc: b@client.example"},
        {"recipient": "a@client.example, b@client.example"},
        {"recipient_name": "Achats\nBcc: tout@monde.example"},
        {"sender": "Claire <compta@atelier.example>\r\nX-Evil: 1"},
        {"reply_to": "compta@atelier.example\nBcc: x@y.example"},
        {"header_id": "<a@b>\r\nX-Evil: 1"},
        {"references": "<a@b>\nX-Evil: 1"},
        {"files": (File("a.pdf\r\nX-Evil: 1", "application/pdf", b"%PDF"),)},
        {"recipient": "nul\x00@client.example"},
    ],
)
def test_a_header_cannot_be_injected(changes: dict[str, object]) -> None:
    with mail_server() as sink:
        with pytest.raises(Refused) as refusal:
            provider(sink).send(envelope(**changes), ample())
        assert refusal.value.code == "unsafe_header"
        assert (sink.received, sink.connections) == ([], 0)


HEADERS = {"Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID", "References", "In-Reply-To"} | set(mime.HEADERS)


@given(subject=st.text(max_size=120), name=st.text(max_size=60), reply=st.text(max_size=40), filename=st.text(min_size=1, max_size=40))
def test_no_text_at_all_adds_a_header(subject: str, name: str, reply: str, filename: str) -> None:
    message = envelope(subject=subject, recipient_name=name, reply_to=reply, files=(File(filename, "application/pdf", PDF),))
    try:
        built = mime.build(message).message().as_bytes()
    except (Refused, UnicodeEncodeError):  # refused in words, or a lone surrogate no database can hold
        return
    parsed = email.message_from_bytes(built, policy=email.policy.default)
    assert set(parsed) - {"Reply-To"} == HEADERS
    assert len(parsed.keys()) == len(set(parsed.keys()))
    assert [address.addr_spec for address in parsed["To"].addresses] == ["achats@client.example"]


def test_names_with_commas_quotes_and_brackets_stay_one_recipient() -> None:
    with mail_server() as sink:
        for name in ('Dupont, "Jean" <x@y.example>', "A; B, C", "Été & Fils, SARL"):
            provider(sink).send(envelope(recipient_name=name), ample())
        assert sink.recipients == ["achats@client.example"] * 3
        for message in sink.received:
            (address,) = message["To"].addresses
            assert address.addr_spec == "achats@client.example"


def test_an_international_domain_is_written_as_smtp_needs_it() -> None:
    with mail_server() as sink:
        provider(sink).send(envelope(recipient="achats@société.example"), ample())
        assert sink.recipients == ["achats@xn--socit-esab.example"]


def test_settings_that_cannot_work_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(Misconfigured, match="starttls or ssl"):
        build(Account(new_id(), ProviderKind.SMTP, "email", {"host": "mail.example", "security": "tls9"}))
    with pytest.raises(Misconfigured, match="does not carry this channel"):
        build(Account(new_id(), ProviderKind.SMTP, "sms", {"host": "mail.example"}))
