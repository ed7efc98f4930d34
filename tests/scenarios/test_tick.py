"""The minute's beat: late, doubled or missing, it changes nothing about which days are run."""

from datetime import date, timedelta
from typing import Any

import pytest
from celery import current_app

from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from scenarios.models import DailyRun
from scenarios.tasks import RING_AGAIN_AFTER, run, tick
from tests.scenarios.houses import at, open_house

pytestmark = pytest.mark.django_db


class Doorbell:
    """Stands in for the broker: what was rung, or a broker that is down."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, str]] = []
        self.is_down = False

    def __call__(self, name: str, kwargs: dict[str, Any], **_options: Any) -> None:
        if self.is_down:
            raise ConnectionError("no broker")
        self.rung.append((name, kwargs["organization_id"]))


@pytest.fixture
def doorbell(monkeypatch: pytest.MonkeyPatch) -> Doorbell:
    bell = Doorbell()
    monkeypatch.setattr(current_app._get_current_object(), "send_task", bell)
    return bell


def _due(house: Organization, day: str, hour: int = 4) -> None:
    Organization.objects.exclude(pk=house.pk).update(next_run_at=None)
    Organization.objects.filter(pk=house.pk).update(next_run_at=at(day, hour, 0))


def test_an_organization_is_rung_once_when_its_hour_has_come(doorbell: Doorbell) -> None:
    house = open_house()
    _due(house, "2026-10-02")
    with clock.virtual(at("2026-10-02", 3, 59)) as time:
        assert tick() == 0
        time.advance(minutes=1)
        assert tick() == 1
        assert tick() == 0  # a doubled beat
        time.advance(minutes=1)
        assert tick() == 0  # the next one
    assert doorbell.rung == [("scenarios.run", str(house.pk))]


def test_after_days_without_a_beat_there_is_one_run(doorbell: Doorbell) -> None:
    house = open_house()
    _due(house, "2026-09-29")
    with clock.virtual(at("2026-10-02", 11)):
        assert tick() == 1
        run(organization_id=str(house.pk))
        run(organization_id=str(house.pk))  # the same ring, delivered twice
        assert tick() == 0
    house.refresh_from_db()
    assert house.next_run_at == at("2026-10-03", 4, 0)
    with tenant(house):
        assert [row.local_date for row in DailyRun.objects.all()] == [date(2026, 10, 2)]


def test_a_ring_that_was_lost_is_rung_again(doorbell: Doorbell) -> None:
    house = open_house()
    _due(house, "2026-10-02")
    doorbell.is_down = True
    with clock.virtual(at("2026-10-02", 4, 0)) as time:
        assert tick() == 0
        doorbell.is_down = False
        time.advance(RING_AGAIN_AFTER - timedelta(seconds=1))
        assert tick() == 0
        time.advance(seconds=1)
        assert tick() == 1
    assert doorbell.rung == [("scenarios.run", str(house.pk))]


def test_suspended_and_played_organizations_are_passed_by(doorbell: Doorbell) -> None:
    suspended, played = open_house(), open_house()
    Organization.objects.update(next_run_at=None)
    Organization.objects.filter(pk__in=[suspended.pk, played.pk]).update(next_run_at=at("2026-10-02", 4))
    Organization.objects.filter(pk=suspended.pk).update(suspended_at=at("2026-10-01"))
    Organization.objects.filter(pk=played.pk).update(playing_until=date(2026, 12, 31))
    with clock.virtual(at("2026-10-02", 11)):
        assert tick() == 0
        run(organization_id=str(suspended.pk))
        run(organization_id=str(played.pk))
    assert doorbell.rung == []
    for house in (suspended, played):
        with tenant(house):
            assert DailyRun.objects.count() == 0
