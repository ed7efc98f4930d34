"""Publishing plans, and saying which customers follow which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer, CustomerGroup
from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.tenancy import current_organization_id, tenant
from invoices.models import Invoice
from notifications.validation import Severity
from scenarios.enums import TaskKind
from scenarios.models import ActionPlan, PlanAssignment, PlanStep, PlanVersion
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_files import TextContent
from scenarios.plan_sentences import sentence
from scenarios.plan_store import current_version, load_content, load_surroundings
from scenarios.validator import Problem, Surroundings, validate_plan


class InvalidPlan(DomainError):
    """The plan cannot work. `problems` holds all of them, warnings too; nothing was written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        super().__init__("\n".join(sentence(problem) for problem in errors), code="invalid_plan", field="steps")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a plan: its version in force, whether it is new, and the warnings to show."""

    plan: ActionPlan
    version: PlanVersion
    is_new: bool
    is_renamed: bool
    warnings: tuple[Problem, ...]


def check_plan(content: PlanContent, *, texts: Iterable[TextContent] = ()) -> list[Problem]:
    """Every problem the plan has in the open organization (rule 16); `texts` come with it and replace those in force."""
    return validate_plan(content.as_steps(), load_surroundings(texts), thanks=content.thanks)


def publish_plan(*, content: PlanContent, actor: str, now: datetime, surroundings: Surroundings | None = None) -> Publication:
    """Put a plan in force: a new immutable version, or the present one when nothing in it changed.

    The plan of that key is created, renamed or taken out of the archive as needed. A new version moves only steps not yet acted (rule 2).
    `surroundings` are those of the organization, read once by whoever publishes several plans. Raises InvalidPlan when the validator
    refuses it; nothing is written then.
    """
    problems = validate_plan(content.as_steps(), surroundings or load_surroundings(), thanks=content.thanks)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise InvalidPlan(problems)
    names = {
        "name": content.name,
        "name_en": content.name_en,
        "description": content.description,
        "description_en": content.description_en,
    }
    with tenant(current_organization_id()):
        plan, created = ActionPlan.objects.get_or_create(key=content.key, defaults=names)
        # Held to the end: two people publishing at once get two numbers, one after the other.
        plan = ActionPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
        renamed = _rename(plan, names, actor=actor, now=now)
        last = current_version(plan)
        if last is not None and _same(load_content(plan, last), content):
            return Publication(plan, last, False, renamed, tuple(problems))
        version = PlanVersion.objects.create(
            plan=plan,
            number=last.number + 1 if last is not None else 1,
            grouping=content.grouping,
            minimum_amount=content.minimum_amount,
            spacing_days=content.spacing_days,
            thanks=content.thanks,
            published_at=now,
            published_by=actor,
        )
        rows = [_row(version, step, position) for position, step in enumerate(content.steps, start=1)]
        PlanStep.objects.bulk_create(rows)
        body = {"key": plan.key, "version": version.number, "steps": [step.key for step in content.steps], "created": created}
        audit.record(actor=actor, action="plan.published", target=plan, body=body, now=now)
        _tell("published", plan, now)
    return Publication(plan, version, True, renamed, tuple(problems))


def _rename(plan: ActionPlan, names: dict[str, str], *, actor: str, now: datetime) -> bool:
    before = {field: getattr(plan, field) for field in names}
    if before == names and plan.archived_at is None:
        return False
    body = {"before": before, "after": names, "unarchived": plan.archived_at is not None}
    for field, value in names.items():
        setattr(plan, field, value)
    plan.archived_at = None
    plan.save(update_fields=[*names, "archived_at"])
    audit.record(actor=actor, action="plan.renamed", target=plan, body=body, now=now)
    return True


def _same(stored: PlanContent, wanted: PlanContent) -> bool:
    """Whether a version says the same; the plan's names are not part of a version."""

    def version_part(content: PlanContent) -> tuple[Any, ...]:
        return content.steps, content.grouping, content.minimum_amount, content.spacing_days, content.thanks

    return version_part(stored) == version_part(wanted)


def _row(version: PlanVersion, step: StepContent, position: int) -> PlanStep:
    return PlanStep(
        version=version,
        key=step.key,
        position=position,
        phase=step.phase,
        channel=step.channel,
        task_kind=step.task_kind or (TaskKind.OTHER if step.channel == "task" else ""),
        anchor=step.anchor,
        offset=step.offset,
        unit=step.unit,
        template_key=step.template,
        name=step.name,
        name_en=step.name_en,
        conditions=dict(step.conditions),
        requires=list(step.requires),
        term_days=step.term_days,
        announces=step.announces or "",
        executes=step.executes or "",
        contact_roles=list(step.contact_roles),
        needs_approval=step.needs_approval,
    )


def archive_plan(*, plan: ActionPlan, actor: str, now: datetime) -> None:
    """Put a plan away; what was done under it stays. Raises DomainError while anything follows it."""
    if plan.archived_at is not None:
        return
    followed = PlanAssignment.objects.filter(plan=plan).count()
    if followed:
        raise DomainError(
            _("“%(plan)s” is still followed (%(count)d assignments): assign another plan first.") % {"plan": plan.name, "count": followed},
            code="plan_in_use",
        )
    plan.archived_at = now
    plan.save(update_fields=["archived_at"])
    audit.record(actor=actor, action="plan.archived", target=plan, body={"key": plan.key}, now=now)
    _tell("archived", plan, now)


def _tell(word: str, plan: ActionPlan, now: datetime) -> None:
    events.emit(type=f"plan.{word}", object_type="plan", object_ids=[plan.pk], now=now)


# --- which plan applies -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """What a plan is assigned to: exactly one of them, or none for the whole organization. The most particular wins."""

    group: CustomerGroup | None = None
    customer: Customer | None = None
    invoice: Invoice | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.group, self.customer, self.invoice)) > 1:
            raise ValueError("A plan is assigned to a group, a customer or an invoice, one at a time.")

    def filter(self) -> dict[str, Any]:
        return {"group": self.group, "customer": self.customer, "invoice": self.invoice}

    def described(self) -> dict[str, str]:
        """For the audit trail."""
        return {name: str(part.pk) for name, part in self.filter().items() if part is not None} or {"organization": "default"}


EVERYONE = Target()


def assign_plan(*, plan: ActionPlan, target: Target = EVERYONE, since: date, actor: str, now: datetime) -> PlanAssignment:
    """Have the target follow the plan; its items enter the plan on `since` and keep the level they have reached (rule 3).

    Assigning the plan that is already followed changes nothing, its `since` included. Raises DomainError for a plan that is archived or
    has no version.
    """
    check_assignable(plan)
    with tenant(current_organization_id()):
        found = PlanAssignment.objects.select_for_update(no_key=True).filter(**target.filter()).first()
        if found is not None and found.plan_id == plan.pk:
            return found
        before = str(found.plan_id) if found is not None else None
        if found is None:
            found = PlanAssignment.objects.create(plan=plan, since=since, **target.filter())
        else:
            found.plan, found.since = plan, since
            found.save(update_fields=["plan", "since"])
        body = {**target.described(), "plan": plan.key, "since": since, "before": before}
        audit.record(actor=actor, action="plan.assigned", target=plan, body=body, now=now)
        _tell("assigned", plan, now)
    return found


def check_assignable(plan: ActionPlan) -> None:
    """Raises DomainError for a plan that is archived or has no version."""
    if plan.archived_at is not None:
        raise DomainError(_("“%s” is archived: publish it again before assigning it.") % plan.name, code="plan_archived", field="plan")
    if current_version(plan) is None:
        raise DomainError(_("“%s” has no published version: publish it first.") % plan.name, code="plan_unpublished", field="plan")


@dataclass(frozen=True, slots=True)
class Own:
    """A customer's own assignment: the plan and since when."""

    plan: ActionPlan
    since: date


def assign_customers(*, wanted: Mapping[UUID, Own | None], actor: str, now: datetime) -> dict[UUID, Own | None]:
    """Give locked customers own assignments, or (None) take theirs away; what those that changed had before. One audit event for all.

    Raises DomainError for a plan that is archived or has no version.
    """
    for plan in {own.plan.pk: own.plan for own in wanted.values() if own is not None}.values():
        check_assignable(plan)
    rows = PlanAssignment.objects.select_for_update(no_key=True, of=("self",)).select_related("plan")
    found = {row.customer_id: row for row in rows.filter(customer__in=list(wanted)).order_by("pk") if row.customer_id is not None}
    before = {pk: Own(found[pk].plan, found[pk].since) if pk in found else None for pk in wanted}
    moved = {pk: own for pk, own in wanted.items() if _plan_of(own) != _plan_of(before[pk])}
    if not moved:
        return {}
    PlanAssignment.objects.filter(pk__in=[found[pk].pk for pk in moved if pk in found]).delete()
    fresh = [PlanAssignment(plan=own.plan, customer_id=pk, since=own.since) for pk, own in moved.items() if own is not None]
    PlanAssignment.objects.bulk_create(fresh)
    plans = {plan.pk: plan for pk in moved for plan in (_plan_of(moved[pk]), _plan_of(before[pk])) if plan is not None}
    body = {"plans": sorted(plan.key for plan in plans.values()), "count": len(moved), "digest": audit.digest(sorted(map(str, moved)))}
    audit.record(actor=actor, action="plans.assigned", body=body, now=now)
    for plan in {own.plan.pk: own.plan for own in moved.values() if own is not None}.values():
        _tell("assigned", plan, now)
    for plan in {own.plan.pk: own.plan for pk in moved if (own := before[pk]) is not None and moved[pk] is None}.values():
        _tell("unassigned", plan, now)
    return {pk: before[pk] for pk in moved}


def _plan_of(own: Own | None) -> ActionPlan | None:
    return own.plan if own is not None else None


def unassign_plan(*, target: Target, actor: str, now: datetime) -> bool:
    """Remove the target's own assignment, so that the next wider one applies; whether there was one."""
    with tenant(current_organization_id()):
        found = PlanAssignment.objects.select_for_update(no_key=True).select_related("plan").filter(**target.filter()).first()
        if found is None:
            return False
        body = {**target.described(), "plan": found.plan.key, "since": found.since}
        audit.record(actor=actor, action="plan.unassigned", target=found.plan, body=body, now=now)
        _tell("unassigned", found.plan, now)
        found.delete()
    return True
