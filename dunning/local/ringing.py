"""Celery for `manage.py up`: a worker of a few threads, one of which rings the schedule and one of which sweeps (`dunning.embedded`).

A beat of its own would be 50 MB for two rings a minute, and Celery's command line, with its interactive shell, 12 more for each process.
Containers run both by that command line: they have several workers, and beat must be one. Run as
`python -m dunning.local.ringing worker [DESCRIPTOR]`, the first word being for who reads a list of processes. The descriptor is a pipe on
which `up` may ask, once, for a management command to be run in one more thread: the demonstration's year, whose process of its own would
hold the whole product in memory a second time, for a minute and a half, beside a worker that has nothing to do.
"""

import logging
import os
import shlex
import signal
import sys
import threading
from typing import Any

THREADS = 2


def main(arguments: list[str]) -> int:
    from celery.app.utils import find_app
    from celery.concurrency import get_implementation

    app = find_app("dunning.embedded")
    # Threads: one process instead of three, 90 MB less. Letters are drawn by a process of their own, so that threads share the cores
    # well enough on one machine; containers use processes.
    worker: Any = app.Worker(
        pool_cls=get_implementation("threads"),
        concurrency=THREADS,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
        loglevel="WARNING",
    )
    threading.Thread(target=ring, args=[app], name="beat", daemon=True).start()
    if arguments[1:]:
        threading.Thread(target=run_when_asked, args=[int(arguments[1])], name="demo", daemon=True).start()
    worker.start()
    return int(worker.exitcode or 0)


def ring(app: Any) -> None:
    """Ring until the process ends. A schedule that fails ends the process: `up` says so, and nothing goes on without its bells."""
    from celery.beat import Service

    try:
        Service(app, scheduler_cls=app.conf.beat_scheduler).start()
    except Exception:
        logging.getLogger(__name__).exception("The schedule stopped.")
        os.kill(os.getpid(), signal.SIGTERM)


def run_when_asked(descriptor: int) -> None:
    """Run the command that comes as a line on the pipe, if one comes. What fails is said, and the worker goes on."""
    with os.fdopen(descriptor) as pipe:
        words = shlex.split(pipe.readline())
    if not words:
        return
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    try:
        call_command(*words)
    except Exception:
        logging.getLogger(__name__).exception("%s failed; everything else goes on.", words[0])
    finally:
        connections.close_all()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
