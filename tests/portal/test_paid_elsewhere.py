"""“It is paid”, to an account that is not the one in force: somebody else's, an earlier one of the creditor, a factor's."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.test import Client

from customers.models import Customer
from dunning.core import bank, clock
from dunning.core.enums import Role
from dunning.core.models import Membership, User
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Hold, Invoice
from notifications.models import Message
from scenarios.models import Task
from tests.factories import make_customer, make_invoice
from tests.portal.conftest import NOW, Debt
from tests.portal.tools import send
from tests.scenarios.houses import run_on

NEW = "FR7630006000011234567890189"
LOOKING = "We are looking for your payment"


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def says_paid(browser: Client, now: clock.VirtualClock, query: str = "", end: str = "4417") -> str:
    answer = send(browser, now, "paid", query, paid_on="2026-10-01", credited_iban_end=end)
    assert answer.status_code == 302
    return str(browser.get(answer["Location"]).content.decode())


def test_the_whole_group_of_a_payer_waits_not_the_daughter_alone(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """Durand pays for two daughters. Its accountant says of one daughter's invoice that it is paid, to an account nobody here knows.

    It is Durand that was deceived: nobody of the group is reminded the next day, and saying it again adds nothing.
    """
    with tenant(debt.organization):
        late = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 9, 20)}
        daughters = [make_customer(number, name=f"Filiale {number}", payer=debt.customer) for number in ("C8", "C9")]
        item = make_invoice(daughters[0], number="FA-8", amount="50.00", **late)
        make_invoice(daughters[1], number="FA-9", amount="70.00", **late)
        stranger = make_customer("C5", name="Lambert")
        make_invoice(stranger, number="FA-5", amount="90.00", **late)
    assert "Everything on our side is on hold" in says_paid(visitor, at_noon, f"?item={item.pk}")
    says_paid(visitor, at_noon)  # of every invoice now
    with tenant(debt.organization):
        held = Hold.objects.filter(installment=None, side="ours", kind="pause", released_on=None)
        assert sorted(hold.customer.number for hold in held.select_related("customer")) == ["C1", "C8", "C9"]
        assert Task.objects.filter(kind="fraud_alert").count() == 2
    run_on(debt.organization, "2026-10-05")
    with tenant(debt.organization):
        written = Message.objects.exclude(kind="acknowledgement").exclude(pk=debt.message.pk)
        assert set(written.values_list("customer__number", flat=True)) == {"C5"}


def test_an_account_that_was_ours_is_no_fraud(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """The bank changed last week, the debtor's software still pays to the account before: the money is looked for, nobody is alarmed."""
    first, second = (User.objects.create_user(f"{name}@bank.example", "x") for name in ("paule", "remi"))
    with tenant(debt.organization):
        for person in (first, second):
            Membership.objects.create(user=person, organization=debt.organization, role=Role.OWNER)
        week_ago = NOW - timedelta(days=7)
        change = bank.propose_change(iban=NEW, reason="Another bank", actor=f"user:{first.pk}", now=week_ago)
        bank.confirm_change(change_id=change.pk, actor=f"user:{second.pk}", now=week_ago)
        Invoice.objects.update(pay_to_iban=NEW)  # issued since
    page = says_paid(visitor, at_noon, end="1A82")
    assert "an account of ours that we no longer use" in page and LOOKING in page and "tell your bank" not in page
    with tenant(debt.organization):
        assert [(hold.kind, hold.side) for hold in Hold.objects.all()] == [("already_paid", "theirs")]
        assert not Task.objects.filter(kind="fraud_alert").exists()
        assert DebtorAct.objects.get().details["former_account"] is True


def test_the_account_in_force_is_looked_for_as_ever(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    page = says_paid(visitor, at_noon, end="1A82")
    assert "we are looking for your payment" in page and "no longer use" not in page


def test_nothing_is_suspected_while_the_factors_account_is_unknown(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        Customer.objects.filter(pk=debt.customer.pk).update(factor_name="Facto SA")
        Invoice.objects.update(pay_to_iban="")
    assert "we are looking for your payment" in says_paid(visitor, at_noon)
    with tenant(debt.organization):
        assert not Task.objects.filter(kind="fraud_alert").exists()
        Invoice.objects.update(pay_to_iban=NEW)
    assert "tell your bank at once" in says_paid(visitor, at_noon)
