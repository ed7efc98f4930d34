"""Settings, ways of paying: what customers may do by themselves, and how they may pay beside a transfer."""

from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.paying import change_ways_of_paying, cheque_to
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.dashboard.forms.paying import FORMS, CardForm, PasswordForm, initial_of
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, page, refuse_when_too_many, submitted
from notifications import cards

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
    return page(request, "paying", nav="settings", profile=profile, cheque=cheque_to(profile), card=cards.standing())


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


@member(Permission.MANAGE, methods=ACT)
def card(request: MemberRequest) -> HttpResponse:
    """The keys of the service that takes cards."""
    standing = cards.standing()
    given = {"data": request.POST} if request.method == "POST" else {}
    known = () if standing is None or standing.problem else ("api_key", "signing_secret") if standing.is_ready else ("api_key",)
    form = CardForm(person=request.membership.user, known=known, **given)
    refuse_when_too_many(request, form)

    def act(data: dict[str, Any]) -> None:
        cards.set_up(api_key=data["api_key"], signing_secret=data["signing_secret"], **acting_now(request))

    back = reverse("dashboard:paying")
    if submitted(request, form, act):
        found = cards.standing()
        if found is not None and found.is_ready:
            return done(request, _("Saved: customers find the button on their page from now on."), back)
        return done(request, _("Saved. Now enter the address below at Stripe, then its signing secret here."), back)
    return act_page(request, form, nav="settings", title=_("Card payments"), verb=_("Save"), back=back, icon="credit-card")


@member(Permission.MANAGE, methods=ACT)
def stop_card(request: MemberRequest) -> HttpResponse:
    """Offer cards no more."""
    if cards.standing() is None:
        raise Http404
    given = {"data": request.POST} if request.method == "POST" else {}
    form = PasswordForm(person=request.membership.user, **given)
    refuse_when_too_many(request, form)

    def act(data: dict[str, Any]) -> None:
        cards.stop(**acting_now(request))

    back = reverse("dashboard:paying")
    if submitted(request, form, act):
        return done(request, _("Cards are not offered any more. What is paid on pages that are open still is booked."), back)
    return act_page(request, form, nav="settings", title=_("Stop card payments"), verb=_("Stop"), back=back, icon="credit-card")
