from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from customers.enums import EndOfMonth as StoredEndOfMonth
from invoices.terms import (
    EndOfMonth,
    PaymentTerms,
    TermsWarning,
    Trade,
    WarningCode,
    check_terms,
    latest_due_date,
    parse_terms,
)

NONE, BEFORE, AFTER = EndOfMonth.NONE, EndOfMonth.BEFORE, EndOfMonth.AFTER


@pytest.mark.parametrize(
    ("issued", "before_45", "after_45", "net_60", "after_30"),
    [
        ("2026-01-02", "2026-03-17", "2026-02-28", "2026-03-03", "2026-02-28"),
        ("2026-01-31", "2026-03-17", "2026-03-31", "2026-04-01", "2026-03-31"),
        ("2026-02-15", "2026-04-14", "2026-04-30", "2026-04-16", "2026-03-31"),
        ("2026-03-10", "2026-05-15", "2026-04-30", "2026-05-09", "2026-04-30"),
        ("2026-07-16", "2026-09-14", "2026-08-31", "2026-09-14", "2026-08-31"),
        ("2026-11-30", "2027-01-14", "2027-01-31", "2027-01-29", "2026-12-31"),
        ("2028-01-02", "2028-03-16", "2028-02-29", "2028-03-02", "2028-02-29"),
    ],
)
def test_both_ends_of_month(issued: str, before_45: str, after_45: str, net_60: str, after_30: str) -> None:
    day = date.fromisoformat(issued)
    assert [
        str(terms.due_date(day)) for terms in (PaymentTerms(45, BEFORE), PaymentTerms(45, AFTER), PaymentTerms(60), PaymentTerms(30, AFTER))
    ] == [before_45, after_45, net_60, after_30]


@pytest.mark.parametrize(
    ("terms", "issued", "due"),
    [
        (PaymentTerms(30, AFTER, 10), "2026-01-02", "2026-03-10"),
        (PaymentTerms(30, AFTER, 15), "2026-11-30", "2027-01-15"),
        (PaymentTerms(30, AFTER, 31), "2026-01-31", "2026-04-30"),
        (PaymentTerms(0, AFTER, 31), "2026-01-15", "2026-02-28"),
        (PaymentTerms(0, NONE, 15), "2026-01-15", "2026-01-15"),
        (PaymentTerms(0, NONE, 15), "2026-01-16", "2026-02-15"),
        (PaymentTerms(30, NONE, 5), "2026-01-02", "2026-02-05"),
        (PaymentTerms(45, BEFORE, 10), "2026-01-02", "2026-04-10"),
        (PaymentTerms(0), "2026-01-02", "2026-01-02"),
    ],
)
def test_a_fixed_day_of_the_month(terms: PaymentTerms, issued: str, due: str) -> None:
    assert terms.due_date(date.fromisoformat(issued)) == date.fromisoformat(due)


def test_a_due_date_stays_on_a_sunday() -> None:
    assert PaymentTerms(30).due_date(date(2026, 9, 25)) == date(2026, 10, 25)


@pytest.mark.parametrize(("days", "day_of_month"), [(-1, None), (366, None), (30, 0), (30, 32)])
def test_impossible_terms_are_refused(days: int, day_of_month: int | None) -> None:
    with pytest.raises(ValueError, match="between"):
        PaymentTerms(days, NONE, day_of_month)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("45 jours fin de mois", PaymentTerms(45, AFTER)),
        ("45j FDM", PaymentTerms(45, AFTER)),
        ("30 jours fin de mois le 10", PaymentTerms(30, AFTER, 10)),
        ("30 EOM", PaymentTerms(30, AFTER)),
        ("45 days end of month", PaymentTerms(45, AFTER)),
        ("45 days, then end of month, on day 1", PaymentTerms(45, AFTER, 1)),
        ("fin de mois + 45 jours", PaymentTerms(45, BEFORE)),
        ("fin de mois 45 jours", PaymentTerms(45, BEFORE)),
        ("45 jours à compter de la fin du mois", PaymentTerms(45, BEFORE)),
        ("EOM + 45", PaymentTerms(45, BEFORE)),
        ("45 days after the end of the month", PaymentTerms(45, BEFORE)),
        ("fin de mois", PaymentTerms(0, AFTER)),
        ("Fin de mois le 15", PaymentTerms(0, AFTER, 15)),
        ("30 jours", PaymentTerms(30)),
        ("30 jours nets", PaymentTerms(30)),
        ("à 30 jours", PaymentTerms(30)),
        ("30 jours date de facture", PaymentTerms(30)),
        ("30", PaymentTerms(30)),
        ("Net 30", PaymentTerms(30)),
        ("30 days from invoice date", PaymentTerms(30)),
        ("  60   days net ", PaymentTerms(60)),
        ("à réception", PaymentTerms(0)),
        ("À réception de facture", PaymentTerms(0)),
        ("comptant", PaymentTerms(0)),
        ("due upon receipt", PaymentTerms(0)),
    ],
)
def test_terms_are_read_in_both_languages(text: str, terms: PaymentTerms) -> None:
    assert parse_terms(text) == terms


@pytest.mark.parametrize("text", ["", "bientôt", "jours", "30 jours à réception", "30 jours fin de semaine", "30/45", "-30 jours"])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not understood as payment terms"):
        parse_terms(text)


def test_terms_that_are_understood_and_impossible_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 365"):
        parse_terms("999 jours")
    with pytest.raises(ValueError, match="between 1 and 31"):
        parse_terms("30 jours fin de mois le 40")


def test_labels() -> None:
    shown = [PaymentTerms(45, AFTER), PaymentTerms(45, BEFORE), PaymentTerms(30), PaymentTerms(0), PaymentTerms(30, AFTER, 10)]
    assert [terms.label("fr") for terms in shown] == [
        "45 jours fin de mois",
        "fin de mois + 45 jours",
        "30 jours",
        "à réception",
        "30 jours fin de mois le 10",
    ]
    assert [terms.label("en") for terms in shown] == [
        "45 days, then end of month",
        "end of month + 45 days",
        "30 days net",
        "due on receipt",
        "30 days, then end of month, on day 10",
    ]


def test_the_pure_words_are_those_of_the_database() -> None:
    assert {kind.value for kind in EndOfMonth} == set(StoredEndOfMonth.values)


TERMS = st.builds(PaymentTerms, st.integers(0, 365), st.sampled_from([NONE, BEFORE, AFTER]), st.none() | st.integers(1, 31))
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@given(TERMS, st.sampled_from(["fr", "en"]))
def test_a_label_reads_back(terms: PaymentTerms, language: str) -> None:
    # Without days, end of month before or after them is one and the same.
    assume(terms.days or terms.end_of_month != BEFORE)
    assert parse_terms(terms.label(language)) == terms


@given(TERMS, DAYS)
def test_a_due_date_is_never_before_its_days_nor_months_after_them(terms: PaymentTerms, issued: date) -> None:
    due = terms.due_date(issued)
    assert issued + timedelta(days=terms.days) <= due <= issued + timedelta(days=terms.days + 31 + 31)
    if terms.day_of_month:
        assert due.day == terms.day_of_month or (due + timedelta(days=1)).day == 1


# --- legal maxima ------------------------------------------------------------------------------------------------------------------------

ISSUED, DELIVERED, RECEIVED = date(2026, 3, 10), date(2026, 3, 4), date(2026, 3, 12)


@pytest.mark.parametrize(
    ("trade", "latest"),
    [
        (Trade.GENERAL, "2026-05-09"),
        (Trade.NOTHING_AGREED, "2026-04-03"),
        (Trade.PERIODIC_INVOICE, "2026-04-24"),
        (Trade.TRANSPORT, "2026-04-09"),
        (Trade.PERISHABLE_FOOD, "2026-04-03"),
        (Trade.PERISHABLE_FOOD_PERIODIC, "2026-04-09"),
        (Trade.LIVESTOCK_AND_FRESH_MEAT, "2026-03-24"),
        (Trade.ALCOHOL, "2026-04-30"),
        (Trade.PUBLIC_AUTHORITY, "2026-04-11"),
        (Trade.PUBLIC_HOSPITAL, "2026-05-01"),
        (Trade.PUBLIC_UNDERTAKING, "2026-05-11"),
    ],
)
def test_legal_maxima(trade: Trade, latest: str) -> None:
    assert latest_due_date(trade, issued_on=ISSUED, delivered_on=DELIVERED, received_on=RECEIVED) == date.fromisoformat(latest)


@pytest.mark.parametrize(
    ("delivered", "latest"), [("2026-03-10", "2026-04-09"), ("2026-03-11", "2026-04-19"), ("2026-03-21", "2026-04-30")]
)
def test_a_decade_ends_on_the_10th_the_20th_or_the_last_day(delivered: str, latest: str) -> None:
    found = latest_due_date(Trade.PERISHABLE_FOOD_PERIODIC, issued_on=ISSUED, delivered_on=date.fromisoformat(delivered))
    assert found == date.fromisoformat(latest)


@pytest.mark.parametrize("terms", [PaymentTerms(60), PaymentTerms(30), PaymentTerms(30, AFTER), PaymentTerms(0), PaymentTerms(29, BEFORE)])
def test_lawful_terms_bring_no_warning(terms: PaymentTerms) -> None:
    assert check_terms(terms) == []


def test_the_derogation_must_be_stipulated() -> None:
    assert check_terms(PaymentTerms(45, AFTER)) == [TermsWarning(WarningCode.DEROGATION, 15, date(2025, 1, 15), "C. com. L441-10 I")]
    assert check_terms(PaymentTerms(45, BEFORE)) == [TermsWarning(WarningCode.DEROGATION, 15, date(2025, 1, 1), "C. com. L441-10 I")]


@pytest.mark.parametrize(
    ("terms", "trade", "days_over"),
    [
        (PaymentTerms(61), Trade.GENERAL, 1),
        (PaymentTerms(90), Trade.GENERAL, 30),
        (PaymentTerms(60, AFTER), Trade.GENERAL, 30),
        (PaymentTerms(46, BEFORE), Trade.GENERAL, 1),
        (PaymentTerms(30, AFTER, 10), Trade.GENERAL, 10),
        (PaymentTerms(31), Trade.TRANSPORT, 1),
        (PaymentTerms(45, AFTER), Trade.TRANSPORT, 45),
        (PaymentTerms(60), Trade.PERIODIC_INVOICE, 15),
    ],
)
def test_terms_beyond_the_maximum_are_flagged(terms: PaymentTerms, trade: Trade, days_over: int) -> None:
    assert [(one.code, one.days_over) for one in check_terms(terms, trade)] == [(WarningCode.ABOVE_MAXIMUM, days_over)]


@given(st.sampled_from([PaymentTerms(60), PaymentTerms(45, BEFORE), PaymentTerms(45, AFTER), PaymentTerms(30, AFTER)]), DAYS)
def test_due_dates_of_the_four_usual_terms_stay_within_the_maximum(terms: PaymentTerms, issued: date) -> None:
    assert terms.due_date(issued) <= latest_due_date(Trade.GENERAL, issued_on=issued, terms=terms)


@given(TERMS, DAYS)
def test_no_invoice_passes_a_maximum_that_the_check_of_its_terms_did_not_announce(terms: PaymentTerms, issued: date) -> None:
    over = (terms.due_date(issued) - latest_due_date(Trade.GENERAL, issued_on=issued, terms=terms)).days
    announced = [one.days_over for one in check_terms(terms) if one.code == WarningCode.ABOVE_MAXIMUM]
    assert over <= (announced or [0])[0]
