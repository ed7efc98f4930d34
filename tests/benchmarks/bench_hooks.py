"""Providers' calls at a pace nobody asked for, against the web server as `up` runs it: each must be kept or told to call again, in time.

Calls are sent at their appointed moments over kept connections, whatever became of those before. An answer's time counts from the last
byte of its call, and once more from its appointed moment, so that a server which falls behind cannot hide it, nor the caller that it was
late itself. At the end what was acknowledged is looked for in the database, call by call.

The throw-away database keeps no promise about power cuts (fsync off): with DATABASE_URL the figure is that of the server named there.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from dunning.core.services import create_organization
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications import routes, services
from notifications.enums import ProviderKind
from notifications.models import InboundEvent, ProviderAccount
from tests.benchmarks.offering import offer
from tests.gunicorn import server

NOW = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)
IN_TIME = 0.3  # seconds


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


def body(number: int) -> str:
    """What Brevo posts of one delivered message."""
    ours = json.dumps({"message_id": str(new_id())})
    return json.dumps({"event": "delivered", "email": "a@b.example", "number": number, "X-Mailin-custom": ours})


def request(path: str, pair: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {pair}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench hooks", description=__doc__)
    parser.add_argument("--rate", type=float, default=1000, help="calls offered a second")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args(list(argv))
    owner = account()
    address = urlsplit(routes.address(owner))
    pair = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    bodies = [body(number) for number in range(int(options.rate * options.seconds))]
    calls = [request(address.path, pair, said.encode()) for said in bodies]
    with server() as (port, process):
        offer(port, calls[:50], 50, 4)  # the first calls import and connect
        before, spent = InboundEvents(owner), cpu_of(process)
        start = time.perf_counter()
        told = offer(port, calls[50:], options.rate, options.connections)
        seconds = time.perf_counter() - start
        peak, cpu = peak_of(process), cpu_of(process) - spent
    statuses = Counter(answer.status for answer in told)
    kept = InboundEvents(owner).keys
    lost = sum(answer.status == 200 and key_of(said) not in kept for answer, said in zip(told, bodies[50:], strict=True))
    stored = statuses[200]
    other = len(told) - stored - statuses[503]
    print(f"{len(told):,} calls offered at {options.rate:.0f}/s over {options.connections} connections, answered in {seconds:.1f} s:")
    print(f"  {stored:,} kept ({stored / seconds:.0f}/s), {statuses[503]:,} told to call again, {other} others {dict(statuses)}")
    print(f"  {lost} lost after a 2xx; the web server took {cpu / len(told) * 1000:.2f} ms of CPU a call")
    late = in_words("from the last byte of the call", [answer.since_written for answer in told])
    late_of_due = in_words("from its appointed moment", [answer.since_due for answer in told])
    behind = part_of(sorted(answer.own_delay for answer in told), 0.99) * 1000
    print(f"  of the latter the caller itself, which shares the processors, came to its calls up to {behind:.0f} ms late (p99)")
    if lost or other or len(kept) - len(before.keys) < stored:
        raise SystemExit("Calls were lost.")
    print(
        f"result name=hooks rate={stored / seconds:.0f} ratio={stored / len(told):.4f} late={late:.4f} late_of_due={late_of_due:.4f}"
        f" generator_late_p99_ms={behind:.0f} peak_mb={peak:.0f}"
    )


def in_words(since: str, times: Sequence[float]) -> float:
    """Say how long answers took; the share of those that came too late."""
    times = sorted(times)
    late = sum(took > IN_TIME for took in times) / len(times)
    p50, p99, worst = (part_of(times, part) * 1000 for part in (0.5, 0.99, 1))
    print(f"  answers {since}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {worst:.0f} ms; {late:.2%} later than 300 ms")
    return late


def part_of(times: Sequence[float], part: float) -> float:
    """The quantile of sorted times."""
    return times[min(int(len(times) * part), len(times) - 1)]


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
