"""Settings, the customer's page: the creditor's logo and colour."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.look import change_look
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.dashboard.forms.look import LookForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, submitted


@member(Permission.MANAGE, methods=("GET", "HEAD", "POST"))
def edit(request: MemberRequest) -> HttpResponse:
    profile = get_profile()
    initial = {"accent_colour": profile.accent_colour, "keep_logo": True}
    form = LookForm(request.POST, request.FILES) if request.method == "POST" else LookForm(initial=initial)
    if profile.logo_id is None:
        form.fields.pop("keep_logo")

    def act(data: dict[str, Any]) -> None:
        change_look(**data, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("Saved: customers see it on their page from now on."), reverse("dashboard:settings"))
    return act_page(
        request,
        form,
        nav="settings",
        title=_("Your customers' page"),
        verb=_("Save"),
        back=reverse("dashboard:settings"),
        lead=_("Customers open it from the button of an e-mail. It bears your name and your logo, and never another's."),
        icon="palette",
    )
