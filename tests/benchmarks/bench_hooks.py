"""Providers' calls at a pace nobody asked for, against the web server as `up` runs it: each must be kept or told to call again, in time.

Calls are sent at their appointed moments over kept connections, whatever became of those before; an answer's time counts from that moment,
so that a server which falls behind cannot hide it. At the end what was acknowledged is looked for in the database, call by call.

The throw-away database keeps no promise about power cuts (fsync off): with DATABASE_URL the figure is that of the server named there.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from dunning.core.services import create_organization
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from dunning.local.supervisor import web_server
from notifications import routes, services
from notifications.enums import ProviderKind
from notifications.models import InboundEvent, ProviderAccount

NOW = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
IN_TIME = 0.3  # seconds
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


def account() -> ProviderAccount:
    slug = f"bench-{time.time_ns()}"
    organization = create_organization(slug=slug, name="Bench", owner_email=f"{slug}@example.com", actor="system", now=NOW).organization
    with tenant(organization):
        return services.set_provider(
            channel="email",
            kind=ProviderKind.ANYMAIL,
            actor="system",
            now=NOW,
            settings={"service": "brevo"},
            secrets={"api_key": "none"},
        )


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


def body(number: int) -> str:
    """What Brevo posts of one delivered message."""
    ours = json.dumps({"message_id": str(new_id())})
    return json.dumps({"event": "delivered", "email": "a@b.example", "number": number, "X-Mailin-custom": ours})


def request(path: str, pair: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {pair}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Line:
    """One kept connection, made anew when the server closes it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, content: bytes) -> int:
        """The status of one call; 0 when the connection broke."""
        try:
            if self.reader is None or self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.writer.write(content)
            head = await self.reader.readuntil(b"\r\n\r\n")
            said = _LENGTH.search(head)
            if said is not None:
                await self.reader.readexactly(int(said[1]))
            if b"connection: close" in head.lower():
                self.drop()
            return int(head[9:12])
        except (OSError, asyncio.IncompleteReadError):
            self.drop()
            return 0

    def drop(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def offer(port: int, calls: Sequence[bytes], rate: float, connections: int) -> list[tuple[int, float]]:
    """(status, seconds since its moment) of each call."""
    idle: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(connections):
        idle.put_nowait(Line(port))
    answers: list[tuple[int, float]] = [(0, 0.0)] * len(calls)
    begin = time.perf_counter() + 0.1

    async def one(number: int) -> None:
        line = await idle.get()
        status = await line.ask(calls[number])
        answers[number] = status, time.perf_counter() - (begin + number / rate)
        idle.put_nowait(line)

    waiting = []
    for number in range(len(calls)):
        pause = begin + number / rate - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        waiting.append(asyncio.create_task(one(number)))
    await asyncio.gather(*waiting)
    return answers


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench hooks", description=__doc__)
    parser.add_argument("--rate", type=float, default=1000, help="calls offered a second")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args(list(argv))
    owner = account()
    address = urlsplit(routes.address(owner))
    pair = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    bodies = [
        json.dumps(
            {"event": "delivered", "email": "a@b.example", "number": number, "X-Mailin-custom": json.dumps({"message_id": str(new_id())})}
        )
        for number in range(int(options.rate * options.seconds))
    ]
    calls = [request(address.path, pair, said.encode()) for said in bodies]
    with server() as (port, process):
        asyncio.run(offer(port, calls[:50], 50, 4))  # the first calls import and connect
        before = InboundEvents(owner)
        start = time.perf_counter()
        answers = asyncio.run(offer(port, calls[50:], options.rate, options.connections))
        seconds = time.perf_counter() - start
        peak, cpu = peak_of(process), cpu_of(process)
    statuses = Counter(status for status, _ in answers)
    kept = InboundEvents(owner).keys
    lost = sum(status == 200 and key_of(said) not in kept for (status, _), said in zip(answers, bodies[50:], strict=True))
    times = sorted(took for _, took in answers)
    late = sum(took > IN_TIME for took in times)
    stored = statuses[200]
    other = len(answers) - stored - statuses[503]
    p50, p99, worst = (times[min(int(len(times) * part), len(times) - 1)] * 1000 for part in (0.5, 0.99, 1))
    print(f"{len(answers):,} calls offered at {options.rate:.0f}/s over {options.connections} connections, answered in {seconds:.1f} s:")
    print(f"  {stored:,} kept ({stored / seconds:.0f}/s), {statuses[503]:,} told to call again, {other} others {dict(statuses)}")
    print(f"  the web server took {cpu / len(answers) * 1000:.2f} ms of CPU a call")
    print(f"  answers: p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {worst:.0f} ms; {late} later than 300 ms; {lost} lost after a 2xx")
    if lost or other or len(kept) - len(before.keys) < stored:
        raise SystemExit("Calls were lost.")
    print(f"result name=hooks rate={stored / seconds:.0f} ratio={stored / len(answers):.4f} peak_mb={peak:.0f}")


class InboundEvents:
    """The keys of what is in the database."""

    def __init__(self, owner: ProviderAccount) -> None:
        with tenant(owner.organization_id):
            self.keys = set(InboundEvent.objects.values_list("key", flat=True))


def key_of(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()


def cpu_of(process: int) -> float:
    """CPU seconds of the web server's workers since they began."""
    ticks = 0
    for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_of(process: int) -> float:
    """The web server's and its worker's largest resident memory, in MB."""
    total = 0.0
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for pid in (str(process), *children):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return total or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
