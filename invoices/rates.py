"""Reference rates of late-payment interest, by semester, each with its source (docs/domain.md, "Reference rates").

Pure. A rate that has not been published is never extrapolated: asking for it raises `UnpublishedRate`, and a person enters it once known.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import total_ordering


class Series(StrEnum):
    """What is published. The legal rate has two series, and which one applies depends on the *creditor*: a company claiming from a
    consumer uses the professional one."""

    ECB_MRO = "ecb_mro"
    """European Central Bank, main refinancing operations, in force on the first day of the semester."""
    FR_LEGAL_PRO = "legal_pro"
    """Taux de l'intérêt légal, « tous autres cas » (the creditor is a professional)."""
    FR_LEGAL_PRIVATE = "legal_private"
    """Taux de l'intérêt légal, creditor = private individual acting outside a trade."""
    DE_BASE = "de_base"
    """Basiszinssatz, BGB § 247."""
    UK_BOE = "uk_boe"
    """Bank of England base rate on 31 December (first half-year) or 30 June (second), SI 2002/1675."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Semester:
    """Half a calendar year: `half` is 1 (January to June) or 2 (July to December)."""

    year: int
    half: int

    def __post_init__(self) -> None:
        if self.half not in (1, 2):
            raise ValueError("A semester is the first (1) or the second (2) half of a year.")

    @classmethod
    def of(cls, day: date) -> "Semester":
        return cls(day.year, 1 if day.month <= 6 else 2)

    @classmethod
    def parse(cls, label: str) -> "Semester":
        """The semester of a label like "2026-H2". Raises ValueError."""
        year, dash, half = label.partition("-H")
        if not dash or not year.isdigit() or not half.isdigit():
            raise ValueError(f"“{label}” is not a semester: write it like 2026-H2.")
        return cls(int(year), int(half))

    @property
    def first_day(self) -> date:
        return date(self.year, 1 if self.half == 1 else 7, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, 6, 30) if self.half == 1 else date(self.year, 12, 31)

    @property
    def next(self) -> "Semester":
        return Semester(self.year, 2) if self.half == 1 else Semester(self.year + 1, 1)

    @property
    def previous(self) -> "Semester":
        return Semester(self.year, 1) if self.half == 2 else Semester(self.year - 1, 2)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Semester):
            return NotImplemented
        return (self.year, self.half) < (other.year, other.half)

    def __str__(self) -> str:
        return f"{self.year}-H{self.half}"


def known_from(series: Series, semester: Semester) -> date:
    """The first day on which the rate of that semester can be known.

    That is the day it is read on, which is the semester's first, or the day before it in the United Kingdom; the order that sets a French
    legal rate comes out in the fortnight before (that of 2026-H1 on 15 December 2025).
    """
    eve = semester.first_day - timedelta(days=1)
    if series in (Series.FR_LEGAL_PRO, Series.FR_LEGAL_PRIVATE):
        return eve.replace(day=15)
    return eve if series == Series.UK_BOE else semester.first_day


class UnpublishedRate(LookupError):
    """No published rate of `series` is known for `semester`; nothing was computed. Enter the rate once it is published."""

    def __init__(self, series: Series, semester: Semester) -> None:
        super().__init__(f"The rate {series.value} of {semester} is not published or not entered yet.")
        self.series = series
        self.semester = semester


@dataclass(frozen=True, slots=True)
class RateRow:
    """One published rate: per cent a year, where it was read, and when a person last checked it (None: seen once, to be confirmed)."""

    series: Series
    semester: Semester
    percent: Decimal
    source: str
    verified_on: date | None = None


@dataclass(frozen=True, slots=True)
class RateTable:
    """Published rates. Frozen: `extended` gives another table, where later rows replace earlier ones of the same series and semester."""

    rows: tuple[RateRow, ...]
    _index: dict[tuple[Series, Semester], RateRow] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {(row.series, row.semester): row for row in self.rows})

    def row(self, series: Series, semester: Semester) -> RateRow:
        """The published row. Raises UnpublishedRate."""
        try:
            return self._index[series, semester]
        except KeyError:
            raise UnpublishedRate(series, semester) from None

    def find(self, series: Series, semester: Semester) -> RateRow | None:
        """The published row; None while it is not known."""
        return self._index.get((series, semester))

    def percent(self, series: Series, semester: Semester) -> Decimal:
        """The published rate in per cent a year. Raises UnpublishedRate."""
        return self.row(series, semester).percent

    def extended(self, rows: Iterable[RateRow]) -> "RateTable":
        """This table with `rows` added over it: what an organization entered by hand, or corrected."""
        return RateTable((*self.rows, *rows))


ECB_CHANGES: tuple[tuple[date, Decimal], ...] = tuple(
    (date.fromisoformat(day), Decimal(percent))
    for day, percent in (
        ("2014-09-10", "0.05"),
        ("2016-03-16", "0.00"),
        ("2022-07-27", "0.50"),
        ("2022-09-14", "1.25"),
        ("2022-11-02", "2.00"),
        ("2022-12-21", "2.50"),
        ("2023-02-08", "3.00"),
        ("2023-03-22", "3.50"),
        ("2023-05-10", "3.75"),
        ("2023-06-21", "4.00"),
        ("2023-08-02", "4.25"),
        ("2023-09-20", "4.50"),
        ("2024-06-12", "4.25"),
        ("2024-09-18", "3.65"),
        ("2024-10-23", "3.40"),
        ("2024-12-18", "3.15"),
        ("2025-02-05", "2.90"),
        ("2025-03-12", "2.65"),
        ("2025-04-23", "2.40"),
        ("2025-06-11", "2.15"),
        ("2026-06-17", "2.40"),
    )
)
"""Main refinancing operations, fixed rate, by date of effect; complete through 2026-07-01, the first day of the last semester below."""


def ecb_rate_on(day: date) -> Decimal:
    """The ECB rate in force on `day`, in per cent, from 2014-09-10 through 2026-07-01. UnpublishedRate for other days."""
    if not ECB_CHANGES[0][0] <= day <= LAST_SEMESTER.first_day:
        raise UnpublishedRate(Series.ECB_MRO, Semester.of(day))
    return next(percent for start, percent in reversed(ECB_CHANGES) if start <= day)


FIRST_SEMESTER = Semester(2015, 1)
LAST_SEMESTER = Semester(2026, 2)


def _semesters(first: Semester, last: Semester) -> list[Semester]:
    found = [first]
    while found[-1] < last:
        found.append(found[-1].next)
    return found


# Two columns from 2015-H1 on: creditor a professional, creditor a private individual (per cent a year).
_FR_LEGAL = (
    "0.93 4.06, 0.99 4.29, 1.01 4.54, 0.93 4.35, 0.90 4.16, 0.90 3.94, 0.89 3.73, 0.88 3.60, 0.86 3.40, 0.87 3.26, 0.87 3.15, 0.84 3.11, "
    "0.79 3.14, 0.76 3.12, 0.76 3.13, 0.77 3.15, 2.06 4.47, 4.22 6.82, 5.07 8.01, 4.92 8.16, 3.71 7.21, 2.76 6.65, 2.62 6.67, 2.75 6.84"
)
# From 2016-H2 to 2022-H2 the German base rate did not move.
_DE_BASE = {
    **dict.fromkeys(_semesters(Semester(2016, 2), Semester(2022, 2)), "-0.88"),
    Semester(2023, 1): "1.62",
    Semester(2023, 2): "3.12",
    Semester(2024, 1): "3.62",
    Semester(2024, 2): "3.37",
    Semester(2025, 1): "2.27",
    Semester(2025, 2): "1.27",
    Semester(2026, 1): "1.27",
    Semester(2026, 2): "1.52",
}
_UK_BOE = {Semester(2024, 1): "5.25", Semester(2026, 1): "3.75"}

_ECB_CHECKED = date(2026, 10, 3)
_LEGAL_CHECKED = date(2026, 9, 25)
_DE_CHECKED = date(2026, 9, 21)
_ORDERS = {
    Semester(2026, 1): "arrêté du 15 décembre 2025",
    Semester(2026, 2): "arrêté du 26 juin 2026 (JO du 30 juin 2026)",
}


def _published() -> Iterable[RateRow]:
    for semester, pair in zip(_semesters(FIRST_SEMESTER, LAST_SEMESTER), _FR_LEGAL.split(", "), strict=True):
        professional, private = pair.split()
        order = _ORDERS.get(semester, "arrêté semestriel")
        source = f"Taux de l'intérêt légal {semester}, {order} (code monétaire et financier, art. L313-2)"
        yield RateRow(
            Series.ECB_MRO, semester, ecb_rate_on(semester.first_day), "ECB, main refinancing operations, key interest rates", _ECB_CHECKED
        )
        yield RateRow(Series.FR_LEGAL_PRO, semester, Decimal(professional), source, _LEGAL_CHECKED)
        # A single source gave the private figure of 2026-H2: to be confirmed.
        yield RateRow(Series.FR_LEGAL_PRIVATE, semester, Decimal(private), source, None if semester == LAST_SEMESTER else _LEGAL_CHECKED)
    for semester, percent in _DE_BASE.items():
        yield RateRow(Series.DE_BASE, semester, Decimal(percent), "Deutsche Bundesbank, Basiszinssatz, BGB § 247", _DE_CHECKED)
    for semester, percent in _UK_BOE.items():
        yield RateRow(Series.UK_BOE, semester, Decimal(percent), "Bank of England, base rate on the reference day (SI 2002/1675)")


PUBLISHED = RateTable(tuple(_published()))
"""What ships: France from 2015-H1 to 2026-H2, Germany from 2016-H2 to 2026-H2, the two British half-years that could be checked."""
