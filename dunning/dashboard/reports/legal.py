"""The yearly table of late invoices issued (D441-6)."""

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dunning.dashboard import formatting
from dunning.dashboard.reports.content import Content, Figure, Report, amount, measure
from dunning.dashboard.reports.filters import CLOSING, Filters
from dunning.dashboard.reports.tables import Column, Row, Table, Value, lacking
from invoices.measures.collection import Lack, Missing
from invoices.owed import FACTORED
from invoices.reports.legal import BANDS, DISPUTED, DUE_TODAY, late_invoices


def band_name(band: str) -> str:
    return {
        DUE_TODAY: _("0 days (for information)"),
        "1-30": _("1 to 30 days"),
        "31-60": _("31 to 60 days"),
        "61-90": _("61 to 90 days"),
        "90+": _("91 days and more"),
    }[band]


def build(filters: Filters) -> Content:
    found = late_invoices(filters.scope, closing=filters.as_of, today=filters.today)
    lacks = isinstance(found.sales, Missing)
    lines: list[Row] = [
        [Value(band_name(band), _list(filters, band)), found.bands[band].count, found.bands[band].amount, found.share(found.bands[band])]
        for band in BANDS
    ]
    lines.append([Value(_("Total, 1 day and more"), _list(filters, "late")), found.late.count, found.late.amount, found.share(found.late)])
    left_out: list[Row] = [
        [Value(_("Contested"), _list(filters, DISPUTED)), found.disputed.count, found.disputed.amount],
        [Value(_("Assigned to a factor"), _list(filters, FACTORED)), found.factored.count, found.factored.amount],
    ]
    heads = [
        Column(_("Delay")),
        Column(_("Invoices"), "count"),
        Column(_("Amount incl. VAT"), "amount"),
        Column(_("Share of the year’s sales"), "percent"),
    ]
    return Content(
        figures=(
            Figure(_("Unpaid and overdue at closing"), amount(found.late.amount, filters), href=_list(filters, "late")),
            Figure(_("Invoices"), formatting.number(found.late.count)),
            Figure(
                _("Sales of the year incl. VAT"),
                "–" if isinstance(found.sales, Missing) else amount(found.sales, filters),
                _("the twelve months that end with the closing"),
            ),
            Figure(_("Share of sales"), measure(found.share(found.late), "percent", filters)),
        ),
        tables=(
            Table(_("Invoices issued, unpaid and due at closing"), heads, lines, filters.currency),
            Table(_("Left out, and disclosed"), heads[:3], left_out, filters.currency),
        ),
        notes=(capfirst(lacking(found.sales)) + ".",) if isinstance(found.sales, Missing) else (),
        lacks_sales=lacks and isinstance(found.sales, Missing) and found.sales.lack == Lack.SALES,
    )


def _list(filters: Filters, line: str) -> str:
    return reverse("dashboard:invoices") + filters.counted("legal", line)


LEGAL = Report(
    key="payment-delays",
    name=gettext_lazy("Legal table of payment delays"),
    question=gettext_lazy("Which invoices we issued were unpaid and due at closing?"),
    definition=(
        gettext_lazy(
            "For the management report of companies whose accounts are certified (code de commerce, L441-14 and D441-6, issued "
            "invoices): number and amount including VAT of invoices unpaid and due at closing, by delay from the contractual due date, "
            "and their share of the year’s sales including VAT."
        ),
        gettext_lazy(
            "Contested invoices are left out and disclosed, and so are those assigned to a factor. The part about invoices received is "
            "kept by your purchase ledger."
        ),
    ),
    uses=frozenset({CLOSING}),
    build=build,
    icon="landmark",
)
