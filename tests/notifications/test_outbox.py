"""Into the outbox: what waits, who may let it leave, and what people can change before it does."""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from dunning.core import clock
from dunning.core.enums import Channel
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications import dispatcher, outbox, selectors, services, tasks
from notifications.enums import MessageState, Obstacle
from notifications.models import Message, QueueTicket
from notifications.signals import Stop
from tests.factories import make_customer
from tests.notifications.mailroom import ACTOR, NOW, TODAY, Gate, make_mail_room, write

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))


def test_a_queued_message_has_a_ticket_and_one_that_waits_for_a_person_has_none(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        queued = write()
        later = write(not_before=NOW + timedelta(hours=3))
        write(state=MessageState.AWAITING_APPROVAL)
    tickets = {ticket.message_id: ticket for ticket in QueueTicket.objects.all()}
    assert set(tickets) == {queued.pk, later.pk}
    assert tickets[queued.pk].due_at == NOW
    assert tickets[later.pk].due_at == NOW + timedelta(hours=3)
    assert {ticket.organization_id for ticket in tickets.values()} == {organization.pk}


def test_what_is_enqueued_in_a_transaction_that_fails_never_was(gate: Gate) -> None:
    organization = make_mail_room()
    with pytest.raises(ZeroDivisionError), tenant(organization):
        write()
        raise ZeroDivisionError
    assert QueueTicket.objects.count() == 0
    with tenant(organization):
        assert Message.objects.count() == 0


def test_the_database_refuses_a_second_message_of_one_group_and_day(gate: Gate) -> None:
    with tenant(make_mail_room()):
        customer = make_customer()
        first = write(customer, group_key="account:a")
        with pytest.raises(IntegrityError), transaction.atomic():
            write(customer, group_key="account:a")
        assert services.withdraw(message_ids=[first.pk], reason="Erreur", actor=ACTOR, now=NOW) == 1
        write(customer, group_key="account:a")  # what was withdrawn never left
        assert Message.objects.filter(group_key="account:a").count() == 2


def test_monday_the_board_says_what_waits_and_approving_lets_it_leave(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        martin, durand = make_customer(), make_customer()
        waiting = [write(martin, state=MessageState.AWAITING_APPROVAL, amount=Decimal("100.10")) for _ in range(2)]
        waiting.append(write(durand, state=MessageState.AWAITING_APPROVAL, amount=Decimal("50.00"), currency="USD"))
        write(durand, amount=Decimal("7.00"), not_before=NOW)

        board = selectors.waiting_board(on=TODAY)
        assert (board.awaiting_approval.messages, board.awaiting_approval.customers) == (3, 2)
        assert board.awaiting_approval.amounts == {"EUR": Decimal("200.20"), "USD": Decimal("50.00")}
        assert (board.queued.messages, board.queued.amounts, board.queued.first_at) == (1, {"EUR": Decimal("7.00")}, NOW)
        assert board.by_channel == {Channel.EMAIL: 4}
        assert selectors.waiting_board(on=TODAY + timedelta(days=1)).awaiting_approval.messages == 0

    assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}

    with tenant(organization):
        assert services.approve(message_ids=selectors.awaiting_approval_ids(), actor=ACTOR, now=NOW) == 3
        assert services.approve(message_ids=[message.pk for message in waiting], actor=ACTOR, now=NOW) == 0
    assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 3}
    with tenant(organization):
        approved = Message.objects.filter(pk__in=[message.pk for message in waiting])
        assert {(message.state, message.approved_by) for message in approved} == {(MessageState.ACCEPTED, ACTOR)}
        event = AuditEvent.objects.get(action="messages.approved")
        assert (event.actor, event.body["count"], len(event.body["messages"])) == (ACTOR, 3, 3)


def test_holding_keeps_a_message_until_it_is_released(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message = write()
        assert services.hold(message_ids=[message.pk], reason="On attend l’avoir", actor=ACTOR, now=NOW) == 1
    assert dispatcher.deliver_due(now=NOW) == {}
    with tenant(organization):
        message.refresh_from_db()
        assert (message.state, message.reason, message.reason_text) == (MessageState.HELD, Obstacle.BY_HAND, "On attend l’avoir")
        assert services.release(message_ids=[message.pk], actor=ACTOR, now=NOW) == 1
    assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}


def test_releasing_is_not_approving(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message = write(state=MessageState.AWAITING_APPROVAL)
        services.hold(message_ids=[message.pk], reason="Plus tard", actor=ACTOR, now=NOW)
        assert services.release(message_ids=[message.pk], actor=ACTOR, now=NOW) == 1
        message.refresh_from_db()
        assert message.state == MessageState.AWAITING_APPROVAL
    assert dispatcher.deliver_due(now=NOW) == {}
    assert gate.asked == []


def test_a_withdrawn_message_is_told_to_the_plans_and_never_leaves(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message = write()
        assert services.withdraw(message_ids=[message.pk], reason="Doublon", actor=ACTOR, now=NOW) == 1
        assert gate.settled == [(message.pk, MessageState.CANCELLED)]
    assert dispatcher.deliver_due(now=NOW) == {}
    with tenant(organization):
        assert services.withdraw(message_ids=[message.pk], reason="Doublon", actor=ACTOR, now=NOW) == 0
        assert services.release(message_ids=[message.pk], actor=ACTOR, now=NOW) == 0
        assert actions().count("messages.withdrawn") == 1


def test_what_left_cannot_be_withdrawn_or_readdressed_but_can_be_sent_again(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message = write()
    dispatcher.deliver_due(now=NOW)
    with tenant(organization):
        assert services.withdraw(message_ids=[message.pk], reason="Trop tard", actor=ACTOR, now=NOW) == 0
        with pytest.raises(DomainError) as refusal:
            services.change_recipient(message_id=message.pk, recipient="autre@client.example", actor=ACTOR, now=NOW)
        assert refusal.value.code == "already_left"
        again = services.send_again(message_id=message.pk, recipient="autre@client.example", actor=ACTOR, now=NOW)
    assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}
    with tenant(organization):
        first, second = Message.objects.get(pk=message.pk), Message.objects.get(pk=again.pk)
        assert first.recipient != second.recipient == "autre@client.example"
        assert (second.resends_id, second.header_id) == (first.pk, f"<{second.pk}@atelier.example>")
        assert [entry.pk for entry in selectors.message_detail(first.pk).resent_as] == [second.pk]


def test_a_waiting_message_cannot_be_sent_again(gate: Gate) -> None:
    with tenant(make_mail_room()):
        message = write()
        with pytest.raises(DomainError) as refusal:
            services.send_again(message_id=message.pk, actor=ACTOR, now=NOW)
        assert refusal.value.code == "still_on_its_way"
        assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("channel", "address"), [(Channel.EMAIL, "a@b@c"), (Channel.EMAIL, ""), (Channel.SMS, "0612345678"), (Channel.SMS, "")]
)
def test_an_address_that_cannot_be_used_is_refused_when_it_is_entered(gate: Gate, channel: str, address: str) -> None:
    with tenant(make_mail_room()):
        message = write(channel=channel)
        before = message.recipient
        with pytest.raises(DomainError) as refusal:
            services.change_recipient(message_id=message.pk, recipient=address, actor=ACTOR, now=NOW)
        message.refresh_from_db()
        assert (refusal.value.field, message.recipient) == ("recipient", before)


def test_previewing_shows_the_text_and_changes_nothing(gate: Gate) -> None:
    with tenant(make_mail_room()):
        message = write(state=MessageState.AWAITING_APPROVAL)
        seen = services.preview(message_id=message.pk, now=NOW)
        assert seen.subject.startswith("Facture ")
        assert "reste à régler" in seen.text and "<strong>" in seen.html
        assert (seen.recipient, seen.problem) == (message.recipient, "")
        gate.answers[message.pk] = Stop("disputed", "Litige ouvert le 2 octobre")
        assert services.preview(message_id=message.pk, now=NOW).problem == "Litige ouvert le 2 octobre"
        message.refresh_from_db()
        assert (message.state, message.frozen_at, message.subject) == (MessageState.AWAITING_APPROVAL, None, "")


def test_a_broker_that_is_away_costs_a_warning_and_no_message(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    from celery import current_app

    organization = make_mail_room()
    monkeypatch.setattr(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(current_app, "_pool", None)  # what is connected stays so, for whoever comes after this test
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True) as rings, tenant(organization):
        write()
        write()
    assert len(rings) == 1  # once per transaction
    assert "The doorbell did not ring (Error 111 connecting to 127.0.0.1:1" in caplog.text
    assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 2}


def test_dropping_and_retiming_tickets(gate: Gate) -> None:
    with tenant(make_mail_room()):
        message = write()
        outbox.retime(message, due_at=NOW + timedelta(hours=1))
        assert [ticket.due_at for ticket in QueueTicket.objects.all()] == [NOW + timedelta(hours=1)]
        outbox.drop_tickets([message.pk])
        assert QueueTicket.objects.count() == 0
        outbox.retime(message, due_at=NOW)  # a message that must be looked at always gets a ticket
        assert [ticket.message_id for ticket in QueueTicket.objects.all()] == [message.pk]


def test_the_sweep_finds_what_no_doorbell_announced(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message, later = write(), write(not_before=NOW + timedelta(hours=1))
    with clock.virtual(NOW):
        tasks.sweep()
        tasks.dispatch(old_argument="of a message queued by an earlier version")
    with tenant(organization):
        states = dict(Message.objects.values_list("pk", "state"))
    assert states == {message.pk: MessageState.ACCEPTED, later.pk: MessageState.QUEUED}
