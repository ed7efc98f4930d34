"""Plans: which exist and who follows each, one drawn around its due date with its versions, new ones, files, putting one away."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.dashboard import desk_exports, exports
from dunning.dashboard.badges import CHANNEL_ICONS
from dunning.dashboard.components import PlanMark, Tab
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.plans import NewPlanForm, PlanFileForm, ReplaceForm
from dunning.dashboard.templatetags.plans import TONES
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, attempt, done, member, page, submitted, today_of
from dunning.dashboard.views.plan_editor import ACT, EDIT, editor_url
from scenarios.enums import Phase
from scenarios.following import amounts_following, followings
from scenarios.models import ActionPlan, PlanVersion
from scenarios.selectors import plan_view, plan_views
from scenarios.selectors.plans import PlanView, compare_versions, new_drafts, version_views
from scenarios.services.plan_drafts import begin_draft, begin_from_file, begin_from_version, begin_new
from scenarios.services.plan_exchange import export_plan
from scenarios.services.plans import archive_plan


def plan_tabs(current: str) -> list[Tab]:
    """The pages about plans."""
    pages = {"plans": (_("Plans"), "plans"), "texts": (_("Texts"), "texts"), "archived": (_("Put away"), "plans_archived")}
    return [Tab(label, reverse(f"dashboard:{name}"), is_current=key == current) for key, (label, name) in pages.items()]


@member()
def listing(request: MemberRequest) -> HttpResponse:
    if exports.asked_for(request):
        return _saved(request, plan_views(counted=followings))
    plans = plan_views(counted=amounts_following)
    return page(request, "plans", nav="plans", plans=plans, drafts=new_drafts(), tabs=plan_tabs("plans"))


def _saved(request: MemberRequest, plans: Sequence[PlanView]) -> HttpResponse:
    head, today = desk_exports.plan_head(), today_of(request)
    return exports.saved_list(request, plans, title=_("Plans"), head=head, lines=desk_exports.plan_lines, today=today)


@member()
def archived(request: MemberRequest) -> HttpResponse:
    """Plans that were put away."""
    if exports.asked_for(request):
        return _saved(request, plan_views(archived=True, counted=followings))
    plans = plan_views(archived=True, counted=amounts_following)
    return page(request, "plans", nav="plans", plans=plans, tabs=plan_tabs("archived"), is_archive=True)


@member()
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = plan_view(pk)
    marks = [
        PlanMark(step.day, step.name, CHANNEL_ICONS.get(step.row.channel, "circle"), TONES[Phase(step.row.phase)], f"#{step.row.key}")
        for step in found.steps
    ]
    versions = version_views(found.plan)
    return page(request, "plan", nav="plans", plan=found, marks=marks, versions=versions, **_compared(request, found.plan, versions))


def _compared(request: MemberRequest, plan: ActionPlan, versions: Any) -> dict[str, Any]:
    """The two versions of `?older=` and `?newer=`, in words."""
    numbers = {view.version.number for view in versions}
    asked = [request.GET.get(name, "") for name in ("older", "newer")]
    chosen = sorted(int(number) for number in asked if number.isdecimal() and int(number) in numbers)
    if len(chosen) != 2 or chosen[0] == chosen[1]:
        return {}
    return {"older": chosen[0], "newer": chosen[1], "compared": compare_versions(plan, *chosen)}


@member()
def export(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The version in force as a plan file; `?texts` puts the texts its steps use beside it."""
    plan = ActionPlan.objects.get(pk=pk)
    source = export_plan(key=plan.key, with_texts="texts" in request.GET)
    return answer_file(source.encode(), "application/yaml", f"{plan.key}.yaml")


# --- beginning ---------------------------------------------------------------------------------------------------------------------------


@member(EDIT, methods=("POST",))
def edit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Open the plan's draft, the one there is or a new one."""
    plan = ActionPlan.objects.get(pk=pk)
    draft = attempt(request, lambda: begin_draft(plan=plan, **acting_now(request)))
    return redirect(editor_url(draft.pk) if draft is not None else reverse("dashboard:plan", args=[pk]))


@member(EDIT, methods=ACT)
def new(request: MemberRequest, pk: UUID | None = None) -> HttpResponse:
    """Begin a plan of another name, empty or like one that exists (`pk`)."""
    plans = {str(view.plan.pk): view for view in plan_views()}
    choices = [(key, view.name) for key, view in plans.items()]
    like = str(pk or "")
    if pk is not None and like not in plans:
        raise Http404
    first = {"like": like, "name": _("%s (copy)") % plans[like].plan.name} if like in plans else {}
    form = NewPlanForm(request.POST, plans=choices) if request.method == "POST" else NewPlanForm(plans=choices, initial=first)
    begun: list[UUID] = []

    def act(data: dict[str, Any]) -> None:
        model = plans[data["like"]].plan if data["like"] else None
        begun.append(begin_new(name=data["name"], name_en=data["name_en"], like=model, **acting_now(request)).pk)

    if submitted(request, form, act):
        return redirect(editor_url(begun[0]))
    return act_page(
        request,
        form,
        nav="plans",
        title=_("A new plan"),
        verb=_("Begin it"),
        back=reverse("dashboard:plans"),
        lead=_("It is a draft until you publish it, and follows nobody until you assign it."),
        icon="milestone",
    )


@member(EDIT, methods=ACT)
def load(request: MemberRequest) -> HttpResponse:
    """Begin a draft with what a plan file says."""
    form = PlanFileForm(request.POST, request.FILES) if request.method == "POST" else PlanFileForm()
    begun: list[UUID] = []

    def act(data: dict[str, Any]) -> None:
        draft = begin_from_file(source=data["file"], replace_draft=data["replace_draft"], **acting_now(request))
        begun.append(draft.pk)

    if submitted(request, form, act):
        return done(request, _("The file is read into a draft; nothing is in force yet."), editor_url(begun[0]))
    return act_page(
        request,
        form,
        nav="plans",
        title=_("Load a plan file"),
        verb=_("Read it into a draft"),
        back=reverse("dashboard:plans"),
        lead=_("The plan it holds is shown in the editor, with everything the validator says, before you publish it."),
        icon="upload",
    )


@member(EDIT, methods=ACT)
def restore(request: MemberRequest, pk: UUID, number: int) -> HttpResponse:
    """Begin a draft with what an earlier version said."""
    version = PlanVersion.objects.select_related("plan").get(plan=pk, number=number)
    form = ReplaceForm(request.POST) if request.method == "POST" else ReplaceForm()
    begun: list[UUID] = []

    def act(data: dict[str, Any]) -> None:
        draft = begin_from_version(version=version, replace_draft=data["replace_draft"], **acting_now(request))
        begun.append(draft.pk)

    if submitted(request, form, act):
        return done(request, _("The draft says what version %d said; publish it to put it in force again.") % number, editor_url(begun[0]))
    return act_page(
        request,
        form,
        nav="plans",
        title=_("Take up version %d again") % number,
        verb=_("Write it into a draft"),
        back=reverse("dashboard:plan", args=[pk]),
        lead=_("Versions never change: what this one said becomes a new version once you publish the draft."),
        icon="undo-2",
    )


@member(EDIT, methods=ACT)
def archive(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put a plan away that nobody follows."""
    found = plan_view(pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda _data: archive_plan(plan=found.plan, **acting_now(request))):
        return done(request, _("“%s” is put away. Publishing it again brings it back.") % found.name, reverse("dashboard:plans"))
    return act_page(
        request,
        form,
        nav="plans",
        title=_("Put “%s” away") % found.name,
        verb=_("Put it away"),
        back=reverse("dashboard:plan", args=[pk]),
        lead=_("What was done under it stays. A plan that is still followed cannot be put away."),
        icon="archive",
    )
