"""The web server as `manage.py up` runs it, in a process of its own, on the database of whoever starts it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from dunning.local.supervisor import web_server

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def server() -> Iterator[tuple[int, int]]:
    """(port, process id) of a web server that is ready."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        line.listen(128)
        port: int = line.getsockname()[1]
        environment = {**os.environ, "LOG_FORMAT": "human", "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}", "DUNNING_BOOTSTRAP": "off"}
        command = [sys.executable, "-m", *web_server(line.fileno())]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[line.fileno()])  # noqa: S603  our own web server
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                    break
                time.sleep(0.1)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
