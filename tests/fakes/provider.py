"""What all fakes have: a journal that judges, moods that may change while they run, and calls back to us."""

import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from tests.servers import HttpService, Reply, Request

MODES: Final = {
    "ok": "accepts and says so",
    "drop_after_accept": "accepts, writes its journal, hangs up without a word",
    "drop_before_accept": "reads the request, takes nothing, hangs up without a word",
    "timeout_after_write": "accepts and lets the client wait for `hold` seconds",
    "429": "too many requests, with Retry-After; takes nothing",
    "500": "an internal error; takes nothing",
    "500_after_accept": "accepts, then says there was an internal error",
    "slow_drip": "accepts and answers one byte each `drip` seconds",
    "wrong_body": "accepts and answers with a page of HTML",
    "endless": "accepts and answers without end",
    "refuse": "refuses this message for good, as its documentation says",
    "dead_address": "refuses the recipient for good, as its documentation says",
}
TAKES: Final = frozenset({"ok", "drop_after_accept", "timeout_after_write", "500_after_accept", "slow_drip", "wrong_body", "endless"})


STATE: Final = "/-/reports"  # where a fake in another process says how its reports stand


class Journal:
    """One line per delivery, flushed before anybody is told. With a path it outlives the process, and a restarted fake remembers."""

    def __init__(self, path: Path | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._file = None
        if path is not None:
            if path.exists():
                self.entries = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
            self._file = path.open("a", encoding="utf-8")

    def write(self, **entry: Any) -> None:
        entry = {"at": time.time(), **entry}
        with self._lock:
            self.entries.append(entry)
            if self._file is not None:
                self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
                self._file.flush()


@dataclass
class Behaviour:
    """What is done with how many of the requests, by chance from a seed; the rest is "ok"."""

    modes: dict[str, float] = field(default_factory=dict)  # mode -> share of the requests
    seed: int = 0
    retry_after: int = 7  # seconds a 429 asks for
    hold: float = 30.0
    drip: float = 0.1
    questions: str = "ok"  # the mode of look-ups and the like: "ok", "429", "500" or "drop_before_accept"

    def __post_init__(self) -> None:
        if unknown := set(self.modes) - set(MODES):
            raise ValueError(f"No such mode: {', '.join(sorted(unknown))}. There are: {', '.join(MODES)}.")
        self._chance = random.Random(self.seed)  # a rehearsal that must be repeatable, no secret
        self._lock = threading.Lock()

    def choose(self) -> str:
        with self._lock:
            drawn = self._chance.random()
        for mode, share in self.modes.items():
            if drawn < share:
                return mode
            drawn -= share
        return "ok"


@dataclass
class Callbacks:
    """Where a provider reports what became of a message, and how untidily."""

    url: str
    secret: str = ""  # what the reports are signed with, or "user:password"
    delay: tuple[float, float] = (0.0, 0.2)  # seconds between the answer and the report
    twice: float = 0.0  # share of the reports that come again
    shuffled: bool = False  # later reports may overtake earlier ones
    before_answer: float = 0.0  # share of the messages reported before their own request is answered
    bounced: float = 0.0  # share of the messages that bounce
    complained: float = 0.0  # share of the messages that are delivered and complained about
    insists: float = 5.0  # seconds for which a report is tried again that is not answered with a 2xx
    seed: int = 0
    accounts: dict[str, dict[str, str]] = field(default_factory=dict)  # the account that sent -> its own `url` and `secret`

    def of(self, account: str) -> "Callbacks":
        """What the account that sent is told."""
        return replace(self, **self.accounts[account]) if account in self.accounts else self  # type: ignore[arg-type]  # url and secret


@dataclass(frozen=True)
class Call:
    """One report, ready to be posted."""

    body: bytes
    headers: dict[str, str]
    url: str


class Fake:
    """One provider. `key` in the journal is our message's id as the provider was told it ("": it was not)."""

    name: ClassVar[str]
    url: str = ""  # where it listens, when it speaks HTTP

    def __init__(self, journal: Journal, *, behaviour_file: Path | None = None, callbacks: Callbacks | None = None) -> None:
        self.journal = journal
        self.callbacks = callbacks
        self.requests: list[Request] = []
        self.port = 0
        self._behaviour = Behaviour()
        self._file = behaviour_file
        self._read_at: float | None = None
        self._serial = len(journal.entries)
        self._lock = threading.Lock()

    def behave(self, modes: Mapping[str, float] | str | None = None, **settings: Any) -> None:
        """Change its mood: a share per mode, or one mode for every request."""
        self._behaviour = Behaviour({modes: 1.0} if isinstance(modes, str) else dict(modes or {}), **settings)

    @property
    def behaviour(self) -> Behaviour:
        if self._file is not None and self._file.exists() and self._file.stat().st_mtime != self._read_at:
            self._read_at = self._file.stat().st_mtime
            settings = json.loads(self._file.read_text())
            called_back = settings.pop("callbacks", None)
            self._behaviour = Behaviour(**settings)
            if called_back:
                self.callbacks = Callbacks(**{**called_back, "delay": tuple(called_back.get("delay", (0.0, 0.2)))})
        return self._behaviour

    def next_serial(self) -> int:
        with self._lock:
            self._serial += 1
            return self._serial

    def deliveries(self) -> dict[str, int]:
        """How many times each of our messages was delivered, by the name the provider knows it under."""
        return dict(Counter(entry["key"] for entry in self.journal.entries))


@dataclass(frozen=True)
class Taken:
    """A message as one provider understood it."""

    key: str
    recipient: str
    provider_id: str
    details: dict[str, Any] = field(default_factory=dict)
    account: str = ""  # what tells the provider's customers apart, where it matters


class HttpFake(Fake):
    """A provider behind HTTP. Subclasses read requests (`take`), and word answers (`accepted`, `busy`, `broken`, `refusal`)."""

    holds_keys: ClassVar[float] = 0.0  # seconds during which the same key is not delivered twice

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.calls: list[tuple[int, Call]] = []  # (status we answered, the report)
        self._threads: list[threading.Thread] = []
        self._waiting = self._given_up = 0  # reports

    def listen(self, service: HttpService) -> None:
        self.url, self.requests = service.url, service.requests
        self.port = int(service.url.rsplit(":", 1)[1])

    def finish(self) -> None:
        """Wait for the reports on their way."""
        for thread in self._threads:
            thread.join(5)

    # --- to be said by each provider ---

    def is_sending(self, request: Request) -> bool:
        raise NotImplementedError

    def take(self, request: Request) -> Taken:
        raise NotImplementedError

    def accepted(self, taken: Taken) -> Reply:
        raise NotImplementedError

    def refusal(self, mode: str, request: Request) -> Reply:
        raise NotImplementedError

    def busy(self) -> Reply:
        return Reply(429, {"message": "Too many requests"})

    def broken(self) -> Reply:
        return Reply(500, {"message": "Internal error"})

    def other(self, request: Request) -> Reply:
        """Anything that is not a message: look-ups, proofs…"""
        return Reply(404, {"message": "Not found"})

    def denied(self, request: Request) -> Reply | None:
        """The answer to a call without the right key."""
        return None

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        """What is told of a message, in order; each is signed when it is posted."""
        return []

    def complaint(self, taken: Taken) -> Callable[[Callbacks], Call] | None:
        """What is told of a message somebody complained about, besides its delivery."""
        return None

    # --- the course of a request ---

    def answer(self, request: Request) -> Reply:
        if request.path == STATE:
            return Reply(200, self.state(), {"Content-Type": "application/json"})
        refused = self.denied(request)
        if refused is not None:
            return refused
        behaviour = self.behaviour
        is_sending = self.is_sending(request)
        mode = behaviour.choose() if is_sending else behaviour.questions
        if mode == "429":
            busy = self.busy()
            return Reply(busy.status, busy.body, {**busy.headers, "Retry-After": str(behaviour.retry_after)})
        if not is_sending and mode == "ok":
            return self.other(request)
        if mode in ("refuse", "dead_address"):
            return self.refusal(mode, request)
        if mode not in TAKES:
            return self.broken() if mode == "500" else Reply(hang_up=True)
        taken = self.take(request)
        if self._is_known(taken.key):
            reply = self.repeated(taken)
        else:
            chance = random.Random(f"{self.callbacks and self.callbacks.seed}:{taken.key}:{taken.provider_id}")  # repeatable, no secret
            fate = self._fate(chance)
            self.journal.write(
                fake=self.name,
                key=taken.key,
                recipient=taken.recipient,
                provider_id=taken.provider_id,
                mode=mode,
                fate=fate,
                **taken.details,
            )
            self._report(taken, fate, chance)
            reply = self.accepted(taken)
        return self._disturbed(reply, mode, behaviour)

    def repeated(self, taken: Taken) -> Reply:
        """The answer to a key that was already delivered."""
        return self.accepted(taken)

    def _is_known(self, key: str) -> bool:
        if not self.holds_keys or not key:
            return False
        since = time.time() - self.holds_keys
        return any(entry["key"] == key and entry["at"] >= since for entry in self.journal.entries)

    def _disturbed(self, reply: Reply, mode: str, behaviour: Behaviour) -> Reply:
        if mode == "drop_after_accept":
            return Reply(hang_up=True)
        if mode == "timeout_after_write":
            return Reply(hang_up=True, hold=behaviour.hold)
        if mode == "500_after_accept":
            return self.broken()
        if mode == "wrong_body":
            return Reply(200, "<html><body>Welcome to the hotel's network</body></html>", {"Content-Type": "text/html"})
        if mode == "endless":
            return Reply(200, endless=True)
        return Reply(reply.status, reply.body, reply.headers, drip=behaviour.drip if mode == "slow_drip" else 0.0)

    # --- what it reports ---

    def state(self) -> dict[str, int]:
        """How the reports stand: on their way, given up, posted (tries, and refusals among them), and different ones taken from us."""
        calls = list(self.calls)
        taken = {(call.url, call.body) for status, call in calls if 200 <= status < 300}
        refused = sum(not 200 <= status < 300 for status, _ in calls)
        return {"waiting": self._waiting, "given_up": self._given_up, "tries": len(calls), "refused": refused, "taken": len(taken)}

    def _fate(self, chance: random.Random) -> str:
        """What becomes of a message, and will be reported; blank when nothing is."""
        told, drawn = self.callbacks, chance.random()
        if told is None or not (told.url or told.accounts):
            return ""
        if drawn < told.bounced:
            return "bounced"
        return "complained" if drawn < told.bounced + told.complained else "delivered"

    def _report(self, taken: Taken, fate: str, chance: random.Random) -> None:
        if not fate or self.callbacks is None:
            return
        told = self.callbacks.of(taken.account)
        complaint = self.complaint(taken) if fate == "complained" else None
        events = [*self.reports(taken, fate == "bounced"), *([complaint] if complaint is not None else [])]
        calls = [call for call in (make(told) for make in events) for _ in range(2 if chance.random() < told.twice else 1)]
        if told.shuffled:
            chance.shuffle(calls)
        with self._lock:
            self._waiting += len(calls)
        if chance.random() < told.before_answer:
            calls = [call for call in calls if not self._posted(call, within=1.0)]  # the answer does not wait for a receiver that is away
        if calls:
            pauses = [chance.uniform(*told.delay) for _ in calls]
            thread = threading.Thread(target=self._post_later, args=(calls, pauses, told.insists), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _post_later(self, calls: list[Call], pauses: list[float], insists: float) -> None:
        for call, pause in zip(calls, pauses, strict=True):
            time.sleep(pause)
            ends = time.monotonic() + insists
            for again in chain((0.2, 1.0), repeat(3.0)):  # like the real ones, until it is answered with a 2xx
                if self._posted(call):
                    break
                if time.monotonic() + again > ends:
                    with self._lock:
                        self._waiting -= 1
                        self._given_up += 1
                    break
                time.sleep(again)

    def _posted(self, call: Call, *, within: float = 10.0) -> bool:
        """Post it once; whether it was taken within so many seconds."""
        status = _post(call, within)
        with self._lock:
            self.calls.append((status, call))
            taken = 200 <= status < 300
            self._waiting -= taken
        return taken


def _post(call: Call, within: float) -> int:
    if urlsplit(call.url).scheme not in ("http", "https"):
        raise ValueError(f"{call.url} is no web address.")
    request = urllib.request.Request(call.url, data=call.body, headers=call.headers, method="POST")  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=within) as answer:  # noqa: S310  # checked above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
