"""Settings, amounts given up: the tolerance, and what a collector may give up."""

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.giving_up import FIELDS, change_write_off_policy
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.dashboard import formatting
from dunning.dashboard.forms.giving_up import PolicyForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, submitted


@member(Permission.MANAGE, methods=("GET", "HEAD", "POST"))
def edit(request: MemberRequest) -> HttpResponse:
    profile = get_profile()
    first = {name: formatting.plain_amount(getattr(profile, name)) for name in FIELDS}
    form = PolicyForm(request.POST) if request.method == "POST" else PolicyForm(initial=first)
    back = reverse("dashboard:settings")
    if submitted(request, form, lambda data: change_write_off_policy(**data, **acting_now(request))):
        return done(request, _("Saved: it counts from the next payment on."), back)
    return act_page(
        request,
        form,
        nav="settings",
        title=_("Amounts given up"),
        verb=_("Save"),
        back=back,
        lead=_("What is closed by itself stands on the invoice’s timeline, and can be reversed there."),
        icon="eraser",
    )
