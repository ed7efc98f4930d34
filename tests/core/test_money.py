from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.money import (
    TwoReadings,
    detect_decimal_separator,
    format_date,
    format_money,
    format_number,
    from_cents,
    is_currency,
    minor_units,
    parse_decimal,
    quantize,
    to_cents,
)


@pytest.mark.parametrize(
    ("amount", "currency", "cents"),
    [
        ("1840.25", "EUR", 184025),
        ("-0.01", "EUR", -1),
        ("1840", "JPY", 1840),
        ("12.345", "TND", 12345),
        ("12.30", "RSD", 1230),
        ("5", "EUR", 500),
    ],
)
def test_cents_follow_the_currency(amount: str, currency: str, cents: int) -> None:
    assert to_cents(Decimal(amount), currency) == cents
    assert from_cents(cents, currency) == Decimal(amount)


@pytest.mark.parametrize(("amount", "currency"), [("1.234", "EUR"), ("0.5", "JPY"), ("NaN", "EUR"), ("Infinity", "EUR"), ("1", "EURO")])
def test_cents_never_round(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"decimals|not an amount|not the code"):
        to_cents(Decimal(amount), currency)


def test_from_cents_keeps_every_decimal_place() -> None:
    assert str(from_cents(500, "EUR")) == "5.00"
    assert str(from_cents(500, "JPY")) == "500"


@given(st.integers(-(10**14), 10**14), st.sampled_from(["EUR", "JPY", "TND", "RSD", "USD"]))
def test_cents_go_there_and_back(cents: int, currency: str) -> None:
    assert to_cents(from_cents(cents, currency), currency) == cents


def test_quantize_rounds_half_up_to_the_minor_unit() -> None:
    assert quantize(Decimal("2.345"), "EUR") == Decimal("2.35")
    assert quantize(Decimal("2.344"), "EUR") == Decimal("2.34")
    assert quantize(Decimal("-2.345"), "EUR") == Decimal("-2.35")
    assert quantize(Decimal("100.5"), "JPY") == Decimal(101)
    assert quantize(Decimal("1.2345"), "TND") == Decimal("1.235")


def test_currencies_are_those_in_use() -> None:
    assert [code for code in ("EUR", "USD", "XOF", "XPF", "GBP", "FRF", "DEM", "XAU", "eur", "EURO", "") if is_currency(code)] == [
        "EUR",
        "USD",
        "XOF",
        "XPF",
        "GBP",
    ]
    # CLDR shows Serbian dinars without decimals; ISO 4217 has two, and an invoice may use them.
    assert [minor_units(code) for code in ("EUR", "RSD", "XOF", "KWD")] == [2, 2, 0, 3]


def test_amounts_are_written_as_each_language_writes_them() -> None:
    assert format_money(Decimal("1840.25"), "EUR", "fr") == "1\u202f840,25\u00a0€"
    assert format_money(Decimal("-12"), "EUR", "fr") == "-12,00\u00a0€"
    assert format_money(Decimal("1840.25"), "EUR", "en") == "€1,840.25"
    assert format_money(Decimal("1840"), "JPY", "en") == "JP¥1,840"
    assert format_money(Decimal("12.3"), "TND", "fr") == "12,300\u00a0TND"
    assert format_money(Decimal("12.34"), "RSD", "fr") == "12,34\u00a0RSD"
    assert format_number(Decimal("12.4"), 2, "fr") == "12,40"
    assert format_number(Decimal("1234.5"), 1, "en") == "1,234.5"


def test_dates_are_written_as_each_language_writes_them() -> None:
    first, eleventh = date(2026, 10, 1), date(2026, 10, 11)
    assert format_date(first, "fr") == "1er octobre 2026"
    assert format_date(first, "fr", "full") == "jeudi 1er octobre 2026"
    assert format_date(first, "fr", "short") == "01/10/2026"
    assert format_date(eleventh, "fr") == "11 octobre 2026"
    assert format_date(first, "en") == "1 October 2026"
    assert format_date(first, "en", "short") == "01/10/2026"


READABLE = {
    "1 234,56": "1234.56",
    "1,234.56": "1234.56",
    "1.234,56": "1234.56",
    "1234,5": "1234.5",
    "1234.5": "1234.5",
    "1234": "1234",
    "(12,00)": "-12.00",
    "12,00-": "-12.00",
    "-12,00": "-12.00",
    "\u221212,00": "-12.00",
    "+12,00": "12.00",
    "1\u00a0234,56": "1234.56",
    "1\u202f234\u202f567,80": "1234567.80",
    "1'234.50": "1234.50",
    "1\u2019234.50": "1234.50",
    "1 234,56 €": "1234.56",
    "€ 1,234.56": "1234.56",
    "-€5.00": "-5.00",
    "1,234,567": "1234567",
    "1.234.567": "1234567",
    "1,234,567.89": "1234567.89",
    "0,125": "0.125",
    "1234,567": "1234.567",
    "1 234,567": "1234.567",
    "12,": "12",
    ",5": "0.5",
    " 00012,50 ": "12.50",
    "0": "0",
}


@pytest.mark.parametrize(("text", "value"), READABLE.items())
def test_both_notations_are_read(text: str, value: str) -> None:
    assert parse_decimal(text) == Decimal(value)


@pytest.mark.parametrize("text", ["1,234", "1.234", "-12,500", "(999.000)"])
def test_one_separator_and_three_figures_can_mean_two_numbers(text: str) -> None:
    with pytest.raises(TwoReadings, match="thousands or decimals"):
        parse_decimal(text)


def test_the_column_settles_what_one_amount_cannot() -> None:
    assert parse_decimal("1,234", ",") == Decimal("1.234")
    assert parse_decimal("1,234", ".") == Decimal(1234)
    assert parse_decimal("1.234", ",") == Decimal(1234)
    assert parse_decimal("(1.234)", ".") == Decimal("-1.234")


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("12.50", ","),
        ("1,234.56", ","),
        ("1,234,567", ","),
        ("12,50", "."),
        ("", None),
        ("   ", None),
        ("abc", None),
        ("12 EUROS", None),
        ("12 34,5", None),
        ("1,23,456", None),
        ("1.2.3,4", None),
        ("1,2.3,4", None),
        ("1,234 567", None),
        ("1'23 456", None),
        ("--5", None),
        ("-(5)", None),
        ("-5-", None),
        (".", None),
        ("٣", None),
        ("1e5", None),
        ("NaN", None),
        ("9" * 41, None),
    ],
)
def test_what_is_not_an_amount_is_refused_with_a_sentence(text: str, separator: str | None) -> None:
    with pytest.raises(ValueError, match=r"^“.*” is not an amount: .+\.$"):
        parse_decimal(text, separator)


def test_a_column_betrays_its_separator() -> None:
    assert detect_decimal_separator(["1,234", "", "12,50", "n/a"]) == ","
    assert detect_decimal_separator(["1.234", "1.234.567"]) == ","
    assert detect_decimal_separator(["1,234", "1,234,567"]) == "."
    assert detect_decimal_separator(["1.234,56"]) == ","
    assert detect_decimal_separator(["1,234", "5 678", "12"]) is None
    assert detect_decimal_separator([]) is None


def test_a_column_of_two_notations_is_refused() -> None:
    with pytest.raises(ValueError, match=r"“12,50” and “12\.50”"):
        detect_decimal_separator(["12,50", "12.50"])


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2), st.sampled_from(["fr", "en"]))
def test_what_we_write_we_read_back(amount: Decimal, language: str) -> None:
    assert parse_decimal(format_money(amount, "EUR", language)) == amount


@given(st.text(max_size=12))
def test_reading_never_fails_otherwise(text: str) -> None:
    try:
        assert parse_decimal(text).is_finite()
    except ValueError as error:
        assert "is not an amount" in str(error)
