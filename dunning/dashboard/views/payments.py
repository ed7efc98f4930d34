"""Payments: what came in, whose it is, and through which day receipts are known to be complete."""

from contextlib import suppress
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers.models import Customer
from customers.selectors import list_groups
from dunning.core.money import is_currency
from dunning.core.permissions import Permission, allows
from dunning.core.selectors import get_profile
from dunning.dashboard import exports, formatting
from dunning.dashboard.components import Tab
from dunning.dashboard.forms.acts import ReasonForm
from dunning.dashboard.forms.payments import IdentifyForm, LedgerForm, PaymentForm
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting,
    choices_of,
    done,
    member,
    page,
    paged,
    submitted,
    today_of,
    with_query,
)
from invoices.models import Payment
from invoices.selectors import (
    Received,
    coverage_through,
    get_payment,
    list_payments,
    payment_allocations,
    proposals_for,
    residues,
    sum_of_payments,
    unmatched_count,
)
from invoices.selectors.receipts import NOBODY
from invoices.services import PaymentDraft, cancel_payment, certify_ledger, identify_payment, record_payment

WORK = ("GET", "HEAD", "POST")
MOST_RESIDUES = 25
TABS = ("all", "unidentified", "on_account", "cancelled")


@member()
def listing(request: MemberRequest) -> HttpResponse:
    state = choices_of(request, "state", TABS, "all")
    query = request.GET.get("find", "")
    received = _received(request)
    rows = list_payments(state="" if state == "all" else state, query=query, received=received)
    if exports.asked_for(request):
        head, today = exports.payment_head(), today_of(request)
        return exports.saved_list(request, rows, title=_("Payments"), head=head, lines=exports.payment_lines, today=today)
    found = paged(request, rows)
    counts = {"unidentified": unmatched_count()}
    words = {
        "all": _("All"),
        "unidentified": pgettext("receipts", "Unidentified"),
        "on_account": _("On account"),
        "cancelled": pgettext("receipts", "Cancelled"),
    }
    limit = None if allows(request.membership, Permission.WRITE_OFF) else get_profile().write_off_limit
    return page(
        request,
        "payments",
        nav="payments",
        residues=[(item, limit is None or item.outstanding <= limit) for item in residues()[:MOST_RESIDUES]],
        page=found,
        rows=list(found.object_list),
        tabs=[
            Tab(label, with_query(request, state="" if key == "all" else key), is_current=key == state, count=counts.get(key))
            for key, label in words.items()
        ],
        query=query,
        state=state,
        ledger_through=coverage_through(),
        received=received,
        total=sum_of_payments(rows) if received is not None else None,
    )


def _received(request: MemberRequest) -> Received | None:
    """The period of the address, with what else a report narrows receipts by; None without a period that can be read."""
    try:
        first, last = (date.fromisoformat(request.GET.get(name, "")) for name in ("from", "to"))
    except ValueError:
        return None
    owner: UUID | str | None = None
    with suppress(ValueError):
        asked = request.GET.get("owner", "")
        owner = asked if asked == NOBODY else UUID(asked)
    group = next((group for group in list_groups() if group.key == request.GET.get("group")), None)
    currency = request.GET.get("currency", "").upper()
    return Received(first, last, currency if is_currency(currency) else "", group, owner)


@member()
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    payment = get_payment(pk)
    proposals = proposals_for(payment)[:8]
    names = {customer.pk: customer for customer in Customer.objects.filter(pk__in=[proposal.customer_id for proposal in proposals])}
    evidence = {
        "reference": _("its reference"),
        "number": _("an invoice number in its text"),
        "iban": _("their account"),
        "exact_amount": _("the exact amount of an invoice"),
        "exact_sum": _("the exact sum of invoices"),
        "name": _("a like name"),
        "oldest_first": _("the oldest invoices"),
    }
    return page(
        request,
        "payment",
        nav="payments",
        payment=payment,
        allocations=payment_allocations(payment),
        proposals=[
            (
                names[proposal.customer_id],
                evidence[proposal.evidence.value],
                sum(part.amount for part in proposal.parts),
                len(proposal.parts),
            )
            for proposal in proposals
            if proposal.customer_id in names
        ],
    )


@member(Permission.WORK, methods=WORK)
def record(request: MemberRequest) -> HttpResponse:
    """Enter a receipt by hand."""
    first = {"currency": get_profile().default_currency, "received_on": today_of(request)}
    form = PaymentForm(request.POST) if request.method == "POST" else PaymentForm(initial=first)
    kept: list[Payment] = []
    if submitted(request, form, lambda data: kept.append(record_payment(draft=PaymentDraft(**data), **acting(request)).payment)):
        amount = formatting.money(kept[0].amount, kept[0].currency)
        whose = kept[0].customer.name if kept[0].customer is not None else _("unidentified")
        text = _("%(amount)s is entered: %(whose)s.") % {"amount": amount, "whose": whose}
        return done(request, text, reverse("dashboard:payment", args=[kept[0].pk]))
    return act_page(
        request,
        form,
        nav="payments",
        title=_("Enter a receipt"),
        verb=_("Enter the receipt"),
        back=reverse("dashboard:payments"),
        icon="wallet",
    )


@member(Permission.WORK, methods=WORK)
def identify(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say whose receipt this is."""
    payment = get_payment(pk)
    back = reverse("dashboard:payment", args=[pk])
    form = IdentifyForm(request.POST) if request.method == "POST" else IdentifyForm(initial={"customer": request.GET.get("customer", "")})

    def act(data: dict[str, Any]) -> None:
        identify_payment(payment=payment, customer=data["customer"], settle=data["settle"], **acting(request))

    if submitted(request, form, act):
        return done(request, _("The receipt is of %s.") % form.cleaned_data["customer"].name, back)
    lead = " · ".join(
        part for part in (formatting.money(payment.amount, payment.currency), payment.payer_name, payment.reference_text) if part
    )
    return act_page(
        request, form, nav="payments", title=_("Whose receipt is this?"), verb=_("Match the receipt"), back=back, lead=lead, icon="wallet"
    )


@member(Permission.WORK, methods=WORK)
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The money was not received after all."""
    payment = get_payment(pk)
    back = reverse("dashboard:payment", args=[pk])
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: cancel_payment(payment=payment, reason=data["reason"], **acting(request))):
        return done(request, _("The receipt is cancelled; what it had paid is owed again."), back)
    lead = formatting.money(payment.amount, payment.currency)
    return act_page(
        request, form, nav="payments", title=_("Cancel this receipt"), verb=_("Cancel the receipt"), back=back, lead=lead, icon="ban"
    )


@member(Permission.WORK, methods=WORK)
def ledger(request: MemberRequest) -> HttpResponse:
    """Say through which day receipts are entered."""
    form = LedgerForm(request.POST) if request.method == "POST" else LedgerForm(initial={"through": today_of(request)})
    back = reverse("dashboard:payments")
    if submitted(request, form, lambda data: certify_ledger(through=data["through"], **acting(request))):
        day = formatting.date_long(form.cleaned_data["through"])
        return done(request, _("Receipts are known to be complete until %s.") % day, back)
    return act_page(
        request, form, nav="payments", title=_("Receipts entered until…"), verb=_("Certify the receipts"), back=back, icon="shield-check"
    )
