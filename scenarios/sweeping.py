"""What no doorbell announced, found in PostgreSQL: the loop that needs neither Celery nor Redis.

One pass reads what providers called about, delivers due messages, looks after those whose fate is unknown, works through files and acts
about many rows that were given on screens, runs the day of organizations nobody rang for, calls webhooks, and sends the digests people
asked for. Any number of sweepers and workers may do this at once: tickets and organizations are claimed, and doing something twice changes
nothing.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import InterfaceError, OperationalError, close_old_connections, connections, transaction

from dunning.core import clock
from dunning.core.models import Organization
from invoices.tasks import work_forgotten
from notifications import dispatcher, receipts
from notifications.webhooks import delivering
from scenarios import invariants
from scenarios.tasks import RING_AGAIN_AFTER, run, send_digests, work_forgotten_many

logger = logging.getLogger(__name__)

EVERY: Final = 30.0  # seconds between two passes
BUDGET: Final = 60.0  # seconds after which a pass takes no further batch
WEBHOOK_BUDGET: Final = 20.0  # they wait for other people's servers, and messages must not wait for them
GRACE: Final = timedelta(seconds=90)  # the minute's bell and a while: after it nobody is going to ring for this organization

CHECK_EVERY: Final = timedelta(hours=1)

Work = Callable[[], Any]


def hear() -> int:
    """Read what providers called about; how many calls moved."""
    return receipts.apply_due(now=clock.now(), budget=BUDGET).total()


def deliver() -> int:
    """Deliver what is due; how many messages changed."""
    return dispatcher.deliver_due(now=clock.now(), budget=BUDGET).total()


def call_webhooks() -> int:
    """Tell the organizations' own systems what happened; how many calls were made."""
    return delivering.deliver_due(now=clock.now(), budget=WEBHOOK_BUDGET).total()


def run_forgotten() -> int:
    """Run here the day of each organization whose hour passed without a ring; how many."""
    done = 0
    while (organization := _forgotten()) is not None:
        run(organization_id=str(organization.pk))
        done += 1
    return done


def _forgotten() -> Organization | None:
    """One organization nobody rang for, taken as a ring takes it."""
    now = clock.now()
    with transaction.atomic():
        organization = (
            Organization.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(next_run_at__lte=now - GRACE, suspended_at=None, playing_until=None)
            .order_by("next_run_at", "pk")
            .first()
        )
        if organization is not None:
            Organization.objects.filter(pk=organization.pk).update(next_run_at=now + RING_AGAIN_AFTER)
    return organization


_next_check: datetime | None = None


def check_rules() -> int:
    """Once an hour, ask the invariants of every organization; a broken one is an error in the log."""
    global _next_check
    now = clock.now()
    if _next_check is not None and now < _next_check:
        return 0
    _next_check = now + CHECK_EVERY
    broken = 0
    for organization in Organization.objects.filter(playing_until=None).order_by("slug"):
        for violation in invariants.check(organization, now=now):
            logger.error("An invariant is broken: %s", violation)
            broken += 1
    return broken


WORKS: Final[Sequence[tuple[str, Work]]] = (
    ("calls", hear),
    ("messages", deliver),
    ("files", work_forgotten),
    ("acts", work_forgotten_many),
    ("runs", run_forgotten),
    ("webhooks", call_webhooks),
    ("digests", send_digests),
    ("broken rules", check_rules),
)


def sweep_once() -> dict[str, int]:
    """One pass. A part that fails is logged and tried again at the next one; the others are not kept from theirs."""
    found: dict[str, int] = {}
    for name, work in WORKS:
        close_old_connections()
        try:
            found[name] = work()
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database is away (%s); the sweep comes back.", error)
            connections.close_all()
        except Exception:
            logger.exception("The sweep of %s failed; the next one tries again.", name)
            connections.close_all()
    return found


def sweep_forever(stopping: threading.Event, *, every: float = EVERY) -> None:
    """Pass after pass until somebody says stop, even when the database is away."""
    while True:
        found = sweep_once()
        if any(found.values()):
            logger.info("The sweep found %s.", ", ".join(f"{count} {name}" for name, count in found.items() if count))
        if stopping.wait(every):
            return
