"""Reports: the index with its few drawings, a page and two kinds of file for each, and what a person states for them."""

from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _

from dunning.core.money import is_currency
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile, people_of
from dunning.core.spreadsheets import CSV_TYPE, XLSX_TYPE
from dunning.dashboard import formatting
from dunning.dashboard.forms.reports import SalesForm, TargetForm
from dunning.dashboard.reports.content import Content, Report
from dunning.dashboard.reports.filters import AS_OF, CLOSING, MONTH, PERIOD, Filters, period_choices, read, span
from dunning.dashboard.reports.registry import CHARTED, REPORTS
from dunning.dashboard.reports.tables import as_csv, as_xlsx, month_name
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, fragment, member, page, submitted, today_of
from invoices.owed import Scope
from invoices.reports.sales import last_full_month, months_before, sales
from invoices.selectors import has_many_open_items
from invoices.services import set_collection_target, state_sales

WORK = ("GET", "HEAD", "POST")
STATED_MONTHS = 36
LARGE = 5_000
"""Open items beyond which the index draws one drawing after the other."""
WORK_MEMORY = "32MB"
"""What PostgreSQL may sort and join a report in, before it writes to a disk."""
FILES = {"csv": (as_csv, CSV_TYPE), "xlsx": (as_xlsx, XLSX_TYPE)}


@member()
def index(request: MemberRequest) -> HttpResponse:
    """The drawings of a large ledger are fetched one by one, so that the page is there at once; without JavaScript each is a page away."""
    filters = read(request.GET, today=today_of(request))
    at_once = not has_many_open_items(LARGE)
    return page(
        request,
        "reports",
        nav="reports",
        charted=[
            (
                report,
                report.build(filters) if at_once else None,
                f"{reverse('dashboard:report', args=[report.key])}{_query(filters)}",
                f"{reverse('dashboard:report_drawing', args=[report.key])}{_query(filters)}",
            )
            for report in CHARTED
        ],
        others=[
            (report, f"{reverse('dashboard:report', args=[report.key])}{_query(filters)}")
            for report in REPORTS.values()
            if report not in CHARTED
        ],
        filters=filters,
        periods=period_choices(filters.today, filters.period_key),
        uses={AS_OF, PERIOD},
        span=span(filters.period),
    )


@member()
def drawing(request: MemberRequest, key: str) -> HttpResponse:
    """One report's drawing for the index, by itself."""
    report = REPORTS.get(key)
    if report is None:
        raise Http404(_("There is no such report."))
    return fragment(request, "_report_drawing", report=report, found=_built(report, read(request.GET, today=today_of(request))))


def _built(report: Report, filters: Filters) -> Content:
    """The report's figures. It may take more memory than a page, for this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEMORY])
    return report.build(filters)


@member()
def show(request: MemberRequest, key: str) -> HttpResponse:
    report = REPORTS.get(key)
    if report is None:
        raise Http404(_("There is no such report."))
    today = today_of(request)
    closing = today.replace(year=today.year - 1, month=12, day=31) if CLOSING in report.uses else None
    filters = read(request.GET, today=today, default_as_of=closing)
    found = _built(report, filters)
    if request.GET.get("format") in FILES and found.tables:
        return _file(report, found, filters, request.GET["format"], request.GET.get("table", ""))
    return page(
        request,
        "report",
        nav="reports",
        report=report,
        found=found,
        filters=filters,
        uses=report.uses,
        periods=period_choices(today, filters.period_key),
        span=span(filters.period),
        when=_when(report, filters),
        back=f"{reverse('dashboard:reports')}{_query(filters)}",
    )


def _query(filters: Filters) -> str:
    return f"?{urlencode(filters.query)}" if filters.query else ""


def _when(report: Report, filters: Filters) -> str:
    """What the page is about, beside its title."""
    said = []
    if report.uses & {AS_OF, CLOSING}:
        said.append(_("At the end of %s") % formatting.date_long(filters.as_of))
    if MONTH in report.uses:
        said.append(_("Through %s") % month_name(last_full_month(filters.as_of)))
    if PERIOD in report.uses:
        said.append(capfirst(span(filters.period)))
    said.append(filters.currency)
    if filters.group is not None:
        said.append(filters.group.name)
    return " · ".join(said)


def _file(report: Report, found: Content, filters: Filters, kind: str, number: str) -> HttpResponse:
    """One table of the report as a file; the first when none, or none such, is named."""
    place = int(number) if number.isdecimal() and int(number) < len(found.tables) else 0
    write, media_type = FILES[kind]
    answer = HttpResponse(write(found.tables[place]), content_type=media_type)
    name = f"{report.key}-{slugify(found.tables[place].title)}-{filters.currency}-{filters.as_of.isoformat()}.{kind}"
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer


# --- what a person states ---------------------------------------------------------------------------------------------------------------


@member(Permission.MANAGE, methods=WORK)
def stated_sales(request: MemberRequest) -> HttpResponse:
    """The sales of a month whose invoices are not all here."""
    today = today_of(request)
    currency = _currency(request)
    known = sales(Scope(currency), months=months_before(last_full_month(today), STATED_MONTHS))
    missing = [month.month for month in known if month.amount is None] or [known[0].month]
    months = [(month.month, _month_words(month.month, month.amount, currency)) for month in known]
    first = {"month": missing[0].isoformat(), "currency": currency}
    form = SalesForm(request.POST, months=months) if request.method == "POST" else SalesForm(months=months, initial=first)
    back = reverse("dashboard:report", args=["dso"])

    def act(data: dict[str, Any]) -> None:
        state_sales(**data, **acting(request))

    if submitted(request, form, act):
        data = form.cleaned_data
        values = {"month": month_name(data["month"]), "amount": formatting.money(data["amount"], data["currency"])}
        return done(request, _("The sales of %(month)s are %(amount)s.") % values, f"{back}?currency={data['currency']}")
    lead = _("For months whose invoices were not all loaded: the days of sales and the legal table need them whole.")
    return act_page(
        request, form, nav="reports", title=_("State the sales of a month"), verb=_("State the sales"), back=back, lead=lead, icon="receipt"
    )


def _month_words(month: Any, amount: Any, currency: str) -> str:
    known = _("missing") if amount is None else formatting.money(amount, currency)
    return f"{month_name(month)} ({known})"


@member(Permission.MANAGE, methods=WORK)
def target(request: MemberRequest) -> HttpResponse:
    """What is to be collected each month."""
    today = today_of(request)
    months = [(month, month_name(month)) for month in reversed(months_before(today.replace(day=1), 13))]
    people = people_of(request.membership.organization)
    first = {"month": today.replace(day=1).isoformat(), "currency": _currency(request)}
    form = (
        TargetForm(request.POST, months=months, people=people)
        if request.method == "POST"
        else TargetForm(months=months, people=people, initial=first)
    )
    back = reverse("dashboard:report", args=["collected"])

    def act(data: dict[str, Any]) -> None:
        set_collection_target(since=data["month"], currency=data["currency"], amount=data["amount"], user=data["user"], **acting(request))

    if submitted(request, form, act):
        data = form.cleaned_data
        values = {"month": month_name(data["month"]), "amount": formatting.money(data["amount"], data["currency"])}
        return done(request, _("From %(month)s on, %(amount)s is to be collected each month.") % values, back)
    lead = _("A monthly figure of the organization or of one person, to which receipts are compared.")
    return act_page(
        request, form, nav="reports", title=_("Set a collection target"), verb=_("Set the target"), back=back, lead=lead, icon="target"
    )


def _currency(request: MemberRequest) -> str:
    asked = request.GET.get("currency", "").upper()
    return asked if is_currency(asked) else get_profile().default_currency
