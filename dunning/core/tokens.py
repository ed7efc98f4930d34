"""Identifiers and secrets."""

import hashlib
import hmac
import secrets
import uuid

from django.conf import settings
from uuid_utils import compat


def new_id() -> uuid.UUID:
    """A UUIDv7: unique, and ordered by time, so that inserts land at the end of an index."""
    identifier: uuid.UUID = compat.uuid7()
    return identifier


def new_secret() -> str:
    """256 bits of randomness, safe in a URL."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """HMAC-SHA-256 of a secret under the installation's key (hex, 64 characters): what the database may keep of it."""
    return hmac.new(settings.SECRET_KEY.encode(), secret.encode(), hashlib.sha256).hexdigest()
