"""gunicorn's threaded worker, with a way of its own for what providers call.

A call takes a thread for the length of a COMMIT that it shares with others, and ten times the processor's time of a refusal. So the loop,
which sees every call first, gives `/hooks/` threads of its own: neither do pages wait for calls in a storm, nor calls for pages. Of the
calls that find none free a few wait in the loop, briefly; the others, and those whose time is over, the loop itself tells to call again,
without a thread, a parser or a database.

Nor does a thread wait for a caller who has not said anything yet: the loop does, as it does between two requests of a kept connection.
"""

import re
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

DOOR: Final = b"POST /hooks/"
LINE: Final = 12  # calls that wait for a thread
WAIT: Final = 0.05  # seconds a call may wait for a thread; with what its keeping may take it stays below the 300 ms promised
_LOOKED_AT: Final = 65_536  # bytes of a call that are taken at once; of a longer one the rest stays unread, and its connection ends

_HEAD: Final = re.compile(rb"[^\r\n]+ HTTP/1\.([01])\r\n(?:[^\r\n]+\r\n)*\r\n")
_LENGTH: Final = re.compile(rb"(?i)\ncontent-length:[ \t]*(\d{1,7})[ \t]*\r")
_OF_ITS_OWN_LENGTH: Final = re.compile(rb"(?i)\n(?:transfer-encoding|expect|connection:[^\r\n]*close)")


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """Threads for pages and calls; the loop for those that must come again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._calls: set[TConn] = set()  # connections whose call has a thread
        self._line: deque[tuple[float, TConn]] = deque()  # those without, and until when each may wait for one

    def load_wsgi(self) -> None:
        super().load_wsgi()
        from dunning.api import hooks  # not before: the process that starts workers holds no Django under `manage.py up`

        self._most_calls, self._later = hooks.IN_LINE, hooks.later()
        self._threads = ThreadPoolExecutor(hooks.IN_LINE, "hook")

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._threads.shutdown(wait=False)

    # --- what comes ---

    def enqueue_req(self, conn: TConn) -> None:
        """A connection that was opened, or has something to say."""
        begin = b""
        if conn.parser is None or not conn.parser.unreader.buf.getvalue():  # else it holds what was sent before what the socket has
            try:
                begin = conn.sock.recv(len(DOOR), socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._listen(conn)
                return
            except OSError:
                pass  # a thread finds it out, and closes it
        if begin != DOOR:
            super().enqueue_req(conn)
            return
        self._line.append((time.monotonic() + WAIT, conn))
        self._admit()
        if len(self._line) > LINE:  # the newest: whoever came earlier has waited already
            self._send_away(self._line.pop()[1])

    def _admit(self) -> None:
        while self._line and len(self._calls) < self._most_calls:
            _, conn = self._line.popleft()
            self._calls.add(conn)
            heard = self._threads.submit(self.handle, conn)
            heard.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def finish_request(self, conn: TConn, fs: Any) -> None:
        self._calls.discard(conn)
        super().finish_request(conn, fs)
        self._admit()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        if self._line:
            timeout = min(timeout, max(0.0, self._line[0][0] - time.monotonic()))
        super().wait_for_and_dispatch_events(timeout)
        while self._line and self._line[0][0] <= time.monotonic():
            self._send_away(self._line.popleft()[1])

    # --- what is sent away ---

    def _send_away(self, conn: TConn) -> None:
        """Tell a call to come again. Its connection is kept when the whole of it was read."""
        try:
            whole = _whole(conn.sock.recv(_LOOKED_AT, socket.MSG_DONTWAIT))
            keeps = whole and self.alive and len(self.keepalived_conns) < self.max_keepalived
            conn.sock.send(self._later if keeps else self._later.replace(b"keep-alive", b"close"), socket.MSG_DONTWAIT)
        except OSError:  # it hung up
            keeps = False
        if keeps:
            self._listen(conn)
        else:
            self.nr_conns -= 1
            conn.close()

    def _listen(self, conn: TConn) -> None:
        """Wait in the loop until it says something, as long as a kept connection may be silent."""
        conn.sock.setblocking(False)
        conn.set_timeout()
        waiting, heard = self.keepalived_conns, self.on_client_socket_readable
        if not conn.initialized:  # no thread has had it yet
            conn.data_ready = False
            waiting, heard = self.pending_conns, self.on_pending_socket_readable
        waiting.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(heard, conn))

    def handle_request(self, req: Any, conn: TConn) -> bool:
        if req.path.startswith("/hooks/"):
            self.nr -= 1  # a storm of calls does not age a worker: its replacement would take seconds in the midst of it
        return bool(super().handle_request(req, conn))


def _whole(said: bytes) -> bool:
    """Whether this is one request to its last byte, beyond doubt, of a caller who keeps the connection."""
    head = _HEAD.match(said)
    if head is None or head[1] == b"0" or _OF_ITS_OWN_LENGTH.search(head[0]):
        return False
    lengths = _LENGTH.findall(head[0])
    return len(lengths) == 1 and head.end() + int(lengths[0]) == len(said)
