"""Promises: a customer names a day, and keeps it or not. October 2026: the 25th is a Sunday."""

from datetime import date
from decimal import Decimal

import pytest

from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices import services
from invoices.enums import ActKind, ActSource, PromiseState
from invoices.keeping import is_kept
from invoices.models import DebtorAct, Installment, Promise
from invoices.selectors import chased_amount, view_items
from tests.factories import make_customer
from tests.invoices.ledger import at, bill, pay

SEPT_1, OCT_1, OCT_5, OCT_25, OCT_27, OCT_28 = (
    date(2026, 9, 1),
    date(2026, 10, 1),
    date(2026, 10, 5),
    date(2026, 10, 25),
    date(2026, 10, 27),
    date(2026, 10, 28),
)


@pytest.fixture
def item(organization: Organization) -> Installment:
    return bill(make_customer(), "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")


def promise(
    item: Installment, amount: str | None = None, *, day: date = OCT_25, made: date = OCT_5, source: str = ActSource.CALL
) -> Promise:
    amounts = {item: Decimal(amount) if amount else None}
    return services.make_promise(amounts=amounts, promised_for=day, source=source, **at(made))[0]


def state(row: Promise) -> str:
    return Promise.objects.get(pk=row.pk).state


def test_a_promise_for_a_sunday_is_held_through_tuesday_and_broken_on_wednesday(item: Installment) -> None:
    made = promise(item)
    assert (made.amount, made.promised_for) == (Decimal("1000.00"), OCT_25)
    assert [act.kind for act in DebtorAct.objects.all()] == [ActKind.PROMISED]
    assert services.break_due_promises(**at(OCT_27)) == []
    assert state(made) == PromiseState.OPEN
    assert services.break_due_promises(**at(OCT_28)) == [made]
    assert state(made) == PromiseState.BROKEN
    assert services.break_due_promises(**at(OCT_28)) == []


def test_a_payment_that_reaches_the_promise_keeps_it(item: Installment) -> None:
    made = promise(item, "600.00")
    pay(item.customer, "400.00", on=date(2026, 10, 12))
    assert state(made) == PromiseState.OPEN
    pay(item.customer, "200.00", on=OCT_27)
    assert state(made) == PromiseState.KEPT
    assert services.break_due_promises(**at(OCT_28)) == []


def test_a_payment_before_the_promise_does_not_count(item: Installment) -> None:
    pay(item.customer, "400.00", on=OCT_1)
    made = promise(item)
    assert made.amount == Decimal("600.00")
    assert services.break_due_promises(**at(OCT_28)) == [made]


def test_a_receipt_booked_late_but_valued_in_time_mends_a_broken_promise(item: Installment) -> None:
    made = promise(item)
    services.break_due_promises(**at(OCT_28))
    payment = pay(item.customer, "1000.00", on=OCT_27, entered_on=date(2026, 10, 30))
    assert state(made) == PromiseState.KEPT
    services.correct_value_date(payment=payment, received_on=date(2026, 10, 29), **at(date(2026, 10, 30)))
    assert state(made) == PromiseState.BROKEN


def test_a_bounced_payment_takes_its_promise_with_it(item: Installment) -> None:
    made = promise(item)
    payment = pay(item.customer, "1000.00", on=date(2026, 10, 20))
    assert state(made) == PromiseState.KEPT
    services.cancel_payment(payment=payment, reason="Chèque impayé", **at(date(2026, 10, 22)))
    assert state(made) == PromiseState.OPEN
    services.break_due_promises(**at(OCT_28))
    assert state(made) == PromiseState.BROKEN


def test_a_credit_note_that_settles_the_item_leaves_nothing_to_promise(item: Installment) -> None:
    made = promise(item)
    services.issue_credit_note(
        customer=item.customer, number="AV-1", issued_on=OCT_5, gross=Decimal("1000.00"), credited_invoice=item.invoice, **at(OCT_5)
    )
    assert state(made) == PromiseState.CANCELLED
    assert services.break_due_promises(**at(OCT_28)) == []


def test_a_credit_note_keeps_nothing_but_lowers_what_is_still_promised(item: Installment) -> None:
    """1 000,00 promised for the 25th; 300,00 are credited on the 12th, and the customer pays the 700,00 that are left."""
    made = promise(item)
    credit(item, "300.00", on=date(2026, 10, 12))
    assert state(made) == PromiseState.OPEN
    pay(item.customer, "700.00", on=date(2026, 10, 26))
    assert state(made) == PromiseState.KEPT


def test_a_credit_note_for_what_was_promised_keeps_nothing_while_something_is_owed(item: Installment) -> None:
    """600,00 of 1 000,00 are promised; 600,00 are credited: the 400,00 that are left were not paid."""
    made = promise(item, "600.00")
    credit(item, "600.00", on=date(2026, 10, 12))
    assert state(made) == PromiseState.OPEN
    assert services.break_due_promises(**at(OCT_28)) == [made]
    assert state(made) == PromiseState.BROKEN


def test_what_is_written_off_was_not_paid(item: Installment) -> None:
    made = promise(item)
    pay(item.customer, "100.00", on=date(2026, 10, 20))
    services.break_due_promises(**at(OCT_28))
    services.write_off(installment=item, reason="Irrécouvrable", **at(date(2026, 10, 30)))
    assert state(made) == PromiseState.BROKEN


def credit(item: Installment, amount: str, *, on: date) -> None:
    services.issue_credit_note(
        customer=item.customer, number="AV-1", issued_on=on, gross=Decimal(amount), credited_invoice=item.invoice, **at(on)
    )


@pytest.mark.parametrize(
    ("promised", "paid", "credited", "is_settled", "kept"),
    [
        (1000, 1000, 0, True, True),
        (1000, 999, 0, False, False),
        (600, 600, 0, False, True),
        (1000, 700, 300, True, True),
        (1000, 0, 1000, True, False),  # nothing was paid: there was nothing left to keep
        (600, 0, 600, False, False),
        (600, 599, 400, False, False),
        (1000, 100, 0, True, False),  # the rest was written off
    ],
)
def test_payments_keep_a_promise(promised: int, paid: int, credited: int, is_settled: bool, kept: bool) -> None:
    assert is_kept(promised=promised, paid=paid, credited=credited, is_settled=is_settled) is kept


def test_a_promise_over_several_items_shares_a_reference_and_is_judged_item_by_item(organization: Organization) -> None:
    customer = make_customer()
    items = [bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number=f"FA-2026-{number}") for number in range(2)]
    made = services.make_promise(amounts=dict.fromkeys(items), promised_for=OCT_25, **at(OCT_5))
    assert len({row.reference for row in made}) == 1
    pay(customer, "100.00", on=date(2026, 10, 20), reference_text="FA-2026-0")
    services.break_due_promises(**at(OCT_28))
    assert [state(row) for row in made] == [PromiseState.KEPT, PromiseState.BROKEN]


def test_a_new_promise_takes_the_place_of_the_open_one_except_on_the_debtors_page(item: Installment) -> None:
    first = promise(item)
    with pytest.raises(DomainError) as refusal:
        promise(item, day=date(2026, 10, 30), source=ActSource.PORTAL)
    assert refusal.value.code == "already_promised"
    second = promise(item, day=date(2026, 10, 30))
    assert (state(first), state(second)) == (PromiseState.CANCELLED, PromiseState.OPEN)


def test_after_two_broken_promises_the_debtors_page_takes_no_more_and_staff_still_may(item: Installment) -> None:
    for day in (date(2026, 10, 6), date(2026, 10, 13)):
        promise(item, day=day, made=day, source=ActSource.PORTAL)
        services.break_due_promises(**at(date(2026, 10, day.day + 5)))
    assert Promise.objects.filter(state=PromiseState.BROKEN).count() == 2
    with pytest.raises(DomainError) as refusal:
        promise(item, made=date(2026, 10, 20), source=ActSource.PORTAL)
    assert refusal.value.code == "too_many_broken_promises"
    assert Promise.objects.count() == 2
    promise(item, made=date(2026, 10, 20), source=ActSource.CALL)


@pytest.mark.parametrize(
    ("amount", "day", "code"),
    [
        ("1000.01", OCT_25, "bad_amount"),
        ("0.00", OCT_25, "bad_amount"),
        (None, date(2026, 10, 4), "past_date"),
        (None, date(2026, 11, 5), "too_far"),
    ],
)
def test_a_promise_that_cannot_be_is_refused(item: Installment, amount: str | None, day: date, code: str) -> None:
    with pytest.raises(DomainError) as refusal:
        services.make_promise(amounts={item: Decimal(amount) if amount else None}, promised_for=day, **at(OCT_5))
    assert refusal.value.code == code
    assert (Promise.objects.count(), DebtorAct.objects.count()) == (0, 0)


def test_staff_may_accept_a_promise_beyond_the_limit(item: Installment) -> None:
    [made] = services.make_promise(amounts={item: None}, promised_for=date(2026, 12, 1), beyond_policy=True, **at(OCT_5))
    services.cancel_promise(promise=made, reason="Saisie par erreur", **at(OCT_5))
    assert state(made) == PromiseState.CANCELLED


def test_a_promise_below_the_share_holds_its_amount_only_a_larger_one_the_whole_item(item: Installment) -> None:
    made = promise(item, "799.99")
    [view] = view_items([item], today=OCT_5)
    assert (view.promised, view.chased) == (Decimal("799.99"), Decimal("200.01"))
    services.cancel_promise(promise=made, reason="corrigée", **at(OCT_5))
    promise(item, "800.00")
    [view] = view_items([item], today=OCT_5)
    assert view.chased == 0
    [view] = view_items([item], today=OCT_28)  # the tolerance has passed: it holds nothing any more
    assert (view.promised, view.chased) == (Decimal(0), Decimal("1000.00"))


def test_what_was_paid_since_a_promise_is_taken_off_it() -> None:
    assert chased_amount(outstanding=Decimal(800), promise=Decimal(500), paid_since=Decimal(200)) == Decimal(500)
    assert chased_amount(outstanding=Decimal(300), disputed=Decimal(200), awaited=Decimal(150)) == 0
