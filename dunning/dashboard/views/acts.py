"""What a clerk notes about an item, one click from its page."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.permissions import Permission
from dunning.core.selectors import actor_names
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import (
    CloseDisputeForm,
    DisputeForm,
    EmptyForm,
    HoldForm,
    NoteForm,
    PromiseForm,
    ReasonForm,
    RenewHoldForm,
)
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted, today_of
from invoices.models import Dispute, Hold, Installment, Promise
from invoices.selectors import get_installment
from invoices.services import (
    cancel_promise,
    close_dispute,
    make_promise,
    mark_accepted,
    mark_received,
    open_dispute,
    place_hold,
    release_hold,
    renew_hold,
)
from scenarios.services.answers import acknowledge_disputes, answer_dispute, confirm_promise, send_invoices_again

WORK = ("GET", "HEAD", "POST")


def invoice_url(item: Installment) -> str:
    return reverse("dashboard:invoice", args=[item.invoice_id])


def of_item(item: Installment) -> str:
    """`FA-2026-00042, Bâtiments Durand: 1 840,25 € left to pay`."""
    left = formatting.money(item.outstanding, item.invoice.currency)
    return _("%(number)s, %(customer)s: %(left)s left to pay.") % {
        "number": item.invoice.number,
        "customer": item.customer.name,
        "left": left,
    }


@member(Permission.WORK, methods=WORK)
def received(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    form = NoteForm(request.POST) if request.method == "POST" else NoteForm()
    if submitted(request, form, lambda data: mark_received(installments=[item], text=data["text"], **acting(request))):
        return done(request, _("Receipt of %s is noted.") % item.invoice.number, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("The customer has received the invoice"),
        verb=_("Note the receipt"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="mail-open",
    )


@member(Permission.WORK, methods=WORK)
def accepted(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    form = NoteForm(request.POST) if request.method == "POST" else NoteForm()
    if submitted(request, form, lambda data: mark_accepted(installments=[item], text=data["text"], **acting(request))):
        return done(request, _("Acceptance of %s is noted.") % item.invoice.number, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("The customer agrees to pay the invoice"),
        verb=_("Note the acceptance"),
        back=invoice_url(item),
        lead=of_item(item),
    )


@member(Permission.WORK, methods=WORK)
def promise(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    form = PromiseForm(request.POST) if request.method == "POST" else PromiseForm()

    def act(data: dict[str, Any]) -> None:
        made = make_promise(
            amounts={item: data["amount"]},
            promised_for=data["promised_for"],
            text=data["text"],
            beyond_policy=data["beyond_policy"],
            **acting(request),
        )
        confirm_promise(promises=made, for_clerk=True, **acting(request))

    if submitted(request, form, act):
        day = formatting.date_long(form.cleaned_data["promised_for"])
        text = _("Promised for %s: reminders stop until then. A confirmation waits for your approval.") % day
        return done(request, text, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("The customer promises to pay"),
        verb=_("Note the promise"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="handshake",
    )


@member(Permission.WORK, methods=WORK)
def cancel_promise_page(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = Promise.objects.select_related("installment__invoice", "installment__customer").get(pk=pk)
    back = invoice_url(found.installment)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: cancel_promise(promise=found, reason=data["reason"], **acting(request))):
        return done(request, _("The promise is withdrawn; the plan goes on."), back)
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Withdraw this promise"),
        verb=_("Withdraw the promise"),
        back=back,
        lead=of_item(found.installment),
        icon="undo-2",
    )


@member(Permission.WORK, methods=WORK)
def dispute(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    form = DisputeForm(request.POST) if request.method == "POST" else DisputeForm()

    def act(data: dict[str, Any]) -> None:
        opened = open_dispute(
            installment=item,
            reason=data["reason"],
            amount=data["amount"],
            text=data["text"],
            answer_due_on=data["answer_due_on"],
            **acting(request),
        )
        acknowledge_disputes(disputes=[opened], for_clerk=True, **acting(request))

    if submitted(request, form, act):
        text = _("The dispute is open: what is contested is no longer asked for. An acknowledgement waits for your approval.")
        return done(request, text, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("The customer contests the invoice"),
        verb=_("Open the dispute"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="scale",
    )


@member(Permission.WORK, methods=WORK)
def close_dispute_page(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End a dispute, starting from what who looks after the customer said of it."""
    found = Dispute.objects.select_related("installment__invoice", "installment__customer", "customer").get(pk=pk)
    back = invoice_url(found.installment)
    form = CloseDisputeForm(request.POST) if request.method == "POST" else CloseDisputeForm(initial={"outcome": found.position})

    def act(data: dict[str, Any]) -> None:
        close_dispute(dispute=found, outcome=data["outcome"], text=data["text"], credit_amount=data.get("credit_amount"), **acting(request))
        if data["send"]:
            answer_dispute(dispute=found, **acting(request))

    if submitted(request, form, act):
        return done(request, _("The dispute is closed."), back)
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Close this dispute"),
        verb=_("Close the dispute"),
        back=back,
        lead=" · ".join(part for part in (found.get_reason_display(), of_item(found.installment), position_words(found)) if part),
        icon="scale",
    )


def position_words(dispute: Dispute) -> str:
    """`Samir Petit: the door was scratched on delivery.`; "" while nobody said anything."""
    if not dispute.position_text:
        return ""
    person = actor_names([dispute.position_by])[dispute.position_by]
    return _("%(person)s: “%(words)s”") % {"person": person, "words": dispute.position_text}


@member(Permission.WORK, methods=WORK)
def hold(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    today = today_of(request)
    form = HoldForm(request.POST, today=today) if request.method == "POST" else HoldForm(today=today)
    if submitted(request, form, lambda data: place_hold(installment=item, **data, **acting(request))):
        until = formatting.date_long(form.cleaned_data["ends_on"])
        return done(request, _("%(number)s is paused until %(day)s.") % {"number": item.invoice.number, "day": until}, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Pause this invoice"),
        verb=_("Pause"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="pause",
    )


@member(Permission.WORK, methods=WORK)
def release(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = Hold.objects.select_related("installment__invoice", "customer").get(pk=pk)
    item = found.installment
    back = invoice_url(item) if item is not None else reverse("dashboard:customer", args=[found.customer_id])
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: release_hold(hold=found, reason=data["reason"], **acting(request))):
        return done(request, _("The pause is over; the plan goes on with the next run."), back)
    return act_page(
        request,
        form,
        nav="invoices" if item is not None else "customers",
        title=_("End this pause"),
        verb=_("End the pause"),
        back=back,
        lead=f"{found.get_kind_display()} · {found.reason}",
        icon="play",
    )


@member(Permission.WORK, methods=WORK)
def renew(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Prolong a pause that somebody else asked for."""
    found = Hold.objects.select_related("installment__invoice", "customer").get(pk=pk)
    item = found.installment
    back = invoice_url(item) if item is not None else reverse("dashboard:customer", args=[found.customer_id])
    form = RenewHoldForm(request.POST) if request.method == "POST" else RenewHoldForm(initial={"reason": found.reason})
    if submitted(request, form, lambda data: renew_hold(hold=found, **data, **acting(request))):
        return done(request, _("The pause goes on until %s.") % formatting.date_long(form.cleaned_data["ends_on"]), back)
    return act_page(
        request,
        form,
        nav="invoices" if item is not None else "customers",
        title=_("Renew this pause"),
        verb=_("Renew the pause"),
        back=back,
        lead=f"{found.get_kind_display()} · {found.reason}",
        icon="hourglass",
    )


@member(Permission.WORK, methods=WORK)
def resend(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda data: send_invoices_again(installments=[item], **acting(request))):
        return done(request, _("%s will be sent again; its plan restarts once it left.") % item.invoice.number, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Send the invoice again"),
        verb=_("Send it again"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="send",
    )
