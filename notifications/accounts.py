"""From an organization's account to a provider ready to send: secrets opened, connections kept."""

import json
import threading
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import sealing
from dunning.core.sealing import seal as seal
from notifications.models import ProviderAccount
from notifications.providers import build
from notifications.providers.base import Account, Misconfigured, Provider


def unseal(stored: str) -> dict[str, str]:
    """Secrets as they were given. Raises Misconfigured when the key they were sealed with is gone."""
    try:
        return sealing.unseal(stored)
    except sealing.SealBroken:
        raise Misconfigured(_("The stored password cannot be read with this installation's key: enter it again.")) from None


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
