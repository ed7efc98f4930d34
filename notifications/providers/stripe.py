"""Card payments through Stripe: a payment page of theirs (Checkout) for one amount, and what they report of it.

No card number ever comes here. A page is opened under an idempotency key made of our own name for it, so that asking again after a lost
answer opens no second one. Reports are signed over their raw bytes and the moment they were sent. Sources are in docs/providers.md.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core.money import from_cents, is_currency, to_cents
from notifications.enums import PayBy, ProviderKind
from notifications.providers.base import (
    Account,
    Callback,
    Capability,
    CardNews,
    CardOrder,
    CardPage,
    CardService,
    Deadline,
    Forged,
    Misconfigured,
    NotAccepted,
    Refused,
    Uncertain,
)
from notifications.providers.callbacks import require_recent
from notifications.providers.http import Sessions, json_object, looked_up, retry_after

API: Final = "https://api.stripe.com"
VERSION: Final = "2024-06-20"  # of the answers; reports come in that of their address, and what is read is in all of them
NOT_NOW: Final = frozenset({401, 403, 409, 429})  # a wrong key is ours to mend; 409: the same request is under way
LEAST: Final[Mapping[str, Decimal]] = {
    "AUD": Decimal("0.50"), "CAD": Decimal("0.50"), "CHF": Decimal("0.50"), "CZK": Decimal("15.00"), "DKK": Decimal("2.50"),
    "EUR": Decimal("0.50"), "GBP": Decimal("0.30"), "NOK": Decimal("3.00"), "NZD": Decimal("0.50"), "PLN": Decimal("2.00"),
    "RON": Decimal("2.00"), "SEK": Decimal("3.00"), "USD": Decimal("0.50"),
}  # fmt: skip
"""The least it charges, in the currencies whose smallest unit is the hundredth for Stripe as it is in ISO 4217."""
MOST: Final = Decimal("999999.99")  # it takes eight digits
PAID: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
ENDED: Final[Mapping[str, str]] = {"checkout.session.expired": "expired", "checkout.session.async_payment_failed": "failed"}


class Stripe(CardService):
    """Settings: `api_url`; secrets: `api_key` (secret or restricted), `signing_secret` of the address for its reports - several, separated
    by spaces, while one is replaced."""

    kind = ProviderKind.STRIPE
    channels = frozenset({PayBy.CARD})
    capabilities = Capability.IDEMPOTENT | Capability.CALLBACK
    idempotent_for: ClassVar[float] = 86_400.0

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.api_key = account.secrets.get("api_key", "")
        if not self.api_key.startswith(("sk_live_", "sk_test_", "rk_live_", "rk_test_")):
            raise Misconfigured(
                _("Enter a secret key of Stripe (sk_live_…) or a restricted one (rk_live_…), not the publishable key (pk_…).")
            )
        self.signing_secrets = account.secrets.get("signing_secret", "").split()
        if not all(secret.startswith("whsec_") for secret in self.signing_secrets):
            raise Misconfigured(_("The signing secret of Stripe's reports begins with whsec_."))
        self.url = f"{str(account.settings.get('api_url') or API).rstrip('/')}/v1/checkout/sessions"
        self._sessions = Sessions()

    @property
    def is_test(self) -> bool:
        return "_test_" in self.api_key[:8]

    @property
    def is_ready(self) -> bool:
        return bool(self.signing_secrets)

    def takes(self, amount: Decimal, currency: str) -> bool:
        return currency in LEAST and LEAST[currency] <= amount <= MOST

    def open_page(self, order: CardOrder, deadline: Deadline) -> CardPage:
        item = "line_items[0][price_data]"
        body: dict[str, str] = {
            "mode": "payment",
            "payment_method_types[0]": "card",
            "client_reference_id": str(order.checkout_id),
            "line_items[0][quantity]": "1",
            f"{item}[currency]": order.currency.lower(),
            f"{item}[unit_amount]": str(to_cents(order.amount, order.currency)),
            f"{item}[product_data][name]": order.description[:250],
            "adaptive_pricing[enabled]": "false",  # what is paid is what was asked for, in its currency
            "payment_intent_data[description]": order.description[:250],
            "payment_intent_data[metadata][reference]": order.reference,
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
            "expires_at": str(int(order.expires_at.timestamp())),
        }
        headers = {**self._headers(), "Idempotency-Key": f"checkout-{order.checkout_id}"}
        response = self._sessions.take(deadline).post(self.url, data=body, headers=headers)
        if response.status_code in NOT_NOW:
            raise NotAccepted(_said(response), retry_after=retry_after(response.headers.get("Retry-After")))
        if 400 <= response.status_code < 500:
            raise Refused(_said(response), code=str(response.status_code))
        if response.status_code != 200:
            raise Uncertain(_said(response))
        said = json_object(response, "Stripe")
        name, address = str(said.get("id") or ""), str(said.get("url") or "")
        if not name or len(name) > 255 or urlsplit(address).scheme not in ("https", "http"):
            raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": "Stripe"})
        return CardPage(name, address)

    def look_up_page(self, provider_id: str, deadline: Deadline) -> CardNews | None:
        said = looked_up(self._sessions.take(deadline).get(f"{self.url}/{provider_id}", headers=self._headers()), "Stripe")
        kind = "paid" if said.get("payment_status") == "paid" else str(said.get("status"))
        if kind not in ("paid", "expired"):
            return None
        return _news(kind, said, event_id=f"{provider_id}:{kind}", at=None, is_test=said.get("livemode") is not True)

    def verify(self, callback: Callback, *, now: datetime) -> str:
        """HMAC-SHA-256 over the moment and the raw body, under any of our secrets. The event's own name: the signature covers it."""
        parts = [part.strip().partition("=") for part in callback.headers.get("stripe-signature", "").split(",")]
        moment = next((value for name, _sign, value in parts if name == "t"), "")
        given = [value for name, _sign, value in parts if name == "v1"]
        if not moment or not given or not self.signing_secrets:
            raise Forged("There is no signature, or no secret to check it with.")
        signed = f"{moment}.".encode() + callback.body
        expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in self.signing_secrets]
        matches = [hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given[:10]]
        if not any(matches):
            raise Forged("The signature is wrong.")
        require_recent(moment, now)
        try:
            name = json.loads(callback.body).get("id")
        except (ValueError, AttributeError, RecursionError):
            return ""
        return name[:200] if isinstance(name, str) else ""

    def read(self, callback: Callback, *, now: datetime) -> Sequence[CardNews]:
        said = json.loads(callback.body)
        if not isinstance(said, dict) or not isinstance(said.get("type"), str):
            raise ValueError("Stripe sends events.")
        kind, page = said["type"], (said.get("data") or {}).get("object")
        if kind not in PAID and kind not in ENDED:
            return []
        if not isinstance(page, dict) or page.get("mode") != "payment":
            return []  # somebody else's use of the same account
        if bool(said.get("livemode")) == self.is_test:
            raise ValueError("The report is of the other mode: live, or test.")
        if kind in PAID and page.get("payment_status") != "paid":
            return []  # completed by a means that pays later: another report follows
        created = said.get("created")
        at = datetime.fromtimestamp(created, UTC) if isinstance(created, int) and 0 < created < 10**11 else None
        return [_news("paid" if kind in PAID else ENDED[kind], page, event_id=str(said.get("id") or ""), at=at, is_test=self.is_test)]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}", "Stripe-Version": VERSION, "Accept": "application/json"}


def _news(kind: str, page: Mapping[str, Any], *, event_id: str, at: datetime | None, is_test: bool = False) -> CardNews:
    """What a Checkout Session says. Raises ValueError when it names no amount."""
    currency, cents = str(page.get("currency") or "").upper(), page.get("amount_total")
    if not page.get("id") or not isinstance(cents, int) or isinstance(cents, bool) or not is_currency(currency):
        raise ValueError("Stripe's report names no page, or no amount.")
    try:
        checkout_id = UUID(str(page.get("client_reference_id") or ""))
    except ValueError:  # opened by somebody else with the same account
        checkout_id = None
    return CardNews(
        kind=kind,
        provider_id=str(page["id"])[:255],
        checkout_id=checkout_id,
        amount=from_cents(cents, currency),
        currency=currency,
        event_id=event_id,
        at=at,
        is_test=is_test,
    )


def _said(response: Any) -> str:
    """Stripe's own words for people, without whatever else it sent."""
    try:
        words = str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        words = response.text[:200]
    return f"Stripe: {response.status_code} {words[:300]}"
