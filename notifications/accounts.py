"""From an organization's account to a provider ready to send: secrets opened, connections kept."""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext as _

from notifications.models import ProviderAccount
from notifications.providers import build
from notifications.providers.base import Account, Misconfigured, Provider


def _derived(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"dunning.field-encryption\x00" + secret.encode()).digest()))


def _cipher() -> MultiFernet:
    """FIELD_ENCRYPTION_KEY when there is one. The key derived from SECRET_KEY still reads what was written before it was given."""
    keys = [Fernet(settings.FIELD_ENCRYPTION_KEY)] if settings.FIELD_ENCRYPTION_KEY else []
    return MultiFernet([*keys, *map(_derived, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])])


def seal(secrets: Mapping[str, str]) -> str:
    """Secrets as they are stored; blank when there are none."""
    return _cipher().encrypt(json.dumps(dict(secrets)).encode()).decode() if secrets else ""


def unseal(stored: str) -> dict[str, str]:
    """Secrets as they were given. Raises Misconfigured when the key they were sealed with is gone."""
    if not stored:
        return {}
    try:
        opened: dict[str, str] = json.loads(_cipher().decrypt(stored.encode()))
    except InvalidToken:
        raise Misconfigured(_("The stored password cannot be read with this installation's key: enter it again.")) from None
    return opened


_providers: dict[UUID, tuple[tuple[Any, ...], Provider]] = {}
_lock = threading.Lock()


def provider_of(account: ProviderAccount) -> Provider:
    """The provider of an account, kept with its connections until the account changes. Raises Misconfigured."""
    state = (account.kind, account.channel, json.dumps(account.settings, sort_keys=True), account.secrets)
    with _lock:
        known = _providers.get(account.pk)
        if known and known[0] == state:
            return known[1]
    provider = build(Account(account.pk, account.kind, account.channel, account.settings, unseal(account.secrets)))
    with _lock:
        previous = _providers.get(account.pk)
        _providers[account.pk] = (state, provider)
    if previous:
        previous[1].close()
    return provider
