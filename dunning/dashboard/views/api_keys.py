"""Settings, API keys: which programs may read and change what; a new key, one that takes another's place, and the end of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dunning.core import clock
from dunning.core.api_keys import (
    KeyState,
    NewKey,
    create_api_key,
    end_of_day,
    get_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
    state_of,
)
from dunning.core.models import ApiKey
from dunning.core.permissions import Permission
from dunning.core.scopes import ALL, READ, WRITE, ApiResource, granted
from dunning.core.selectors import actor_names
from dunning.dashboard.formatting import date_long, time_short
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.api_keys import ApiKeyForm, RotateKeyForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, page, paged, submitted

ACT = ("GET", "HEAD", "POST")
NAV = "settings"
OPEN: Final = (KeyState.ACTIVE, KeyState.CHANGING_OVER)
SPELT_OUT: Final = 2  # kinds of data named in a list
LABELS: Final[dict[KeyState, str | Promise]] = {
    KeyState.ACTIVE: gettext_lazy("Opens"),
    KeyState.CHANGING_OVER: gettext_lazy("Being replaced"),
    KeyState.EXPIRED: gettext_lazy("Expired"),
    KeyState.REVOKED: gettext_lazy("Revoked"),
}


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as the screens show it; `may` says in words what it opens."""

    key: ApiKey
    state: KeyState
    label: str
    may: str
    created_by: str
    revoked_by: str

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def _lines(keys: Sequence[ApiKey]) -> list[KeyLine]:
    now = clock.now()
    names = actor_names({actor for key in keys for actor in (key.created_by, key.revoked_by) if actor})
    lines = []
    for key in keys:
        state = state_of(key, now)
        people = names[key.created_by], names.get(key.revoked_by, "")
        lines.append(KeyLine(key, state, str(LABELS[state]), may_in_words(key.scopes), *people))
    return lines


def may_in_words(scopes: Sequence[str]) -> str:
    """What a key with these scopes opens, in one phrase: kinds of data by name while they are two at most."""
    if set(scopes) >= set(ALL):
        return _("reads and changes everything")
    found = granted(scopes)
    changes = sum(access == WRITE for access in found.values())
    if not changes and len(found) == len(ApiResource):
        return _("reads everything")
    if len(found) <= SPELT_OUT:
        return " · ".join(f"{label} ({access})" for label, access in _allowed(scopes))
    if changes == len(found):
        return _("reads and changes %(count)d kinds of data") % {"count": changes}
    if not changes:
        return _("reads %(count)d kinds of data") % {"count": len(found)}
    words = ngettext("reads %(all)d kinds of data and changes one", "reads %(all)d kinds of data and changes %(count)d of them", changes)
    return words % {"all": len(found), "count": changes}


def _allowed(scopes: Sequence[str]) -> list[tuple[str, str]]:
    """Each kind of data these scopes open, and what may be done with it."""
    words = {READ: _("reads"), WRITE: _("reads and changes")}
    return [(str(resource.label), words[access]) for resource, access in granted(scopes).items()]


def _one(pk: UUID) -> str:
    return reverse("dashboard:api_key", args=[pk])


def _key(request: MemberRequest, pk: UUID) -> ApiKey:
    return get_api_key(request.membership.organization, pk)


def _address() -> str:
    """Where programs find the API."""
    return f"{settings.PUBLIC_BASE_URL}/api/v1"


@member(Permission.MANAGE)
def listing(request: MemberRequest) -> HttpResponse:
    """Keys that open, and below them those that do not any more."""
    lines = _lines(list_api_keys(request.membership.organization))
    closed = paged(request, [line for line in lines if not line.is_open])
    opening = [line for line in lines if line.is_open]
    return page(request, "api_keys", nav=NAV, lines=opening, page=closed, closed=list(closed.object_list), address=_address())


@member(Permission.MANAGE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    key = _key(request, pk)
    (line,) = _lines([key])
    return page(request, "api_key", nav=NAV, line=line, key=key, allowed=_allowed(key.scopes))


@member(Permission.MANAGE, methods=ACT)
def create(request: MemberRequest) -> HttpResponse:
    """Make a key; it is shown in the answer, and nowhere else."""
    form = ApiKeyForm(request.POST) if request.method == "POST" else ApiKeyForm()
    organization = request.membership.organization
    made: list[NewKey] = []

    def act(data: dict[str, Any]) -> None:
        end = end_of_day(data["expires_at"], organization) if data["expires_at"] else None
        given = {"name": data["name"], "scopes": form.wanted, "expires_at": end}
        made.append(create_api_key(organization=organization, **given, **acting_now(request)))

    if submitted(request, form, act):
        return _tell_token(request, made[0])
    return page(request, "api_key_form", nav=NAV, status=422 if form.is_bound else 200, form=form, back=reverse("dashboard:api_keys"))


def _tell_token(request: MemberRequest, new: NewKey, *, old: ApiKey | None = None) -> HttpResponse:
    (line,) = _lines([new.key])
    answer = page(request, "api_key_token", nav=NAV, key=new.key, rights=line.may, token=new.token, old=old, address=_address())
    answer["Cache-Control"] = "no-store"
    return answer


@member(Permission.MANAGE, methods=ACT)
def rotate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A key that takes this one's place, shown in the answer."""
    key = _key(request, pk)
    form = RotateKeyForm(request.POST) if request.method == "POST" else RotateKeyForm()
    made: list[NewKey] = []

    def act(data: dict[str, Any]) -> None:
        made.append(rotate_api_key(key=key, overlap=form.overlap, **acting_now(request)))

    if submitted(request, form, act):
        return _tell_token(request, made[0], old=_key(request, pk))
    lead = _("A new key with the same name and rights is made, and shown to you once. The old one opens for the time you choose.")
    title = _("Replace the key of %(name)s") % {"name": key.name}
    return act_page(request, form, nav=NAV, title=title, verb=_("Make the new key"), back=_one(pk), lead=lead, icon="refresh-cw")


@member(Permission.MANAGE, methods=ACT)
def revoke(request: MemberRequest, pk: UUID) -> HttpResponse:
    key = _key(request, pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda data: revoke_api_key(key=key, **acting_now(request))):
        return done(request, _("The key of %(name)s is revoked: it opens nothing any more.") % {"name": key.name}, _one(pk))
    title = _("Revoke the key of %(name)s") % {"name": key.name}
    lead = _("%(last_use)s Programs that show it are refused from this moment. This cannot be undone.") % {"last_use": _last_use(key)}
    return act_page(request, form, nav=NAV, title=title, verb=_("Revoke it"), back=_one(pk), lead=lead, icon="ban")


def _last_use(key: ApiKey) -> str:
    if key.last_used_at is None:
        return _("No program has used it yet.")
    moment = timezone.localtime(key.last_used_at)
    return _("It was last used on %(day)s at %(time)s.") % {"day": date_long(moment), "time": time_short(moment)}
