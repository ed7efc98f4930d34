"""Calls: one attempt, one effect, and the message that confirms it (rule 10)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from customers.models import Customer
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Dispute, Hold, Installment, Promise
from invoices.services import make_promise
from notifications.models import Message
from notifications.services import approve
from scenarios.models import Task, TaskAttempt
from scenarios.services.calls import RecordedCall, record_call
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send, steps_of
from tests.scenarios.road import plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Organization:
    """Durand owes 1 200,00 since 1 October 2026, was reminded on the 2nd, and is to be called on the 9th."""
    organization = open_house()
    with tenant(organization):
        make_invoice(make_customer("C1", name="Durand SARL"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(organization, day)
    return organization


def _call(outcome: str, day: str = "2026-10-09", hour: int = 9, **given: Any) -> RecordedCall:
    task = Task.objects.get(kind="call", state="open")
    return record_call(task=task, outcome=outcome, actor=CLERK, today=date.fromisoformat(day), now=at(day, hour), **given)


def test_a_promise_on_the_telephone_closes_the_call_and_drafts_its_confirmation(house: Organization) -> None:
    with tenant(house):
        item = Installment.objects.get()
        call = _call("promise", details={"date": "2026-10-16", "person": "Mme Roy"})
        promise = Promise.objects.get()
        assert (promise.amount, promise.promised_for, promise.source) == (Decimal("1200.00"), date(2026, 10, 16), "call")
        assert steps_of(item)[-1] == ("call", "done", "2026-10-09")
        task = Task.objects.get(kind="call")
        assert (task.state, task.outcome, task.closed_by) == ("done", "promise", CLERK)
        assert call.message is not None
        assert (call.message.template_key, call.message.state) == ("call_follow_up", "awaiting_approval")
        assert call.message.details["promise"] == str(promise.reference)
        assert call.attempt.details["summary"].replace("\u00a0", " ") == "Vous prévoyez un règlement le 16 octobre 2026."


def test_the_confirmation_says_what_was_agreed(house: Organization) -> None:
    with tenant(house):
        call = _call("promise", details={"date": "2026-10-16"})
        assert call.message is not None
        approve(message_ids=[call.message.pk], actor=CLERK, now=at("2026-10-09", 9, 30))
    assert send(house, "2026-10-09", 10) == {"accepted": 1}
    with tenant(house):
        text = Message.objects.get(pk=call.message.pk).body_text.replace("\u00a0", " ").replace("\u202f", " ")
        assert "Vous prévoyez un règlement le 16 octobre 2026." in text
        assert "1 200,00 €" in text


def test_three_unanswered_attempts_on_three_days_are_a_call(house: Organization) -> None:
    with tenant(house):
        item = Installment.objects.get()
        assert _call("no_answer", "2026-10-09").state.value == "open"
        assert _call("voicemail", "2026-10-12").state.value == "open"
        assert steps_of(item)[-1] == ("call", "planned", "2026-10-09")
        call = _call("no_answer", "2026-10-13")
        assert call.state.value == "unreachable"
        assert steps_of(item)[-1] == ("call", "done", "2026-10-13")
        assert call.message is not None
        assert (call.message.template_key, call.message.state) == ("call_attempt", "queued")
    assert send(house, "2026-10-13", 10) == {"accepted": 1}


def test_three_attempts_on_one_day_are_not_and_a_fourth_in_a_week_is_refused(house: Organization) -> None:
    with tenant(house):
        for hour in (9, 10, 11):
            assert _call("no_answer", hour=hour).state.value == "open"
        with pytest.raises(DomainError) as refused:
            _call("no_answer", "2026-10-15")
        assert refused.value.code == "too_many_attempts"
        assert TaskAttempt.objects.count() == 3
        assert _call("no_answer", "2026-10-16").state.value == "open"  # a week later


def test_a_call_back_stays_open_until_the_agreed_moment(house: Organization) -> None:
    with tenant(house):
        item = Installment.objects.get()
        call = _call("call_back", details={"at": "2026-10-12T14:30:00+02:00"})
        assert call.state.value == "open"
        task = Task.objects.get(kind="call")
        assert (task.state, task.not_before, task.due_on) == ("open", datetime(2026, 10, 12, 12, 30, tzinfo=UTC), date(2026, 10, 12))
        assert steps_of(item)[-1] == ("call", "planned", "2026-10-09")
        assert _call("refusal", "2026-10-12", 13).state.value == "reached"
        assert steps_of(item)[-1] == ("call", "done", "2026-10-12")


def test_a_dispute_on_the_telephone_is_opened_and_its_acknowledgement_drafted(house: Organization) -> None:
    with tenant(house):
        call = _call("dispute", details={"reason": "LIVR_INCOMP", "amount": "312.00"}, note="Deux portes manquent")
        dispute = Dispute.objects.get()
        assert (dispute.reason, dispute.amount, dispute.text) == ("LIVR_INCOMP", Decimal("312.00"), "Deux portes manquent")
        assert call.message is not None
        assert (call.message.template_key, call.message.details["dispute"]) == ("dispute_acknowledged", str(dispute.pk))


def test_three_invoices_contested_in_one_call_are_acknowledged_in_one_message(house: Organization) -> None:
    with tenant(house):
        durand = Customer.objects.get()
        for number, currency in (("FA-2", "EUR"), ("FA-3", "EUR"), ("FA-USD", "USD")):
            make_invoice(durand, number=number, currency=currency, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        call = _call("dispute", details={"reason": "PU_ERR"})
        assert Dispute.objects.count() == 4
        drafts = list(Message.objects.filter(template_key="dispute_acknowledged").order_by("currency"))
        assert [(draft.state, draft.currency, len(draft.details["disputes"])) for draft in drafts] == [
            ("awaiting_approval", "EUR", 3),
            ("awaiting_approval", "USD", 1),
        ]
        assert call.message == drafts[0]
        approve(message_ids=[draft.pk for draft in drafts], actor=CLERK, now=at("2026-10-09", 10))
    send(house, "2026-10-09", 11)
    with tenant(house):
        assert set(Dispute.objects.values_list("acknowledged_on", flat=True)) == {date(2026, 10, 9)}
        euros, dollars = Message.objects.filter(template_key="dispute_acknowledged").order_by("currency")
        assert "votre contestation des factures n° FA-1, FA-2 et FA-3 : un écart de prix." in plain(euros.body_text)
        assert "votre contestation de la facture n° FA-USD : un écart de prix." in plain(dollars.body_text)


def test_what_we_owe_becomes_a_pause_of_ours_and_a_task(house: Organization) -> None:
    with tenant(house):
        _call("credit_note_expected", details={"amount": "100.00"})
        hold = Hold.objects.get()
        assert (hold.kind, hold.side, hold.amount) == ("credit_note_pending", "ours", Decimal("100.00"))
        task = Task.objects.get(kind="credit_note")
        assert (task.hold_id, task.amount, task.due_on) == (hold.pk, Decimal("100.00"), hold.ends_on)
    run_on(house, "2026-10-12")
    with tenant(house):
        assert Task.objects.filter(kind="credit_note").count() == 1


def test_a_hostile_answer_stops_everything_until_the_manager_decides(house: Organization) -> None:
    with tenant(house):
        call = _call("hostile", note="Refuse de parler")
        hold = Hold.objects.get()
        assert (hold.kind, hold.side, hold.installment_id) == ("pause", "ours", None)
        assert Task.objects.get(kind="decision").note == "Refuse de parler"
        assert call.message is None


def test_only_the_ticked_invoices_are_concerned(house: Organization) -> None:
    with tenant(house):
        first = Installment.objects.get()
        second = make_invoice(first.customer, number="FA-2", amount="300.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 5))
        _call("promise", details={"date": "2026-10-16"}, items=[second.pk])
        assert [(promise.installment_id, promise.amount) for promise in Promise.objects.all()] == [(second.pk, Decimal("300.00"))]
        assert steps_of(first)[-1] == ("call", "taken_back", "2026-10-09")  # not spoken of: it is called about again


def test_refusals_write_nothing(house: Organization) -> None:
    with tenant(house):
        stranger = make_invoice(make_customer("C9"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 5))
        for given, code in (
            ({"outcome": "promise"}, "required"),
            ({"outcome": "promise", "details": {"date": "demain"}}, "bad_value"),
            ({"outcome": "promise", "details": {"date": "2026-10-16", "colour": "blue"}}, "unknown_field"),
            ({"outcome": "promise", "details": {"date": "2026-10-16"}, "items": [stranger.pk]}, "bad_items"),
            ({"outcome": "sang"}, "bad_outcome"),
        ):
            with pytest.raises(DomainError) as refused, tenant(house):
                _call(**given)
            assert refused.value.code == code
        assert TaskAttempt.objects.count() == 0
        assert Promise.objects.count() == 0
        assert Task.objects.get(kind="call").state == "open"
        assert mail(kind="confirmation") == []


def test_a_closed_call_is_not_recorded_twice(house: Organization) -> None:
    with tenant(house):
        task = Task.objects.get(kind="call")
        _call("refusal")
        with pytest.raises(DomainError) as refused:
            record_call(task=task, outcome="refusal", actor=CLERK, today=date(2026, 10, 12), now=at("2026-10-12"))
        assert refused.value.code == "closed"
        assert TaskAttempt.objects.count() == 1


def test_a_promise_made_meanwhile_takes_the_call_off_the_desk_until_it_is_broken(house: Organization) -> None:
    with tenant(house):
        item = Installment.objects.get()
        make_promise(amounts={item: None}, promised_for=date(2026, 10, 16), actor=CLERK, today=date(2026, 10, 9), now=at("2026-10-09"))
        assert [task.state for task in Task.objects.filter(kind="call")] == ["cancelled"]
        assert steps_of(item)[-1] == ("call", "taken_back", "2026-10-09")
    run_on(house, "2026-10-20")
    with tenant(house):
        assert Task.objects.filter(kind="call", state="open").count() == 0
    run_on(house, "2026-10-21")  # the day after the tolerance
    with tenant(house):
        assert Task.objects.filter(kind="call", state="open").count() == 1
        assert steps_of(item)[-1] == ("call", "planned", "2026-10-21")
