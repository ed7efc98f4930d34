"""When customers usually pay, which of them do so steadily, and how they keep their word."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunning.core import clock
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices.enums import PromiseState
from invoices.habits import Habit, SteadyHabit, habit, steady_habit
from invoices.models import Invoice, PayerHabit, Promise
from invoices.selectors.habits import Word, promises_kept, usual_delay
from invoices.services import PaymentDraft, find_good_payers, record_payment, record_payments, write_off
from tests.factories import make_customer, make_invoice, make_organization

DUE = date(2026, 1, 31)


def test_the_usual_delay_is_the_median_and_needs_three_payments() -> None:
    def paid(*days: int) -> list[tuple[date, date]]:
        return [(DUE, DUE + timedelta(days=late)) for late in days]

    assert habit(paid(8, 9)) is None
    assert habit(paid(30, 8, 9)) == Habit(9, 3, date(2026, 3, 2))
    assert habit(paid(-2, 0, 1, 40)) == Habit(0, 4, date(2026, 3, 12))  # of an even number the earlier of the two in the middle


@pytest.mark.django_db
def test_only_what_payments_settled_within_a_year_tells_a_habit() -> None:
    organization = make_organization()
    today, now = date(2026, 10, 1), clock.now()
    with tenant(organization):
        customer = make_customer("C1")
        paid = [(date(2026, 3, 1), 8), (date(2026, 4, 1), 10), (date(2026, 5, 1), 9), (date(2025, 5, 1), 90)]
        for number, (due_on, late) in enumerate(paid):
            item = make_invoice(customer, number=f"FA-{number}", amount="100.00", issued_on=due_on - timedelta(days=30), due_on=due_on)
            draft = PaymentDraft(
                amount=item.amount,
                received_on=due_on + timedelta(days=late),
                customer=customer,
                external_reference=f"B-{number}",
                allocations=((item, item.amount),),
            )
            record_payment(draft=draft, actor="system", today=today, now=now)
        given_up = make_invoice(customer, number="FA-9", amount="100.00", issued_on=date(2026, 2, 1), due_on=date(2026, 3, 1))
        write_off(installment=given_up, amount=given_up.amount, reason="too small", actor="system", today=today, now=now)
        assert usual_delay(customer.pk, today=today) == Habit(9, 3, date(2026, 5, 10))
        assert usual_delay(customer.pk, today=date(2027, 10, 1)) is None
        assert usual_delay(make_customer("C2").pk, today=today) is None


@pytest.mark.django_db
def test_a_promise_about_several_invoices_is_one_word() -> None:
    with tenant(make_organization()):
        customer = make_customer("C1")
        for states in (["kept", "kept"], ["kept", "broken"], ["cancelled"], ["kept"]):
            reference = new_id()
            for state in states:
                item = make_invoice(customer, issued_on=date(2026, 8, 1), due_on=date(2026, 8, 31))
                Promise.objects.create(
                    installment=item,
                    customer=customer,
                    amount=item.amount,
                    made_on=date(2026, 9, 1),
                    promised_for=date(2026, 9, 10),
                    state=PromiseState(state),
                    reference=reference,
                )
        assert promises_kept(customer.pk) == Word(kept=2, broken=1)


# --- good payers (rule 13) --------------------------------------------------------------------------------------------------------------


def steady(*days: int, amounts: tuple[int, ...] = ()) -> SteadyHabit | None:
    """The habit of items due a day apart, paid so many days after their due date, of 100.00 unless said."""
    sums = amounts or (100,) * len(days)
    return steady_habit(
        [
            (DUE + timedelta(number), DUE + timedelta(number + late), Decimal(amount))
            for number, (late, amount) in enumerate(zip(days, sums, strict=True))
        ]
    )


def test_six_items_about_a_usual_day_of_at_most_fifteen_make_a_good_payer() -> None:
    found = SteadyHabit(10, Decimal(100), 6, 6, DUE + timedelta(6), DUE + timedelta(17))
    assert steady(6, 10, 12, 14, 10, 12) == found
    assert steady(6, 10, 12, 14, 10) is None  # five
    assert steady(15, 15, 15, 15, 15, 15) is not None
    assert steady(16, 16, 16, 16, 16, 16) is None
    assert steady(0, 0, 0, 0, 0, 0) is None  # nobody has to be waited for
    assert steady(1, 1, 1, 1, 1, 1) is not None
    assert steady(10, 10, 10, 10, 10, 15) is None  # one of six is five days off
    assert steady(10, 10, 10, 10, 10, 10, 40, 41, 42, 43, 44) is not None  # six of eleven
    assert steady(10, 10, 10, 10, 10, 10, 40, 41, 42, 43, 44, 45) is None  # half of them is not most
    assert steady() is None


def test_the_usual_amount_is_the_median_of_all_that_was_paid() -> None:
    found = steady(10, 10, 10, 10, 10, 10, 40, amounts=(100, 200, 300, 400, 500, 600, 9_000))
    assert found is not None
    assert (found.usual_amount, found.items, found.paid) == (Decimal(400), 6, 7)


ACCOUNTS = st.lists(
    st.lists(st.tuples(st.sampled_from(["EUR", "EUR", "EUR", "USD"]), st.integers(-3, 20), st.integers(1, 500)), max_size=14),
    min_size=1,
    max_size=3,
)


@pytest.mark.django_db
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(accounts=ACCOUNTS, spread=st.integers(0, 8))
def test_what_is_kept_is_what_the_formula_says(accounts: list[list[tuple[str, int, int]]], spread: int) -> None:
    today = date(2026, 10, 1)
    with transaction.atomic():
        with tenant(make_organization()):
            expected = {}
            for account in accounts:
                customer = make_customer()
                paid: dict[str, list[tuple[date, date, Decimal]]] = {}
                drafts = []
                for number, (currency, late, euros) in enumerate(account):
                    due_on = date(2026, 2, 1) + timedelta(days=11 * number)
                    paid_on = due_on + timedelta(days=min(late, spread) + 8)
                    item = make_invoice(customer, amount=f"{euros}.00", issued_on=due_on - timedelta(30), due_on=due_on, currency=currency)
                    draft = PaymentDraft(
                        amount=item.amount,
                        received_on=paid_on,
                        currency=currency,
                        customer=customer,
                        external_reference=f"{customer.number}-{number}",
                        allocations=((item, item.amount),),
                    )
                    drafts.append(draft)
                    paid.setdefault(currency, []).append((due_on, paid_on, item.amount))
                record_payments(drafts=drafts, actor="system", today=today, now=clock.now())
                expected |= {(customer.pk, currency): steady_habit(rows) for currency, rows in paid.items()}
            find_good_payers(today=today)
            kept = {
                (row.customer_id, row.currency): SteadyHabit(row.days, row.usual_amount, row.items, row.paid, row.first_on, row.latest_on)
                for row in PayerHabit.objects.all()
            }
            assert kept == {key: found for key, found in expected.items() if found is not None}
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_habit_is_dated_from_the_day_it_became_what_it_is() -> None:
    with tenant(make_organization()):
        customer = make_customer("C1")

        def pay(late: int, number: int) -> None:
            due_on = date(2026, 3, 1) + timedelta(days=number)
            item = make_invoice(customer, amount="100.00", issued_on=due_on - timedelta(30), due_on=due_on)
            draft = PaymentDraft(
                amount=item.amount,
                received_on=due_on + timedelta(days=late),
                customer=customer,
                external_reference=f"B-{number}",
                allocations=((item, item.amount),),
            )
            record_payment(draft=draft, actor="system", today=date(2026, 6, 1), now=clock.now())

        def kept() -> list[tuple[int, int, date]]:
            return list(PayerHabit.objects.values_list("days", "items", "found_on"))

        for number in range(6):
            pay(8, number)
        assert find_good_payers(today=date(2026, 6, 1)) == 1
        assert kept() == [(8, 6, date(2026, 6, 1))]
        assert find_good_payers(today=date(2026, 6, 2)) == 0  # nothing new, nothing written
        pay(9, 6)
        assert find_good_payers(today=date(2026, 6, 3)) == 1
        assert kept() == [(8, 7, date(2026, 6, 1))]  # one more, and the same habit
        for number in range(7, 14):
            pay(11, number)
        find_good_payers(today=date(2026, 6, 4))
        assert kept() == [(9, 14, date(2026, 6, 4))]
        Invoice.objects.update(is_factored=True)
        find_good_payers(today=date(2026, 6, 5))  # what a factor collects says nothing
        assert kept() == []
