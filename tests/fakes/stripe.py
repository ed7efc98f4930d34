"""A service that speaks Stripe's API as far as card payments need it: Checkout Sessions under idempotency keys, and signed reports of them.

Sources: docs.stripe.com/api/checkout/sessions, /api/idempotent_requests, /webhooks/signature.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.servers import Reply, Request

LIVE_KEY, TEST_KEY = "sk_live_secretOfTheHouse", "sk_test_secretOfTheHouse"
SIGNING_SECRET = "whsec_ofTheAddress"


@dataclass
class Stripe:
    """What it was asked to open. The same idempotency key is the same session; under other parameters it is refused, as theirs is."""

    url: str = ""
    hang_up: int = 0  # so many answers are lost after the session was opened
    refuse: str = ""  # the words of a refusal
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)  # by idempotency key
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        if request.headers.get("Authorization") not in (f"Bearer {LIVE_KEY}", f"Bearer {TEST_KEY}"):
            return _error(401, "Invalid API Key provided")
        path = urlsplit(request.path).path
        if request.method == "GET":
            found = next((session for session in self.sessions.values() if path.endswith(f"/{session['id']}")), None)
            return Reply(200, found) if found else _error(404, "No such checkout.session")
        if path != "/v1/checkout/sessions":
            return _error(404, "Unrecognized request URL")
        if self.refuse:
            return _error(400, self.refuse)
        said = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        self.asked.append(said)
        key = request.headers["Idempotency-Key"]
        known = self.sessions.get(key)
        if known is not None and known["asked"] != said:
            return _error(400, "Keys for idempotent requests can only be used with the same parameters they were first used with.")
        session = known or self._opened(key, said, is_live="live" in request.headers["Authorization"])
        if self.hang_up:
            self.hang_up -= 1
            return Reply(hang_up=True)
        return Reply(200, {name: value for name, value in session.items() if name != "asked"})

    def _opened(self, key: str, said: dict[str, str], *, is_live: bool) -> dict[str, Any]:
        number = len(self.sessions) + 1
        name = f"cs_{'live' if is_live else 'test'}_{number:08d}"
        session = {
            "id": name,
            "object": "checkout.session",
            "mode": said["mode"],
            "status": "open",
            "payment_status": "unpaid",
            "client_reference_id": said["client_reference_id"],
            "amount_total": int(said["line_items[0][price_data][unit_amount]"]),
            "currency": said["line_items[0][price_data][currency]"],
            "payment_intent": None,
            "livemode": is_live,
            "url": f"{self.url}/pay/{name}",
            "asked": said,
        }
        self.sessions[key] = session
        return session


def _error(status: int, words: str) -> Reply:
    return Reply(status, {"error": {"type": "invalid_request_error", "message": words}})


def event(session: dict[str, Any], kind: str = "checkout.session.completed", *, at: float, number: int = 1, **changed: Any) -> bytes:
    """A report of a session, paid unless `changed` says otherwise."""
    page = {name: value for name, value in session.items() if name != "asked"}
    page |= {"status": "complete", "payment_status": "paid", "payment_intent": "pi_1", **changed}
    said = {
        "id": f"evt_{number}",
        "object": "event",
        "api_version": "2023-10-16",
        "created": int(at),
        "livemode": session["livemode"],
        "type": kind,
        "data": {"object": page},
    }
    return json.dumps(said, indent=2).encode()


def signature(body: bytes, *, at: float, secret: str = SIGNING_SECRET) -> str:
    """The Stripe-Signature of a report sent at that moment, with one of a scheme nobody uses any more before it."""
    digest = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={int(at)},v0={'0' * 64},v1={digest}"
