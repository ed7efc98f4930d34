"""Dates and amounts as people write them; what is unclear is asked, never guessed."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from invoices.importers.dates import DateEvidence, Order, UnclearDates, order_named, parse_date, settle_order
from invoices.importers.fields import INVOICE_FIELDS
from invoices.importers.mapping import resolve
from invoices.importers.problems import RowProblem
from invoices.importers.reading import Cell, Row
from invoices.importers.values import Converter, gather


def _order(*columns: Sequence[str]) -> Order | None:
    seen = []
    for column in columns:
        evidence = DateEvidence()
        for text in column:
            evidence.see(text)
        seen.append(evidence)
    return settle_order(seen)


def test_the_order_of_dates_is_what_the_file_proves() -> None:
    assert _order(["01/02/2026", "13/02/2026"]) == Order.DMY
    assert _order(["01/02/2026", "02/13/2026"]) == Order.MDY
    assert _order(["01/02/2026"], ["02/13/2026"]) == Order.MDY  # one program wrote both columns
    assert _order(["2026-02-01", "05/05/2026", "20260201"]) is None  # nothing to know
    with pytest.raises(UnclearDates, match="begin with the day or with the month"):
        _order(["01/02/2026"])
    with pytest.raises(UnclearDates, match="contradict"):
        _order(["13/02/2026", "02/13/2026"])


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("31/12/2026", Order.DMY, date(2026, 12, 31)),
        ("12/31/2026", Order.MDY, date(2026, 12, 31)),
        ("31.12.26", Order.DMY, date(2026, 12, 31)),
        ("1-2-2026", Order.DMY, date(2026, 2, 1)),
        ("2026-12-31", None, date(2026, 12, 31)),
        ("2026/12/31 00:00:00", None, date(2026, 12, 31)),
        ("2026-12-31T08:30:00Z", None, date(2026, 12, 31)),
        ("20261231", None, date(2026, 12, 31)),
        ("26/12/31", Order.YMD, date(2026, 12, 31)),
        ("05/05/2026", None, date(2026, 5, 5)),
    ],
)
def test_dates_are_read(text: str, order: Order | None, day: date) -> None:
    assert parse_date(text, order) == day


@pytest.mark.parametrize(
    "text", ["31/02/2026", "29/02/2026", "32/01/2026", "2026-13-01", "01/01/0026", "01/01/3026", "hier", "31/12", "1/2/3/4", "0/0/2026"]
)
def test_impossible_dates_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_date(text, Order.DMY)


def test_a_person_names_the_order_in_several_ways() -> None:
    assert [order_named(text) for text in ("dmy", "DD/MM/YYYY", "JJ/MM/AAAA", "%m/%d/%Y", "YYYY-MM-DD")] == [
        Order.DMY, Order.DMY, Order.DMY, Order.MDY, Order.YMD,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="dmy, mdy or ymd"):
        order_named("franc")


HEADING = ["Facture", "Client", "Date", "TTC"]


def _amounts(*cells: Cell, decimal: str | None = None) -> list[Decimal | str]:
    rows = [Row(number, ["F1", "C1", "2026-12-31", cell]) for number, cell in enumerate(cells, 2)]
    columns = resolve(HEADING, INVOICE_FIELDS, explicit={}, remembered={})
    converter = Converter(INVOICE_FIELDS, columns, gather(rows, columns, INVOICE_FIELDS, order=None, decimal=decimal))
    found: list[Decimal | str] = []
    for row in rows:
        try:
            found.append(converter.values(row)["gross"])
        except RowProblem as problem:
            found.append(problem.column)
    return found


def test_the_column_tells_what_its_separators_mean() -> None:
    assert _amounts("1 234,56", "1.234", "12") == [Decimal("1234.56"), Decimal("1234.00"), Decimal("12.00")]
    assert _amounts("1,234.56", "1,234", "12 €") == [Decimal("1234.56"), Decimal("1234.00"), Decimal("12.00")]
    assert _amounts("1\u202f234,50 EUR", "(12,00)", "12,00-") == [Decimal("1234.50"), Decimal("-12.00"), Decimal("-12.00")]


def test_an_amount_that_can_mean_two_things_is_refused_until_a_person_says() -> None:
    assert _amounts("1,234", "12") == ["TTC", Decimal("12.00")]
    assert _amounts("1,234", "12", decimal=".") == [Decimal("1234.00"), Decimal("12.00")]
    assert _amounts("1,50", "1.50", "1,234") == [Decimal("1.50"), Decimal("1.50"), "TTC"]  # both notations: each speaks for itself


@pytest.mark.parametrize("cell", ["1,234567", "12,345.67,8", "douze", "1e5", "12345678901,00", "NaN", date(2026, 1, 1), Decimal("1.005")])
def test_what_is_no_amount_is_refused(cell: Cell) -> None:
    assert _amounts(cell, "1,50") == ["TTC", Decimal("1.50")]
