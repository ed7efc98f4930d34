"""How amounts, dates and ages are written on screen, in the language in force. Pure: today is an argument."""

import datetime as dt
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date as babel_format_date
from django.utils.translation import get_language, gettext, ngettext

from dunning.core.money import format_date, format_money, format_number

# 06/07/26 is ambiguous in English: the month is written in letters there.
_SHORT = {"fr": "dd/MM/yy", "en": "d MMM yy"}


def language() -> str:
    """`fr` or `en`: the two languages the interface speaks. English is European English, day before month."""
    return "fr" if (get_language() or "en").startswith("fr") else "en"


def money(value: Decimal | int | None, currency: str) -> str:
    """`1 840,25 €` or `€1,840.25`, with the spaces that do not break; empty for None."""
    return "" if value is None else format_money(Decimal(value), currency, language())


def number(value: Decimal | int | None) -> str:
    """A count: `12 480` or `12,480`; empty for None."""
    return "" if value is None else format_number(Decimal(value), 0, language())


def customers(count: int) -> str:
    """How many customers, for the middle of a sentence that counts something else: `12 clients`, `1 client`."""
    return ngettext("%s customer", "%s customers", count) % number(count)


def unit_price(value: Decimal, currency: str) -> str:
    """The price of one, with all its decimals, four at most: `0,065 EUR`."""
    rounded = value.quantize(Decimal("0.0001")).normalize()
    places = max(2, -int(rounded.as_tuple().exponent))
    return f"{format_number(rounded, places, language())}\u00a0{currency}"


def date_short(value: dt.date) -> str:
    """For tables: `18/06/26`, in English `18 Jun 26`."""
    return _written(value.date() if isinstance(value, dt.datetime) else value, _SHORT[language()], language())


def date_long(value: dt.date) -> str:
    """For sentences: `18 juin 2026`."""
    return format_date(value, language())


def date_weekday(value: dt.date) -> str:
    """For headings: `lundi 22 juin 2026`."""
    return f"{_written(value.date() if isinstance(value, dt.datetime) else value, 'EEEE', language())} {date_long(value)}"


@lru_cache(maxsize=2048)  # a list says the same days again and again
def _written(value: dt.date, pattern: str, locale: str) -> str:
    return str(babel_format_date(value, pattern, locale=locale))


def time_short(value: dt.datetime) -> str:
    """`9:05`, in the zone the value already carries."""
    return f"{value.hour}:{value.minute:02}"


def age(value: dt.date, today: dt.date) -> str:
    """How long ago, or how far ahead, in days: `il y a 12 j`, `dans 3 j`, `hier`."""
    days = (today - value).days
    near = {0: gettext("today"), 1: gettext("yesterday"), -1: gettext("tomorrow")}
    if days in near:
        return near[days]
    if days > 0:
        return gettext("%(days)s d ago") % {"days": number(days)}
    return gettext("in %(days)s d") % {"days": number(-days)}


def lateness(days: int) -> str:
    """Days past the due date in words: `12 jours de retard`; on or before it: what remains."""
    if days > 0:
        return ngettext("%(days)s day late", "%(days)s days late", days) % {"days": number(days)}
    if days == 0:
        return gettext("due today")
    return ngettext("due in %(days)s day", "due in %(days)s days", -days) % {"days": number(-days)}


def around_due(days: int) -> str:
    """A day told from the due date: `10 jours après l’échéance`."""
    if days == 0:
        return gettext("on the due date")
    if days > 0:
        return ngettext("%(days)s day after the due date", "%(days)s days after the due date", days) % {"days": number(days)}
    return ngettext("%(days)s day before the due date", "%(days)s days before the due date", -days) % {"days": number(-days)}


def lateness_tone(days: int) -> str:
    """The meaning of an age: late in three depths (to 30, to 60, beyond), soon within a week, else simply due."""
    if days > 60:
        return "late-3"
    if days > 30:
        return "late-2"
    if days > 0:
        return "late-1"
    return "soon" if days >= -7 else "due"


def plain_amount(value: Decimal) -> str:
    """An amount for a field to edit: `1840,25` in French, `1840.25` in English, without grouping or currency."""
    text = f"{value:f}"
    return text.replace(".", ",") if language() == "fr" else text


def phone(value: str) -> str:
    """A telephone number as people read it: `02 96 33 41 07`, `+44 20 7946 0018`; what is no E.164 number stays as it is."""
    import phonenumbers  # its tables are 5 MB, and many a day nobody looks at a number

    try:
        number_ = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    home = number_.country_code == phonenumbers.country_code_for_region("FR")
    shape = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(number_, shape)).replace(" ", "\u00a0")
