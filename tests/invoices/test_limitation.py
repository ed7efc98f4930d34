"""When a claim is barred (docs/domain.md, "Limitation")."""

from datetime import date

import pytest

from customers.enums import CustomerKind
from invoices.limitation import last_safe_day, mark_reached, months_after

SERVICE = date(2024, 3, 10)


@pytest.mark.parametrize(
    ("kind", "given", "last"),
    [
        ("business", {}, date(2029, 3, 10)),
        ("consumer", {}, date(2026, 3, 10)),
        ("unknown", {}, date(2026, 3, 10)),
        ("public", {}, date(2028, 12, 31)),
        ("public", {"asked_on": date(2025, 2, 1)}, date(2029, 12, 31)),
        ("business", {"asked_on": date(2025, 2, 1)}, date(2029, 3, 10)),
        ("business", {"acknowledged_on": date(2026, 6, 1)}, date(2031, 6, 1)),
        ("consumer", {"acknowledged_on": date(2024, 2, 1)}, date(2026, 3, 10)),
    ],
)
def test_the_last_safe_day(kind: str, given: dict[str, date], last: date) -> None:
    assert last_safe_day(CustomerKind(kind), supplied_on=SERVICE, **given) == last


def test_a_leap_day_ends_on_the_last_of_february() -> None:
    assert last_safe_day(CustomerKind.BUSINESS, supplied_on=date(2024, 2, 29)) == date(2029, 2, 28)
    assert (months_after(date(2027, 11, 30), 3), months_after(date(2026, 10, 15), 2)) == (date(2028, 2, 29), date(2026, 12, 15))
    assert (months_after(date(2026, 5, 31), -3), months_after(date(2026, 1, 31), 1)) == (date(2026, 2, 28), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("today", "mark"),
    [
        ("2025-03-09", None),
        ("2025-03-10", 12),
        ("2025-09-09", 12),
        ("2025-09-10", 6),
        ("2025-12-10", 3),
        ("2026-03-10", 3),
        ("2026-04-01", 3),
    ],
)
def test_somebody_is_told_twelve_six_and_three_months_before(today: str, mark: int | None) -> None:
    assert mark_reached(date(2026, 3, 10), today=date.fromisoformat(today)) == mark
