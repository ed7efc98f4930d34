"""Paying by card: whether it is offered, and the payment page opened for one amount. What became of it comes back as `card_reported`.

`offered` runs inside `tenant()`; `open_page` calls the service and must not: no call is made inside a transaction.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from dunning.core import audit
from notifications import accounts, routes, ways
from notifications.enums import PayBy, ProviderKind
from notifications.models import ProviderAccount, ProviderRoute
from notifications.providers.base import CardNews, CardService, Deadline, Misconfigured, ProviderError
from notifications.providers.base import CardOrder as CardOrder
from notifications.providers.base import CardPage as CardPage

logger = logging.getLogger(__name__)
PATIENCE: Final = 12.0  # seconds a debtor waits for a payment page


class CardClosed(Exception):
    """No payment page could be opened now. Asked for again under the same name, the service opens one, never two."""


@dataclass(frozen=True, slots=True)
class CardWay:
    """The organization's service for card payments. `is_test`: no money moves."""

    account: ProviderAccount
    service: CardService

    @property
    def is_test(self) -> bool:
        return self.service.is_test

    def takes(self, amount: Decimal, currency: str) -> bool:
        """Whether the service charges a card with this amount."""
        return self.service.takes(amount, currency)


@dataclass(frozen=True, slots=True)
class CardStanding:
    """How card payments are set up: at which service, where it reports to, and how many calls to that address were not its own.

    `problem`: why the service cannot be used at all. Not `is_ready`: its reports cannot be verified yet, and debtors see no button.
    """

    name: str
    is_ready: bool = False
    is_test: bool = False
    hook_address: str = ""
    refused: int = 0
    problem: str = ""


def _account() -> ProviderAccount | None:
    return ProviderAccount.objects.filter(channel=PayBy.CARD, is_active=True).first()


def _service(account: ProviderAccount) -> CardService:
    service = accounts.provider_of(account)
    if not isinstance(service, CardService):
        raise TypeError(f"{account.kind} takes no cards.")
    return service


def _way(account: ProviderAccount | None) -> CardWay | None:
    if account is None:
        return None
    try:
        service = _service(account)
    except Misconfigured:
        return None
    return CardWay(account, service) if service.is_ready else None


def offered() -> CardWay | None:
    """The open organization's way of card payments, once it is set up completely; None otherwise."""
    return _way(_account())


def way_of(account_id: UUID) -> CardWay | None:
    """The way a payment page was opened through, whether it is offered still or not."""
    return _way(ProviderAccount.objects.filter(pk=account_id, channel=PayBy.CARD).first())


def standing() -> CardStanding | None:
    """How the open organization's card payments are set up; None when they are not."""
    account = _account()
    if account is None:
        return None
    try:
        service = _service(account)
    except Misconfigured as error:
        return CardStanding(account.name, problem=error.text)
    refusals = routes.refusals(account.pk)
    return CardStanding(account.name, service.is_ready, service.is_test, service.hook_url, refusals.count if refusals is not None else 0)


def set_up(*, api_key: str, signing_secret: str, actor: str, now: datetime) -> ProviderAccount:
    """Take cards through Stripe with these keys; one left blank stays. Raises DomainError for what cannot be such a key."""
    values = {"api_key": api_key, "signing_secret": " ".join(signing_secret.split())}
    return ways.set_way(channel=PayBy.CARD, key=ways.CARD_WAY.key, values=values, actor=actor, now=now)


def stop(*, actor: str, now: datetime) -> None:
    """Offer cards no more. What is paid on pages that are open still is booked."""
    account = ProviderAccount.objects.select_for_update(no_key=True).filter(channel=PayBy.CARD, is_active=True).first()
    if account is not None:
        account.is_active = False
        account.save(update_fields=["is_active"])
        audit.record(
            actor=actor, action="provider.stopped", target=account, body={"channel": account.channel, "kind": account.kind}, now=now
        )


def open_page(way: CardWay, order: CardOrder) -> CardPage:
    """Have the service open a payment page. Raises CardClosed."""
    try:
        return way.service.open_page(order, Deadline.after(PATIENCE * 2, timeout=PATIENCE))
    except ProviderError as error:
        logger.warning("A payment page was not opened: %s", error.text)
        raise CardClosed(error.text) from None


def organizations() -> list[UUID]:
    """The organizations a service of card payments reports to."""
    return list(ProviderRoute.objects.filter(kind=ProviderKind.STRIPE).values_list("organization_id", flat=True).distinct())


def look_up(way: CardWay, provider_id: str) -> CardNews | None:
    """Ask the service what became of a payment page; None while it is open, and when it cannot say now."""
    try:
        return way.service.look_up_page(provider_id, Deadline.after(PATIENCE * 2, timeout=PATIENCE))
    except (ProviderError, ValueError) as error:
        logger.warning("A payment page was not found out about: %s", error)
        return None
