"""Days of sales: the three readings, and how well was collected."""

from datetime import date
from decimal import Decimal

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from dunning.dashboard.charts import Line, curves
from dunning.dashboard.reports.content import Content, Figure, Report, measure, short_number
from dunning.dashboard.reports.filters import MONTH, Filters
from dunning.dashboard.reports.tables import Column, Table, Value, lacking, month_name
from invoices.measures.collection import Lack, Measure, Missing
from invoices.reports.sales import DaysOfSales, days_of_sales, has_sales, last_full_month

MONTHS = 12


def dso(filters: Filters) -> Content:
    if not has_sales():
        return Content(empty=_("The days of sales need three months of invoices. They appear here by themselves, month after month."))
    found = days_of_sales(filters.scope, last=last_full_month(filters.as_of), count=MONTHS, today=filters.today)
    latest = found[0]
    months = found[::-1]
    names = [f"{one.on:%m/%y}" for one in months]
    lines = (
        Line(_("DSO"), "main", [_drawn(one.dso) for one in months]),
        Line(_("Count-back"), "back", [_drawn(one.count_back) for one in months]),
        Line(_("Best possible"), "best", [_drawn(one.best) for one in months]),
    )
    drawing = None
    if any(value is not None for line in lines for value in line.values):
        drawing = curves(
            _("Days of sales not paid, by month"),
            _("DSO over three months, counted back, and as it would be if nothing were late; at the end of %(month)s: %(dso)s days.")
            % {"month": month_name(latest.sales.month), "dso": measure(latest.dso, "days", filters)},
            names,
            lines,
            worded=short_number,
        )
    missing = next((value for value in (latest.dso, latest.count_back) if isinstance(value, Missing)), None)
    wants = missing is not None and missing.lack == Lack.SALES
    return Content(
        figures=(
            Figure(_("DSO"), measure(latest.dso, "days", filters), _("days, over three months")),
            Figure(_("Count-back"), measure(latest.count_back, "days", filters), _("days")),
            Figure(_("Best possible"), measure(latest.best, "days", filters), _("days, if nothing were late")),
            Figure(_("Days that lateness adds"), measure(latest.delinquent, "days", filters)),
            Figure(_("Collection effectiveness"), measure(latest.effectiveness, "percent", filters), month_name(latest.sales.month)),
        ),
        drawing=drawing,
        tables=(_measures(found, filters), _sales(found, filters)),
        notes=() if missing is None else (capfirst(lacking(missing)) + ".",),
        lacks_sales=wants,
    )


def _drawn(value: Measure) -> Decimal | None:
    return None if isinstance(value, Missing) else value


def _measures(found: list[DaysOfSales], filters: Filters) -> Table:
    lines = [
        [
            month_name(one.sales.month),
            Value(one.receivables, _list(filters, "open", one.on), label=month_name(one.sales.month)),
            Value(one.current, _list(filters, "not_due", one.on), label=month_name(one.sales.month)),
            one.dso,
            one.count_back,
            one.best,
            one.delinquent,
            one.effectiveness,
        ]
        for one in found
    ]
    heads = [
        Column(_("Month")),
        Column(_("Receivables at its end"), "amount", is_minor=True),
        Column(_("Not due"), "amount", is_minor=True),
        Column(_("DSO"), "days"),
        Column(_("Count-back"), "days"),
        Column(_("Best possible"), "days"),
        Column(_("Lateness adds"), "days", is_minor=True),
        Column(_("Effectiveness"), "percent", is_minor=True),
    ]
    return Table(_("Month by month"), heads, lines, filters.currency)


def _list(filters: Filters, line: str, day: date) -> str:
    return reverse("dashboard:invoices") + filters.counted("ageing", line, as_of=day.isoformat())


def _sales(found: list[DaysOfSales], filters: Filters) -> Table:
    lines = [
        [
            month_name(one.sales.month),
            one.sales.invoiced,
            -one.sales.credited,
            one.sales.stated,
            Missing(Lack.SALES, (one.sales.month,)) if one.sales.amount is None else one.sales.amount,
        ]
        for one in found
    ]
    heads = [
        Column(_("Month")),
        Column(_("Invoiced"), "amount", is_minor=True),
        Column(_("Credited"), "amount", is_minor=True),
        Column(_("Stated by hand"), "amount", is_minor=True),
        Column(pgettext("turnover", "Sales"), "amount"),
    ]
    return Table(_("Sales incl. VAT"), heads, lines, filters.currency)


DSO = Report(
    key="dso",
    name=gettext_lazy("Days of sales"),
    question=gettext_lazy("After how many days are we paid?"),
    definition=(
        gettext_lazy(
            "DSO: receivables at the end of the month / sales of three months × their days. Count-back: months of sales are taken off "
            "the receivables, the latest first, and their days counted. Best possible: the DSO if nothing were late. Sales and "
            "receivables include VAT."
        ),
        gettext_lazy(
            "Collection effectiveness: (receivables at the beginning + sales − receivables at the end) / (receivables at the beginning + "
            "sales − receivables not due at the end). A month whose invoices are not all here needs its sales stated: nothing is "
            "estimated."
        ),
    ),
    uses=frozenset({MONTH}),
    build=dso,
    icon="calendar-range",
)
