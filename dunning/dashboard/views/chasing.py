"""Settings: late-payment penalties, thresholds, and how long messages wait for a person."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.identity import update_profile
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.core.services import switch_supervision
from dunning.dashboard import formatting
from dunning.dashboard.forms.chasing import PenaltyForm, SupervisionForm, ThresholdsForm, as_text
from dunning.dashboard.forms.fields import AmountField
from dunning.dashboard.views.base import MemberRequest, act_page, acting, acting_now, done, member, submitted

ACT = ("GET", "HEAD", "POST")


def _form(request: MemberRequest, form_class: type[forms.Form]) -> forms.Form:
    """Filled with what holds now."""
    profile = get_profile()
    first: dict[str, Any] = {}
    for name, field in form_class.base_fields.items():
        value = getattr(profile, name)
        first[name] = formatting.plain_amount(value) if isinstance(field, AmountField) and value is not None else value
    if "residue_percent" in first:
        first["residue_percent"] = round(first["residue_percent"])
    return form_class(request.POST) if request.method == "POST" else form_class(initial=first)


@member(Permission.MANAGE, methods=ACT)
def penalties(request: MemberRequest) -> HttpResponse:
    form, back = _form(request, PenaltyForm), reverse("dashboard:settings")
    if submitted(request, form, lambda data: update_profile(**as_text(data), **acting_now(request))):
        return done(request, _("Saved: formal notices claim by it from now on."), back)
    lead = _(
        "What formal notices claim of businesses under French law. Public buyers and consumers have a rate of their own; a rate below "
        "three times the legal rate is open to challenge and to a fine."
    )
    return act_page(request, form, nav="settings", title=_("Late-payment penalties"), verb=_("Save"), back=back, lead=lead, icon="scale")


@member(Permission.MANAGE, methods=ACT)
def thresholds(request: MemberRequest) -> HttpResponse:
    form, back = _form(request, ThresholdsForm), reverse("dashboard:settings")
    if submitted(request, form, lambda data: update_profile(**as_text(data), **acting_now(request))):
        return done(request, _("Saved: the next run counts by it."), back)
    return act_page(request, form, nav="settings", title=_("Thresholds"), verb=_("Save"), back=back, icon="sliders-horizontal")


@member(Permission.MANAGE, methods=ACT)
def supervision(request: MemberRequest) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    form, back = SupervisionForm(posted, initial={"until": get_profile().supervised_until}), reverse("dashboard:settings")

    def act(data: dict[str, Any]) -> None:
        switch_supervision(until=data["until"], **acting(request))

    if submitted(request, form, act):
        return done(request, _("Saved: what waits on the departure board stays there until it is approved."), back)
    return act_page(request, form, nav="settings", title=_("Supervision"), verb=_("Save"), back=back, icon="eye")
