"""Dates as files write them: 31/12/2026, 2026-12-31, 31.12.26 - and 12/31/2026 only when the file proves it or a person says so."""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from django.utils.translation import gettext as _

EARLIEST, LATEST = 1970, 2100
_NUMERIC = re.compile(r"(\d{1,2})([/.\- ])(\d{1,2})\2(\d{4}|\d{2})")
_ISO = re.compile(r"(\d{4})([/.\-])(\d{1,2})\2(\d{1,2})")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$")


class Order(StrEnum):
    """The order of day, month and year in numeric dates."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


def order_named(text: str) -> Order:
    """The order a person names: "dmy", "DD/MM/YYYY", "JJ/MM/AAAA", "%m/%d/%Y". Raises ValueError."""
    letters = re.sub(r"[^a-z]", "", text.lower()).translate(str.maketrans("ja", "dy"))
    order = "".join(dict.fromkeys(letters))
    if order not in set(Order):
        raise ValueError(_("“%(text)s” is no date format: write dmy, mdy or ymd (or DD/MM/YYYY).") % {"text": text[:40]})
    return Order(order)


class DateEvidence:
    """What the numeric dates of one column prove about their order; feed it every text, it remembers one example of each kind."""

    def __init__(self) -> None:
        self.day_first = self.month_first = self.either = ""

    def see(self, text: str) -> None:
        found = _NUMERIC.fullmatch(_TIME.sub("", text))
        if found is None:
            return
        first, second = int(found[1]), int(found[3])
        if first == second or not (1 <= first <= 31 and 1 <= second <= 31) or (first > 12 and second > 12):
            return
        if first > 12:
            self.day_first = self.day_first or text
        elif second > 12:
            self.month_first = self.month_first or text
        else:
            self.either = self.either or text


class UnclearDates(ValueError):
    """The order of day and month cannot be known from the file."""


def settle_order(columns: Iterable[DateEvidence]) -> Order | None:
    """The order all date columns of one file share, None when no cell needs one.

    One program wrote the file: what one column proves holds for the others. Raises UnclearDates when nothing proves it, or both are proved.
    """
    seen = list(columns)
    day_first = next((column.day_first for column in seen if column.day_first), "")
    month_first = next((column.month_first for column in seen if column.month_first), "")
    either = next((column.either for column in seen if column.either), "")
    if day_first and month_first:
        raise UnclearDates(
            _("The dates contradict each other: “%(one)s” begins with the day, “%(two)s” with the month.")
            % {"one": day_first, "two": month_first}
        )
    if day_first:
        return Order.DMY
    if month_first:
        return Order.MDY
    if either:
        raise UnclearDates(_("“%(date)s” may begin with the day or with the month, and nothing in the file tells.") % {"date": either})
    return None


def parse_date(text: str, order: Order | None) -> date:
    """The date written in `text`. Raises ValueError with a sentence."""
    plain = _TIME.sub("", text)
    if found := _ISO.fullmatch(plain):
        return _real(int(found[1]), int(found[3]), int(found[4]), text)
    if found := _COMPACT.fullmatch(plain):
        return _real(int(found[1]), int(found[2]), int(found[3]), text)
    found = _NUMERIC.fullmatch(plain)
    if found is None:
        raise ValueError(_("“%(text)s” is not a date (31/12/2026 or 2026-12-31).") % {"text": text[:40]})
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if order == Order.YMD:
        if len(found[4]) == 4:
            raise ValueError(_("“%(text)s” does not begin with the year.") % {"text": text[:40]})
        return _real(2000 + first, second, year, text)
    month, day = (first, second) if order == Order.MDY else (second, first)
    return _real(year if len(found[4]) == 4 else 2000 + year, month, day, text)


def _real(year: int, month: int, day: int, text: str) -> date:
    try:
        found = date(year, month, day)
    except ValueError:
        raise ValueError(_("“%(text)s” does not exist in the calendar.") % {"text": text[:40]}) from None
    return in_range(found, text)


def in_range(day: date, text: str = "") -> date:
    """`day`, if it lies between 1970 and 2100. Raises ValueError: other years are typing errors."""
    if not EARLIEST <= day.year <= LATEST:
        raise ValueError(
            _("“%(text)s” lies outside %(from)s-%(to)s: is the year right?")
            % {"text": (text or day.isoformat())[:40], "from": EARLIEST, "to": LATEST}
        )
    return day
