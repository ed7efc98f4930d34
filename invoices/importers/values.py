"""Cells become values: first the columns are looked at as a whole, then each row is converted or refused with its column and reason."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from customers import identity
from dunning.core.errors import DomainError
from dunning.core.money import detect_decimal_separator, is_currency, may_mean, minor_units, parse_decimal, written_currencies
from invoices.importers.dates import DateEvidence, Order, in_range, parse_date, settle_order
from invoices.importers.mapping import Columns, Field, Shape
from invoices.importers.problems import RowProblem, in_words
from invoices.importers.reading import Cell, Row
from invoices.importers.words import compact
from invoices.importers.workbook import Spoilt
from invoices.terms import PaymentTerms, parse_terms

MAX_AMOUNT = Decimal("9999999999.99")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_PLAIN_AMOUNT = re.compile(r"-?\d{1,12}(?:[.,]\d{1,2})?")
_SAMPLES = 2_000
_YES = frozenset({"1", "yes", "y", "oui", "o", "true", "vrai", "x"})
_NO = frozenset({"0", "no", "n", "non", "false", "faux"})
_COUNTRY = {
    "france": "FR", "belgique": "BE", "belgium": "BE", "suisse": "CH", "switzerland": "CH", "luxembourg": "LU", "allemagne": "DE",
    "germany": "DE", "espagne": "ES", "spain": "ES", "italie": "IT", "italy": "IT", "royaumeuni": "GB", "unitedkingdom": "GB", "uk": "GB",
    "paysbas": "NL", "netherlands": "NL", "portugal": "PT", "irlande": "IE", "ireland": "IE", "autriche": "AT", "austria": "AT",
    "etatsunis": "US", "unitedstates": "US", "usa": "US", "monaco": "MC",
}  # fmt: skip
_CURRENCY_SIGNS = {"€": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "£": "GBP"}
_MEANT = {"€": "EUR", "£": "GBP"}  # by a sign beside an amount, where nothing else is said; a dollar may be anybody's
WRITTEN = "written_currencies"
"""Beside the fields of a row: the signs and codes of currencies its amounts carry."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the columns of a file prove when read whole: the order of dates, the decimal separator of each amount, and how many rows."""

    order: Order | None
    decimals: Mapping[str, str | None]
    rows: int


class _DecimalEvidence:
    """The decimal separator of one column, found without keeping the column: samples are looked at in portions."""

    def __init__(self) -> None:
        self._samples: list[str] = []
        self._found: set[str] = set()

    def see(self, text: str) -> None:
        if "," in text or "." in text:
            self._samples.append(text)
            if len(self._samples) >= _SAMPLES:
                self._look()

    def _look(self) -> None:
        try:
            separator = detect_decimal_separator(self._samples)
        except ValueError:  # both notations: each cell must speak for itself
            self._found.update((",", "."))
        else:
            self._found.update(separator or "")
        self._samples.clear()

    def settle(self) -> str | None:
        self._look()
        return next(iter(self._found)) if len(self._found) == 1 else None


def gather(rows: Iterable[Row], columns: Columns, fields: Sequence[Field], *, order: Order | None, decimal: str | None) -> Evidence:
    """Read all rows once. `order` and `decimal` are what a person said, and settle the question. Raises UnclearDates."""
    dates = [(columns.index[item.name], DateEvidence()) for item in fields if item.shape == Shape.DATE and item.name in columns.index]
    amounts = {
        item.name: (columns.index[item.name], _DecimalEvidence())
        for item in fields
        if item.shape == Shape.AMOUNT and item.name in columns.index
    }
    count = 0
    for row in rows:
        count += 1
        if row.problem:
            continue
        for position, seen in dates:
            cell = row.cells[position]
            if isinstance(cell, str) and cell and not isinstance(cell, Spoilt):
                seen.see(cell)
        for position, found in amounts.values():
            cell = row.cells[position]
            if isinstance(cell, str) and cell and not isinstance(cell, Spoilt):
                found.see(cell)
    return Evidence(
        order=order or settle_order(seen for _position, seen in dates),
        decimals={name: decimal or found.settle() for name, (_position, found) in amounts.items()},
        rows=count,
    )


class Converter:
    """Turns a row into values by field name; an absent column or an empty cell is None: it says nothing."""

    def __init__(self, fields: Sequence[Field], columns: Columns, evidence: Evidence) -> None:
        self._columns = columns
        self._steps = [(item, columns.index[item.name], self._maker(item, evidence)) for item in fields if item.name in columns.index]
        self._absent = {item.name: None for item in fields if item.name not in columns.index}
        self._amounts = [position for item, position, _make in self._steps if item.shape == Shape.AMOUNT]

    def values(self, row: Row) -> dict[str, Any]:
        """Raises RowProblem at the first cell that cannot be what its column says."""
        if row.problem:
            raise RowProblem("", row.problem)
        values: dict[str, Any] = dict(self._absent)
        cells = row.cells
        for item, position, make in self._steps:
            cell = cells[position]
            if cell == "":
                values[item.name] = None
                continue
            if isinstance(cell, Spoilt):
                raise RowProblem(self._columns.title(item.name), cell.reason)
            try:
                values[item.name] = make(cell)
            except (ValueError, DomainError) as error:
                raise RowProblem(self._columns.title(item.name), in_words(error)) from None
        texts = [cell for position in self._amounts if isinstance(cell := cells[position], str)]
        values[WRITTEN] = tuple(mark for text in texts for mark in written_currencies(text))
        return values

    def _maker(self, item: Field, evidence: Evidence) -> Callable[[Cell], Any]:
        if item.shape == Shape.DATE:
            return _date_maker(evidence.order)
        if item.shape == Shape.AMOUNT:
            return _amount_maker(evidence.decimals.get(item.name))
        if item.shape == Shape.CHOICE:
            return _remembering(lambda text: _choice(text, item.choices))
        if item.shape in _BY_SHAPE:
            return _remembering(_BY_SHAPE[item.shape])
        return _text_maker(item.longest)


def _clean(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return format(cell.to_integral_value(), "f") if cell == cell.to_integral_value() else format(cell, "f")
    if isinstance(cell, date):
        return cell.isoformat()
    if _CONTROL.search(cell):
        raise ValueError(_("the cell holds invisible control characters"))
    return " ".join(cell.split()) if "\n" in cell or "\t" in cell or "  " in cell else cell


def _remembering(make: Callable[[str], Any]) -> Callable[[Cell], Any]:
    """The same words come again and again in a column: convert each once, within bounds."""
    known: dict[Cell, Any] = {}

    def convert(cell: Cell) -> Any:
        try:
            return known[cell]
        except KeyError:
            value = make(_clean(cell))
            if len(known) < 20_000:
                known[cell] = value
            return value

    return convert


def _text_maker(longest: int) -> Callable[[Cell], str]:
    def convert(cell: Cell) -> str:
        text = _clean(cell)
        if len(text) > longest:
            raise ValueError(_("“%(text)s…” is too long: %(longest)s characters at most.") % {"text": text[:30], "longest": longest})
        return text

    return convert


def _date_maker(order: Order | None) -> Callable[[Cell], date]:
    read = _remembering(lambda text: parse_date(text, order))

    def convert(cell: Cell) -> date:
        if isinstance(cell, date):
            return in_range(cell)
        if isinstance(cell, Decimal) and len(str(cell)) != 8:
            raise ValueError(_("“%(number)s” is a number: format the column as dates in the workbook.") % {"number": cell})
        found: date = read(cell)
        return found

    return convert


def _amount_maker(separator: str | None) -> Callable[[Cell], Decimal]:
    def convert(cell: Cell) -> Decimal:
        if isinstance(cell, date):
            raise ValueError(_("“%(date)s” is a date, not an amount.") % {"date": cell})
        if isinstance(cell, Decimal):
            amount = cell
        elif _PLAIN_AMOUNT.fullmatch(cell) and (
            not separator or (separator == "," and "." not in cell) or (separator == "." and "," not in cell)
        ):
            amount = Decimal(cell.replace(",", "."))
        else:
            amount = parse_decimal(re.sub(r"(?i)\s*(eur|euros?|usd|gbp|chf)$", "", cell), separator)
        if abs(amount) > MAX_AMOUNT:
            raise ValueError(_("“%(text)s” is too large an amount.") % {"text": str(cell)[:40]})
        cents = amount.quantize(Decimal("0.01"))
        if cents != amount:
            raise ValueError(_("“%(text)s” has more than two decimals.") % {"text": str(cell)[:40]})
        return cents

    return convert


def _choice(text: str, choices: Mapping[str, str]) -> str:
    try:
        return choices[compact(text)]
    except KeyError:
        raise ValueError(
            _("“%(text)s” is not understood here: %(words)s.") % {"text": text[:40], "words": ", ".join(list(dict.fromkeys(choices))[:12])}
        ) from None


def _currency(text: str) -> str:
    code = _CURRENCY_SIGNS.get(text.lower(), text.upper())
    if not is_currency(code):
        raise ValueError(_("“%(text)s” is not a currency in use: three letters such as EUR.") % {"text": text[:20]})
    if minor_units(code) > 2:
        raise ValueError(
            _("%(code)s has %(digits)s decimals: such currencies are not supported.") % {"code": code, "digits": minor_units(code)}
        )
    return code


def check_currency(text: str) -> str:
    """The ISO code of a supported currency. Raises ValueError."""
    return _currency(text.strip())


def currency_of(values: Mapping[str, Any], otherwise: str, column: str) -> str:
    """The currency of a row: its own, else `otherwise` or the one its amounts carry. Raises RowProblem when they contradict."""
    own, marks = values["currency"], values[WRITTEN]
    candidates = [own] if own else [otherwise, *(_MEANT.get(mark, mark) for mark in marks)]
    for currency in candidates:
        if not other_currency(marks, currency):
            return str(currency)
    reason = _("“%(mark)s” is not %(currency)s: correct the amount, or name the row’s currency in a column of its own")
    raise RowProblem(column, reason % {"mark": other_currency(marks, candidates[0]), "currency": candidates[0]})


def other_currency(marks: Iterable[str], currency: str) -> str:
    """The first sign or code that does not stand for `currency`, "" when all do."""
    return next((mark for mark in marks if not may_mean(mark, currency)), "")


def check_group(name: str, column: str) -> None:
    """Refuse a group that no key can be made of. Raises RowProblem."""
    if not slugify(name):
        raise RowProblem(column, _("“%(group)s” cannot name a group: give it a letter from A to Z, or a digit") % {"group": name[:40]})


def check_decimals(amount: Decimal, currency: str, column: str) -> None:
    """Refuse cents in a currency that has none (JPY). Raises RowProblem."""
    if amount != amount.to_integral_value() and minor_units(currency) == 0:
        raise RowProblem(column, _("%(currency)s has no decimals.") % {"currency": currency})


def _integer(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text):
        raise ValueError(_("“%(text)s” is not a whole number.") % {"text": text[:20]})
    return int(text)


def _terms(text: str) -> PaymentTerms:
    return parse_terms(text)


def phone_of(text: str, country: str | None, column: str) -> str:
    """A telephone number in E.164, read in its customer's country: France until something says another. Raises RowProblem."""
    try:
        return _phone(text, country or "FR")
    except DomainError as error:
        raise RowProblem(column, in_words(error)) from None


_phone = lru_cache(maxsize=20_000)(identity.clean_phone)


def _emails(text: str) -> tuple[str, ...]:
    """The addresses of a cell, each once however it is written: a customer has no two that differ in capitals alone."""
    addresses: dict[str, str] = {}
    for part in re.split(r"[;,\s]+", text):
        if address := identity.clean_email(part):
            addresses.setdefault(address.lower(), address)
    if any(len(address) > 254 for address in addresses):
        raise ValueError(_("The e-mail address is too long."))
    return tuple(addresses.values())


def _country(text: str) -> str:
    return _COUNTRY.get(compact(text)) or identity.clean_country(text)


def _language(text: str) -> str:
    word = compact(text)
    if word.startswith("fr"):
        return "fr"
    if word.startswith(("en", "an")):  # English, anglais
        return "en"
    raise ValueError(_("“%(text)s” is not a language spoken here: fr or en.") % {"text": text[:20]})


def _yes_no(text: str) -> bool:
    word = compact(text)
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError(_("“%(text)s” is neither yes nor no.") % {"text": text[:20]})


_BY_SHAPE: dict[Shape, Callable[[str], Any]] = {
    Shape.CURRENCY: _currency,
    Shape.INTEGER: _integer,
    Shape.TERMS: _terms,
    Shape.EMAILS: _emails,
    Shape.IBAN: identity.clean_iban,
    Shape.SIREN: identity.clean_siren,
    Shape.SIRET: identity.clean_siret,
    Shape.VAT_NUMBER: identity.clean_vat_number,
    Shape.COUNTRY: _country,
    Shape.LANGUAGE: _language,
    Shape.YES_NO: _yes_no,
}
