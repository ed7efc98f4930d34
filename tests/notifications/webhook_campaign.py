"""Events told to flaky receivers by real worker processes that are killed meanwhile: each must be heard at least once, under one id.

The receivers are the judge, not our own database: they verify every call with the specification's library and remember what they heard.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.db import connection

from dunning.core import clock
from dunning.core.models import Event, Organization
from dunning.core.tenancy import tenant
from notifications.models import QueueTicket, WebhookDelivery
from notifications.webhooks.delivering import deliver_due
from tests.factories import make_organization
from tests.notifications.receivers import Receiver, receiving, subscribe, tell
from tests.servers import Reply, Request

ROOT = Path(__file__).resolve().parents[2]
LEASE = 5.0  # seconds; the product's is 120
TOGETHER = 20  # events of one transaction
LATER = (0.2, 6, 12, 40, 150, 400, 800, 1500, 2500)  # minutes of business time after the storm, for what a receiver refused
MOODS = (("error_after", 0.02), ("busy", 0.02), ("hang_up", 0.02), ("slow", 0.02))  # the rest is taken at once


@dataclass
class Result:
    """What the receivers say."""

    events: int = 0
    heard: int = 0  # different ones, at least once
    taken: int = 0  # different ones, with a 2xx
    calls: int = 0
    repeated: int = 0  # heard more often than once
    changed: int = 0  # one id, different words
    strangers: int = 0  # ids nobody told
    kills: int = 0
    seconds: float = 0.0  # of the storm
    undelivered: int = 0  # by our own database

    @property
    def lost(self) -> int:
        return self.events - self.taken

    def line(self) -> str:
        rate = self.taken / self.seconds if self.seconds else 0.0
        return (
            f"result name=webhooks events={self.events} kills={self.kills} lost={self.lost} changed={self.changed}"
            f" strangers={self.strangers} undelivered={self.undelivered} calls={self.calls} repeated={self.repeated} rate={rate:.1f}"
        )


class Moody:
    """A receiver's server on a bad day; calls are verified and remembered before its mood decides the answer."""

    def __init__(self, seed: int) -> None:
        self._chance, self._lock = random.Random(seed), threading.Lock()
        self.calm = False
        self.taken: set[str] = set()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            drawn = self._chance.random()
        for mood, share in () if self.calm else MOODS:
            if drawn < share:
                if mood == "slow":
                    time.sleep(0.3)
                    break
                return {"error_after": Reply(500), "busy": Reply(503), "hang_up": Reply(hang_up=True)}[mood]
            drawn -= share
        self.taken.add(request.headers["webhook-id"])
        return Reply(204)


@dataclass
class Campaign:
    events: int
    kills: int
    workers: int
    receivers: int
    seed: int
    failpoint: str = ""
    _processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def run(self) -> Result:
        """Tell everything while workers die, let the rest be heard, and ask the receivers."""
        with ExitStack() as stack:
            houses: list[tuple[Organization, Receiver, Moody]] = []
            for number in range(self.receivers):
                moody = Moody(self.seed + number)
                house = (make_organization(), stack.enter_context(receiving(moody)), moody)
                subscribe(house[0], house[1], now=clock.now())
                houses.append(house)
            result = Result(events=self.events)
            try:
                self._storm(houses, result)
            finally:
                for process in self._processes:
                    result.kills += process.poll() is not None  # it struck a failpoint at last
                    process.kill()
                    process.wait()
            self._settle(houses)
            self._judge(houses, result)
        return result

    def _storm(self, houses: list[tuple[Organization, Receiver, Moody]], result: Result) -> None:
        chance = random.Random(self.seed)
        self._processes = [self._start() for _ in range(self.workers)]
        marks = [self.events * (place + 1) / (self.kills + 1) for place in range(self.kills)]
        told, began = 0, time.monotonic()
        while (heard := sum(len(moody.taken) for _, _, moody in houses)) < self.events * 0.95 and time.monotonic() - began < 3600:
            while told < self.events and told - heard < 40 * TOGETHER:
                size = min(TOGETHER, self.events - told)
                tell(houses[(told // TOGETHER) % len(houses)][0], "invoice.paid", count=size, now=clock.now())
                told += size
            while marks and heard >= marks[0]:
                marks.pop(0)
                self._kill(chance.randrange(len(self._processes)))
                result.kills += 1
            for place, process in enumerate(self._processes):
                if process.poll() is not None:  # it struck a failpoint
                    result.kills += 1
                    self._processes[place] = self._start()
            time.sleep(0.05)
        result.seconds = time.monotonic() - began

    def _start(self) -> "subprocess.Popen[bytes]":
        trial = {"TRIAL": f"lease={LEASE:g}", "WEBHOOK_LOOPBACK": "true", "LOG_LEVEL": "ERROR", "FAILPOINT": self.failpoint}
        command = [sys.executable, "-m", "tests.notifications.webhook_worker"]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **trial}, stderr=subprocess.DEVNULL)  # noqa: S603  this project

    def _kill(self, place: int) -> None:
        self._processes[place].send_signal(signal.SIGKILL)
        self._processes[place].wait()
        self._processes[place] = self._start()

    def _settle(self, houses: list[tuple[Organization, Receiver, Moody]]) -> None:
        """The dead hold nothing any more, the receivers are well again, and business time goes on."""
        with connection.cursor() as cursor:
            cursor.execute("UPDATE notifications_queueticket SET lease_until = NULL, lease_token = NULL")
        for _, _, moody in houses:
            moody.calm = True
        now = clock.now()
        for minutes in LATER:
            deliver_due(now=now + timedelta(minutes=minutes))
            if not QueueTicket.objects.exists():
                return

    def _judge(self, houses: list[tuple[Organization, Receiver, Moody]], result: Result) -> None:
        for house, receiver, moody in houses:
            with tenant(house):
                told: set[UUID] = set(Event.objects.values_list("pk", flat=True))
                result.undelivered += WebhookDelivery.objects.exclude(state="delivered").count()
            words: dict[str, set[str]] = {}
            for webhook_id, body in receiver.heard:
                words.setdefault(webhook_id, set()).add(repr(body))
            times = Counter(webhook_id for webhook_id, _body in receiver.heard)
            known = {str(pk) for pk in told}
            result.heard += len(known & set(times))
            result.taken += len(known & moody.taken)
            result.calls += times.total()
            result.repeated += sum(count > 1 for count in times.values())
            result.changed += sum(len(said) > 1 for said in words.values())
            result.strangers += len(set(times) - known)
