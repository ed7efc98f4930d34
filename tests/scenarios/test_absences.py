"""Nobody is there: friendly steps wait for the return, ten business days at most (rule 9)."""

from datetime import date

import pytest

from customers.models import Contact
from customers.services import set_absence
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from scenarios.models import Schedule
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, live, open_house, run_on
from tests.scenarios.road import left_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Organization:
    house = open_house()
    with tenant(house):
        make_invoice(make_customer("C1"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    return house


def away(until: str | None, on: str) -> None:
    day = date.fromisoformat(until) if until else None
    set_absence(contact=Contact.objects.get(), until=day, actor=CLERK, today=date.fromisoformat(on), now=at(on, 15))


def test_a_short_absence_defers_to_the_day_after_the_return(house: Organization) -> None:
    with tenant(house):
        away("2026-10-06", on="2026-10-01")
    live(house, ("2026-10-02", "2026-10-05", "2026-10-06"))
    with tenant(house):
        assert (Schedule.objects.get().reason, left_on("2026-10-06")) == ("absence", [])
    run_on(house, "2026-10-07")
    with tenant(house):
        assert left_on("2026-10-07") == [("r1", "C1", "accepted")]


def test_a_long_absence_defers_ten_business_days_and_no_more(house: Organization) -> None:
    """Noted on Thursday 1 October: the tenth business day is Thursday the 15th. Said again meanwhile, it is no new absence."""
    with tenant(house):
        away("2027-01-04", on="2026-10-01")
    live(house, ("2026-10-02", "2026-10-12"))
    with tenant(house):
        away("2027-01-04", on="2026-10-12")
    run_on(house, "2026-10-14")
    with tenant(house):
        assert left_on("2026-10-14") == []
    run_on(house, "2026-10-15")
    with tenant(house):
        assert left_on("2026-10-15") == [("r1", "C1", "accepted")]


def test_back_again_nothing_is_remembered(house: Organization) -> None:
    with tenant(house):
        away("2026-12-01", on="2026-10-01")
        away(None, on="2026-10-01")
        assert Contact.objects.get().absence_noted_on is None
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "C1", "accepted")]
