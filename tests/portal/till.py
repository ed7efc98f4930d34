"""A till for tests of paying by card: a debtor whose creditor takes cards at an imitation of Stripe."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from dunning.core.audit import verify
from dunning.core.tenancy import tenant
from invoices.models import Installment, Payment
from notifications import routes, services
from notifications.enums import PayBy, ProviderKind
from notifications.models import ProviderAccount
from tests.fakes.stripe import LIVE_KEY, SIGNING_SECRET, Stripe, event, signature
from tests.notifications.callers import Answer, insist, knock, read_what_came
from tests.portal.conftest import NOW, Debt, opened, owe
from tests.scenarios.houses import CLERK, open_house
from tests.servers import http_service


@dataclass
class Till:
    """A debtor whose creditor takes cards at an imitation of Stripe."""

    debt: Debt
    stripe: Stripe
    browser: Client
    numbers: Iterator[int]

    def account(self) -> ProviderAccount:
        with tenant(self.debt.organization):
            return ProviderAccount.objects.get(channel=PayBy.CARD, is_active=True)

    def order(self, *items: Installment) -> str:
        """Press the button; the address one is led to."""
        answer = self.browser.post("/portal/pay/card/", {"item": [str(item.pk) for item in items or (self.debt.item,)]})
        assert answer.status_code == 302
        return str(answer["Location"])

    @property
    def session(self) -> dict[str, Any]:
        return list(self.stripe.sessions.values())[-1]

    def report(self, body: bytes, **signed: Any) -> Answer:
        moment = signed.get("at", NOW.timestamp())
        address = urlsplit(routes.address(self.account())).path
        stamp = signature(body, **{"at": moment, **signed})
        return insist(lambda: knock(address, body, **{"stripe-signature": stamp}))

    def paid(self, session: dict[str, Any] | None = None, **changed: Any) -> bytes:
        return event(session or self.session, at=NOW.timestamp(), number=next(self.numbers), **changed)

    def hear(self, body: bytes) -> dict[str, int]:
        """A report arrives and is read."""
        assert self.report(body).status_code == 200
        return read_what_came(self.debt.organization, at=NOW)

    def page(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def ledger(self) -> tuple[list[tuple[Decimal, Decimal, str]], dict[str, Decimal]]:
        """(amount, unallocated, means) of the payments, and what is left to pay on each invoice."""
        with tenant(self.debt.organization):
            payments = [(row.amount, row.unallocated, row.means) for row in Payment.objects.order_by("created_at", "pk")]
            left = {row.invoice.number: row.outstanding for row in Installment.objects.select_related("invoice")}
            assert list(verify()) == []
        return payments, left


def take_cards(debt: Debt, url: str, *, key: str = LIVE_KEY, secret: str = SIGNING_SECRET) -> None:
    with tenant(debt.organization):
        services.set_provider(
            channel=PayBy.CARD,
            kind=ProviderKind.STRIPE,
            actor=CLERK,
            now=NOW,
            settings={"api_url": url},
            secrets={"api_key": key, "signing_secret": secret},
        )


@contextmanager
def open_till() -> Iterator[Till]:
    debt, stripe = owe(open_house(default_language="en")), Stripe()
    with http_service(stripe.answer) as service:
        stripe.url = service.url
        take_cards(debt, service.url)
        yield Till(debt, stripe, opened(debt.path), itertools.count(1))
