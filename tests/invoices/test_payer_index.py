from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.payer_index import (
    AdjustmentCode,
    Experience,
    LineCode,
    PayerIndex,
    days_late,
    payer_index,
    points,
    window_start,
)

TODAY = date(2026, 9, 30)


def paid(invoice: str, amount: int, due: str, paid_on: str, *, reminded: bool = False) -> Experience:
    return Experience(invoice, Decimal(amount), date.fromisoformat(due), date.fromisoformat(paid_on), reminded_before_due=reminded)


def still_open(invoice: str, amount: int, due: str, *, disputed: bool = False) -> Experience:
    return Experience(invoice, Decimal(amount), date.fromisoformat(due), disputed=disputed)


A = [paid("I1", 4800, "2026-07-31", "2026-07-30"), paid("I2", 2400, "2026-08-31", "2026-09-14"), still_open("I6", 3600, "2026-10-15")]
B = [
    paid("I3", 12000, "2026-06-30", "2026-08-14"),
    paid("I4", 1000, "2026-08-15", "2026-08-15"),
    still_open("I7", 7200, "2026-09-20"),
    still_open("I8", 3000, "2026-08-20"),
]
C = [paid("I5", 600, "2026-07-15", "2026-08-04"), still_open("I9", 1500, "2026-07-20", disputed=True)]
D = [still_open("I10", 900, "2026-05-31")]


def index(*experiences: Experience, **options: list[date]) -> PayerIndex:
    return payer_index(experiences, today=TODAY, **options)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (-60, "100"),
        (-30, "100"),
        (-20, "90"),
        (-18, "89"),
        (-10, "85"),
        (0, "80"),
        (15, "70"),
        (22, "60"),
        (30, "50"),
        (60, "40"),
        (90, "30"),
        (120, "20"),
    ],
)
def test_the_published_points(late: int, expected: str) -> None:
    assert points(late) == Decimal(expected)


def test_points_between_and_beyond() -> None:
    assert [round(points(late)) for late in (26, 33)] == [55, 49]
    assert [points(late) for late in (150, 180, 400)] == [10, 0, 0]


@given(st.integers(-400, 400), st.integers(0, 400))
def test_paying_later_never_scores_better(late: int, more: int) -> None:
    assert 0 <= points(late + more) <= points(late) <= 100


def test_the_fixture_scores_of_paid_invoices() -> None:
    assert [index(*customer).history for customer in (A, B, C, D)] == [Decimal("77.2"), Decimal("47.7"), Decimal("62.9"), None]
    assert index(*A, *B, *C, *D).history == Decimal("58.4")


def test_open_overdue_items_count_at_todays_lateness_and_disputed_or_coming_ones_do_not() -> None:
    found = index(*B)
    # I7 was due on a Sunday: 9 days since the banks reopened, 10 by the calendar; I8 is 41 days late.
    assert [(line.code, line.invoice, line.days_late) for line in found.lines] == [
        (LineCode.PAID, "I3", 45),
        (LineCode.PAID, "I4", 0),
        (LineCode.OVERDUE, "I7", 9),
        (LineCode.OVERDUE, "I8", 41),
    ]
    assert [line.points for line in found.lines] == [45, 80, 74, Decimal(50) - Decimal(110) / 30]
    # (540 000 + 80 000 + 532 800 + 139 000) / 23 200
    assert found.base == found.score == Decimal("55.7")
    assert index(*C).base == index(*C).history == Decimal("62.9")
    # Due on Sunday 31 May: 121 days since Monday.
    assert index(*D).base == Decimal("19.7")


def test_a_closed_bank_forgives_and_never_rewards() -> None:
    saturday = date(2026, 8, 15)
    assert [days_late(saturday, saturday + timedelta(days=offset)) for offset in (-1, 0, 1, 2, 3)] == [-1, 0, 0, 0, 1]
    good_friday = date(2026, 4, 3)
    assert [days_late(good_friday, day) for day in (date(2026, 4, 7), date(2026, 4, 8))] == [0, 1]


def test_fewer_than_three_paid_invoices_are_not_enough() -> None:
    assert [index(*customer).sufficient for customer in (A, B, C, D)] == [False, False, False, False]
    assert index(*A, *B, *C, *D).sufficient
    # Three payments of one invoice are one experience; a part still open means it is not paid.
    parts = [paid("P", 100, "2026-07-01", day) for day in ("2026-07-01", "2026-07-10", "2026-07-20")]
    assert index(*parts).paid_invoices == 1
    assert index(*parts, still_open("P", 100, "2026-10-01")).paid_invoices == 0


def test_nothing_to_weigh_gives_no_score() -> None:
    assert payer_index([], today=TODAY) == PayerIndex(None, None, None, 0, (), ())


def test_only_the_last_24_months_count() -> None:
    assert window_start(TODAY) == date(2024, 9, 30)
    assert window_start(date(2028, 2, 29)) == date(2026, 2, 28)
    old, recent = paid("O", 1000, "2024-06-30", "2024-09-30"), paid("R", 1000, "2024-09-30", "2024-10-01")
    assert [line.invoice for line in index(old, recent).lines] == ["R"]


def test_bonuses_and_maluses_are_capped_and_explained() -> None:
    prompt = [paid(f"E{n}", 100, "2026-07-31", "2026-07-31", reminded=True) for n in range(3)]
    found = index(*prompt, broken_promises=[date(2026, 8, 1), date(2026, 9, 1), date(2024, 9, 30), date(2026, 10, 1)])
    assert [(one.code, one.count, one.each, one.limit, one.points) for one in found.adjustments] == [
        (AdjustmentCode.PAID_AFTER_PRE_DUE, 3, 2, 5, 5),
        (AdjustmentCode.BROKEN_PROMISE, 2, -5, -15, -10),
    ]
    assert (found.base, found.score) == (80, 75)
    four = index(*prompt, broken_promises=[date(2026, 9, day) for day in (1, 2, 3, 4)])
    assert (four.adjustments[1].points, four.score) == (-15, 70)


def test_a_bonus_needs_the_whole_invoice_paid_on_time_after_a_message() -> None:
    late_part = [paid("X", 50, "2026-07-31", "2026-07-31", reminded=True), paid("X", 50, "2026-07-31", "2026-08-20", reminded=True)]
    open_part = [paid("Y", 50, "2026-07-31", "2026-07-31", reminded=True), still_open("Y", 50, "2026-10-31")]
    unreminded = [paid("Z", 50, "2026-07-31", "2026-07-31")]
    assert index(*late_part, *open_part, *unreminded).adjustments == ()


def test_the_score_stays_between_0_and_100() -> None:
    early = [paid(f"E{n}", 100, "2026-07-31", "2026-06-01", reminded=True) for n in range(3)]
    assert index(*early).score == 100
    never = [still_open("N", 100, "2025-01-01")]
    assert index(*never, broken_promises=[date(2026, 9, 1)]).score == 0


def test_a_corrected_payment_date_changes_the_score_back() -> None:
    typed_wrong = index(paid("I1", 100, "2026-07-31", "2026-09-29"))
    corrected = index(paid("I1", 100, "2026-07-31", "2026-07-31"))
    assert (typed_wrong.score, corrected.score) == (Decimal("40.0"), Decimal("80.0"))


def test_a_payment_of_tomorrow_is_still_open_today() -> None:
    found = index(paid("I1", 100, "2026-08-31", "2026-10-01"))
    assert [(line.code, line.days_late) for line in found.lines] == [(LineCode.OVERDUE, 30)]


def test_amounts_are_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        index(paid("I1", 0, "2026-07-31", "2026-07-31"))


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(-60, 250)), min_size=1, max_size=12))
def test_the_score_lies_between_the_best_and_the_worst_invoice(rows: list[tuple[int, int]]) -> None:
    due = date(2025, 10, 1)
    experiences = [Experience(str(n), Decimal(amount), due, due + timedelta(days=late)) for n, (amount, late) in enumerate(rows)]
    each = [points(late) for _amount, late in rows]
    found = payer_index(experiences, today=TODAY)
    assert found.base is not None
    assert min(each) - Decimal("0.05") <= found.base <= max(each) + Decimal("0.05")
