"""The doorbell and the sweep: thin, and harmless when doubled or lost."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app, shared_task

from dunning.core import clock
from notifications import couriers, dispatcher, receipts
from notifications.webhooks import delivering

BUDGET = 60.0  # seconds after which a pass begins no further message, and gives back those it holds
SOON = timedelta(seconds=20)  # the first repetition comes after five seconds: it does not wait for the sweep
HARD_LIMIT = 570  # seconds, far beyond one message's lease and the wait for a database that is away: what is killed here may be uncertain


@shared_task(name="notifications.dispatch", ignore_result=True, time_limit=HARD_LIMIT)
def dispatch(**_: Any) -> None:
    """Deliver what is due. Rings again when time ran out first."""
    deliver()


@shared_task(name="notifications.sweep", ignore_result=True, time_limit=HARD_LIMIT)
def sweep(**_: Any) -> None:
    """Every half minute: whatever no doorbell announced, ended leases, and messages whose fate is unknown."""
    receipts.apply_due(now=clock.now(), budget=BUDGET)
    deliver()


@shared_task(name="notifications.receive", ignore_result=True, time_limit=HARD_LIMIT)
def receive(organization_id: str, **_: Any) -> None:
    """Read what providers called about."""
    receipts.apply_due(now=clock.now(), organization_id=UUID(organization_id), budget=BUDGET)


@shared_task(name="notifications.webhooks", ignore_result=True, time_limit=HARD_LIMIT)
def webhooks(**_: Any) -> None:
    """Tell the organizations' own systems what happened; every half minute, and when something did. Rings again for what is due soon."""
    delivering.deliver_due(now=clock.now(), budget=BUDGET)
    now = clock.now()
    soon = delivering.next_due(now=now, within=SOON)
    if soon is not None:
        seconds = max((soon - now).total_seconds(), 1.0)
        current_app.send_task("notifications.webhooks", retry=False, countdown=seconds, expires=seconds + 30)


@shared_task(name="notifications.follow", ignore_result=True, time_limit=3600)
def follow(**_: Any) -> None:
    """Every three hours: how far the letters have come that a postal service carries."""
    couriers.follow_letters(now=clock.now())


def deliver() -> None:
    outcomes = dispatcher.deliver_due(now=clock.now(), budget=BUDGET)
    if outcomes.total() and dispatcher.is_anything_due(now=clock.now()):
        current_app.send_task("notifications.dispatch", retry=False, expires=30)
