"""Real servers on sockets for tests: a mail server and HTTP services that do what a test tells them to."""

import email
import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class MailSink:
    """What a mail server received, and the answers it gives: `on_mail`, `on_rcpt` and `on_data` map an address or "*" to a reply line."""

    host: str = "127.0.0.1"
    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    on_mail: dict[str, str] = field(default_factory=dict)
    on_rcpt: dict[str, str] = field(default_factory=dict)
    on_data: dict[str, str] = field(default_factory=dict)
    drop_after_data: bool = False  # hang up without an answer, although the message was taken
    arrived: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)
    patient: bool = False  # answer DATA only once `may_answer` is set

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        answer = self.on_mail.get(address) or self.on_mail.get("*")
        if not answer:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        answer = self.on_rcpt.get(address) or self.on_rcpt.get("*")
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        import asyncio

        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        answer = self.on_data.get(envelope.rcpt_tos[0]) or self.on_data.get("*")
        if not answer:
            self.raw.append(content)
            self.received.append(email.message_from_bytes(content, policy=default))  # type: ignore[arg-type]
            self.recipients.append(envelope.rcpt_tos[0])
        self.arrived.set()
        while self.patient and not self.may_answer.is_set():
            await asyncio.sleep(0.02)
        if self.drop_after_data and server.transport is not None:
            server.transport.abort()
        return answer or "250 2.0.0 queued"


@contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, user: tuple[str, str] | None = None, sink: MailSink | None = None, port: int = 0
) -> Iterator[MailSink]:
    """A listening mail server; `user` is the only (name, password) that may sign in, and signing in is then required."""
    sink = sink or MailSink()

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth: Any) -> AuthResult:
        return AuthResult(success=user is not None and (auth.login.decode(), auth.password.decode()) == user, handled=False)

    controller = Controller(
        sink,
        hostname=sink.host,
        port=port or free_port(),
        tls_context=tls,  # offered by STARTTLS
        authenticator=authenticate if user else None,
        auth_required=user is not None,
        auth_require_tls=False,
    )
    controller.start()
    sink.port = controller.port
    try:
        yield sink
    finally:
        sink.may_answer.set()
        controller.stop()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """An HTTP answer; `hang_up` closes the connection instead, after the request was read."""

    status: int = 200
    body: bytes | str | dict[str, Any] | list[Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    drip: float = 0.0  # seconds between bytes
    hold: float = 0.0  # seconds before anything is answered
    endless: bool = False  # the body is repeated until the client hangs up


@dataclass
class HttpService:
    """A service that records requests and answers by `answer(request)`."""

    url: str
    answer: Callable[[Request], Reply]
    requests: list[Request] = field(default_factory=list)


@contextmanager
def http_service(answer: Callable[[Request], Reply], *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[HttpService]:
    """A listening HTTP service, behind `tls` when it is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, dict(self.headers.items()), body)
            service.requests.append(request)
            reply = service.answer(request)
            if reply.hold:
                stopping.wait(reply.hold)
            if reply.hang_up:
                self.close_connection = True
                with suppress(OSError):  # the client may have given up first
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            if reply.endless:
                self._chunks_without_end(reply)
                return
            content = reply.body if isinstance(reply.body, bytes) else _text(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(content)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self._write(content, reply.drip)

        def _chunks_without_end(self, reply: Reply) -> None:
            self.close_connection = True
            self.send_response(reply.status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            chunk = b"x" * 65536
            with suppress(OSError):
                while not stopping.is_set():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

        def _write(self, content: bytes, drip: float) -> None:
            if not drip:
                with suppress(OSError):
                    self.wfile.write(content)
                return
            for position in range(len(content)):
                try:
                    self.wfile.write(content[position : position + 1])
                    self.wfile.flush()
                except OSError:
                    return
                stopping.wait(drip)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read the recorded requests instead."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed in the middle of a call is no fault of the service."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    stopping = threading.Event()
    server = Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    service = HttpService(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)
