"""Who follows a plan: assigned from the plan to a group, a customer, an invoice or everybody else, or chosen on a record."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Customer, CustomerGroup
from customers.selectors import get_customer, list_customers
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.plans import PlanChoiceForm
from dunning.dashboard.templatetags.ui import amounts
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, page, submitted
from dunning.dashboard.views.plan_editor import ACT, EDIT
from invoices.models import Invoice
from invoices.selectors import get_invoice, search_invoices
from scenarios.models import ActionPlan
from scenarios.plan_words import name_of
from scenarios.selectors import plan_view, plan_views
from scenarios.services.plan_following import follow_plan, group_reaches, own_plan, plan_followed, reach
from scenarios.services.plans import EVERYONE, Target

MOST_FOUND = 12


@member(EDIT, methods=ACT)
def assign(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Choose who follows the plan; `?to=group:…` (customer, invoice, everyone) asks to confirm, with counts."""
    view = plan_view(pk)
    asked = request.GET.get("to", "")
    if asked:
        return _confirm(request, view.plan, _target(asked), reverse("dashboard:plan", args=[pk]))
    query = request.GET.get("find", "").strip()
    return page(
        request,
        "plan_assign",
        nav="plans",
        plan=view,
        groups=group_reaches(),
        query=query,
        customers=list(list_customers(query=query)[:MOST_FOUND]) if query else [],
        invoices=search_invoices(query=query, limit=MOST_FOUND) if query else [],
    )


def _target(asked: str) -> Target:
    kind, _separator, key = asked.partition(":")
    if kind == "everyone":
        return EVERYONE
    models: dict[str, Any] = {"group": CustomerGroup, "customer": Customer, "invoice": Invoice}
    try:
        return Target(**{kind: models[kind].objects.get(pk=UUID(key))})
    except (KeyError, ValueError):
        raise Http404 from None


def _confirm(request: MemberRequest, plan: ActionPlan, target: Target, back: str) -> HttpResponse:
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    concerned = reach(target)
    organization = request.membership.organization
    if submitted(request, form, lambda _data: follow_plan(plan=plan, target=target, organization=organization, **acting(request))):
        return done(request, _("“%(plan)s” is followed by %(who)s.") % {"plan": name_of(plan), "who": _who(target)}, back)
    words = {
        "items": formatting.number(concerned.items),
        "customers": formatting.customers(len(concerned.customers)),
        "amount": amounts(concerned.amounts),
        "now": name_of(concerned.now) if concerned.now is not None else _("no plan"),
    }
    if not concerned.items:
        lead = _("No open invoice is concerned today; those to come will follow it.")
    elif concerned.now == plan:
        lead = _("They follow this plan already: nothing changes for %(items)s open invoices.") % words
    else:
        moved = _("%(items)s open invoices of %(customers)s (%(amount)s) leave “%(now)s”.") % words
        lead = moved + " " + _("They enter at the level they have reached: what was done counts, nobody is reminded twice of the same.")
    return act_page(
        request,
        form,
        nav="plans",
        title=_("“%(plan)s” for %(who)s") % {"plan": name_of(plan), "who": _who(target)},
        verb=_("Assign it"),
        back=back,
        lead=lead,
        icon="users",
    )


def _who(target: Target) -> str:
    if target.group is not None:
        return target.group.name
    if target.customer is not None:
        return target.customer.name
    return _("invoice %s") % target.invoice.number if target.invoice is not None else _("everybody else")


@member(EDIT, methods=ACT)
def of_customer(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The plan a customer follows."""
    customer = get_customer(pk)
    return _choose(request, Target(customer=customer), customer.name, reverse("dashboard:customer", args=[pk]), "customers")


@member(EDIT, methods=ACT)
def of_invoice(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The plan an invoice follows."""
    invoice = get_invoice(pk)
    return _choose(request, Target(invoice=invoice), invoice.number, reverse("dashboard:invoice", args=[pk]), "invoices")


def _choose(request: MemberRequest, target: Target, name: str, back: str, nav: str) -> HttpResponse:
    plans = {str(view.plan.pk): view for view in plan_views()}
    own, followed = own_plan(target), plan_followed(target)
    usual = _("That of its group, or the default plan")
    wider = _("That of its customer, its group, or the default plan") if target.invoice is not None else usual
    fields: dict[str, Any] = {"plans": [(key, view.name) for key, view in plans.items()], "wider": wider}
    first = {"plan": str(own.pk) if own is not None else ""}
    form = PlanChoiceForm(request.POST, **fields) if request.method == "POST" else PlanChoiceForm(initial=first, **fields)
    organization = request.membership.organization

    def act(data: dict[str, Any]) -> None:
        chosen = plans[data["plan"]].plan if data["plan"] else None
        follow_plan(plan=chosen, target=target, organization=organization, **acting(request))

    if submitted(request, form, act):
        now = plan_followed(target)
        return done(request, _("%(who)s now follows “%(plan)s”.") % {"who": name, "plan": name_of(now) if now else _("no plan")}, back)
    count = formatting.number(reach(target).items)
    words = {"who": name, "plan": name_of(followed) if followed is not None else _("no plan"), "items": count}
    return act_page(
        request,
        form,
        nav=nav,
        title=_("Change the plan"),
        verb=_("Follow this plan"),
        back=back,
        lead=_("%(who)s follows “%(plan)s”; %(items)s open invoices are concerned. They keep the level they have reached.") % words,
        icon="milestone",
    )
