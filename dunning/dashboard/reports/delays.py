"""Delays and punctuality, and promises."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dunning.dashboard import formatting
from dunning.dashboard.charts import Bar, Line, Part, curves, rows
from dunning.dashboard.reports.content import Content, Figure, Report, amount, measure, short_percent
from dunning.dashboard.reports.filters import PERIOD, Filters
from dunning.dashboard.reports.tables import Column, Table, Value, month_name
from invoices.measures.ageing import Cell, share
from invoices.reports import delays as read
from invoices.reports.delays import BROKEN, IN_TIME, KEPT, LATE, OPEN_LATE, PENDING, WAITING, Period
from invoices.reports.sales import month_end, months_before

YEAR = 12
_NONE = Cell()


def delays(filters: Filters) -> Content:
    scope, period, today = filters.scope, filters.period, filters.today
    found = read.delays(scope, period, today=today)
    cells = read.due_rows(scope, period, today=today).cells()
    in_time = read.on_time(cells)
    months = months_before(min(period.last, today), YEAR)[::-1]
    by_month = read.on_time_by_month(scope, Period(months[0], month_end(months[-1])), today=today)
    if not cells and found.weighted.signed is None and not by_month:
        return Content(empty=_("Nothing was due or paid in this period. Delays are learnt from payments, one by one."))
    weighted = found.weighted
    drawing = None
    if by_month:
        share_by_month = [by_month[month].share_by_amount if month in by_month else None for month in months]
        drawing = curves(
            _("Paid on time, by month of the due date"),
            _("Per cent of the amounts due in each month that were paid by their due date; in this period %s.")
            % measure(in_time.share_by_amount, "percent", filters),
            [f"{month:%m/%y}" for month in months],
            [Line(_("Paid on time"), "main", share_by_month)],
            worded=short_percent,
        )
    return Content(
        figures=(
            Figure(_("Average delay"), measure(weighted.floored, "days", filters), _("days, early payments as 0")),
            Figure(_("Late payments alone"), measure(weighted.late_only, "days", filters), _("days")),
            Figure(_("On time, by amount"), measure(in_time.share_by_amount, "percent", filters), href=_due(filters, IN_TIME)),
            Figure(_("On time, by number"), measure(in_time.share, "percent", filters), _of(in_time.met, in_time.count)),
            Figure(_("Age of what is overdue"), measure(found.open_age, "days", filters), _("days, at the end of the period")),
        ),
        drawing=drawing,
        tables=(
            Table(
                _("Month by month"),
                [
                    Column(_("Month")),
                    Column(_("Items due"), "count", is_minor=True),
                    Column(_("On time"), "count", is_minor=True),
                    Column(_("Amount due"), "amount"),
                    Column(_("By number"), "percent"),
                    Column(_("By amount"), "percent"),
                ],
                [
                    [
                        Value(
                            month_name(month),
                            reverse("dashboard:invoices") + filters.counted("on_time", "due", period=f"{month:%Y-%m}"),
                        ),
                        rate.count,
                        rate.met,
                        rate.amount,
                        rate.share,
                        rate.share_by_amount,
                    ]
                    for month, rate in by_month.items()
                ],
                filters.currency,
            ),
            Table(
                _("Due in the period"),
                [Column(_("What became of it")), Column(_("Items"), "count"), Column(_("Amount"), "amount"), Column(_("Share"), "percent")],
                [
                    [Value(word, _due(filters, line)), cells.get(line, _NONE).count, cells.get(line, _NONE).amount, part]
                    for line, word, part in (
                        (IN_TIME, _("Paid on time"), in_time.share_by_amount),
                        (LATE, _("Paid late"), share(cells.get(LATE, _NONE).amount, in_time.amount)),
                        (OPEN_LATE, _("Open and overdue"), share(cells.get(OPEN_LATE, _NONE).amount, in_time.amount)),
                        (PENDING, _("May still come in time: not counted"), None),
                    )
                ],
                filters.currency,
                [_("Counted"), in_time.count, in_time.amount],
            ),
            Table(
                _("Paid in the period"),
                [Column(_("Measure")), Column(_("Days"), "days")],
                [
                    [_("Weighted by amount, early payments as 0"), weighted.floored],
                    [_("Weighted by amount, early payments deducted"), weighted.signed],
                    [_("Weighted by amount, late payments alone"), weighted.late_only],
                    [_("Simple mean, early payments as 0"), found.mean],
                    [_("Age of what was open and overdue at the end, weighted"), found.open_age],
                ],
                filters.currency,
            ),
        ),
    )


def _due(filters: Filters, line: str) -> str:
    return reverse("dashboard:invoices") + filters.counted("on_time", line)


def _of(met: int, count: int) -> str:
    return _("%(met)s of %(count)s") % {"met": formatting.number(met), "count": formatting.number(count)}


DELAYS = Report(
    key="delays",
    name=gettext_lazy("Delays"),
    question=gettext_lazy("How late are we paid, and how often on time?"),
    definition=(
        gettext_lazy(
            "On time: paid off by the due date, rolled to the next day on which banks are open. Of all that was due in the period; open "
            "and overdue counts as late, and what a credit note settled was not there to be paid."
        ),
        gettext_lazy(
            "Delays are those of invoices paid off in the period, weighted by amount; one paid in parts counts by its parts. Days are "
            "counted from the due date as it stands on the invoice."
        ),
    ),
    uses=frozenset({PERIOD}),
    build=delays,
    icon="clock-alert",
)


def promises(filters: Filters) -> Content:
    found = read.promises(filters.scope, filters.period)
    rate, waiting = found.kept, found.waiting
    if not rate.count and not waiting.count:
        return Content(empty=_("No promise was for a day of this period. A promise is recorded on an invoice, or after a call."))
    broken = Cell(rate.count - rate.met, rate.amount - rate.met_amount)
    lines = (
        (KEPT, _("Kept"), "settled", Cell(rate.met, rate.met_amount)),
        (BROKEN, _("Broken"), "late-3", broken),
        (WAITING, _("Still running: not counted"), "due", waiting),
    )
    return Content(
        figures=(
            Figure(_("Kept, by number"), measure(rate.share, "percent", filters), _of(rate.met, rate.count)),
            Figure(_("Kept, by amount"), measure(rate.share_by_amount, "percent", filters)),
            Figure(_("Still running"), amount(waiting.amount, filters), href=_promised(filters, WAITING)),
        ),
        drawing=rows(
            _("What became of promises"),
            _("%(kept)s kept, %(broken)s broken.") % {"kept": amount(rate.met_amount, filters), "broken": amount(broken.amount, filters)},
            [Bar(word, [Part(cell.amount, tone)], note=amount(cell.amount, filters)) for _line, word, tone, cell in lines],
        ),
        tables=(
            Table(
                _("Promises due in the period"),
                [Column(_("What became of it")), Column(_("Promises"), "count"), Column(_("Amount"), "amount")],
                [[Value(word, _promised(filters, line)), cell.count, cell.amount] for line, word, _tone, cell in lines],
                filters.currency,
                [_("Counted"), rate.count, rate.amount],
            ),
        ),
    )


def _promised(filters: Filters, line: str) -> str:
    return reverse("dashboard:invoices") + filters.counted("promises", line)


PROMISES = Report(
    key="promises",
    name=gettext_lazy("Promises"),
    question=gettext_lazy("Are promises kept?"),
    definition=(
        gettext_lazy(
            "Promises for a day of the period of which all was paid by that day and its tolerance, of all those whose tolerance has "
            "passed. Those still running and those withdrawn are not counted."
        ),
    ),
    uses=frozenset({PERIOD}),
    build=promises,
    icon="handshake",
)
