"""`/hooks/<kind>/<token>`: what providers call. Verified, committed, and only then acknowledged; otherwise told to call again.

The promise is an answer within 300 ms, whatever the database does, and never a 2xx for what is not kept. So the keeping runs on a thread of
its own, with its connection, many calls a COMMIT; a call that finds too many before it, or is not kept in time, is answered 503. Should it
be kept after all, its repetition changes nothing. A letter with its files is larger: such calls go one at a time, have a thread and a
connection of their own, and are given seconds; the others do not wait for them. No session, no cookie, no organization's data in an answer,
no path in a log.
"""

import logging
import re
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connections

from dunning.core import clock
from notifications import receipts
from notifications.receipts import Call, Kept, Verdict

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

IN_LINE: Final = 24  # calls being kept or waiting for it; the web server has so many threads for them, beside those for pages
PATIENCE: Final = 0.15  # seconds a provider waits for its COMMIT; it may have waited for a thread before
PATIENCE_MAIL: Final = 20.0  # seconds for a call that brings files
RETRY_AFTER: Final = "30"
BELL_EVERY: Final = 0.25  # seconds between rings, however many calls come

Answer = tuple[HTTPStatus, list[tuple[str, str]]]

_HOOK: Final = re.compile(r"/hooks/([a-z_]{1,20})/([A-Za-z0-9_-]{20,100})/?")
_ALWAYS: Final = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0"), ("Cache-Control", "no-store")]
_NOBODY: Final[Answer] = (HTTPStatus.NOT_FOUND, [])
"""What an unknown address and a forged call are both told."""
_LATER: Final[Answer] = (HTTPStatus.SERVICE_UNAVAILABLE, [("Retry-After", RETRY_AFTER)])


class Bell:
    """Rings for organizations that were called, a few times a second at most, from a thread of its own: no provider waits for a broker."""

    def __init__(self) -> None:
        self._called: set[UUID] = set()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None

    def ring_for(self, organization_id: UUID) -> None:
        with self._lock:
            self._called.add(organization_id)
            if self._thread is None or not self._thread.is_alive():  # a process that was forked has none yet
                self._thread = threading.Thread(target=self._run, name="hook-bell", daemon=True)
                self._thread.start()
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                called, self._called = self._called, set()
            for organization_id in called:
                try:
                    current_app.send_task("notifications.receive", args=[str(organization_id)], retry=False, expires=60)
                except Exception as error:  # a broker that is down delays reading by one sweep, it loses nothing
                    logger.warning("The doorbell did not ring (%s); the sweep will find the calls.", type(error).__name__)
            time.sleep(BELL_EVERY)


class Keepers:
    """The thread that keeps calls, all that came while it was busy by one COMMIT. `keep` answers in time, or says that it could not.

    `most` are kept or wait for it at once, each for `patience` seconds; a statement may take `statement` milliseconds.
    """

    def __init__(self, most: int = IN_LINE, patience: float = PATIENCE, statement: int = receipts.PATIENCE) -> None:
        self._most, self._patience, self._statement = most, patience, statement
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._line: list[tuple[Call, Future[Kept]]] = []
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._closing = False

    def keep(self, call: Call) -> Kept:
        future: Future[Kept] = Future()
        with self._news:
            if self._waiting >= self._most:
                return Kept(Verdict.AWAY)
            self._waiting += 1
            self._line.append((call, future))
            if self._thread is None or not self._thread.is_alive():  # a process that was forked has none yet
                self._closing = False
                self._thread = threading.Thread(target=self._run, name="hook-keeper", daemon=True)
                self._thread.start()
            self._news.notify()
        future.add_done_callback(self._left)
        try:
            return future.result(self._patience)
        except Late:
            future.cancel()
            return Kept(Verdict.AWAY)

    def close(self) -> None:
        """Give back the thread and its connection; the next call takes new ones."""
        with self._news:
            thread, self._thread, self._closing = self._thread, None, True
            self._news.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            while True:
                with self._news:
                    self._news.wait_for(lambda: self._line or self._closing)
                    if self._closing:
                        return
                    line, self._line = self._line, []
                wanted = [(call, future) for call, future in line if future.set_running_or_notify_cancel()]
                self._answer(wanted)
        finally:
            connections.close_all()

    def _answer(self, wanted: list[tuple[Call, "Future[Kept]"]]) -> None:
        try:
            answers = receipts.accept([call for call, _ in wanted], patience=self._statement)
        except Exception:
            logger.exception("Providers' calls could not be kept; they were asked to call again.")
            answers = [Kept(Verdict.AWAY)] * len(wanted)
        for (_, future), kept in zip(wanted, answers, strict=True):
            future.set_result(kept)

    def _left(self, _: "Future[Kept]") -> None:
        with self._lock:
            self._waiting -= 1


bell = Bell()
keepers = Keepers()
mail_keepers = Keepers(1, PATIENCE_MAIL, receipts.PATIENCE_MAIL)
_mail = threading.Lock()  # held while such a call is read and kept: 25 MB at a time, not 600


class Door:
    """The web application's first door: providers' calls are answered here, everything else passes by.

    In WSGI itself, for at a thousand calls a second Django's own request and answer would be a third of what a call costs, and of all they
    bring - sessions, languages, organizations of somebody signed in - nothing is wanted.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self.application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/hooks/"):
            return self.application(environ, start_response)
        found = _HOOK.fullmatch(path)
        try:
            status, headers = _NOBODY if found is None else receive(environ, kind=found[1], token=found[2])
        except Exception as error:  # its words may hold the path, and with it the token
            logger.error("A provider's call failed (%s); it was asked to call again.", type(error).__name__)
            status, headers = _LATER
        start_response(f"{status.value} {status.phrase}", [*_ALWAYS, *headers])
        return [b""]


def later() -> bytes:
    """The whole answer that asks to call again, as it goes over a connection that is kept."""
    status, headers = _LATER
    lines = [f"{name}: {value}" for name, value in (*_ALWAYS, *headers, ("Connection", "keep-alive"))]
    return "\r\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *lines, "", ""]).encode()


def receive(environ: "WSGIEnvironment", *, kind: str, token: str) -> Answer:
    """One call of a provider."""
    if environ["REQUEST_METHOD"] != "POST":
        return HTTPStatus.METHOD_NOT_ALLOWED, [("Allow", "POST")]
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        return HTTPStatus.LENGTH_REQUIRED, []
    size = int(length)
    if size > receipts.LARGEST_WITH_FILES:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, []
    if size <= receipts.LARGEST:
        return _keep(environ, kind, token, size, keepers)
    if not _mail.acquire(blocking=False):
        return _LATER
    try:
        return _keep(environ, kind, token, size, mail_keepers)
    finally:
        _mail.release()


def _keep(environ: "WSGIEnvironment", kind: str, token: str, size: int, line: Keepers) -> Answer:
    try:
        body = environ["wsgi.input"].read(size)
    except OSError:
        body = b""
    if len(body) < size:  # the caller hung up
        return HTTPStatus.BAD_REQUEST, []
    query = environ.get("QUERY_STRING", "")
    url = f"{settings.PUBLIC_BASE_URL}{environ['PATH_INFO']}{'?' if query else ''}{query}"
    kept = line.keep(Call(kind, token, url, _headers(environ), body, clock.now()))
    if kept.verdict is Verdict.KEPT:
        if kept.is_new and kept.organization_id is not None:
            bell.ring_for(kept.organization_id)
        return HTTPStatus.OK, []
    return _LATER if kept.verdict is Verdict.AWAY else _NOBODY


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    """The call's headers by their names in lower case."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name, variable in (("content-type", "CONTENT_TYPE"), ("content-length", "CONTENT_LENGTH")):
        if environ.get(variable):
            headers[name] = environ[variable]
    return headers
