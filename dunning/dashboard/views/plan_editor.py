"""A plan being written: drawn to scale, its steps beneath, each edited in place, with what the validator says beside it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError, StaleObject
from dunning.core.permissions import Permission
from dunning.core.tenancy import tenant
from dunning.dashboard.forms.plans import OptionsForm, RevisionForm, StepForm
from dunning.dashboard.views.base import MemberRequest, acting_now, attempt, done, fragment, member, page
from scenarios import plan_editing
from scenarios.enums import Anchor, Channel, OffsetUnit, Phase
from scenarios.models import PlanDraft
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_differences import differences
from scenarios.plan_words import name_of
from scenarios.selectors.plan_drafts import draft_view, remarks_of
from scenarios.selectors.plans import sentences
from scenarios.selectors.texts import text_choices
from scenarios.services import plan_drafts

EDIT = Permission.MANAGE_PLANS
ACT = ("GET", "HEAD", "POST")
NEW_STEP = StepContent(key="", name="", phase=Phase.FRIENDLY, channel=Channel.EMAIL, anchor=Anchor.PREVIOUS, offset=7, unit=OffsetUnit.DAYS)


def editor_url(pk: UUID, step: str = "") -> str:
    """The editor, at a step."""
    return reverse("dashboard:plan_draft", args=[pk]) + (f"#step-{step}" if step else "")


@member()
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    return page(request, "plan_editor", nav="plans", view=draft_view(pk))


# --- forms -------------------------------------------------------------------------------------------------------------------------------


@member(EDIT, methods=ACT)
def step(request: MemberRequest, pk: UUID, key: str) -> HttpResponse:
    """Edit one step."""
    draft = PlanDraft.objects.get(pk=pk)
    content = plan_drafts.draft_content(draft)
    known = _step_or_404(content, key)

    def save(form: StepForm) -> object:
        return plan_drafts.save_step(draft_id=pk, revision=form.cleaned_data["revision"], step=form.to_step(key), **acting_now(request))

    form = _step_form(request, draft, content, known)
    if _saved(request, form, save):
        return redirect(editor_url(pk, key))
    title = _("Edit “%s”") % name_of(known)
    return _form_page(request, draft, form, title, _("Save the step"), step=key, typed=_typed(form, content, key))


@member(EDIT, methods=ACT)
def add(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Write a new step; `?after=` names the one it follows, none puts it first."""
    draft = PlanDraft.objects.get(pk=pk)
    content = plan_drafts.draft_content(draft)
    after = request.GET.get("after", "")
    if after:
        _step_or_404(content, after)
    added: list[str] = []

    def save(form: StepForm) -> object:
        said = {"draft_id": pk, "revision": form.cleaned_data["revision"], "step": form.to_step(""), "after": after}
        added.append(plan_drafts.add_step(**said, **acting_now(request))[1])
        return added

    blank = NEW_STEP if after else replace(NEW_STEP, phase=Phase.SERVICE, anchor=Anchor.DUE, offset=-7)
    form = _step_form(request, draft, content, blank)
    if _saved(request, form, save):
        return redirect(editor_url(pk, added[0]))
    return _form_page(request, draft, form, _("A new step"), _("Add the step"), step="", after=after)


@member(EDIT, methods=ACT)
def options(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Edit what concerns the whole plan."""
    draft = PlanDraft.objects.get(pk=pk)
    content = plan_drafts.draft_content(draft)

    def save(form: OptionsForm) -> object:
        return plan_drafts.save_options(draft_id=pk, revision=form.cleaned_data["revision"], **form.options(), **acting_now(request))

    first = {"revision": draft.revision}
    form = OptionsForm(request.POST, plan=content) if request.method == "POST" else OptionsForm(plan=content, initial=first)
    if _saved(request, form, save):
        return redirect(editor_url(pk))
    typed = sentences(differences(content, replace(content, **form.options()))) if _is_stale(form) else []
    return _form_page(request, draft, form, _("Options of the plan"), _("Save the options"), typed=typed)


@member(EDIT, methods=("POST",))
def check(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What the validator would say beside the step if it were saved as it is filled in now; nothing is saved."""
    draft = PlanDraft.objects.get(pk=pk)
    plan_file = plan_drafts.draft_file(draft)
    content = plan_file.plan
    key, after = request.GET.get("step", ""), request.GET.get("after", "")
    form = StepForm(request.POST, **_choices(content, key))
    if not form.is_valid():
        return fragment(request, "_step_remarks", form_errors=form.errors.as_data())
    key = key or plan_editing.free_key(content, "new")
    try:
        change = plan_editing.change_step if request.GET.get("step") else plan_editing.add_step
        changed = change(content, form.to_step(key), **({} if request.GET.get("step") else {"after": after}))
    except (KeyError, plan_editing.TooManySteps):
        raise Http404 from None
    remarks, elsewhere = remarks_of(changed, key, plan_file.texts)
    day = plan_editing.usual_days(changed.steps)[[found.key for found in changed.steps].index(key)]
    return fragment(request, "_step_remarks", remarks=remarks, elsewhere=elsewhere, day=day, draft=draft)


def _step_or_404(content: PlanContent, key: str) -> StepContent:
    try:
        return plan_editing.find_step(content, key)
    except KeyError:
        raise Http404 from None


def _choices(content: PlanContent, key: str, step: StepContent | None = None) -> dict[str, Any]:
    others = [(other.key, name_of(other)) for other in content.steps if other.key != key]
    return {"texts": text_choices(), "others": others, "step": step}


def _step_form(request: MemberRequest, draft: PlanDraft, content: PlanContent, step: StepContent) -> StepForm:
    choices = _choices(content, step.key, step)
    if request.method == "POST":
        return StepForm(request.POST, **choices)
    return StepForm(initial={"revision": draft.revision}, **choices)


Form = Any  # a RevisionForm with what its save needs


def _saved(request: MemberRequest, form: Form, save: Callable[[Any], object]) -> bool:
    """Whether a posted form was valid and saved. What was typed stays on a form that is refused.

    On a stale one the revision becomes today's, so that saving again is a decision taken with both states in sight.
    """
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        with tenant(request.membership.organization_id):
            save(form)
    except StaleObject as refusal:
        form.stale = True
        form.add_error(None, refusal.message)
        return False
    except DomainError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return False
    return True


def _is_stale(form: forms.Form) -> bool:
    return getattr(form, "stale", False)


def _typed(form: StepForm, content: PlanContent, key: str) -> Sequence[str]:
    """On a stale form: what saving it would change of the step as it is now."""
    if not _is_stale(form):
        return []
    return sentences(differences(content, plan_editing.change_step(content, form.to_step(key))))


def _form_page(
    request: MemberRequest, draft: PlanDraft, form: Form, title: str, verb: str, *, typed: Sequence[str] = (), **more: Any
) -> HttpResponse:
    if _is_stale(form):
        form.data = form.data.copy()
        form.data["revision"] = str(draft.revision)
    context = {"form": form, "draft": draft, "title": title, "verb": verb, "typed": typed, "action": request.get_full_path(), **more}
    template = "plan_step" if isinstance(form, StepForm) else "plan_options"
    if request.htmx and not form.is_bound:
        return fragment(request, f"_{template}", **context)
    return page(request, template, nav="plans", status=422 if form.is_bound else 200, **context)


# --- buttons -----------------------------------------------------------------------------------------------------------------------------


def _press(request: MemberRequest, pk: UUID, act: Callable[[int], object], step: str = "") -> HttpResponse:
    """One change without a form of its own; a refusal is told on the editor."""
    PlanDraft.objects.get(pk=pk)
    form = RevisionForm(request.POST)
    if form.is_valid():
        attempt(request, lambda: act(form.cleaned_data["revision"]))
    return redirect(editor_url(pk, step))


@member(EDIT, methods=("POST",))
def move(request: MemberRequest, pk: UUID, key: str) -> HttpResponse:
    """One place up or down in the order."""
    by = 1 if request.POST.get("to") == "later" else -1
    said = {"draft_id": pk, "key": key, "by": by, **acting_now(request)}
    return _press(request, pk, lambda revision: plan_drafts.move_step(revision=revision, **said), key)


@member(EDIT, methods=("POST",))
def remove(request: MemberRequest, pk: UUID, key: str) -> HttpResponse:
    said = {"draft_id": pk, "key": key, **acting_now(request)}
    return _press(request, pk, lambda revision: plan_drafts.remove_step(revision=revision, **said))


@member(EDIT, methods=("POST",))
def day(request: MemberRequest, pk: UUID, key: str) -> HttpResponse:
    """Put a step on another day, counted from the due date."""
    form = DayForm(request.POST)
    chosen = form.cleaned_data["day"] if form.is_valid() else None
    if chosen is None:
        messages.error(request, _("Write the day as a whole number: 8 for eight days after the due date, -7 for a week before it."))

    def act(revision: int) -> object:
        said = {"draft_id": pk, "revision": revision, "key": key, **acting_now(request)}
        return plan_drafts.set_step_day(day=chosen, **said) if chosen is not None else None

    return _press(request, pk, act, key)


class DayForm(forms.Form):
    day = forms.IntegerField(min_value=-plan_editing.LONGEST_OFFSET, max_value=plan_editing.LONGEST_OFFSET)


@member(EDIT, methods=("POST",))
def undo(request: MemberRequest, pk: UUID) -> HttpResponse:
    said = {"draft_id": pk, **acting_now(request)}
    return _press(request, pk, lambda revision: plan_drafts.undo_change(revision=revision, **said))


@member(EDIT, methods=("POST",))
def discard(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Give the draft up."""
    draft = PlanDraft.objects.get(pk=pk)
    form = RevisionForm(request.POST)
    said = {"draft_id": pk, **acting_now(request)}
    if not form.is_valid():
        return redirect(editor_url(pk))
    attempt(request, lambda: plan_drafts.discard_draft(revision=form.cleaned_data["revision"], **said))
    if PlanDraft.objects.filter(pk=pk).exists():
        return redirect(editor_url(pk))
    return done(request, _("The draft of “%s” is given up; nothing in force has changed.") % draft.key, reverse("dashboard:plans"))
