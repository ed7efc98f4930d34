"""What a message is about falls away before it leaves: the rest of its cargo is neither threatened nor forgotten (rules 5, 9 and 17)."""

from datetime import date
from decimal import Decimal

import pytest

from customers.models import Customer
from dunning.core import documents
from dunning.core.models import Organization, User
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import PaymentDraft, attach_document, record_payment
from notifications.models import Message
from scenarios.models import Commitment, Schedule, Task
from scenarios.selectors import timeline
from scenarios.services.approvals import approve_message
from scenarios.services.board import withdraw_messages
from scenarios.services.calls import record_call
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send, steps_of
from tests.scenarios.test_approvals import _pdf

pytestmark = pytest.mark.django_db


def _pay(item: Installment, amount: str, day: str) -> None:
    draft = PaymentDraft(
        amount=Decimal(amount),
        received_on=date.fromisoformat(day),
        customer=item.customer,
        allocations=((item, Decimal(amount)),),
    )
    record_payment(draft=draft, actor=CLERK, today=date.fromisoformat(day), now=at(day, 6))


def _refuse_call(house: Organization, day: str) -> None:
    with tenant(house):
        record_call(
            task=Task.objects.get(kind="call", state="open"), outcome="refusal", actor=CLERK, today=date.fromisoformat(day), now=at(day, 10)
        )


def _last_reminder_and_a_first_one(house: Organization) -> tuple[Installment, Installment]:
    """On 26 October the old invoice's last reminder and the young one's first share a message that announces a formal notice."""
    with tenant(house):
        durand = make_customer("C1")
        old = make_invoice(durand, number="FA-1", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        young = make_invoice(durand, number="FA-2", amount="300.00", issued_on=date(2026, 10, 1), due_on=date(2026, 10, 23))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    _refuse_call(house, "2026-10-09")
    run_on(house, "2026-10-14")
    run_on(house, "2026-10-26", deliver=False)
    with tenant(house):
        message = Message.objects.get(planned_on=date(2026, 10, 26))
        assert (message.template_key, message.state, message.amount) == ("r3", "queued", Decimal("1500.00"))
        assert (steps_of(old)[-1][0], steps_of(young)[-1][0]) == ("r3", "r1")
    return old, young


def test_an_invoice_at_its_first_reminder_is_not_threatened_in_place_of_the_one_that_was_paid() -> None:
    house = open_house()
    old, young = _last_reminder_and_a_first_one(house)
    with tenant(house):
        _pay(old, "1200.00", "2026-10-26")
        assert mail(planned_on=date(2026, 10, 26)) == [("r3", "cancelled")]
        assert steps_of(old)[-1] == ("r3", "cancelled", "2026-10-26")
        assert steps_of(young)[-1] == ("r1", "taken_back", "2026-10-26")
    assert send(house, "2026-10-26") == {}
    run_on(house, "2026-10-27")
    with tenant(house):
        assert steps_of(young)[-1] == ("r1", "done", "2026-10-27")
        first = Message.objects.get(planned_on=date(2026, 10, 27))
        assert (first.template_key, first.state, first.amount) == ("r1", "accepted", Decimal("300.00"))
        assert "mise en demeure" not in first.body_text
        assert Commitment.objects.count() == 0


def test_the_gate_itself_withdraws_a_message_whose_subject_fell_away() -> None:
    """A direct debit was announced without a word to the plans: only the gate can see it."""
    house = open_house()
    old, young = _last_reminder_and_a_first_one(house)
    with tenant(house):
        Installment.objects.filter(pk=old.pk).update(collection_on=date(2026, 10, 28))
    assert send(house, "2026-10-26") == {"cancelled": 1}
    with tenant(house):
        assert steps_of(old)[-1] == ("r3", "taken_back", "2026-10-26")
        assert steps_of(young)[-1] == ("r1", "taken_back", "2026-10-26")
    run_on(house, "2026-10-27")
    with tenant(house):
        assert steps_of(young)[-1] == ("r1", "done", "2026-10-27")
        assert Message.objects.get(planned_on=date(2026, 10, 27)).template_key == "r1"


def test_what_is_cancelled_at_the_gate_is_closed_each_for_its_own_reason() -> None:
    """One invoice is settled behind the events' back and the other is collected soon: the second must be asked for again afterwards."""
    house = open_house()
    with tenant(house):
        durand = make_customer("C1")
        settled = make_invoice(durand, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        collected = make_invoice(durand, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        Installment.objects.filter(pk=settled.pk).update(outstanding=0, settled_on=date(2026, 10, 2))
        Installment.objects.filter(pk=collected.pk).update(collection_on=date(2026, 10, 5))
    assert send(house, "2026-10-02") == {"cancelled": 1}
    with tenant(house):
        assert steps_of(settled)[-1] == ("r1", "cancelled", "2026-10-02")
        assert steps_of(collected)[-1] == ("r1", "taken_back", "2026-10-02")
    run_on(house, "2026-10-08")  # the collection and two business days
    with tenant(house):
        assert steps_of(collected)[-1] == ("r1", "done", "2026-10-08")


def notice_for_two(house: Organization) -> tuple[Installment, Installment, Message]:
    """Two invoices in one approved formal notice, on 6 November."""
    lea = User.objects.create_user("lea@atelier.example", None, name="Léa Roy")
    with tenant(house):
        durand = make_customer(
            "C1",
            account_owner=lea,
            registered_line1="1 place du Siège",
            registered_city="Paris",
            legal_representative="Paul Durand",
        )
        items = [
            make_invoice(durand, number=f"FA-{n}", amount=f"{n}000.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
            for n in (1, 2)
        ]
        for item in items:
            for proof in (True, False):
                document = documents.store(
                    content=_pdf(), media_type="application/pdf", filename=f"{item.invoice.number}.pdf", now=at("2026-09-01")
                )
                attach_document(
                    invoice=item.invoice,
                    document=document,
                    proof_of_delivery=proof,
                    actor=CLERK,
                    today=date(2026, 9, 1),
                    now=at("2026-09-01"),
                )
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    _refuse_call(house, "2026-10-09")
    for day in ("2026-10-14", "2026-10-26", "2026-11-04", "2026-11-06"):
        run_on(house, day)
    with tenant(house):
        notice = Message.objects.get(channel="registered")
        assert (notice.state, notice.amount) == ("awaiting_approval", Decimal("3000.00"))
    return items[0], items[1], notice


def test_a_printed_letter_withdrawn_for_one_payment_is_written_again_for_the_other_invoice() -> None:
    house = open_house()
    paid, owed, notice = notice_for_two(house)
    with tenant(house):
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        _pay(paid, "1000.00", "2026-11-09")
        notice.refresh_from_db()
        assert notice.state == "cancelled"
        assert steps_of(paid)[-1] == ("formal_notice", "cancelled", "2026-11-06")
        assert steps_of(owed)[-1] == ("formal_notice", "taken_back", "2026-11-06")
    run_on(house, "2026-11-09")
    with tenant(house):
        again = Message.objects.get(channel="registered", state="awaiting_approval")
        assert (again.amount, steps_of(owed)[-1]) == (Decimal("2000.00"), ("formal_notice", "planned", "2026-11-09"))


def test_more_than_was_approved_is_approved_again() -> None:
    house = open_house()
    first, _second, notice = notice_for_two(house)
    with tenant(house):  # a payment bounces between the approval and the morning: the claim grows
        Installment.objects.filter(pk=first.pk).update(outstanding=Decimal("600.00"))
        Message.objects.filter(pk=notice.pk).update(amount=Decimal("2600.00"))
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
        Installment.objects.filter(pk=first.pk).update(outstanding=Decimal("1000.00"))
    assert send(house, "2026-11-06") == {"awaiting_approval": 1}
    with tenant(house):
        notice.refresh_from_db()
        assert (notice.state, notice.amount, notice.approved_by) == ("awaiting_approval", Decimal("3000.00"), "")
        assert Task.objects.get(kind="approval", state="open").amount == Decimal("3000.00")
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 9))
        assert not Task.objects.filter(kind="approval", state="open").exists()
    assert send(house, "2026-11-06", 10) == {"to_post": 1}


def test_a_formal_notice_a_person_takes_back_holds_nothing_else_back() -> None:
    """It was announced for the old invoices; given up, it must not silence the young one for ever (rule 11: withdrawn with a reason)."""
    house = open_house()
    _first, second, notice = notice_for_two(house)
    with tenant(house):
        assert set(Commitment.objects.values_list("consequence", "state")) == {("formal_notice", "open")}
        young = make_invoice(Customer.objects.get(), amount="300.00", issued_on=date(2026, 10, 9), due_on=date(2026, 11, 6))
    run_on(house, "2026-11-09")
    with tenant(house):
        assert Schedule.objects.get(installment=young).reason == "commitment_pending"
        withdraw_messages(message_ids=[notice.pk], reason="Geste commercial", actor=CLERK, now=at("2026-11-09", 10))
        assert set(Commitment.objects.values_list("state", "reason")) == {("withdrawn", "Geste commercial")}
        told = timeline(invoice=second.invoice, organization=house, today=date(2026, 11, 9)).past
        assert [entry.detail.split(" · ")[-1] for entry in told if entry.code == "cancelled"] == ["Geste commercial"]
    run_on(house, "2026-11-10")
    with tenant(house):
        assert steps_of(young)[-1] == ("r1", "done", "2026-11-10")
