"""Amounts, currencies and dates as people write them (docs/domain.md, "Money").

Pure: no Django, no clock. Amounts are `Decimal` in the currency's main unit; planner code works with integer minor units ("cents"),
and `to_cents` / `from_cents` are the only doors between the two. Nothing here ever rounds silently except `quantize`.
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Literal

from babel.core import Locale, get_global
from babel.dates import format_date as babel_format_date
from babel.numbers import NumberPattern, parse_pattern

from dunning.core.errors import Unreadable, gettext_noop

DateStyle = Literal["short", "medium", "long", "full"]

# ISO 4217 minor units other than 2. Babel's own figures are CLDR's *display* habits (0 for RSD, ALL or PKR) and would round money away.
_MINOR_UNITS = {
    **dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"], 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}

# "en" means English for European trade: 01/10/2026 is 1 October, never 10 January.
_LOCALES = {"en": "en_GB", "fr": "fr_FR"}


@lru_cache(maxsize=1)
def _current_currencies() -> frozenset[str]:
    in_use = {code for rows in get_global("territory_currencies").values() for code, _start, end, tender in rows if tender and end is None}
    return frozenset(in_use)


def is_currency(code: str) -> bool:
    """Whether `code` is the ISO 4217 code (three capital letters) of a currency that is legal tender somewhere today.

    FRF and DEM are not: an invoice in a currency that no longer exists is a typing error. Neither are metals and test codes.
    """
    return code in _current_currencies()


def minor_units(currency: str) -> int:
    """Number of decimals of `currency` (ISO 4217): 2 for EUR, 0 for JPY, 3 for TND. Raises ValueError for an unknown currency."""
    if not is_currency(currency):
        raise ValueError(f"“{currency}” is not the code of a currency in use (three letters of ISO 4217, such as EUR).")
    return _MINOR_UNITS.get(currency, 2)


@lru_cache(maxsize=64)
def _unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_units(currency))


def quantize(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half up to the currency's minor unit: 2.345 EUR → 2.35, 100.5 JPY → 101."""
    return amount.quantize(_unit(currency), rounding=ROUND_HALF_UP)


def to_cents(amount: Decimal, currency: str) -> int:
    """`amount` in minor units: 12.34 EUR → 1234, 12 JPY → 12, 1.234 TND → 1234.

    Raises ValueError when the amount is not a finite, whole number of minor units: rounding is a decision, made before with `quantize`.
    """
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount.")
    cents = amount.scaleb(minor_units(currency))
    if cents != cents.to_integral_value():
        raise ValueError(f"{amount} has more decimals than {currency} has ({minor_units(currency)}).")
    return int(cents)


def from_cents(cents: int, currency: str) -> Decimal:
    """The amount of `cents` minor units: 1234 EUR cents → Decimal("12.34")."""
    return Decimal(cents).scaleb(-minor_units(currency)).quantize(_unit(currency))


@lru_cache(maxsize=16)
def _locale(name: str) -> Locale:
    return Locale.parse(_LOCALES.get(name, name.replace("-", "_")))


@lru_cache(maxsize=64)
def _pattern(locale: str, kind: Literal["currency", "number"], decimals: int) -> NumberPattern:
    """The locale's pattern with a fixed number of decimals; a copy, since Babel shares its own."""
    where = _locale(locale)
    pattern = parse_pattern(where.currency_formats["standard"].pattern if kind == "currency" else where.decimal_formats[None].pattern)
    pattern.frac_prec = (decimals, decimals)
    return pattern


@lru_cache(maxsize=4096)  # a message says its amounts several times: in its text, in its table, and in both twins
def format_money(amount: Decimal, currency: str, locale: str = "fr") -> str:
    """`amount` with its currency, always with all its decimals: "1 840,25 €" (U+202F, then U+00A0) in French, "€1,840.25" in English.

    `locale` is a language ("fr", "en") or a full locale name. The amount is rounded half up to the minor unit.
    """
    digits = minor_units(currency)
    pattern = _pattern(locale, "currency", digits)
    rounded = quantize(amount, currency) or Decimal(0)  # never “-0,00 €”
    text: str = pattern.apply(rounded, _locale(locale), currency=currency, currency_digits=False)
    return text


def format_number(amount: Decimal, decimals: int = 2, locale: str = "fr") -> str:
    """A bare number with a fixed number of decimals and the locale's separators: "12,40" for a rate, "1 840,25" for a column."""
    rounded = amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text: str = _pattern(locale, "number", decimals).apply(rounded, _locale(locale))
    return text


@lru_cache(maxsize=1024)
def format_date(day: date, locale: str = "fr", style: DateStyle = "long") -> str:
    """`day` in words: "1er octobre 2026" (French writes the first of a month as an ordinal), "1 October 2026", "01/10/2026" (short)."""
    where = _locale(locale)
    text: str = babel_format_date(day, style, locale=where)
    if where.language == "fr" and day.day == 1 and style != "short":
        text = re.sub(r"(?<!\d)1 ", "1er ", text, count=1)
    return text


# --- reading amounts that people and other programs wrote ---------------------------------------------------------------------------

_CURRENCIES_OF = {
    "€": ("EUR",),
    "£": ("GBP", "EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SSP", "SYP"),
    "$": (
        "USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD", "BBD", "BMD", "BND", "BSD", "BZD", "FJD", "GYD", "JMD", "KYD", "LRD", "NAD", "SBD",
        "SRD", "TTD", "XCD", "ARS", "BRL", "CLP", "COP", "CUP", "CVE", "DOP", "MXN", "NIO", "TOP", "UYU", "WST",
    ),
    "¥": ("JPY", "CNY"),
}  # fmt: skip
_SYMBOLS = "".join(_CURRENCIES_OF)
_CURRENCY_WRITTEN = re.compile(rf"(?i)[{_SYMBOLS}]|(?:euros?|eur|usd|gbp|chf)$")
_SPACES = " \t\u00a0\u202f\u2009\u2007"
_APOSTROPHES = "'\u2019"
_MINUS = "-\u2212"
_TRANSLATION = str.maketrans(dict.fromkeys(_SPACES, " ") | dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_MINUS, "-"))
_LONGEST = 40
_SHAPE = re.compile(r"[0-9][0-9 ',.]*|[.,][0-9]+")


class TwoReadings(Unreadable):
    """An amount such as "1,234": its only sign may group thousands or separate decimals."""


def written_currencies(text: str) -> tuple[str, ...]:
    """The signs and codes of currencies an amount carries, the words as codes: ("€",) for "12 €", ("USD",) for "12 usd"."""
    found = (mark.upper() for mark in _CURRENCY_WRITTEN.findall(text))
    return tuple(dict.fromkeys("EUR" if mark.startswith("EURO") else mark for mark in found))


def may_mean(mark: str, currency: str) -> bool:
    """Whether a sign or code stands for `currency`: "$" for every dollar, "€" for EUR alone."""
    return currency in _CURRENCIES_OF.get(mark, (mark,))


def _refuse(text: str, sentence: str, **values: object) -> Unreadable:
    return Unreadable(sentence, text=text.strip()[:_LONGEST], **values)


def _sign_and_body(text: str) -> tuple[int, str]:
    """The sign and the unsigned body of an amount: "(12,00)", "12,00-", "-12,00", "€ 12,00" all give (-1 or 1, "12,00")."""
    body = text.translate(_TRANSLATION).strip()
    if len(body) > _LONGEST:
        raise _refuse(text, gettext_noop("“%(text)s” is not an amount: it is too long."))
    negatives = 0
    if body.startswith("(") and body.endswith(")"):
        negatives, body = 1, body[1:-1].strip()
    body = body.strip(_SYMBOLS).strip()
    if body[:1] in ("-", "+"):
        negatives += body[0] == "-"
        body = body[1:].strip().strip(_SYMBOLS).strip()
    if body[-1:] == "-":
        negatives += 1
        body = body[:-1].strip().strip(_SYMBOLS).strip()
    if negatives > 1:
        raise _refuse(text, gettext_noop("“%(text)s” is not an amount: it carries two minus signs."))
    if not body:
        raise _refuse(text, gettext_noop("“%(text)s” is not an amount: there is no figure in it."))
    return (-1 if negatives else 1), body


def _grouped(whole: str, separator: str) -> bool:
    """Whether `whole` is cut in groups of three by `separator`: 1,234,567 is, 12,34 and 0,123 are not."""
    head, *groups = whole.split(separator)
    return head.isdigit() and len(head) <= 3 and head != "0" and all(len(group) == 3 and group.isdigit() for group in groups)


def _decimal_point(text: str, body: str) -> str | None:
    """The character that separates the decimals of `body`, "" when it surely has none, None when "1,234" can mean both.

    Raises ValueError when no reading is possible.
    """
    commas, points = body.count(","), body.count(".")
    if commas and points:
        decimal = "," if body.rfind(",") > body.rfind(".") else "."
        if body.count(decimal) > 1:
            raise _refuse(text, gettext_noop("“%(text)s” is not an amount: its separators follow no known notation."))
        return decimal
    if not commas and not points:
        return ""
    mark = "," if commas else "."
    if commas + points > 1:
        return "." if mark == "," else ","
    fraction = body.partition(mark)[2]
    spaced = " " in body or "'" in body
    if len(fraction) == 3 and not spaced and _grouped(body, mark):
        return None
    return mark


def parse_decimal(text: str, decimal_separator: str | None = None) -> Decimal:
    """The number written in `text`, in French or English notation: 1 234,56 · 1,234.56 · 1.234,56 · 1234,5 · (12,00) · 12,00- · 1'234.50 €.

    Spaces (no-break and narrow ones too) and apostrophes group thousands. "1,234" and "1.234" can mean two numbers: they need
    `decimal_separator` ("," or "."), which `detect_decimal_separator` finds for a whole column, and raise TwoReadings without it. When it
    is given, a number written the other way is refused. Raises ValueError with a sentence for the person who typed it.
    """
    if decimal_separator not in (None, ",", "."):
        raise ValueError("The decimal separator is “,” or “.”.")
    sign, body = _sign_and_body(text)
    if not _SHAPE.fullmatch(body):
        raise _refuse(text, gettext_noop("“%(text)s” is not an amount: it holds something else than figures and separators."))
    mark = _decimal_point(text, body)
    if mark is None:
        if decimal_separator is None:
            sentence = gettext_noop(
                "“%(text)s” is not an amount: it may mean thousands or decimals; say which sign separates the decimals."
            )
            raise TwoReadings(sentence, text=text.strip())
        mark = decimal_separator
    elif mark and decimal_separator and mark != decimal_separator:
        sentence = gettext_noop("“%(text)s” is not an amount: the decimals of this column are separated by “%(separator)s”.")
        raise _refuse(text, sentence, separator=decimal_separator)
    whole, _, fraction = body.partition(mark) if mark else (body, "", "")
    used = {sign_ for sign_ in " ',." if sign_ in whole}
    if len(used) > 1 or (used and not _grouped(whole, *used)):
        raise _refuse(text, gettext_noop("“%(text)s” is not an amount: its figures are not grouped by three."))
    if fraction and not fraction.isdigit():
        raise _refuse(text, gettext_noop("“%(text)s” is not an amount: its decimals hold something else than figures."))
    for separator in used:
        whole = whole.replace(separator, "")
    return sign * Decimal(f"{whole or '0'}.{fraction or '0'}" if fraction else whole or "0")


def detect_decimal_separator(samples: Iterable[str]) -> str | None:
    """The decimal separator that the amounts of a column betray: "," or ".", or None when nothing tells ("1,234" alone does not).

    Blank and unreadable samples are passed over: they are reported with their own line. Raises ValueError when the column
    mixes both notations.
    """
    seen: dict[str, str] = {}
    for sample in samples:
        try:
            _sign, body = _sign_and_body(sample)
            mark = _decimal_point(sample, body) if _SHAPE.fullmatch(body) else None
            if mark:
                parse_decimal(sample, mark)
                seen.setdefault(mark, sample.strip())
        except ValueError:
            continue
    if len(seen) > 1:
        raise ValueError(f"This column mixes two notations: “{seen[',']}” and “{seen['.']}”. Write all its amounts the same way.")
    return next(iter(seen), None)


def printed_iban(iban: str) -> str:
    """An account number as it is printed, in groups of four: `FR20 9999 9000 01…`."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def masked_iban(iban: str) -> str:
    """An account number that can be recognised and not used: its first and last four characters, `FR20 •••• 1A82`."""
    return f"{iban[:4]} •••• {iban[-4:]}" if len(iban) > 8 else "•" * len(iban)
