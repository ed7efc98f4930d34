"""A dry run: the next thirty days under a draft beside the same days under the plan in force, on the organization's real open items.

It is worked out a few customers at a time, each step kept, so that a hundred thousand items block nobody: a worker goes on with it, and so
does whoever looks at its page. Nothing is sent or planned.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import current_organization_id, tenant
from notifications.validation import Severity
from scenarios.context import Batch, Case, Frame, batches, load_batch, load_frame
from scenarios.following import families_following
from scenarios.foresight import Foresight, Subject, foresee
from scenarios.models import ActionPlan, DailyRun, DryRun, PlanDraft
from scenarios.plan_files import parse_plan_file
from scenarios.plan_sentences import sentence
from scenarios.scheduler import correspondence
from scenarios.services.plans import check_plan
from scenarios.spacing import Correspondence
from scenarios.trial_plans import count_moved, under_draft

logger = logging.getLogger(__name__)

DAYS: Final = 30
AT_ONCE: Final = 50
"""Customers worked out between two looks at the time."""
SIDES: Final = ("before", "after")


def ask_dry_run(*, draft_id: UUID, instead_of: ActionPlan, organization: Organization, today: date, actor: str, now: datetime) -> DryRun:
    """Begin a dry run of the draft as it is now, in place of an earlier one, on whoever follows `instead_of`.

    Raises DomainError for a draft that could not be published: nothing can be foretold of it.
    """
    with tenant(current_organization_id()):
        draft = PlanDraft.objects.select_for_update(no_key=True).get(pk=draft_id)
        plan_file = parse_plan_file(draft.source)
        faults = [sentence(found) for found in check_plan(plan_file.plan, texts=plan_file.texts) if found.severity is Severity.ERROR]
        if faults:
            raise DomainError(_("This draft cannot work yet: %s") % " ".join(faults), code="invalid_plan")
        DryRun.objects.filter(draft=draft).delete()
        ran = DailyRun.objects.filter(local_date=today, finished_at__isnull=False).exists()
        starts_on = today + timedelta(days=1) if ran else today
        asked = DryRun.objects.create(
            draft=draft,
            revision=draft.revision,
            source=draft.source,
            instead_of=instead_of,
            starts_on=starts_on,
            ends_on=starts_on + timedelta(days=DAYS - 1),
            total=len(families_following(instead_of.pk)),
            asked_at=now,
            asked_by=actor[:120],
        )
        body = {"key": draft.key, "instead_of": instead_of.key, "customers": asked.total}
        audit.record(actor=actor, action="plan.dry_run", target=draft, body=body, now=now)
    transaction.on_commit(partial(_ring, organization.pk, asked.pk))
    return asked


def _ring(organization_id: UUID, dry_run_id: UUID) -> None:
    """Have a worker go on with it. Without a broker whoever looks at its page does."""
    try:
        said = {"organization_id": str(organization_id), "dry_run_id": str(dry_run_id)}
        current_app.send_task("scenarios.dry_run", kwargs=said, retry=False, expires=600)
    except Exception as error:
        logger.warning("The doorbell did not ring (%s); the dry run goes on while somebody looks at it.", type(error).__name__)


def go_on(*, dry_run_id: UUID, organization: Organization, today: date, now: datetime, budget: float) -> bool | None:
    """Work out more customers for about `budget` seconds; whether it is finished. None, and nothing done, when it was given up or somebody
    else is at it."""
    until = time.monotonic() + budget
    with tenant(organization):
        found = DryRun.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=dry_run_id).select_related("instead_of").first()
        if found is None:
            return None
        if found.finished_at is not None:
            return True
        frame = load_frame(organization, today)
        other = under_draft(frame, parse_plan_file(found.source).plan, found.instead_of)
        came_to = str(found.came_to or "")
        left = [(customer, root) for customer, root in families_following(found.instead_of_id) if root > came_to]
        roots = dict(left)
        counts: dict[str, Any] = found.counts or {side: {} for side in SIDES} | {"moved": 0}
        for customer_ids in batches(left, size=AT_ONCE):
            _count(counts, frame, other, found, customer_ids)
            found.came_to = UUID(max(roots[customer] for customer in customer_ids if customer in roots))
            found.done += sum(customer in roots for customer in customer_ids)
            if time.monotonic() > until:
                break
        if not left or str(found.came_to) == left[-1][1]:
            found.finished_at = now
        found.counts = counts
        found.total = max(found.total, found.done)
        found.save(update_fields=["counts", "came_to", "done", "total", "finished_at"])
        return found.finished_at is not None


def _count(counts: dict[str, Any], frame: Frame, other: Frame, asked: DryRun, customer_ids: Sequence[str]) -> None:
    before, after = load_batch(frame, customer_ids), load_batch(other, customer_ids)
    for side, road, batch in zip(SIDES, (frame, other), (before, after), strict=True):
        written = correspondence(batch)
        for family in _families(batch):
            _add(counts[side], _foresee(road, family, written, asked))
    counts["moved"] += count_moved((frame, before), (other, after), asked.instead_of)


def _families(batch: Batch) -> Iterable[list[Case]]:
    """The batch's cases by paying group, in the order they come."""
    families: dict[str, list[Case]] = {}
    for case in batch.cases:
        families.setdefault(case.item.customer.payer_id or case.item.customer.id, []).append(case)
    return families.values()


def _foresee(road: Frame, family: Sequence[Case], written: Mapping[str, Correspondence], asked: DryRun) -> Foresight:
    recipients = {pk for case in family for pk in (case.item.customer.id, case.item.customer.payer_id)}
    return foresee(
        [Subject(case.item, case.steps, case.history) for case in family],
        correspondence={pk: written[pk] for pk in recipients if pk in written},
        calendar=road.calendar,
        policy=road.policy,
        today=road.today.toordinal(),
        first=asked.starts_on.toordinal(),
        last=asked.ends_on.toordinal(),
    )


def _add(side: dict[str, Any], found: Foresight) -> None:
    """Sum up one family's days: rows by day, channel, step and language; who is written to, and who cannot be reached."""
    rows = side.setdefault("rows", {})
    for coming in found.coming:
        key = "|".join((date.fromordinal(coming.on).isoformat(), coming.channel.value, coming.step, coming.template, coming.language))
        row = rows.setdefault(key, {"n": 0, "items": 0, "amounts": {}})
        row["n"] += 1
        row["items"] += coming.items
        row["amounts"] = dict(Counter(row["amounts"]) + Counter(coming.amounts))
    side["customers"] = side.get("customers", 0) + len({coming.customer_id for coming in found.coming})
    side["by_habit"] = side.get("by_habit", 0) + len(found.by_habit)
    unreached = found.unreached.values()
    side["unreached"] = side.get("unreached", 0) + len({item.customer.id for item in unreached})
    amounts = Counter(side.get("unreached_amounts", {}))
    for item in unreached:
        amounts[item.currency] += item.outstanding_cents
    side["unreached_amounts"] = dict(amounts)
