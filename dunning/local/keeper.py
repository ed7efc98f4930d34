"""A small process that owns one embedded server for as long as anybody in this checkout uses it.

Whoever needs the server holds a shared lock on `<name>.users`; the kernel takes it back when that process ends, however it ends.
The keeper waits for the exclusive lock, which it gets when the last user is gone, and stops the server. When the
keeper itself is killed, the kernel stops the server (`die_with_parent`). Nothing is ever left behind, and nothing polls.

Run as `python -m dunning.local.keeper NAME FOLDER`; it answers with one line of JSON on its standard output.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dunning.local.errors import LocalError
from dunning.local.processes import open_lock, private_text, try_lock

if TYPE_CHECKING:
    from dunning.local.postgres import Postgres
    from dunning.local.valkey import Valkey

SERVICES = ("postgres", "valkey", "test-postgres", "test-valkey")


def build(name: str, folder: Path) -> "Postgres | Valkey":
    """The server of that name. A keeper lives as long as its server, so it imports that one's module alone."""
    durable = not name.startswith("test-")
    state = folder / name
    if name.endswith("postgres"):
        from dunning.local.postgres import Postgres

        return Postgres(state, durable=durable)
    from dunning.local.valkey import Valkey

    return Valkey(state, durable=durable)


def answer(said: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # whoever started us reads to the end of the line, then forgets us


def main(name: str, folder: Path) -> int:
    alone = open_lock(folder / f"{name}.keeper")
    end = time.monotonic() + 5
    while not try_lock(alone):  # somebody may be looking whether it is held, which takes no time
        if time.monotonic() > end:
            answer({"error": f"Another process already keeps {name}."})
            return 1
        time.sleep(0.02)
    address = folder / f"{name}.json"
    finished = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: finished.set())
    try:
        service = build(name, folder)
    except LocalError as error:
        answer({"error": str(error)})
        return 1
    try:
        urls = service.start()
        private_text(address, json.dumps({"pid": os.getpid(), "urls": urls}))
        answer({"urls": urls})
        users = open_lock(folder / f"{name}.users")

        def wait_for_the_last() -> None:
            fcntl.flock(users, fcntl.LOCK_EX)
            finished.set()

        threading.Thread(target=wait_for_the_last, daemon=True).start()
        while not finished.wait(0.5):
            if service.process is None or service.process.poll() is not None:
                sys.stderr.write(f"{service.name} ended by itself; see {service.log}\n")
                return 1
    except LocalError as error:
        answer({"error": str(error)})
        return 1
    finally:
        address.unlink(missing_ok=True)
        service.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2])))
