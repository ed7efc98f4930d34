"""Settings, ways of paying: what customers may do by themselves, and how they may pay beside a transfer."""

from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.paying import change_ways_of_paying, cheque_to
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.dashboard.forms.paying import FORMS, initial_of
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, page, submitted

ACT = ("GET", "HEAD", "POST")


def _titles() -> dict[str, tuple[str, str]]:
    return {
        "instalments": (_("Instalments"), "calendar-clock"),
        "cheques": (_("Cheques"), "pen-line"),
        "mandates": (_("Direct debit"), "landmark"),
    }


@member(Permission.MANAGE)
def show(request: MemberRequest) -> HttpResponse:
    profile = get_profile()
    return page(request, "paying", nav="settings", profile=profile, cheque=cheque_to(profile))


@member(Permission.MANAGE, methods=ACT)
def edit(request: MemberRequest, part: str) -> HttpResponse:
    """One part of what is offered."""
    if part not in FORMS:
        raise Http404
    form_class, (title, icon) = FORMS[part], _titles()[part]
    form = form_class(request.POST) if request.method == "POST" else form_class(initial=initial_of(get_profile(), form_class))

    def act(data: dict[str, Any]) -> None:
        change_ways_of_paying(**data, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("Saved: customers see it on their page from now on."), reverse("dashboard:paying"))
    return act_page(request, form, nav="settings", title=title, verb=_("Save"), back=reverse("dashboard:paying"), icon=icon)
