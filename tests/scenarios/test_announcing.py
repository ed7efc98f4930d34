"""What a run announces for the next business day, told by runs that keep to it and are not stopped (rule 15)."""

from datetime import date

import pytest

from dunning.core.tenancy import tenant
from invoices.enums import ImportKind
from invoices.models import ImportBatch, Installment, Invoice
from scenarios.announcing import announce_tomorrow
from scenarios.context import load_frame
from scenarios.enums import Anchor, Channel, Phase
from scenarios.models import DailyRun, Schedule
from scenarios.plan_content import StepContent
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on
from tests.scenarios.test_brakes import R1, follow, real_run

pytestmark = pytest.mark.django_db

R2 = StepContent("r2", "Relance", Phase.FIRM, Channel.EMAIL, Anchor.PREVIOUS, 9, template="r2", requires=("r1",), term_days=8)


def announced_on(day: str) -> dict[str, object]:
    """What the run of that day said of the next."""
    return DailyRun.objects.get(local_date=date.fromisoformat(day)).forecast


def test_what_waits_for_the_end_of_a_soft_period_is_announced() -> None:
    """Reminders of the end of July are followed by firm ones in the first weeks of August: all of them come on Monday the 24th."""
    house = open_house("2026-07-01")
    with tenant(house):
        follow(R1, R2)
        for number in range(21):
            make_invoice(make_customer(f"B{number:02}"), issued_on=date(2026, 7, 1), due_on=date(2026, 7, 26 + number % 5))
    for day in ("2026-07-27", "2026-07-28", "2026-07-29", "2026-07-30", "2026-07-31", "2026-08-20"):
        run_on(house, day)
    run_on(house, "2026-08-21")
    with tenant(house):
        assert set(Schedule.objects.values_list("next_step_key", "next_on", "reason")) == {("r2", date(2026, 8, 24), "soft_period")}
        told = announced_on("2026-08-21")
        assert (told["messages"], told["by_step"]) == (21, {"r2": 21})
    report = real_run(house, "2026-08-24")
    assert (report.brake, report.counts["messages"]) == (None, {"email": 21})


def test_what_waits_for_an_absence_or_a_receipt_is_announced_for_the_day_it_names() -> None:
    """What only a person can end has no day in the schedule, and is announced for none."""
    house = open_house()
    with tenant(house):
        follow(R1)
        items = [make_invoice(make_customer(f"B{number}"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 20)) for number in range(4)]
        waits_until = (
            ("absence", date(2026, 10, 2)),
            ("unmatched_receipt", date(2026, 10, 2)),
            ("absence", date(2026, 10, 5)),
            ("dispute_open", None),
        )
    run_on(house, "2026-09-30")
    with tenant(house):
        for item, (reason, on) in zip(items, waits_until, strict=True):
            Schedule.objects.filter(installment=item).update(reason=reason, next_on=on)
        assert announce_tomorrow(load_frame(house, date(2026, 10, 1)))["by_step"] == {"r1": 2}


def load(items: list[Installment]) -> ImportBatch:
    """The invoices came with one file."""
    batch = ImportBatch.objects.create(
        kind=ImportKind.INVOICES, filename="friday.csv", sha256="0" * 64, actor=CLERK, loaded_at=at("2026-09-01")
    )
    Invoice.objects.filter(pk__in=[item.invoice_id for item in items]).update(batch=batch)
    return batch


def owe(letter: str, number: int, due_on: date) -> list[Installment]:
    """As many customers with an invoice each."""
    return [make_invoice(make_customer(f"{letter}{n:02}"), issued_on=date(2026, 9, 1), due_on=due_on) for n in range(number)]


def test_messages_of_an_import_are_announced_as_such() -> None:
    """Friday 2 October: twenty reminders of one file and twenty notices were announced, ten more of each were not; no file is to blame."""
    house = open_house()
    with tenant(house):
        follow(StepContent("pre_due", "Avis", Phase.SERVICE, Channel.EMAIL, Anchor.DUE, -7, template="pre_due"), R1)
        friday = load(owe("B", 20, date(2026, 10, 1)))
        owe("C", 20, date(2026, 10, 9))
    run_on(house, "2026-09-24")
    real_run(house, "2026-10-01")
    with tenant(house):
        told = announced_on("2026-10-01")
        assert (told["by_step"], told["by_import"]) == ({"r1": 20, "pre_due": 20}, {str(friday.pk): 20})
        owe("D", 10, date(2026, 9, 30))
        owe("E", 10, date(2026, 10, 9))
    report = real_run(house, "2026-10-02")
    assert (report.counts["messages"], report.brake) == ({"email": 60}, None)


def test_few_messages_are_announced_without_their_imports() -> None:
    """Under forty, an excess of twenty is one of volume, whatever drives it: nothing is looked up."""
    house = open_house()
    with tenant(house):
        follow(R1)
        load(owe("B", 39, date(2026, 10, 1)))
    run_on(house, "2026-10-01")
    with tenant(house):
        told = announced_on("2026-10-01")
        assert (told["messages"], told["customers"], told["by_import"]) == (39, 39, {})
