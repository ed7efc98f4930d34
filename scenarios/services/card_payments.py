"""A debtor pays by card: asked for under the ledger's locks, paid on the service's page outside any transaction, booked when it says so."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core.errors import DomainError
from dunning.core.selectors import get_profile
from dunning.core.tenancy import tenant
from invoices.models import Checkout, Installment
from invoices.services import request_payment
from invoices.services.checkouts import close_checkout, note_page, open_checkout, settle_checkout
from notifications import cards
from notifications.providers.base import CardNews
from scenarios.context import local_date, open_organization

logger = logging.getLogger(__name__)

LATE: Final = timedelta(minutes=10)  # after which a report that did not come is asked for
GIVEN_UP: Final = timedelta(days=7)
AT_ONCE: Final = 100
NAMED: Final = 5  # invoices on the payment page; the others are counted


@dataclass(frozen=True, slots=True)
class CardPayment:
    """A card payment as its payer is shown it. `address` is "" while no page could be opened; `booked`: the service said it was paid."""

    checkout: Checkout
    service: str
    is_test: bool
    is_over: bool

    @property
    def address(self) -> str:
        return "" if self.is_over else self.checkout.address

    @property
    def booked(self) -> bool:
        return self.checkout.paid_at is not None


def begin(*, customer: Customer, items: Sequence[Installment], actor: str, today: date, now: datetime) -> Checkout:
    """Ask for all that is left to pay on these items, by card. Raises DomainError when cards are not taken, or not for this amount."""
    way = cards.offered()
    if way is None:
        raise DomainError(_("Cards are not taken here any more. Please pay by transfer."), code="no_cards")
    asked = request_payment(customer=customer, amounts=dict.fromkeys(items), actor=actor, today=today, now=now)
    if not way.takes(asked.amount, asked.currency):
        raise DomainError(_("This amount cannot be paid by card. Please pay by transfer."), code="not_by_card", field="amount")
    return open_checkout(request=asked, account_id=way.account.pk, actor=actor, now=now)


def open_page(*, organization_id: UUID, checkout_id: UUID, path: str, now: datetime) -> bool:
    """Have the service open the page of a card payment, unless it has one; whether it has one now.

    Opens its own transactions, before and after the call. `path` is where the payer comes back to, on our public address. Asked again after
    a lost answer, the service gives the same page.
    """
    with tenant(organization_id):
        checkout = Checkout.objects.select_related("request").get(pk=checkout_id)
        if checkout.address:
            return True
        way = cards.offered()
        if way is None or way.account.pk != checkout.account_id or checkout.expires_at is None:
            return False
        order = cards.CardOrder(
            checkout_id=checkout.pk,
            amount=checkout.amount,
            currency=checkout.currency,
            reference=checkout.request.reference,
            description=_description(checkout),
            success_url=f"{settings.PUBLIC_BASE_URL}{path}?back=paid",
            cancel_url=f"{settings.PUBLIC_BASE_URL}{path}?back=left",
            expires_at=checkout.expires_at,
        )
    try:
        page = cards.open_page(way, order)
    except cards.CardClosed:
        return False
    with tenant(organization_id):
        note_page(checkout_id=checkout_id, provider_id=page.provider_id, address=page.address)
    return True


def _description(checkout: Checkout) -> str:
    """The creditor and the invoices: what the payer reads on the page, and later on the receipt."""
    numbers = list(checkout.request.items.order_by("installment__due_on").values_list("installment__invoice__number", flat=True))
    shown = ", ".join(numbers[:NAMED]) + (f" + {len(numbers) - NAMED}" if len(numbers) > NAMED else "")
    return f"{get_profile().legal_name} – {shown}"


def card_payment(*, checkout_id: UUID, customers: Sequence[UUID], now: datetime) -> CardPayment:
    """A card payment of one of these customers. Raises Checkout.DoesNotExist."""
    checkout = Checkout.objects.select_related("request").get(pk=checkout_id, request__customer__in=list(customers))
    way = cards.way_of(checkout.account_id)
    ended = bool(checkout.closed_reason) or (checkout.expires_at is not None and checkout.expires_at <= now)
    return CardPayment(checkout, way.account.name if way is not None else "", way is not None and way.is_test, ended)


def take_news(news: CardNews, *, today: date, now: datetime) -> bool:
    """Book what the service reports of one of its pages, inside the transaction in which its call is read; whether the page is ours."""
    if news.kind != "paid":
        return close_checkout(provider_id=news.provider_id, checkout_id=news.checkout_id, reason=news.kind, now=now)
    if news.is_test:  # no money moved: the invoices stay as they are
        return close_checkout(provider_id=news.provider_id, checkout_id=news.checkout_id, reason="test", now=now)
    paid_on = (news.at or now).astimezone(ZoneInfo(open_organization().timezone)).date()
    return settle_checkout(
        provider_id=news.provider_id,
        checkout_id=news.checkout_id,
        amount=news.amount,
        currency=news.currency,
        paid_on=min(paid_on, today),
        today=today,
        now=now,
    )


def find_out(*, now: datetime) -> int:
    """Ask the services what became of pages that are over and were never reported, everywhere; how many were found out about.

    Opens its own transactions, none around a call. A page found paid is booked as its report would have booked it, dated by the page's own
    end: nothing can be paid after it. One that cannot be booked never keeps the others waiting.
    """
    found = 0
    for organization_id in cards.organizations():
        with tenant(organization_id):
            way = cards.offered()
            over = {"expires_at__lt": now - LATE, "expires_at__gt": now - GIVEN_UP}
            silent = Checkout.objects.filter(paid_at=None, closed_reason="", **over).exclude(provider_id="").order_by("expires_at")
            pages = list(silent.values_list("provider_id", "expires_at")[:AT_ONCE]) if way is not None else []
        for name, ended_at in pages:
            try:
                news = cards.look_up(way, name) if way is not None else None
                if news is not None:
                    with tenant(organization_id):
                        news = replace(news, at=news.at or ended_at)
                        found += take_news(news, today=local_date(open_organization(), now), now=now)
            except (OperationalError, InterfaceError):  # the database is away, for every page
                raise
            except Exception:
                logger.exception("What became of the payment page %s could not be written down.", name)
    return found
