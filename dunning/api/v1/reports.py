"""Reports: the figures of the day, and a customer's account. Amounts are by currency, never added across them."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.models import Customer
from customers.selectors import payer_family
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Amount, Count, Day, Flag, Text, Uid, Word, money_text
from dunning.api.operations import operation
from dunning.api.shapes import Shape
from dunning.api.tables import Filter
from dunning.api.v1.base import get
from invoices.selectors import customer_statement, figures
from invoices.selectors.statement import LineKind


class MoneyRow(Shape):
    """An amount in one currency."""

    currency = Text()
    amount = Amount(whole_digits=15)


class FiguresRow(Shape):
    """The figures of a day."""

    on = Day()
    overdue = MoneyRow(many=True)
    overdue_items = Count()
    overdue_customers = Count()
    overdue_30_days = MoneyRow(many=True, help_text="Overdue for more than 30 days.")
    collected = MoneyRow(many=True, help_text="Since the first of the month.")
    promised = MoneyRow(many=True, help_text="Through Sunday.")
    promises = Count()
    disputed = MoneyRow(many=True)
    disputes = Count()


class LineRow(Shape):
    """One line of an account: an open item, or money and credit notes set against nothing yet (negative)."""

    kind = Word([kind.value for kind in LineKind])
    customer_id = Uid()
    number = Text(lines=True)
    on = Day()
    due_on = Day(allow_null=True)
    amount = Amount(whole_digits=15)
    installment_id = Uid(allow_null=True)
    days_late = Count(least=-40_000, allow_null=True, help_text="Negative before the due date.")
    chased = Amount(whole_digits=15, allow_null=True, help_text="What may be asked for.")


class StatementRow(Shape):
    """An account in one currency: `net` is the sum of its lines."""

    currency = Text()
    net = Amount(whole_digits=15)
    overdue = Amount(whole_digits=15)
    not_due = Amount(whole_digits=15)
    credits = Amount(whole_digits=15)
    chased = Amount(whole_digits=15)
    lines = LineRow(many=True)


class AccountRow(Shape):
    """A customer's account to the cent."""

    on = Day()
    statements = StatementRow(many=True)


def _money(amounts: dict[str, Decimal]) -> list[dict[str, str]]:
    return [{"currency": currency, "amount": money_text(amount)} for currency, amount in sorted(amounts.items())]


class FiguresOfTheDay(Endpoint):
    resource = "reports"

    @operation("getFigures", "Read the figures of the day", answers=FiguresRow)
    def get(self, call: Call) -> Answer:
        """Overdue, collected, promised and contested, today."""
        today = call.caller.today
        found = figures(today=today)
        return Answer(
            {
                "on": today.isoformat(),
                "overdue": _money(found.overdue),
                "overdue_items": found.overdue_items,
                "overdue_customers": found.overdue_customers,
                "overdue_30_days": _money(found.overdue_old),
                "collected": _money(found.collected),
                "promised": _money(found.promised),
                "promises": found.promises,
                "disputed": _money(found.disputed),
                "disputes": found.disputes,
            }
        )


class Account(Endpoint):
    resource = "customers"

    @operation(
        "getAccount",
        "Read a customer's account",
        answers=AccountRow,
        parameters={"with_paid_for": Filter(Flag(), "", "With the customers it pays for.")},
    )
    def get(self, call: Call, pk: UUID) -> Answer:
        """Open items and credits, by currency, as its statement of account shows them today."""
        customer = get(Customer, pk)
        ids = payer_family(customer.pk) if call.query.get("with_paid_for") else [customer.pk]
        today = call.caller.today
        statements = [
            {
                "currency": found.currency,
                **{name: money_text(getattr(found, name)) for name in ("net", "overdue", "not_due", "credits", "chased")},
                "lines": [_line(line) for line in found.lines],
            }
            for found in customer_statement(ids, today=today)
        ]
        return Answer({"on": today.isoformat(), "statements": statements})


def _line(line: Any) -> dict[str, Any]:
    item = line.item
    return {
        "kind": line.kind.value,
        "customer_id": str(line.customer_id),
        "number": line.number,
        "on": line.on.isoformat(),
        "due_on": line.due_on.isoformat() if line.due_on is not None else None,
        "amount": money_text(line.amount),
        "installment_id": str(item.installment.pk) if item is not None else None,
        "days_late": item.days_late if item is not None else None,
        "chased": money_text(item.chased) if item is not None else None,
    }
