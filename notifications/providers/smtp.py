"""Any SMTP server: one kept connection per thread in use, and answers read for what they prove.

Before the message's last line is written nothing can have been accepted; after it, only a reply tells. A lost reply is `Uncertain`,
because bare SMTP knows no idempotency. Safest is a mail server of one's own beside the application, whose queue can be searched.
"""

import base64
import contextlib
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext

from dunning.core import failpoints
from dunning.core.enums import Channel
from notifications.enums import ProviderKind
from notifications.providers import mail, mime
from notifications.providers.base import (
    Accepted,
    Account,
    Callback,
    Deadline,
    Envelope,
    Incoming,
    Misconfigured,
    NotAccepted,
    Provider,
    Refused,
    Report,
    Uncertain,
)
from notifications.providers.callbacks import require_secret

CONNECT_TIMEOUT = 10.0
MESSAGES_PER_CONNECTION = 100
CLOSING = 421  # the server ends the connection (RFC 5321, 3.8)
DEAD_ADDRESS = frozenset({550, 551, 553})  # of a recipient, unless a status says more
POLICY = "5.7."  # the sender is not ours to use, we are on a list, no relaying (RFC 3463)
_STATUS = re.compile(r"\s*(5\.\d{1,3}\.\d{1,3})\b")  # how a reply begins where the server tells more than the code (RFC 2034)


class Smtp(Provider):
    """Settings: `host`, `port`, `security` ("starttls", "ssl" or "none"), `username`; secret: `password`; without a host, the server's own
    EMAIL_URL. TLS certificates are verified unless `verify` is false."""

    kind = ProviderKind.SMTP
    channels = frozenset({Channel.EMAIL})

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        own = account.settings
        if own.get("host"):
            self.host, self.port = str(own["host"]), _port(own.get("port"))
            self.security = str(own.get("security") or "none")
            self.username, self.password = str(own.get("username") or ""), account.secrets.get("password", "")
        else:
            self.host, self.port = settings.EMAIL_HOST, settings.EMAIL_PORT
            self.security = "starttls" if settings.EMAIL_USE_TLS else "ssl" if settings.EMAIL_USE_SSL else "none"
            self.username, self.password = settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD
        if not self.host:
            raise Misconfigured(gettext("No mail server is set: give its host, or set EMAIL_URL for the whole installation."))
        if self.security not in ("none", "starttls", "ssl"):
            raise Misconfigured(
                gettext("The security of a mail server is none, starttls or ssl, not “%(security)s”.") % {"security": self.security}
            )
        self._checks_certificates = str(own.get("verify", True)).lower() != "false"
        self._idle: list[tuple[smtplib.SMTP, int]] = []  # (connection, messages sent over it)
        self._lock = threading.Lock()

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted:
        content = mime.write(envelope)
        sender, recipient = mime.wire_address(envelope.sender), mime.wire_address(envelope.recipient)
        deadline.require()
        connection, sent = self._begin(sender)
        keep = False
        try:
            self._recipient(connection, recipient)
            accepted = self._data(connection, content, deadline)
            keep = True
            return accepted
        except (Refused, NotAccepted):
            keep = self._reset(connection)
            raise
        finally:
            if keep and sent + 1 < MESSAGES_PER_CONNECTION:
                with self._lock:
                    self._idle.append((connection, sent + 1))
            else:
                _hang_up(connection)

    @property
    def signs_calls(self) -> bool:
        return False

    def verify(self, callback: Callback, *, now: datetime) -> str:
        """Mail comes in from a server of one's own that posts each message as it is (`curl --data-binary @-` behind an alias)."""
        require_secret(callback, self.account)
        return ""

    def read(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        if not callback.body.strip():
            raise ValueError("the message is empty")
        return mail.read(mail.parse(callback.body))

    def receive(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        self.verify(callback, now=now)
        return self.read(callback, now=now)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            _hang_up(connection)

    def _begin(self, sender: str) -> tuple[smtplib.SMTP, int]:
        """A connection that took the sender, and how many messages went over it: an idle one that still answers, else a new one.

        Nothing of a message was written yet, so that an idle connection which was closed meanwhile costs no more than finding it out.
        """
        while True:
            with self._lock:
                idle = self._idle.pop() if self._idle else None
            connection, sent = idle or (self._connect(), 0)
            try:
                connection.ehlo_or_helo_if_needed()
                code, reply = connection.mail(sender)
            except (smtplib.SMTPException, OSError) as error:
                _hang_up(connection)
                if idle is None:
                    raise self._broke(error) from None
                continue
            if code == 250:
                return connection, sent
            if idle is not None and code == CLOSING:
                _hang_up(connection)
                continue
            if self._reset(connection) and sent < MESSAGES_PER_CONNECTION:
                with self._lock:
                    self._idle.append((connection, sent + 1))
            else:
                _hang_up(connection)
            what = gettext("The mail server refused the sender %(sender)s") % {"sender": sender}
            raise NotAccepted(f"{what}: {code} {_words(reply)}", service=code == CLOSING or code >= 500)  # it knows of no recipient yet

    def _connect(self) -> smtplib.SMTP:
        context = None if self.security == "none" else _trust(verify=self._checks_certificates)
        connection: smtplib.SMTP | None = None
        try:
            if self.security == "ssl":
                connection = smtplib.SMTP_SSL(self.host, self.port, timeout=CONNECT_TIMEOUT, context=context)
            else:
                connection = smtplib.SMTP(self.host, self.port, timeout=CONNECT_TIMEOUT)
            if self.security == "starttls":
                connection.starttls(context=context)
            if self.username:
                self._sign_in(connection)
        except smtplib.SMTPAuthenticationError as error:
            _hang_up(connection)
            raise NotAccepted(
                gettext("The mail server %(host)s refused the sign-in: check the user name and password (%(reply)s).")
                % {"host": self.host, "reply": _words(error.smtp_error)}
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            _hang_up(connection)
            raise NotAccepted(
                gettext("The mail server %(host)s:%(port)s cannot be reached (%(error)s). It will be tried again.")
                % {"host": self.host, "port": self.port, "error": error}
            ) from None
        return connection

    def _sign_in(self, connection: smtplib.SMTP) -> None:
        if (self.username + self.password).isascii():
            connection.login(self.username, self.password)
            return
        connection.ehlo_or_helo_if_needed()  # smtplib's own login knows ASCII alone; RFC 4616 says UTF-8
        token = base64.b64encode(f"\x00{self.username}\x00{self.password}".encode()).decode()
        code, reply = connection.docmd("AUTH", f"PLAIN {token}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, reply)

    def _recipient(self, connection: smtplib.SMTP, recipient: str) -> None:
        try:
            code, reply = connection.rcpt(recipient)
        except (smtplib.SMTPException, OSError) as error:
            raise self._broke(error) from None
        if code not in (250, 251):
            raise _no(code, reply, gettext("The mail server refused %(recipient)s") % {"recipient": recipient}, address=True)

    def _broke(self, error: Exception) -> NotAccepted:
        return NotAccepted(
            gettext("The connection to the mail server %(host)s broke before the message was written (%(error)s).")
            % {"host": self.host, "error": error}
        )

    def _data(self, connection: smtplib.SMTP, content: bytes, deadline: Deadline) -> Accepted:
        try:
            if connection.sock is not None:
                connection.sock.settimeout(deadline.timeout)
            code, reply = connection.docmd("DATA")
        except (smtplib.SMTPException, OSError) as error:
            raise self._broke(error) from None
        if code != 354:
            raise _no(code, reply, gettext("The mail server refused the message"))
        failpoints.hit("before-write")
        deadline.require()
        try:
            if connection.sock is not None:
                connection.file = _Lines(connection.sock, deadline.timeout)
            connection.send(re.sub(rb"(?m)^\.", b"..", content).removesuffix(b"\r\n") + b"\r\n.\r\n")
            failpoints.hit("after-write")
            code, reply = connection.getreply()
            connection.file = None  # the next reply is read anew, with the time of its own command
            if connection.sock is not None:
                connection.sock.settimeout(CONNECT_TIMEOUT)
        except (smtplib.SMTPException, OSError) as error:
            raise Uncertain(
                gettext("The mail server %(host)s did not answer after the message was written (%(reply)s).")
                % {"host": self.host, "reply": error or "no reply"}
            ) from None
        if 400 <= code < 600:
            raise _no(code, reply, gettext("The mail server refused the message"))
        if code != 250:
            raise Uncertain(
                gettext("The mail server %(host)s answered “%(code)s %(reply)s” after the message was written.")
                % {"host": self.host, "code": code, "reply": _words(reply)[:80]}
            )
        return Accepted(response=f"{code} {_words(reply)}")

    @staticmethod
    def _reset(connection: smtplib.SMTP) -> bool:
        """Whether the connection can serve another message after a refusal."""
        try:
            return connection.rset()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False


def _trust(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _port(value: object) -> int:
    text = str(value or 25)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise Misconfigured(gettext("The port of a mail server is a number from 1 to 65535, not “%(text)s”.") % {"text": text})
    return int(text)


def _no(code: int, reply: bytes, what: str, *, address: bool = False) -> NotAccepted | Refused:
    """A reply in the 400s, or none, may be tried again; one in the 500s is final (RFC 5321, 4.2.1).

    `address`: asked about the recipient. Servers wait until then to refuse the sender, or us: their policy is ours to mend.
    """
    text = f"{what}: {code} {_words(reply)}"
    if not 500 <= code < 600:
        return NotAccepted(text, service=code == CLOSING)
    told = _STATUS.match(_words(reply))
    if address and told and told[1].startswith(POLICY):
        return NotAccepted(text, service=False)
    dead = mail.DEAD_MAILBOX.match(told[1]) is not None if told else address and code in DEAD_ADDRESS
    return Refused(text, code=str(code), address_at_fault=dead)


def _words(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())[:500]


def _hang_up(connection: smtplib.SMTP | None) -> None:
    if connection is not None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection.close()


class _Lines:
    """What smtplib reads replies from, bound as a whole: a socket's own timeout would begin again with every byte of a dripping answer."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._socket, self._ends, self._held = connection, time.monotonic() + seconds, b""

    def readline(self, limit: int) -> bytes:
        """One line, or what came before the end or the limit. Raises TimeoutError."""
        while b"\n" not in self._held and len(self._held) < limit:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self._socket.settimeout(left)
            more = self._socket.recv(4096)
            if not more:
                break
            self._held += more
        end = self._held.find(b"\n") + 1 or len(self._held)
        line, self._held = self._held[: min(end, limit)], self._held[min(end, limit) :]
        return line

    def close(self) -> None:
        """smtplib closes what it reads from, then the socket itself."""
