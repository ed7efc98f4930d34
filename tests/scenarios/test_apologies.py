"""A payment had come before the reminder that asked for it: who received it last is told, once, and what it names is right (rule 7)."""

from datetime import date
from decimal import Decimal

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment, Payment
from invoices.services import PaymentDraft, cancel_payment, record_payment
from notifications.models import Message
from notifications.posting import record_posting
from scenarios.models import Task
from scenarios.services.approvals import approve_message
from scenarios.services.calls import record_call
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send, steps_of
from tests.scenarios.test_falls_away import notice_for_two

pytestmark = pytest.mark.django_db

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _pay(*items: Installment, valued: str, entered: str, amount: str = "") -> Payment:
    parts = tuple((item, Decimal(amount) if amount else item.amount) for item in items)
    draft = PaymentDraft(
        amount=sum((part for _, part in parts), Decimal(0)),
        received_on=date.fromisoformat(valued),
        customer=items[0].customer,
        allocations=parts,
    )
    return record_payment(draft=draft, actor=CLERK, today=date.fromisoformat(entered), now=at(entered, 7)).payment


def _posted_notice(house: Organization) -> tuple[Installment, Installment, Message]:
    """A formal notice for two invoices, 3 000 €, printed on Friday 6 November and posted on the 9th."""
    first, second, notice = notice_for_two(house)
    with tenant(house):
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        record_posting(message_id=notice.pk, posted_on=date(2026, 11, 9), tracking_number="1A 000", actor=CLERK, now=at("2026-11-09", 15))
    return first, second, notice


def test_a_formal_notice_that_crossed_the_payment_is_apologised_for_by_e_mail() -> None:
    house = open_house()
    first, second, _notice = _posted_notice(house)
    assert send(house, "2026-11-09", 16) == {"accepted": 1}  # the copy by e-mail
    with tenant(house):
        _pay(first, second, valued="2026-11-05", entered="2026-11-10")
        assert steps_of(first)[-1] == ("formal_notice", "taken_back", "2026-11-09")
    assert send(house, "2026-11-10") == {"accepted": 1}
    with tenant(house):
        apology = Message.objects.get(kind="retraction")
        assert (apology.state, apology.channel, apology.recipient) == ("accepted", "email", "compta.c1@client.example")
        assert "3 000,00 €" in _plain(apology.body_text)
        assert _plain(apology.subject).endswith("notre message du 6 novembre 2026")  # the date the letter bears
        assert not apology.attachments.exists()


def test_the_copy_of_a_formal_notice_does_not_leave_once_everything_is_paid() -> None:
    house = open_house()
    first, second, _notice = _posted_notice(house)
    with tenant(house):
        _pay(first, second, valued="2026-11-05", entered="2026-11-10")
    assert send(house, "2026-11-10") == {"accepted": 1, "cancelled": 1}
    with tenant(house):
        states = dict(Message.objects.filter(template_key__in=("formal_notice_copy", "retraction")).values_list("template_key", "state"))
        assert states == {"formal_notice_copy": "cancelled", "retraction": "accepted"}


def test_money_that_came_first_is_apologised_for_though_the_tolerance_closed_what_it_lacks() -> None:
    """1 199.60 of 1 200.00 are there on 1 October and entered on the 5th: the reminder of the 2nd was unfounded."""
    house = open_house(tolerance_amount=Decimal("5.00"))
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        _pay(item, valued="2026-10-01", entered="2026-10-05", amount="1199.60")
        assert steps_of(item)[-1][1] == "taken_back"
        assert mail(kind="retraction") == [("retraction", "queued")]


def _two_reminded_together(house: Organization) -> tuple[Installment, Installment]:
    """One reminder on 2 October for two invoices, 1 000 € and 2 000 €."""
    with tenant(house):
        durand = make_customer("C1")
        one, two = (make_invoice(durand, amount=amount, issued_on=ISSUED, due_on=DUE) for amount in ("1000.00", "2000.00"))
    run_on(house, "2026-10-02")
    return one, two


def test_two_payments_that_came_before_the_reminder_bring_one_apology_when_both_are_booked() -> None:
    house = open_house()
    one, two = _two_reminded_together(house)
    with tenant(house):
        _pay(one, valued="2026-09-30", entered="2026-10-05")
        assert mail(kind="retraction") == []  # the other invoice is still owed, as far as anybody knows
        _pay(two, valued="2026-10-01", entered="2026-10-06")
        assert mail(kind="retraction") == [("retraction", "queued")]
    assert send(house, "2026-10-06") == {"accepted": 1}
    with tenant(house):
        text = _plain(Message.objects.get(kind="retraction").body_text)
        assert "reçu 3 000,00 € de votre part dès le 1er octobre 2026, avant notre message du 2 octobre 2026" in text


def test_an_apology_also_waits_for_the_second_payment_when_a_call_came_between() -> None:
    """The step of the first invoice stays counted, because the call of 9 October was done after it; it was unfounded all the same."""
    house = open_house()
    one, two = _two_reminded_together(house)
    run_on(house, "2026-10-09")
    with tenant(house):
        task = Task.objects.get(kind="call")
        record_call(task=task, outcome="refusal", actor=CLERK, today=date(2026, 10, 9), now=at("2026-10-09", 10))
        _pay(one, valued="2026-10-01", entered="2026-10-12")
        assert ("r1", "done", "2026-10-02") in steps_of(one)
        assert mail(kind="retraction") == []
        _pay(two, valued="2026-10-01", entered="2026-10-13")
        assert mail(kind="retraction") == [("retraction", "queued")]


def test_no_apology_for_a_reminder_one_of_whose_payments_bounced_or_came_after_it() -> None:
    house = open_house()
    one, two = _two_reminded_together(house)
    with tenant(house):
        payment = _pay(one, valued="2026-10-01", entered="2026-10-05")
        cancel_payment(payment=payment, reason="Chèque impayé", actor=CLERK, today=date(2026, 10, 6), now=at("2026-10-06"))
        _pay(one, valued="2026-10-06", entered="2026-10-06")
        _pay(two, valued="2026-10-01", entered="2026-10-07")
        assert mail(kind="retraction") == []
        assert steps_of(two)[-1] == ("r1", "taken_back", "2026-10-02")


def test_a_payment_in_two_parts_is_named_whole() -> None:
    house = open_house()
    one, two = _two_reminded_together(house)
    with tenant(house):
        _pay(one, valued="2026-10-01", entered="2026-10-05")
        _pay(two, amount="500.00", valued="2026-09-30", entered="2026-10-06")
        _pay(two, amount="1500.00", valued="2026-10-01", entered="2026-10-07")
    assert send(house, "2026-10-07") == {"accepted": 1}
    with tenant(house):
        assert "reçu 3 000,00 € de votre part" in _plain(Message.objects.get(kind="retraction").body_text)
