"""The measures as formulas: the two worked examples of docs/reports.md to the digit, and what must hold whatever the figures."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.calendars import calendar_for
from invoices.measures.ageing import BUCKETS, aged, bucket_of, share
from invoices.measures.collection import (
    Lack,
    Missing,
    Month,
    average_days_delinquent,
    best_possible,
    count_back,
    dso,
    effectiveness,
)
from invoices.measures.delays import lateness, mean_days, rate, weighted_age
from invoices.measures.forecast import (
    Expectation,
    Experience,
    Forecast,
    Habit,
    expected_days,
    forecast,
    habit,
    weeks_from,
    weighted_quantile,
)

TODAY = date(2026, 9, 30)
JULY, AUGUST, SEPTEMBER = (Month(date(2026, month, 1), Decimal(sales)) for month, sales in ((7, "80000"), (8, "60000"), (9, "90000")))
CENTS = st.integers(1, 10_000_000).map(lambda cents: Decimal(cents) / 100)


def hundredths(value: object) -> Decimal:
    assert isinstance(value, Decimal)
    return round(value, 2)


def days(due: str, paid: str = "2026-09-30") -> int:
    return (date.fromisoformat(paid) - date.fromisoformat(due)).days


# --- first example: sales of July, August and September 2026, receivables of 115 000 and 130 000, of which 85 000 not due ----------------

RECEIVABLES, CURRENT, BEFORE = Decimal(130000), Decimal(85000), Decimal(115000)


def test_days_sales_outstanding_three_ways() -> None:
    quarter = [SEPTEMBER, AUGUST, JULY]
    found, best = dso(RECEIVABLES, quarter), best_possible(CURRENT, quarter)
    assert hundredths(found) == Decimal("52.00")
    assert hundredths(dso(RECEIVABLES, [SEPTEMBER])) == Decimal("43.33")
    assert hundredths(count_back(RECEIVABLES, quarter)) == Decimal("50.67")
    assert hundredths(best) == Decimal("34.00")
    assert hundredths(average_days_delinquent(found, best)) == Decimal("18.00")


def test_collection_effectiveness() -> None:
    assert effectiveness(begin=BEFORE, end=RECEIVABLES, end_current=CURRENT, months=[SEPTEMBER]) == Decimal("62.50")
    nothing = effectiveness(begin=Decimal(0), end=Decimal(0), end_current=Decimal(0), months=[Month(date(2026, 9, 1), Decimal(0))])
    assert nothing == Missing(Lack.NOTHING_DUE)


def test_without_the_sales_of_every_month_there_is_no_figure_and_the_months_are_named() -> None:
    unknown = Month(date(2026, 8, 1), None)
    missing = Missing(Lack.SALES, (date(2026, 8, 1),))
    assert dso(RECEIVABLES, [SEPTEMBER, unknown, JULY]) == missing
    assert count_back(RECEIVABLES, [SEPTEMBER, unknown, JULY]) == missing
    assert average_days_delinquent(missing, Decimal(3)) == average_days_delinquent(Decimal(3), missing) == missing
    assert effectiveness(begin=BEFORE, end=RECEIVABLES, end_current=CURRENT, months=[unknown]) == missing
    # The receivables outlast what is known: one month more is asked for.
    assert count_back(RECEIVABLES, [SEPTEMBER]) == missing
    assert count_back(RECEIVABLES, []) == Missing(Lack.SALES)
    assert count_back(Decimal(10**6), [Month(date(2027, 1, 1), Decimal(1))]) == Missing(Lack.SALES, (date(2026, 12, 1),))


def test_a_period_without_sales_has_no_days_of_sales() -> None:
    idle = Month(date(2026, 9, 1), Decimal(0))
    assert dso(RECEIVABLES, [idle]) == Missing(Lack.NO_SALES)
    assert count_back(Decimal(0), [idle]) == 0
    # A month of credit notes counts its days and pays nothing back.
    assert count_back(Decimal(60000), [Month(date(2026, 9, 1), Decimal(-500)), AUGUST]) == 61


@given(st.lists(CENTS, min_size=1, max_size=12), CENTS)
def test_count_back_agrees_with_sales_used_up(sales: list[Decimal], receivables: Decimal) -> None:
    months = [Month(date(2026 - n // 12, 12 - n % 12, 1), amount) for n, amount in enumerate(sales)]
    found = count_back(receivables, months)
    if sum(sales) < receivables:
        assert isinstance(found, Missing)
    else:
        assert isinstance(found, Decimal)
        assert 0 < found <= sum(month.days for month in months)
    if len(months) == 1 and isinstance(found, Decimal):
        assert found == pytest.approx(dso(receivables, months))


# --- second example: ten invoices of four customers, as of 30 September 2026 -------------------------------------------------------------

PAID = [
    (days("2026-07-31", "2026-07-30"), Decimal(4800)),
    (days("2026-08-31", "2026-09-14"), Decimal(2400)),
    (days("2026-06-30", "2026-08-14"), Decimal(12000)),
    (days("2026-08-15", "2026-08-15"), Decimal(1000)),
    (days("2026-07-15", "2026-08-04"), Decimal(600)),
]
OPEN = [
    (days("2026-10-15"), Decimal(3600)),
    (days("2026-09-20"), Decimal(7200)),
    (days("2026-08-20"), Decimal(3000)),
    (days("2026-07-20"), Decimal(1500)),  # disputed
    (days("2026-05-31"), Decimal(900)),
]


def test_the_aged_balance() -> None:
    found = aged(OPEN)
    assert [found.cell(bucket).amount for bucket in BUCKETS] == [3600, 7200, 3000, 1500, 900]
    assert [cell.count for cell in found.cells] == [1] * 5
    assert (found.total.amount, found.overdue.amount) == (16200, 12600)
    assert hundredths(found.overdue_share) == Decimal("77.78")
    assert hundredths(share(1500, 16200)) == Decimal("9.26")
    assert aged([]).overdue_share is None


def test_days_late_of_what_was_paid() -> None:
    found = lateness(PAID)
    assert [hundredths(value) for value in (found.signed, found.floored, found.late_only)] == [
        Decimal("27.92"),
        Decimal("28.15"),
        Decimal("39.04"),
    ]
    assert mean_days((late, 1) for late, _amount in PAID) == Decimal("15.80")
    assert hundredths(weighted_age(OPEN)) == Decimal("32.76")


def test_the_rate_of_what_came_in_time() -> None:
    paid = rate((late <= 0, amount) for late, amount in PAID)
    assert (paid.share, hundredths(paid.share_by_amount)) == (40, Decimal("27.88"))
    # Due by 30 September: all but I6. What is open and overdue was not paid in time.
    cohort = rate([*((late <= 0, amount) for late, amount in PAID), *((False, amount) for late, amount in OPEN if late >= 0)])
    assert (cohort.met, cohort.count, hundredths(cohort.share)) == (2, 9, Decimal("22.22"))


def test_promises_kept() -> None:
    found = rate([(True, Decimal(2000)), (False, Decimal(3000)), (True, Decimal(1200))])
    assert (hundredths(found.share), hundredths(found.share_by_amount)) == (Decimal("66.67"), Decimal("51.61"))


def test_nothing_gives_no_figure() -> None:
    empty = lateness([])
    assert (empty.signed, empty.floored, empty.late_only, mean_days([]), weighted_age([])) == (None,) * 5
    assert (rate([]).share, rate([]).share_by_amount) == (None, None)


@pytest.mark.parametrize(
    ("late", "bucket"), [(-40, "not_due"), (0, "not_due"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (61, "61-90"), (91, "90+")]
)
def test_the_limits_of_the_columns(late: int, bucket: str) -> None:
    assert bucket_of(late) == bucket


@given(st.lists(st.tuples(st.integers(-400, 400), CENTS), max_size=30))
def test_the_columns_add_up(items: list[tuple[int, Decimal]]) -> None:
    found = aged(items)
    assert found.total.amount == sum(amount for _late, amount in items)
    assert found.total.count == len(items)
    assert found.overdue.amount == sum(amount for late, amount in items if late > 0)


@given(st.lists(st.tuples(st.integers(-400, 400), CENTS), min_size=1, max_size=30))
def test_delays_stand_in_order(parts: list[tuple[int, Decimal]]) -> None:
    found = lateness(parts)
    assert found.signed is not None
    assert found.floored is not None
    assert found.signed <= found.floored
    assert found.late_only is None or found.late_only >= found.floored


# --- the forecast -----------------------------------------------------------------------------------------------------------------------

CALENDAR = calendar_for()
NOBODY = Experience([])


def expect(*items: Expectation, shares: dict[str, Decimal] | None = None) -> Forecast:
    return forecast(items, today=TODAY, shares=shares or {})


def test_half_of_the_money_comes_by_the_usual_day() -> None:
    parts = [(-2, Decimal(100)), (10, Decimal(300)), (40, Decimal(100)), (90, Decimal(100))]
    assert habit(parts) == Experience(parts).everybody == Habit(10, 10, 40)
    assert weighted_quantile(parts, Decimal(1)) == 90
    assert habit([]) is None


def test_a_promise_comes_on_its_day_and_the_rest_after_its_payers_habit() -> None:
    promised = date(2026, 10, 10)
    assert expected_days(date(2026, 9, 1), Habit(0, 0, 0), today=TODAY, experience=NOBODY, promised_for=promised) == (promised,) * 3
    due_on = date(2026, 10, 1)
    found = expected_days(due_on, Habit(2, 8, 20), today=TODAY, experience=NOBODY)
    assert found == (date(2026, 10, 3), date(2026, 10, 9), date(2026, 10, 21))
    assert expected_days(due_on, None, today=TODAY, experience=Experience([(5, Decimal(1))])) == (date(2026, 10, 6),) * 3
    assert expected_days(due_on, None, today=TODAY, experience=NOBODY) is None


def test_later_than_its_payer_ever_is_it_follows_those_who_were_as_late() -> None:
    experience = Experience([(5, Decimal(500)), (60, Decimal(100)), (70, Decimal(100)), (80, Decimal(100))])
    due_on = TODAY - timedelta(days=50)
    found = expected_days(due_on, Habit(0, 5, 9), today=TODAY, experience=experience)
    assert found == tuple(due_on + timedelta(days=days) for days in (60, 70, 80))
    assert expected_days(TODAY - timedelta(days=400), Habit(0, 5, 9), today=TODAY, experience=experience) is None


def test_money_comes_in_the_week_of_the_next_business_day() -> None:
    weeks = weeks_from(TODAY, roll=CALENDAR.roll, weeks=3)  # Wednesday 30 September
    # Wednesday to Friday; Saturday and Sunday wait for Monday.
    assert weeks == [0] * 3 + [1] * 7 + [2] * 7 + [3]
    assert weeks_from(date(2026, 10, 4), roll=CALENDAR.roll, weeks=2) == [1] * 6 + [2]


def test_weeks_add_up() -> None:
    found = expect(Expectation(Decimal(100), "1-30", (1, 1, 1)), Expectation(Decimal(200), "not_due", (1, 2, 4)))
    assert [(week.expected, week.by_early, week.by_usual, week.by_late) for week in found.weeks[:6]] == [
        (0, 0, 0, 0),
        (100, 300, 100, 100),
        (200, 300, 300, 100),
        (0, 300, 300, 100),
        (0, 300, 300, 300),
        (0, 300, 300, 300),
    ]
    assert (found.weeks[0].starts_on, found.weeks[0].ends_on, len(found.weeks), found.expected) == (TODAY, date(2026, 10, 4), 13, 300)
    later = expect(Expectation(Decimal(10), "not_due", (12, 13, 20)), Expectation(Decimal(5), "90+", None))
    assert (later.expected, later.weeks[-1].by_early, later.later, later.undated) == (0, 10, 10, 5)


def test_an_age_weighs_what_was_paid_of_it_before() -> None:
    one = Expectation(Decimal(100), "not_due", (0, 0, 0))
    weighted = expect(one, shares={"not_due": Decimal("0.9")})
    assert (weighted.expected, weighted.discounted, weighted.unweighted) == (90, 10, ())
    assert expect(one).unweighted == ("not_due",)


@given(
    st.lists(
        st.builds(
            Expectation,
            amount=CENTS,
            bucket=st.sampled_from(BUCKETS),
            weeks=st.one_of(st.none(), st.tuples(*[st.integers(0, 8)] * 3).map(lambda steps: (steps[0], sum(steps[:2]), sum(steps)))),
        ),
        max_size=20,
    ),
    st.dictionaries(st.sampled_from(BUCKETS), st.integers(0, 100).map(lambda n: Decimal(n) / 100)),
)
def test_nothing_is_lost_between_the_weeks(items: list[Expectation], shares: dict[str, Decimal]) -> None:
    found = expect(*items, shares=shares)
    assert found.expected + found.later + found.undated + found.discounted == sum(item.amount for item in items)
    assert sum(week.expected for week in found.weeks) == found.expected
    assert all(week.by_early >= week.by_usual >= week.by_late for week in found.weeks)
    assert all(later.starts_on == earlier.ends_on + timedelta(days=1) for earlier, later in zip(found.weeks, found.weeks[1:], strict=False))
