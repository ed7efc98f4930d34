"""The mornings: what grew old, ran out or was announced (rules 7, 8, 9, 11 and 12)."""

from datetime import date
from decimal import Decimal

import pytest

from customers.services import note_reply_pending
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Promise
from invoices.services import (
    InvoiceDraft,
    PaymentDraft,
    close_dispute,
    issue_invoices,
    make_promise,
    open_dispute,
    place_hold,
    record_payment,
    release_hold,
    set_triage,
)
from notifications.models import Message
from scenarios import housekeeping
from scenarios.context import load_frame
from scenarios.management.words import HOUSEKEEPING
from scenarios.models import Schedule, Task
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, steps_of

pytestmark = pytest.mark.django_db

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture
def house() -> Organization:
    return open_house()


def _tasks(kind: str) -> list[tuple[str, date | None]]:
    return [(task.state, task.alerted_on) for task in Task.objects.filter(kind=kind).order_by("opened_on")]


def test_a_call_nobody_makes_is_told_after_five_days_and_closed_after_eight_and_the_plan_goes_on(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    run_on(house, "2026-10-09")  # Friday: the call
    run_on(house, "2026-10-15")  # four business days
    with tenant(house):
        assert _tasks("call") == [("open", None)]
    run_on(house, "2026-10-16")
    run_on(house, "2026-10-20")
    with tenant(house):
        assert _tasks("call") == [("open", date(2026, 10, 16))]
        assert Schedule.objects.get().reason == "in_progress"
    run_on(house, "2026-10-21")  # eight business days
    with tenant(house):
        assert _tasks("call") == [("not_done", date(2026, 10, 16))]
        assert steps_of(item)[-2:] == [("call", "skipped", "2026-10-09"), ("r2", "done", "2026-10-21")]


def test_a_promise_that_runs_out_is_broken_and_the_call_follows(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        make_promise(amounts={item: None}, promised_for=date(2026, 10, 25), actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
    run_on(house, "2026-10-27")
    with tenant(house):
        assert Promise.objects.get().state == "open"  # Sunday 25 and two business days
    run_on(house, "2026-10-28")
    with tenant(house):
        assert Promise.objects.get().state == "broken"
        assert steps_of(item)[-1] == ("call", "planned", "2026-10-28")


def test_a_pause_of_ours_past_its_end_is_told_once_and_lets_nothing_go(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
        hold = place_hold(
            installment=item,
            kind="document_owed",
            ends_on=date(2026, 10, 2),
            reason="Bon de livraison",
            actor=CLERK,
            today=DUE,
            now=at("2026-10-01"),
        )
    run_on(house, "2026-10-02")
    with tenant(house):
        assert _tasks("supply_document") == [("open", None)]
        assert _tasks("hold_expired") == []
    for day in ("2026-10-05", "2026-10-06"):
        run_on(house, day)
    with tenant(house):
        assert _tasks("hold_expired") == [("open", date(2026, 10, 5))]
        assert Task.objects.get(kind="hold_expired").amount == Decimal("1200.00")
        assert Schedule.objects.get().reason == "held_ours"
        release_hold(hold=hold, reason="Envoyé", actor=CLERK, today=date(2026, 10, 6), now=at("2026-10-06", 10))
        assert [state for state, _alerted in _tasks("supply_document") + _tasks("hold_expired")] == ["done", "done"]
    run_on(house, "2026-10-07")
    with tenant(house):
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-07")


def test_a_dispute_is_on_its_owners_desk_until_it_is_answered(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
        dispute = open_dispute(installment=item, reason="PU_ERR", amount=Decimal("312"), actor=CLERK, today=DUE, now=at("2026-10-01"))
    run_on(house, "2026-10-02")
    run_on(house, "2026-10-05")
    with tenant(house):
        task = Task.objects.get(kind="answer_dispute")
        assert (task.due_on, task.amount, task.state) == (dispute.answer_due_on, Decimal("312.00"), "open")
        close_dispute(
            dispute=dispute, outcome="rejected", text="Prix conforme", actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 10)
        )
        task.refresh_from_db()
        assert task.state == "done"


def test_a_receipt_nobody_recognises_becomes_a_task_after_three_days(house: Organization) -> None:
    with tenant(house):
        make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
        draft = PaymentDraft(amount=Decimal("77.00"), received_on=date(2026, 10, 2), reference_text="VIR INCONNU")
        payment = record_payment(draft=draft, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 6)).payment
    for day in ("2026-10-06", "2026-10-07"):
        run_on(house, day)
    with tenant(house):
        assert Task.objects.filter(kind="match_receipt").count() == 0
    for day in ("2026-10-08", "2026-10-09"):
        run_on(house, day)
    with tenant(house):
        task = Task.objects.get(kind="match_receipt")
        assert (task.payment_id, task.amount, task.opened_on) == (payment.pk, Decimal("77.00"), date(2026, 10, 8))


def test_old_items_of_the_first_import_wait_for_a_choice(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        today, now = date(2026, 10, 2), at("2026-10-02", 3)
        issue_invoices(
            drafts=[
                InvoiceDraft(durand, "FA-1", date(2026, 4, 1), Decimal("500"), due_on=date(2026, 5, 1)),
                InvoiceDraft(durand, "FA-2", date(2026, 5, 1), Decimal("900"), due_on=date(2026, 6, 1)),
            ],
            first_import=True,
            actor=CLERK,
            today=today,
            now=now,
        )
    for day in ("2026-10-02", "2026-10-05"):
        run_on(house, day)
    with tenant(house):
        assert [(task.state, task.amount) for task in Task.objects.all()] == [("open", Decimal("1400.00"))]
        items = {schedule.installment.invoice.number: schedule.installment for schedule in Schedule.objects.all()}
        assert set(Schedule.objects.values_list("reason", flat=True)) == {"triage"}
        set_triage(installments=[items["FA-1"]], choice="litigation", actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
        assert Task.objects.get().state == "open"
        set_triage(installments=[items["FA-2"]], choice="chase", actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
        assert Task.objects.get().state == "done"
    run_on(house, "2026-10-06")
    with tenant(house):
        assert [message.variant for message in Message.objects.all()] == ["reprise"]
        assert Task.objects.count() == 1


def test_an_unread_reply_is_on_the_desk_and_reading_it_lets_the_plan_go_on(house: Organization) -> None:
    from scenarios.services.tasks import complete_task

    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, issued_on=ISSUED, due_on=DUE)
        note_reply_pending(customer=durand, actor="system", today=DUE, now=at("2026-10-01"))
    for day in ("2026-10-02", "2026-10-05"):
        run_on(house, day)
    with tenant(house):
        assert Message.objects.count() == 0
        task = Task.objects.get(kind="reply")
        complete_task(task=task, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 10))
    run_on(house, "2026-10-06")
    with tenant(house):
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-06")


def test_a_mail_nobody_approved_before_the_due_date_leaves_the_board(house: Organization) -> None:
    from dunning.core.models import OrganizationProfile

    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 31))
        make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-09-24")
    with tenant(house):
        assert [(m.template_key, m.state) for m in Message.objects.all()] == [("receipt_check", "awaiting_approval")]
    run_on(house, "2026-10-02")
    with tenant(house):
        states = {message.template_key: (message.state, message.reason) for message in Message.objects.all()}
        assert states["receipt_check"][0] == "cancelled"
        assert states["r1"] == ("awaiting_approval", "supervised")


def test_a_letter_printed_and_not_posted_is_told_after_three_days(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        letter = Message.objects.create(
            customer=durand,
            channel="letter",
            language="fr",
            template_key="formal_notice",
            state="to_post",
            planned_on=date(2026, 10, 2),
            frozen_at=at("2026-10-02"),
            amount=Decimal("1200"),
            currency="EUR",
        )
    run_on(house, "2026-10-07")  # Wednesday: three business days
    with tenant(house):
        assert Task.objects.count() == 0
    for day in ("2026-10-08", "2026-10-09"):
        run_on(house, day)
    with tenant(house):
        task = Task.objects.get()
        assert (task.kind, task.message_id, task.alerted_on) == ("post_letter", letter.pk, date(2026, 10, 8))


def test_everything_a_morning_counts_has_words_for_the_command_that_prints_it() -> None:
    house = open_house()
    with tenant(house):
        counted = housekeeping.keep_house(frame=load_frame(house, date(2026, 10, 1)), now=at("2026-10-01", 4))
    assert {*counted, "thanks"} == set(HOUSEKEEPING)
