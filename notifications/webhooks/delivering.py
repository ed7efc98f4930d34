"""Deliveries on their way: claim an endpoint, call it outside any transaction, write down what came of it.

An endpoint is one worker's at a time, a few of its deliveries at once over kept connections; many endpoints are called side by side, so
that one that does not answer costs the others nothing. Whatever ends a worker, its deliveries are found again when its lease ends: a
receiver may hear of an event twice, under the same id, and of each at least once.
"""

import logging
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from dunning.core import failpoints
from dunning.core.errors import DomainError
from dunning.core.tenancy import tenant
from notifications import claiming
from notifications.claiming import Claim
from notifications.enums import DeliveryState, EndpointState, Errand, WebhookFault
from notifications.models import QueueTicket, WebhookDelivery, WebhookEndpoint
from notifications.pace import ClockTimestamp
from notifications.providers.base import Misconfigured
from notifications.sending import patiently
from notifications.webhooks import endpoints, fan_out, settling
from notifications.webhooks.guard import Target, read_url
from notifications.webhooks.line import TIME, Answer, Line
from notifications.webhooks.settling import Told

logger = logging.getLogger(__name__)

SIDE_BY_SIDE: Final = 32  # endpoints called at the same time by one worker
LANES: Final = 4  # connections to one endpoint
BATCH: Final = 20  # deliveries of one endpoint taken together: what a worker that dies has said and not written down is said again
LANE_TIME: Final = 20.0  # seconds after which a lane begins no further call; with the last one far below the lease
PATIENCE: Final = 60.0  # seconds for which answers are kept while the database is away


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to be made; `tries` were made before."""

    delivery_id: UUID
    event_id: UUID
    body: bytes
    tries: int


@dataclass(slots=True)
class Visit:
    """One endpoint's deliveries, taken together. Lanes add what they heard, in the order in which they heard it."""

    claim: Claim
    target: Target | None
    keys: list[str]
    jobs: list[Job]
    fault: str = ""  # why it cannot even be called
    told: list[Told] = field(default_factory=list)
    lanes: list[Future[None]] = field(default_factory=list)
    trouble: threading.Event = field(default_factory=threading.Event)
    _next: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Job | None:
        """The next delivery; none when all were taken, or one of them failed: the others then wait for a better moment."""
        with self._lock:
            if self.trouble.is_set() or self._next >= len(self.jobs):
                return None
            self._next += 1
            return self.jobs[self._next - 1]

    def note(self, job: Job, answer: Answer) -> None:
        with self._lock:
            self.told.append(Told(job.delivery_id, job.tries, answer))
            if not answer.is_success:
                self.trouble.set()


def deliver_due(*, now: datetime, organization_id: UUID | None = None, budget: float | None = None) -> Counter[str]:
    """Hand out events and make every delivery that is due; counts by what came of the calls.

    `now` is business time, which goes on meanwhile unless one organization is named: under a virtual clock, say. Begins nothing new after
    `budget` seconds.
    """
    worker = _Worker(now, organization_id, None if budget is None else time.monotonic() + budget)
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE * LANES, thread_name_prefix="webhook") as pool:
        worker.work(pool)
    return worker.outcomes


def next_due(*, now: datetime, within: timedelta) -> datetime | None:
    """When the next ticket of a webhook that nobody holds falls due, if that is soon."""
    soon = QueueTicket.objects.filter(channel__in=Errand.values, due_at__lte=now + within).exclude(lease_until__gt=ClockTimestamp())
    found: datetime | None = soon.order_by("due_at").values_list("due_at", flat=True).first()
    return found


class _Worker:
    """One worker's pass: its own thread alone speaks with the database."""

    def __init__(self, now: datetime, organization_id: UUID | None, stop_at: float | None) -> None:
        self.now, self.organization_id, self.stop_at = now, organization_id, stop_at
        self.outcomes: Counter[str] = Counter()
        self._started = time.monotonic()
        self._visits: dict[Future[None], Visit] = {}

    @property
    def moment(self) -> datetime:
        passed = time.monotonic() - self._started if self.organization_id is None else 0.0
        return self.now + timedelta(seconds=passed)

    @property
    def is_over(self) -> bool:
        return self.stop_at is not None and time.monotonic() > self.stop_at

    def work(self, pool: ThreadPoolExecutor) -> None:
        try:
            while self._begin(pool) or self._visits:
                done, _pending = wait(self._visits, timeout=1.0, return_when=FIRST_COMPLETED)
                for visit in {id(visit): visit for visit in map(self._visits.__getitem__, done)}.values():
                    if all(lane.done() for lane in visit.lanes):
                        self._end(visit)
        finally:  # the database stays away: what is being said is heard to its end, and found again when its lease ends
            for visit in self._visits.values():
                visit.trouble.set()

    def _begin(self, pool: ThreadPoolExecutor) -> bool:
        """Hand out what was told, then visit endpoints as long as there is room; whether a visit was begun."""
        if self.is_over:
            return False
        fan_out.hand_out_due(now=self.moment, organization_id=self.organization_id)
        under_way = len({id(visit) for visit in self._visits.values()})
        begun = False
        room = SIDE_BY_SIDE - under_way
        if not room:
            return False
        for claim in claiming.claim_errands(Errand.WEBHOOK, now=self.moment, size=room, organization_id=self.organization_id):
            visit = self._take(claim)
            if visit is not None:
                visit.lanes = [pool.submit(_drive, visit) for _ in range(min(LANES, len(visit.jobs)))]
                self._visits |= dict.fromkeys(visit.lanes, visit)
                begun = True
        return begun

    def _take(self, claim: Claim) -> Visit | None:
        """The deliveries of a claimed endpoint that are due; none when it is left alone or nothing is: its ticket is put right then."""
        with tenant(claim.organization_id):
            endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=claim.message_id).first()
            if endpoint is None or endpoint.state != EndpointState.ACTIVE:
                claiming.finish([claim])
                return None
            jobs = [] if endpoint.closed_until is not None and endpoint.closed_until > self.moment else self._due(endpoint)
            if not jobs:
                settling.let_go(claim, endpoint)
                return None
            try:
                return Visit(claim, read_url(endpoint.url), endpoints.keys_of(endpoint, self.moment), jobs)
            except DomainError:  # allowed when it was entered
                return Visit(claim, None, [], jobs, WebhookFault.BLOCKED)
            except Misconfigured:
                return Visit(claim, None, [], jobs, WebhookFault.UNSIGNED)

    def _due(self, endpoint: WebhookEndpoint) -> list[Job]:
        """One that failed last is asked with a single delivery, before the others follow."""
        size = 1 if endpoint.failures else BATCH
        due = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING, next_at__lte=self.moment)
        rows = due.order_by("next_at", "pk").values_list("pk", "event_id", "body", "tries")[:size]
        return [Job(pk, event_id, body.encode(), tries) for pk, event_id, body, tries in rows]

    def _end(self, visit: Visit) -> None:
        for lane in visit.lanes:
            self._visits.pop(lane, None)
            if (error := lane.exception()) is not None:
                logger.error("A webhook's line broke off by a fault of the program.", exc_info=error)
        failpoints.hit("after-response")
        self.outcomes.update(patiently(lambda: self._settle(visit), within=PATIENCE))

    def _settle(self, visit: Visit) -> Counter[str]:
        with tenant(visit.claim.organization_id):
            outcomes = settling.settle(visit.claim, visit.told, now=self.moment)
            failpoints.hit("before-commit")
        return outcomes


def _drive(visit: Visit) -> None:
    """One connection's share of a visit, in a thread of its own."""
    ends = time.monotonic() + LANE_TIME
    line = Line(visit.target) if visit.target is not None else None
    try:
        while time.monotonic() < ends and (job := visit.take()) is not None:
            failpoints.hit("before-write")
            if line is None:
                visit.note(job, Answer(fault=visit.fault))
            else:
                visit.note(job, line.post(job.body, id=str(job.event_id), keys=visit.keys, within=TIME))
                failpoints.hit("after-write")
    finally:
        if line is not None:
            line.close()
