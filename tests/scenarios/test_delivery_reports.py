"""Dated stories of what providers report of a delivery, over the real road: they call, a worker reads it, the plans follow."""

from datetime import date, timedelta
from itertools import permutations

import pytest

from dunning.core.tenancy import tenant
from notifications.enums import MessageState
from notifications.models import DeliveryEvent, Message, Suppression
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from tests.notifications.callers import brevo_event, call, read_what_came, twilio_call, use_brevo, use_twilio
from tests.scenarios.houses import at, cover, run_on, steps_of
from tests.scenarios.lives import Life

pytestmark = pytest.mark.usefixtures("committed_database")


def test_a_bounce_closes_the_address_and_the_same_step_goes_to_the_next_contact_then_to_a_person() -> None:
    life = Life()
    life.second_contact()
    account = use_brevo(life.organization)

    moment = at("2026-10-02", 10)
    assert call(account, brevo_event("hard_bounce", life.sent, ts_epoch=int(moment.timestamp() * 1000)), at=moment).status_code == 200
    assert read_what_came(life.organization, at=moment) == {"applied": 1}
    with tenant(life.organization):
        assert list(Suppression.objects.values_list("address", "reason")) == [(life.sent.recipient, "hard_bounce")]
        again = Message.objects.get(resends=life.sent)
        assert (again.recipient, again.state) == ("direction@client.example", MessageState.QUEUED)
        assert [state for key, state, _ in steps_of(life.item) if key == "r1"] == ["taken_back", "planned"]
        Message.objects.filter(pk=again.pk).update(state=MessageState.SENDING)  # handed over; no answer yet
    assert call(account, brevo_event("hard_bounce", again), at=moment).status_code == 200
    assert read_what_came(life.organization, at=moment) == {"applied": 1}
    with tenant(life.organization):
        assert Suppression.objects.count() == 2
        assert Task.objects.filter(kind=TaskKind.FIND_CONTACT, customer=life.durand, state=TaskState.OPEN).count() == 1
        assert not Message.objects.filter(resends=again).exists()


def test_a_complaint_closes_the_address_and_the_next_step_goes_to_the_next_contact() -> None:
    life = Life()
    life.second_contact()
    account = use_brevo(life.organization)
    call(account, brevo_event("spam", life.sent), at=at("2026-10-02", 10))
    assert read_what_came(life.organization, at=at("2026-10-02", 10)) == {"applied": 1}
    with tenant(life.organization):
        life.sent.refresh_from_db()
        assert life.sent.state == MessageState.COMPLAINED
        assert Suppression.objects.get().reason == "complaint"
        assert [step for step in steps_of(life.item) if step[0] == "r1"] == [("r1", "done", "2026-10-02")]  # it was delivered


def test_a_wrong_number_turns_a_text_message_back() -> None:
    life = Life(phone="+33612345678")
    account = use_twilio(life.organization)
    with tenant(life.organization):
        text = life.texted(state=MessageState.SENDING)
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30006", "To": "+33612345678"}
    assert twilio_call(account, form, query=f"message={text.pk}", at=at("2026-10-02", 10)).status_code == 200
    assert read_what_came(life.organization, at=at("2026-10-02", 10)) == {"applied": 1}
    with tenant(life.organization):
        text.refresh_from_db()
        life.first.refresh_from_db()
        assert (text.state, text.reason) == (MessageState.BOUNCED, "wrong_number")
        assert Suppression.objects.get().reason == "wrong_number"
        assert life.first.phone_state == "failed"


@pytest.mark.parametrize("size", [2, 3])
def test_whatever_the_order_and_repetition_of_events_the_end_is_the_same(size: int) -> None:
    """Every permutation of every choice of that many events, each once to three times."""
    life = Life()
    account = use_brevo(life.organization)
    events = ["request", "delivered", "soft_bounce", "hard_bounce", "spam"]
    chance = __import__("random").Random(20261125 + size)
    choices = [chance.sample(events, size) for _ in range(4)]
    with tenant(life.organization):
        customer = life.durand
    for choice in choices:
        ends = set()
        for order in permutations(choice):
            with tenant(life.organization):
                message = Message.objects.create(
                    customer=customer,
                    channel="email",
                    language="fr",
                    kind="answer",
                    template_key="x",
                    planned_on=date(2026, 10, 2),
                    recipient=f"{len(ends)}.{'.'.join(order)}@client.example",
                    state=MessageState.SENDING,
                )
            calls = [event for event in order for _ in range(chance.randint(1, 3))]
            for number, event in enumerate(calls):
                stamp = int(at("2026-10-02", 10).timestamp() * 1000) + events.index(event)
                assert call(account, brevo_event(event, message, ts_epoch=stamp), at=at("2026-10-02", 11)).status_code == 200
                if chance.random() < 0.5 or number == len(calls) - 1:
                    read_what_came(life.organization, at=at("2026-10-02", 11))
            with tenant(life.organization):
                message.refresh_from_db()
                kinds = tuple(DeliveryEvent.objects.filter(message=message).order_by("kind").values_list("kind", "at"))
                closed = tuple(Suppression.objects.filter(address=message.recipient).values_list("reason", "since"))
                ends.add((message.state, message.reason, message.accepted_at, message.delivered_at, message.failed_at, kinds, closed))
        assert len(ends) == 1, choice


def test_cover_is_not_needed_to_be_told_of_a_bounce_after_days() -> None:
    """The report may come long after: a later step was done, so nothing is taken back, and the address is closed all the same."""
    life = Life()
    account = use_brevo(life.organization)
    with tenant(life.organization):
        cover("2026-10-09")
    run_on(life.organization, "2026-10-09")
    moment = at("2026-10-09", 12) + timedelta(hours=1)
    call(account, brevo_event("hard_bounce", life.sent), at=moment)
    assert read_what_came(life.organization, at=moment) == {"applied": 1}
    with tenant(life.organization):
        assert Suppression.objects.get().address == life.sent.recipient
