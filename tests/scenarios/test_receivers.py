"""What events do to what was begun: payments, disputes, bounces and withdrawals, told by the day."""

from datetime import date
from decimal import Decimal

import pytest

from customers.models import Contact, Customer
from customers.services import add_contact, clear_insolvency, record_insolvency
from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment, Payment
from invoices.services import PaymentDraft, attach_document, cancel_payment, open_dispute, place_hold, record_payment
from notifications.enums import MessageState
from notifications.models import Message
from notifications.settlement import move, record_delivery_event
from scenarios.models import Action, ActionMessage, Commitment, PlanAssignment, Schedule, Task
from scenarios.services.answers import acknowledge_disputes, send_invoices_again
from scenarios.services.board import withdraw_messages
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, live, mail, open_house, run_on, send, steps_of
from tests.scenarios.road import call

pytestmark = pytest.mark.django_db

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture
def house() -> Organization:
    return open_house()


def _pay(item: Installment, amount: str, *, valued: str, entered: str, hour: int = 7) -> Payment:
    day = date.fromisoformat(entered)
    draft = PaymentDraft(
        amount=Decimal(amount),
        received_on=date.fromisoformat(valued),
        customer=item.customer,
        allocations=((item, Decimal(amount)),),
    )
    return record_payment(draft=draft, actor=CLERK, today=day, now=at(entered, hour)).payment


def test_money_that_arrives_before_the_mail_leaves_stops_it(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        assert mail() == [("r1", "queued")]
        payment = _pay(item, "1200.00", valued="2026-10-02", entered="2026-10-02")
        assert mail() == [("r1", "cancelled")]
        assert Message.objects.get().reason == "settled"
        assert steps_of(item)[-1] == ("r1", "cancelled", "2026-10-02")
        assert Schedule.objects.count() == 0
    assert send(house, "2026-10-02") == {}
    with tenant(house):  # the cheque bounces: the same step is a candidate again
        cancel_payment(payment=payment, reason="impayé", actor=CLERK, today=date(2026, 10, 6), now=at("2026-10-06"))
        assert steps_of(item)[-1] == ("r1", "taken_back", "2026-10-02")
    run_on(house, "2026-10-07")
    with tenant(house):
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-07")
        assert Action.objects.get(step_key="r1", state="done").occurrence == 2


def test_one_of_two_invoices_is_paid_and_the_other_still_goes(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        paid = make_invoice(durand, amount="500.00", issued_on=ISSUED, due_on=DUE)
        late = make_invoice(durand, amount="700.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        assert Message.objects.get().amount == Decimal("1200.00")
        _pay(paid, "500.00", valued="2026-10-02", entered="2026-10-02")
        message = Message.objects.get()
        assert (message.state, message.amount, message.item_count) == ("queued", Decimal("700.00"), 1)
        assert [link.action.installment_id for link in ActionMessage.objects.select_related("action")] == [late.pk]
    assert send(house, "2026-10-02") == {"accepted": 1}
    with tenant(house):
        assert steps_of(paid)[-1] == ("r1", "cancelled", "2026-10-02")
        assert steps_of(late)[-1] == ("r1", "done", "2026-10-02")
        text = Message.objects.get().body_text
        assert "700,00" in text
        assert "500,00" not in text


def test_a_payment_booked_after_the_reminder_it_preceded_brings_an_apology(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        reminder = Message.objects.get(template_key="r1")
        assert reminder.state == "accepted"
        _pay(item, "1200.00", valued="2026-10-01", entered="2026-10-05")
        assert steps_of(item)[-1] == ("r1", "taken_back", "2026-10-02")
        apology = Message.objects.get(kind="retraction")
        assert (apology.state, apology.recipient, apology.details["previous"]) == ("queued", reminder.recipient, str(reminder.pk))
        _pay(make_invoice(durand, issued_on=ISSUED, due_on=DUE), "1200.00", valued="2026-10-05", entered="2026-10-05")
    send(house, "2026-10-05")
    with tenant(house):
        apology = Message.objects.get(kind="retraction")
        assert apology.state == "accepted"
        assert "1er octobre 2026" in apology.body_text.replace("\u00a0", " ")
        assert "2 octobre 2026" in apology.body_text.replace("\u00a0", " ")


def test_money_valued_on_the_day_of_the_reminder_calls_for_no_apology(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        _pay(item, "1200.00", valued="2026-10-02", entered="2026-10-05")
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-02")
        assert mail(kind="retraction") == []


def test_a_message_that_also_claimed_something_owed_is_not_apologised_for(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        paid = make_invoice(durand, amount="500.00", issued_on=ISSUED, due_on=DUE)
        late = make_invoice(durand, amount="700.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        _pay(paid, "500.00", valued="2026-10-01", entered="2026-10-05")
        assert mail(kind="retraction") == []
        assert steps_of(paid)[-1] == ("r1", "taken_back", "2026-10-02")
        assert steps_of(late)[-1] == ("r1", "done", "2026-10-02")


def test_a_dispute_withdraws_the_waiting_reminder_and_its_acknowledgement_leaves_the_same_day(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        dispute = open_dispute(installment=item, reason="PU_ERR", actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 6))
        assert mail() == [("r1", "cancelled")]
        assert steps_of(item)[-1] == ("r1", "taken_back", "2026-10-02")
        assert Schedule.objects.get().reason == "disputed"
        acknowledge_disputes(disputes=[dispute], actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 7))
    assert send(house, "2026-10-02") == {"accepted": 1}
    with tenant(house):
        dispute.refresh_from_db()
        assert dispute.acknowledged_on == date(2026, 10, 2)
        assert "un écart de prix" in Message.objects.get(kind="acknowledgement").body_text


def test_a_bounce_takes_the_step_to_the_next_contact_at_once(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1", email="ancien@client.example")
        add_contact(customer=durand, name="Mme Roy", email="roy@client.example", actor=CLERK, today=ISSUED, now=at("2026-09-01"))
        item = make_invoice(durand, issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        first = Message.objects.get(template_key="r1")
        assert first.recipient == "ancien@client.example"
        record_delivery_event(message_id=first.pk, kind="bounced", at=at("2026-10-02", 10), now=at("2026-10-02", 10))
        second = Message.objects.get(resends=first)
        assert (second.recipient, second.state, second.planned_on) == ("roy@client.example", "queued", date(2026, 10, 2))
        assert steps_of(item)[-2:] == [("r1", "taken_back", "2026-10-02"), ("r1", "planned", "2026-10-02")]
        first.refresh_from_db()
        assert first.not_reached
        assert Contact.objects.get(email="ancien@client.example").email_state == "failed"
    assert send(house, "2026-10-02", 11) == {"accepted": 1}
    with tenant(house):
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-02")
        assert Task.objects.count() == 0


def test_when_nobody_is_left_a_person_looks_for_a_contact_and_the_step_comes_again(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1", email="ancien@client.example")
        item = make_invoice(durand, issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        first = Message.objects.get(template_key="r1")
        record_delivery_event(message_id=first.pk, kind="bounced", at=at("2026-10-02", 10), now=at("2026-10-02", 10))
        assert [(task.kind, task.state) for task in Task.objects.all()] == [("find_contact", "open")]
        assert steps_of(item)[-1] == ("r1", "taken_back", "2026-10-02")
        assert mail(resends=first) == []
    run_on(house, "2026-10-05")
    with tenant(house):
        assert Task.objects.filter(kind="find_contact").count() == 1
        assert Schedule.objects.get().reason == "no_contact"
        add_contact(customer=durand, email="roy@client.example", actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
    run_on(house, "2026-10-06")
    with tenant(house):
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-06")
        assert Message.objects.get(template_key="r1", state="accepted").recipient == "roy@client.example"


def test_a_bounce_after_a_later_step_changes_nothing(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, issued_on=ISSUED, due_on=DUE)
    for day in ("2026-10-01", "2026-10-02"):
        run_on(house, day)
    with tenant(house):
        notice = Message.objects.exclude(template_key="r1").get(planned_on=date(2026, 10, 1))
        before = steps_of(item)
        record_delivery_event(message_id=notice.pk, kind="bounced", at=at("2026-10-05"), now=at("2026-10-05"))
        assert steps_of(item) == before
        assert mail(resends=notice) == []


def test_what_a_person_withdraws_never_happens_again(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        message = Message.objects.get()
        assert withdraw_messages(message_ids=[message.pk], reason="Geste commercial", actor=CLERK, now=at("2026-10-02", 6)) == 1
        assert steps_of(item)[-1] == ("r1", "cancelled", "2026-10-02")
    run_on(house, "2026-10-05")
    with tenant(house):
        assert mail() == [("r1", "cancelled")]


def test_a_judgment_freezes_what_waits_and_puts_the_deadlines_on_the_desk(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        make_invoice(durand, issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        record_insolvency(
            customer=Customer.objects.get(pk=durand.pk),
            kind="receivership",
            opened_on=date(2026, 9, 28),
            published_on=date(2026, 10, 1),
            actor=CLERK,
            today=date(2026, 10, 2),
            now=at("2026-10-02", 6),
        )
        assert [(message.state, message.reason) for message in Message.objects.all()] == [("cancelled", "insolvency")]
        assert [(task.kind, task.due_on, task.amount) for task in Task.objects.order_by("due_on")] == [
            ("declare_claim", date(2026, 12, 1), Decimal("1200.00")),
            ("reclaim_goods", date(2027, 1, 1), Decimal("1200.00")),
        ]
    run_on(house, "2026-10-05")
    with tenant(house):
        assert Task.objects.count() == 2
        assert mail() == [("r1", "cancelled")]
        assert Schedule.objects.get().reason == "insolvency"


def test_what_is_delivered_after_the_judgment_stays_payable_on_a_light_plan(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        add_contact(
            customer=durand,
            name="Me Roche",
            email="roche@administrateurs.example",
            role="administrator",
            actor=CLERK,
            today=ISSUED,
            now=at("2026-09-01"),
        )
        judged = {"kind": "receivership", "opened_on": date(2026, 9, 10), "actor": CLERK}
        record_insolvency(customer=Customer.objects.get(pk=durand.pk), **judged, today=date(2026, 9, 14), now=at("2026-09-14", 6))
        item = make_invoice(durand, issued_on=date(2026, 9, 20), due_on=DUE, delivered_on=date(2026, 9, 18))
    live(house, ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06"])
    with tenant(house):
        assert steps_of(item) == [("due_day_notice", "done", "2026-10-01"), ("r1", "done", "2026-10-05")]
        first = Message.objects.get(template_key="r1")
        assert first.recipient == "compta.c1@client.example"
        record_delivery_event(message_id=first.pk, kind="bounced", at=at("2026-10-06"), now=at("2026-10-06"))
        again = Message.objects.filter(template_key="r1").exclude(pk=first.pk).get()
        assert again.recipient == "roche@administrateurs.example"
        clear_insolvency(
            customer=Customer.objects.get(pk=durand.pk), reason="plan adopté", actor=CLERK, today=date(2026, 10, 7), now=at("2026-10-07")
        )
        assert not PlanAssignment.objects.filter(customer=durand).exists()


def test_what_was_announced_before_the_judgment_does_not_silence_later_deliveries(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        make_invoice(durand, number="FA-1", issued_on=ISSUED, due_on=DUE)
    live(house, ["2026-10-02", "2026-10-09"])
    call(house, "2026-10-09")
    live(house, ["2026-10-14", "2026-10-26"])
    with tenant(house):
        assert Commitment.objects.get().state == "open"  # R3 announced a formal notice
        judged = {"kind": "receivership", "opened_on": date(2026, 10, 28), "actor": CLERK}
        record_insolvency(customer=Customer.objects.get(pk=durand.pk), **judged, today=date(2026, 10, 29), now=at("2026-10-29"))
        announced = Commitment.objects.get()
        assert (announced.state, announced.reason, announced.closed_on) == ("withdrawn", "insolvency", date(2026, 10, 29))
        later = make_invoice(durand, number="FA-2", issued_on=date(2026, 11, 2), due_on=date(2026, 11, 30), delivered_on=date(2026, 11, 2))
    live(house, ["2026-11-30", "2026-12-03"])
    with tenant(house):
        assert steps_of(later)[-1] == ("r1", "done", "2026-12-03")


def test_what_nobody_can_prove_is_put_before_a_person(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        message = Message.objects.get()
        move(message, MessageState.UNPROVEN, at("2026-10-03"))
        assert [(task.kind, task.message_id) for task in Task.objects.all()] == [("uncertain_sending", message.pk)]
        assert steps_of(item)[-1] == ("r1", "planned", "2026-10-02")  # it counts for spacing, and not as done


def test_a_report_of_delivery_proves_that_an_uncertain_reminder_counts(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        message = Message.objects.get()
        move(message, MessageState.UNCERTAIN, at("2026-10-02"))
        assert steps_of(item)[-1] == ("r1", "planned", "2026-10-02")
        for external_id in ("1", "2"):  # a provider may say it twice
            state = record_delivery_event(
                message_id=message.pk, kind="delivered", at=at("2026-10-02", 11), now=at("2026-10-05"), external_id=external_id
            )
            assert state == "delivered"
            assert steps_of(item)[-1] == ("r1", "done", "2026-10-02")
        assert Action.objects.filter(step_key="r1").count() == 1


def test_an_invoice_that_never_arrived_is_sent_again_and_its_plan_restarts(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
        document = documents.store(content=b"%PDF-1.4", media_type="application/pdf", filename="FA.pdf", now=at("2026-10-05"))
        attach_document(invoice=item.invoice, document=document, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
        hold = place_hold(
            installment=item,
            kind="document_owed",
            ends_on=date(2026, 10, 15),
            reason="Jamais reçue",
            actor=CLERK,
            today=date(2026, 10, 5),
            now=at("2026-10-05"),
        )
        send_invoices_again(installments=[item], actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
    assert send(house, "2026-10-05", 10) == {"accepted": 1}
    with tenant(house):
        item.invoice.refresh_from_db()
        hold.refresh_from_db()
        assert (item.invoice.restart_on, hold.released_on) == (date(2026, 10, 15), date(2026, 10, 5))
        assert [attachment.filename for attachment in Message.objects.get(kind="resend").attachments.all()] == [
            f"Facture-{item.invoice.number}.pdf"
        ]
    run_on(house, "2026-10-06")
    with tenant(house):
        assert mail(kind="reminder") == []
    run_on(house, "2026-10-16")
    with tenant(house):
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-16")


def test_an_invoice_without_its_copy_cannot_be_sent_again(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-7", issued_on=ISSUED, due_on=DUE)
        with pytest.raises(DomainError, match="FA-7"):
            send_invoices_again(installments=[item], actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
        assert Message.objects.count() == 0
