"""Ten thousand calls that are almost genuine: a byte of body or signature altered, a time five minutes off, another account's secret."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twilio.request_validator import RequestValidator

from dunning.core.tokens import new_id
from notifications.enums import ProviderKind
from notifications.providers import build
from notifications.providers.base import HOOK_SECRET, HOOK_TOKEN, Account, Callback, Forged, Provider
from tests.notifications.callers import svix_headers

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
EACH = 1700  # of six services
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
ID = "01912d68-783e-7a03-8467-5661c1243ad4"

Signed = Callable[[str, bytes, float], dict[str, str]]  # (secret, body, time) -> headers


def public(number: int) -> str:
    pem = KEYS[number].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "".join(pem.decode().splitlines()[1:-1])


def sign_mailersend(secret: str, body: bytes, time: float) -> dict[str, str]:
    return {"signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def sign_resend(secret: str, body: bytes, time: float) -> dict[str, str]:
    return svix_headers(secret, body, at=datetime.fromtimestamp(time, UTC))


def sign_sendgrid(secret: str, body: bytes, time: float) -> dict[str, str]:
    key = KEYS[0] if secret == public(0) else KEYS[1]
    signature = key.sign(str(int(time)).encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": str(int(time)),
    }


def sign_basic(secret: str, body: bytes, time: float) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


class Service:
    """One service as it calls: its account, its genuine call, and how it signs."""

    def __init__(
        self, name: str, sign: Signed, secrets: tuple[dict[str, str], dict[str, str]], key: str, *, timed: bool, body: bytes
    ) -> None:
        self.name, self.sign, self.key, self.timed, self.body = name, sign, key, timed, body
        self.ours, self.theirs = secrets

    def provider(self, secrets: dict[str, str]) -> Provider:
        given = {"api_key": "k", "api_token": "k", "server_token": "k", "secret_key": "k", HOOK_TOKEN: "t" * 43, HOOK_SECRET: "dunning:own"}
        return build(Account(new_id(), ProviderKind.ANYMAIL, "email", {"service": self.name}, {**given, **secrets}))

    def call(self, secret: str | None = None, *, time: float | None = None) -> Callback:
        time = NOW.timestamp() if time is None else time
        headers = {"content-type": "application/json", **self.sign(secret or self.ours[self.key], self.body, time)}
        return Callback("https://relances.example.fr/hooks/anymail/t", headers, self.body)


EVENT = {"event": "delivered", "email": "a@b.example", "sg_event_id": "e1", "timestamp": 1764064800, "message_id": ID}
RESEND = {
    "type": "email.delivered",
    "created_at": "2026-11-25T10:00:00.000Z",
    "data": {"email_id": "r1", "to": ["a@b.example"], "headers": []},
}
MAILERSEND = {"type": "activity.delivered", "data": {"type": "delivered", "id": "m1", "email": {"message": {"id": "x"}}}}
WHSEC = ["whsec_" + base64.b64encode(bytes([number]) * 24).decode() for number in (1, 2)]
SERVICES = [
    Service(
        "sendgrid",
        sign_sendgrid,
        ({"tracking_webhook_verification_key": public(0)}, {"tracking_webhook_verification_key": public(1)}),
        "tracking_webhook_verification_key",
        timed=True,
        body=json.dumps([EVENT]).encode(),
    ),
    Service(
        "resend",
        sign_resend,
        ({"signing_secret": WHSEC[0]}, {"signing_secret": WHSEC[1]}),
        "signing_secret",
        timed=True,
        body=json.dumps(RESEND).encode(),
    ),
    Service(
        "mailersend",
        sign_mailersend,
        ({"signing_secret": "a" * 32}, {"signing_secret": "b" * 32}),
        "signing_secret",
        timed=False,
        body=json.dumps(MAILERSEND).encode(),
    ),
]


def altered(content: bytes, chance: random.Random) -> bytes:
    """One byte of it is another."""
    position = chance.randrange(len(content))
    other = chance.randrange(1, 256)
    return content[:position] + bytes([content[position] ^ other]) + content[position + 1 :]


def is_accepted(provider: Provider, callback: Callback) -> bool:
    try:
        provider.verify(callback, now=NOW)
    except Forged:
        return False
    return True


def mutations(service: Service, chance: random.Random) -> Iterator[tuple[str, Callback]]:
    genuine = service.call()
    for _ in range(EACH):
        yield "body", Callback(genuine.url, genuine.headers, altered(genuine.body, chance))
    signed = [name for name in genuine.headers if name != "content-type"]
    for _ in range(EACH):
        name = chance.choice(signed)
        value = altered(genuine.headers[name].encode(), chance).decode("latin-1")
        # base64 has spellings that mean the same bytes: those are no other signature
        if name.endswith("webhook-signature") and _same_bytes(value, genuine.headers[name]):
            continue
        yield "signature", Callback(genuine.url, {**genuine.headers, name: value}, genuine.body)
    yield "their secret", service.call(service.theirs[service.key])
    yield "no signature", Callback(genuine.url, {"content-type": "application/json"}, genuine.body)
    if service.timed:
        for seconds in (-301, 301, -86_400, 86_400):
            yield "old", service.call(time=NOW.timestamp() + seconds)


def _same_bytes(one: str, other: str) -> bool:
    try:
        return base64.b64decode(one) == base64.b64decode(other)
    except ValueError:
        return False


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_nothing_altered_is_accepted_and_the_genuine_call_is(service: Service) -> None:
    chance = random.Random(20261125)
    provider = service.provider(service.ours)
    assert is_accepted(provider, service.call())
    if service.timed:
        assert is_accepted(provider, service.call(time=NOW.timestamp() - 299))
    tried, accepted = 0, []
    for what, callback in mutations(service, chance):
        tried += 1
        if is_accepted(provider, callback):
            accepted.append((what, callback))
    assert accepted == []
    assert tried >= 2 * EACH * 0.9


def test_nothing_altered_is_accepted_of_twilio() -> None:
    chance = random.Random(20261125)
    own, other = (
        build(Account(new_id(), ProviderKind.TWILIO, "sms", {"account_sid": "AC1"}, {"auth_token": token}))
        for token in ("a" * 32, "b" * 32)
    )
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+33612345678", "AccountSid": "AC1"}
    url = "https://relances.example.fr/hooks/twilio/t"
    body = urlencode(form).encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": RequestValidator("a" * 32).compute_signature(url, form),
    }
    genuine = Callback(url, headers, body)
    name = own.verify(genuine, now=NOW)
    assert not is_accepted(other, genuine)
    new = 0
    for _ in range(EACH):
        for callback in (
            Callback(url, headers, altered(body, chance)),
            Callback(
                url, {**headers, "x-twilio-signature": altered(headers["x-twilio-signature"].encode(), chance).decode("latin-1")}, body
            ),
            Callback(url[:-1] + chance.choice("abcdefgh"), headers, body),
        ):
            # “%2b” for “%2B” says the same and is signed the same: it is the same call, not another one
            new += is_accepted(own, callback) and own.verify(callback, now=NOW) != name
    assert new == 0


def mailgun_call(key: str, time: float, token: str = "0" * 50, **event: Any) -> Callback:
    signature = hmac.new(key.encode(), f"{int(time)}{token}".encode(), hashlib.sha256).hexdigest()
    said = {
        "signature": {"timestamp": str(int(time)), "token": token, "signature": signature},
        "event-data": {"event": "delivered", **event},
    }
    return Callback("https://relances.example.fr/hooks/anymail/t", {"content-type": "application/json"}, json.dumps(said).encode())


def test_mailgun_signs_no_body_so_its_token_names_the_call_and_an_altered_body_is_no_other_call() -> None:
    chance = random.Random(20261125)
    provider = build(Account(new_id(), ProviderKind.ANYMAIL, "email", {"service": "mailgun"}, {"api_key": "k", "webhook_signing_key": "s"}))
    genuine = mailgun_call("s", NOW.timestamp())
    name = provider.verify(genuine, now=NOW)
    new = 0
    for _ in range(2 * EACH):
        callback = Callback(genuine.url, genuine.headers, altered(genuine.body, chance))
        new += is_accepted(provider, callback) and provider.verify(callback, now=NOW) != name
    assert new == 0
    for seconds in (-301, 301):
        assert not is_accepted(provider, mailgun_call("s", NOW.timestamp() + seconds))
    assert not is_accepted(provider, mailgun_call("t", NOW.timestamp()))


@pytest.mark.parametrize("name", ["brevo", "mailjet", "postmark", "sparkpost", "scaleway"])
def test_services_that_do_not_sign_are_known_by_the_name_and_password_of_their_address(name: str) -> None:
    chance = random.Random(20261125)
    service = Service(name, sign_basic, ({"own": "dunning:own"}, {"own": "dunning:other"}), "own", timed=False, body=b"{}")
    secrets = {"project_id": "p"} if name == "scaleway" else {}
    settings = {"service": name, "project_id": "p"}
    given = {"api_key": "k", "secret_key": "k", "server_token": "k", HOOK_TOKEN: "t" * 43, HOOK_SECRET: "dunning:own", **secrets}
    provider = build(Account(new_id(), ProviderKind.ANYMAIL, "email", settings, given))
    assert not provider.signs_calls
    genuine = service.call("dunning:own")
    assert is_accepted(provider, genuine)
    for _ in range(EACH // 5):
        value = altered(genuine.headers["authorization"].encode(), chance).decode("latin-1")
        if (
            value.lower() == genuine.headers["authorization"].lower()
            and value.split(" ")[1] == genuine.headers["authorization"].split(" ")[1]
        ):
            continue  # “BASIC” is the same scheme
        assert not is_accepted(provider, Callback(genuine.url, {**genuine.headers, "authorization": value}, b"{}"))
    assert not is_accepted(provider, service.call("dunning:other"))
    assert not is_accepted(provider, Callback(genuine.url, {}, b"{}"))
