"""What an answer says of an account is what is left of it on the day it leaves: net, in one currency, and never of a settled invoice."""

from datetime import date
from decimal import Decimal

import pytest

from customers.models import Customer
from dunning.core.errors import DomainError
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import PaymentDraft, close_dispute, open_dispute, record_payment
from notifications.models import Message
from notifications.services import send_again
from scenarios.models import Task
from scenarios.services.answers import answer_dispute, send_statement
from scenarios.services.calls import record_call
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, send

pytestmark = pytest.mark.django_db

ISSUED, DUE, TODAY = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 6)
WHO = {"actor": CLERK, "today": TODAY, "now": at("2026-10-06", 7)}


@pytest.fixture
def house() -> Organization:
    return open_house()


def _text(template: str, **filters: str) -> str:
    return Message.objects.get(template_key=template, **filters).body_text.replace("\u00a0", " ").replace("\u202f", " ")


def _pay(customer: Customer, amount: str, item: Installment | None = None, reference: str = "") -> None:
    parts = ((item, Decimal(amount)),) if item is not None else ()
    draft = PaymentDraft(customer=customer, amount=Decimal(amount), received_on=TODAY, allocations=parts, external_reference=reference)
    record_payment(draft=draft, **WHO)


def test_a_statement_is_net_of_credits_and_of_what_was_paid_meanwhile(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        paid = make_invoice(durand, number="FA-1", amount="500.00", issued_on=ISSUED, due_on=DUE)
        make_invoice(durand, number="FA-2", amount="700.00", issued_on=ISSUED, due_on=DUE)
        _pay(durand, "100.00")
        [message] = send_statement(customer=durand, **WHO)
        _pay(durand, "500.00", paid)
    assert send(house, "2026-10-06") == {"accepted": 1}
    with tenant(house):
        text = _text("account_statement")
        assert "Son solde est de 600,00 €" in text
        assert "Règlement du 6 octobre 2026" in text
        assert "entry-" not in text
        assert "FA-2" in text
        assert "FA-1" not in text
        message.refresh_from_db()
        assert message.amount == Decimal("600.00")


def test_two_currencies_are_two_statements(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        make_invoice(durand, number="FA-1", amount="500.00", issued_on=ISSUED, due_on=DUE)
        make_invoice(durand, number="FA-2", amount="700.00", issued_on=ISSUED, due_on=DUE, currency="USD")
        assert [message.currency for message in send_statement(customer=durand, **WHO)] == ["EUR", "USD"]
    assert send(house, "2026-10-06") == {"accepted": 2}
    with tenant(house):
        assert "Son solde est de 500,00 €" in _text("account_statement", currency="EUR")
        assert "Son solde est de 700,00 $US" in _text("account_statement", currency="USD")


def test_nothing_is_sent_of_an_account_that_was_settled_meanwhile(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, amount="500.00", issued_on=ISSUED, due_on=DUE)
        send_statement(customer=durand, **WHO)
        _pay(durand, "500.00", item)
    assert send(house, "2026-10-06") == {"cancelled": 1}
    with tenant(house):
        assert Message.objects.get().reason == "settled"
        with pytest.raises(DomainError, match=r"Nothing is open|Rien n"):
            send_statement(customer=durand, **WHO)


@pytest.mark.parametrize(("amount", "left"), [(Decimal("200.00"), "Il reste à régler 800,00 €"), (None, "")])
def test_the_answer_to_an_accepted_dispute_leaves_out_the_credit_note_to_come(
    house: Organization, amount: Decimal | None, left: str
) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", amount="1000.00", issued_on=ISSUED, due_on=DUE)
        dispute = open_dispute(installment=item, reason="PU_ERR", amount=amount, **WHO)
        close_dispute(dispute=dispute, outcome="accepted", text="Vous avez raison.", **WHO)
        answer_dispute(dispute=dispute, **WHO)
    assert send(house, "2026-10-06") == {"accepted": 1}
    with tenant(house):
        text = _text("dispute_answered")
        assert "Vous avez raison." in text
        assert left in text
        assert ("Il reste à régler" in text) is bool(left)
        assert "FA-1" in Message.objects.get(template_key="dispute_answered").subject


def test_a_call_about_two_currencies_is_confirmed_in_two_messages(house: Organization) -> None:
    with tenant(house):
        OrganizationProfile.objects.update(ledger_gate=False)
        durand = make_customer("C1")
        make_invoice(durand, number="FA-1", amount="500.00", issued_on=ISSUED, due_on=DUE)
        make_invoice(durand, number="FA-2", amount="700.00", issued_on=ISSUED, due_on=DUE, currency="USD")
    run_on(house, "2026-10-02")
    run_on(house, "2026-10-09")
    with tenant(house):
        task = Task.objects.get(kind="call")
        day = date(2026, 10, 9)
        record_call(task=task, outcome="promise", details={"date": "2026-10-16"}, actor=CLERK, today=day, now=at("2026-10-09", 10))
        drafts = Message.objects.filter(template_key="call_follow_up").order_by("currency")
        assert [(draft.currency, draft.state) for draft in drafts] == [("EUR", "awaiting_approval"), ("USD", "awaiting_approval")]


def test_a_reminder_repeated_by_hand_does_not_get_past_the_plan(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, amount="500.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        _pay(durand, "500.00", item)
        send_again(message_id=Message.objects.get().pk, actor=CLERK, now=at("2026-10-06", 8))
    assert send(house, "2026-10-06") == {"cancelled": 1}
    with tenant(house):
        assert Message.objects.get(kind="resend").reason == "empty"
