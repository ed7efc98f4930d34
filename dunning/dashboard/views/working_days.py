"""Settings, working days: the calendar the plans count by, and the weeks in which customers are left in peace."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.core.working_days import change_working_days
from dunning.dashboard.forms.working_days import WorkingDaysForm, initial_of
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, submitted


@member(Permission.MANAGE, methods=("GET", "HEAD", "POST"))
def edit(request: MemberRequest) -> HttpResponse:
    profile = get_profile()
    posted = request.POST if request.method == "POST" else None
    form = WorkingDaysForm(posted, initial=initial_of(profile), profile=profile)

    def act(_data: dict[str, Any]) -> None:
        change_working_days(**form.settings(), **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("Saved: the next run counts by this calendar."), reverse("dashboard:settings"))
    return act_page(
        request,
        form,
        nav="settings",
        title=_("Working days"),
        verb=_("Save"),
        back=reverse("dashboard:settings"),
        lead=_("Steps fall on working days only; what was sent stays as it is."),
        icon="calendar-days",
    )
