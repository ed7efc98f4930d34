"""Before a draft is in force: what it would do, on one invoice, over thirty days, and on publication."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.permissions import require
from dunning.core.tenancy import tenant
from dunning.dashboard.forms.plans import DryRunForm, PublishForm
from dunning.dashboard.views.base import MemberRequest, acting, done, fragment, member, page, submitted, today_of
from dunning.dashboard.views.plan_editor import ACT, EDIT, editor_url
from invoices.models import Invoice
from invoices.selectors import search_invoices
from scenarios.models import ActionPlan, PlanDraft
from scenarios.plan_sentences import sentence
from scenarios.plan_words import name_of
from scenarios.selectors import plan_views
from scenarios.selectors.dry_runs import dry_run_report
from scenarios.selectors.plans import sentences
from scenarios.services.dry_runs import ask_dry_run, go_on
from scenarios.services.plan_drafts import draft_content
from scenarios.services.plan_publication import consequences, publish_draft
from scenarios.services.plan_trials import try_on_invoice

MOST_FOUND = 12
FIRST_SLICE = 1.0
"""Seconds of a dry run worked out before its page is shown: enough for a small ledger."""
SLICE = 2.0
"""Seconds worked out at each look at an unfinished one."""


@member()
def try_on(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Each date to come of an invoice (`?invoice=`, found by `?find=`) if the draft were its plan."""
    draft = PlanDraft.objects.get(pk=pk)
    query = request.GET.get("find", "").strip()
    found = search_invoices(query=query, limit=MOST_FOUND) if query else []
    context: dict[str, Any] = {"draft": draft, "name": name_of(draft_content(draft)), "query": query, "found": found}
    chosen = request.GET.get("invoice", "") or (str(found[0].pk) if len(found) == 1 else "")
    if chosen:
        invoice = invoice_of_address(chosen)
        organization = request.membership.organization
        tried = try_on_invoice(draft=draft, invoice=invoice, organization=organization, today=today_of(request))
        context |= {"invoice": invoice, "tried": tried}
    return page(request, "plan_try", nav="plans", **context)


def invoice_of_address(text: str) -> Invoice:
    """The invoice an address names. Raises Invoice.DoesNotExist, for what is no id too."""
    try:
        return Invoice.objects.select_related("customer").get(pk=UUID(text))
    except ValueError:
        raise Invoice.DoesNotExist from None


@member(methods=ACT)
def dry_run(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The next thirty days under the draft beside the plan in force; a POST by who may change plans begins it anew."""
    draft = PlanDraft.objects.get(pk=pk)
    plan = ActionPlan.objects.filter(key=draft.key).first()
    plans = {str(view.plan.pk): view for view in plan_views()}
    choices = [(key, view.name) for key, view in plans.items()]
    form = DryRunForm(request.POST or None, plans=choices, own=str(plan.pk) if plan is not None and str(plan.pk) in plans else "")
    if request.method == "POST":
        require(request.membership, EDIT)

    def act(data: dict[str, Any]) -> None:
        organization = request.membership.organization
        begun = ask_dry_run(draft_id=pk, instead_of=plans[data["instead_of"]].plan, organization=organization, **acting(request))
        _advance(request, begun.pk, FIRST_SLICE)

    if submitted(request, form, act):
        return redirect(reverse("dashboard:plan_dry_run", args=[pk]))
    context = {"draft": draft, "name": name_of(draft_content(draft)), "form": form, "report": dry_run_report(draft)}
    return page(request, "plan_dry_run", nav="plans", status=422 if form.is_bound else 200, **context)


@member(methods=("POST",))
def dry_run_go_on(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Work out some more of a dry run while somebody looks on: the page needs no worker to come to its end."""
    draft = PlanDraft.objects.get(pk=pk)
    report = dry_run_report(draft)
    if report is not None and not report.is_done:
        _advance(request, report.run.pk, SLICE)
        report = dry_run_report(draft)
    if request.htmx:
        return fragment(request, "_dry_run", draft=draft, report=report)
    return redirect(reverse("dashboard:plan_dry_run", args=[pk]))


def _advance(request: MemberRequest, dry_run_id: UUID, budget: float) -> None:
    said = {"organization": request.membership.organization, "today": today_of(request), "now": clock.now()}
    go_on(dry_run_id=dry_run_id, budget=budget, **said)


@member(EDIT, methods=ACT)
def publish(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put the draft in force, with what that does said first."""
    draft = PlanDraft.objects.get(pk=pk)
    organization, name = request.membership.organization, name_of(draft_content(draft))
    form = PublishForm(request.POST) if request.method == "POST" else None
    refusal = ""
    if form is not None and form.is_valid():
        try:
            with tenant(organization):
                said = {"revision": form.cleaned_data["revision"], "in_force": form.cleaned_data["in_force"], **acting(request)}
                published = publish_draft(draft_id=pk, organization=organization, **said)
        except DomainError as error:
            refusal = error.message
        else:
            words = {"plan": name, "n": published.version.number}
            text = _("“%(plan)s”, version %(n)d, is in force.") if published.is_new else _("“%(plan)s” says what version %(n)d says.")
            return done(request, text % words, reverse("dashboard:plan", args=[published.plan.pk]))
    elif form is not None:
        return redirect(editor_url(pk))
    looked = consequences(draft=draft, organization=organization, today=today_of(request))
    return page(
        request,
        "plan_publish",
        nav="plans",
        status=422 if refusal else 200,
        draft=draft,
        name=name,
        looked=looked,
        changes=sentences(looked.changes),
        warnings=[sentence(problem) for problem in looked.warnings],
        refusal=refusal,
    )
