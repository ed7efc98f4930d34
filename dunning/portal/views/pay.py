"""Paying: where to, how much, under which reference - for one invoice, for several in one transfer, for the next part of a plan."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from customers.enums import PortalAction
from dunning.core.errors import DomainError
from dunning.core.paying import cheque_to
from dunning.portal.access import Visitor, debtor
from dunning.portal.base import about, page
from dunning.portal.items import MOST, choose, ticked, usual
from dunning.portal.transfers import Transfer, one_account, transfer
from invoices.models import Installment, PaymentRequest
from invoices.selectors import PlanView, is_frozen, plans_about
from invoices.services import request_payment
from invoices.services.payment_requests import payable
from notifications import cards
from scenarios.selectors.portal import sees_all

WORK: Final = ("GET", "HEAD", "POST")
AGAIN: Final = 422
EUROS: Final = "EUR"  # of cheques
SHOWN: Final = 10  # invoices named; the others are counted


@debtor(PortalAction.PAID_ONLINE, methods=WORK)
def pay(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """What was ticked, or what is due. Sent, several invoices are brought under one reference; looking at the page writes nothing."""
    if request.method == "POST":
        return _together(request, visitor)
    ids = ticked(request)
    items = choose(visitor, ids) if ids else usual(visitor, binding=True)
    if not items:
        return redirect("portal:page")
    return _one(request, visitor, items[0]) if len(items) == 1 else _each(request, visitor, items)


def _together(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    ids = ticked(request)
    items = choose(visitor, ids) if ids else usual(visitor, binding=True)
    if len(items) < 2:
        query = urlencode([("item", str(item.pk)) for item in items])
        return redirect(f"{reverse('portal:pay')}?{query}" if items else "portal:page")
    try:
        asked = request_payment(
            customer=visitor.customer,
            amounts=dict.fromkeys(items),
            actor=f"contact:{visitor.contact.pk}",
            today=visitor.today,
            now=visitor.now,
        )
    except DomainError as refusal:
        return _each(request, visitor, items, notice=refusal.message)
    return redirect("portal:pay_together", pk=asked.pk)


def _one(request: HttpRequest, visitor: Visitor, item: Installment) -> HttpResponse:
    amount = payable({item.pk: item}, today=visitor.today).get(item.pk, Decimal(0))
    iban = one_account(visitor, [item])
    invoice = item.invoice
    how = (
        transfer(
            visitor, [item], amount=amount, currency=invoice.currency, iban=iban, reference=invoice.payment_reference, text=invoice.number
        )
        if amount > 0 and iban
        else None
    )
    return _drawn(request, visitor, [item], how, amount=amount, currency=invoice.currency)


def _each(request: HttpRequest, visitor: Visitor, items: Sequence[Installment], *, notice: str = "") -> HttpResponse:
    """Several invoices: one transfer for all, or one by one."""
    amounts = payable({item.pk: item for item in items}, today=visitor.today)
    rows = [(item, amounts.get(item.pk, Decimal(0))) for item in items]
    in_one = not notice and len({item.invoice.currency for item in items}) == 1 and bool(one_account(visitor, items))
    context: dict[str, Any] = {
        "rows": rows,
        "total": sum((amount for _item, amount in rows), Decimal(0)) if in_one else Decimal(0),
        "currency": items[0].invoice.currency,
        "notice": notice,
    }
    again = about(reverse("portal:pay"), [item.pk for item in items]) if notice else ""
    return page(request, visitor, "pay_each", status=AGAIN if notice else 200, again=again, **context)


@debtor(PortalAction.PAID_ONLINE)
def pay_together(request: HttpRequest, visitor: Visitor, pk: UUID) -> HttpResponse:
    """Several invoices in one transfer, under the reference of their request."""
    asked = PaymentRequest.objects.prefetch_related("items").get(pk=pk, customer__in=list(visitor.family))
    amounts = {row.installment_id: row.amount for row in asked.items.all()}
    if not sees_all(visitor.contact, amounts):
        raise Http404
    items = choose(visitor, list(amounts))
    if not items:
        return redirect("portal:page")
    left = payable({item.pk: item for item in items}, today=visitor.today)
    if {pk: amount for pk, amount in left.items() if amount > 0} != amounts:
        return _each(request, visitor, items)  # one of them was paid or contested since: asked for anew
    how = transfer(visitor, items, amount=asked.amount, currency=asked.currency, iban=asked.pay_to_iban, reference=asked.reference)
    return _drawn(request, visitor, items, how, amount=asked.amount, currency=asked.currency)


@debtor(PortalAction.PAID_ONLINE)
def pay_part(request: HttpRequest, visitor: Visitor, pk: UUID) -> HttpResponse:
    """The next part of a plan that runs."""
    view = running_plan(visitor, pk)
    if view is None or view.next_part is None:
        return redirect("portal:page")
    items = choose(visitor, list(view.items))
    if any(is_frozen(item) for item in items):
        return redirect("portal:page")
    amount, iban = view.next_part.amount - view.next_part.paid, one_account(visitor, items)
    how = transfer(visitor, items, amount=amount, currency=view.plan.currency, iban=iban, reference=view.plan.reference) if iban else None
    return _drawn(request, visitor, items, how, amount=amount, currency=view.plan.currency, part=view.next_part)


def running_plan(visitor: Visitor, pk: UUID) -> PlanView | None:
    """A plan about what the visitor may see, and about nothing else."""
    items = choose(visitor, [])
    found = next((view for view in plans_about([item.pk for item in items], running=True) if view.plan.pk == pk), None)
    return found if found is not None and sees_all(visitor.contact, found.items) else None


def _drawn(
    request: HttpRequest,
    visitor: Visitor,
    items: Sequence[Installment],
    how: Transfer | None,
    *,
    amount: Decimal,
    currency: str,
    **context: Any,
) -> HttpResponse:
    profile = visitor.profile
    order, address = cheque_to(profile)
    by_card = cards.offered() if "part" not in context and how is not None else None
    planned = [] if "part" in context else plans_about([item.pk for item in items], running=True)
    known: dict[str, Any] = {
        "items": items[:SHOWN],
        "others": max(0, len(items) - SHOWN),
        "count": len(items),
        "frozen": any(is_frozen(item) for item in items),
        "amount": amount,
        "currency": currency,
        "how": how,
        "card": by_card if by_card is not None and not planned and by_card.takes(amount, currency) else None,
        "item_ids": [item.pk for item in items],
        "plans": planned,
        "plans_seen": [view for view in planned if sees_all(visitor.contact, view.items)],
        "query": urlencode([("item", str(item.pk)) for item in items[:MOST]]),
        "cheque": {"order": order, "address": address} if profile.cheques_offered and currency == EUROS and amount > 0 else None,
    }
    return page(request, visitor, "pay", **known, **context)
