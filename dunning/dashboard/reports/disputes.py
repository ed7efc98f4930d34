"""What is contested, and how disputes end."""

from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dunning.dashboard import formatting
from dunning.dashboard.charts import Bar, Part, rows
from dunning.dashboard.reports.content import Content, Figure, Report, amount, measure
from dunning.dashboard.reports.filters import AS_OF, PERIOD, Filters
from dunning.dashboard.reports.tables import Column, Table, Value
from invoices.enums import DisputeReason, DisputeState
from invoices.measures.ageing import share
from invoices.reports.disputes import closed_disputes, disputes


def build(filters: Filters) -> Content:
    found = disputes(filters.scope, as_of=filters.as_of, today=filters.today)
    closed = closed_disputes(filters.scope, filters.period)
    if not found.by_reason and not closed:
        return Content(empty=_("Nothing is contested on that day, and no dispute ended in the period."))
    names = {reason: str(DisputeReason(reason).label) for reason in found.by_reason}
    ended = sum(row.count for row in closed)
    days = sum((row.days * row.count for row in closed), Decimal(0)) / ended if ended else None
    drawing = None
    if found.by_reason:
        bars = [
            Bar(names[reason], [Part(cell.amount, "late-2")], note=amount(cell.amount, filters)) for reason, cell in found.by_reason.items()
        ]
        text = _("%(amount)s is contested.") % {"amount": amount(found.total.amount, filters)}
        drawing = rows(_("What is contested, by reason"), text, bars)
    part = _("%s of what is open") % measure(found.share, "percent", filters) if found.share is not None else ""
    return Content(
        figures=(
            Figure(_("Contested"), amount(found.total.amount, filters), part, "soon", _list(filters, "all")),
            Figure(_("Ended in the period"), formatting.number(ended)),
            Figure(_("Days they were open"), measure(days, "days", filters), _("on average")),
        ),
        drawing=drawing,
        tables=(
            Table(
                _("Contested, by reason"),
                [Column(_("Reason")), Column(_("Items"), "count"), Column(_("Amount"), "amount"), Column(_("Share"), "percent")],
                [
                    [Value(names[reason], _list(filters, reason)), cell.count, cell.amount, share(cell.amount, found.total.amount)]
                    for reason, cell in found.by_reason.items()
                ],
                filters.currency,
                [_("Together"), found.total.count, found.total.amount],
            ),
            Table(
                _("Ended in the period"),
                [Column(_("How it ended")), Column(_("Disputes"), "count"), Column(_("Days open, on average"), "days")],
                [[str(DisputeState(row.outcome).label), row.count, row.days] for row in closed],
                filters.currency,
            ),
        ),
    )


def _list(filters: Filters, line: str) -> str:
    return reverse("dashboard:invoices") + filters.counted("disputes", line)


DISPUTES = Report(
    key="disputes",
    name=gettext_lazy("Disputes"),
    question=gettext_lazy("What do customers contest?"),
    definition=(
        gettext_lazy(
            "Disputes open at the end of the day, with the amount contested: never more than was left to pay. A dispute is open from its "
            "first day to the day before it was closed."
        ),
    ),
    uses=frozenset({AS_OF, PERIOD}),
    build=build,
    icon="scale",
)
