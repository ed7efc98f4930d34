"""Aged balance and top debtors."""

from datetime import date, timedelta
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from dunning.dashboard import formatting
from dunning.dashboard.charts import Bar, Key, Part, columns, rows
from dunning.dashboard.reports.content import Content, Figure, Report, amount, measure, short_money
from dunning.dashboard.reports.filters import AS_OF, Filters
from dunning.dashboard.reports.tables import Column, Row, Table, Value
from invoices.measures.ageing import BUCKETS, share
from invoices.owed import BILL, FACTORED
from invoices.reports.ageing import AgedBalance, aged_balance, aged_history, top_debtors
from invoices.reports.sales import month_end, months_before
from invoices.selectors import kept_indexes

MONTHS = 6
MOST = 20
TONES = dict(zip(BUCKETS, ("due", "late-1", "late-2", "late-3", "late-4"), strict=True))


def bucket_name(bucket: str) -> str:
    """A column of the aged balance in words."""
    return {
        "not_due": _("Not due yet"),
        "1-30": _("1 to 30 days late"),
        "31-60": _("31 to 60 days"),
        "61-90": _("61 to 90 days"),
        "90+": _("More than 90 days"),
    }[bucket]


def ageing(filters: Filters) -> Content:
    found = aged_balance(filters.scope, as_of=filters.as_of, today=filters.today)
    days = [month_end(month) for month in months_before(filters.as_of.replace(day=1) - timedelta(days=1), MONTHS - 1)][::-1]
    days.append(filters.as_of)
    history = aged_history(filters.scope, days=days, today=filters.today)
    total, overdue = found.open.total, found.open.overdue
    if not any(any(columns_.values()) for columns_ in history.values()) and not found.credits:
        return Content(
            empty=_("Nothing is open in this currency on that day. The balance fills as invoices are loaded, and ages by itself.")
        )
    items = ngettext("%(count)s item", "%(count)s items", total.count) % {"count": formatting.number(total.count)}
    late = measure(found.open.overdue_share, "percent", filters)
    bars = [
        Bar(
            formatting.date_short(day),
            [Part(value, TONES[bucket], f"{bucket_name(bucket)}: {amount(value, filters)}") for bucket, value in ages.items()],
        )
        for day, ages in history.items()
    ]
    drawing = columns(
        _("What is owed, by age"),
        _("Open amounts at the end of the last months: %(latest)s on %(day)s, of which %(late)s overdue.")
        % {"latest": amount(total.amount, filters), "day": formatting.date_long(filters.as_of), "late": amount(overdue.amount, filters)},
        bars,
        [Key(TONES[bucket], bucket_name(bucket)) for bucket in BUCKETS],
        worded=short_money(filters.currency),
    )
    return Content(
        figures=(
            Figure(_("Open"), amount(total.amount, filters), items, href=_list(filters, "open")),
            Figure(_("Overdue"), amount(overdue.amount, filters), late, "late" if overdue.amount else "", _list(filters, "overdue")),
            Figure(_("In customers’ favour"), amount(found.credits, filters), _("not deducted from the ages")),
            Figure(_("Owed in the end"), amount(found.net, filters)),
        ),
        drawing=drawing,
        tables=(_history_table(history, filters), _ages_table(found, filters), _favour_table(found, filters)),
    )


def _list(filters: Filters, line: str) -> str:
    return reverse("dashboard:invoices") + filters.counted("ageing", line)


def _history_table(history: dict[date, dict[str, Decimal]], filters: Filters) -> Table:
    lines: list[Row] = []
    for day, ages in history.items():
        href = "?" + "&".join(f"{name}={value}" for name, value in {**filters.query, "as_of": day.isoformat()}.items())
        lines.append([Value(day, href), *ages.values(), sum(ages.values(), Decimal(0))])
    heads = [Column(_("Day"), "date"), *(Column(bucket_name(bucket), "amount") for bucket in BUCKETS), Column(_("Open"), "amount")]
    return Table(_("Month by month"), heads, lines, filters.currency)


def _ages_table(found: AgedBalance, filters: Filters) -> Table:
    whole, kinds = found.open, found.kinds
    lines: list[Row] = []
    for bucket in BUCKETS:
        cell = whole.cell(bucket)
        lines.append(
            [
                bucket_name(bucket),
                cell.count,
                Value(kinds[""].cell(bucket).amount, _list(filters, f"plain:{bucket}")),
                kinds[BILL].cell(bucket).amount,
                kinds[FACTORED].cell(bucket).amount,
                Value(cell.amount, _list(filters, bucket)),
                share(cell.amount, whole.total.amount),
            ]
        )
    foot: Row = [_("Open"), whole.total.count, *(kinds[kind].total.amount for kind in ("", BILL, FACTORED)), whole.total.amount]
    return Table(
        _("By age"),
        [
            Column(_("Age")),
            Column(_("Items"), "count", is_minor=True),
            Column(_("Invoices"), "amount", is_minor=True),
            Column(_("Bills"), "amount", is_minor=True),
            Column(_("Assigned to a factor"), "amount", is_minor=True),
            Column(_("Together"), "amount"),
            Column(_("Share"), "percent"),
        ],
        lines,
        filters.currency,
        foot,
    )


def _favour_table(found: AgedBalance, filters: Filters) -> Table:
    lines: list[Row] = [
        [_("Receipts on account"), found.on_account.count, -found.on_account.amount],
        [_("Credit notes not set against an invoice"), found.credit_notes.count, -found.credit_notes.amount],
        [_("Receipts of nobody yet"), found.unidentified.count, -found.unidentified.amount],
    ]
    heads = [Column(_("In customers’ favour")), Column(pgettext("how many", "Number"), "count"), Column(_("Amount"), "amount")]
    return Table(_("Shown apart"), heads, lines, filters.currency, [_("Owed in the end"), "", found.net])


AGEING = Report(
    key="ageing",
    name=gettext_lazy("Aged balance"),
    question=gettext_lazy("What is owed to us, and since when?"),
    definition=(
        gettext_lazy(
            "What was left to pay of each instalment at the end of the day, by the days since its due date. Today is the ledger as it "
            "stands; a past day is worked out from value dates, with all corrections made since."
        ),
        gettext_lazy(
            "Bills and invoices assigned to a factor are shown apart. Receipts and credit notes that are not set against an invoice are "
            "shown below, and lower no age."
        ),
    ),
    uses=frozenset({AS_OF}),
    build=ageing,
    icon="layers",
)


def debtors(filters: Filters) -> Content:
    found = top_debtors(filters.scope, as_of=filters.as_of, today=filters.today, most=MOST)
    if not found.largest:
        return Content(empty=_("Nobody owes anything in this currency on that day."))
    total = sum((row.open.amount for row in found.largest), found.others_open.amount)
    late = sum((row.overdue for row in found.largest), found.others_overdue)
    items = sum((row.open.count for row in found.largest), found.others_open.count)
    indexes = kept_indexes([row.customer_id for row in found.largest])
    lines: list[Row] = []
    for row in found.largest:
        index = indexes.get(row.customer_id)
        lines.append(
            [
                Value(row.name, reverse("dashboard:customer", args=[row.customer_id])),
                row.open.count,
                Value(row.open.amount, _debtor(filters, "open", row.customer_id), label=row.name),
                Value(row.overdue, _debtor(filters, "overdue", row.customer_id), label=row.name),
                share(row.open.amount, total),
                row.oldest_due_on,
                None if index is None else index.value,
            ]
        )
    if found.others:
        label = ngettext("%(count)s other customer", "%(count)s other customers", found.others) % {"count": formatting.number(found.others)}
        rest = found.others_open
        lines.append([label, rest.count, rest.amount, found.others_overdue, share(rest.amount, total), None, None])
    first = found.largest[0]
    bars = [
        Bar(
            row.name,
            [Part(row.overdue, "late-3", _("Overdue")), Part(row.open.amount - row.overdue, "due", _("Not due yet"))],
            note=amount(row.open.amount, filters),
        )
        for row in found.largest[:10]
    ]
    drawing = rows(
        _("Who owes most"),
        _("%(name)s owes most: %(amount)s.") % {"name": first.name, "amount": amount(first.open.amount, filters)},
        bars,
        [Key("late-3", _("Overdue")), Key("due", _("Not due yet"))],
    )
    table = Table(
        _("The largest debtors"),
        [
            Column(_("Customer")),
            Column(_("Items"), "count", is_minor=True),
            Column(_("Open"), "amount"),
            Column(_("Overdue"), "amount"),
            Column(_("Share"), "percent", is_minor=True),
            Column(_("Oldest due"), "date"),
            Column(_("Payer index"), "index", is_minor=True),
        ],
        lines,
        filters.currency,
        [_("Together"), items, total, late],
    )
    return Content(drawing=drawing, tables=(table,))


def _debtor(filters: Filters, line: str, customer: object) -> str:
    return reverse("dashboard:invoices") + filters.counted("ageing", line, customer=customer)


DEBTORS = Report(
    key="debtors",
    name=gettext_lazy("Top debtors"),
    question=gettext_lazy("Who owes us most?"),
    definition=(
        gettext_lazy(
            "Customers by what was left to pay of their invoices at the end of the day, receipts and credit notes not set against an "
            "invoice left aside; together they owe what the aged balance says. The payer index is today’s."
        ),
    ),
    uses=frozenset({AS_OF}),
    build=debtors,
    icon="users",
)
