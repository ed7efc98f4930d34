"""The daily run of one organization, and the release of what its brake stopped."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import answers, audit, events, notices
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.services import next_run_after
from dunning.core.tenancy import tenant
from invoices.services import find_good_payers, learn_habits
from notifications import receipts
from notifications.services import release
from notifications.webhooks import log
from scenarios import fallout, housekeeping, payer_indexes, scheduler, thanks
from scenarios.brakes import Brake
from scenarios.context import Frame, batches, load_frame, open_customers
from scenarios.leaving import departure
from scenarios.models import DailyRun
from scenarios.selectors.board import held_since
from scenarios.services import many


@dataclass(frozen=True)
class RunReport:
    """What a run did: `counts` by kind and reason as kept on the `DailyRun`, `kept` what the morning's housekeeping did."""

    run: DailyRun
    counts: dict[str, Any]
    kept: dict[str, int]
    brake: Brake | None
    already_done: bool = False


def run_organization(
    *, organization: Organization, today: date, now: datetime, actor: str, again: bool = False, played: bool = False
) -> RunReport:
    """Bring payer indexes and habits up to date, keep house, then decide every open item of the organization for its local day `today`.

    A day run to its end is not run again unless `again`. The next run is due at the organization's hour after `now`, except in a life
    that is `played` under a virtual clock.
    """
    kept: dict[str, int] = {}
    frames: list[Frame] = []

    def keep_house(frame: Frame) -> None:
        frames.append(frame)
        kept.update(housekeeping.keep_house(frame=frame, now=now))
        receipts.forget(now=now)
        log.forget(now=now)
        answers.forget(now=now)
        events.forget(now=now)
        notices.forget(now=now)
        many.forget(now=now)

    with tenant(organization):  # by itself: it locks no customer, and what the run asks of it must be of today
        payer_indexes.refresh(today=today)
        learn_habits(today=today)
        find_good_payers(today=today)
    report = scheduler.run(organization=organization, today=today, now=now, actor=actor, again=again, played=played, first=keep_house)
    if not report.already_done and report.brake is None:
        kept["thanks"] = _thank(frames[0], now)
    if not played:
        Organization.objects.filter(pk=organization.pk, playing_until=None).update(next_run_at=next_run_after(organization, now))
    return RunReport(report.run, report.counts, kept, report.brake, report.already_done)


def _thank(frame: Frame, now: datetime) -> int:
    """A word to who paid; it leaves with the day's messages."""
    if not thanks.may_be_written(frame):
        return 0
    with tenant(frame.organization):
        return len(thanks.write_thanks(frame=frame, not_before=departure(frame, now), actor="system", now=now))


def refresh_schedule(*, organization: Organization, today: date, now: datetime) -> None:
    """Bring what the screens show of every open item up to date, without deciding anything: after a life was played, say."""
    with tenant(organization):
        frame = load_frame(organization, today)
        for customer_ids in batches(open_customers()):
            fallout.refresh(frame=frame, customer_ids=customer_ids, now=now)


def release_brake(*, run: DailyRun, actor: str, now: datetime) -> int:
    """A person has looked at an unusual run (rule 15): its messages leave, each through the gate. Returns how many.

    Raises DomainError when no brake holds the run.
    """
    locked = DailyRun.objects.select_for_update(no_key=True).get(pk=run.pk)
    if locked.brake is None or locked.brake_released_by:
        raise DomainError(_("Nothing holds this run."), code="not_braked")
    locked.brake_released_by = run.brake_released_by = actor
    locked.save(update_fields=["brake_released_by"])
    released = release(message_ids=_ids(held_since(locked)), actor=actor, now=now)
    audit.record(actor=actor, action="run.brake_released", target=locked, body={"messages": released, **locked.brake}, now=now)
    events.emit(type="run.released", object_type="run", object_ids=[locked.pk], now=now)
    return released


def _ids(messages: Any) -> list[UUID]:
    return list(messages.values_list("pk", flat=True))
