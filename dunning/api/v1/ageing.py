"""What is owed by age, on any day: each report of one currency, for they are never added. docs/reports.md says what each figure means."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Amount, Count, Day, Text, Uid, Word, money_text
from dunning.api.operations import operation
from dunning.api.shapes import Shape
from dunning.api.tables import Filter
from dunning.core.selectors import get_profile
from invoices.measures.ageing import BUCKETS, Aged, Cell
from invoices.owed import BILL, FACTORED, Scope
from invoices.reports.ageing import KINDS, aged_balance, aged_history, top_debtors
from invoices.reports.sales import month_end, months_before

KIND_NAMES: Final[Mapping[str, str]] = {"": "invoice", BILL: "bill", FACTORED: "factored"}
MOST_MONTHS: Final = 36
MOST_DEBTORS: Final = 100

_SCOPE: Final = {
    "currency": Filter(Text(max_length=3, allow_blank=False), "", "ISO 4217; your organization's when left out."),
    "group_id": Filter(Uid(), "", "Of one group's customers."),
    "customer_id": Filter(Uid(), "", "Of one customer."),
}
_ON: Final = {"on": Filter(Day(), "", "At the end of this day; today when left out.")}


class ColumnRow(Shape):
    """One column of an aged balance."""

    age = Word(BUCKETS, help_text="Days past the due date.")
    amount = Amount(whole_digits=15)
    items = Count()


class KindRow(Shape):
    """What is shown apart: plain invoices, bills of exchange, and what is assigned to a factor."""

    kind = Word(list(KIND_NAMES.values()))
    columns = ColumnRow(many=True)
    total = Amount(whole_digits=15)


class AgedBalanceRow(Shape):
    """What was left to pay at the end of a day, by age, and what customers had in their favour."""

    on = Day()
    currency = Text()
    columns = ColumnRow(many=True, help_text="All kinds together.")
    total = Amount(whole_digits=15)
    overdue = Amount(whole_digits=15)
    kinds = KindRow(many=True)
    on_account = Amount(whole_digits=15)
    credit_notes = Amount(whole_digits=15)
    unidentified = Amount(whole_digits=15, help_text="Receipts of nobody yet.")
    net = Amount(whole_digits=15, help_text="The total less what is in customers' favour.")


class AgeRow(Shape):
    """What was left to pay of one age."""

    age = Word(BUCKETS, help_text="Days past the due date.")
    amount = Amount(whole_digits=15)


class MonthRow(Shape):
    """The aged balance at the end of a month, or today."""

    on = Day()
    columns = AgeRow(many=True)
    total = Amount(whole_digits=15)


class AgedHistoryRow(Shape):
    """What was left to pay at the end of each month, the latest last."""

    currency = Text()
    months = MonthRow(many=True)


class DebtorRow(Shape):
    """What one customer owed."""

    customer_id = Uid()
    name = Text(lines=True)
    total = Amount(whole_digits=15)
    items = Count()
    overdue = Amount(whole_digits=15)
    oldest_due_on = Day(allow_null=True, help_text="Of what was overdue.")


class DebtorsRow(Shape):
    """Who owed most, the largest first, and all the others together."""

    on = Day()
    currency = Text()
    debtors = DebtorRow(many=True)
    others = Count(help_text="How many customers owed less.")
    others_total = Amount(whole_digits=15)
    others_overdue = Amount(whole_digits=15)


class AgedBalance(Endpoint):
    resource = "reports"

    @operation("getAgedBalance", "Read the aged balance", answers=AgedBalanceRow, parameters={**_SCOPE, **_ON}, refuses=True)
    def get(self, call: Call) -> Answer:
        """On a past day, as the ledger knows that day now."""
        scope, on = _scope(call), _day(call)
        found = aged_balance(scope, as_of=on, today=call.caller.today)
        money = {
            "total": found.open.total,
            "overdue": found.open.overdue,
            "on_account": found.on_account,
            "credit_notes": found.credit_notes,
            "unidentified": found.unidentified,
        }
        return Answer(
            {
                "on": on.isoformat(),
                "currency": scope.currency,
                "columns": _columns(found.open),
                "kinds": [{"kind": KIND_NAMES[kind], **_totalled(found.kinds[kind])} for kind in KINDS],
                "net": money_text(found.net),
                **{name: money_text(cell.amount) for name, cell in money.items()},
            }
        )


class AgedHistory(Endpoint):
    resource = "reports"

    @operation(
        "getAgedHistory",
        "Read aged balances over time",
        answers=AgedHistoryRow,
        parameters={
            **_SCOPE,
            "months": Filter(Count(least=1, most=MOST_MONTHS), "", "How many; 12 when left out."),
        },
    )
    def get(self, call: Call) -> Answer:
        """At the end of each month, the running one as it stands today."""
        scope, today = _scope(call), call.caller.today
        days = [min(month_end(first), today) for first in reversed(months_before(today, call.query.get("months", 12)))]
        found = aged_history(scope, days=days, today=today)
        return Answer({"currency": scope.currency, "months": [_month(day, found[day]) for day in days]})


class LargestDebtors(Endpoint):
    resource = "reports"

    @operation(
        "getLargestDebtors",
        "Read who owes most",
        answers=DebtorsRow,
        parameters={
            **_SCOPE,
            **_ON,
            "most": Filter(Count(least=1, most=MOST_DEBTORS), "", "How many; 10 when left out."),
        },
        refuses=True,
    )
    def get(self, call: Call) -> Answer:
        """Together with the others they owe what the aged balance says."""
        scope, on = _scope(call), _day(call)
        found = top_debtors(scope, as_of=on, today=call.caller.today, most=call.query.get("most", 10))
        rows = [
            {
                "customer_id": str(debtor.customer_id),
                "name": debtor.name,
                "total": money_text(debtor.open.amount),
                "items": debtor.open.count,
                "overdue": money_text(debtor.overdue),
                "oldest_due_on": debtor.oldest_due_on.isoformat() if debtor.oldest_due_on is not None else None,
            }
            for debtor in found.largest
        ]
        return Answer(
            {
                "on": on.isoformat(),
                "currency": scope.currency,
                "debtors": rows,
                "others": found.others,
                "others_total": money_text(found.others_open.amount),
                "others_overdue": money_text(found.others_overdue),
            }
        )


def _scope(call: Call) -> Scope:
    currency = call.query.get("currency") or get_profile().default_currency
    return Scope(currency, group_id=call.query.get("group_id"), customer_id=call.query.get("customer_id"))


def _day(call: Call) -> date:
    today = call.caller.today
    day: date = call.query.get("on", today)
    if day > today:
        raise refused([Fault("on", "too_late", _("This day has not come yet: ask for today, or a day before."))])
    return day


def _columns(line: Aged) -> list[dict[str, Any]]:
    return [_column(age, cell) for age, cell in zip(BUCKETS, line.cells, strict=True)]


def _column(age: str, cell: Cell) -> dict[str, Any]:
    return {"age": age, "amount": money_text(cell.amount), "items": cell.count}


def _totalled(line: Aged) -> dict[str, Any]:
    return {"columns": _columns(line), "total": money_text(line.total.amount)}


def _month(day: date, amounts: Mapping[str, Decimal]) -> dict[str, Any]:
    columns = [{"age": age, "amount": money_text(amounts[age])} for age in BUCKETS]
    return {"on": day.isoformat(), "columns": columns, "total": money_text(sum(amounts.values(), Decimal(0)))}
