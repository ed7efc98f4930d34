"""Old items at the first import: decided about in bulk, customer by customer."""

from decimal import Decimal
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.components import Tab
from dunning.dashboard.views.base import MemberRequest, acting, attempt, choices_of, member, page, paged
from invoices.enums import TriageChoice
from invoices.models import Installment
from invoices.selectors.triage import chosen_items, old_accounts, old_customers, triage_totals
from invoices.services import set_triage

CUSTOMERS = 25
ICONS = {
    TriageChoice.CHASE: "send",
    TriageChoice.OLD_DISPUTE: "scale",
    TriageChoice.LITIGATION: "gavel",
    TriageChoice.TO_MATCH: "wallet",
    TriageChoice.WRITE_OFF: "eraser",
}


@member(Permission.WORK, methods=("GET", "HEAD", "POST"))
def show(request: MemberRequest) -> HttpResponse:
    """`?choice=` shows what was decided already; it can be decided anew."""
    choice = choices_of(request, "choice", tuple(TriageChoice.values), TriageChoice.WAITING)
    if request.method == "POST":
        return _decide(request, choice)
    totals = triage_totals()
    found = paged(request, old_customers(choice), size=CUSTOMERS)
    return page(
        request,
        "triage",
        nav="customers",
        choice=TriageChoice(choice),
        total=totals[choice],
        page=found,
        accounts=old_accounts(found.object_list, choice),
        choices=[(key, key.label, ICONS[key]) for key in ICONS if key != choice],
        tabs=[
            Tab(str(key.label), f"{reverse('dashboard:triage_all')}?choice={key.value}", is_current=key == choice, count=totals[key].items)
            for key in TriageChoice
            if totals[key].items or key in (TriageChoice.WAITING, choice)
        ],
    )


def _decide(request: MemberRequest, choice: str) -> HttpResponse:
    back = redirect(request.get_full_path())
    decision = request.POST.get("act", "")
    items = chosen_items(item_ids=_ids(request, "item"), customer_ids=_ids(request, "customer"), choice=choice)
    if not items or decision not in ICONS:
        messages.warning(request, _("No invoice was ticked; nothing was changed."))
        return back

    def act() -> str:
        set_triage(installments=items, choice=decision, **acting(request))
        return _said(items, decision)

    if said := attempt(request, act):
        messages.success(request, said)
    return back


def _said(items: list[Installment], decision: str) -> str:
    amounts: dict[str, Decimal] = {}
    for item in items:
        amounts[item.invoice.currency] = amounts.get(item.invoice.currency, Decimal(0)) + item.outstanding
    text = ngettext("%(count)s invoice, %(amount)s: %(choice)s.", "%(count)s invoices, %(amount)s: %(choice)s.", len(items))
    return text % {
        "count": formatting.number(len(items)),
        "amount": " + ".join(formatting.money(amount, currency) for currency, amount in sorted(amounts.items())),
        "choice": TriageChoice(decision).label,
    }


def _ids(request: MemberRequest, name: str) -> list[UUID]:
    found = []
    for value in request.POST.getlist(name):
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
