"""The servers of a campaign: a PostgreSQL with fsync, a Valkey, and the fakes, each of them ours to end, pause and empty."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dunning.local import roles
from dunning.local.join import folder_of
from dunning.local.postgres import Postgres
from dunning.local.processes import die_with_parent, open_lock
from dunning.local.testing import clone, ensure_template
from dunning.local.valkey import Valkey
from tests.fakes.provider import STATE


@dataclass
class Ground:
    """What the campaign stands on; `env` leads processes to it, and `line` is where its web server listens, whoever is killed."""

    root: Path
    postgres: Postgres
    valkey: Valkey
    line: socket.socket
    env: dict[str, str]

    def restart_database(self) -> float:
        """As a power cut would; seconds until it answers again."""
        return self.postgres.restart_immediately()

    def flush_broker(self) -> None:
        """Forget every ring and every queue."""
        import redis

        client = redis.Redis.from_url(self.env["REDIS_URL"], socket_connect_timeout=5, socket_timeout=5)
        try:
            client.flushall()
        finally:
            client.close()


@contextmanager
def ground(root: Path) -> Iterator[Ground]:
    """Servers of this campaign's own, on a clone of the migrated template; nothing is shared with `up` or with tests."""
    import fcntl

    folder = folder_of(root) / "chaos"
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        turn = stack.enter_context(open_lock(folder / "turn"))
        fcntl.flock(turn, fcntl.LOCK_EX)  # one campaign a checkout: they restart their servers
        postgres, valkey = Postgres(folder / "postgres", durable=True), Valkey(folder / "valkey", durable=False)
        stack.callback(valkey.stop)
        stack.callback(postgres.stop)
        env = {**os.environ, **postgres.start(), **valkey.start()}
        template = ensure_template(root, {**env, "TRIAL": ""})
        name = stack.enter_context(clone(env["DATABASE_OWNER_URL"], template, "chaos"))
        env |= {key: roles.with_database(env[key], name) for key in ("DATABASE_URL", "DATABASE_OWNER_URL")}
        line = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        env["PUBLIC_BASE_URL"] = f"http://127.0.0.1:{line.getsockname()[1]}"
        yield Ground(root, postgres, valkey, line, env)


@dataclass
class Judge:
    """A fake provider in a process of its own, whose journal says what really left."""

    name: str
    port: int
    journal: Path
    behaviour: Path
    process: "subprocess.Popen[str]"

    def behave(self, **settings: Any) -> None:
        """Change its moods while it runs."""
        partial = self.behaviour.with_suffix(".partial")
        partial.write_text(json.dumps(settings))
        partial.replace(self.behaviour)

    def deliveries(self) -> Counter[str]:
        """How often each of our messages left, by our id."""
        return Counter(entry["key"] for entry in self._entries())

    def fates(self) -> dict[str, str]:
        """What was reported of each of our messages, by our id; of those it reports of."""
        return {entry["key"]: entry["fate"] for entry in self._entries() if entry.get("fate")}

    def reports(self) -> dict[str, int]:
        """How its reports stand."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{STATE}", timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def _entries(self) -> list[dict[str, Any]]:
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]


@contextmanager
def judges(root: Path, names: list[str], env: dict[str, str]) -> Iterator[dict[str, Judge]]:
    """The fakes of these names, listening; their journals live as long as the campaign."""
    with tempfile.TemporaryDirectory(prefix="dunning-journals-") as folder, ExitStack() as stack:
        found = {}
        for name in names:
            journal, behaviour = Path(folder) / f"{name}.jsonl", Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", "tests.fakes", name, "--journal", str(journal), "--behaviour", str(behaviour)]
            process = subprocess.Popen(  # noqa: S603  this very project
                command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )  # fmt: skip
            stack.callback(_end, process)
            line = process.stdout.readline() if process.stdout else ""
            found[name] = Judge(name, int(line.strip().rsplit(":", 1)[1]), journal, behaviour, process)
        yield found


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until(question: Callable[[], Any], *, within: float, every: float = 0.2) -> Any:
    """Ask until the answer is true; the last answer."""
    ends = time.monotonic() + within
    while not (answer := question()) and time.monotonic() < ends:
        time.sleep(every)
    return answer


def campaign_env(env: dict[str, str], *, lease: float, morning: datetime) -> dict[str, str]:
    """The environment of a trial: short leases, and a clock that says `morning` now."""
    offset = (morning - datetime.now(UTC)).total_seconds()
    return {**env, "TRIAL": f"lease={lease:g},offset={offset:.0f}", "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "dunning.settings"}
