"""What was collected, by whom, against what was to be; and what waits for us."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from dunning.core.models import User
from dunning.dashboard.charts import Bar, Key, Part, columns, rows
from dunning.dashboard.reports.content import Content, Figure, Report, amount, measure, short_money
from dunning.dashboard.reports.filters import PERIOD, Filters
from dunning.dashboard.reports.tables import Column, Row, Table, Value, month_name
from invoices.measures.ageing import Cell, share
from invoices.reports.collected import collected_by_month, collected_by_owner, targets
from invoices.reports.delays import Period
from invoices.reports.sales import month_end, months_before
from scenarios.reports.collectors import collected_by_collector
from scenarios.reports.frozen import frozen

YEAR = 12
_NONE = Cell()


def collected(filters: Filters) -> Content:
    scope, period = filters.scope, filters.period
    chart_months = months_before(min(period.last, filters.today), YEAR)[::-1]
    own_months = _months(period)
    wanted = targets(currency=filters.currency, months=sorted({*chart_months, *own_months}))
    by_month = collected_by_month(scope, Period(chart_months[0], month_end(chart_months[-1])))
    owners, collectors = collected_by_owner(scope, period), collected_by_collector(scope, period)
    whole = scope.group_id is None
    people = _people(wanted) if whole else set()  # a target is for all customers, not for those of a group
    to_collect = {user: sum((wanted[month].get(user, Decimal(0)) for month in own_months), Decimal(0)) for user in people}
    total = sum((cell.amount for cell in owners.values()), Decimal(0))
    target = to_collect.get(None) or None
    if not by_month and not owners:
        return Content(empty=_("Nothing came in, in this currency. Receipts are counted by the day the money was there."))
    names = _names({user for user in [*owners, *collectors, *to_collect] if user is not None})
    bars = [
        Bar(
            f"{month:%m/%y}",
            [Part(by_month.get(month, _NONE).amount, "settled", amount(by_month.get(month, _NONE).amount, filters))],
            mark=(wanted[month].get(None) if whole else None),
        )
        for month in chart_months
    ]
    keys = [
        Key("settled", pgettext("receipts", "Collected")),
        *([Key("mark", _("Target"), "mark")] if any(bar.mark for bar in bars) else []),
    ]
    return Content(
        figures=(
            Figure(pgettext("receipts", "Collected"), amount(total, filters), tone="settled", href=_payments(filters, period)),
            Figure(_("Target"), "–" if target is None else amount(target, filters), _("of these months together")),
            Figure(_("Of the target"), measure(None if target is None else share(total, target), "percent", filters)),
        ),
        drawing=columns(
            _("Collected, by month"),
            _("Receipts of twelve months; in the period %s.") % amount(total, filters),
            bars,
            keys,
            worded=short_money(filters.currency),
        ),
        tables=(
            Table(
                _("Month by month"),
                [
                    Column(_("Month")),
                    Column(_("Receipts"), "count"),
                    Column(pgettext("receipts", "Collected"), "amount"),
                    Column(_("Target"), "amount"),
                ],
                [
                    [
                        Value(month_name(month), _payments(filters, Period(month, month_end(month)))),
                        by_month.get(month, _NONE).count,
                        by_month.get(month, _NONE).amount,
                        wanted[month].get(None) if whole else None,
                    ]
                    for month in chart_months
                ],
                filters.currency,
            ),
            _people_table(_("By account owner"), owners, to_collect, names, filters, linked=True),
            _people_table(_("By who spoke with the customer"), collectors, to_collect, names, filters, linked=False),
        ),
    )


def _months(period: Period) -> list[date]:
    count = (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
    return months_before(period.last, count)


def _people(wanted: Mapping[date, Mapping[UUID | None, Decimal]]) -> set[UUID | None]:
    return {user for month in wanted.values() for user in month}


def _names(ids: set[UUID]) -> dict[UUID, str]:
    return {user.pk: str(user) for user in User.objects.filter(pk__in=ids)}


def _people_table(
    title: str,
    cells: Mapping[UUID | None, Cell],
    to_collect: Mapping[UUID | None, Decimal],
    names: Mapping[UUID, str],
    filters: Filters,
    *,
    linked: bool,
) -> Table:
    people = sorted({user for user in [*cells, *to_collect] if user is not None}, key=lambda user: names.get(user, ""))
    lines: list[Row] = []
    for user in [*people, *([None] if None in cells else [])]:
        cell, target = cells.get(user, _NONE), to_collect.get(user) if user is not None else None
        href = _payments(filters, filters.period, owner="none" if user is None else str(user)) if linked else ""
        name = _("Nobody") if user is None else names.get(user, "?")
        lines.append([name, cell.count, Value(cell.amount, href, label=name), target, share(cell.amount, target) if target else None])
    total = sum(cells.values(), _NONE)
    heads = [
        Column(_("Person")),
        Column(_("Receipts"), "count"),
        Column(pgettext("receipts", "Collected"), "amount"),
        Column(_("Target"), "amount"),
        Column(_("Of the target"), "percent"),
    ]
    return Table(title, heads, lines, filters.currency, [_("Together"), total.count, total.amount])


def _payments(filters: Filters, period: Period, **more: str) -> str:
    query = {"from": period.first.isoformat(), "to": period.last.isoformat(), "currency": filters.currency, **more}
    if filters.group is not None:
        query["group"] = filters.group.key
    return f"{reverse('dashboard:payments')}?{urlencode(query)}"


COLLECTED = Report(
    key="collected",
    name=pgettext_lazy("receipts", "Collected"),
    question=gettext_lazy("How much comes in, and is it what we aim at?"),
    definition=(
        gettext_lazy(
            "Receipts by the day the money was there, what is on account included, cancelled ones left out. By the account owner of the "
            "customer; and by the person who last reached the customer on the telephone in the thirty days before."
        ),
        gettext_lazy("A target is a monthly figure of the organization, or of a person; it holds until another is set."),
    ),
    uses=frozenset({PERIOD}),
    build=collected,
    icon="target",
)


def waiting(filters: Filters) -> Content:
    found = frozen(filters.scope)
    if not found:
        return Content(empty=_("Nothing waits for us: every plan runs, or waits for its day or for the customer."))
    total = sum((one.cell for one in found), _NONE)
    bars = [Bar(one.label, [Part(one.cell.amount, "late-2")], note=amount(one.cell.amount, filters)) for one in found]
    oldest = found[0].oldest_due_on
    return Content(
        figures=(
            Figure(_("Frozen by us"), amount(total.amount, filters), tone="late", href=_frozen(filters, "all")),
            Figure(_("Days the oldest has been due"), measure(max(0, (filters.today - oldest).days), "count", filters)),
        ),
        drawing=rows(_("What waits for our own act"), _("%s waits for us, the oldest first.") % amount(total.amount, filters), bars),
        tables=(
            Table(
                _("By reason, the oldest first"),
                [
                    Column(_("Why")),
                    Column(_("Items"), "count"),
                    Column(_("Oldest due"), "date", is_minor=True),
                    Column(_("Amount"), "amount"),
                ],
                [
                    [
                        Value(one.label, _frozen(filters, one.cause), one.remedy),
                        one.cell.count,
                        one.oldest_due_on,
                        one.cell.amount,
                    ]
                    for one in found
                ],
                filters.currency,
                [_("Together"), total.count, "", total.amount],
            ),
        ),
    )


def _frozen(filters: Filters, line: str) -> str:
    return reverse("dashboard:invoices") + filters.counted("frozen", line)


FROZEN = Report(
    key="frozen",
    name=gettext_lazy("Frozen by us"),
    question=gettext_lazy("What waits for an act of our own?"),
    definition=(
        gettext_lazy(
            "Open items whose plan goes no further until we act: a dispute to answer, a credit note to issue, a reply to read, an "
            "address to find. As the last run, or the last event, found them."
        ),
    ),
    uses=frozenset(),
    build=waiting,
    icon="hourglass",
)
