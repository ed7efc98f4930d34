"""What verifying calls has in common: credentials compared in constant time, signed times, and a request libraries can read."""

import base64
import binascii
import hashlib
import hmac
import io
from datetime import datetime
from urllib.parse import urlsplit

from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.core.handlers.wsgi import WSGIRequest
from django.utils.crypto import constant_time_compare

from notifications.providers.base import HOOK_SECRET, Account, Callback, Forged

TOLERANCE = 300.0  # seconds a signed time may differ from ours


def require_secret(callback: Callback, account: Account) -> None:
    """For services that do not sign: the name and password of the address they were given. Raises Forged."""
    expected = account.secrets.get(HOOK_SECRET, "")
    scheme, _, given = callback.headers.get("authorization", "").partition(" ")
    try:
        said = base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        said = ""
    if not expected or scheme.lower() != "basic" or not constant_time_compare(said, expected):
        raise Forged("wrong name or password")


def require_recent(seconds: str, now: datetime) -> None:
    """A signed Unix time must be within five minutes of ours. Raises Forged."""
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12 or abs(int(seconds) - now.timestamp()) > TOLERANCE:
        raise Forged("the signed time is not now")


def require_standard_webhook(callback: Callback, secret: str, now: datetime) -> str:
    """The signature of the Standard Webhooks specification (Svix): HMAC-SHA-256 over id, time and body. The id. Raises Forged."""
    names = ("svix-", "webhook-")
    prefix = next((name for name in names if f"{name}id" in callback.headers), "webhook-")
    name, time, given = (callback.headers.get(f"{prefix}{part}", "") for part in ("id", "timestamp", "signature"))
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise Forged("the secret is not one of this service's") from None
    digest = hmac.new(key, f"{name}.{time}.".encode() + callback.body, hashlib.sha256).digest()
    expected = base64.b64encode(digest).decode()
    matches = [constant_time_compare(part.partition(",")[2], expected) for part in given.split(" ") if part.startswith("v1,")]
    if not name or not any(matches):
        raise Forged("wrong signature")
    require_recent(time, now)
    return name


def require_hmac(callback: Callback, secret: str, given: str) -> None:
    """HMAC-SHA-256 (hex) of the body. Raises Forged."""
    expected = hmac.new(secret.encode(), callback.body, hashlib.sha256).hexdigest()
    if not secret or not constant_time_compare(given, expected):
        raise Forged("wrong signature")


def request_of(callback: Callback) -> WSGIRequest:
    """The call as a Django request, for libraries that read those."""
    parts = urlsplit(callback.url)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": parts.path or "/",
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or 443),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": parts.scheme or "https",
        "wsgi.input": io.BytesIO(callback.body),
        "CONTENT_TYPE": callback.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(callback.body)),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in callback.headers.items()},
    }
    request = WSGIRequest(environ)
    # It is whole, and bounded: what Django and our pages allow a browser to send at once is another matter.
    request._body = callback.body
    request.upload_handlers = [MemoryFileUploadHandler(request), TemporaryFileUploadHandler(request)]
    return request
