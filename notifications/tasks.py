"""The doorbell and the sweep: thin, and harmless when doubled or lost."""

from typing import Any
from uuid import UUID

from celery import current_app, shared_task

from dunning.core import clock
from notifications import dispatcher, receipts

BUDGET = 60.0  # seconds after which a pass starts nothing new; with a claimed batch it ends before the ticket's lease
HARD_LIMIT = 570  # seconds, under the lease: what is killed here becomes uncertain, never doubled


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


def deliver() -> None:
    outcomes = dispatcher.deliver_due(now=clock.now(), budget=BUDGET)
    if outcomes.total() and dispatcher.is_anything_due(now=clock.now()):
        current_app.send_task("notifications.dispatch", retry=False, expires=30)
