"""Paying by card: a button that opens a payment page at the creditor's own service, and the page its payer comes back to.

No card number is ever typed here. Whether something was paid is what the service reports to us, never what an address says: who comes back
before that report is told so, and may look again.
"""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from customers.enums import PortalAction
from dunning.core.errors import DomainError
from dunning.portal.access import Later, Visitor, debtor
from dunning.portal.base import about, page
from dunning.portal.items import MOST, choose, ticked
from scenarios.selectors.portal import sees_all
from scenarios.services import card_payments

AGAIN: Final = 422


@debtor(PortalAction.PAID_ONLINE, methods=("POST",))
def pay_by_card(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Ask for what was chosen, then - once that is committed - have its payment page opened."""
    ids = ticked(request)
    items = choose(visitor, ids) if ids else []
    if not items:
        return redirect("portal:page")
    try:
        checkout = card_payments.begin(
            customer=visitor.customer, items=items, actor=f"contact:{visitor.contact.pk}", today=visitor.today, now=visitor.now
        )
    except DomainError as refusal:
        chosen = [item.pk for item in items[:MOST]]
        again = about(reverse("portal:pay"), chosen)
        query = urlencode([("item", str(pk)) for pk in chosen])
        return _drawn(request, visitor, notice=refusal.message, query=query, again=again, status=AGAIN)
    organization_id, path = visitor.organization.pk, reverse("portal:card", kwargs={"pk": checkout.pk})

    def finish() -> HttpResponse:
        card_payments.open_page(organization_id=organization_id, checkout_id=checkout.pk, path=path, now=visitor.now)
        return redirect(path)

    return Later(finish)


@debtor(PortalAction.PAID_ONLINE)
def card(request: HttpRequest, visitor: Visitor, pk: UUID) -> HttpResponse:
    """A card payment: where to pay it, or what became of it."""
    payment = card_payments.card_payment(checkout_id=pk, customers=list(visitor.family), now=visitor.now)
    asked = payment.checkout.request
    items = list(asked.items.values_list("installment_id", flat=True))
    if not sees_all(visitor.contact, items):
        raise Http404
    back = request.GET.get("back", "")
    return _drawn(
        request,
        visitor,
        payment=payment,
        amount=payment.checkout.amount,
        currency=payment.checkout.currency,
        back=back if back in ("paid", "left") else "",
        items=items[:MOST],
        query=urlencode([("item", str(item)) for item in items[:MOST]]),
    )


def _drawn(request: HttpRequest, visitor: Visitor, **context: Any) -> HttpResponse:
    return page(request, visitor, "card", **context)
