"""A claim about to be barred is told of twelve, six and three months before (docs/domain.md, "Limitation")."""

from datetime import date
from decimal import Decimal

import pytest

from dunning.core.models import Organization
from dunning.core.selectors import get_profile
from dunning.core.tenancy import tenant
from invoices.models import Installment
from scenarios.limitation import ending_items, open_limitation_tasks
from scenarios.models import Task
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import at, open_house, run_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Organization:
    return open_house("2026-01-05")


def _owes(kind: str, number: str, issued_on: str, *, delivered_on: str | None = None, amount: str = "100.00") -> Installment:
    issued = date.fromisoformat(issued_on)
    customer = make_customer(f"C-{number}", kind=kind)
    delivered = date.fromisoformat(delivered_on) if delivered_on else None
    return make_invoice(customer, number=number, amount=amount, issued_on=issued, due_on=issued, delivered_on=delivered)


def _look(day: str) -> int:
    return open_limitation_tasks(profile=get_profile(), today=date.fromisoformat(day), now=at(day))


def test_a_consumers_debt_is_told_of_three_times_on_one_task(house: Organization) -> None:
    with tenant(house):
        _owes("consumer", "FA-1", "2024-03-31", delivered_on="2024-03-10")
        _owes("business", "FA-2", "2024-03-10")
        assert _look("2025-03-09") == 0
        assert _look("2025-03-10") == 1
        task = Task.objects.get(kind="limitation")
        assert (task.due_on, task.amount, task.alerted_on) == (date(2026, 3, 10), Decimal(100), None)
        assert _look("2025-06-01") == 0
        assert _look("2025-09-10") == 0
        task.refresh_from_db()
        assert (task.alerted_on, Task.objects.filter(kind="limitation").count()) == (date(2025, 9, 10), 1)
        Task.objects.filter(pk=task.pk).update(state="done")
        assert _look("2025-10-01") == 0
        assert _look("2025-12-10") == 1  # it was done at six months; at three it is asked about anew


def test_it_counts_from_the_delivery_however_late_the_due_day(house: Organization) -> None:
    """Delivered on 10 March 2024 and due on 8 July: told of on 10 March 2025. What is not due yet is not looked at."""
    with tenant(house):
        consumer = make_customer("C-1", kind="consumer")
        late = make_invoice(consumer, number="FA-1", issued_on=date(2024, 3, 15), due_on=date(2024, 7, 8), delivered_on=date(2024, 3, 10))
        make_invoice(consumer, number="FA-2", issued_on=date(2024, 3, 15), due_on=date(2025, 6, 1), delivered_on=date(2024, 3, 10))
        profile = get_profile()
        assert ending_items(profile=profile, today=date(2025, 3, 9)) == []
        assert [ending.item.pk for ending in ending_items(profile=profile, today=date(2025, 3, 10))] == [late.pk]


def test_it_is_over_once_nothing_is_owed(house: Organization) -> None:
    with tenant(house):
        item = _owes("consumer", "FA-1", "2024-06-10")
        assert _look("2026-01-05") == 1
        Installment.objects.filter(pk=item.pk).update(outstanding=0)
    run_on(house, "2026-01-06")
    with tenant(house):
        assert Task.objects.get(kind="limitation").state == "cancelled"


def test_the_nights_run_finds_them_and_other_laws_are_not_guessed(house: Organization) -> None:
    with tenant(house):
        _owes("business", "FA-1", "2021-10-10")
        _owes("public", "FA-2", "2022-05-02")
        _owes("business", "FA-3", "2022-05-02")
    run_on(house, "2026-01-05")
    with tenant(house):
        tasks = Task.objects.filter(kind="limitation").order_by("due_on").values_list("customer__number", "due_on")
        assert list(tasks) == [("C-FA-1", date(2026, 10, 10)), ("C-FA-2", date(2026, 12, 31))]
        profile = get_profile()
        profile.country = "BE"
        assert ending_items(profile=profile, today=date(2026, 1, 5)) == []
