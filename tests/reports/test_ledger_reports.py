"""Days of sales, delays, rates, disputes, the legal table, the forecast and what was collected, out of a ledger."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer, CustomerGroup
from dunning.core.errors import DomainError
from dunning.core.models import Membership, Organization, User
from dunning.core.selectors import get_calendar, get_profile
from dunning.core.tenancy import tenant
from invoices import services
from invoices.measures.ageing import Cell, bucket_of
from invoices.measures.collection import Lack, Missing
from invoices.measures.forecast import Expectation, Forecast, Habit, expected_days, forecast, weeks_from
from invoices.models import Allocation, Dispute, Installment, Payment, Promise
from invoices.owed import Scope
from invoices.reports.ageing import aged_balance
from invoices.reports.collected import collected_by_month, collected_by_owner, targets
from invoices.reports.delays import (
    BROKEN,
    IN_TIME,
    KEPT,
    LATE,
    OPEN_LATE,
    PENDING,
    WAITING,
    Period,
    delays,
    due_rows,
    on_time,
    on_time_by_month,
    paid_rows,
    promise_rows,
    promises,
)
from invoices.reports.disputes import closed_disputes, dispute_rows, disputes
from invoices.reports.forecast import cash_forecast
from invoices.reports.habits import Learnt
from invoices.reports.legal import late_invoices, late_rows
from invoices.reports.rows import CountedItems
from invoices.reports.sales import days_of_sales, last_full_month, month_end, months_before, sales
from invoices.services import InstallmentDraft, InvoiceDraft
from tests.factories import make_customer, make_invoice, make_organization
from tests.invoices.ledger import at, bill, pay
from tests.reports.ledger import TODAY, example, item, owe, settle

EURO = Scope("EUR")
SEPTEMBER = Period(date(2026, 9, 1), TODAY)
SINCE_MAY = Period(date(2026, 5, 1), TODAY)


def hundredths(value: object) -> Decimal:
    assert isinstance(value, Decimal)
    return round(value, 2)


# --- days of sales ----------------------------------------------------------------------------------------------------------------------


def test_the_first_example_out_of_a_ledger(organization: Organization) -> None:
    customer = make_customer()
    # Receivables of 115 000 at the end of August; of September's 90 000 some is paid at once: 130 000 are left, 85 000 of them not due.
    owe(customer, "F-1", "20000", "2026-05-31", issued=date(2026, 5, 1))
    settle(item("F-1"), "20000", "2026-06-30")
    for number, amount, issued, due in (
        ("F-7", "80000", date(2026, 7, 1), "2026-08-15"),
        ("F-8", "60000", date(2026, 8, 1), "2026-09-15"),
        ("F-9", "90000", date(2026, 9, 1), "2026-10-31"),
    ):
        owe(customer, number, amount, due, issued=issued)
    settle(item("F-7"), "25000", "2026-08-20")
    settle(item("F-7"), "55000", "2026-09-10")
    settle(item("F-8"), "15000", "2026-09-20")
    settle(item("F-9"), "5000", "2026-09-25")
    latest, before = days_of_sales(EURO, last=date(2026, 9, 1), count=2, today=TODAY)
    assert (before.on, before.receivables) == (date(2026, 8, 31), 115000)
    assert (latest.on, latest.receivables, latest.current, latest.sales.amount) == (TODAY, 130000, 85000, 90000)
    measures = (latest.dso, latest.best, latest.delinquent, latest.count_back, latest.effectiveness)
    assert [hundredths(measure) for measure in measures] == [Decimal(text) for text in ("52.00", "34.00", "18.00", "50.67", "62.50")]


def test_months_before_the_first_entry_are_not_known_whole_until_somebody_states_them(organization: Organization) -> None:
    customer = make_customer()
    # Loaded on 15 July: the invoices of June that were still open then.
    draft = InvoiceDraft(
        customer=customer, number="F-1", issued_on=date(2026, 6, 20), due_on=date(2026, 7, 20), gross=Decimal(500), currency="EUR"
    )
    services.issue_invoice(draft=draft, **at(date(2026, 7, 15)))
    owe(customer, "F-2", "300", "2026-09-30", issued=date(2026, 8, 3))
    months = months_before(date(2026, 8, 1), 3)
    assert [(month.month.month, month.invoiced, month.complete, month.amount) for month in sales(EURO, months=months)] == [
        (8, 300, True, 300),
        (7, 0, False, None),
        (6, 500, False, None),
    ]
    [found] = days_of_sales(EURO, last=date(2026, 8, 1), count=1, today=TODAY)
    assert found.dso == Missing(Lack.SALES, (date(2026, 7, 1), date(2026, 6, 1)))
    assert found.count_back == Missing(Lack.SALES, (date(2026, 7, 1),))
    assert isinstance(found.effectiveness, Decimal)
    for month, amount in ((date(2026, 7, 9), 400), (date(2026, 6, 1), 900)):
        services.state_sales(month=month, currency="EUR", amount=Decimal(amount), **at(TODAY))
    [found] = days_of_sales(EURO, last=date(2026, 8, 1), count=1, today=TODAY)
    assert hundredths(found.dso) == hundredths(Decimal(800) / 1600 * 92)
    # What a person stated is of the whole organization.
    assert sales(Scope("EUR", customer_id=customer.pk), months=months)[1].amount is None
    services.state_sales(month=date(2026, 7, 1), currency="EUR", amount=Decimal(450), **at(TODAY))
    assert sales(EURO, months=months)[1].amount == 450


def test_credit_notes_lower_the_sales_of_their_month(organization: Organization) -> None:
    customer = make_customer()
    owe(customer, "F-1", "500", "2026-09-30", issued=date(2026, 8, 1))
    services.issue_credit_note(customer=customer, number="AV-1", issued_on=date(2026, 8, 9), gross=Decimal(120), **at(TODAY))
    [found] = sales(EURO, months=[date(2026, 8, 1)])
    assert (found.invoiced, found.credited, found.amount) == (500, 120, 380)


def test_sales_are_stated_of_months_that_are_over(organization: Organization) -> None:
    for month, currency, amount, code in (
        (TODAY, "EUR", 1, "future_date"),
        (date(2026, 8, 1), "XXX", 1, "bad_currency"),
        (date(2026, 8, 1), "EUR", -1, "bad_amount"),
        (date(2026, 8, 1), "EUR", Decimal("0.001"), "bad_amount"),
    ):
        with pytest.raises(DomainError) as refused:
            services.state_sales(month=month, currency=currency, amount=Decimal(amount), **at(TODAY))
        assert refused.value.code == code
    assert sales(EURO, months=[date(2026, 8, 1)])[0].stated is None


def test_the_months_of_a_report() -> None:
    assert last_full_month(TODAY) == date(2026, 9, 1)
    assert last_full_month(date(2026, 9, 29)) == date(2026, 8, 1)
    assert months_before(date(2026, 2, 14), 3) == [date(2026, 2, 1), date(2026, 1, 1), date(2025, 12, 1)]
    assert month_end(date(2028, 2, 1)) == date(2028, 2, 29)


# --- delays and rates -------------------------------------------------------------------------------------------------------------------


def test_the_second_example_out_of_a_ledger(organization: Organization) -> None:
    example()
    found = delays(EURO, SINCE_MAY, today=TODAY)
    weighted = found.weighted
    assert [hundredths(value) for value in (weighted.signed, weighted.floored, weighted.late_only)] == [
        Decimal("27.92"),
        Decimal("28.15"),
        Decimal("39.04"),
    ]
    assert (found.mean, hundredths(found.open_age)) == (Decimal("15.80"), Decimal("32.76"))
    assert (found.paid.share, hundredths(found.paid.share_by_amount)) == (40, Decimal("27.88"))
    cohort = on_time(due_rows(EURO, SINCE_MAY, today=TODAY).cells())
    assert (cohort.met, cohort.count, hundredths(cohort.share)) == (2, 9, Decimal("22.22"))
    cells = due_rows(EURO, SINCE_MAY, today=TODAY).cells()
    assert {line: cell.count for line, cell in cells.items()} == {IN_TIME: 2, LATE: 3, OPEN_LATE: 4}
    assert paid_rows(EURO, SINCE_MAY).cells() == {IN_TIME: Cell(2, Decimal(5800)), LATE: Cell(3, Decimal(15000))}
    by_month = on_time_by_month(EURO, SINCE_MAY, today=TODAY)
    assert {month.month: (rate.met, rate.count) for month, rate in by_month.items()} == {
        5: (0, 1),
        6: (0, 1),
        7: (1, 3),
        8: (1, 3),
        9: (0, 1),
    }
    contested = disputes(EURO, as_of=TODAY, today=TODAY)
    assert (contested.by_reason, hundredths(contested.share)) == ({"PU_ERR": Cell(1, Decimal(1500))}, Decimal("9.26"))


def test_a_part_of_the_past_is_looked_at_alone(organization: Organization) -> None:
    example()
    found = delays(EURO, Period(date(2026, 7, 1), date(2026, 7, 31)), today=TODAY)
    # I1 alone was settled in July, a day early; at the end of the month I3 (31 days), I5 (16), I9 (11) and I10 (61) were overdue.
    assert (found.weighted.signed, found.weighted.floored, found.mean) == (-1, 0, 0)
    late = 12000 * 31 + 600 * 16 + 1500 * 11 + 900 * 61
    assert found.open_age == Decimal(late) / 15000


def test_a_due_date_on_which_banks_are_closed_is_rolled(organization: Organization) -> None:
    customer = make_customer()
    for number, paid in (("F-1", "2026-08-17"), ("F-2", "2026-08-18")):  # due on Saturday 15 August, the banks open on Monday
        settle(owe(customer, number, "100", "2026-08-15"), "100", paid)
    assert on_time(due_rows(EURO, SINCE_MAY, today=TODAY).cells()).share == 50
    assert delays(EURO, SINCE_MAY, today=TODAY).paid.share == 50
    owe(customer, "F-3", "100", "2026-09-26")  # a Saturday: on Monday 28 it may still come in time
    assert due_rows(EURO, SINCE_MAY, today=date(2026, 9, 28)).cells()[PENDING].count == 1
    assert on_time(due_rows(EURO, SINCE_MAY, today=date(2026, 9, 28)).cells()).count == 2
    assert on_time(due_rows(EURO, SINCE_MAY, today=date(2026, 9, 29)).cells()).count == 3


def test_what_a_credit_note_settled_was_not_there_to_be_paid(organization: Organization) -> None:
    customer = make_customer()
    credited = owe(customer, "F-1", "100", "2026-08-31")
    services.issue_credit_note(
        customer=customer,
        number="AV-1",
        issued_on=date(2026, 9, 5),
        gross=Decimal(100),
        credited_invoice=credited.invoice,
        **at(date(2026, 9, 5)),
    )
    assert on_time(due_rows(EURO, SINCE_MAY, today=TODAY).cells()).count == 0
    found = delays(EURO, SINCE_MAY, today=TODAY)
    assert (found.weighted.signed, found.mean, found.paid.count) == (None, None, 0)


def test_promises_kept_within_their_tolerance(organization: Organization) -> None:
    customer = make_customer()
    for number, amount in (("F-1", "2000"), ("F-2", "3000"), ("F-3", "1200"), ("F-4", "50"), ("F-5", "70")):
        owe(customer, number, amount, "2026-08-31")
    promised = date(2026, 9, 16)  # a Wednesday; its tolerance ends on Friday the 18th
    for number in ("F-1", "F-2", "F-3"):
        services.make_promise(amounts={item(number): None}, promised_for=promised, **at(date(2026, 9, 10)))
    services.make_promise(amounts={item("F-4"): None}, promised_for=TODAY, **at(date(2026, 9, 10)))
    [withdrawn] = services.make_promise(amounts={item("F-5"): None}, promised_for=promised, **at(date(2026, 9, 10)))
    services.cancel_promise(promise=withdrawn, reason="typed wrong", **at(date(2026, 9, 11)))
    settle(item("F-1"), "2000", "2026-09-16")
    settle(item("F-3"), "1200", "2026-09-17")
    services.break_due_promises(**at(TODAY))
    assert Promise.objects.filter(state="broken").count() == 1
    found = promises(EURO, SEPTEMBER)
    assert (hundredths(found.kept.share), hundredths(found.kept.share_by_amount)) == (Decimal("66.67"), Decimal("51.61"))
    assert found.waiting == Cell(1, Decimal(50))
    rows = promise_rows(EURO, SEPTEMBER)
    assert CountedItems(rows, [KEPT])[:] == [(item("F-1").pk, Decimal(2000)), (item("F-3").pk, Decimal(1200))]
    assert CountedItems(rows, [BROKEN, WAITING]).total == Cell(2, Decimal(3050))


def test_disputes_of_a_past_day_and_how_they_ended(organization: Organization) -> None:
    customer = make_customer()
    first, second = owe(customer, "F-1", "100", "2026-08-31"), owe(customer, "F-2", "400", "2026-08-31")
    for contested, amount in ((first, None), (second, Decimal(150))):
        services.open_dispute(installment=contested, reason="PU_ERR", amount=amount, **at(date(2026, 9, 1)))
    services.close_dispute(dispute=first.disputes.get(), outcome="rejected", text="delivered as ordered", **at(date(2026, 9, 11)))
    settle(second, "300", "2026-09-20")
    assert disputes(EURO, as_of=date(2026, 9, 10), today=TODAY).total == Cell(2, Decimal(250))
    assert disputes(EURO, as_of=date(2026, 9, 11), today=TODAY).total == Cell(1, Decimal(150))
    assert disputes(EURO, as_of=TODAY, today=TODAY).total == Cell(1, Decimal(100))  # never more than is left
    assert CountedItems(dispute_rows(EURO, as_of=TODAY, today=TODAY), ["PU_ERR"])[:] == [(second.pk, Decimal(100))]
    [closed] = closed_disputes(EURO, SEPTEMBER)
    assert (closed.outcome, closed.count, closed.days) == ("rejected", 1, 10)


# --- the legal table --------------------------------------------------------------------------------------------------------------------


def test_the_table_of_late_invoices_issued(organization: Organization) -> None:
    example()
    sold = make_customer(factor_name="Factor SA")
    owe(sold, "I11", "333", "2026-08-20")
    owe(make_customer(), "I12", "50", "2026-09-30")
    parts = tuple(InstallmentDraft(due_on=date(2026, 8, day), amount=Decimal(10)) for day in (10, 12))
    draft = InvoiceDraft(customer=make_customer(), number="I13", issued_on=date(2026, 5, 1), gross=Decimal(20), installments=parts)
    services.issue_invoice(draft=draft, **at(date(2026, 5, 1)))
    found = late_invoices(EURO, closing=TODAY, today=TODAY)
    assert {band: (cell.count, cell.amount) for band, cell in found.bands.items()} == {
        "0": (1, 50),
        "1-30": (1, 7200),
        "31-60": (2, 3020),  # an invoice in two instalments is one invoice
        "61-90": (0, 0),
        "90+": (1, 900),
    }
    assert (found.late, found.disputed, found.factored) == (Cell(4, Decimal(11120)), Cell(1, Decimal(1500)), Cell(1, Decimal(333)))
    assert isinstance(found.sales, Missing)
    assert found.share(found.late) == found.sales
    assert [month.month for month in found.sales.months] == [4, 3, 2, 1, 12, 11, 10]
    for month in found.sales.months:
        services.state_sales(month=month, currency="EUR", amount=Decimal(0), **at(TODAY))
    found = late_invoices(EURO, closing=TODAY, today=TODAY)
    total = 4800 + 2400 + 12000 + 1000 + 600 + 3600 + 7200 + 5000 + 1500 + 900 + 333 + 50 + 20
    assert (found.sales, hundredths(found.share(found.late))) == (total, hundredths(Decimal(1112000) / total))
    rows = late_rows(EURO, closing=TODAY, today=TODAY)
    assert CountedItems(rows, ["31-60"]).total == Cell(3, Decimal(3020))


# --- the forecast -----------------------------------------------------------------------------------------------------------------------


def test_a_payer_is_expected_at_its_own_habit_and_a_promise_on_its_day(organization: Organization) -> None:
    prompt, new = make_customer(), make_customer()
    for number, (due, paid) in enumerate((("2026-06-30", "2026-07-10"), ("2026-07-31", "2026-08-10"), ("2026-08-31", "2026-09-10"))):
        settle(owe(prompt, f"P-{number}", "100", due), "100", paid)
    owe(prompt, "F-1", "500", "2026-10-05")  # ten days after: 15 October
    owe(new, "F-2", "70", "2026-10-05")  # too little is known of it: everybody's habit
    owe(new, "F-3", "90", "2026-09-10")
    services.make_promise(amounts={item("F-3"): Decimal(60)}, promised_for=date(2026, 10, 20), **at(TODAY))
    contested = owe(new, "F-4", "1000", "2026-09-10")
    services.open_dispute(installment=contested, reason="PU_ERR", **at(TODAY))
    owe(make_customer(factor_name="Factor SA"), "F-5", "25", "2026-10-05")
    found = cash_forecast(EURO, today=TODAY, weeks=13)
    weeks = {week.ends_on: week.expected for week in found.forecast.weeks if week.expected}
    assert weeks == {date(2026, 10, 18): 570, date(2026, 10, 25): 60}
    # Twenty days late: nobody ever paid so late, so what is not promised of F-3 has no date.
    assert (found.forecast.undated, found.contested, found.factored, found.learnt.payments) == (30, 1000, 25, 3)
    assert found.learnt.shares == {}
    total = found.forecast.expected + found.forecast.later + found.forecast.undated + found.forecast.discounted
    assert total + found.contested + found.factored == aged_balance(EURO, as_of=TODAY, today=TODAY).open.total.amount


def test_what_an_age_brought_before_is_learnt(organization: Organization) -> None:
    customer = make_customer()
    for number in range(24):  # open and not due 90 days ago; 18 of them were paid since
        opened = owe(customer, f"F-{number}", "100", "2026-07-20", issued=date(2026, 6, 20))
        if number < 18:
            settle(opened, "100", "2026-07-25")
    found = cash_forecast(EURO, today=TODAY, weeks=13)
    assert found.learnt.shares == {"not_due": Decimal("0.75")}
    owe(customer, "F-NEW", "100", "2026-10-20", issued=date(2026, 9, 20))
    found = cash_forecast(EURO, today=TODAY, weeks=13)
    assert (found.forecast.expected, found.forecast.discounted, found.forecast.unweighted) == (75, 25, ())


def test_what_was_learnt_is_kept_for_a_while(organization: Organization) -> None:
    customer = make_customer()
    settle(owe(customer, "P-1", "100", "2026-08-31"), "100", "2026-09-10")
    owe(customer, "F-1", "500", "2026-10-05")
    assert services.learn_habits(today=TODAY) == 1
    assert services.learn_habits(today=TODAY + timedelta(days=6)) == 0
    settle(owe(customer, "P-2", "900", "2026-08-31"), "900", "2026-09-20")
    found = cash_forecast(EURO, today=TODAY, weeks=13)
    assert (found.learnt.on, found.learnt.payments, found.learnt.days) == (TODAY, 1, [(10, Decimal("100.00"))])
    assert services.learn_habits(today=TODAY + timedelta(days=7)) == 1
    assert cash_forecast(EURO, today=TODAY + timedelta(days=8), weeks=13).learnt.payments == 2
    # Of another day, or too old, it is learnt on the spot.
    assert cash_forecast(EURO, today=TODAY, weeks=13).learnt.payments == 2
    assert cash_forecast(EURO, today=TODAY + timedelta(days=60), weeks=13).learnt.on == TODAY + timedelta(days=60)


ITEM = st.tuples(
    st.integers(1, 90_000).map(lambda cents: Decimal(cents) / 100),
    st.integers(-60, 300),  # due so many days ago
    st.one_of(st.none(), st.integers(-80, 120)),  # paid so many days after
    st.one_of(st.none(), st.tuples(st.integers(1, 100), st.integers(-6, 40))),  # promised in per cent, for a day so far ahead
    st.sampled_from([None, None, None, 100, 40]),  # contested in per cent
    st.integers(0, 3),
)


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ITEM, max_size=24))
def test_each_item_is_expected_when_the_formula_says(rows: list[Any]) -> None:
    with transaction.atomic():
        with tenant(make_organization()):
            group = CustomerGroup.objects.create(key="g", name="G")
            customers = [make_customer(group=group if number < 2 else None) for number in range(4)]
            open_ = [found for row in rows if (found := _row(customers, *row)) is not None]
            found = cash_forecast(EURO, today=TODAY, weeks=13)
            assert found.forecast == _one_by_one(open_, found.learnt)
        transaction.set_rollback(True)


def _row(
    customers: list[Customer],
    amount: Decimal,
    ago: int,
    paid: int | None,
    promise: tuple[int, int] | None,
    contested: int | None,
    who: int,
) -> Installment | None:
    """An invoice, paid or open; the open ones are returned. Rows written as they would stand, without the services' news."""
    due_on = TODAY - timedelta(days=ago)
    made = make_invoice(customers[who], amount=amount, issued_on=due_on - timedelta(days=30), due_on=due_on)
    if paid is not None and due_on + timedelta(days=paid) <= TODAY:
        on = due_on + timedelta(days=paid)
        receipt = {"received_on": on, "entered_on": on, "external_reference": str(made.pk)}
        payment = Payment.objects.create(customer=customers[who], amount=amount, currency="EUR", unallocated=0, **receipt)
        Allocation.objects.create(installment=made, payment=payment, amount=amount, value_on=on)
        Installment.objects.filter(pk=made.pk).update(outstanding=0, settled_on=on)
        return None
    if promise is not None:
        part = max(Decimal("0.01"), (amount * promise[0] / 100).quantize(Decimal("0.01")))
        day = TODAY + timedelta(days=promise[1])
        Promise.objects.create(
            installment=made, customer=customers[who], amount=part, made_on=min(day, TODAY), promised_for=day, reference=made.pk
        )
    if contested is not None:
        value = None if contested == 100 else max(Decimal("0.01"), (amount * contested / 100).quantize(Decimal("0.01")))
        Dispute.objects.create(
            installment=made, customer=customers[who], amount=value, reason="PU_ERR", opened_on=TODAY, answer_due_on=TODAY
        )
    return made


def _one_by_one(items: list[Installment], learnt: Learnt) -> Forecast:
    """The same forecast by the pure formula, item by item."""
    calendar = get_calendar(get_profile())
    weeks = weeks_from(TODAY, roll=calendar.roll)
    expected: list[Expectation] = []
    for one in items:
        customer, promise, dispute = one.customer, one.promises.first(), one.disputes.first()
        days = learnt.habits.get(str(customer.pk)) or learnt.habits.get(str(customer.group_id))
        own = Habit(*days) if days else None
        contested = Decimal(0) if dispute is None else dispute.amount or one.outstanding
        holds = promise is not None and calendar.add_business_days(promise.promised_for, 2) >= TODAY
        promised = min(promise.amount, one.outstanding - contested) if promise is not None and holds else Decimal(0)
        for amount, day in ((promised, promise.promised_for if promise else None), (one.outstanding - contested - promised, None)):
            if amount > 0:
                on = expected_days(one.due_on, own, today=TODAY, experience=learnt.experience, promised_for=day)
                places = None if on is None else tuple(weeks[min(len(weeks) - 1, (each - TODAY).days)] for each in on)
                expected.append(Expectation(amount, bucket_of((TODAY - one.due_on).days), places))
    return forecast(expected, today=TODAY, shares=learnt.shares)


# --- what was collected -----------------------------------------------------------------------------------------------------------------


def _member(organization: Organization, name: str) -> User:
    user = User.objects.create_user(f"{name}@atelier.example", name=name.title())
    Membership.objects.create(organization=organization, user=user, role="collector")
    return user


def test_collected_by_who_is_in_charge(organization: Organization) -> None:
    claire = _member(organization, "claire")
    hers, nobodys = make_customer(account_owner=claire), make_customer()
    pay(hers, "100", on=date(2026, 9, 2))
    pay(hers, "50", on=date(2026, 8, 31))
    pay(nobodys, "30", on=date(2026, 9, 3))
    pay(None, "7", on=TODAY)
    cancelled = pay(nobodys, "999", on=TODAY)
    services.cancel_payment(payment=cancelled, reason="bounced", **at(TODAY))
    assert collected_by_owner(EURO, SEPTEMBER) == {claire.pk: Cell(1, Decimal(100)), None: Cell(2, Decimal(37))}
    assert collected_by_month(EURO, Period(date(2026, 8, 1), TODAY)) == {
        date(2026, 8, 1): Cell(1, Decimal(50)),
        date(2026, 9, 1): Cell(3, Decimal(137)),
    }


def test_a_target_holds_until_another_follows(organization: Organization) -> None:
    claire = _member(organization, "claire")
    for since, user, amount in (
        (date(2026, 6, 14), None, 1000),
        (date(2026, 8, 1), None, 2000),
        (date(2026, 8, 1), claire, 500),
        (date(2026, 9, 1), claire, 0),
    ):
        services.set_collection_target(since=since, currency="EUR", amount=Decimal(amount), user=user, **at(TODAY))
    services.set_collection_target(since=date(2026, 8, 1), currency="EUR", amount=Decimal(2500), **at(TODAY))
    months = [date(2026, month, 1) for month in (5, 6, 7, 8, 9)]
    assert targets(currency="EUR", months=months) == {
        months[0]: {},
        months[1]: {None: 1000},
        months[2]: {None: 1000},
        months[3]: {None: 2500, claire.pk: 500},
        months[4]: {None: 2500},
    }
    assert targets(currency="USD", months=months)[months[4]] == {}
    stranger = User.objects.create_user("vera@elsewhere.example")
    with pytest.raises(DomainError, match="not a member"):
        services.set_collection_target(since=TODAY, currency="EUR", amount=Decimal(1), user=stranger, **at(TODAY))


def test_reports_cost_the_same_queries_at_one_and_at_three_items(organization: Organization) -> None:
    counts = []
    for round_ in range(2):
        for number in range(1 + round_):
            customer = make_customer()
            settle(owe(customer, f"P-{round_}{number}", "10", "2026-08-31"), "10", "2026-09-05")
            owe(customer, f"F-{round_}{number}", "10", "2026-08-31")
            bill(customer, "10", issued_on=TODAY - timedelta(days=9), due_on=TODAY, number=f"G-{round_}{number}")
        with CaptureQueriesContext(connection) as queries:
            days_of_sales(EURO, last=date(2026, 8, 1), count=12, today=TODAY)
            delays(EURO, SEPTEMBER, today=TODAY)
            on_time(due_rows(EURO, SEPTEMBER, today=TODAY).cells())
            promises(EURO, SEPTEMBER)
            disputes(EURO, as_of=TODAY, today=TODAY)
            late_invoices(EURO, closing=TODAY, today=TODAY)
            cash_forecast(EURO, today=TODAY, weeks=13)
            collected_by_owner(EURO, SEPTEMBER)
        counts.append(len(queries))
    assert counts[0] == counts[1]
