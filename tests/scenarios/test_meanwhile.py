"""What changes while a message waits or is on its way: the payment, the plan, the address, the promise before the letter."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from customers.enums import ContactRole
from customers.models import Contact
from dunning.core import documents
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment, Payment
from invoices.services import PaymentDraft, cancel_payment, make_promise, record_payment
from notifications.models import Message, QueueTicket
from notifications.posting import record_posting
from notifications.services import report, settle_uncertain
from scenarios.enums import Anchor, Channel, Phase
from scenarios.models import ActionPlan, Commitment
from scenarios.plan_content import PlanContent, StepContent
from scenarios.services.approvals import approve_message, missing_checks
from scenarios.services.plans import assign_plan, current_version, load_content, publish_plan
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, live, mail, open_house, run_on, send, steps_of
from tests.scenarios.road import attach, call, pay, words_of
from tests.scenarios.test_daily_road import _durand

pytestmark = pytest.mark.django_db
DUE = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 10, 1)}


@pytest.fixture
def house() -> Organization:
    return open_house()


def towards_a_notice(house: Organization) -> Installment:
    """Durand's invoice with its copy and its proof of delivery, after the announcement of the formal notice on 26 October."""
    with tenant(house):
        item = make_invoice(_durand(), number="FA-1", **DUE)
        attach(item.invoice, proof=False, day="2026-09-01")
        attach(item.invoice, proof=True, day="2026-09-01")
    live(house, ("2026-10-02", "2026-10-09"))
    call(house, "2026-10-09")
    live(house, ("2026-10-14", "2026-10-26"))
    return item


def left_in_doubt(house: Organization) -> Message:
    """The first reminder of 2 October, whose answer never came."""
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        QueueTicket.objects.all().delete()
        Message.objects.update(state="uncertain", frozen_at=at("2026-10-02"), content_sha256="x")
        return Message.objects.get()


def test_a_reminder_that_was_on_its_way_when_the_item_was_paid_counts_when_it_left(house: Organization) -> None:
    """Paid on 2 October, found on the same day to have left, and the debit rejected on the 6th: the first reminder is not sent again."""
    with tenant(house):
        customer = make_customer("C1")
        item = make_invoice(customer, **DUE)
    message = left_in_doubt(house)
    with tenant(house):
        pay(customer, "1200.00", "2026-10-02", item, hour=10)
        assert [step[:2] for step in steps_of(item)][-1:] == [("r1", "cancelled")]
        settle_uncertain(message_id=message.pk, left=True, actor=CLERK, now=at("2026-10-02", 12))
        assert [step[:2] for step in steps_of(item)][-1:] == [("r1", "done")]
        cancel_payment(payment=Payment.objects.get(), reason="rejected", actor=CLERK, today=date(2026, 10, 6), now=at("2026-10-06"))
    live(house, ("2026-10-07", "2026-10-08"))
    with tenant(house):
        assert [key for key, _state in mail(kind="reminder")].count("r1") == 1


def test_and_is_apologised_for_when_the_money_had_come_before_it(house: Organization) -> None:
    with tenant(house):
        customer = make_customer("C1")
        item = make_invoice(customer, **DUE)
    message = left_in_doubt(house)
    with tenant(house):
        draft = PaymentDraft(customer=customer, amount=Decimal("1200.00"), received_on=date(2026, 10, 1))
        record_payment(draft=draft, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 10))
        assert mail(kind="retraction") == []
        settle_uncertain(message_id=message.pk, left=True, actor=CLERK, now=at("2026-10-02", 12))
        assert mail(kind="retraction") == [("retraction", "queued")]
        assert [step[:2] for step in steps_of(item)][-1:] == [("r1", "taken_back")]


def test_what_an_overtaken_message_announced_of_a_paid_item_is_no_commitment(house: Organization) -> None:
    """The reminder that announces the formal notice, in doubt on 26 October and paid on the same day: nothing must follow from it."""
    with tenant(house):
        customer = make_customer("C1")
        item = make_invoice(customer, **DUE)
    live(house, ("2026-10-02", "2026-10-09"))
    call(house, "2026-10-09")
    live(house, ("2026-10-14",))
    run_on(house, "2026-10-26", deliver=False)
    with tenant(house):
        QueueTicket.objects.all().delete()
        message = Message.objects.get(template_key="r3")
        Message.objects.filter(pk=message.pk).update(state="uncertain", frozen_at=at("2026-10-26"), content_sha256="x")
        pay(customer, "1200.00", "2026-10-26", item, hour=10)
        settle_uncertain(message_id=message.pk, left=True, actor=CLERK, now=at("2026-10-26", 12))
        assert [step[:2] for step in steps_of(item)][-1:] == [("r3", "done")]
        assert not Commitment.objects.exists()


def test_a_reminder_that_needs_approval_is_approved_again_for_the_next_contact(house: Organization) -> None:
    with tenant(house):
        asked = StepContent("r1", "Rappel", Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 1, template="r1", needs_approval=True)
        plan = publish_plan(content=PlanContent(key="court", name="Court", steps=(asked,)), actor=CLERK, now=at("2026-09-01")).plan
        assign_plan(plan=plan, since=date(2000, 1, 1), actor=CLERK, now=at("2026-09-01"))
        customer = make_customer("C1")
        Contact.objects.create(customer=customer, position=2, name="Chef", role=ContactRole.FINANCE_MANAGER, email="chef@c.example")
        make_invoice(customer, **DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        first = Message.objects.get()
        approve_message(message=first, organization=house, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 9))
    send(house, "2026-10-02", 10)
    with tenant(house):
        make_invoice(customer, amount="5000.00", **DUE)
        report(message_id=first.pk, kind="bounced", at=at("2026-10-05"), actor=CLERK, now=at("2026-10-05"))
    send(house, "2026-10-05", 10)
    with tenant(house):
        copy = Message.objects.exclude(pk=first.pk).get()
        assert (copy.state, copy.reason, copy.amount) == ("awaiting_approval", "awaiting_approval", Decimal("1200.00"))


def test_the_letter_prints_the_term_its_commitment_keeps_whatever_was_published_while_it_waited(house: Organization) -> None:
    """Eight days when it was taken on 6 November, fifteen in the version of that morning: the letter and the hand-over say the same."""
    towards_a_notice(house)
    live(house, ("2026-11-04", "2026-11-06"))
    with tenant(house):
        plan = ActionPlan.objects.get(key="standard")
        content = load_content(plan, current_version(plan))
        steps = tuple(
            replace(step, term_days=15) if step.key == "formal_notice" else replace(step, offset=18) if step.key == "hand_over" else step
            for step in content.steps
        )
        publish_plan(content=replace(content, steps=steps), actor=CLERK, now=at("2026-11-06", 7))
        notice = Message.objects.get(channel="registered")
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        notice.refresh_from_db()
        assert notice.document is not None
        words = words_of(documents.read(notice.document))
        record_posting(message_id=notice.pk, posted_on=date(2026, 11, 6), tracking_number="1A", actor=CLERK, now=at("2026-11-06", 15))
        assert Commitment.objects.get(consequence="hand_over").due_on == date(2026, 11, 20)
        assert "au plus tard le 20 novembre 2026" in words


def test_the_owner_hears_of_a_notice_that_a_promise_held_back_until_its_day(house: Organization) -> None:
    """Promised for 9 November and not kept: the notice is taken the day after the tolerance, and the owner is told on the next."""
    item = towards_a_notice(house)
    with tenant(house):
        make_promise(amounts={item: None}, promised_for=date(2026, 11, 9), actor=CLERK, today=date(2026, 10, 28), now=at("2026-10-28"))
    live(house, ("2026-10-29", "2026-11-04", "2026-11-05", "2026-11-06", "2026-11-09", "2026-11-10", "2026-11-12", "2026-11-13"))
    live(house, ("2026-11-16", "2026-11-17", "2026-11-18", "2026-11-20"))
    with tenant(house):
        notice = Message.objects.get(channel="registered")
        assert [line.name for line in missing_checks(message=notice, organization=house, today=date(2026, 11, 20))] == []
        assert ("owner_warning", "accepted") in mail(kind="internal")
