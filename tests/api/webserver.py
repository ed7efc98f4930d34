"""The web application in a process of its own, for tests that shake it: threads that answer, and a death that is a death."""

import contextlib
import http.client
import json
import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

from django.db import connections

from dunning.core import failpoints
from dunning.local.processes import die_with_parent


@dataclass(frozen=True)
class Said:
    """An answer; `status` 0 when the line broke before it came."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class WebServer:
    """Answers on `line` as a fork of this process, with the database the test has; another takes the place of one that died."""

    def __init__(self, line: socket.socket, failpoint: str) -> None:
        self.line, self.failpoint = line, failpoint
        self.port: int = line.getsockname()[1]
        self.deaths = 0
        self._start()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
        """One call below /api/v1 over a connection of its own. Headers are written with `_` for `-`."""
        call = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            call.request(method, f"/api/v1{path}", body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = call.getresponse()
            return Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            return Said(0)
        finally:
            call.close()

    def raise_the_dead(self) -> None:
        """Wait for the end of the process, and start another."""
        self._process.join(30)
        assert self._process.exitcode == -signal.SIGKILL
        self.deaths += 1
        self._start()

    def stop(self) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        connections.close_all()  # a connection that two processes have is closed by the first to end
        self._leash = die_with_parent(signal.SIGKILL)
        self._process: BaseProcess = multiprocessing.get_context("fork").Process(target=self._serve)
        self._process.start()

    def _serve(self) -> None:
        from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

        from dunning.wsgi import application

        class Quiet(WSGIRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Requests are not news in a test."""

        if self._leash is not None:
            self._leash()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # failpoints say that they strike
        failpoints.arm(failpoints.parse(self.failpoint))
        server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet, bind_and_activate=False)
        server.socket.close()
        server.socket = self.line
        server.server_name, server.server_port = self.line.getsockname()
        server.setup_environ()
        server.set_app(application)
        server.serve_forever()


@contextlib.contextmanager
def serving(failpoint: str = "") -> Iterator[WebServer]:
    """A web server on a committed database; `failpoint` as the variable of that name says it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as line:
        server = WebServer(line, failpoint)
        try:
            yield server
        finally:
            server.stop()
