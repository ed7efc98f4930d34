"""A reminder recalls the promise, the answer to a dispute or the payment it follows, in the amounts that were spoken of (rule 7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import PaymentDraft, close_dispute, make_promise, open_dispute, record_payment
from notifications.models import Message
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, live, open_house, run_on

pytestmark = pytest.mark.django_db

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _days(first: str, last: str) -> list[str]:
    start = date.fromisoformat(first)
    count = (date.fromisoformat(last) - start).days + 1
    days = [start + timedelta(days=n) for n in range(count)]
    return [day.isoformat() for day in days if day.weekday() < 5]


def _three_promised_together(house: Organization) -> dict[str, Installment]:
    """Reminded on 2 October, Durand announces on the 5th the payment of all three invoices on the 12th: 3 000 € and 500 $."""
    with tenant(house):
        durand = make_customer("C1")
        items = {
            number: make_invoice(durand, number=number, amount=amount, currency=currency, issued_on=ISSUED, due_on=DUE)
            for number, amount, currency in (("FA-A", "1000.00", "EUR"), ("FA-B", "2000.00", "EUR"), ("FA-C", "500.00", "USD"))
        }
    run_on(house, "2026-10-02")
    with tenant(house):
        make_promise(
            amounts=dict.fromkeys(items.values()),
            promised_for=date(2026, 10, 12),
            actor=CLERK,
            today=date(2026, 10, 5),
            now=at("2026-10-05"),
        )
    return items


def test_a_broken_promise_over_several_invoices_is_quoted_whole_in_each_currency() -> None:
    house = open_house()
    _three_promised_together(house)
    live(house, _days("2026-10-06", "2026-10-30"))
    with tenant(house):
        recalled = {message.currency: _plain(message.body_text) for message in Message.objects.filter(template_key="r2")}
        assert "annoncé, le 5 octobre 2026, un règlement de 3 000,00 € pour le 12 octobre 2026" in recalled["EUR"]
        assert "annoncé, le 5 octobre 2026, un règlement de 500,00 $US pour le 12 octobre 2026" in recalled["USD"]


def test_what_came_late_on_a_broken_promise_is_not_said_to_be_missing() -> None:
    house = open_house()
    items = _three_promised_together(house)
    live(house, _days("2026-10-06", "2026-10-15"))
    with tenant(house):
        draft = PaymentDraft(
            customer=items["FA-A"].customer,
            amount=Decimal("1000.00"),
            received_on=date(2026, 10, 16),
            allocations=((items["FA-A"], Decimal("1000.00")),),
        )
        record_payment(draft=draft, actor=CLERK, today=date(2026, 10, 16), now=at("2026-10-16", 3))
    live(house, _days("2026-10-16", "2026-10-30"))
    with tenant(house):
        [reminder] = Message.objects.filter(template_key="r2", currency="EUR")
        assert "un règlement de 2 000,00 € pour le 12 octobre 2026" in _plain(reminder.body_text)


def test_the_answer_to_a_rejected_dispute_is_told_beside_what_is_contested_of_another_invoice() -> None:
    """FA-A was contested whole and is answered on 9 October; 200 € of FA-B still are. Both have their first reminder on the 12th."""
    house = open_house()
    with tenant(house):
        durand = make_customer("C1")
        answered = make_invoice(durand, number="FA-A", amount="1000.00", issued_on=ISSUED, due_on=DUE)
        contested = make_invoice(durand, number="FA-B", amount="1500.00", issued_on=ISSUED, due_on=date(2026, 10, 9))
        who = {"actor": CLERK, "today": date(2026, 9, 15), "now": at("2026-09-15")}
        dispute = open_dispute(installment=answered, reason="PU_ERR", **who)
        open_dispute(installment=contested, reason="QTE_ERR", amount=Decimal("200.00"), **who)
        who = {"actor": CLERK, "today": date(2026, 10, 9), "now": at("2026-10-09")}
        close_dispute(dispute=dispute, outcome="rejected", text="Le prix est celui de votre commande.", **who)
    run_on(house, "2026-10-12")
    with tenant(house):
        reminder = Message.objects.get()
        assert (reminder.variant, reminder.amount) == ("after_dispute", Decimal("2300.00"))
        text = _plain(reminder.body_text)
        assert "(un écart de prix). Le prix est celui de votre commande." in text
        assert "le montant que vous contestez (200,00 €)" in text
