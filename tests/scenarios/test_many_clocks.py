"""Schedulers that disagree, clocks that jump, engines that were away: the days run stay the same (reliability A7 to A10)."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection

from customers.models import Contact, CustomerGroup
from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.services import change_clock
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications.models import Message
from scenarios.models import Action, DailyRun
from scenarios.tasks import run, tick
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import at, cover, open_house, run_on, send, steps_of
from tests.scenarios.road import call, mail_of

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture
def _rings_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rings also runs, in its own thread and under its own clock."""

    def ring(_name: str, kwargs: dict[str, Any], **_options: Any) -> None:
        run(**kwargs)

    monkeypatch.setattr(current_app._get_current_object(), "send_task", ring)


def _at_once(works: list[Callable[[], None]]) -> None:
    start = threading.Barrier(len(works))

    def work(act: Callable[[], None]) -> None:
        try:
            start.wait()
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        for future in [pool.submit(work, act) for act in works]:
            future.result()


@pytest.mark.usefixtures("_rings_run_at_once")
def test_twelve_schedulers_within_ninety_seconds_plan_each_step_once(committed_database: str) -> None:
    houses = [open_house() for _ in range(3)]
    for house in houses:
        with tenant(house):
            for number in range(6):
                make_invoice(make_customer(f"C{number}"), issued_on=ISSUED, due_on=DUE)
            cover("2026-10-02")
    Organization.objects.update(next_run_at=at("2026-10-02", 4, 0))
    chance = random.Random(20261002)

    def scheduler(skew: timedelta) -> Callable[[], None]:
        def act() -> None:
            with clock.virtual(at("2026-10-02", 3, 59) + skew) as time:
                for _beat in range(8):
                    tick()
                    time.advance(seconds=30)

        return act

    _at_once([scheduler(timedelta(seconds=chance.uniform(-90, 90))) for _ in range(12)])
    for house in houses:
        with tenant(house):
            assert list(DailyRun.objects.values_list("local_date", flat=True)) == [date(2026, 10, 2)]
            assert Counter(Action.objects.values_list("step_key", "state")) == {
                ("receipt_check", "skipped"): 6,
                ("pre_due", "skipped"): 6,
                ("due_day_notice", "skipped"): 6,
                ("r1", "planned"): 6,
            }
            assert Counter(Message.objects.values_list("template_key", flat=True)) == {"r1": 6}


@pytest.mark.django_db
@pytest.mark.usefixtures("_rings_run_at_once")
def test_a_clock_that_jumps_two_hours_either_way_runs_no_day_twice() -> None:
    house = open_house()
    Organization.objects.exclude(pk=house.pk).update(next_run_at=None)
    Organization.objects.filter(pk=house.pk).update(next_run_at=at("2026-10-02", 4, 0))
    for day, hour in (("2026-10-02", 4), ("2026-10-02", 2), ("2026-10-02", 6), ("2026-10-02", 23), ("2026-10-03", 1), ("2026-10-02", 23)):
        with clock.virtual(at(day, hour, 1)):
            tick()
    with clock.virtual(at("2026-10-03", 7)):  # nobody rang for three hours
        tick()
    with tenant(house):
        assert sorted(DailyRun.objects.values_list("local_date", flat=True)) == [date(2026, 10, 2), date(2026, 10, 3)]


@pytest.mark.django_db
@pytest.mark.usefixtures("_rings_run_at_once")
def test_an_organization_that_moves_keeps_one_run_a_local_day() -> None:
    """From Paris to Auckland at noon: it is already tonight there, and tomorrow's run comes at six on the new clock."""
    house = open_house()
    Organization.objects.exclude(pk=house.pk).update(next_run_at=None)
    Organization.objects.filter(pk=house.pk).update(next_run_at=at("2026-10-02", 4, 0))
    with clock.virtual(at("2026-10-02", 4, 0)) as time:
        tick()
        time.set(at("2026-10-02", 10, 0))
        assert change_clock(organization=house, timezone="Pacific/Auckland", actor="test", now=clock.now()) == at("2026-10-02", 17, 0)
        tick()
        time.set(at("2026-10-02", 17, 0))
        tick()
        assert change_clock(organization=house, timezone="America/New_York", actor="test", now=clock.now()) == at("2026-10-03", 10, 0)
        time.set(at("2026-10-03", 10, 0))
        tick()  # 3 October again on this clock: it was run in Auckland
    with tenant(house):
        assert sorted(DailyRun.objects.values_list("local_date", flat=True)) == [date(2026, 10, 2), date(2026, 10, 3)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("back_on", "messages"),
    [("2026-10-02", 4), ("2026-10-05", 0), ("2026-10-06", 4), ("2026-10-12", 4), ("2026-11-02", 4)],
    ids=["no run before", "three days, too soon after the last message", "four days", "ten days", "thirty days"],
)
def test_after_an_outage_of_any_length_each_debtor_gets_one_message(back_on: str, messages: int) -> None:
    """Four customers, three invoices each at three different stages: one late run, one message a customer and day, gaps kept after it."""
    house = open_house()
    with tenant(house):
        for number in range(4):
            who = make_customer(f"C{number}")
            for due_on in (date(2026, 9, 28), date(2026, 9, 30), DUE):
                make_invoice(who, issued_on=ISSUED, due_on=due_on)
    if back_on != "2026-10-02":
        run_on(house, "2026-10-01")
    run_on(house, back_on)
    run_on(house, back_on, again=True)
    send(house, back_on, 10)
    with tenant(house):
        late = Message.objects.filter(kind="reminder", planned_on=date.fromisoformat(back_on))
        assert late.count() == messages
        per_day = Counter(Message.objects.filter(kind="reminder").values_list("customer", "planned_on"))
        assert set(per_day.values()) == {1}
        for item in Installment.objects.all():
            taken = [step for step, state, on in steps_of(item) if on == back_on and state in ("done", "in_progress")]
            assert len(taken) <= 1


@pytest.mark.django_db
def test_a_text_message_across_the_ocean_leaves_in_the_customers_morning() -> None:
    """Planned on Wednesday in Paris, for a mobile in New York: it leaves at nine there, three in the afternoon here."""
    house = open_house(sms_sender="ATELIER")
    with tenant(house):
        customer = make_customer("C1", group=CustomerGroup.objects.get(key="late"), country="US", language="en", siren="", vat_number="US1")
        Contact.objects.filter(customer=customer).update(phone="+12125550123")
        make_invoice(customer, issued_on=ISSUED, due_on=DUE)
    for day in ("2026-10-02", "2026-10-06"):
        run_on(house, day)
    call(house, "2026-10-06")
    for day in ("2026-10-12", "2026-10-14"):
        run_on(house, day)
    with tenant(house):
        message = mail_of("2026-10-14")
        assert (message.channel, message.state, message.reason) == ("sms", "queued", "outside_window")
        assert message.not_before == at("2026-10-14", 13, 0)
    assert send(house, "2026-10-14", 13) == {"accepted": 1}
