"""`manage.py up`: the whole product on this machine, in the foreground, leaving nothing behind however it ends."""

import argparse
import contextlib
import hashlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dunning.local import demo, roles, schema
from dunning.local.errors import LocalError
from dunning.local.join import VARIABLES, Lease, folder_of, one_account, own_secrets
from dunning.local.processes import die_with_parent, open_lock, private_text, try_lock

HOST = "127.0.0.1"
TRIES = 20  # ports after the one asked for
READY_WITHIN = 60  # seconds
PATIENCE = 15  # seconds a child gets to end in order


class Stopped(Exception):
    """Somebody asked us to stop before we were ready."""


def say(text: str) -> None:
    sys.stdout.write(f"[up] {text}\n")
    sys.stdout.flush()


def port_number(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {value!r}")
    return int(value)


def main(root: Path, arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start the whole product on this machine; Ctrl-C stops it.")
    parser.add_argument(
        "--port", type=port_number, default=8000, help="where the site answers (default 8000; the next free one when taken)"
    )
    parser.add_argument("--empty", action="store_true", help="without the demonstration tenant")
    options = parser.parse_args(arguments)
    folder = folder_of(root)
    with one_account(), open_lock(folder / "up.lock") as alone:
        if not try_lock(alone):
            return already_running(folder)
        return Up(root, folder, empty=options.empty).run(options.port)


def already_running(folder: Path) -> int:
    try:
        known = json.loads((folder / "up.json").read_text())
    except (OSError, ValueError):
        sys.stderr.write("Another `manage.py up` is just starting in this folder; use that one, or stop it first.\n")
    else:
        sys.stderr.write(f"Already running at {known['url']} (process {known['pid']}); use that one, or stop it first.\n")
    return 1


def web_server(descriptor: int) -> list[str]:
    """The web server on an open port, as a module and its arguments."""
    return [
        "gunicorn", "dunning.wsgi", "--bind", f"fd://{descriptor}", "--workers", "1", "--threads", "8",
        "--config", "python:dunning.local.gunicorn", "--graceful-timeout", "5",
    ]  # fmt: skip


class Child:
    """A supervised process with its output prefixed by its name."""

    def __init__(self, name: str, process: subprocess.Popen[str], *, farewell: signal.Signals) -> None:
        self.name, self.process, self.farewell = name, process, farewell
        self.pump = threading.Thread(target=self._pump, daemon=True)
        self.pump.start()

    def _pump(self) -> None:
        if self.process.stdout is not None:
            for line in self.process.stdout:
                sys.stdout.write(f"{self.name:6s} | {line}")
                sys.stdout.flush()

    def stop(self) -> None:
        """Wait for an end already asked for; insist, and finally kill the whole group."""
        for number in (None, self.farewell, signal.SIGKILL):
            if number is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
                break
        self.pump.join(2)


class Up:
    def __init__(self, root: Path, folder: Path, *, empty: bool) -> None:
        self.root, self.folder, self.empty = root, folder, empty
        self.env = dict(os.environ)
        self.begin = time.monotonic()
        self.stopping = threading.Event()
        self.children: list[Child] = []
        self.leases: list[Lease] = []
        self.sign_in: dict[str, str] | None = None
        self.asking = -1  # our end of the pipe to the worker

    def run(self, port: int) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        code = 1
        try:
            with self.listening(port) as (line, url):
                private_text(self.folder / "up.json", json.dumps({"pid": os.getpid(), "url": url, "public": self.env["PUBLIC_BASE_URL"]}))
                self.services()
                if self.is_migrated():  # then nobody need wait for anybody
                    self.start_children(line)
                    self.prepare("--migrated")
                else:
                    self.prepare()
                    self.note_migrated()
                    self.start_children(line)
                self.wait_until_ready(line)
                self.greet(url)
                code = self.watch()
        except Stopped:
            code = 0
        finally:
            self.stop_all()
        return code

    @contextlib.contextmanager
    def listening(self, port: int) -> Iterator[tuple[socket.socket, str]]:
        """An open port, held from now on so that nobody can take it, handed to the web server as it is."""
        for number in range(port, min(port + TRIES, 65535) + 1):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                line.bind((HOST, number))
                line.listen(128)
            except OSError as error:
                line.close()
                if isinstance(error, PermissionError):
                    raise LocalError(f"This account may not open port {number}: choose one from 1024 up with --port.") from error
                continue
            break
        else:
            raise LocalError(f"The ports {port} to {number} are all taken: choose another with --port.")
        if number != port:
            say(f"port {port} is taken; using {number}")
        url = f"http://localhost:{number}"
        self.env.setdefault("PUBLIC_BASE_URL", url)
        if self.env["PUBLIC_BASE_URL"] == url:  # nobody but this machine: its webhooks may be tried on it
            self.env.setdefault("WEBHOOK_LOOPBACK", "true")
        self.env.setdefault("LOG_FORMAT", "human")
        self.env.setdefault("MALLOC_ARENA_MAX", "1")  # a heap for each thread holds 20 MB more, and Python runs one thread at a time
        self.env["DUNNING_BOOTSTRAP"] = "off"  # done once, by us
        try:
            yield line, f"{url}/"
        finally:
            line.close()
            (self.folder / "up.json").unlink(missing_ok=True)

    def services(self) -> None:
        own_secrets(self.folder, self.env)
        missing = [name for name, variable in VARIABLES.items() if not self.env.get(variable)]
        if missing:
            start = time.monotonic()
            say("starting " + " and ".join({"postgres": "PostgreSQL", "valkey": "Valkey"}[name] for name in missing))
            self.leases = [Lease(self.folder, name) for name in missing]
            with ThreadPoolExecutor() as together:
                for urls in together.map(Lease.take, self.leases):
                    self.env |= urls
            say(f"services ready ({time.monotonic() - start:.1f} s)")
        roles.settle(self.env, owner_needed=True)

    def keeps_postgres(self) -> bool:
        """Whether the database is the embedded one, not one that was given."""
        return any(lease.name == "postgres" for lease in self.leases)

    def is_migrated(self) -> bool:
        """Whether our own database was migrated by this very code and these very packages; one given to us is always asked."""
        mark = self.folder / "postgres" / "migrated"
        if not self.keeps_postgres() or not mark.exists():
            return False
        return mark.read_text() == self._packages() and schema.is_current(self.root, self.env["DATABASE_OWNER_URL"])

    def note_migrated(self) -> None:
        if self.keeps_postgres():
            private_text(self.folder / "postgres" / "migrated", self._packages())

    def _packages(self) -> str:
        return hashlib.sha256((self.root / "requirements.lock").read_bytes()).hexdigest()

    def prepare(self, *arguments: str) -> None:
        start = time.monotonic()
        say("preparing the database")
        command = [sys.executable, "-m", "dunning.local.prepare", *arguments, *(["--empty"] if self.empty else [])]
        with self._popen(command, stdout=subprocess.PIPE) as process:
            said: list[str] = []
            reader = threading.Thread(target=lambda: said.append(process.stdout.read() if process.stdout else ""), daemon=True)
            reader.start()
            while process.poll() is None:
                if self.stopping.wait(0.05):
                    process.terminate()
                    process.wait()
            reader.join()
        if self.stopping.is_set():
            raise Stopped
        if process.returncode:
            raise LocalError("The database could not be prepared (see above).")
        if not self.empty:
            self.sign_in = demo.remember(self.folder, "".join(said))
        say(f"database ready ({time.monotonic() - start:.1f} s)")

    def start_children(self, line: socket.socket) -> None:
        self.spawn("web", *web_server(line.fileno()), farewell=signal.SIGTERM, keep=[line.fileno()])
        listening, self.asking = os.pipe()
        # Celery's cold shutdown may wait for ever for a broker that went at the same moment. A killed worker loses nothing.
        self.spawn("worker", "dunning.local.ringing", "worker", str(listening), farewell=signal.SIGKILL, keep=[listening])
        os.close(listening)

    def spawn(
        self,
        name: str,
        *module: str,
        farewell: signal.Signals,
        keep: list[int] | None = None,
    ) -> None:
        """Start a child that lives as long as we do."""
        command = [sys.executable, "-m", *module]
        process = self._popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, farewell=farewell, keep=keep)
        self.children.append(Child(name, process, farewell=farewell))

    def _popen(
        self,
        command: list[str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        farewell: signal.Signals = signal.SIGTERM,
        keep: list[int] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a child in a session of its own (the terminal's Ctrl-C is ours alone) that the kernel ends with us."""
        before: Callable[[], None] | None = die_with_parent(farewell)
        return subprocess.Popen(  # noqa: S603  this project's own modules
            command,
            cwd=self.root,
            env=self.env | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=before,
            pass_fds=keep or [],
        )

    def wait_until_ready(self, line: socket.socket) -> None:
        address = f"http://{HOST}:{line.getsockname()[1]}/readyz"
        end = time.monotonic() + READY_WITHIN
        said = "it does not answer"
        while not self.stopping.wait(0.1):
            try:
                with urllib.request.urlopen(address, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                said = error.read(500).decode(errors="replace")
            except OSError as error:
                said = str(error)
            dead = self.dead()
            if dead is not None:
                raise LocalError(f"{dead} before the site answered; its last lines are above.")
            if time.monotonic() > end:
                raise LocalError(f"The site was not ready within {READY_WITHIN} s: {said}")
        raise Stopped

    def greet(self, url: str) -> None:
        say(f"ready after {time.monotonic() - self.begin:.1f} s: {url}")
        if self.sign_in is not None:
            say(f"sign in as {self.sign_in.get('email')} with the password {self.sign_in.get('password')}")
            say("the demonstration's year is being played; what has been played can already be looked at")
            self.ask_worker(demo.DEMO_COMMAND, "--play", *(["--unsynced"] if self.keeps_postgres() else []))
        elif self.empty:
            say("this installation has no demonstration; make an organization with: python3 manage.py create_organization --help")
        say("Ctrl-C stops everything")

    def ask_worker(self, *words: str) -> None:
        """Have the worker run a management command beside its work; one that has just died is noticed by `watch`."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.asking, f"{shlex.join(words)}\n".encode())

    def dead(self) -> str | None:
        """What should live and does not, said; None when all is well."""
        for child in self.children:
            code = child.process.poll()
            if code is not None:
                return f"{child.name} ended ({f'signal {-code}' if code < 0 else f'code {code}'})"
        for lease in self.leases:
            if not lease.alive():
                return f"{lease.name} ended (see {self.folder / lease.name})"
        return None

    def watch(self) -> int:
        while not self.stopping.wait(0.5):
            dead = self.dead()
            if dead is not None:
                say(f"{dead}; stopping everything")
                return 1
        say("stopping")
        return 0

    def stop_all(self) -> None:
        for child in reversed(self.children):
            if child.process.poll() is None:
                child.process.terminate()
        for child in reversed(self.children):
            child.stop()
        shared = [lease.name for lease in self.leases if not lease.give_back(wait=30)]
        if shared:
            say(f"another command still uses {' and '.join(shared)}, which will stop with it")
        say("stopped")
