"""What who looks after a customer says to finance: what is true of a dispute, and that reminders should wait; and finance's answer."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.selectors import get_customer
from dunning.core.permissions import Permission
from dunning.core.selectors import actor_names
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.asking import AnswerForm, AskForm, PositionForm
from dunning.dashboard.views.acts import WORK, invoice_url, of_item
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted, today_of
from invoices.models import Dispute, HoldRequest, Installment
from invoices.selectors import get_installment
from invoices.services import state_position
from scenarios.services.asking import ask_for_hold, grant_hold, refuse_hold, withdraw_request


@member(Permission.ASK, methods=WORK)
def position(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say what is true of a dispute; who works the ledger closes it."""
    found = Dispute.objects.select_related("installment__invoice", "installment__customer").get(pk=pk)
    back = invoice_url(found.installment)
    first = {"text": found.position_text, "position": found.position}
    form = PositionForm(request.POST) if request.method == "POST" else PositionForm(initial=first)
    if submitted(request, form, lambda data: state_position(dispute=found, **data, **acting(request))):
        return done(request, _("Your word is on the dispute: who closes it reads it."), back)
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("What is true of this dispute?"),
        verb=_("Say it"),
        back=back,
        lead=f"{found.get_reason_display()} · {of_item(found.installment)}",
        icon="scale",
    )


@member(Permission.ASK, methods=WORK)
def ask_item(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    return _ask(request, invoice_url(item), of_item(item), nav="invoices", installment=item)


@member(Permission.ASK, methods=WORK)
def ask_customer(request: MemberRequest, pk: UUID) -> HttpResponse:
    customer = get_customer(pk)
    return _ask(request, reverse("dashboard:customer", args=[pk]), customer.name, nav="customers", customer=customer)


def _ask(request: MemberRequest, back: str, lead: str, *, nav: str, **target: Installment | Customer) -> HttpResponse:
    today = today_of(request)
    form = AskForm(request.POST, today=today) if request.method == "POST" else AskForm(today=today)

    def act(data: dict[str, Any]) -> None:
        ask_for_hold(**target, **data, **acting(request))  # type: ignore[arg-type]  # one of the two

    if submitted(request, form, act):
        return done(request, _("Finance is asked. Until it answers, reminders go on."), back)
    return act_page(request, form, nav=nav, title=_("Ask for a pause"), verb=_("Ask for it"), back=back, lead=lead, icon="hand")


@member(Permission.ASK, methods=WORK)
def withdraw(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Need it no more."""
    found = _request(pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda _data: withdraw_request(request=found, **acting(request))):
        return done(request, _("The request is withdrawn."), reverse("dashboard:today"))
    title = _("Withdraw this request")
    return act_page(
        request,
        form,
        nav="today",
        title=title,
        verb=_("Withdraw the request"),
        back=reverse("dashboard:today"),
        lead=_said(found),
        icon="undo-2",
    )


@member(Permission.WORK, methods=WORK)
def answer(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Grant a pause that was asked for, or say why not."""
    found = _request(pk)
    form = AnswerForm(request.POST) if request.method == "POST" else AnswerForm(initial={"ends_on": found.ends_on})
    back = _about(found)

    def act(data: dict[str, Any]) -> None:
        if data["grants"]:
            grant_hold(request=found, ends_on=data["ends_on"], answer=data["answer"], **acting(request))
        else:
            refuse_hold(request=found, answer=data["answer"], **acting(request))

    if submitted(request, form, act):
        if not form.cleaned_data["grants"]:
            return done(request, _("The pause is refused; reminders go on."), back)
        until = formatting.date_long(form.cleaned_data["ends_on"] or found.ends_on)
        return done(request, _("The pause is granted until %s.") % until, back)
    return act_page(
        request, form, nav="today", title=_("Answer this request"), verb=_("Answer the request"), back=back, lead=_said(found), icon="hand"
    )


def _request(pk: UUID) -> HoldRequest:
    return HoldRequest.objects.select_related("customer", "installment__invoice").get(pk=pk)


def _about(found: HoldRequest) -> str:
    if found.installment is not None:
        return invoice_url(found.installment)
    return reverse("dashboard:customer", args=[found.customer_id])


def _said(found: HoldRequest) -> str:
    """`Samir Petit asks that reminders to Durand SARL wait until 20 October 2026: new contact.`"""
    values = {
        "person": actor_names([found.requested_by])[found.requested_by],
        "what": found.installment.invoice.number if found.installment is not None else _("everything"),
        "customer": found.customer.name,
        "day": formatting.date_long(found.ends_on),
        "reason": found.reason,
    }
    return _("%(person)s asks that reminders to %(customer)s (%(what)s) wait until %(day)s: “%(reason)s”.") % values
