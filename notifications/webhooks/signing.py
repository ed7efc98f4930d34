"""Secrets and signatures as the Standard Webhooks specification has them: `v1,` and an HMAC-SHA-256 over id, time and body."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
SIZE: Final = 32  # bytes; the specification asks for 24 to 64


def new_secret() -> str:
    """A fresh secret, in the form receivers' libraries read."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SIZE)).decode()


def sign(secret: str, *, id: str, at: int, body: bytes) -> str:
    """One signature of a call made at that moment (Unix time, seconds)."""
    content = f"{id}.{at}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix(PREFIX)), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(keys: Iterable[str], *, id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of a call, signed with each of the secrets in force: during a rotation either of them verifies it."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(sign(key, id=id, at=at, body=body) for key in keys),
    }
