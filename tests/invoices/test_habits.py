"""When customers usually pay, and how they keep their word."""

from datetime import date, timedelta

import pytest

from dunning.core import clock
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices.enums import PromiseState
from invoices.habits import Habit, habit
from invoices.models import Promise
from invoices.selectors.habits import Word, promises_kept, usual_delay
from invoices.services import PaymentDraft, record_payment, write_off
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
