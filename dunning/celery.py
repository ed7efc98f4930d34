"""The Celery application. Queues are only a doorbell; PostgreSQL holds what must be done."""

import logging.config
import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_before_create_process, worker_init, worker_ready

from dunning.core.collector import spare_the_program

# Its reason is pickle, which this application refuses; `manage.py up` may be run by root on a machine of one's own.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunning.settings")
app = Celery("dunning")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def use_django_logging(**_: Any) -> None:
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
def refuse_unsafe_role(**_: Any) -> None:
    from dunning.core.checks import refuse_unsafe_role

    refuse_unsafe_role()


@worker_before_create_process.connect
@worker_ready.connect
def begin_to_serve(**_: Any) -> None:
    """Before a process of the pool is forked; a pool of threads has none, and is ready when everything is loaded."""
    spare_the_program()
