"""Webhooks from the business transaction to the receiver: who hears of what, how often, and what becomes of those who do not listen."""

import itertools
import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from dunning.core import clock, events
from dunning.core.models import AuditEvent, Event
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications import claiming, dispatcher, tasks
from notifications.enums import DeliveryState, EndpointState, SwitchedOff
from notifications.models import QueueTicket, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.webhooks import endpoints, fan_out, log, settling
from notifications.webhooks.delivering import deliver_due, next_due
from notifications.webhooks.settling import SCHEDULE
from tests.factories import make_customer, make_invoice, make_organization
from tests.notifications.receivers import ACTOR, NOW, deliveries, receiving, reread, states, subscribe, tell
from tests.servers import Reply, free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True


def test_an_event_reaches_who_asked_for_it_signed_and_with_its_figures() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver, "invoice.paid", "promise.broken")
        with tenant(organization):
            item = make_invoice(make_customer("C1"), number="FA-7", issued_on=NOW.date(), due_on=NOW.date(), amount="1840.25")
            paid = {"type": "invoice.paid", "object_type": "invoice", "object_ids": [item.invoice_id], "now": NOW}
            events.emit(**paid, payload={"reason": "paid"})
            events.emit(type="invoice.received", object_type="invoice", object_ids=[item.invoice_id], now=NOW)  # nobody asked
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 1}
        assert deliver_due(now=NOW, organization_id=organization.pk) == {}
    with tenant(organization):
        event = Event.objects.get(type="invoice.paid")
        assert Event.objects.get(type="invoice.received").batch is None
    ((webhook_id, body),) = receiver.heard
    assert webhook_id == str(event.pk)
    assert body == {
        "type": "invoice.paid",
        "timestamp": "2026-11-02T08:00:00.000Z",
        "organization": str(organization.pk),
        "sequence": 1,
        "data": {
            "object": "invoice",
            "id": str(item.invoice_id),
            "number": "FA-7",
            "kind": "invoice",
            "state": "issued",
            "customer_id": str(item.customer_id),
            "customer_number": "C1",
            "issued_on": "2026-11-02",
            "due_on": "2026-11-02",
            "currency": "EUR",
            "gross": "1840.25",
            "outstanding": "1840.25",
            "details": {"reason": "paid"},
        },
    }
    (delivery,) = deliveries(organization)
    assert (delivery.state, delivery.tries, delivery.closed_at) == (DeliveryState.DELIVERED, 1, NOW)
    with tenant(organization):
        (attempt,) = WebhookAttempt.objects.all()
        assert (attempt.number, attempt.status, attempt.fault) == (1, 204, "")
    assert QueueTicket.objects.count() == 0


def test_while_nobody_asks_nothing_is_written_but_the_event() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver, "promise.broken")
        tell(organization, "invoice.paid", count=3)
        assert QueueTicket.objects.count() == 0
        with tenant(organization):
            assert list(Event.objects.values_list("batch", flat=True)) == [None] * 3
            assert WebhookDelivery.objects.count() == 0
        assert deliver_due(now=NOW, organization_id=organization.pk) == {}


def test_an_endpoint_without_types_hears_of_everything_but_other_peoples_trials() -> None:
    organization, stranger = make_organization(), make_organization()
    with receiving() as everything, receiving() as promises:
        subscribe(organization, everything)
        second = subscribe(organization, promises, "promise.made")
        tell(organization, "invoice.paid")
        tell(organization, "promise.made")
        tell(stranger, "invoice.paid")
        with tenant(organization):
            endpoints.send_test(endpoint_id=second.pk, actor=ACTOR, now=NOW)
        assert deliver_due(now=NOW) == {"delivered": 4}
    assert sorted(everything.types) == ["invoice.paid", "promise.made"]
    assert sorted(promises.types) == ["promise.made", "webhook.test"]
    shared = set(everything.ids) & set(promises.ids)  # one event, one id, whoever hears of it
    assert shared == {id_ for id_, body in promises.heard if body["type"] == "promise.made"}


def test_what_is_rolled_back_is_told_to_nobody_and_what_stays_to_everybody() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver)
        with tenant(organization):
            with pytest.raises(RuntimeError), tenant(organization):
                events.emit(type="invoice.paid", object_type="invoice", object_ids=[new_id()], now=NOW)
                raise RuntimeError
            with pytest.raises(RuntimeError), transaction.atomic():
                events.emit(type="invoice.paid", object_type="invoice", object_ids=[new_id()], now=NOW)
                raise RuntimeError
            events.emit(type="invoice.accepted", object_type="invoice", object_ids=[new_id()], now=NOW)
        assert QueueTicket.objects.count() == 1
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 1}
    assert receiver.types == ["invoice.accepted"]


def test_an_endpoint_hears_what_happens_from_its_beginning_on() -> None:
    organization = make_organization()
    with receiving() as first, receiving() as second:
        subscribe(organization, first)
        tell(organization)
        subscribe(organization, second, now=NOW + timedelta(seconds=1))
        tell(organization, now=NOW + timedelta(seconds=2))
        assert deliver_due(now=NOW + timedelta(seconds=3), organization_id=organization.pk) == {"delivered": 3}
    assert (len(first.heard), len(second.heard)) == (2, 1)


def test_a_large_load_is_handed_out_in_pages_and_once_however_often() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver)
        tell(organization, "invoice.created", count=fan_out.PAGE * 2 + 3)
        with tenant(organization):
            batch = Event.objects.values_list("batch", flat=True)[0]
        assert fan_out.hand_out_due(now=NOW, organization_id=organization.pk) == fan_out.PAGE * 2 + 3
        with tenant(organization):
            fan_out.write_ticket(batch, fan_out.Errand.EVENTS, due_at=NOW)  # a worker that died before it let go
        fan_out.hand_out_due(now=NOW, organization_id=organization.pk)
        assert states(organization) == {"pending": fan_out.PAGE * 2 + 3}
    assert [ticket.channel for ticket in QueueTicket.objects.all()] == ["webhook"]


def test_a_body_never_grows_beyond_twenty_kilobytes() -> None:
    organization = make_organization()
    with tenant(organization):
        payload = {"what": ["é" * 30_000]}
        events.emit(type="invoice.changed", object_type="invoice", object_ids=[new_id()], now=NOW, payload=payload)
        event = Event.objects.get()
        body = fan_out.body_of(event, {})
    assert len(body.encode()) < 1000
    assert json.loads(body)["data"] == {"object": "invoice", "id": str(event.object_id), "details": {}, "truncated": True}


def test_a_receiver_that_fails_is_asked_again_by_the_schedule_and_given_up_after_three_days() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(500, body="panne")) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization)
        moments, moment = [], NOW
        while states(organization) != {"failed": 1}:
            assert deliver_due(now=moment, organization_id=organization.pk).total() == 1
            moments.append(moment)
            if states(organization) == {"failed": 1}:
                break
            (delivery,) = deliveries(organization)
            due = QueueTicket.objects.get(channel="webhook").due_at
            assert due >= delivery.next_at
            assert deliver_due(now=due - timedelta(seconds=1), organization_id=organization.pk) == {}
            moment = due
    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments)]
    for pause, planned in zip(pauses, SCHEDULE[1:], strict=True):
        assert planned * 0.9 <= pause <= max(planned * 1.1, settling.LONGEST)
    assert len(receiver.heard) == len(SCHEDULE) == 10
    assert timedelta(hours=68) < moments[-1] - NOW < timedelta(hours=84)
    assert len(receiver.ids) == 1  # always the same id
    assert len({json.dumps(body, sort_keys=True) for _id, body in receiver.heard}) == 1  # and always the same words
    with tenant(organization):
        numbers = list(WebhookAttempt.objects.order_by("number").values_list("number", "status", "answer"))
        assert numbers == [(number, 500, "panne") for number in range(1, 11)]
    assert reread(organization, endpoint).failures == 10


def test_one_that_only_fails_is_switched_off_after_seventy_five_hours_and_somebody_is_told() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(500)) as receiver:
        endpoint = subscribe(organization, receiver)
        for hours in (0, 30, 60, 74):
            tell(organization, now=NOW + timedelta(hours=hours))
            deliver_due(now=NOW + timedelta(hours=hours), organization_id=organization.pk)
        assert reread(organization, endpoint).state == EndpointState.ACTIVE
        deliver_due(now=NOW + timedelta(hours=76), organization_id=organization.pk)
        off = reread(organization, endpoint)
        assert (off.state, off.reason) == (EndpointState.DISABLED, SwitchedOff.FAILING)
        heard = len(receiver.heard)
        tell(organization, now=NOW + timedelta(hours=77))
        assert deliver_due(now=NOW + timedelta(hours=90), organization_id=organization.pk) == {}
        assert len(receiver.heard) == heard
        assert states(organization) == {"failed": 4}
    with tenant(organization):
        assert [told.pk for told in log.switched_off_by_itself()] == [endpoint.pk]
        trail = AuditEvent.objects.get(action="webhook.switched_off")
        assert (trail.actor, trail.body) == ("system", {"reason": "failing", "given_up": 4})
    assert QueueTicket.objects.count() == 0


def test_a_success_in_between_begins_the_three_days_anew() -> None:
    organization = make_organization()
    answers = iter([500, 200, 200, 500])  # at the fortieth hour what waited since the first, and the news
    with receiving(lambda request: Reply(next(answers))) as receiver:
        endpoint = subscribe(organization, receiver)
        for hours in (0, 40, 80):
            tell(organization, now=NOW + timedelta(hours=hours))
            deliver_due(now=NOW + timedelta(hours=hours), organization_id=organization.pk)
        after = reread(organization, endpoint)
    assert (after.state, after.failures, after.failing_since) == (EndpointState.ACTIVE, 1, NOW + timedelta(hours=80))


def test_gone_for_good_switches_off_at_once() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(410)) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization, count=5)
        deliver_due(now=NOW, organization_id=organization.pk)
        off = reread(organization, endpoint)
        assert (off.state, off.reason) == (EndpointState.DISABLED, SwitchedOff.GONE)
        assert states(organization) == {"failed": 5}
        assert 1 <= len(receiver.heard) <= 4  # its lanes, and no more


def test_a_receiver_that_asks_for_time_gets_it_up_to_an_hour() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(429, headers={"Retry-After": "900"})) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization)
        deliver_due(now=NOW, organization_id=organization.pk)
        assert reread(organization, endpoint).closed_until == NOW + timedelta(seconds=900)
        tell(organization, now=NOW + timedelta(seconds=60))  # news does not wake it
        assert deliver_due(now=NOW + timedelta(seconds=899), organization_id=organization.pk) == {}
        receiver.replies = lambda request: Reply(200)
        assert deliver_due(now=NOW + timedelta(seconds=900), organization_id=organization.pk) == {"delivered": 2}
    assert reread(organization, endpoint).closed_until is None


def test_a_broken_receiver_is_asked_with_one_delivery_at_a_time_and_catches_up_when_it_is_back() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(503)) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization, count=60)
        deliver_due(now=NOW, organization_id=organization.pk)
        assert 1 <= len(receiver.heard) <= 6  # four lanes, then single calls until it is left alone
        after = reread(organization, endpoint)
        assert after.failures >= settling.THRESHOLD and after.closed_until is not None
        calls, moment = len(receiver.heard), NOW
        for _ in range(12):  # an hour of outage costs one call each five minutes at most
            moment += timedelta(minutes=5)
            deliver_due(now=moment, organization_id=organization.pk)
        assert len(receiver.heard) - calls <= 12
        receiver.replies = lambda request: Reply(200)
        outcome = deliver_due(now=moment + timedelta(minutes=5), organization_id=organization.pk)
        assert outcome["delivered"] >= 55
        deliver_due(now=moment + timedelta(hours=3), organization_id=organization.pk)
    assert states(organization) == {"delivered": 60}
    assert len(receiver.ids) == 60


def test_one_that_does_not_answer_costs_the_others_nothing() -> None:
    slow, quick = make_organization(), make_organization()
    waiting = threading.Event()

    def never(request: Any) -> Reply:
        waiting.wait(10)
        return Reply(200)

    with receiving(never) as deaf, receiving() as receiver:
        subscribe(slow, deaf)
        subscribe(quick, receiver)
        tell(slow, count=8)
        tell(quick, count=200)
        began, heard_at = time.monotonic(), []

        def watch() -> None:
            while len(receiver.heard) < 200 and time.monotonic() - began < 10:
                time.sleep(0.05)
            heard_at.append(time.monotonic() - began)
            waiting.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert deliver_due(now=NOW)["delivered"] == 208
        watcher.join()
    assert heard_at[0] < 10


def test_what_is_settled_by_a_worker_that_came_too_late_does_no_harm() -> None:
    organization = make_organization()
    with receiving() as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization)
        fan_out.hand_out_due(now=NOW, organization_id=organization.pk)
        (late,) = claiming.claim_errands(fan_out.Errand.WEBHOOK, now=NOW, size=1, organization_id=organization.pk)
        (delivery,) = deliveries(organization)
        QueueTicket.objects.update(lease_until=None, lease_token=None)  # its lease ended
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 1}
        failed = settling.Told(delivery.pk, 0, settling.Answer(status=500))
        heard = settling.Told(delivery.pk, 0, settling.Answer(status=200))
        with tenant(organization):
            assert settling.settle(late, [failed], now=NOW) == {"settled_elsewhere": 1}
            assert settling.settle(late, [heard], now=NOW) == {}
    (delivery,) = deliveries(organization)
    assert (delivery.state, delivery.tries) == (DeliveryState.DELIVERED, 1)
    assert reread(organization, endpoint).state == EndpointState.ACTIVE


def test_news_that_comes_while_an_endpoint_is_called_is_not_forgotten() -> None:
    """The fan-out and the end of a visit meet on the endpoint's ticket: whoever comes second finds what the first wrote."""
    organization = make_organization()
    with receiving() as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization)
        fan_out.hand_out_due(now=NOW, organization_id=organization.pk)
        (claim,) = claiming.claim_errands(fan_out.Errand.WEBHOOK, now=NOW, size=1, organization_id=organization.pk)
        (first,) = deliveries(organization)
        tell(organization)
        fan_out.hand_out_due(now=NOW, organization_id=organization.pk)  # while the claim is held
        with tenant(organization):
            settling.settle(claim, [settling.Told(first.pk, 0, settling.Answer(status=200))], now=NOW)
        assert QueueTicket.objects.get().due_at == NOW
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 1}
        tell(organization)  # after its ticket was dropped
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 1}
    assert reread(organization, endpoint).last_status in (200, 204)


def test_the_dispatcher_of_messages_leaves_the_tickets_of_webhooks_alone() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver)
        tell(organization)
        assert not dispatcher.is_anything_due(now=NOW)
        assert dispatcher.deliver_due(now=NOW) == {}
        assert claiming.claim_suspect(now=NOW) == []
        assert QueueTicket.objects.get().tries == 0
        assert next_due(now=NOW, within=timedelta(seconds=5)) == NOW


def test_an_organization_that_is_being_played_calls_nobody_by_itself() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver)
        tell(organization)
        organization.playing_until = NOW.date()
        organization.save(update_fields=["playing_until"])
        assert deliver_due(now=NOW) == {}
        assert receiver.heard == []


def test_nobody_listening_is_a_failure_like_any_other() -> None:
    organization = make_organization()
    with tenant(organization):
        endpoints.create_endpoint(url=f"http://127.0.0.1:{free_port()}/", actor=ACTOR, now=NOW)
    tell(organization)
    assert deliver_due(now=NOW, organization_id=organization.pk) == {"failed": 1}
    with tenant(organization):
        attempt = WebhookAttempt.objects.get()
        assert (attempt.status, attempt.fault) == (None, "unreachable")
        assert WebhookEndpoint.objects.get().last_fault == "unreachable"


def test_the_bell_rings_once_for_a_transaction_that_somebody_listens_to(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    organization = make_organization()
    rung: list[str] = []
    monkeypatch.setattr(fan_out.current_app, "send_task", lambda name, **_: rung.append(name))
    with receiving() as receiver:
        with django_capture_on_commit_callbacks(execute=True):
            tell(organization)
        assert rung == []
        subscribe(organization, receiver)
        with django_capture_on_commit_callbacks(execute=True), tenant(organization):
            for _ in range(3):
                events.emit(type="invoice.paid", object_type="invoice", object_ids=[new_id()], now=NOW)
    assert rung == ["notifications.webhooks"]


def test_a_bell_nobody_hears_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    organization = make_organization()

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(fan_out.current_app, "send_task", refuse)
    with receiving() as receiver:
        subscribe(organization, receiver)
        with django_capture_on_commit_callbacks(execute=True):
            tell(organization)
        assert "The doorbell did not ring" in caplog.text
        assert deliver_due(now=NOW) == {"delivered": 1}


def test_the_task_rings_again_for_what_is_due_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_organization()
    rung: list[tuple[str, float]] = []
    monkeypatch.setattr(tasks.current_app, "send_task", lambda name, *, countdown, **_: rung.append((name, countdown)))
    now = clock.now()
    with receiving(lambda request: Reply(500)) as receiver:
        subscribe(organization, receiver, now=now)
        tell(organization, now=now)
        tasks.webhooks()
        assert len(receiver.heard) == 1
    ((name, seconds),) = rung
    assert name == "notifications.webhooks" and 1 <= seconds <= 6
