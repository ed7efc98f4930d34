"""Every worked example of docs/domain.md, "Late-payment penalties" and "Other countries"."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.enums import CustomerKind
from dunning.core.enums import PenaltyMode
from invoices.clauses import Clause, DebtorKind, Mode, clause_for
from invoices.penalties import Movement, MovementKind, Order, PenaltyStatement, Segment, WarningCode, penalties
from invoices.rates import PUBLISHED, RateRow, RateTable, Semester, Series

BUSINESS, PUBLIC, CONSUMER, UNKNOWN = DebtorKind.BUSINESS, DebtorKind.PUBLIC, DebtorKind.CONSUMER, DebtorKind.UNKNOWN
DEFAULT = Clause.default()


def owed(
    amount: str,
    due: str,
    until: str,
    clause: Clause = DEFAULT,
    debtor: DebtorKind = BUSINESS,
    *,
    movements: Sequence[Movement] = (),
    order: Order = Order.PRINCIPAL_FIRST,
    rates: RateTable = PUBLISHED,
    currency: str = "EUR",
    notice: str = "",
    insolvency: str = "",
) -> PenaltyStatement:
    return penalties(
        amount=Decimal(amount),
        due_on=date.fromisoformat(due),
        until=date.fromisoformat(until),
        clause=clause,
        rates=rates,
        debtor=debtor,
        movements=movements,
        order=order,
        currency=currency,
        formal_notice_on=date.fromisoformat(notice) if notice else None,
        insolvency_on=date.fromisoformat(insolvency) if insolvency else None,
    )


def amounts(statement: PenaltyStatement) -> list[str]:
    return [str(segment.amount) for segment in statement.segments]


# --- example 1: 12 000 due on 31 May 2025, paid on 15 August 2026, 441 days late -----------------------------------------------------


def test_example_1_default_rate_over_four_semesters() -> None:
    statement = owed("12000", "2025-05-31", "2026-08-15")
    assert [(str(one.start), str(one.end), one.days, str(one.rate), str(one.amount)) for one in statement.segments] == [
        ("2025-06-01", "2025-06-30", 30, "13.15", "129.70"),
        ("2025-07-01", "2025-12-31", 184, "12.15", "734.99"),
        ("2026-01-01", "2026-06-30", 181, "12.15", "723.01"),
        ("2026-07-01", "2026-08-15", 46, "12.40", "187.53"),
    ]
    assert statement.total == Decimal("1775.23")
    assert statement.days == 441
    assert statement.fixed_sum == 40
    assert statement.total + statement.fixed_sum == Decimal("1815.23")
    assert statement.amount_due == Decimal("13815.23")
    assert statement.warnings == ()


def test_example_1b_three_times_the_legal_rate() -> None:
    statement = owed("12000", "2025-05-31", "2026-08-15", Clause.contract_legal_times(Decimal(3)))
    assert amounts(statement) == ["109.78", "500.88", "467.72", "124.77"]
    assert statement.total == Decimal("1203.15")
    assert statement.warnings == ()


def test_example_1c_fixed_ten_per_cent_is_flagged_below_the_floor() -> None:
    statement = owed("12000", "2025-05-31", "2026-08-15", Clause.contract_fixed(Decimal(10)))
    assert amounts(statement) == ["98.63", "604.93", "595.07", "151.23"]
    assert statement.total == Decimal("1449.86")
    assert [(one.code, str(one.semester), one.rate, one.floor) for one in statement.warnings] == [
        (WarningCode.BELOW_FLOOR, "2025-H1", Decimal(10), Decimal("11.13"))
    ]


def test_example_1_french_public_buyer_keeps_the_rate_of_the_first_day_late() -> None:
    statement = owed("12000", "2025-05-31", "2026-08-15", Clause.public(), PUBLIC)
    assert [(one.days, one.rate, one.amount) for one in statement.segments] == [(441, Decimal("11.15"), Decimal("1616.60"))]
    assert statement.fixed_sum == 40


def test_a_public_buyers_delay_that_begins_on_1_july_bears_the_second_semesters_rate() -> None:
    statement = owed("12000", "2025-06-30", "2025-07-30", Clause.public(), PUBLIC)
    assert [one.rate for one in statement.segments] == [Decimal("10.15")]


@pytest.mark.parametrize(
    ("clause", "total"),
    [(Clause.germany(), "1502.66"), (Clause.eu(), "1485.25"), (Clause.netherlands(), "1485.25"), (Clause.belgium(), "1532.21")],
)
def test_example_1_in_other_countries(clause: Clause, total: str) -> None:
    assert owed("12000", "2025-05-31", "2026-08-15", clause).total == Decimal(total)


def test_rounding_per_line_is_what_makes_the_german_cent() -> None:
    statement = owed("12000", "2025-05-31", "2026-08-15", Clause.germany())
    exact = sum(one.base * one.rate / 100 * one.days / 365 for one in statement.segments)
    assert round(exact, 2) == Decimal("1502.65")
    assert sum(one.amount for one in statement.segments) == statement.total == Decimal("1502.66")


# --- the other examples ----------------------------------------------------------------------------------------------------------------


def test_example_2() -> None:
    statement = owed("2400", "2026-07-15", "2026-08-31")
    assert [(one.days, str(one.rate), str(one.amount)) for one in statement.segments] == [(47, "12.40", "38.32")]
    assert statement.amount_due == Decimal("2478.32")


PART_PAID = [Movement(date(2026, 5, 15), Decimal(2000))]


def test_example_3_principal_first() -> None:
    statement = owed("5000", "2026-03-31", "2026-07-31", movements=PART_PAID)
    assert amounts(statement) == ["74.90", "45.94", "31.59"]
    assert [one.base for one in statement.segments] == [5000, 3000, 3000]
    assert [(str(one.start), str(one.end)) for one in statement.segments][:2] == [
        ("2026-04-01", "2026-05-15"),
        ("2026-05-16", "2026-06-30"),
    ]
    assert (statement.total, statement.settled, statement.principal) == (Decimal("152.43"), 0, 3000)
    assert statement.amount_due == Decimal("3192.43")


def test_example_3_interest_first() -> None:
    statement = owed("5000", "2026-03-31", "2026-07-31", movements=PART_PAID, order=Order.INTEREST_FIRST)
    assert amounts(statement) == ["74.90", "47.08", "32.38"]
    assert (statement.settled, statement.principal, statement.total) == (Decimal("74.90"), Decimal("3074.90"), Decimal("79.46"))
    assert statement.amount_due == Decimal("3194.36")


def test_from_15_april_to_15_may_are_thirty_days() -> None:
    statement = owed("15000", "2026-04-15", "2026-05-15", Clause.contract_fixed(Decimal(15)))
    assert (statement.days, statement.total) == (30, Decimal("184.93"))


def test_leap_years_count_365_too() -> None:
    statement = owed("36500", "2023-12-31", "2024-06-30", Clause.contract_fixed(Decimal(20)))
    assert (statement.days, statement.total) == (182, Decimal(3640))


@pytest.mark.parametrize(("amount", "fixed_sum"), [("12000", 100), ("10000", 100), ("9999.99", 70), ("1000", 70), ("999.99", 40)])
def test_british_example_and_its_three_fixed_sums(amount: str, fixed_sum: int) -> None:
    statement = owed(amount, "2024-03-31", "2024-06-30", Clause.united_kingdom(), currency="GBP", rates=british_second_semester())
    assert statement.fixed_sum == fixed_sum
    assert statement.fixed_sum_currency == "GBP"
    if amount == "12000":
        # The debt became late on 1 April: 5.25 + 8, for 91 days.
        assert (statement.days, statement.total, statement.amount_due) == (91, Decimal("396.41"), Decimal("12496.41"))


def british_second_semester() -> RateTable:
    return PUBLISHED.extended([RateRow(Series.UK_BOE, Semester(2024, 2), Decimal("5.25"), "entered by hand")])


def test_british_rate_stays_that_of_the_half_year_of_default() -> None:
    changed = PUBLISHED.extended([RateRow(Series.UK_BOE, Semester(2024, 2), Decimal("1.00"), "entered by hand")])
    statement = owed("1000", "2024-06-29", "2024-12-31", Clause.united_kingdom(), currency="GBP", rates=changed)
    assert [(one.days, one.rate) for one in statement.segments] == [(185, Decimal("13.25"))]


@pytest.mark.parametrize(
    ("amount", "fixed_sum"), [("100", "40"), ("2500", "375"), ("5000", "625"), ("10000", "875"), ("12000", "895"), ("2000000", "6775")]
)
def test_dutch_fixed_sum_is_a_scale(amount: str, fixed_sum: str) -> None:
    assert owed(amount, "2026-07-01", "2026-07-02", Clause.netherlands()).fixed_sum == Decimal(fixed_sum)


# --- what is owed, and from whom -------------------------------------------------------------------------------------------------------


def test_on_the_due_date_nothing_is_late() -> None:
    statement = owed("2400", "2026-07-15", "2026-07-15")
    assert (statement.segments, statement.total, statement.fixed_sum, statement.amount_due) == ((), 0, 0, 2400)


def test_the_fixed_sum_is_due_from_the_first_day_and_stays_due_once_all_is_paid() -> None:
    late_by_one_day = [Movement(date(2026, 7, 16), Decimal(2400))]
    statement = owed("2400", "2026-07-15", "2026-12-31", movements=late_by_one_day)
    assert (statement.days, statement.total, statement.fixed_sum, statement.principal) == (1, Decimal("0.82"), 40, 0)
    on_time = [Movement(date(2026, 7, 15), Decimal(2400))]
    assert owed("2400", "2026-07-15", "2026-12-31", movements=on_time).amount_due == 0


def test_forty_euros_are_not_added_to_dollars() -> None:
    statement = owed("2400", "2026-07-15", "2026-08-31", currency="USD")
    assert (statement.fixed_sum, statement.fixed_sum_currency, statement.amount_due) == (40, "EUR", Decimal("2438.32"))


def test_penalties_are_rounded_to_the_invoices_own_currency() -> None:
    assert amounts(owed("240000", "2026-07-15", "2026-08-31", currency="JPY")) == ["3832"]


def test_a_payment_counts_from_its_day_and_later_ones_are_not_seen() -> None:
    movements = [Movement(date(2026, 8, 1), Decimal(400)), Movement(date(2026, 9, 1), Decimal(2000))]
    statement = owed("2400", "2026-07-15", "2026-08-31", movements=movements)
    assert [(one.days, one.base) for one in statement.segments] == [(17, 2400), (30, 2000)]
    assert statement.principal == 2000


def test_what_was_paid_beyond_the_principal_settles_penalties_then_is_left_over() -> None:
    statement = owed("2400", "2026-07-15", "2026-09-30", movements=[Movement(date(2026, 8, 31), Decimal(2450))])
    assert (statement.principal, statement.accrued, statement.settled, statement.unapplied) == (
        0,
        Decimal("38.32"),
        Decimal("38.32"),
        Decimal("11.68"),
    )
    assert statement.total == 0


def test_a_payment_smaller_than_the_interest_leaves_the_principal_alone_and_bears_no_compound_interest() -> None:
    movements = [Movement(date(2026, 5, 15), Decimal(50))]
    statement = owed("5000", "2026-03-31", "2026-06-30", movements=movements, order=Order.INTEREST_FIRST)
    assert (statement.principal, statement.settled) == (5000, 50)
    assert [one.base for one in statement.segments] == [5000, 5000]


@pytest.mark.parametrize("order", list(Order))
def test_a_credit_note_reduces_the_principal_never_the_interest(order: Order) -> None:
    credit = [Movement(date(2026, 5, 15), Decimal(2000), MovementKind.CREDIT)]
    statement = owed("5000", "2026-03-31", "2026-07-31", movements=credit, order=order)
    assert (statement.principal, statement.settled, statement.total) == (3000, 0, Decimal("152.43"))


def test_a_credit_note_dated_like_its_invoice_bears_no_interest_at_all() -> None:
    credit = [Movement(date(2026, 2, 28), Decimal(5000), MovementKind.CREDIT)]
    assert owed("5000", "2026-03-31", "2026-07-31", movements=credit).amount_due == 0


def test_a_consumer_owes_the_legal_rate_from_the_formal_notice_and_no_fixed_sum() -> None:
    statement = owed("1000", "2026-03-31", "2026-08-31", Clause.consumer(), CONSUMER, notice="2026-06-15")
    assert [(str(one.start), one.days, one.rate, str(one.amount)) for one in statement.segments] == [
        ("2026-06-16", 15, Decimal("2.62"), "1.08"),
        ("2026-07-01", 62, Decimal("2.75"), "4.67"),
    ]
    assert statement.fixed_sum == 0
    assert statement.amount_due == Decimal("1005.75")


def test_a_consumer_without_formal_notice_owes_the_principal_alone() -> None:
    statement = owed("1000", "2026-03-31", "2026-08-31", Clause.consumer(), CONSUMER)
    assert (statement.segments, statement.amount_due) == ((), 1000)
    assert [one.code for one in statement.warnings] == [WarningCode.NO_FORMAL_NOTICE]


def test_a_notice_before_the_due_date_does_not_make_interest_run_earlier() -> None:
    statement = owed("1000", "2026-03-31", "2026-04-30", Clause.consumer(), CONSUMER, notice="2026-03-01")
    assert statement.days == 30


def test_an_unknown_debtor_owes_neither_penalty_nor_fixed_sum() -> None:
    statement = owed("2400", "2026-07-15", "2026-08-31", debtor=UNKNOWN)
    assert (statement.segments, statement.fixed_sum, statement.amount_due) == ((), 0, 2400)
    assert [one.code for one in statement.warnings] == [WarningCode.KIND_UNKNOWN]


@pytest.mark.parametrize(
    ("clause", "debtor"),
    [
        (DEFAULT, CONSUMER),
        (DEFAULT, PUBLIC),
        (Clause.contract_fixed(Decimal(12)), CONSUMER),
        (Clause.public(), BUSINESS),
        (Clause.consumer(), BUSINESS),
    ],
)
def test_a_clause_is_not_held_against_the_wrong_debtor(clause: Clause, debtor: DebtorKind) -> None:
    with pytest.raises(ValueError, match="cannot be held against"):
        owed("2400", "2026-07-15", "2026-08-31", clause, debtor)


def test_interest_stops_at_the_opening_judgment() -> None:
    statement = owed("12000", "2025-05-31", "2026-08-15", insolvency="2025-07-01")
    assert [(str(one.end), one.days, str(one.amount)) for one in statement.segments] == [("2025-06-30", 30, "129.70")]
    assert statement.fixed_sum == 40
    assert [one.code for one in statement.warnings] == [WarningCode.STOPPED_BY_INSOLVENCY]


@pytest.mark.parametrize("judgment", ["2025-05-01", "2025-05-31", "2025-06-01"])
def test_a_judgment_that_forbids_paying_on_the_due_date_leaves_no_fixed_sum(judgment: str) -> None:
    statement = owed("12000", "2025-05-31", "2026-08-15", insolvency=judgment)
    assert (statement.segments, statement.fixed_sum, statement.amount_due) == ((), 0, 12000)


def test_a_judgment_after_the_statement_changes_nothing() -> None:
    assert owed("2400", "2026-07-15", "2026-08-31", insolvency="2026-09-01") == owed("2400", "2026-07-15", "2026-08-31")


def test_what_reduces_a_balance_is_positive() -> None:
    for movement in (Movement(date(2026, 8, 1), Decimal(0)), Movement(date(2026, 8, 1), Decimal(-5))):
        with pytest.raises(ValueError, match="positive"):
            owed("2400", "2026-07-15", "2026-08-31", movements=[movement])


def test_the_printed_line() -> None:
    segment = Segment(date(2026, 7, 1), date(2026, 8, 15), 46, Decimal("12.40"), Decimal(12000), Decimal("187.53"))
    assert segment.line("EUR", "fr") == (
        "du 1er juillet 2026 au 15 août 2026 : 12\u202f000,00\u00a0€ × 12,40\u00a0% × 46/365 = 187,53\u00a0€"
    )
    assert segment.line("EUR", "en") == "from 1 July 2026 to 15 August 2026: €12,000.00 × 12.40% × 46/365 = €187.53"


# --- floors ------------------------------------------------------------------------------------------------------------------------------


def test_a_fixed_ten_per_cent_was_below_the_floor_from_mid_2023_to_mid_2025() -> None:
    statement = owed("1000", "2022-12-31", "2026-12-31", Clause.contract_fixed(Decimal(10)))
    assert [str(one.semester) for one in statement.warnings] == ["2023-H2", "2024-H1", "2024-H2", "2025-H1"]


def test_in_2024_the_default_rate_itself_lay_below_the_floor() -> None:
    statement = owed("1000", "2023-12-31", "2024-12-31")
    assert [one.rate for one in statement.segments] == [Decimal("14.50"), Decimal("14.25")]
    assert [(one.code, one.floor) for one in statement.warnings] == [
        (WarningCode.DEFAULT_BELOW_FLOOR, Decimal("15.21")),
        (WarningCode.DEFAULT_BELOW_FLOOR, Decimal("14.76")),
    ]
    lifted = owed("1000", "2023-12-31", "2024-12-31", Clause.default(lift_to_floor=True))
    assert [one.rate for one in lifted.segments] == [Decimal("15.21"), Decimal("14.76")]
    assert lifted.warnings == ()


def test_a_contract_below_three_times_the_legal_rate_is_refused_outright() -> None:
    with pytest.raises(ValueError, match="3 times"):
        Clause.contract_legal_times(Decimal("2.9"))
    for build in (Clause.contract_fixed, Clause.contract_ecb_plus):
        with pytest.raises(ValueError, match="not negative"):
            build(Decimal(-1))


def test_a_contracts_own_margin() -> None:
    statement = owed("12000", "2025-12-31", "2026-06-30", Clause.contract_ecb_plus(Decimal(5)))
    assert [one.rate for one in statement.segments] == [Decimal("7.15")]
    assert [(one.code, one.floor) for one in statement.warnings] == [(WarningCode.BELOW_FLOOR, Decimal("7.86"))]


def test_a_floor_that_cannot_be_checked_is_said() -> None:
    statement = owed("1000", "2026-12-31", "2027-01-31", Clause.contract_fixed(Decimal(10)))
    assert [(one.code, str(one.semester)) for one in statement.warnings] == [(WarningCode.FLOOR_UNPUBLISHED, "2027-H1")]


# --- choosing the clause --------------------------------------------------------------------------------------------------------------


def test_the_law_chooses_for_public_buyers_and_consumers() -> None:
    assert clause_for(debtor=PUBLIC, mode=Mode.CONTRACT_FIXED, value=Decimal(15)) == Clause.public()
    assert clause_for(debtor=CONSUMER, mode=Mode.CONTRACT_FIXED, value=Decimal(15)) == Clause.consumer()
    assert clause_for(debtor=BUSINESS, mode=Mode.CONTRACT_FIXED, value=Decimal(15)) == Clause.contract_fixed(Decimal(15))
    assert clause_for(debtor=BUSINESS, mode=Mode.CONTRACT_ECB_PLUS, value=Decimal(12)) == Clause.contract_ecb_plus(Decimal(12))
    assert clause_for(debtor=BUSINESS, mode=Mode.CONTRACT_LEGAL_X, value=Decimal(4)) == Clause.contract_legal_times(Decimal(4))
    assert clause_for(debtor=BUSINESS, mode=Mode.DEFAULT_ECB10, lift_to_floor=True) == Clause.default(lift_to_floor=True)
    assert clause_for(debtor=UNKNOWN, mode=Mode.DEFAULT_ECB10) == Clause.default()


def test_another_law_has_its_own_clause() -> None:
    assert clause_for(debtor=BUSINESS, mode=Mode.DEFAULT_ECB10, country_of_law="DE") == Clause.germany()
    assert clause_for(debtor=CONSUMER, mode=Mode.DEFAULT_ECB10, country_of_law="DE").mode == Mode.DE_CONSUMER
    assert clause_for(debtor=BUSINESS, mode=Mode.DEFAULT_ECB10, country_of_law="ES") == Clause.eu()


@pytest.mark.parametrize(
    ("debtor", "mode", "country"),
    [
        (BUSINESS, Mode.CONTRACT_FIXED, "FR"),
        (BUSINESS, Mode.PUBLIC_ECB8, "FR"),
        (BUSINESS, Mode.DEFAULT_ECB10, "US"),
        (CONSUMER, Mode.DEFAULT_ECB10, "ES"),
    ],
)
def test_a_clause_that_is_not_known_is_refused(debtor: DebtorKind, mode: Mode, country: str) -> None:
    with pytest.raises(ValueError, match=r"needs its rate|are not known here"):
        clause_for(debtor=debtor, mode=mode, country_of_law=country)


def test_a_french_contract_cannot_choose_the_public_mode() -> None:
    with pytest.raises(ValueError, match="not one a French contract can choose"):
        clause_for(debtor=BUSINESS, mode=Mode.PUBLIC_ECB8, value=Decimal(8))


def test_the_pure_words_are_those_of_the_database() -> None:
    assert {kind.value for kind in DebtorKind} == set(CustomerKind.values)
    assert set(PenaltyMode.values) <= {mode.value for mode in Mode}


# --- properties --------------------------------------------------------------------------------------------------------------------------

DAYS = st.dates(date(2023, 1, 1), date(2026, 12, 31))
MOVEMENTS = st.lists(
    st.builds(Movement, DAYS, st.decimals(Decimal("0.01"), Decimal(3000), places=2), st.sampled_from(list(MovementKind))), max_size=5
)
CLAUSES = st.sampled_from(
    [DEFAULT, Clause.eu(), Clause.germany(), Clause.contract_fixed(Decimal(12)), Clause.contract_legal_times(Decimal(3))]
)


@given(st.decimals(Decimal("0.01"), Decimal(100000), places=2), DAYS, DAYS, CLAUSES, MOVEMENTS, st.sampled_from(list(Order)))
def test_lines_add_up_cover_each_late_day_once_and_no_money_is_lost(
    amount: Decimal, due_on: date, until: date, clause: Clause, movements: list[Movement], order: Order
) -> None:
    statement = penalties(
        amount=amount, due_on=due_on, until=until, clause=clause, rates=PUBLISHED, debtor=BUSINESS, movements=movements, order=order
    )
    assert sum(one.amount for one in statement.segments) == statement.accrued == statement.total + statement.settled
    counted = [one.start + timedelta(days=offset) for one in statement.segments for offset in range(one.days)]
    assert counted == sorted(set(counted))
    assert all(due_on < day <= until for day in counted)
    assert all((one.end - one.start).days + 1 == one.days and Semester.of(one.start) == Semester.of(one.end) for one in statement.segments)
    came_in = sum((one.amount for one in movements if one.on <= until), Decimal(0))
    assert amount - statement.principal + statement.settled + statement.unapplied == came_in
    assert statement.total >= 0
    assert statement.principal >= 0
    assert (statement.fixed_sum == 40) == bool(counted)


@given(st.decimals(Decimal(1), Decimal(100000), places=2), DAYS, DAYS, DAYS)
def test_penalties_never_shrink_while_nothing_is_paid(amount: Decimal, due_on: date, one_day: date, another: date) -> None:
    early, late = sorted((one_day, another))
    first, second = (
        penalties(amount=amount, due_on=due_on, until=day, clause=DEFAULT, rates=PUBLISHED, debtor=BUSINESS) for day in (early, late)
    )
    assert first.total <= second.total
