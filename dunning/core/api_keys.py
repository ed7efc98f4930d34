"""Keys of the API: made, rotated, revoked, and recognized when a program shows one."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.models import ApiKey, Organization
from dunning.core.scopes import clean_scopes
from dunning.core.tenancy import tenant
from dunning.core.tokens import ApiToken, new_api_token, read_api_token

CHANGE_OVER: Final = timedelta(days=7)
"""How long a rotated key still opens beside its successor, unless told otherwise."""
LONGEST_CHANGE_OVER: Final = timedelta(days=30)
MOST: Final = 100  # keys of one organization that open, or will
_LAST_YEAR: Final = 2100  # later ones are typing errors, and end beyond what a program can read
_USE_NOTED_EVERY: Final = timedelta(minutes=1)
_NO_HASH: Final = "0" * 64


class KeyState(StrEnum):
    """Whether a key opens."""

    ACTIVE = "active"
    CHANGING_OVER = "changing_over"  # it was rotated and opens for some days more
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `token` is shown once: nobody can read it again."""

    key: ApiKey
    token: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of a token somebody showed: its key when the secret is right, and whether that key opens now."""

    key: ApiKey | None
    state: KeyState | None

    @property
    def opens(self) -> bool:
        return self.state in (KeyState.ACTIVE, KeyState.CHANGING_OVER)


def create_api_key(
    *, organization: Organization, name: str, scopes: Iterable[str], actor: str, now: datetime, expires_at: datetime | None = None
) -> NewKey:
    """Make a key. Raises DomainError for a blank name, a word that is no scope, an end in the past or beyond any use, or too many keys."""
    name = " ".join(name.split())[:80]
    if not name:
        raise DomainError(_("Give the key a name by which you will know it, such as the software that uses it."), field="name")
    chosen = clean_scopes(scopes)
    if expires_at is not None and expires_at <= now:
        raise DomainError(_("A key that has expired already opens nothing: choose a later day."), code="past_date", field="expires_at")
    if expires_at is not None and expires_at.year > _LAST_YEAR:
        values = {"text": expires_at.date().isoformat(), "from": now.year, "to": _LAST_YEAR}
        raise DomainError(_("“%(text)s” lies outside %(from)s-%(to)s: is the year right?") % values, code="far_date", field="expires_at")
    if _open_keys(organization, now).count() >= MOST:
        raise DomainError(_("There are %s keys already: revoke those that are not used any more.") % MOST, code="too_many")
    token = new_api_token()
    key = _save(organization, name, chosen, token, expires_at, actor=actor, now=now)
    body = {"name": name, "key_id": key.key_id, "scopes": chosen, "expires_at": expires_at}
    _record("api_key.created", key, body, actor=actor, now=now)
    return NewKey(key, token.text)


def rotate_api_key(*, key: ApiKey, overlap: timedelta = CHANGE_OVER, actor: str, now: datetime) -> NewKey:
    """Make a key that takes the place of this one, which opens for `overlap` more: two at most are active. Without overlap it opens
    nothing at once.

    Raises DomainError when it does not open any more, was rotated already, or for an overlap beyond a month.
    """
    if not timedelta() <= overlap <= LONGEST_CHANGE_OVER:
        raise DomainError(_("The old key may go on for thirty days at most."), code="bad_overlap", field="overlap")
    locked = ApiKey.objects.select_for_update(no_key=True, of=("self",)).select_related("organization").get(pk=key.pk)
    if not Shown(locked, state_of(locked, now)).opens:
        raise DomainError(_("This key does not open any more: create a new one."), code="closed")
    if locked.successor_id is not None:
        raise DomainError(_("This key was rotated already: revoke it once nothing uses it any more."), code="rotated")
    token = new_api_token()
    fresh = _save(locked.organization, locked.name, locked.scopes, token, locked.expires_at, actor=actor, now=now)
    last = now + overlap
    locked.successor, locked.expires_at = fresh, min(locked.expires_at or last, last)
    locked.save(update_fields=["successor", "expires_at"])
    body = {"name": key.name, "key_id": key.key_id, "successor": fresh.key_id, "expires_at": locked.expires_at}
    _record("api_key.rotated", locked, body, actor=actor, now=now)
    return NewKey(fresh, token.text)


def revoke_api_key(*, key: ApiKey, actor: str, now: datetime) -> None:
    """Have a key open nothing from this moment. Nothing happens when it is revoked already."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now, revoked_by=actor[:120]):
        return
    key.revoked_at, key.revoked_by = now, actor[:120]
    _record("api_key.revoked", key, {"name": key.name, "key_id": key.key_id}, actor=actor, now=now)


def list_api_keys(organization: Organization) -> list[ApiKey]:
    """Every key the organization ever made, the newest first."""
    return list(ApiKey.objects.filter(organization=organization).order_by("-created_at", "-pk"))


def get_api_key(organization: Organization, identifier: UUID) -> ApiKey:
    """Raises ApiKey.DoesNotExist, for another organization's key too."""
    return ApiKey.objects.get(organization=organization, pk=identifier)


def recognize(text: str, *, now: datetime) -> Shown:
    """Whose token this is. A wrong secret and an unknown key are told apart by nothing, time included."""
    token = read_api_token(text)
    if token is None:
        return Shown(None, None)
    key = ApiKey.objects.select_related("organization").filter(key_id=token.key_id).first()
    if not hmac.compare_digest(token.sha256, key.token_hash if key is not None else _NO_HASH) or key is None:
        return Shown(None, None)
    return Shown(key, state_of(key, now))


def note_use(key: ApiKey, *, now: datetime) -> None:
    """Remember that the key was used, to the minute: most calls write nothing."""
    if key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY:
        earlier = Q(last_used_at=None) | Q(last_used_at__lt=now)
        ApiKey.objects.filter(earlier, pk=key.pk).update(last_used_at=now)


def end_of_day(day: date, organization: Organization) -> datetime:
    """When a key ends whose last day is this one: the day's last moment on the organization's clock."""
    return datetime.combine(day, time.max, tzinfo=ZoneInfo(organization.timezone))


def state_of(key: ApiKey, now: datetime) -> KeyState:
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if key.expires_at is not None and key.expires_at <= now:
        return KeyState.EXPIRED
    return KeyState.CHANGING_OVER if key.successor_id is not None else KeyState.ACTIVE


def _open_keys(organization: Organization, now: datetime) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), organization=organization, revoked_at=None)


def _save(
    organization: Organization, name: str, scopes: list[str], token: ApiToken, expires_at: datetime | None, *, actor: str, now: datetime
) -> ApiKey:
    return ApiKey.objects.create(
        organization=organization,
        name=name,
        key_id=token.key_id,
        token_hash=token.sha256,
        scopes=scopes,
        created_at=now,
        created_by=actor[:120],
        expires_at=expires_at,
    )


def _record(action: str, key: ApiKey, body: Mapping[str, object], *, actor: str, now: datetime) -> None:
    with tenant(key.organization_id):
        audit.record(actor=actor, action=action, target=key, body=dict(body), now=now)
