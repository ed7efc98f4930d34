"""One call of a webhook: to an address that was checked, within a time for all of it, without following anybody anywhere.

Nothing here knows the database: lines are used by threads.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Final

from notifications.enums import WebhookFault
from notifications.webhooks import signing
from notifications.webhooks.guard import Blocked, Target, resolve

TIME: Final = 15.0  # seconds for everything: name, connection, handshake, answer
LARGEST: Final = 65_536  # bytes of an answer that are read
SHOWN: Final = 500  # characters of it that are kept
LONGEST_WAIT: Final = 3600.0  # seconds a Retry-After is believed
AGENT: Final = "dunning-webhooks/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought: a status, or the fault for which there is none."""

    status: int | None = None
    fault: str = ""
    text: str = ""  # how the answer begins
    seconds: float = 0.0
    retry_after: float | None = None  # seconds

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class _Timed:
    """A socket that gives up when the time for the whole call is over, however slowly bytes come in."""

    ends: float = 0.0

    def recv_into(self, *arguments: Any, **more: Any) -> int:
        self._wait()
        return super().recv_into(*arguments, **more)  # type: ignore[misc,no-any-return]  # a mixin of sockets

    def send(self, *arguments: Any, **more: Any) -> int:
        self._wait()
        return super().send(*arguments, **more)  # type: ignore[misc,no-any-return]

    def _wait(self) -> None:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)  # type: ignore[attr-defined]  # a socket, in the stubs a mixin


class _PlainSocket(_Timed, socket.socket):
    pass


class _TlsSocket(_Timed, ssl.SSLSocket):
    pass


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.sslsocket_class = _TlsSocket
    return context


class Line:
    """A kept connection to one target, for one thread. `post` may be called again and again; `close` at the end."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, *, id: str, keys: Sequence[str], within: float = TIME) -> Answer:
        """Make one call of that id, signed with each of these secrets. Never raises: what went wrong is the answer."""
        started = time.monotonic()
        ends = started + within
        # The receiver compares the time with its own clock: it is the real one, whatever day business lives on.
        headers = signing.headers(keys, id=id, at=int(time.time()), body=body)
        try:
            response = self._ask(body, headers, ends)
            text = self._read(response, ends)
        except Exception as error:  # whatever a stranger's server makes a library say
            self.close()
            return Answer(fault=_fault(error), text=_words(error), seconds=time.monotonic() - started)
        wait = _retry_after(response.getheader("Retry-After"), response.getheader("Date"))
        return Answer(status=response.status, text=text, seconds=time.monotonic() - started, retry_after=wait)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
            self._connection = None

    def _ask(self, body: bytes, headers: dict[str, str], ends: float) -> http.client.HTTPResponse:
        if self._connection is not None:
            try:
                return self._send(self._connection, body, headers, ends)
            except (ConnectionError, http.client.RemoteDisconnected):  # the receiver had closed it meanwhile
                self.close()
        self._connection = _connect(self._target, ends)
        return self._send(self._connection, body, headers, ends)

    def _send(self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str], ends: float) -> http.client.HTTPResponse:
        connection.sock.ends = ends  # type: ignore[union-attr]  # our own socket
        connection.putrequest("POST", self._target.path, skip_host=True, skip_accept_encoding=True)
        fixed = {"Host": self._target.host_header, "User-Agent": AGENT, "Accept-Encoding": "identity", "Content-Type": "application/json"}
        for name, value in {**fixed, **headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return connection.getresponse()

    def _read(self, response: http.client.HTTPResponse, ends: float) -> str:
        """How the answer begins. Its status has come: what is too long or breaks off here ends the connection and nothing else."""
        content = bytearray()
        try:
            while len(content) < LARGEST and time.monotonic() < ends and (chunk := response.read1(LARGEST - len(content))):
                content += chunk
        except (OSError, http.client.HTTPException):
            self.close()
        if not response.isclosed() or response.will_close:
            self.close()
        return _clean(content[: SHOWN * 4].decode(errors="replace"))


def _connect(target: Target, ends: float) -> http.client.HTTPConnection:
    """A connection to one of the addresses that were checked; certificates and Host are about the name all the same."""
    failure: OSError | None = None
    for address in resolve(target, within=ends - time.monotonic()):
        plain = _PlainSocket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            plain.settimeout(max(ends - time.monotonic(), 0.001))
            plain.connect((address, target.port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = _tls().wrap_socket(plain, server_hostname=target.host) if target.scheme == "https" else plain
            return connection
        except OSError as error:
            plain.close()
            failure = error
            if isinstance(error, ssl.SSLError) or time.monotonic() >= ends:
                break
    raise failure if failure is not None else OSError("nowhere to connect to")


def _fault(error: Exception) -> WebhookFault:
    kinds: tuple[tuple[type[Exception] | tuple[type[Exception], ...], WebhookFault], ...] = (
        (Blocked, WebhookFault.BLOCKED),
        (TimeoutError, WebhookFault.TIMEOUT),
        (socket.gaierror, WebhookFault.NO_NAME),
        (ssl.SSLError, WebhookFault.TLS),
        ((ConnectionResetError, BrokenPipeError, http.client.HTTPException), WebhookFault.BROKEN),
        (OSError, WebhookFault.UNREACHABLE),
    )
    return next((fault for kind, fault in kinds if isinstance(error, kind)), WebhookFault.BROKEN)


def _words(error: Exception) -> str:
    return _clean(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _clean(text: str) -> str:
    return text.replace("\x00", "")[:SHOWN]


def _retry_after(value: str | None, sent: str | None) -> float | None:
    """Seconds of a Retry-After header as far as it is believed; a date is compared with the receiver's own `Date`. None for nonsense."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(sent or "")
    except (ValueError, TypeError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT)
