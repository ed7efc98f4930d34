"""A new account: for thirty days no message says that nothing changed, and those that ask for money there say since when."""

from datetime import UTC, date, datetime

import pytest

from dunning.core import bank, clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios.services.answers import send_statement
from tests.core.test_bank import NEW, person
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, send
from tests.scenarios.road import plain

pytestmark = pytest.mark.django_db
ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


def change_account(house: Organization, day: str) -> None:
    with tenant(house):
        claire, paul = person(house, "claire"), person(house, "paul")
        change = bank.propose_change(iban=NEW, reason="New bank", actor=f"user:{claire.pk}", now=at(day, 7))
        bank.confirm_change(change_id=change.pk, actor=f"user:{paul.pk}", now=at(day, 7))


def reminded(house: Organization, day: str, number: str, **invoice: str) -> str:
    """What the first reminder of a customer whose invoice is late since yesterday says."""
    due = date.fromordinal(date.fromisoformat(day).toordinal() - 1)
    with tenant(house):
        customer = make_customer(number, language="en")
        make_invoice(customer, number=f"FA-{number}", issued_on=ISSUED, due_on=due, **invoice)
    run_on(house, day)
    with tenant(house):
        return plain(Message.objects.get(customer=customer, template_key="r1").body_text)


def stated(house: Organization, day: str, **invoice: str) -> str:
    """What a statement of that day says: written outside the plan, by the same pieces."""
    today, now = date.fromisoformat(day), at(day, 10)
    with tenant(house):
        customer = make_customer(f"S{day}", language="en")
        make_invoice(customer, number=f"FS-{day}", issued_on=ISSUED, due_on=DUE, **invoice)
        (message,) = send_statement(customer=customer, actor=CLERK, today=today, now=now)
    send(house, day, 11)
    with tenant(house):
        return plain(Message.objects.get(pk=message.pk).body_text)


def test_nobody_says_that_nothing_changed_within_thirty_days_of_a_change() -> None:
    house = open_house(default_language="en")
    assert "These bank details have not changed: they are the ones on our invoices." in reminded(house, "2026-10-02", "C1")
    assert "Our bank details have not changed: IBAN ending in 1A82." in stated(house, "2026-10-02")
    change_account(house, "2026-10-05")
    for day, number in (("2026-10-06", "C2"), ("2026-11-04", "C3")):
        reminder, statement = reminded(house, day, number, pay_to_iban=NEW), stated(house, day, pay_to_iban=NEW)
        assert "have not changed" not in reminder and "have not changed" not in statement
        assert "These bank details changed on 5 October 2026. Before you pay, check them by calling us" in reminder
        assert "Our bank details changed on 5 October 2026: IBAN ending in 0189." in statement
    assert "have not changed: they are the ones on our invoices" in reminded(house, "2026-11-05", "C4", pay_to_iban=NEW)
    assert "Our bank details have not changed: IBAN ending in 0189." in stated(house, "2026-11-05", pay_to_iban=NEW)


def test_an_invoice_that_names_the_account_before_says_neither() -> None:
    house = open_house(default_language="en")
    change_account(house, "2026-10-05")
    reminder = reminded(house, "2026-10-06", "C2")
    assert "FR20 9999 9000 0100 0000 0001 A82" in reminder
    assert "changed" not in reminder


def test_the_day_is_the_creditors_own() -> None:
    """Confirmed late on 5 October in Paris, which was the 5th in UTC still: said until the 4th of November there."""
    house = open_house(default_language="en")
    with tenant(house), clock.virtual(datetime(2026, 10, 5, 22, 30, tzinfo=UTC)) as now:
        claire, paul = person(house, "claire"), person(house, "paul")
        change = bank.propose_change(iban=NEW, reason="New bank", actor=f"user:{claire.pk}", now=now.now)
        bank.confirm_change(change_id=change.pk, actor=f"user:{paul.pk}", now=now.now)
    assert "changed on 6 October 2026" in reminded(house, "2026-11-05", "C2", pay_to_iban=NEW)


def test_a_number_that_cannot_become_a_reference_is_quoted_as_it_is() -> None:
    house = open_house(default_language="en")
    owing = {"É-12": ("FA-8", "FA-9"), "C13": ("FA-N°7",)}
    with tenant(house):
        for customer_number, numbers in owing.items():
            customer = make_customer(customer_number, language="en", email="compta@client.example")
            for number in numbers:
                make_invoice(customer, number=number, issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        several, alone = (plain(Message.objects.get(customer__number=number, template_key="r1").body_text) for number in owing)
    assert "Reference to quote: É-12" in several
    assert "Reference to quote: FA-N°7" in alone
