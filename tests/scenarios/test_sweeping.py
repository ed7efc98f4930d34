"""The sweep: what nobody rang for is found in the database, with the broker gone and without Celery."""

from datetime import date, timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError

from customers.services import create_customer
from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios import sweeping
from scenarios.models import DailyRun
from tests.factories import make_customer, make_invoice
from tests.notifications.receivers import receiving, subscribe
from tests.scenarios.houses import at, cover, open_house

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(current_app._get_current_object(), "send_task", refuse)
    monkeypatch.setattr(sweeping, "close_old_connections", lambda: None)  # the test's own transaction is open on it


def house_due(day: str) -> Organization:
    house = open_house()
    with tenant(house):
        make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        cover(day)
    Organization.objects.exclude(pk=house.pk).update(next_run_at=None)
    Organization.objects.filter(pk=house.pk).update(next_run_at=at(day, 4, 0))
    return house


def test_a_day_nobody_rang_for_is_run_and_its_message_leaves() -> None:
    house = house_due("2026-10-02")
    with clock.virtual(at("2026-10-02", 4, 1)) as time:
        assert sweeping.run_forgotten() == 0  # the bell has its minute
        time.advance(seconds=31)
        assert sweeping.run_forgotten() == 1
        assert sweeping.run_forgotten() == 0
        with tenant(house):
            assert DailyRun.objects.get().finished_at is not None
            assert Message.objects.get().state == "queued"
        time.set(at("2026-10-02"))
        found = sweeping.sweep_once()
        assert (found["messages"], found["runs"]) == (1, 0)
        with tenant(house):
            assert Message.objects.get().state == "accepted"
    assert Organization.objects.get(pk=house.pk).next_run_at > at("2026-10-02", 12)


def test_a_day_that_was_rung_for_is_left_to_its_worker() -> None:
    house = house_due("2026-10-02")
    Organization.objects.filter(pk=house.pk).update(next_run_at=at("2026-10-02", 4, 0) + sweeping.RING_AGAIN_AFTER)
    with clock.virtual(at("2026-10-02", 4, 10)) as time:
        assert sweeping.run_forgotten() == 0
        time.set(at("2026-10-02", 4, 22))  # its ring was lost with the broker
        assert sweeping.run_forgotten() == 1


def test_one_part_that_fails_keeps_nothing_else_back(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def away() -> int:
        raise OperationalError("the database is restarting")

    def broken() -> int:
        raise ValueError("a fault")

    monkeypatch.setattr(sweeping, "connections", type("Kept", (), {"close_all": staticmethod(lambda: done.append("closed"))}))
    monkeypatch.setattr(sweeping, "WORKS", (("first", away), ("second", broken), ("third", lambda: 3)))
    assert sweeping.sweep_once() == {"third": 3}
    assert done == ["closed", "closed"]


def test_the_rules_are_asked_once_an_hour(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    house = house_due("2026-10-02")
    monkeypatch.setattr(sweeping, "_next_check", None)
    with clock.virtual(at("2026-10-02", 6)) as time:
        assert sweeping.check_rules() == 0
        with tenant(house):
            Message.objects.bulk_create(
                [
                    Message(
                        customer=make_customer(),
                        channel="email",
                        language="fr",
                        template_key="r1",
                        planned_on=date(2026, 10, 2),
                        state="queued",
                    )
                ]
            )
        assert sweeping.check_rules() == 0
        time.advance(timedelta(hours=1))
        assert sweeping.check_rules() == 1
    assert f"{house.slug}: I13 " in caplog.text


def test_an_event_nobody_rang_for_is_told_by_the_sweep(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True
    house = open_house()
    with receiving() as receiver:
        subscribe(house, receiver, "customer.created", now=clock.now())
        with tenant(house):
            create_customer(number="C1", name="Durand SARL", actor="system", today=date(2026, 10, 2), now=clock.now())
        assert sweeping.sweep_once()["webhooks"] == 1
        assert sweeping.sweep_once()["webhooks"] == 0
    assert receiver.types == ["customer.created"]
