"""The ways in: which account an unguessable path belongs to, and how many calls on it were not the provider's.

The path's token is kept twice: its SHA-256 outside the wall, to find the account of a call, and itself among the account's sealed secrets,
because some providers are told the address with every message. A dump of the database opens no way in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce

from dunning.core import audit
from dunning.core.tenancy import current_organization_id
from notifications import accounts
from notifications.models import ProviderAccount, ProviderRoute
from notifications.providers.base import HOOK_SECRET, HOOK_TOKEN

USER: Final = "dunning"  # of the basic authentication services without signatures are given


@dataclass(frozen=True, slots=True)
class Refusals:
    """Calls on a way in that were not the provider's."""

    count: int
    since: datetime
    last_at: datetime


def open_route(account: ProviderAccount, *, now: datetime) -> None:
    """Give an unsaved or saved account its way in; one it has already stays. The caller saves the account."""
    known = accounts.unseal(account.secrets)
    if HOOK_TOKEN in known:
        return
    _give(account, known, now)


def hand_over(before: ProviderAccount, account: ProviderAccount) -> bool:
    """Lead the way in of the account before to the unsaved one that takes its place at the same service: the provider's address stays.

    False when that is another service, or the one before has no way in. The caller saves the account.
    """
    same = before.kind == account.kind and before.settings.get("service") == account.settings.get("service")
    known = accounts.unseal(before.secrets) if same else {}
    if HOOK_TOKEN not in known:
        return False
    kept = {name: known[name] for name in (HOOK_TOKEN, HOOK_SECRET)}
    account.secrets = accounts.seal({**accounts.unseal(account.secrets), **kept})
    return ProviderRoute.objects.filter(account_id=before.pk).update(account_id=account.pk) == 1


def rotate(account: ProviderAccount, *, actor: str, now: datetime) -> None:
    """Close an account's way in and open another: the old address is unknown from this moment."""
    known = accounts.unseal(account.secrets)
    ProviderRoute.objects.filter(account_id=account.pk).delete()
    _give(account, known, now)
    account.save(update_fields=["secrets"])
    audit.record(actor=actor, action="provider.hook_rotated", target=account, body={"channel": account.channel}, now=now)


def _give(account: ProviderAccount, known: dict[str, str], now: datetime) -> None:
    token = secrets.token_urlsafe(32)
    account.secrets = accounts.seal({**known, HOOK_TOKEN: token, HOOK_SECRET: f"{USER}:{secrets.token_urlsafe(24)}"})
    ProviderRoute.objects.create(
        token_hash=hash_of(token), organization_id=current_organization_id(), account_id=account.pk, kind=account.kind, created_at=now
    )


def hash_of(token: str) -> str:
    """What is kept of a token outside the wall."""
    return hashlib.sha256(token.encode()).hexdigest()


def address(account: ProviderAccount) -> str:
    """The address to give to the provider, with the name and password of services that do not sign; blank when the account has none."""
    provider = accounts.provider_of(account)
    scheme, separator, rest = provider.hook_url.partition("://")
    if not separator or provider.signs_calls:
        return provider.hook_url
    return f"{scheme}://{accounts.unseal(account.secrets)[HOOK_SECRET]}@{rest}"


def count_refusals(route_id: UUID, number: int, *, now: datetime) -> None:
    """So many more calls that were not the provider's: a counter, and nothing of the calls."""
    ProviderRoute.objects.filter(pk=route_id).update(
        refused=F("refused") + number, refused_at=now, refused_since=Coalesce("refused_since", now)
    )


def refusals(account_id: UUID) -> Refusals | None:
    """What was refused on an account's way in; None when nothing was."""
    route = ProviderRoute.objects.filter(account_id=account_id, refused__gt=0).first()
    if route is None or route.refused_since is None or route.refused_at is None:
        return None
    return Refusals(route.refused, route.refused_since, route.refused_at)


def forget_refusals(account: ProviderAccount, *, actor: str, now: datetime) -> None:
    """Somebody has seen them: count from now on."""
    if ProviderRoute.objects.filter(account_id=account.pk, refused__gt=0).update(refused=0, refused_since=None, refused_at=None):
        audit.record(actor=actor, action="provider.refusals_seen", target=account, now=now)
