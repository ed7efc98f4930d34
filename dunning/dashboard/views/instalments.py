"""Payment plans on a customer's record: agreed on by telephone, read, ended."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.selectors import get_customer
from dunning.core import clock, documents
from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.acts import InstalmentsForm, ReasonForm
from dunning.dashboard.views.acts import WORK
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted, today_of
from invoices.enums import ActSource
from invoices.models import Installment
from invoices.selectors import get_plan, open_items
from invoices.services import end_plan
from scenarios.services.payment_plans import agree_on_plan, draft_plan, read_agreement


def _url(pk: UUID) -> str:
    return reverse("dashboard:customer", args=[pk])


@member(Permission.WORK, methods=WORK)
def agree(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Divide what is owed on ticked invoices into dated parts."""
    customer = get_customer(pk)
    today = today_of(request)
    items = list(open_items(customer_ids=[pk]))
    choices = [(str(item.pk), _words(item)) for item in items]
    ticked = [str(item.pk) for item in items if item.due_on < today]
    form = (
        InstalmentsForm(request.POST, choices=choices)
        if request.method == "POST"
        else InstalmentsForm(choices=choices, initial={"items": ticked})
    )

    def act(data: dict[str, Any]) -> None:
        draft = draft_plan(
            installments=[UUID(value) for value in data["items"]],
            count=data["count"],
            first_on=data["first_on"],
            gap=data["gap"],
            language=customer.language,
            source=ActSource.STAFF,
            today=today,
        )
        agree_on_plan(draft=draft, sha256=draft.sha256, name=data["name"], source=ActSource.STAFF, **acting(request))

    if submitted(request, form, act):
        return done(request, _("The plan runs: reminders wait while it is kept. The agreement is on its way."), _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Agree on instalments"),
        verb=_("Agree"),
        back=_url(pk),
        lead=customer.name,
        icon="calendar-clock",
    )


def _words(item: Installment) -> str:
    amount, due = formatting.money(item.outstanding, item.invoice.currency), formatting.date_short(item.due_on)
    return _("%(number)s, %(amount)s, due %(day)s") % {"number": item.invoice.number, "amount": amount, "day": due}


@member(Permission.WORK, methods=WORK)
def end(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End a plan that runs."""
    plan = get_plan(pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: end_plan(plan=plan, reason=data["reason"], **acting(request))):
        return done(request, _("The payment plan is over; the plan of reminders goes on with the next run."), _url(plan.customer_id))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("End this payment plan"),
        verb=_("End the plan"),
        back=_url(plan.customer_id),
        lead=f"{plan.customer.name} · {formatting.money(plan.amount, plan.currency)}",
        icon="calendar-clock",
    )


@member(Permission.SEE, methods=("GET", "HEAD"))
def paper(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The agreement as it was sent to both sides."""
    document = read_agreement(plan=get_plan(pk), organization=request.membership.organization, now=clock.now())
    return answer_file(documents.read(document), document.media_type, document.filename)
