"""When a claim is barred, under French law and cautiously: from the delivery or service, else the invoice, never from the due date.

A business owes five years (C. com. L110-4, C. civ. 2224), a consumer two (C. conso. L218-2), and so does whoever may be one. A public body
owes four years from 1 January after the year of the claim, and every written request starts them anew (law 68-1250 of 31 December 1968,
art. 1 and 2). The debtor's acknowledgement starts the whole period again (C. civ. 2240 and 2231); a formal notice does not (Cass. com.,
18 May 2022, 20-23.204).
"""

from datetime import date
from typing import Final

from customers.enums import CustomerKind

MARKS: Final = (12, 6, 3)
"""Months before the last safe day at which somebody is told."""
YEARS: Final = {CustomerKind.BUSINESS: 5, CustomerKind.CONSUMER: 2, CustomerKind.UNKNOWN: 2}
_PUBLIC_YEARS: Final = 4


def last_safe_day(kind: CustomerKind, *, supplied_on: date, acknowledged_on: date | None = None, asked_on: date | None = None) -> date:
    """The last day on which the claim can be brought to court.

    `supplied_on` is the day of delivery or service, else of the invoice; `acknowledged_on` the last one on which the debtor acknowledged
    the debt in writing; `asked_on` that of the last written request, which counts against a public body alone.
    """
    if kind == CustomerKind.PUBLIC:
        begun = max(day for day in (supplied_on, acknowledged_on, asked_on) if day is not None)
        return date(begun.year + _PUBLIC_YEARS, 12, 31)
    return months_after(max(supplied_on, acknowledged_on or supplied_on), 12 * YEARS[kind])


def mark_reached(last_day: date, *, today: date) -> int | None:
    """The nearest of the `MARKS` that has come, in months before `last_day`; None more than a year before it."""
    return next((months for months in reversed(MARKS) if today >= months_after(last_day, -months)), None)


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or earlier, else the last day of that month (CPC 641)."""
    place = day.year * 12 + day.month - 1 + months
    year, month = place // 12, place % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day.day, (following - date.resolution).day))
