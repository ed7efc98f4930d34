"""Settings, reference rates: what penalties are made of, each with its source; those nobody knows here yet are entered."""

from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.dashboard import formatting
from dunning.dashboard.forms.rates import RateForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, page, submitted, today_of
from invoices.clauses import series_of
from invoices.rates import FIRST_SEMESTER, Semester
from invoices.selectors.rates import NAMES, READ_ON, rate_lines, semester_name
from invoices.services import enter_reference_rate


@member(Permission.MANAGE)
def show(request: MemberRequest) -> HttpResponse:
    lines = [(line, semester_name(line.semester)) for line in rate_lines(today=today_of(request))]
    missing = sum(line.row is None for line, _name in lines)
    return page(request, "rates", nav="settings", lines=lines, missing=missing, country=get_profile().country)


@member(Permission.MANAGE, methods=("GET", "HEAD", "POST"))
def enter(request: MemberRequest) -> HttpResponse:
    """Enter one, or correct it; `?series=&semester=` chooses which."""
    series, lines = series_of(get_profile().country), rate_lines(today=today_of(request))
    if not series:
        raise Http404
    posted = request.POST if request.method == "POST" else None
    first = _asked(request, lines)
    semesters = _semesters(lines)
    form = RateForm(posted, initial=first, series=series, semesters=semesters)

    def act(data: dict[str, Any]) -> None:
        enter_reference_rate(**data, **acting(request))

    back = reverse("dashboard:rates")
    if submitted(request, form, act):
        return done(request, _("Saved: penalties are computed with it from now on. Messages held for it can be released."), back)
    where = [_("%(rate)s: %(where)s") % {"rate": NAMES[one], "where": READ_ON[one]} for one in series]
    return act_page(
        request, form, nav="settings", title=_("Enter a reference rate"), verb=_("Save"), back=back, icon="percent", consequences=where
    )


def _semesters(lines: Any) -> list[Semester]:
    """From the latest of the list back to the first that ships."""
    found = [max(line.semester for line in lines)]
    while found[-1] > FIRST_SEMESTER:
        found.append(found[-1].previous)
    return found


def _asked(request: MemberRequest, lines: Any) -> dict[str, str]:
    """The rate of the list that was asked for, as it is known now; else the first that is missing."""
    asked = (request.GET.get("series"), request.GET.get("semester"))
    chosen = next((line for line in lines if (line.series.value, str(line.semester)) == asked), None)
    line = chosen or next((line for line in lines if line.row is None), lines[0])
    first = {"series": line.series.value, "semester": str(line.semester)}
    if line.row is not None:
        first |= {"rate": formatting.plain_amount(line.row.percent), "source": line.row.source}
    return first
