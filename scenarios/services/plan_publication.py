"""Putting a draft in force, with what that does to open invoices and waiting messages said first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import StaleObject
from dunning.core.models import Organization
from dunning.core.selectors import actor_names
from dunning.core.tenancy import current_organization_id, tenant
from notifications import outbox
from notifications.enums import WAITING, MessageKind
from notifications.models import Message
from notifications.validation import Severity
from scenarios import fallout
from scenarios.context import batches, load_batch, load_frame
from scenarios.following import Following, families_following, followings
from scenarios.models import ActionPlan, DryRun, PlanDraft, PlanVersion
from scenarios.plan_content import PlanContent
from scenarios.plan_differences import Difference, differences
from scenarios.plan_sentences import sentence
from scenarios.plan_store import current_version, load_content
from scenarios.services.plan_drafts import draft_file
from scenarios.services.plan_exchange import PlanRefused
from scenarios.services.plans import Publication, check_plan, publish_plan
from scenarios.services.texts import count_changed, text_faults, text_label, write_texts
from scenarios.trial_plans import count_moved, under_draft
from scenarios.validator import Problem

COUNTED_AT_ONCE: Final = 1000
"""Customers whose items are decided twice while somebody waits for the page; beyond, a dry run counts them."""
LOOKED_AT_ONCE: Final = 200
"""Customers whose waiting messages and dates are looked at again on publication; those of all others are at the next run and departure."""


@dataclass(frozen=True)
class Consequences:
    """What putting a draft in force would do.

    `refusals` are sentences, one a fault; nothing can be published while there is one. `moved` is how many open items get another next
    step or another day for it, None when there are too many to count here. `waiting` messages of the plan have not left. `overtaken` is a
    version published since the draft was begun: what it changed is undone unless the draft says it too.
    """

    refusals: Sequence[str]
    warnings: Sequence[Problem]
    changes: Sequence[Difference]
    in_force: PlanVersion | None
    overtaken: PlanVersion | None
    following: Following
    moved: int | None
    waiting: int
    texts: int

    @property
    def is_idle(self) -> bool:
        """Whether it would change nothing at all."""
        return self.in_force is not None and not self.changes and not self.texts


def consequences(*, draft: PlanDraft, organization: Organization, today: date) -> Consequences:
    """What putting the draft in force would do; writes nothing."""
    plan_file = draft_file(draft)
    content = plan_file.plan
    problems = check_plan(content, texts=plan_file.texts)
    refusals = [f"{text_label(text)}: {fault}" for text in plan_file.texts for fault in text_faults(text)]
    refusals += [sentence(problem) for problem in problems if problem.severity is Severity.ERROR]
    plan = ActionPlan.objects.filter(key=draft.key).first()
    version = current_version(plan) if plan is not None else None
    changes = differences(load_content(plan, version), content) if plan is not None and version is not None else ()
    moves = any(change.step or change.code in ("grouping", "minimum", "spacing") for change in changes)
    return Consequences(
        refusals=refusals,
        warnings=[problem for problem in problems if problem.severity is Severity.WARNING],
        changes=changes,
        in_force=version,
        overtaken=version if version is not None and version.pk != draft.based_on_id else None,
        following=followings(plan.pk).get(plan.pk, Following()) if plan is not None else Following(),
        moved=_moved(draft, plan, content, organization, today) if plan is not None and moves and not refusals else 0,
        waiting=waiting_messages(plan).count() if plan is not None else 0,
        texts=count_changed(plan_file.texts),
    )


def waiting_messages(plan: ActionPlan) -> QuerySet[Message]:
    """Reminders of the plan that have not left."""
    return Message.objects.filter(kind=MessageKind.REMINDER, state__in=WAITING, details__plan=str(plan.pk))


def _moved(draft: PlanDraft, plan: ActionPlan, content: PlanContent, organization: Organization, today: date) -> int | None:
    customers = families_following(plan.pk)
    if len(customers) > COUNTED_AT_ONCE:
        counted = DryRun.objects.filter(draft=draft, revision=draft.revision, instead_of=plan, finished_at__isnull=False).first()
        return None if counted is None else int(counted.counts["moved"])
    frame = load_frame(organization, today)
    other = under_draft(frame, content, plan)
    return sum(count_moved((frame, load_batch(frame, ids)), (other, load_batch(other, ids)), plan) for ids in batches(customers))


def publish_draft(
    *, draft_id: UUID, revision: int, in_force: int, organization: Organization, today: date, actor: str, now: datetime
) -> Publication:
    """Put a draft in force with the texts that came with it; messages of the plan that wait are looked at again.

    `revision` and `in_force` are what the person read about: the draft's revision, and the number of the version it replaces (0 for none).
    Raises StaleObject when either has changed since, PlanRefused with every sentence for a plan that cannot work; nothing is written then.
    """
    with tenant(current_organization_id()):
        draft = PlanDraft.objects.select_for_update(no_key=True).get(pk=draft_id)
        plan_file = draft_file(draft)
        plan = ActionPlan.objects.filter(key=draft.key).first()
        version = current_version(plan) if plan is not None else None
        _refuse_stale(draft, revision, version, in_force)
        faults = [f"{text_label(text)}: {fault}" for text in plan_file.texts for fault in text_faults(text)]
        if not faults:
            write_texts(texts=plan_file.texts, actor=actor, now=now)
            problems = check_plan(plan_file.plan)
            faults = [sentence(problem) for problem in problems if problem.severity is Severity.ERROR]
        if faults:
            raise PlanRefused("\n".join(faults), code="invalid_plan")
        done = publish_plan(content=plan_file.plan, actor=actor, now=now)
        audit.record(
            actor=actor, action="plan.draft_published", target=draft, body={"key": draft.key, "version": done.version.number}, now=now
        )
        draft.delete()
        if done.is_new:
            _look_again(done.plan, organization, today, now)
    return done


def _refuse_stale(draft: PlanDraft, revision: int, version: PlanVersion | None, in_force: int) -> None:
    number = version.number if version is not None else 0
    if draft.revision == revision and number == in_force:
        return
    actor = draft.changed_by if draft.revision != revision or version is None else version.published_by
    raise StaleObject(
        _("%(who)s has changed this plan since you opened it. Nothing was published: read what it would do now, then publish again.")
        % {"who": actor_names([actor])[actor]}
    )


def _look_again(plan: ActionPlan, organization: Organization, today: date, now: datetime) -> None:
    """What waits under the plan is asked about again, and dates are shown at once where that is quick."""
    waiting = sorted(set(waiting_messages(plan).values_list("customer_id", flat=True)))
    outbox.forget_prepared(fallout.family_of(waiting))
    if waiting and len(waiting) <= LOOKED_AT_ONCE:
        fallout.strip_waiting(customer_ids=[str(pk) for pk in waiting], today=today, now=now)
    customers = families_following(plan.pk)
    if customers and len(customers) <= LOOKED_AT_ONCE:
        fallout.refresh(frame=load_frame(organization, today), customer_ids=[customer for customer, _root in customers], now=now)
