"""One call of a webhook against real servers: what is written, what its answer is worth, and how long anything may take."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

from notifications.webhooks import line, signing
from notifications.webhooks.guard import read_url
from notifications.webhooks.line import Answer, Line
from tests.servers import HttpService, Reply, Request, free_port, http_service

BODY = json.dumps({"type": "invoice.paid", "data": {"number": "FA-2026-042 é"}}, ensure_ascii=False).encode()
KEY, OLD_KEY = signing.new_secret(), signing.new_secret()
ID = "01912d68-783e-7a03-8467-5661c1243ad4"


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True


def post(service: HttpService, *, within: float = line.TIME, keys: tuple[str, ...] = (KEY,)) -> Answer:
    caller = Line(read_url(f"{service.url}/hooks/dunning?tenant=7"))
    try:
        return caller.post(BODY, id=ID, keys=keys, within=within)
    finally:
        caller.close()


def test_a_call_is_what_the_specification_says_and_its_library_verifies_it() -> None:
    with http_service(lambda request: Reply(204)) as service:
        answer = post(service)
    (request,) = service.requests
    assert (request.method, request.path, request.body) == ("POST", "/hooks/dunning?tenant=7", BODY)
    assert request.headers["Host"] == service.url.removeprefix("http://")
    assert (request.headers["Content-Type"], request.headers["webhook-id"]) == ("application/json", ID)
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 5
    assert Webhook(KEY).verify(request.body, request.headers) == json.loads(BODY)
    assert (answer.is_success, answer.status, answer.fault) == (True, 204, "")


def test_during_a_rotation_either_secret_verifies_and_a_third_does_not() -> None:
    with http_service(lambda request: Reply(200)) as service:
        post(service, keys=(KEY, OLD_KEY))
    (request,) = service.requests
    for key in (KEY, OLD_KEY):
        assert Webhook(key).verify(request.body, request.headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(request.body + b" ", request.headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_only_two_hundreds_are_a_success(status: int) -> None:
    with http_service(lambda request: Reply(status)) as service:
        assert post(service).is_success


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 503])
def test_anything_else_is_a_failure_that_keeps_its_first_words(status: int) -> None:
    with http_service(lambda request: Reply(status, body="non\x00 " + "é" * 5000)) as service:
        answer = post(service)
    assert (answer.is_success, answer.status) == (False, status)
    assert answer.text.startswith("non " + "é" * 400) if status not in (204, 304) else True
    assert len(answer.text) <= line.SHOWN


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "999999"}, line.LONGEST_WAIT),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "bientôt".encode("ascii", "ignore").decode()}, None),
        ({}, None),
    ],
)
def test_a_receiver_may_ask_for_time(headers: dict[str, str], seconds: float | None) -> None:
    with http_service(lambda request: Reply(429, headers=headers)) as service:
        assert post(service).retry_after == seconds


def test_a_date_to_come_back_at_is_read_against_the_receivers_own_clock() -> None:
    def answer(request: Request) -> Reply:
        return Reply(503, headers={"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)})

    with http_service(answer) as service:
        wait = post(service).retry_after
    assert wait is not None and 85 <= wait <= 91


@pytest.mark.parametrize("reply", [Reply(200, body=b"x" * 40, drip=0.2), Reply(200, hold=5)])
def test_the_whole_call_ends_in_time_however_slowly_it_is_answered(reply: Reply) -> None:
    with http_service(lambda request: reply) as service:
        began = time.monotonic()
        answer = post(service, within=0.6)
    assert time.monotonic() - began < 2
    assert (answer.status, answer.fault) in ((200, ""), (None, "timeout"))  # a status that came in time is an answer


def test_headers_that_drip_for_ever_end_with_the_call() -> None:
    """Each byte comes within any socket's patience; the call's own time is over all the same."""
    stopping = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not stopping.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server], daemon=True)
        thread.start()
        began = time.monotonic()
        answer = Line(read_url(f"http://127.0.0.1:{server.getsockname()[1]}/")).post(BODY, id=ID, keys=[KEY], within=0.6)
        stopping.set()
        thread.join()
    assert (answer.status, answer.fault) == (None, "timeout")
    assert time.monotonic() - began < 2


def test_an_answer_without_end_is_cut_and_its_status_counts() -> None:
    with http_service(lambda request: Reply(200, endless=True)) as service:
        began = time.monotonic()
        answer = post(service)
    assert (answer.status, len(answer.text)) == (200, line.SHOWN)
    assert time.monotonic() - began < 5


def test_a_receiver_that_hangs_up_or_is_not_there_is_a_fault_with_a_name() -> None:
    with http_service(lambda request: Reply(hang_up=True)) as service:
        answer = post(service)
    assert (answer.status, answer.fault, answer.is_success) == (None, "broken", False)
    nobody = Line(read_url(f"http://127.0.0.1:{free_port()}/"))
    assert nobody.post(BODY, id=ID, keys=[KEY]).fault == "unreachable"


def test_a_receiver_that_speaks_no_http_is_a_fault() -> None:
    def babble(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=babble, args=[server], daemon=True)
        thread.start()
        answer = Line(read_url(f"http://127.0.0.1:{server.getsockname()[1]}/")).post(BODY, id=ID, keys=[KEY], within=2)
        thread.join()
    assert (answer.status, answer.fault) == (None, "broken")


def test_calls_share_a_connection_and_one_that_was_closed_is_made_anew() -> None:
    replies = iter([Reply(200), Reply(200), Reply(200, headers={"Connection": "close"}), Reply(200)])
    with http_service(lambda request: next(replies)) as service:
        caller = Line(read_url(service.url))
        answers = [caller.post(BODY, id=str(number), keys=[KEY]) for number in range(3)]
        time.sleep(0.1)  # the server closes
        answers.append(caller.post(BODY, id="3", keys=[KEY]))
        caller.close()
    assert [answer.status for answer in answers] == [200] * 4
    assert [request.headers["webhook-id"] for request in service.requests] == ["0", "1", "2", "3"]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Trust what is signed by the certificates written here, as an installation with its own authority does."""
    file = tmp_path / "authority.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    line._tls.cache_clear()
    yield file
    line._tls.cache_clear()


def certificate(folder: Path, name: str, seen: list[str]) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "authority.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "authority.pem", folder / "key.pem")
    context.sni_callback = lambda connection, asked, _: seen.append(str(asked))
    return context


def test_the_certificate_is_verified_against_the_name_although_a_number_is_connected_to(authority: Path) -> None:
    asked: list[str] = []
    with http_service(lambda request: Reply(200), tls=certificate(authority.parent, "localhost", asked)) as service:
        url = service.url.replace("127.0.0.1", "localhost")
        answer = Line(read_url(url)).post(BODY, id=ID, keys=[KEY])
    assert (answer.status, answer.fault, asked) == (200, "", ["localhost"])
    assert service.requests[0].headers["Host"] == url.removeprefix("https://")


def test_a_certificate_of_another_name_or_authority_is_refused_before_anything_is_said(authority: Path) -> None:
    with http_service(lambda request: Reply(200), tls=certificate(authority.parent, "hooks.example.com", [])) as service:
        url = service.url.replace("127.0.0.1", "localhost")
        assert Line(read_url(url)).post(BODY, id=ID, keys=[KEY]).fault == "tls"
        authority.write_text("")
        line._tls.cache_clear()
        assert Line(read_url(url)).post(BODY, id=ID, keys=[KEY]).fault == "tls"
    assert service.requests == []
