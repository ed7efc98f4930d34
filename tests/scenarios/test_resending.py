"""An invoice that had not arrived: it is sent again, what was said before does not count, and the plan starts over (rule 7)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from customers.models import Contact
from customers.services import update_contact
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.enums import HoldKind, HoldSide
from invoices.models import Installment
from invoices.services import mark_not_received
from invoices.services.e_invoicing import record_e_invoice_status
from notifications.models import Message
from notifications.settlement import record_delivery_event
from scenarios.enums import ActionState, DecisionKind, Reason
from scenarios.facts import Hold, ItemSituation
from scenarios.models import Action, Schedule, Task
from scenarios.past import earlier_reminders
from scenarios.selectors import timeline, uncounted_invoices
from scenarios.services.answers import send_invoices_again
from tests.factories import make_customer, make_invoice
from tests.scenarios.builders import ask, day, iso, item
from tests.scenarios.houses import CLERK, at, live, open_house, run_on, send, steps_of
from tests.scenarios.road import attach, call, mail_of, plain
from tests.scenarios.test_grouping import CALL_DONE

pytestmark = pytest.mark.django_db

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture
def house() -> Organization:
    """FA-1 of 1 000,00, due on Thursday 1 October; R1 left on the 2nd, the call was made on the 9th, R2 left on the 14th."""
    house = open_house()
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", amount="1000.00", issued_on=ISSUED, due_on=DUE)
        attach(item.invoice, proof=False, day="2026-09-01")
    live(house, ("2026-10-02", "2026-10-09"))
    call(house, "2026-10-09")
    run_on(house, "2026-10-14")
    return house


def the_item() -> Installment:
    return Installment.objects.select_related("invoice", "customer").get(invoice__number="FA-1")


def counted(item: Installment) -> list[tuple[str, str]]:
    """(step, day) of the overdue steps that count as done."""
    rows = Action.objects.filter(installment=item, phase__gt=0, state="done").order_by("done_on", "pk")
    return [(row.step_key, row.done_on.isoformat()) for row in rows if row.done_on]


def says_never_received(day: str, hour: int = 10) -> None:
    mark_not_received(installments=[the_item()], actor=CLERK, today=date.fromisoformat(day), now=at(day, hour))


def send_again(house: Organization, day: str, hour: int = 11) -> Message:
    with tenant(house):
        message = send_invoices_again(installments=[the_item()], actor=CLERK, today=date.fromisoformat(day), now=at(day, hour))
    send(house, day, hour + 1)
    with tenant(house):
        message.refresh_from_db()
        assert message.state == "accepted"
    return message


def test_an_invoice_said_not_to_have_arrived_waits_for_us_and_nobody_is_reminded(house: Organization) -> None:
    with tenant(house):
        assert counted(the_item()) == [("r1", "2026-10-02"), ("call", "2026-10-09"), ("r2", "2026-10-14")]
        says_never_received("2026-10-15")
        assert Schedule.objects.get().reason == Reason.NOT_RECEIVED
    live(house, ("2026-10-16", "2026-10-26", "2026-11-09"))
    with tenant(house):
        assert Message.objects.filter(kind="reminder", planned_on__gt=date(2026, 10, 14)).count() == 0
        task = Task.objects.get(kind="supply_document")
        assert (task.state, task.amount) == ("open", Decimal("1000.00"))
    send_again(house, "2026-11-09")
    with tenant(house):
        task.refresh_from_db()
        assert task.state == "done"


def test_the_plan_starts_over_from_the_resend_with_its_first_reminder(house: Organization) -> None:
    with tenant(house):
        says_never_received("2026-10-15")
    send_again(house, "2026-10-15")
    with tenant(house):
        item = the_item()
        assert counted(item) == []
        assert item.due_on == DUE  # the legal due date does not move
        assert item.invoice.restart_on == date(2026, 10, 25)
        assert earlier_reminders([item.pk]) == []
    live(house, ("2026-10-16", "2026-10-19", "2026-10-23"))
    with tenant(house):
        assert counted(the_item()) == []
    run_on(house, "2026-10-26")
    with tenant(house):
        first = mail_of("2026-10-26")
        assert first.template_key == "r1"
        words = plain(first.body_text)
        assert "le délai est écoulé depuis le 1er octobre 2026" in words
        assert [said for said in ("2 octobre 2026", "14 octobre 2026") if said in words] == []
    run_on(house, "2026-11-02")
    call(house, "2026-11-02")
    run_on(house, "2026-11-09")
    with tenant(house):
        second = plain(mail_of("2026-11-09").body_text)
        assert "Malgré notre message du 26 octobre 2026" in second
        assert counted(the_item()) == [("r1", "2026-10-26"), ("call", "2026-11-02"), ("r2", "2026-11-09")]


def test_reports_on_the_same_resend_change_nothing_and_a_second_not_received_starts_over_again(house: Organization) -> None:
    with tenant(house):
        says_never_received("2026-10-15")
    resend = send_again(house, "2026-10-15")
    live(house, ("2026-10-26",))
    with tenant(house):
        assert counted(the_item()) == [("r1", "2026-10-26")]
        says_never_received("2026-10-27")
        record_delivery_event(message_id=resend.pk, kind="delivered", at=at("2026-10-15", 13), now=at("2026-10-27", 14), external_id="1")
        assert counted(the_item()) == [("r1", "2026-10-26")]
        assert the_item().invoice.not_received_at is not None
    send_again(house, "2026-10-28")
    with tenant(house):
        assert counted(the_item()) == []
        assert the_item().invoice.restart_on == date(2026, 11, 7)


def test_what_went_to_another_address_than_the_invoice_at_last_arrived_at_is_marked(house: Organization) -> None:
    with tenant(house):
        says_never_received("2026-10-15")
        contact = Contact.objects.get()
        update_contact(contact=contact, email="factures@client.example", actor=CLERK, today=date(2026, 10, 15), now=at("2026-10-15", 10))
    send_again(house, "2026-10-15")
    with tenant(house):
        reminders = Message.objects.filter(kind="reminder", phase__gt=0).order_by("planned_on")
        assert [(row.template_key, row.not_reached) for row in reminders] == [("r1", True), ("r2", True)]
        shown = timeline(invoice=the_item().invoice, organization=house, today=date(2026, 10, 16)).past
        marked = {entry.id: (entry.code, entry.evidence) for entry in shown if entry.kind == "message"}
        assert all(marked[row.pk] == ("not_reached", None) for row in reminders)


def test_the_same_address_is_not_wrong_but_its_messages_do_not_count(house: Organization) -> None:
    with tenant(house):
        says_never_received("2026-10-15")
    send_again(house, "2026-10-15")
    with tenant(house):
        first = Message.objects.get(template_key="r1")
        assert (first.not_reached, uncounted_invoices(first)) == (False, ["FA-1"])
        shown = timeline(invoice=the_item().invoice, organization=house, today=date(2026, 10, 16)).past
        (entry,) = [entry for entry in shown if entry.id == first.pk]
        assert "la facture n'était pas parvenue" in entry.detail.replace("’", "'") or "had not been received" in entry.detail


def test_a_copy_sent_on_request_takes_nothing_back(house: Organization) -> None:
    send_again(house, "2026-10-15")
    with tenant(house):
        assert counted(the_item()) == [("r1", "2026-10-02"), ("call", "2026-10-09"), ("r2", "2026-10-14")]
        assert Message.objects.filter(not_reached=True).count() == 0


def test_a_corrected_address_marks_what_went_to_the_wrong_one(house: Organization) -> None:
    """Nobody said "not received": the address had a typing error, and the clerk sends the invoice to the right one."""
    with tenant(house):
        other = make_invoice(the_item().customer, number="FA-2", amount="50.00", issued_on=ISSUED, due_on=date(2026, 10, 23))
    run_on(house, "2026-10-26")
    with tenant(house):
        contact, now = Contact.objects.get(), at("2026-10-26", 10)
        update_contact(contact=contact, email="compta@client-corrige.example", actor=CLERK, today=date(2026, 10, 26), now=now)
    assert r1_of(house, other) == "done"
    send_again(house, "2026-10-26")
    with tenant(house):
        assert counted(the_item()) == []
        assert Message.objects.filter(kind="reminder", phase__gt=0, not_reached=True).count() == 3
    assert r1_of(house, other) == "taken_back"  # it was in the last of these messages, which nobody read


def r1_of(house: Organization, item: Installment) -> str:
    with tenant(house):
        (state,) = [state for key, state, _day in steps_of(item) if key == "r1"]
        return state


def test_an_invoice_rejected_by_its_platform_starts_over_once_it_was_sent_again(house: Organization) -> None:
    with tenant(house):
        invoice, now = the_item().invoice, at("2026-10-15", 10)
        record_e_invoice_status(invoice=invoice, status="213", reason="ADR_ERR", actor=CLERK, today=date(2026, 10, 15), now=now)
    send_again(house, "2026-10-15")
    with tenant(house):
        assert counted(the_item()) == []


def test_behind_a_formal_notice_nothing_is_taken_back(house: Organization) -> None:
    with tenant(house):
        item = the_item()
        before = Action.objects.get(installment=item, step_key="r2")
        Action.objects.create(
            installment=item, customer=item.customer, plan_id=before.plan_id, version_id=before.version_id, step_key="formal_notice",
            phase=40, channel="registered", state="done", taken_on=date(2026, 10, 15), done_on=date(2026, 10, 15),
        )  # fmt: skip
        says_never_received("2026-10-16")
    send_again(house, "2026-10-16")
    with tenant(house):
        assert [key for key, _day in counted(the_item())] == ["r1", "call", "r2", "formal_notice"]


def test_a_reminder_that_waits_to_leave_when_the_invoice_is_sent_again_does_not_leave(house: Organization) -> None:
    run_on(house, "2026-10-26", deliver=False)
    with tenant(house):
        r3 = Message.objects.get(template_key="r3")
        assert r3.state == "queued"
        says_never_received("2026-10-26", hour=7)
        r3.refresh_from_db()
        assert (r3.state, r3.reason) == ("cancelled", Reason.NOT_RECEIVED)
    assert send(house, "2026-10-26", 9) == {}


def test_a_resend_that_comes_back_asks_for_an_address(house: Organization) -> None:
    with tenant(house):
        says_never_received("2026-10-15")
    resend = send_again(house, "2026-10-15")
    with tenant(house):
        record_delivery_event(message_id=resend.pk, kind="bounced", at=at("2026-10-15", 13), now=at("2026-10-15", 14), external_id="1")
        assert [(task.kind, task.state) for task in Task.objects.filter(kind="find_contact")] == [("find_contact", "open")]


# --- facts --------------------------------------------------------------------------------------------------------------------------------


def test_the_planner_waits_for_us_and_starts_over_from_the_resend() -> None:
    missed = item(situation=ItemSituation(not_received=True))
    decision = ask("2026-10-14", missed, CALL_DONE)
    assert (decision.kind, decision.reason) == (DecisionKind.BLOCKED, Reason.NOT_RECEIVED)

    resent = item(situation=ItemSituation(restart_on=day("2026-10-25")))
    uncounted = [replace(entry, state=ActionState.TAKEN_BACK) for entry in CALL_DONE]
    assert iso(ask("2026-10-16", resent, uncounted).on or 0) == "2026-10-26"
    first = ask("2026-10-26", resent, uncounted)
    assert (first.kind, first.step.key if first.step else "", first.occurrence) == (DecisionKind.TAKE, "r1", 2)


def test_our_own_pause_says_more_than_not_received() -> None:
    hold = Hold(HoldSide.OURS, HoldKind.DOCUMENT_OWED, day("2026-10-01"), day("2026-10-25"))
    assert ask("2026-10-14", item(situation=ItemSituation(not_received=True, holds=(hold,)))).reason == Reason.HELD_OURS
