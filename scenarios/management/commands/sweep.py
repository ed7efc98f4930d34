"""`manage.py sweep`: the loop that delivers what no doorbell announced."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dunning.core.checks import refuse_unsafe_role
from scenarios import sweeping


class Command(BaseCommand):
    help = "Find what is due in the database and do it, every half minute, until stopped. Needs neither Celery nor Redis."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=sweeping.EVERY, help="seconds between two passes (default %(default)g)")
        parser.add_argument("--once", action="store_true", help="one pass, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe_role()
        if options["once"]:
            found = sweeping.sweep_once()
            self.stdout.write(", ".join(f"{name}: {count}" for name, count in found.items()))
            return
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        sweeping.sweep_forever(stopping, every=options["every"])
