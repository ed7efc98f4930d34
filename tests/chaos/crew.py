"""The real processes that send, and what is done to them: two Celery workers, the sweep, and the web server where reports come in."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO

from dunning.local.processes import die_with_parent
from dunning.local.supervisor import web_server

CELERY = (
    "celery",
    "--quiet",
    "--app",
    "dunning",
    "worker",
    "--concurrency",
    "1",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
)
SWEEP = ("manage.py", "sweep", "--every", "3")
SENDERS = 3  # two workers and the sweep; each has one message in flight


@dataclass
class Member:
    """One process group of the crew, started again whenever it ends."""

    name: str
    command: tuple[str, ...]
    output: IO[bytes]
    keep: tuple[int, ...] = ()  # descriptors it is given
    process: "subprocess.Popen[bytes] | None" = None

    def group(self) -> list[int]:
        """The process and its children, the children first."""
        if self.process is None:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with contextlib.suppress(OSError):
            return [*map(int, children.read_text().split()), self.process.pid]
        return [self.process.pid]


@dataclass
class Crew:
    """Started with `env`; threads of ours ring as the doorbell and beat do, twice a second, and replace the dead."""

    root: Path
    env: dict[str, str]
    seed: int
    failpoint: str = ""
    line: socket.socket | None = None  # where the web server listens; None: there is none
    killed: Counter[str] = field(default_factory=Counter)  # whom, how often
    pauses: int = 0
    replaced: int = 0  # senders that were ended to take their failpoint away
    members: list[Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        descriptor, self.log = tempfile.mkstemp(prefix="dunning-chaos-", suffix=".log")
        self.output = os.fdopen(descriptor, "ab")
        self._resting, self._stopping = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self.members = [Member(f"worker{number}", CELERY, self.output) for number in (1, 2)]
        self.members.append(Member("sweep", SWEEP, self.output))
        if self.line is not None:
            number = self.line.fileno()
            self.members.append(Member("web", tuple(web_server(number)), self.output, keep=(number,)))
        for member in self.members:
            self._spawn(member)
        for target in (self._tend, self._ring):
            thread = threading.Thread(target=target, daemon=True)
            thread.start()
            self._threads.append(thread)

    def rest(self) -> None:
        """Nobody rings and nobody sends any more; the web server alone is kept, and hears what providers report."""
        self._resting.set()
        with self._lock:  # its keeper is the thread that started it: it would end with that thread
            others = [member for member in self.members if member.name != "web"]
            self.members = [member for member in self.members if member.name == "web"]
        self._end(others)

    def stop(self) -> None:
        self.rest()
        self._stopping.set()
        for thread in self._threads:
            thread.join(10)
        self._end(self.members)

    def _end(self, members: list[Member]) -> None:
        for member in members:
            if member.process is not None and member.process.poll() is None:
                self._kill(member.group())
                member.process.wait()

    def disarm(self) -> None:
        """No failpoint any more: everybody is replaced by a process that has none."""
        with self._lock:
            self.failpoint = ""
            for member in self.members:
                self._kill(member.group())
                self.replaced += member.name != "web"

    def struck(self) -> int:
        """How many times an armed failpoint struck, by what the processes said."""
        return Path(self.log).read_bytes().count(b"failpoint ")

    @property
    def kills(self) -> int:
        return self.killed.total()

    @property
    def senders_killed(self) -> int:
        """How often a process that sends was killed, by chance or to be replaced."""
        return self.kills - self.killed["web"] + self.replaced

    # --- what happens to it ---

    def kill_one(self) -> None:
        """kill -9 of a random one: mostly the process that does the work, sometimes it with its parent, or the sweep."""
        with self._lock:
            member = self.chance.choice(self.members)
            group = member.group()
            self._kill(group if len(group) == 1 or self.chance.random() < 0.25 else group[:1])
            self.killed[member.name] += 1

    def pause_one(self, seconds: float) -> None:
        """SIGSTOP a random member's processes, and SIGCONT so much later."""
        with self._lock:
            group = self.chance.choice(self.members).group()
            self._signal(group, signal.SIGSTOP)
            self.pauses += 1
        timer = threading.Timer(seconds, self._signal, [group, signal.SIGCONT])
        timer.daemon = True
        timer.start()

    # --- keeping it alive ---

    def _spawn(self, member: Member) -> None:
        module = member.command[0] != "manage.py"
        member.process = subprocess.Popen(  # noqa: S603  this very project
            [sys.executable, *(["-m"] if module else []), *member.command],
            cwd=self.root, env={**self.env, "FAILPOINT": self.failpoint}, stdin=subprocess.DEVNULL, stdout=member.output,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent(signal.SIGKILL),
            pass_fds=member.keep,
        )  # fmt: skip

    def _tend(self) -> None:
        while not self._stopping.wait(0.1):
            with self._lock:
                for member in self.members:
                    if member.process is not None and member.process.poll() is not None:
                        self._kill(member.group())
                        self._spawn(member)

    def _ring(self) -> None:
        from celery import Celery

        app = Celery("dunning", broker=self.env["REDIS_URL"].rstrip("/") + "/0", set_as_current=False)
        app.conf.broker_transport_options = {"socket_connect_timeout": 2, "socket_timeout": 2}
        for turn in count():
            if self._resting.wait(0.5):
                return
            with contextlib.suppress(Exception):  # the broker may be empty, or away
                app.send_task("notifications.dispatch" if turn % 6 else "notifications.sweep", retry=False, expires=5)

    @staticmethod
    def _signal(group: list[int], number: signal.Signals) -> None:
        for process in group:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def _kill(self, group: list[int]) -> None:
        self._signal(group, signal.SIGKILL)

    def continue_everybody(self) -> None:
        """Nobody stays paused."""
        for member in self.members:
            self._signal(member.group(), signal.SIGCONT)
        time.sleep(0.1)
