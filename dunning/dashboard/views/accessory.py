"""What becomes of the penalties and the fixed sum of an invoice: billed apart, waived with a reason, or due again."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.permissions import Permission
from dunning.dashboard.forms.acts import PenaltiesInvoicedForm, ReasonForm
from dunning.dashboard.views.acts import WORK
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted, today_of
from invoices.models import Invoice
from invoices.selectors import get_invoice
from invoices.services import claim_penalties_again, note_penalties_invoiced, waive_penalties


@member(Permission.WORK, methods=WORK)
def waive(request: MemberRequest, pk: UUID) -> HttpResponse:
    invoice = get_invoice(pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: waive_penalties(invoice=invoice, reason=data["reason"], **acting(request))):
        return done(request, _("Penalties and fixed sum of this invoice are waived: what it came to itself stays owed."), _url(pk))
    return _page(request, form, invoice, title=_("Waive penalties and fixed sum"), verb=_("Waive them"), icon="eraser")


@member(Permission.WORK, methods=WORK)
def invoiced(request: MemberRequest, pk: UUID) -> HttpResponse:
    invoice = get_invoice(pk)
    form = PenaltiesInvoicedForm(request.POST) if request.method == "POST" else PenaltiesInvoicedForm(initial={"on": today_of(request)})
    if submitted(request, form, lambda data: note_penalties_invoiced(invoice=invoice, **data, **acting(request))):
        return done(request, _("Noted: they are owed by an invoice of their own, and claimed with this one no more."), _url(pk))
    title = _("Penalties and fixed sum were invoiced")
    return _page(request, form, invoice, title=title, verb=_("Note their invoice"), icon="receipt")


@member(Permission.WORK, methods=WORK)
def again(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take back that they were waived or billed apart."""
    invoice = get_invoice(pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: claim_penalties_again(invoice=invoice, reason=data["reason"], **acting(request))):
        return done(request, _("Penalties and fixed sum of this invoice are due again."), _url(pk))
    return _page(request, form, invoice, title=_("Penalties and fixed sum are due again"), verb=_("They are due again"), icon="undo-2")


def _url(pk: UUID) -> str:
    return reverse("dashboard:invoice", args=[pk])


def _page(request: MemberRequest, form: Any, invoice: Invoice, *, title: str, verb: str, icon: str) -> HttpResponse:
    lead = f"{invoice.number} · {invoice.customer.name}"
    return act_page(request, form, nav="invoices", title=title, verb=verb, back=_url(invoice.pk), lead=lead, icon=icon)
