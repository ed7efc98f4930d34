"""Payment terms: from an issue date to a due date, what the terms are called, and what French law allows (docs/domain.md, "Payment terms").

Pure. A due date is never moved to a business day: no text postpones a contractual due date, and penalties count from the real one.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from dunning.core.errors import Unreadable, gettext_noop

_NOT_UNDERSTOOD: Final = gettext_noop(
    "“%(text)s” is not understood as payment terms: write it like “30 jours”, “45 jours fin de mois” or “fin de mois + 45 jours”."
)


class EndOfMonth(StrEnum):
    """How "end of month" combines with the days. Both computations are lawful in France; the contract must say which."""

    NONE = "none"
    BEFORE = "before"
    """The last day of the issue month, then the days."""
    AFTER = "after"
    """The days, then the last day of that month."""


def end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _on_day_of_month(start: date, day_of_month: int) -> date:
    """The first date on or after `start` that is that day of its month, or the month's last day when it is shorter."""
    last = end_of_month(start)
    wanted = start.replace(day=min(day_of_month, last.day))
    if wanted >= start:
        return wanted
    following = last + timedelta(days=1)
    return following.replace(day=min(day_of_month, end_of_month(following).day))


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """`days` after issue, an end of month before or after them, then perhaps a fixed day ("30 jours fin de mois le 10").

    Raises ValueError outside 0-365 days or 1-31 for the day of the month.
    """

    days: int
    end_of_month: EndOfMonth = EndOfMonth.NONE
    day_of_month: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.days <= 365:
            raise Unreadable(gettext_noop("Payment terms count between 0 and 365 days."))
        if self.day_of_month is not None and not 1 <= self.day_of_month <= 31:
            raise Unreadable(gettext_noop("The day of the month lies between 1 and 31."))

    def due_date(self, issued_on: date) -> date:
        """The last day on which payment is on time."""
        start = end_of_month(issued_on) if self.end_of_month == EndOfMonth.BEFORE else issued_on
        due = start + timedelta(days=self.days)
        if self.end_of_month == EndOfMonth.AFTER:
            due = end_of_month(due)
        if self.day_of_month is None:
            return due
        # "fin de mois le 10" is the 10th of the month after that end of month; the 31st too is one of the following month.
        return _on_day_of_month(due + timedelta(days=1) if self.end_of_month == EndOfMonth.AFTER else due, self.day_of_month)

    def label(self, language: str = "fr") -> str:
        """The terms in words, in French or English, such that `parse_terms` reads them back."""
        return _label_fr(self) if language == "fr" else _label_en(self)


def _label_fr(terms: PaymentTerms) -> str:
    if terms.end_of_month == EndOfMonth.NONE:
        words = f"{terms.days} jours" if terms.days else "à réception"
    elif not terms.days:
        words = "fin de mois"
    elif terms.end_of_month == EndOfMonth.AFTER:
        words = f"{terms.days} jours fin de mois"
    else:
        words = f"fin de mois + {terms.days} jours"
    return f"{words} le {terms.day_of_month}" if terms.day_of_month else words


def _label_en(terms: PaymentTerms) -> str:
    if terms.end_of_month == EndOfMonth.NONE:
        words = f"{terms.days} days net" if terms.days else "due on receipt"
    elif not terms.days:
        words = "end of month"
    elif terms.end_of_month == EndOfMonth.AFTER:
        words = f"{terms.days} days, then end of month"
    else:
        words = f"end of month + {terms.days} days"
    return f"{words}, on day {terms.day_of_month}" if terms.day_of_month else words


_EOM = r"(?:fin\s+(?:de|du)\s+mois|fdm|end\s+of\s+(?:the\s+)?month|month\s+end|eom)"
_DAYS = r"(?P<days>\d{1,3})\s*(?:j|jrs?|jours?|d|days?)?"
_NET = (
    r"(?:\s*,?\s*(?:nets?|date\s+de\s+facture|date\s+d['’]émission|de\s+la\s+date\s+de\s+facture|"
    r"(?:from|after)\s+(?:the\s+)?invoice(?:\s+date)?))?"
)
_FIXED_DAY = r"(?:\s*,?\s*(?:le|on(?:\s+day)?(?:\s+the)?|the)\s+(?P<fixed>\d{1,2})(?:er|st|nd|rd|th)?)?"
_AT_ONCE = (
    r"(?:paiement\s+)?(?:à\s+(?:la\s+)?réception(?:\s+de\s+(?:la\s+)?facture)?|comptant|"
    r"(?:due\s+)?(?:up)?on\s+receipt|immediate(?:ly)?|cash)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], EndOfMonth], ...] = tuple(
    (re.compile(shape + _FIXED_DAY, re.IGNORECASE), kind)
    for shape, kind in (
        (rf"{_DAYS}\s*,?\s*(?:then\s+|puis\s+)?{_EOM}", EndOfMonth.AFTER),
        (rf"{_EOM}\s*(?:\+|plus|,|puis|then|à)?\s*{_DAYS}", EndOfMonth.BEFORE),
        (rf"{_DAYS}\s+(?:after|from|après|à\s+compter\s+de)\s+(?:the\s+|la\s+)?{_EOM}", EndOfMonth.BEFORE),
        (rf"(?:à\s+)?{_EOM}", EndOfMonth.AFTER),
        (rf"(?:nets?|à)\s+{_DAYS}", EndOfMonth.NONE),
        (rf"{_DAYS}{_NET}", EndOfMonth.NONE),
        (_AT_ONCE, EndOfMonth.NONE),
    )
)


def parse_terms(text: str) -> PaymentTerms:
    """The terms that `text` names, in French or English: "45 jours fin de mois", "30j FDM le 10", "net 30", "EOM + 45", "à réception".

    "45 jours fin de mois" reads as the days first, then the end of the month (the common habit); "fin de mois + 45 jours" the other way.
    Raises ValueError when it is not understood.
    """
    words = " ".join(text.split())
    for pattern, kind in _PATTERNS:
        found = pattern.fullmatch(words)
        if found:
            named = found.groupdict()
            return PaymentTerms(int(named.get("days") or 0), kind, int(named["fixed"]) if named.get("fixed") else None)
    raise Unreadable(_NOT_UNDERSTOOD, text=words[:60])


# --- what the law allows ---------------------------------------------------------------------------------------------------------------


class Start(StrEnum):
    """The day from which a legal maximum counts."""

    ISSUE = "issue"
    DELIVERY = "delivery"
    END_OF_DELIVERY_DECADE = "end_of_delivery_decade"
    """The 10th, the 20th or the last day of the month."""
    END_OF_DELIVERY_MONTH = "end_of_delivery_month"
    REQUEST_RECEIVED = "request_received"


class Trade(StrEnum):
    """What is sold or who buys, as far as French law sets another maximum for it."""

    GENERAL = "general"
    NOTHING_AGREED = "nothing_agreed"
    PERIODIC_INVOICE = "periodic_invoice"
    TRANSPORT = "transport"
    PERISHABLE_FOOD = "perishable_food"
    PERISHABLE_FOOD_PERIODIC = "perishable_food_periodic"
    LIVESTOCK_AND_FRESH_MEAT = "livestock_and_fresh_meat"
    ALCOHOL = "alcohol"
    PUBLIC_AUTHORITY = "public_authority"
    PUBLIC_HOSPITAL = "public_hospital"
    PUBLIC_UNDERTAKING = "public_undertaking"


@dataclass(frozen=True, slots=True)
class Maximum:
    """A legal maximum: days counted from a start, and its article."""

    days: int
    start: Start
    article: str


MAXIMA: dict[Trade, Maximum] = {
    Trade.GENERAL: Maximum(60, Start.ISSUE, "C. com. L441-10 I"),
    Trade.NOTHING_AGREED: Maximum(30, Start.DELIVERY, "C. com. L441-10 I"),
    Trade.PERIODIC_INVOICE: Maximum(45, Start.ISSUE, "C. com. L441-10 I, CGI 289 I-3"),
    Trade.TRANSPORT: Maximum(30, Start.ISSUE, "C. com. L441-11 II 5°"),
    Trade.PERISHABLE_FOOD: Maximum(30, Start.DELIVERY, "C. com. L441-11 II 1°"),
    Trade.PERISHABLE_FOOD_PERIODIC: Maximum(30, Start.END_OF_DELIVERY_DECADE, "C. com. L441-11 II 1°"),
    Trade.LIVESTOCK_AND_FRESH_MEAT: Maximum(20, Start.DELIVERY, "C. com. L441-11 II"),
    Trade.ALCOHOL: Maximum(30, Start.END_OF_DELIVERY_MONTH, "C. com. L441-11 II"),
    Trade.PUBLIC_AUTHORITY: Maximum(30, Start.REQUEST_RECEIVED, "CCP R2192-10"),
    Trade.PUBLIC_HOSPITAL: Maximum(50, Start.REQUEST_RECEIVED, "CCP R2192-11"),
    Trade.PUBLIC_UNDERTAKING: Maximum(60, Start.REQUEST_RECEIVED, "CCP R2192-11"),
}


def _end_of_decade(day: date) -> date:
    return day.replace(day=10) if day.day <= 10 else day.replace(day=20) if day.day <= 20 else end_of_month(day)


def latest_due_date(
    trade: Trade, *, issued_on: date, delivered_on: date | None = None, received_on: date | None = None, terms: PaymentTerms | None = None
) -> date:
    """The last due date French law allows for this sale.

    `delivered_on` and `received_on` (a public buyer's receipt of the payment request) default to the issue date. In general trade, `terms`
    with an end of month may reach 45 days end of month, computed their own way, if that is later than 60 days (L441-10 I).
    """
    maximum = MAXIMA[trade]
    delivered = delivered_on or issued_on
    start = {
        Start.ISSUE: issued_on,
        Start.DELIVERY: delivered,
        Start.END_OF_DELIVERY_DECADE: _end_of_decade(delivered),
        Start.END_OF_DELIVERY_MONTH: end_of_month(delivered),
        Start.REQUEST_RECEIVED: received_on or issued_on,
    }[maximum.start]
    limit = start + timedelta(days=maximum.days)
    if trade == Trade.GENERAL and terms is not None and terms.end_of_month != EndOfMonth.NONE:
        return max(limit, PaymentTerms(45, terms.end_of_month).due_date(issued_on))
    return limit


class WarningCode(StrEnum):
    ABOVE_MAXIMUM = "above_maximum"
    """The due date may lie beyond the legal maximum: administrative fine up to 2 000 000 EUR (L441-16)."""
    DEROGATION = "derogation"
    """Beyond 60 days through 45 days end of month: lawful only if expressly stipulated and not manifestly abusive (L441-10 I)."""


@dataclass(frozen=True, slots=True)
class TermsWarning:
    """`days_over` beyond the limit at worst, for an invoice issued on `example_on`."""

    code: WarningCode
    days_over: int
    example_on: date
    article: str


def check_terms(terms: PaymentTerms, trade: Trade = Trade.GENERAL) -> list[TermsWarning]:
    """What French law has against these terms, looking at every issue date of four years (a leap day among them); empty when nothing.

    Delivery is taken on the issue date: the check of one invoice compares with `latest_due_date`.
    """
    article = MAXIMA[trade].article
    first = date(2025, 1, 1).toordinal()
    days = [date.fromordinal(first + offset) for offset in range(1461)]
    over = [(terms.due_date(day) - latest_due_date(trade, issued_on=day, terms=terms)).days for day in days]
    worst = max(over)
    if worst > 0:
        return [TermsWarning(WarningCode.ABOVE_MAXIMUM, worst, days[over.index(worst)], article)]
    if trade != Trade.GENERAL:
        return []
    over = [(terms.due_date(day) - day).days - MAXIMA[trade].days for day in days]
    worst = max(over)
    return [TermsWarning(WarningCode.DEROGATION, worst, days[over.index(worst)], article)] if worst > 0 else []
