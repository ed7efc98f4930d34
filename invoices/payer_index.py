"""The payer index ("indice de paiement"), 0 to 100: how promptly a customer pays, and why it says so (docs/domain.md, "Payer index").

Pure. Private to one organization, explained line by line, never the sole ground of a refusal. All amounts of one call are in one currency.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import pairwise

from dunning.core.calendars import roll_to_target

WINDOW_MONTHS = 24
FEWEST_PAID = 3
BONUS_EACH, BONUS_LIMIT = 2, 5
MALUS_EACH, MALUS_LIMIT = -5, -15
_TENTH = Decimal("0.1")
_NOTHING = Decimal(0)

# Days late (negative: early) and points; straight lines between. Beyond 120 days the last slope goes on, down to 0 at 180 days.
_SCALE = ((-30, 100), (-20, 90), (0, 80), (15, 70), (22, 60), (30, 50), (60, 40), (90, 30), (120, 20), (180, 0))


EARLIEST, LATEST = _SCALE[0][0], _SCALE[-1][0]
"""Days late before and after which the points stay what they are."""


def points(days_late: int) -> Decimal:
    """The points of one invoice: 80 when prompt, 100 from 30 days early, 50 at 30 days late, 0 from 180 days late; unrounded."""
    if days_late <= _SCALE[0][0]:
        return Decimal(_SCALE[0][1])
    for (start, high), (end, low) in pairwise(_SCALE):
        if days_late <= end:
            return high - Decimal(high - low) * (days_late - start) / (end - start)
    return _NOTHING


def days_late(due_on: date, paid_on: date) -> int:
    """Days between due date and payment, negative when early.

    A due date on which banks are closed forgives until the next TARGET day and never rewards: due on a Saturday, paid on it or on Monday
    is 0, on Tuesday 1. (Penalties know no such grace.)
    """
    if paid_on <= due_on:
        return (paid_on - due_on).days
    return max(0, (paid_on - roll_to_target(due_on)).days)


@dataclass(frozen=True, slots=True)
class Experience:
    """An invoice, or the part of it that one payment settled: `paid_on` None when it is still open.

    `reminded_before_due`: a message before the due date (rule 18, pre-due) was done for it. `disputed` open items do not count.
    """

    invoice: str
    amount: Decimal
    due_on: date
    paid_on: date | None = None
    disputed: bool = False
    reminded_before_due: bool = False


class LineCode(StrEnum):
    PAID = "paid"
    OVERDUE = "overdue"
    """Open and late: counts at its lateness of today."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one experience weighs."""

    code: LineCode
    invoice: str
    amount: Decimal
    days_late: int
    points: Decimal


class AdjustmentCode(StrEnum):
    PAID_AFTER_PRE_DUE = "paid_after_pre_due"
    """+2 for each invoice paid by its due date after a message before it, +5 at most."""
    BROKEN_PROMISE = "broken_promise"
    """-5 for each broken promise, -15 at most."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A bonus or malus: `count` times `each`, limited to `limit`, gives `points`."""

    code: AdjustmentCode
    count: int
    each: int
    limit: int
    points: int


def _adjustment(code: AdjustmentCode, count: int, each: int, limit: int) -> Adjustment:
    total = count * each
    return Adjustment(code, count, each, limit, min(total, limit) if each > 0 else max(total, limit))


@dataclass(frozen=True, slots=True)
class PayerIndex:
    """`history` is the amount-weighted mean over paid invoices, `base` the same with open overdue items at today's lateness, `score` the
    base with its adjustments, within 0 and 100; each rounded to one decimal, None when there is nothing to weigh.

    Show `score` only when `sufficient` (3 paid invoices at least), else "insufficient data".
    """

    history: Decimal | None
    base: Decimal | None
    score: Decimal | None
    paid_invoices: int
    lines: tuple[Line, ...]
    adjustments: tuple[Adjustment, ...]

    @property
    def sufficient(self) -> bool:
        return self.paid_invoices >= FEWEST_PAID


def window_start(today: date) -> date:
    """The same day 24 months earlier (the month's last day when it is shorter): payments after it count."""
    month = today.year * 12 + today.month - 1 - WINDOW_MONTHS
    year, month = divmod(month, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def _mean(lines: Iterable[Line]) -> Decimal | None:
    weighed = list(lines)
    total = sum((line.amount for line in weighed), _NOTHING)
    return sum((line.amount * line.points for line in weighed), _NOTHING) / total if total else None


def _tenths(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_TENTH, rounding=ROUND_HALF_UP)


def payer_index(experiences: Iterable[Experience], *, today: date, broken_promises: Iterable[date] = ()) -> PayerIndex:
    """The index of a customer (or of a whole portfolio) on `today`, computed from scratch: correct a payment date and it follows.

    Payments of the last 24 months count, weighted by amount, and open items past their due date that are not disputed. `broken_promises`
    are the dates on which promises were found broken. Raises ValueError for an amount that is not positive.
    """
    since = window_start(today)
    lines: list[Line] = []
    settled: set[str] = set()
    unsettled: set[str] = set()
    prompt: set[str] = set()
    late: set[str] = set()
    for one in experiences:
        if one.amount <= 0:
            raise ValueError("An invoice that counts has a positive amount.")
        if one.paid_on is None or one.paid_on > today:
            unsettled.add(one.invoice)
            delay = days_late(one.due_on, today)
            if delay > 0 and not one.disputed:
                lines.append(Line(LineCode.OVERDUE, one.invoice, one.amount, delay, points(delay)))
        elif one.paid_on > since:
            delay = days_late(one.due_on, one.paid_on)
            lines.append(Line(LineCode.PAID, one.invoice, one.amount, delay, points(delay)))
            settled.add(one.invoice)
            if delay > 0:
                late.add(one.invoice)
            elif one.reminded_before_due:
                prompt.add(one.invoice)
    rewarded = len(prompt - late - unsettled)
    broken = sum(since < day <= today for day in broken_promises)
    adjustments = tuple(
        one
        for one in (
            _adjustment(AdjustmentCode.PAID_AFTER_PRE_DUE, rewarded, BONUS_EACH, BONUS_LIMIT),
            _adjustment(AdjustmentCode.BROKEN_PROMISE, broken, MALUS_EACH, MALUS_LIMIT),
        )
        if one.count
    )
    base = _mean(lines)
    score = None if base is None else min(Decimal(100), max(_NOTHING, base + sum(one.points for one in adjustments)))
    return PayerIndex(
        history=_tenths(_mean(line for line in lines if line.code == LineCode.PAID)),
        base=_tenths(base),
        score=_tenths(score),
        paid_invoices=len(settled - unsettled),
        lines=tuple(lines),
        adjustments=adjustments,
    )
