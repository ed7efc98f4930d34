"""The worker of one machine: the Celery application and, in a thread of the same process, the sweep that needs no Celery.

Only for the thread pool of `manage.py up`: a pool of forked processes must not have threads when it forks. Containers run
`manage.py sweep` beside their workers.
"""

import threading
from typing import Any

from celery.signals import worker_init

from dunning.celery import app as app


@worker_init.connect
def sweep_along(**_: Any) -> None:
    """Begin before the broker is asked for anything: the sweep is for when it is away."""
    from scenarios.sweeping import sweep_forever

    threading.Thread(target=sweep_forever, args=[threading.Event()], daemon=True, name="sweep").start()
