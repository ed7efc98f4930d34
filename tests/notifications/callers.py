"""Providers that call: signed as theirs are, over the real road from the HTTP request to the plans."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.test import RequestFactory
from twilio.request_validator import RequestValidator

from dunning.api.hooks import Door
from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import receipts, routes, services
from notifications.enums import ProviderKind
from notifications.models import ProviderAccount
from tests.notifications.mailroom import ACTOR, NOW

JETON = "jeton"  # of the account at Twilio


@dataclass(frozen=True)
class Answer:
    """What a caller is told."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name]


def nothing_else(environ: Any, start_response: Any) -> list[bytes]:
    """The application behind the door."""
    start_response("418 I'm a Teapot", [])
    return [b"the application"]


def knock(path: str, body: bytes | str = b"", *, method: str = "POST", content_type: str = "application/json", **headers: str) -> Answer:
    """One call as the web server hands it over."""
    environ = RequestFactory().generic(method, path, body, content_type=content_type, headers=headers).environ
    told: list[tuple[str, list[tuple[str, str]]]] = []
    content = b"".join(Door(nothing_else)(environ, lambda status, headers, _=None: told.append((status, headers))))
    status, sent = told[0]
    return Answer(int(status[:3]), dict(sent), content)


def use(organization: Organization, channel: str, kind: ProviderKind, settings: dict[str, Any], secrets: dict[str, str]) -> ProviderAccount:
    """Make this the way out of a channel, with its way in."""
    with tenant(organization):
        return services.set_provider(channel=channel, kind=kind, actor=ACTOR, now=NOW, settings=settings, secrets=secrets)


def use_brevo(organization: Organization) -> ProviderAccount:
    return use(organization, "email", ProviderKind.ANYMAIL, {"service": "brevo"}, {"api_key": "cle"})


def use_twilio(organization: Organization, token: str = JETON) -> ProviderAccount:
    return use(organization, "sms", ProviderKind.TWILIO, {"account_sid": "AC42"}, {"auth_token": token})


def insist(post: Callable[[], Answer]) -> Answer:
    """Call again while the answer is 503, as providers do: a busy machine may not keep a call in time."""
    for _ in range(40):
        answer = post()
        if answer.status_code != 503:
            break
        time.sleep(0.1)
    return answer


def call(account: ProviderAccount, body: bytes, *, at: datetime = NOW, content_type: str = "application/json", **headers: str) -> Answer:
    """One call to an account's way in, with the name and password of its address when it has one; made again when told to."""
    return insist(lambda: call_once(account, body, at=at, content_type=content_type, **headers))


def call_once(
    account: ProviderAccount, body: bytes, *, at: datetime = NOW, content_type: str = "application/json", **headers: str
) -> Answer:
    """One call, whatever it is answered."""
    address = urlsplit(routes.address(account))
    if address.username:
        pair = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
        headers = {"authorization": f"Basic {pair}", **headers}
    with clock.virtual(at):
        return knock(address.path, body, content_type=content_type, **headers)


def brevo_event(event: str, message: Any, **fields: Any) -> bytes:
    """What Brevo posts of one message."""
    said = {
        "event": event,
        "email": message.recipient,
        "message-id": "<202611251200.1@smtp-relay.mailin.fr>",
        "ts_epoch": int(NOW.timestamp() * 1000),
        "X-Mailin-custom": json.dumps({"message_id": str(message.pk)}),
        **fields,
    }
    return json.dumps(said).encode()


def twilio_call(account: ProviderAccount, form: dict[str, str], *, query: str = "", token: str = JETON, at: datetime = NOW) -> Answer:
    """A form signed as Twilio signs it."""
    address = routes.address(account) + (f"?{query}" if query else "")
    signature = RequestValidator(token).compute_signature(address, form)
    path = urlsplit(address).path + (f"?{query}" if query else "")

    def post() -> Answer:
        kind = "application/x-www-form-urlencoded"
        with clock.virtual(at):
            return knock(path, urlencode(form), content_type=kind, **{"x-twilio-signature": signature})

    return insist(post)


def svix_headers(secret: str, body: bytes, *, at: datetime = NOW, name: str = "msg_1") -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {"svix-id": name, "svix-timestamp": stamp, "svix-signature": f"v1,{base64.b64encode(digest).decode()}"}


def read_what_came(organization: Organization, *, at: datetime = NOW) -> dict[str, int]:
    """What a worker does when the bell rings."""
    return dict(receipts.apply_due(now=at, organization_id=organization.pk))
