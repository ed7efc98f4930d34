"""One campaign: due messages of every capability class, real processes sending them, and what happens to these meanwhile."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, connections

from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import dispatcher, receipts, routes
from notifications.enums import EventState, ProviderKind
from notifications.models import InboundEvent, ProviderAccount, QueueTicket
from scenarios import invariants
from tests.chaos import town
from tests.chaos.crew import SENDERS, Crew
from tests.chaos.ground import Ground, Judge, until
from tests.chaos.verdict import Verdict, judge, read_up

FAKES = {"none": "smtp", "idempotent": "brevo", "look-up": "mailjet", "callback": "postmark"}
FLUSH_EVERY = 20.0  # seconds
LATER = (
    0,
    1,
    3,
    6,
    12,
    20,
    30,
    40,
    60,
    90,
    180,
    360,
    26 * 60,
    27 * 60,
    52 * 60,
)  # minutes of business time, at which what waits is looked at
MOODS = {"drop_after_accept": 0.02, "drop_before_accept": 0.01, "500_after_accept": 0.01, "500": 0.01, "429": 0.03, "wrong_body": 0.01}


SECRETS = {"brevo": {"api_key": "k"}, "mailjet": {"api_key": "k", "secret_key": "s"}}
REPORTS = {
    "url": "", "delay": (0.0, 1.5), "twice": 0.25, "shuffled": True, "before_answer": 0.25, "bounced": 0.02, "complained": 0.05,
    "insists": 1800.0,
}  # fmt: skip


@dataclass
class Plan:
    """What is asked of a campaign."""

    sends: int
    kills: int
    pauses: int
    restarts: int
    seed: int
    lease: float
    classes: Sequence[str]
    organizations: int
    failpoint: str = ""
    action: str = "kill"
    moody: bool = False
    flush: bool = True
    patience: float = 1800.0


@dataclass
class Campaign:
    ground: Ground
    judges: dict[str, Judge]
    plan: Plan
    env: dict[str, str]
    houses: dict[str, list[Organization]] = field(default_factory=dict)
    due: dict[UUID, list[UUID]] = field(default_factory=dict)
    restarts: int = 0
    stalls: int = 0  # moments at which the machine gave us no time at all
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    # --- before ---

    def prepare(self) -> None:
        """Organizations of every class with their reminders of the morning, written by the daily run."""
        for number, name in enumerate(self.plan.classes):
            share = self.plan.sends // len(self.plan.classes) + (number < self.plan.sends % len(self.plan.classes))
            self.houses[name] = self._callers(share) if name == "callback" else self._build(name, share)
            told = self._told() if name == "callback" else {}
            self.judges[FAKES[name]].behave(modes=MOODS if self.plan.moody else {}, seed=self.plan.seed, **told)
        self.due = town.queued(self._all())
        self.say(f"{sum(map(len, self.due.values()))} messages are due, of {', '.join(self.plan.classes)}")

    def _build(self, name: str, sends: int) -> list[Organization]:
        return town.build(organizations=self.plan.organizations, sends=sends, way=self._way(name, SECRETS.get(FAKES[name], {})), label=name)

    def _callers(self, sends: int) -> list[Organization]:
        """Organizations with a server of their own at Postmark, so that it calls each of them by its own way in."""
        count, houses = self.plan.organizations, []
        for number in range(count):
            way, share = self._way("callback", {"server_token": f"server-{number}"}), sends // count + (number < sends % count)
            houses += town.build(organizations=1, sends=share, way=way, label=f"callback-{number}")
        return houses

    def _way(self, name: str, secrets: dict[str, str]) -> town.Way:
        port = self.judges[FAKES[name]].port
        if name == "none":
            return town.Way("email", ProviderKind.SMTP, {"host": "127.0.0.1", "port": port})
        return town.Way("email", ProviderKind.ANYMAIL, {"service": FAKES[name], "api_url": f"http://127.0.0.1:{port}"}, secrets)

    def _told(self) -> dict[str, Any]:
        """Postmark tells all it knows by itself, untidily, and answers no question: its reports alone can settle what is uncertain."""
        ways = {}
        for number, house in enumerate(self.houses["callback"]):
            with tenant(house):
                way = urlsplit(routes.address(ProviderAccount.objects.get(channel="email", is_active=True)))
            secret = f"{way.username}:{way.password}"
            ways[f"server-{number}"] = {"url": f"{way.scheme}://{way.hostname}:{way.port}{way.path}", "secret": secret}
        return {"questions": "500", "callbacks": {**REPORTS, "accounts": ways, "seed": self.plan.seed}}

    # --- while it happens ---

    def storm(self) -> Crew:
        """Send everything while processes are killed, paused and cut off; returns the crew at rest."""
        plan, crew = self.plan, self._crew()
        total = sum(map(len, self.due.values()))
        # What happens is spread over the progress, not over time: the same seed meets the same stages on any machine.
        blows = [("kill", crew.kill_one)] * (0 if plan.failpoint else plan.kills)
        blows += [("pause", lambda: crew.pause_one(plan.lease * 1.25))] * plan.pauses + [("restart", self._restart)] * plan.restarts
        crew.chance.shuffle(blows)
        marks = [total * (1 - (place + 1) / (len(blows) + 1)) for place in range(len(blows))]
        crew.start()
        flushed, said, ends = time.monotonic(), time.monotonic(), time.monotonic() + plan.patience
        try:
            while ((left := self._left()) or self._unread()) and time.monotonic() < ends:
                if left and blows and left <= marks[0]:
                    marks.pop(0)
                    blows.pop(0)[1]()
                if plan.flush and time.monotonic() - flushed > FLUSH_EVERY:
                    self.ground.flush_broker()
                    flushed = time.monotonic()
                if plan.failpoint and crew.failpoint and crew.struck() >= plan.kills:
                    self.say(f"{plan.failpoint} struck {crew.struck()} times; the rest leaves undisturbed")
                    crew.disarm()
                if time.monotonic() - said > 15:
                    self.say(f"{left} of {total} left, {crew.kills} kills, {crew.struck()} strikes, {crew.pauses} pauses")
                    said = time.monotonic()
                before = time.monotonic()
                time.sleep(0.1)
                self.stalls += time.monotonic() - before > plan.lease / 4
        finally:
            crew.continue_everybody()
            crew.rest()
        whom = ", ".join(f"{name} {count}" for name, count in sorted(crew.killed.items()))
        self.say(
            f"the storm is over: {crew.kills} kills ({whom or 'nobody'}), {crew.struck()} strikes of failpoints, {crew.pauses} pauses,"
            f" {left} not looked at"
        )
        if "callback" in self.houses:
            made = self.judges[FAKES["callback"]].reports()
            self.say(f"{made['taken']} reports were posted {made['tries']} times, {made['refused']} times for nothing")
        return crew

    def _crew(self) -> Crew:
        plan = self.plan
        failpoint = ""
        if plan.failpoint:
            # A failpoint is met once a message, once a claim of several, or once a report of the messages whose provider makes any.
            share = {"after-claim": 1 / 8, "inbox-stored-not-processed": 1.05 * ("callback" in plan.classes) / len(plan.classes)}
            occasions = max(1.0, plan.sends * share.get(plan.failpoint, 1.0))
            action = "kill" if plan.action == "kill" else f"sleep={plan.lease * 1.25:g}"
            failpoint = f"{plan.failpoint}:{action}:{min(0.25, plan.kills / occasions):.4f}"
        return Crew(
            self.ground.root, self.env, plan.seed, failpoint=failpoint, line=self.ground.line if "callback" in plan.classes else None
        )

    def at_stake(self, crew: Crew) -> int:
        """How many messages may have become uncertain, while providers answer: those in flight when something happened.

        A process has one in flight, and whoever kills it costs that one. One that is stopped may hold the locks the others' answers wait
        for, beyond their leases; a database that is away, or a machine that gives nobody time, stops all of them.
        """
        return crew.senders_killed + crew.struck() + SENDERS * (crew.pauses + self.restarts + self.stalls)

    def _restart(self) -> None:
        self.restarts += 1
        self.say(f"PostgreSQL was cut off and answers again after {self.ground.restart_database():.1f} s")

    def _left(self) -> int:
        """Messages somebody still has to look at now, whoever holds them. At least one while the database is away."""
        try:
            return QueueTicket.objects.filter(due_at__lte=clock.now()).count()
        except (OperationalError, InterfaceError):
            connections.close_all()
            return 1

    def _unread(self) -> int:
        """Reports on their way, and those kept and not read yet. At least one while the database is away."""
        if "callback" not in self.houses:
            return 0
        try:
            stored = sum(self._stored(house) for house in self.houses["callback"])
        except (OperationalError, InterfaceError):
            connections.close_all()
            return 1
        return stored + self._on_their_way()

    def _on_their_way(self) -> int:
        return self.judges[FAKES["callback"]].reports()["waiting"] if "callback" in self.houses else 0

    @staticmethod
    def _stored(house: Organization) -> int:
        with tenant(house):
            return InboundEvent.objects.filter(state=EventState.STORED).count()

    # --- after ---

    def settle(self) -> None:
        """Let business time go on until nothing waits: retries, look-ups, reports, and the day after which a person is asked."""
        with connection.cursor() as cursor:  # the dead hold nothing any more
            cursor.execute("UPDATE notifications_queueticket SET lease_until = clock_timestamp() - interval '1 second'")
        for house in self._all():
            _end_leases(house)
        begin = before = clock.now()
        outcomes: dict[str, int] = {}
        for minutes in LATER:
            moment: datetime = begin + timedelta(minutes=minutes)
            for house in self._all():
                _pass_time(house, moment - before)
            before = moment
            for state, count in dispatcher.deliver_due(now=moment).items():
                outcomes[state] = outcomes.get(state, 0) + count
            until(lambda: not self._on_their_way(), within=60.0)  # a report takes seconds, and the next step is minutes later
            receipts.apply_due(now=moment)
            if not QueueTicket.objects.exists():
                break
        self.say(f"afterwards: {', '.join(f'{count} {state}' for state, count in sorted(outcomes.items())) or 'nothing'}")

    def check(self) -> int:
        """The invariants of every organization, after business time went on for two days; how many are broken."""
        broken = [str(violation) for house in self._all() for violation in invariants.check(house, now=clock.now())]
        for sentence in broken:
            self.say(sentence)
        return len(broken)

    def _all(self) -> list[Organization]:
        return [house for houses in self.houses.values() for house in houses]

    def judge(self) -> dict[str, Verdict]:
        """Each class before its own provider's journal."""
        found = {}
        for name, houses in self.houses.items():
            judging = self.judges[FAKES[name]]
            due = {house.pk: self.due[house.pk] for house in houses}
            found[name] = judge(houses, due, judging.deliveries(), judging.fates())
            if name == "callback":
                read_up(houses, found[name], judging.reports())
        return found


def _end_leases(house: Organization) -> None:
    with tenant(house), connection.cursor() as cursor:
        cursor.execute("UPDATE notifications_message SET lease_until = clock_timestamp() - interval '1 second' WHERE state = 'sending'")


def _pass_time(house: Organization, passed: timedelta) -> None:
    """A service is left alone in the database's own time, which has to keep up with the business's."""
    with tenant(house), connection.cursor() as cursor:
        cursor.execute("UPDATE notifications_provideraccount SET closed_until = closed_until - %s", [passed])
