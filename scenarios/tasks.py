"""The doorbell of the daily run. A beat that comes late, twice or never changes nothing: the days are in PostgreSQL."""

import logging
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from celery import current_app, shared_task
from django.db import transaction

from dunning.core import clock
from dunning.core.models import Organization
from scenarios.context import local_date
from scenarios.services import card_payments, digests, many
from scenarios.services.dry_runs import go_on
from scenarios.services.runs import run_organization

logger = logging.getLogger(__name__)

RING_AGAIN_AFTER: Final = timedelta(minutes=20)
"""A ring that is lost is repeated after this long; the run itself moves the organization to its next day."""
SLICE: Final = 5.0
"""Seconds of a dry run in one transaction: whoever looks at its page sees it advance."""
MOST_SLICES: Final = 120
HARD_LIMIT: Final = 1800  # seconds; what is killed here goes on where it was


@shared_task(name="scenarios.tick")
def tick(**_kwargs: Any) -> int:
    """Ring for every organization whose hour has come; how many."""
    now = clock.now()
    rung = 0
    with transaction.atomic():
        due = list(
            Organization.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(next_run_at__lte=now, suspended_at=None, playing_until=None)
            .order_by("next_run_at", "pk")
            .values_list("pk", flat=True)
        )
        Organization.objects.filter(pk__in=due).update(next_run_at=now + RING_AGAIN_AFTER)
    for organization_id in due:
        try:
            current_app.send_task("scenarios.run", kwargs={"organization_id": str(organization_id)}, retry=False)
            rung += 1
        except Exception as error:  # a broker that is down delays the run, it does not lose it
            logger.warning("The run of %s was not rung (%s); it is rung again later.", organization_id, error)
    return rung


@shared_task(name="scenarios.run")
def run(*, organization_id: str, **_kwargs: Any) -> None:
    """Run one organization's day, and move it to the next."""
    organization = Organization.objects.get(pk=UUID(organization_id))
    if organization.suspended_at is not None or organization.playing_until is not None:
        return
    now = clock.now()
    run_organization(organization=organization, today=local_date(organization, now), now=now, actor="system")


@shared_task(name="scenarios.dry_run")
def dry_run(*, organization_id: str, dry_run_id: str, **_kwargs: Any) -> None:
    """Work a dry run out to its end. One that was given up meanwhile, or that somebody else is at, is left alone."""
    organization = Organization.objects.get(pk=UUID(organization_id))
    for _slice in range(MOST_SLICES):
        now = clock.now()
        today = local_date(organization, now)
        if go_on(dry_run_id=UUID(dry_run_id), organization=organization, today=today, now=now, budget=SLICE) is not False:
            return


@shared_task(name="scenarios.many", ignore_result=True, time_limit=HARD_LIMIT)
def work_on_many(*, organization_id: str, act_id: str, **_kwargs: Any) -> None:
    """Do an act about many rows that somebody asked for."""
    many.work_on(organization=Organization.objects.get(pk=UUID(organization_id)), act_id=UUID(act_id))


@shared_task(name="scenarios.many_forgotten", ignore_result=True, time_limit=HARD_LIMIT)
def work_forgotten_many(**_kwargs: Any) -> int:
    """Every half minute: acts about many rows that no doorbell announced; how many rows. One that fails keeps no other waiting."""
    done = 0
    for organization in Organization.objects.filter(acts_waiting_since__isnull=False).order_by("acts_waiting_since", "pk"):
        try:
            done += many.work_waiting(organization=organization)
        except Exception:
            logger.exception("An act about many rows of %s could not be done; it is tried again.", organization.slug)
    return done


@shared_task(name="scenarios.cards", ignore_result=True, time_limit=1800)
def cards(**_kwargs: Any) -> None:
    """Every hour: what became of payment pages whose report never came."""
    card_payments.find_out(now=clock.now())


@shared_task(name="scenarios.digests", ignore_result=True, time_limit=1800)
def send_digests(**_kwargs: Any) -> int:
    """Every five minutes: send the day by e-mail where its hour has come; how many left."""
    return digests.send_due(now=clock.now())
