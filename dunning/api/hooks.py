"""`/hooks/<kind>/<token>`: what providers call. Verified, committed, and only then acknowledged; otherwise told to call again.

The promise is an answer within 300 ms, whatever the database does, and never a 2xx for what is not kept. So the keeping runs on a few
threads of its own, each with its connection; a call that finds them all taken, or is not kept in time, is answered 503. Should it be kept
after all, its repetition changes nothing. No session, no cookie, no organization's data in an answer, no path in a log.
"""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Final
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException

from dunning.core import clock
from notifications import receipts
from notifications.receipts import Kept, Verdict

logger = logging.getLogger(__name__)

KEEPERS: Final = 2  # threads, and connections, of a web process
IN_LINE: Final = 3  # calls being kept or waiting for it; fewer than the server's threads, so that the others stay free
PATIENCE: Final = 0.2  # seconds a provider waits for its answer
RETRY_AFTER: Final = "30"
BELL_EVERY: Final = 0.25  # seconds between rings, however many calls come

_PLAIN: Final = "text/plain; charset=utf-8"


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
    """The threads that keep calls. `keep` answers in time, or says that it could not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._connections: list[BaseDatabaseWrapper] = []
        self._busy = 0

    def keep(self, **call: object) -> Kept:
        with self._lock:
            if self._busy >= IN_LINE:
                return Kept(Verdict.AWAY)
            self._busy += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(KEEPERS, "hook-keeper", lambda: self._connections.append(connections["default"]))
            future: Future[Kept] = self._pool.submit(receipts.accept, **call)  # type: ignore[arg-type]  # the view gives what it takes
        future.add_done_callback(self._left)
        try:
            return future.result(PATIENCE)
        except Late:
            future.cancel()
            return Kept(Verdict.AWAY)

    def close(self) -> None:
        """Give back threads and connections; the next call takes new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        for one in self._connections:
            one.inc_thread_sharing()
            one.close()
        self._connections.clear()

    def _left(self, _: "Future[Kept]") -> None:
        with self._lock:
            self._busy -= 1


bell = Bell()
keepers = Keepers()


def receive(request: HttpRequest, kind: str, token: str) -> HttpResponse:
    """One call of a provider."""
    if request.method != "POST":
        return _answer(405, Allow="POST")
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        return _answer(411)
    if int(length) > receipts.LARGEST:
        return _answer(413)
    try:
        body = request.read(receipts.LARGEST + 1)
    except (OSError, RawPostDataException):
        return _answer(400)
    query = request.META.get("QUERY_STRING", "")
    kept = keepers.keep(
        kind=kind,
        token=token,
        url=f"{settings.PUBLIC_BASE_URL}{request.path}{'?' if query else ''}{query}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        now=clock.now(),
    )
    if kept.verdict is Verdict.KEPT:
        if kept.is_new and kept.organization_id is not None:
            bell.ring_for(kept.organization_id)
        return _answer(200)
    if kept.verdict is Verdict.AWAY:
        return _answer(503, **{"Retry-After": RETRY_AFTER})
    return no_such_address()


def no_such_address() -> HttpResponse:
    """What an unknown address and a forged call are both told."""
    return _answer(404)


def _answer(status: int, **headers: str) -> HttpResponse:
    answer = HttpResponse(b"", status=status, content_type=_PLAIN, headers={"Content-Length": "0", "Cache-Control": "no-store", **headers})
    answer._has_been_logged = True  # type: ignore[attr-defined]  # Django would write the path, and with it the token, into the log
    return answer
