"""A payment had come before the reminder that asked for it: who received it last is told, once, and what it names is right (rule 7)."""

from datetime import date
from decimal import Decimal

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import PaymentDraft, record_payment
from notifications.models import Message
from notifications.posting import record_posting
from scenarios.services.approvals import approve_message
from tests.scenarios.houses import CLERK, at, open_house, send, steps_of
from tests.scenarios.test_falls_away import notice_for_two

pytestmark = pytest.mark.django_db


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _pay(*items: Installment, valued: str, entered: str) -> None:
    parts = tuple((item, item.amount) for item in items)
    draft = PaymentDraft(
        amount=sum((amount for _, amount in parts), Decimal(0)),
        received_on=date.fromisoformat(valued),
        customer=items[0].customer,
        allocations=parts,
    )
    record_payment(draft=draft, actor=CLERK, today=date.fromisoformat(entered), now=at(entered, 7))


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
