"""A plan while it is being written: begun from the version in force, from nothing or from a file, changed step by step, given up.

Whoever changes a draft says which revision they saw: when somebody else was faster nothing is overwritten (`StaleObject`).
Putting a draft in force is `services.plan_publication`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.text import slugify
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError, StaleObject
from dunning.core.selectors import actor_names
from dunning.core.tenancy import current_organization_id, tenant
from scenarios import plan_editing
from scenarios.models import ActionPlan, PlanDraft, PlanVersion
from scenarios.plan_content import MOST_STEPS, PlanContent, StepContent
from scenarios.plan_files import PlanFile, dump_plan_file, parse_plan_file
from scenarios.plan_store import current_version, load_content

LONGEST_KEY: Final = 40


def draft_file(draft: PlanDraft) -> PlanFile:
    """What the draft holds: the plan, and the texts that came with it."""
    return parse_plan_file(draft.source)


def draft_content(draft: PlanDraft) -> PlanContent:
    """The plan as it is being written."""
    return draft_file(draft).plan


# --- beginning ---------------------------------------------------------------------------------------------------------------------------


def begin_draft(*, plan: ActionPlan, actor: str, now: datetime) -> PlanDraft:
    """The draft of a plan: the one that is there, as it is, else a new one that says what the version in force says."""
    found = PlanDraft.objects.filter(key=plan.key).first()
    if found is not None:
        return found
    version = current_version(plan)
    if version is None:
        raise DomainError(_("“%s” has no published version to begin from.") % plan.name, code="plan_unpublished", field="plan")
    return _put(PlanFile(load_content(plan, version)), based_on=version, actor=actor, now=now)


def begin_new(*, name: str, name_en: str = "", like: ActionPlan | None = None, actor: str, now: datetime) -> PlanDraft:
    """The draft of a plan that does not exist yet, empty or with the steps of the version in force of another.

    Its key comes from its name. Raises DomainError when that leaves none.
    """
    wanted = slugify(name)[:LONGEST_KEY].strip("-")
    if not wanted:
        raise DomainError(_("Give the plan a name with letters or figures in it."), field="name")
    content = PlanContent(key="", name=name, name_en=name_en, steps=())
    if like is not None and (version := current_version(like)) is not None:
        content = replace(load_content(like, version), name=name, name_en=name_en, description="", description_en="")
    return _put(PlanFile(replace(content, key=_free_plan_key(wanted))), based_on=None, actor=actor, now=now)


def begin_from_file(*, source: str | bytes, replace_draft: bool = False, actor: str, now: datetime) -> PlanDraft:
    """A draft that says what a plan file says, its texts included. Raises PlanFileError for a file that cannot be read.

    Raises DomainError while a draft of that plan is there, unless `replace_draft`.
    """
    plan_file = parse_plan_file(source)
    plan = ActionPlan.objects.filter(key=plan_file.plan.key).first()
    return _replace(plan_file, current_version(plan) if plan is not None else None, replace_draft, actor=actor, now=now)


def begin_from_version(*, version: PlanVersion, replace_draft: bool = False, actor: str, now: datetime) -> PlanDraft:
    """A draft that says what an earlier version of the plan said, under the plan's present names.

    Raises DomainError while a draft of that plan is there, unless `replace_draft`.
    """
    content = load_content(version.plan, version)
    return _replace(PlanFile(content), current_version(version.plan), replace_draft, actor=actor, now=now)


def _free_plan_key(wanted: str) -> str:
    taken = {*ActionPlan.objects.values_list("key", flat=True), *PlanDraft.objects.values_list("key", flat=True)}
    key, number = wanted, 1
    while key in taken:
        number += 1
        key = f"{wanted[: LONGEST_KEY - 1 - len(str(number))]}-{number}"
    return key


def _put(plan_file: PlanFile, *, based_on: PlanVersion | None, actor: str, now: datetime) -> PlanDraft:
    with tenant(current_organization_id()):
        draft, is_new = PlanDraft.objects.get_or_create(
            key=plan_file.plan.key,
            defaults={
                "source": dump_plan_file(plan_file),
                "based_on": based_on,
                "begun_at": now,
                "begun_by": actor[:120],
                "changed_at": now,
                "changed_by": actor[:120],
            },
        )
        if is_new:
            audit.record(actor=actor, action="plan.draft_begun", target=draft, body={"key": draft.key}, now=now)
    return draft


def _replace(plan_file: PlanFile, based_on: PlanVersion | None, replace_draft: bool, *, actor: str, now: datetime) -> PlanDraft:
    draft = _put(plan_file, based_on=based_on, actor=actor, now=now)
    source = dump_plan_file(plan_file)
    if draft.source == source:
        return draft
    if not replace_draft:
        raise DomainError(
            _("“%(plan)s” is being written already: finish that draft, or tick that this replaces it.")
            % {"plan": draft_content(draft).name},
            code="draft_exists",
            field="replace_draft",
        )
    with tenant(current_organization_id()):
        locked = PlanDraft.objects.select_for_update(no_key=True).get(pk=draft.pk)
        locked.based_on = based_on
        _write(locked, plan_file, "replaced", actor=actor, now=now)
    return locked


# --- changing ----------------------------------------------------------------------------------------------------------------------------


def save_step(*, draft_id: UUID, revision: int, step: StepContent, actor: str, now: datetime) -> PlanDraft:
    """Write a step in place of the one of its key."""
    return _change(draft_id, revision, lambda plan: plan_editing.change_step(plan, step), f"changed {step.key}", actor=actor, now=now)


def add_step(*, draft_id: UUID, revision: int, step: StepContent, after: str = "", actor: str, now: datetime) -> tuple[PlanDraft, str]:
    """Add a step behind the one of key `after` ("" puts it first); the draft, and the key it was given, made from its name."""
    wanted = slugify(step.name)[:LONGEST_KEY].strip("-") or "step"
    given: list[str] = []

    def add(plan: PlanContent) -> PlanContent:
        given.append(plan_editing.free_key(plan, wanted))
        return plan_editing.add_step(plan, replace(step, key=given[0]), after=after)

    draft = _change(draft_id, revision, add, f"added {wanted}", actor=actor, now=now)
    return draft, given[0]


def remove_step(*, draft_id: UUID, revision: int, key: str, actor: str, now: datetime) -> PlanDraft:
    """Take a step out, and out of what others cite."""
    return _change(draft_id, revision, lambda plan: plan_editing.remove_step(plan, key), f"removed {key}", actor=actor, now=now)


def move_step(*, draft_id: UUID, revision: int, key: str, by: int, actor: str, now: datetime) -> PlanDraft:
    """Put a step `by` places later in the order; earlier when negative."""
    return _change(draft_id, revision, lambda plan: plan_editing.move_step(plan, key, by), f"moved {key}", actor=actor, now=now)


def set_step_day(*, draft_id: UUID, revision: int, key: str, day: int, actor: str, now: datetime) -> PlanDraft:
    """Put a step on a day of the drawing, counted from the due date."""
    return _change(draft_id, revision, lambda plan: plan_editing.redate_step(plan, key, day), f"redated {key}", actor=actor, now=now)


def save_options(*, draft_id: UUID, revision: int, actor: str, now: datetime, **options: Any) -> PlanDraft:
    """Change what concerns the whole plan: its names and descriptions, grouping, minimum, spacing, thanks."""
    return _change(draft_id, revision, lambda plan: replace(plan, **options), "changed the plan", actor=actor, now=now)


def undo_change(*, draft_id: UUID, revision: int, actor: str, now: datetime) -> PlanDraft:
    """Take back the last change; asked again, make it again. Raises DomainError when there is none."""
    with tenant(current_organization_id()):
        draft = _locked(draft_id, revision)
        if not draft.before:
            raise DomainError(_("There is no change to take back."), code="nothing_to_undo")
        _write(draft, parse_plan_file(draft.before), "took back a change", actor=actor, now=now)
    return draft


def discard_draft(*, draft_id: UUID, revision: int, actor: str, now: datetime) -> None:
    """Give a draft up; the plan in force stays as it is."""
    with tenant(current_organization_id()):
        draft = _locked(draft_id, revision)
        audit.record(actor=actor, action="plan.draft_discarded", target=draft, body={"key": draft.key, "revision": draft.revision}, now=now)
        draft.delete()


def _change(
    draft_id: UUID, revision: int, change: Callable[[PlanContent], PlanContent], what: str, *, actor: str, now: datetime
) -> PlanDraft:
    """Apply a change to the plan as it was seen in `revision`; one that changes nothing writes nothing.

    Raises StaleObject when the draft has moved on, DomainError for a step that is not there or one too many.
    """
    with tenant(current_organization_id()):
        draft = _locked(draft_id, revision)
        plan_file = draft_file(draft)
        try:
            changed = replace(plan_file, plan=change(plan_file.plan))
        except KeyError:
            raise DomainError(_("This step is not in the plan any more."), code="unknown_step") from None
        except plan_editing.TooManySteps:
            raise DomainError(_("A plan holds %d steps at most: remove one first.") % MOST_STEPS, code="too_many_steps") from None
        if changed != plan_file:
            _write(draft, changed, what, actor=actor, now=now)
    return draft


def _locked(draft_id: UUID, revision: int) -> PlanDraft:
    draft = PlanDraft.objects.select_for_update(no_key=True).get(pk=draft_id)
    if draft.revision != revision:
        who = actor_names([draft.changed_by])[draft.changed_by]
        raise StaleObject(
            _("%(who)s has changed this plan since you opened it. Nothing of yours was saved: look at it as it is now, then save again.")
            % {"who": who}
        )
    return draft


def _write(draft: PlanDraft, plan_file: PlanFile, what: str, *, actor: str, now: datetime) -> None:
    draft.before, draft.source = draft.source, dump_plan_file(plan_file)
    draft.revision += 1
    draft.changed_at, draft.changed_by = now, actor[:120]
    draft.save()
    body = {"key": draft.key, "revision": draft.revision, "what": what}
    audit.record(actor=actor, action="plan.draft_changed", target=draft, body=body, now=now)
