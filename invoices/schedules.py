"""Paying in parts: how an amount is divided over dates, and where a divided debt stands (rule 7). Pure.

Amounts are Decimals of one currency.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import Enum, StrEnum

_NOTHING = Decimal(0)


class Gap(StrEnum):
    """How far apart the parts are."""

    WEEK = "week"
    FORTNIGHT = "fortnight"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Part:
    """So much on that day."""

    due_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was taken off the items: by a payment, else by a credit note or a write-off."""

    value_on: date
    amount: Decimal
    is_payment: bool


class Standing(Enum):
    RUNNING = "running"
    KEPT = "kept"  # every part is paid, or everything is settled and something was paid
    BROKEN = "broken"
    VOID = "void"  # nothing is left to pay, and nothing was paid: credited or written off


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a plan stands; while it runs, the position (from 0) of its next unpaid part."""

    standing: Standing
    next_part: int | None


def even_parts(amount: Decimal, count: int, first_on: date, gap: Gap, decimals: int = 2) -> tuple[Part, ...]:
    """`count` equal parts from `first_on` on; the last one takes what division leaves over.

    Raises ValueError when there are fewer of the smallest coin than parts.
    """
    coin = Decimal(1).scaleb(-decimals)
    share = (amount / count).quantize(coin, rounding=ROUND_DOWN)
    if count < 1 or share <= 0:
        raise ValueError(f"{amount} cannot be divided into {count} parts.")
    amounts = [share] * (count - 1) + [amount - share * (count - 1)]
    return tuple(Part(_later(first_on, gap, position), part) for position, part in enumerate(amounts))


def _later(first: date, gap: Gap, times: int) -> date:
    if gap is not Gap.MONTH:
        return first + timedelta(days=(7 if gap is Gap.WEEK else 14) * times)
    year, month = divmod(first.year * 12 + first.month - 1 + times, 12)
    return first.replace(year=year, month=month + 1, day=min(first.day, monthrange(year, month + 1)[1]))


def judge(parts: Sequence[Part], deadlines: Sequence[date], receipts: Sequence[Receipt], *, is_settled: bool, today: date) -> Verdict:
    """Where a plan stands on that day. `deadlines` are the parts' last days with their tolerance, `receipts` those since it was agreed.

    A part is paid when what came in by its deadline reaches it and all before it. Credit notes and write-offs come off the last parts:
    they lower what is asked for, and keep nothing.
    """
    paid = sum((receipt.amount for receipt in receipts if receipt.is_payment), _NOTHING)
    finished = Verdict(Standing.KEPT if paid else Standing.VOID, None)
    if is_settled:
        return finished
    owed = sum((part.amount for part in parts), _NOTHING) - sum((r.amount for r in receipts if not r.is_payment), _NOTHING)
    asked, following = _NOTHING, None
    for position, (part, deadline) in enumerate(zip(parts, deadlines, strict=True)):
        asked += part.amount
        wanted = min(asked, owed)
        if following is None and paid < wanted:
            following = position
        in_time = sum((r.amount for r in receipts if r.is_payment and r.value_on <= deadline), _NOTHING)
        if deadline < today and in_time < wanted:
            return Verdict(Standing.BROKEN, None)
    return finished if following is None else Verdict(Standing.RUNNING, following)
