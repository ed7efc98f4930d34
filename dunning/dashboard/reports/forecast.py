"""The cash forecast with its band."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from dunning.dashboard import formatting
from dunning.dashboard.charts import Line, curves
from dunning.dashboard.reports.ageing import bucket_name
from dunning.dashboard.reports.content import Content, Figure, Report, amount, short_money
from dunning.dashboard.reports.filters import Filters
from dunning.dashboard.reports.tables import Column, Table
from invoices.measures.ageing import BUCKETS
from invoices.measures.forecast import WEEKS
from invoices.reports.forecast import cash_forecast


def build(filters: Filters) -> Content:
    found = cash_forecast(filters.scope, today=filters.today, weeks=WEEKS)
    cash = found.forecast
    everything = cash.expected + cash.later + cash.undated + cash.discounted + found.contested + found.factored
    if not everything:
        return Content(empty=_("Nothing is open in this currency: there is nothing to expect."))
    notes = []
    if not found.learnt.payments:
        notes.append(_("Nothing was paid in the last year: without a habit no invoice has a date, promised ones apart."))
    elif cash.unweighted:
        ages = ", ".join(bucket_name(age).lower() for age in BUCKETS if age in cash.unweighted)
        notes.append(_("Too little is known of these ages to say what of them is paid; they count whole: %s.") % ages)
    last = cash.weeks[-1]
    drawing = curves(
        _("Receipts expected, added up week by week"),
        _("By %(day)s %(usual)s is expected: %(late)s if everybody pays at the late end of their habit, %(early)s at the early end.")
        % {
            "day": formatting.date_long(last.ends_on),
            "usual": amount(last.by_usual, filters),
            "late": amount(last.by_late, filters),
            "early": amount(last.by_early, filters),
        },
        [f"{week.ends_on:%d/%m}" for week in cash.weeks],
        [Line(_("Expected"), "main", [week.by_usual for week in cash.weeks])],
        worded=short_money(filters.currency),
        band=([week.by_late for week in cash.weeks], [week.by_early for week in cash.weeks]),
        band_label=_("Between the early and the late end of habits"),
    )
    payments = found.learnt.payments
    text = ngettext("learnt from %(count)s payment on %(day)s", "learnt from %(count)s payments on %(day)s", payments)
    learnt = text % {"count": formatting.number(payments), "day": formatting.date_short(found.learnt.on)}
    return Content(
        figures=(
            Figure(_("Expected in 13 weeks"), amount(cash.expected, filters), learnt, "settled"),
            Figure(_("Later"), amount(cash.later, filters)),
            Figure(_("Without a date"), amount(cash.undated, filters), _("nobody ever paid so late")),
            Figure(_("Not expected, by experience"), amount(cash.discounted, filters)),
        ),
        drawing=drawing,
        tables=(
            Table(
                _("Week by week"),
                [
                    Column(pgettext("a period", "From"), "date"),
                    Column(pgettext("a period", "To"), "date"),
                    Column(_("Expected"), "amount"),
                    Column(_("Added up"), "amount"),
                    Column(_("At the late end"), "amount", is_minor=True),
                    Column(_("At the early end"), "amount", is_minor=True),
                ],
                [[week.starts_on, week.ends_on, week.expected, week.by_usual, week.by_late, week.by_early] for week in cash.weeks],
                filters.currency,
            ),
            Table(
                _("All that is open"),
                [Column(_("Part")), Column(_("Amount"), "amount")],
                [
                    [_("Expected in 13 weeks"), cash.expected],
                    [_("Later"), cash.later],
                    [_("Without a date"), cash.undated],
                    [_("Not expected, by experience"), cash.discounted],
                    [_("Contested, left out"), found.contested],
                    [_("Assigned to a factor, left out"), found.factored],
                ],
                filters.currency,
                [_("Open"), everything],
            ),
            Table(
                _("What experience says"),
                [Column(_("Age")), Column(_("Paid since, of what was open then"), "percent")],
                [[bucket_name(age), found.learnt.shares[age] * 100] for age in BUCKETS if age in found.learnt.shares],
                filters.currency,
            ),
        ),
        notes=notes,
    )


FORECAST = Report(
    key="forecast",
    name=gettext_lazy("Cash forecast"),
    question=gettext_lazy("When will the money come?"),
    definition=(
        gettext_lazy(
            "A promised amount is expected on its day. Any other after the days by which half of its payer’s money came in the last year "
            "(a quarter for the early end of the band, three quarters for the late one); below three payments the group’s habit stands "
            "in, then everybody’s. An invoice later than its payer ever is follows those that were as late. Days move to the next "
            "business day."
        ),
        gettext_lazy(
            "Each age is weighted by what was paid since of what stood in it 90, 180, 270 and 360 days ago, in your own ledger. Contested "
            "amounts and invoices assigned to a factor are left out. It is a projection of habits, not a commitment of anybody."
        ),
    ),
    uses=frozenset(),
    build=build,
    icon="trending-up",
)
