"""The calm part of a day: what is decided in classes must be what is decided item by item, to the last row and figure."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Dispute, Installment, Invoice, Promise
from notifications.models import Message
from scenarios import calm
from scenarios.context_sql import CLASSES
from scenarios.models import Action, ActionPlan, DailyRun, PlanAssignment, Schedule
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import at, live, open_house, run_on

pytestmark = pytest.mark.django_db

DAYS = ["2026-09-07", "2026-09-08", "2026-09-24", "2026-09-25", "2026-10-01", "2026-10-02", "2026-10-05", "2026-10-09", "2026-10-14"]


def everybody() -> Organization:
    """Twelve customers, two invoices each on shared dates, and beside some of them something that is not ordinary."""
    house = open_house()
    with tenant(house):
        customers = [make_customer(f"C{number:02}") for number in range(12)]
        items: list[Installment] = []
        for number, customer in enumerate(customers):
            for later in (0, 1):
                issued_on = date(2026, 9, 1) + timedelta(days=7 * later)
                amount = "8.00" if number == 2 else "1200.00"
                item = make_invoice(
                    customer, amount=amount, number=f"FA-{number:02}-{later}", issued_on=issued_on, due_on=issued_on + timedelta(30)
                )
                items.append(item)
        customers[4].payer = customers[3]
        customers[4].save(update_fields=["payer"])
        Invoice.objects.filter(customer=customers[5]).update(received_at=at("2026-09-03"))
        Installment.objects.filter(pk=items[12].pk).update(outstanding=Decimal("5.00"))  # a residue
        Installment.objects.filter(pk=items[14].pk).update(outstanding=Decimal("700.00"))  # a part
        Dispute.objects.create(
            installment=items[16], customer=customers[8], reason="quality", opened_on=date(2026, 9, 4), answer_due_on=date(2026, 9, 14)
        )
        Promise.objects.create(
            installment=items[18], customer=customers[9], amount=Decimal("1200.00"), made_on=date(2026, 10, 3),
            promised_for=date(2026, 10, 8), reference=items[18].pk,
        )  # fmt: skip
        customers[10].reply_pending_since = at("2026-09-20")
        customers[10].save(update_fields=["reply_pending_since"])
        firm = ActionPlan.objects.get(key="firm")
        PlanAssignment.objects.create(plan=firm, customer=customers[6], since=date(2026, 9, 1))
        PlanAssignment.objects.create(plan=firm, invoice=items[22].invoice, since=date(2026, 9, 1))
    return house


def outcome(house: Organization) -> dict[str, Any]:
    """Everything the runs left behind, without identifiers."""
    with tenant(house):
        return {
            "runs": list(DailyRun.objects.order_by("local_date").values_list("local_date", "counts", "items", "forecast")),
            "schedule": sorted(
                Schedule.objects.values_list(
                    "installment__invoice__number", "last_step_key", "last_done_on", "next_step_key", "next_on", "reason", "until",
                    "chased", "decided_on",
                )
            ),
            "actions": sorted(
                Action.objects.values_list("installment__invoice__number", "step_key", "occurrence", "state", "reason", "taken_on")
            ),
            "messages": sorted(
                Message.objects.values_list("customer__number", "template_key", "variant", "state", "planned_on", "amount", "item_count")
            ),
        }  # fmt: skip


def test_a_life_decided_in_classes_is_the_life_decided_item_by_item(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = everybody()
    live(one_by_one, DAYS)
    monkeypatch.setattr(calm, "WORTH_IT", 0)
    in_classes = everybody()
    live(in_classes, DAYS)
    assert outcome(in_classes) == outcome(one_by_one)


@pytest.mark.parametrize(
    "change",
    [
        {"step_key": "r1"}, {"state": "taken_back"}, {"channel": "sms"}, {"plan": None}, {"taken_on": date(2026, 9, 23)},
        {"done_on": date(2026, 9, 25)}, {"phase": 30}, {"occurrence": 2}, {"details": {"deadline_on": 739900}},
        {"done_on": None, "state": "planned"},
    ],
    ids=lambda change: "+".join(change),
)  # fmt: skip
def test_pasts_that_differ_in_one_value_are_told_apart(change: dict[str, Any]) -> None:
    house = open_house()
    with tenant(house):
        plan = ActionPlan.objects.get(key="standard")
        items = [make_invoice(make_customer(f"C{number}"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)) for number in range(3)]
        for item in items:
            Action.objects.create(
                installment=item, customer=item.customer, plan=plan, step_key="pre_due", phase=10, channel="email", state="done",
                taken_on=date(2026, 9, 22), done_on=date(2026, 9, 24),
            )  # fmt: skip
        asked = {"stirred": [], "minimum": Decimal(0), "residue": Decimal(0), "percent": 0, "habits": True, "times_usual": 2}
        with connection.cursor() as cursor:
            cursor.execute(CLASSES, asked)
            assert [row[1] for row in cursor.fetchall()] == [3]
            Action.objects.filter(installment=items[0]).update(**change)
            cursor.execute(CLASSES, asked)
            assert sorted(row[1] for row in cursor.fetchall()) == [1, 2]


def test_on_a_quiet_day_nobody_is_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calm, "WORTH_IT", 0)
    house = open_house()
    with tenant(house):
        for number in range(6):
            make_invoice(make_customer(f"C{number}"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    live(house, ["2026-09-07", "2026-09-08"])
    looked_at: list[str] = []
    monkeypatch.setattr("scenarios.scheduler.load_batch", lambda _frame, ids: looked_at.extend(ids))
    report = run_on(house, "2026-09-09")
    assert looked_at == []
    assert report.counts["decisions"] == {"wait": {"not_yet": 6}}
    assert report.counts["open"] == {"EUR": sum_of_open(house)}


def sum_of_open(house: Organization) -> int:
    with tenant(house):
        return int(sum(Installment.objects.values_list("outstanding", flat=True)) * 100)


def test_a_schedule_that_says_something_else_is_put_right_whatever_changed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No event told of it: the run finds a schedule that no longer follows from the rows, and an action that is gone."""
    monkeypatch.setattr(calm, "WORTH_IT", 0)
    house = open_house()
    with tenant(house):
        items = [make_invoice(make_customer(f"C{number}"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)) for number in range(3)]
    live(house, ["2026-09-07", "2026-09-24"])
    with tenant(house):
        Schedule.objects.filter(installment=items[0]).update(next_on=date(2026, 12, 24))
        Schedule.objects.filter(installment=items[1]).delete()
        Action.objects.filter(installment=items[2], step_key="pre_due").update(done_on=date(2026, 9, 23))
    run_on(house, "2026-09-25")
    with tenant(house):
        rows = {row.installment_id: row for row in Schedule.objects.all()}
        assert [rows[item.pk].next_on for item in items] == [date(2026, 10, 1)] * 3
        assert rows[items[2].pk].last_done_on == date(2026, 9, 23)
