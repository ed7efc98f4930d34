"""Paying in parts, as arithmetic: how an amount is divided, and where a divided debt stands on a day."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.schedules import Gap, Part, Receipt, Standing, even_parts, judge

OCT_10, NOV_10, DEC_10 = date(2026, 10, 10), date(2026, 11, 10), date(2026, 12, 10)
PARTS = (Part(OCT_10, Decimal("400.00")), Part(NOV_10, Decimal("400.00")), Part(DEC_10, Decimal("400.01")))
DEADLINES = (date(2026, 10, 13), date(2026, 11, 13), date(2026, 12, 14))


def paid(on: date, amount: str) -> Receipt:
    return Receipt(on, Decimal(amount), True)


def credited(amount: str) -> Receipt:
    return Receipt(OCT_10, Decimal(amount), False)


def test_an_amount_is_divided_evenly_and_the_last_part_takes_the_rest() -> None:
    parts = even_parts(Decimal("1000.00"), 3, date(2026, 10, 31), Gap.MONTH)
    assert parts == (
        Part(date(2026, 10, 31), Decimal("333.33")),
        Part(date(2026, 11, 30), Decimal("333.33")),
        Part(date(2026, 12, 31), Decimal("333.34")),
    )
    assert [part.due_on.day for part in even_parts(Decimal("30.00"), 3, date(2026, 10, 1), Gap.WEEK)] == [1, 8, 15]
    assert [part.due_on.day for part in even_parts(Decimal("30.00"), 2, date(2026, 10, 1), Gap.FORTNIGHT)] == [1, 15]
    assert even_parts(Decimal(301), 3, OCT_10, Gap.WEEK, decimals=0)[-1].amount == Decimal(101)


def test_less_than_a_cent_each_is_no_plan() -> None:
    with pytest.raises(ValueError, match="cannot be divided"):
        even_parts(Decimal("0.02"), 3, OCT_10, Gap.MONTH)


@settings(deadline=None)
@given(
    cents=st.integers(100, 10**9),
    count=st.integers(2, 12),
    first=st.dates(date(2026, 1, 1), date(2030, 12, 31)),
    gap=st.sampled_from(list(Gap)),
)
def test_parts_add_up_and_come_in_order(cents: int, count: int, first: date, gap: Gap) -> None:
    amount = Decimal(cents) / 100
    parts = even_parts(amount, count, first, gap)
    days = [part.due_on for part in parts]
    assert (len(parts), sum(part.amount for part in parts), days[0]) == (count, amount, first)
    assert days == sorted(set(days))
    assert max(part.amount for part in parts) - min(part.amount for part in parts) < Decimal(count) / 100


@pytest.mark.parametrize(
    ("receipts", "settled", "today", "standing", "following"),
    [
        ([], False, date(2026, 10, 13), Standing.RUNNING, 0),
        ([], False, date(2026, 10, 14), Standing.BROKEN, None),
        ([paid(date(2026, 10, 13), "400.00")], False, date(2026, 10, 14), Standing.RUNNING, 1),
        ([paid(date(2026, 10, 14), "400.00")], False, date(2026, 10, 14), Standing.BROKEN, None),
        ([paid(OCT_10, "399.99")], False, date(2026, 10, 14), Standing.BROKEN, None),
        ([paid(OCT_10, "800.00")], False, date(2026, 11, 14), Standing.RUNNING, 2),  # ahead of the schedule
        ([paid(OCT_10, "800.00")], False, date(2026, 12, 15), Standing.BROKEN, None),
        ([paid(OCT_10, "1200.01")], False, date(2026, 12, 15), Standing.KEPT, None),  # a credit note is still to come
        ([paid(OCT_10, "1200.01")], True, OCT_10, Standing.KEPT, None),
        ([credited("400.01"), paid(OCT_10, "400.00"), paid(NOV_10, "400.00")], False, date(2026, 12, 15), Standing.KEPT, None),
        ([credited("1000.00")], False, date(2026, 10, 14), Standing.BROKEN, None),  # 200.01 are left, nothing was paid
        ([credited("1200.01")], True, date(2026, 10, 14), Standing.VOID, None),
    ],
)
def test_where_a_plan_stands(receipts: list[Receipt], settled: bool, today: date, standing: Standing, following: int | None) -> None:
    verdict = judge(PARTS, DEADLINES, receipts, is_settled=settled, today=today)
    assert (verdict.standing, verdict.next_part) == (standing, following)
