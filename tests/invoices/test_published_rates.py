"""The reference rates of docs/domain.md, "Reference rates" and "Other countries": as published, entered by hand, never extrapolated."""

from datetime import date
from decimal import Decimal

import pytest

from invoices.clauses import Clause, floor
from invoices.rates import ECB_CHANGES, PUBLISHED, RateRow, Semester, Series, UnpublishedRate, ecb_rate_on
from tests.invoices.test_penalties import owed

FRENCH_RATES = """
2015-H1 0.05 10.05 0.93 2.79 4.06
2015-H2 0.05 10.05 0.99 2.97 4.29
2016-H1 0.05 10.05 1.01 3.03 4.54
2016-H2 0.00 10.00 0.93 2.79 4.35
2017-H1 0.00 10.00 0.90 2.70 4.16
2017-H2 0.00 10.00 0.90 2.70 3.94
2018-H1 0.00 10.00 0.89 2.67 3.73
2018-H2 0.00 10.00 0.88 2.64 3.60
2019-H1 0.00 10.00 0.86 2.58 3.40
2019-H2 0.00 10.00 0.87 2.61 3.26
2020-H1 0.00 10.00 0.87 2.61 3.15
2020-H2 0.00 10.00 0.84 2.52 3.11
2021-H1 0.00 10.00 0.79 2.37 3.14
2021-H2 0.00 10.00 0.76 2.28 3.12
2022-H1 0.00 10.00 0.76 2.28 3.13
2022-H2 0.00 10.00 0.77 2.31 3.15
2023-H1 2.50 12.50 2.06 6.18 4.47
2023-H2 4.00 14.00 4.22 12.66 6.82
2024-H1 4.50 14.50 5.07 15.21 8.01
2024-H2 4.25 14.25 4.92 14.76 8.16
2025-H1 3.15 13.15 3.71 11.13 7.21
2025-H2 2.15 12.15 2.76 8.28 6.65
2026-H1 2.15 12.15 2.62 7.86 6.67
2026-H2 2.40 12.40 2.75 8.25 6.84
"""


@pytest.mark.parametrize("line", [line.split() for line in FRENCH_RATES.strip().splitlines()])
def test_the_french_table(line: list[str]) -> None:
    semester = Semester.parse(line[0])
    ecb, default, professional, lowest, private = map(Decimal, line[1:])
    assert ecb_rate_on(semester.first_day) == PUBLISHED.percent(Series.ECB_MRO, semester) == ecb
    assert Clause.default().rate(semester, PUBLISHED) == default
    assert PUBLISHED.percent(Series.FR_LEGAL_PRO, semester) == professional
    assert floor(semester, PUBLISHED) == lowest
    assert PUBLISHED.percent(Series.FR_LEGAL_PRIVATE, semester) == private


@pytest.mark.parametrize(
    ("clause", "semester", "percent"),
    [
        (Clause.germany(), "2026-H2", "10.52"),
        (Clause.germany_consumer(), "2026-H2", "6.52"),
        (Clause.germany(), "2022-H1", "8.12"),
        (Clause.eu(), "2026-H2", "10.40"),
        (Clause.eu(), "2025-H2", "10.15"),
        (Clause.eu(), "2026-H1", "10.15"),
        (Clause.belgium(), "2026-H2", "10.5"),
        (Clause.belgium(), "2026-H1", "10.5"),
        (Clause.belgium(), "2024-H1", "12.5"),
        (Clause.united_kingdom(), "2024-H1", "13.25"),
        (Clause.united_kingdom(), "2026-H1", "11.75"),
    ],
)
def test_rates_of_other_countries(clause: Clause, semester: str, percent: str) -> None:
    assert clause.rate(Semester.parse(semester), PUBLISHED) == Decimal(percent)


def test_what_is_not_published_is_never_extrapolated() -> None:
    with pytest.raises(UnpublishedRate) as refusal:
        owed("2400", "2026-12-15", "2027-01-15")
    assert (refusal.value.series, refusal.value.semester) == (Series.ECB_MRO, Semester(2027, 1))
    with pytest.raises(UnpublishedRate):
        ecb_rate_on(date(2026, 9, 16))
    with pytest.raises(UnpublishedRate):
        ecb_rate_on(date(2014, 9, 9))


def test_a_rate_entered_by_hand_completes_the_table_and_leaves_it_alone() -> None:
    entered = RateRow(Series.ECB_MRO, Semester(2027, 1), Decimal("2.65"), "ECB, read on 4 January 2027", date(2027, 1, 4))
    mine = PUBLISHED.extended([entered])
    statement = owed("2400", "2026-12-15", "2027-01-15", rates=mine)
    assert [(one.days, one.rate) for one in statement.segments] == [(16, Decimal("12.40")), (15, Decimal("12.65"))]
    assert mine.row(Series.ECB_MRO, Semester(2027, 1)) == entered
    with pytest.raises(UnpublishedRate):
        PUBLISHED.row(Series.ECB_MRO, Semester(2027, 1))


def test_a_corrected_rate_replaces_the_shipped_one() -> None:
    corrected = PUBLISHED.extended([RateRow(Series.FR_LEGAL_PRIVATE, Semester(2026, 2), Decimal("6.85"), "JO", date(2026, 12, 1))])
    assert corrected.percent(Series.FR_LEGAL_PRIVATE, Semester(2026, 2)) == Decimal("6.85")
    assert PUBLISHED.row(Series.FR_LEGAL_PRIVATE, Semester(2026, 2)).verified_on is None


def test_every_published_row_names_its_source_once() -> None:
    keys = [(row.series, row.semester) for row in PUBLISHED.rows]
    assert len(keys) == len(set(keys))
    assert [row for row in PUBLISHED.rows if len(row.source) < 20] == []
    assert [start for start, _percent in ECB_CHANGES] == sorted(start for start, _percent in ECB_CHANGES)


def test_semesters() -> None:
    assert Semester.of(date(2026, 6, 30)) == Semester(2026, 1)
    assert Semester.of(date(2026, 7, 1)) == Semester(2026, 2)
    assert (Semester(2026, 2).first_day, Semester(2026, 2).last_day, Semester(2026, 2).next) == (
        date(2026, 7, 1),
        date(2026, 12, 31),
        Semester(2027, 1),
    )
    assert sorted([Semester(2027, 1), Semester(2026, 2), Semester(2026, 1)]) == [Semester(2026, 1), Semester(2026, 2), Semester(2027, 1)]
    for label in ("2026", "2026-H3", "H1-2026", "2026-Hx"):
        with pytest.raises(ValueError, match="semester"):
            Semester.parse(label)
