"""E-mails a second through the whole protocol to a mail server on this machine, beside a bare smtplib loop over one connection.

The messages are reminders the daily run wrote: each is asked about under its customer's locks, rendered, frozen, committed as being sent,
handed over, and settled with its plan moved on; `synchronous_commit` is on. The bare loop sends prebuilt messages to the same server over
one kept connection, before and after ours, so that a busy machine slows both; the server's own ceiling is what that loop reaches.

With `--workers 2` processes deliver side by side, as Celery's do. `--sends 50000` shows that memory stays flat: each worker tells its peak
after every tenth of its share.
"""

import argparse
import multiprocessing
import resource
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, connections

from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications import dispatcher
from notifications.enums import ProviderKind
from notifications.models import Message, QueueTicket
from tests.chaos import town

BARE_SENDS = 2000


@dataclass
class Sink:
    """The mail server in a process of its own."""

    process: "subprocess.Popen[str]"
    port: int

    def taken(self) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def sink() -> Iterator[Sink]:
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Sink(process, int(process.stdout.readline() if process.stdout else 0))
    finally:
        process.kill()
        process.wait()


def bare(port: int, content: bytes) -> float:
    """Messages a second of a loop that only sends."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        start = time.perf_counter()
        for number in range(BARE_SENDS):
            server.sendmail("compta@atelier.example", [f"compta.{number}@client.example"], content)
        return BARE_SENDS / (time.perf_counter() - start)


def example() -> bytes:
    """A message as it is on the wire, of the size ours have."""
    from notifications.providers import mime
    from notifications.providers.base import Envelope

    text = "Bonjour,\n\n" + "La facture FA-2026-00042 de 1 200,00 € reste à régler.\n" * 20
    envelope = Envelope(
        message_id=new_id(), channel="email", sender="Compta <compta@atelier.example>", recipient="compta@client.example",
        subject="Facture FA-2026-00042", text=text, html=f"<p>{text}</p>" * 3, header_id="<1@atelier.example>",
    )  # fmt: skip
    content: bytes = mime.build(envelope).message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's own messages take it
    return content


Worked = tuple[int, list[float]]
"""What a worker delivered, and its peak of memory after each part (MB)."""


def _work(part: int, queue: "multiprocessing.SimpleQueue[Worked]", start: "multiprocessing.synchronize.Event") -> None:
    """One worker: everything it can get, `part` messages at a time."""
    connections.close_all()
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    start.wait()
    sent, peaks = 0, []
    while count := dispatcher.deliver_due(now=town.SEND_AT, limit=part).total():
        sent += count
        peaks.append(_peak())
    queue.put((sent, peaks))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(workers: int, sends: int) -> tuple[float, int, list[Worked]]:
    """(seconds, messages, what each worker told)."""
    connections.close_all()
    part = max(1, sends // workers // 10)
    context = multiprocessing.get_context("fork")
    queue, start = context.SimpleQueue(), context.Event()
    processes = [context.Process(target=_work, args=(part, queue, start)) for _ in range(workers)]
    for process in processes:
        process.start()
    time.sleep(0.5)  # their connections are open
    begin = time.perf_counter()
    start.set()
    told = [queue.get() for _ in processes]
    seconds = time.perf_counter() - begin
    for process in processes:
        process.join()
    return seconds, sum(entry[0] for entry in told), told


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench send", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sends", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--organizations", type=int, default=10)
    options = parser.parse_args(list(argv))
    with sink() as server:
        way = town.Way("email", ProviderKind.SMTP, {"host": "127.0.0.1", "port": server.port})
        start = time.perf_counter()
        houses = town.build(organizations=options.organizations, sends=options.sends, way=way)
        with connections["owner"].cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        print(f"built in {time.perf_counter() - start:.0f} s")
        content, before = example(), server.taken()
        rates = [bare(server.port, content)]
        seconds, sent, told = ours(options.workers, options.sends)
        rates.append(bare(server.port, content))
        taken = server.taken() - before - 2 * BARE_SENDS
    if not sent == taken == options.sends or QueueTicket.objects.exists():
        raise SystemExit(f"{options.sends} were due, {sent} were delivered, the server took {taken}.")
    for house in houses:
        with tenant(house):
            if Message.objects.filter(kind="reminder").exclude(state="accepted").exists():
                raise SystemExit("A message was delivered and is not accepted.")
    rate, bare_rate = sent / seconds, sum(rates) / len(rates)
    print(f"{sent:,} messages in {seconds:.1f} s; bare loop {rates[0]:,.0f} before and {rates[1]:,.0f} after, a second")
    for number, (count, peaks) in enumerate(told, 1):
        print(f"worker {number}: {count:,} messages; peak in MB after each tenth of its share: {' '.join(f'{peak:.0f}' for peak in peaks)}")
    peak = max(peaks[-1] for _, peaks in told if peaks)
    grown = max(peaks[-1] - peaks[0] for _, peaks in told if peaks)
    print(
        f"result name=send sends={sent} workers={options.workers} rate={rate:.1f} bare={bare_rate:.0f} ratio={rate / bare_rate:.4f}"
        f" peak_mb={peak:.0f} grown_mb={grown:.0f}"
    )
