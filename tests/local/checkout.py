"""A copy of this checkout with a .local of its own, so that tests of the two commands disturb nobody who runs them for real."""

import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dunning.local.processes import traversable

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local", "__pycache__", ".*_cache", ".hypothesis", "tests", "docs")
SERVICES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")


class Checkout:
    """`ordinary`: owned and used by an account that is not root; when root runs the tests from where no other account can go, by root."""

    def __init__(self, folder: Path, *, ordinary: bool) -> None:
        self.folder = folder
        self.account: dict[str, Any] = {}
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
        (folder / ".venv").symlink_to(Path(sys.prefix))
        if ordinary and os.geteuid() == 0 and all(traversable(Path(place)) for place in (sys.prefix, sys.executable)):
            user = pwd.getpwnam("nobody")
            self.account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        self.env = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        self.env |= {"HOME": "/proc/1/no-home"}  # nowhere anybody can write
        self.processes: list[subprocess.Popen[str]] = []

    def give(self, *names: str) -> None:
        """Let its commands use services of the tests instead of embedded ones."""
        self.env |= {name: os.environ[name] for name in names}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603  this very project
            [str(self.folder / ".venv" / "bin" / "python"), "manage.py", *arguments],
            cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, umask=0o077, **self.account,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def left(self) -> list[str]:
        """The command lines of every process that has anything to do with this copy."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if str(self.folder) in line or str((entry / "cwd").readlink()) == str(self.folder):
                        found.append(line)
        return found

    def nothing_left(self, *, within: float) -> bool:
        end = time.monotonic() + within
        while self.left():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


@contextlib.contextmanager
def copied(*, ordinary: bool) -> Iterator[Checkout]:
    with tempfile.TemporaryDirectory(prefix="dunning-checkout-") as outer:
        Path(outer).chmod(0o755)
        checkout = Checkout(Path(outer) / "copy", ordinary=ordinary)
        try:
            yield checkout
        finally:
            for process in checkout.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            assert checkout.nothing_left(within=30), checkout.left()


class Running:
    """`manage.py up`, followed line by line until it says it is ready."""

    def __init__(self, checkout: Checkout, *arguments: str) -> None:
        self.process = checkout.start("up", *arguments)
        self.said: list[str] = []
        self.url = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            ready = re.search(r"ready after [\d.]+ s: (http://localhost:\d+)/", line)
            if ready:
                self.url = ready[1]
                return
        raise AssertionError("".join(self.said))

    def text(self) -> str:
        return "".join(self.said)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310  our own address
            body = answer.read()
        return json.loads(body) if body.startswith(b"{") else body.decode()

    def end(self, number: signal.Signals | None = None) -> int:
        """Signal it, if asked to, and read it to its end."""
        if number is not None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        self.said.append(rest)
        return self.process.returncode
