"""The figures of a day, by currency: what is overdue, what came in, what was promised, what is contested."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest, Least

from dunning.core.selectors import get_profile
from invoices.currencies import currencies_in_use
from invoices.enums import DisputeState, PromiseState
from invoices.models import Allocation, Dispute, Installment, Payment, Promise

OLD_DAYS = 30
Amounts = dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Figures:
    """Amounts by currency, never summed across them; `overdue_old` is overdue for more than 30 days, `promised` due through Sunday."""

    overdue: Amounts
    overdue_items: int
    overdue_customers: int
    overdue_old: Amounts
    collected: Amounts
    promised: Amounts
    promises: int
    disputed: Amounts
    disputes: int


def figures(*, today: date) -> Figures:
    """The figures of the local day, in eight queries at most."""
    overdue = Installment.objects.filter(outstanding__gt=0, due_on__lt=today).order_by()
    days = _by_day(overdue)
    old = [line for line in days if line[1] < today - timedelta(days=OLD_DAYS)]
    sunday = today + timedelta(days=6 - today.weekday())
    promises = Promise.objects.filter(state=PromiseState.OPEN, promised_for__range=(today, sunday))
    disputes = Dispute.objects.filter(state=DisputeState.OPEN, installment__outstanding__gt=0)
    received = Payment.objects.filter(cancelled_at=None, received_on__range=(today.replace(day=1), today))
    contested = Least(Coalesce("amount", "installment__outstanding"), "installment__outstanding")
    promised, promise_count = _counted(promises.filter(installment__outstanding__gt=0), "installment__currency", _still_promised())
    disputed, dispute_count = _counted(disputes, "installment__currency", contested)
    return Figures(
        overdue=_by_currency(days),
        overdue_items=sum(n for _code, _day, _amount, n in days),
        # of an aggregate PostgreSQL sorts the customers, of SELECT DISTINCT it hashes them: half of the time
        overdue_customers=overdue.aggregate(n=Count("customer", distinct=True))["n"],
        overdue_old=_by_currency(old),
        collected=_counted(received, "currency", "amount")[0],
        promised=promised,
        promises=promise_count,
        disputed=disputed,
        disputes=dispute_count,
    )


def _still_promised() -> Least:
    """What of a promise is to come: its amount less what was paid since it was made, and never more than is left to pay."""
    paid = Allocation.objects.filter(
        installment=OuterRef("installment"), payment__isnull=False, reversed_at=None, value_on__gte=OuterRef("made_on")
    )
    sums = paid.order_by().values("installment").annotate(sum=Sum("amount")).values("sum")
    left = F("amount") - Coalesce(Subquery(sums), Decimal(0), output_field=DecimalField())
    return Least(Greatest(left, Decimal(0), output_field=DecimalField()), F("installment__outstanding"), output_field=DecimalField())


def _by_day(overdue: QuerySet[Installment]) -> list[tuple[str, date, Decimal, int]]:
    """Currency, due day, amount and number of what is overdue. By day PostgreSQL knows how few lines there are, and reads the index of what
    is open instead of the ledger; where there is one currency, it need not look at it either, and takes half of the time."""
    only, *others = currencies_in_use(get_profile().default_currency)
    sums = {"total": Sum("outstanding"), "n": Count("*")}
    if others:
        return list(overdue.values_list("currency", "due_on").annotate(**sums))
    return [(only, *line) for line in overdue.values_list("due_on").annotate(**sums)]


def has_many_open_items(many: int) -> bool:
    """Whether more than so many items are open; no more are counted."""
    return Installment.objects.filter(outstanding__gt=0)[: many + 1].count() > many


def _by_currency(lines: Iterable[tuple[str, date, Decimal, int]]) -> Amounts:
    amounts: Amounts = {}
    for code, _day, amount, _n in sorted(lines):
        amounts[code] = amounts.get(code, Decimal(0)) + amount
    return amounts


def _counted(rows: Any, currency: str, amount: Any) -> tuple[Amounts, int]:
    found = rows.order_by().values(code=F(currency)).annotate(total=Sum(amount), n=Count("pk")).order_by("code")
    lines = list(found)
    return {row["code"]: row["total"] for row in lines}, sum(row["n"] for row in lines)
