"""Money noted on one item: a payment, an amount given up."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import ItemPaymentForm, WriteOffForm
from dunning.dashboard.views.acts import WORK, invoice_url, of_item
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted, today_of
from invoices.selectors import get_installment
from invoices.services import PaymentDraft, record_payment, write_off


@member(Permission.WORK, methods=WORK)
def pay_item(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    first = {"amount": formatting.plain_amount(item.outstanding), "received_on": today_of(request), "means": item.means}
    form = ItemPaymentForm(request.POST) if request.method == "POST" else ItemPaymentForm(initial=first)

    def act(data: dict[str, Any]) -> None:
        part = min(data["amount"], item.outstanding)
        draft = PaymentDraft(
            amount=data["amount"],
            received_on=data["received_on"],
            currency=item.invoice.currency,
            customer=item.customer,
            means=data["means"],
            reference_text=data["reference_text"],
            allocations=((item, part),) if part > 0 else (),
        )
        record_payment(draft=draft, **acting(request))

    if submitted(request, form, act):
        amount = formatting.money(form.cleaned_data["amount"], item.invoice.currency)
        return done(
            request, _("%(amount)s is entered on %(number)s.") % {"amount": amount, "number": item.invoice.number}, invoice_url(item)
        )
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Enter a payment"),
        verb=_("Enter the payment"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="wallet",
    )


@member(Permission.WORK, methods=WORK)
def write_off_item(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    form = WriteOffForm(request.POST) if request.method == "POST" else WriteOffForm()
    if submitted(request, form, lambda data: write_off(installment=item, **data, **acting(request))):
        return done(request, _("The amount is given up on %s.") % item.invoice.number, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Give up what is left to pay"),
        verb=_("Write off"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="eraser",
    )
