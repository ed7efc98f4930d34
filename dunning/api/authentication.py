"""Whose call it is: the key in its Authorization header."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.translation import gettext as _

from dunning.api.errors import Refusal
from dunning.core import clock
from dunning.core.api_keys import KeyState, note_use, recognize
from dunning.core.models import ApiKey, Organization
from dunning.core.scopes import allows


@dataclass(frozen=True, slots=True)
class Caller:
    """A program with a key that opens, at the moment of its call; `today` is the organization's date."""

    key: ApiKey
    organization: Organization
    now: datetime
    today: date

    @property
    def acting(self) -> dict[str, Any]:
        """`actor`, `today` and `now` for a service."""
        return {"actor": f"api:{self.key.pk}", "today": self.today, "now": self.now}

    @property
    def acting_now(self) -> dict[str, Any]:
        """`actor` and `now` for a service that needs no date."""
        return {"actor": f"api:{self.key.pk}", "now": self.now}

    def require(self, resource: str, access: str) -> None:
        """Raises Refusal 403 naming the scope that is missing."""
        if not allows(self.key.scopes, resource, access):
            words = _("This key does not hold the scope %(scope)s. An administrator of your organization can make one that does.")
            raise Refusal(403, "missing_scope", words % {"scope": f"{resource}:{access}"})


def identify(request: HttpRequest) -> Caller:
    """The caller. Raises Refusal 401: a key that is missing, mistyped or unknown, and - told only to who knows its secret - expired or
    revoked.
    """
    scheme, _space, token = (request.META.get("HTTP_AUTHORIZATION") or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token:
        _refuse("no_key", _("Send your key in a header: Authorization: Bearer rk_live_…"))
    now = clock.now()
    shown = recognize(token.strip(), now=now)
    if shown.key is None:
        _refuse("unknown_key", _("This key is not known: it was mistyped, cut, or never made."))
    if shown.state is KeyState.REVOKED:
        _refuse("revoked_key", _("This key was revoked: ask an administrator of your organization for another."))
    if shown.state is KeyState.EXPIRED:
        _refuse("expired_key", _("This key has expired: ask an administrator of your organization for another."))
    organization = shown.key.organization
    note_use(shown.key, now=now)
    return Caller(shown.key, organization, now, clock.today(organization.timezone))


def _refuse(code: str, words: str) -> NoReturn:
    raise Refusal(401, code, words, headers={"WWW-Authenticate": 'Bearer realm="api"'})
