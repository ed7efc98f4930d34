"""What a person or the brake keeps back stays until a person lets it go, and no run loses its brake (rule 15)."""

from datetime import date
from functools import partial
from typing import Any

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios.context import batches
from scenarios.enums import Anchor, Channel, Phase
from scenarios.leaving import Released
from scenarios.ledger import write
from scenarios.models import DailyRun, Task
from scenarios.plan_content import PlanContent, StepContent
from scenarios.services.approvals import approve_messages
from scenarios.services.board import hold_messages, release_messages
from scenarios.services.plans import assign_plan, publish_plan
from scenarios.services.runs import RunReport, release_brake, run_organization
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, cover, live, mail, open_house, run_on, send, steps_of

pytestmark = pytest.mark.django_db

R1 = StepContent("r1", "Rappel", Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 1, template="r1")


def follow(*steps: StepContent) -> None:
    """Everybody follows these steps and no other."""
    now = at("2026-07-01", 5)
    plan = publish_plan(content=PlanContent(key="court", name="Court", steps=steps), actor=CLERK, now=now).plan
    assign_plan(plan=plan, since=date(2000, 1, 1), actor=CLERK, now=now)


def real_run(house: Organization, day: str, *, again: bool = False) -> RunReport:
    """A run that is not played: the brake looks at it."""
    with tenant(house):
        cover(day)
    return run_organization(organization=house, today=date.fromisoformat(day), now=at(day, 4), actor="system", again=again)


def nobody_announced(house: Organization, customers: int = 22, due_on: str = "2026-09-30") -> None:
    """After the run of 1 October, which announces nothing, invoices arrive that are due to be asked for on the 2nd."""
    real_run(house, "2026-10-01")
    arrive(house, customers, due_on)


def arrive(house: Organization, customers: int = 22, due_on: str = "2026-09-30") -> None:
    with tenant(house):
        for number in range(1, customers + 1):
            make_invoice(make_customer(f"B{number:02}"), issued_on=date(2026, 9, 1), due_on=date.fromisoformat(due_on))


# --- kept back until a person lets it go -------------------------------------------------------------------------------------------------


def test_what_the_brake_keeps_back_stays_when_another_invoice_of_the_account_falls_due() -> None:
    """The run of Friday 2 October is stopped; on Tuesday the 6th, announced and not stopped, a second invoice joins each message."""
    house = open_house()
    with tenant(house):
        follow(R1)
    real_run(house, "2026-10-01")
    with tenant(house):
        for number in range(22):
            customer = make_customer(f"B{number:02}")
            for due_on in (date(2026, 9, 30), date(2026, 10, 5)):
                make_invoice(customer, amount="1200.00", issued_on=date(2026, 9, 1), due_on=due_on)
    stopped = real_run(house, "2026-10-02")
    assert stopped.brake is not None
    real_run(house, "2026-10-05")
    assert real_run(house, "2026-10-06").brake is None
    send(house, "2026-10-06")
    with tenant(house):
        assert mail() == [("r1", "cancelled")] * 22 + [("r1", "held")] * 22
        kept = Message.objects.filter(state="held")
        assert set(kept.values_list("reason", "amount", "planned_on")) == {("brake", 2400, date(2026, 10, 6))}
        assert release_brake(run=stopped.run, actor=CLERK, now=at("2026-10-06")) == 22
    send(house, "2026-10-06", 10)
    with tenant(house):
        assert mail(planned_on=date(2026, 10, 6)) == [("r1", "accepted")] * 22


def test_each_stopped_run_releases_its_own() -> None:
    """The brake stops Friday 2 October, then Monday the 5th: letting Friday's go leaves Monday's."""
    house = open_house()
    nobody_announced(house)
    friday = real_run(house, "2026-10-02")
    with tenant(house):
        for number in range(30):
            make_invoice(make_customer(f"D{number:02}"), issued_on=date(2026, 9, 1), due_on=date(2026, 9, 30))
    monday = real_run(house, "2026-10-05")
    assert monday.brake is not None
    with tenant(house):
        assert release_brake(run=friday.run, actor=CLERK, now=at("2026-10-05")) == 22
        assert mail(state="held") == [("r1", "held")] * 30
        assert release_brake(run=monday.run, actor=CLERK, now=at("2026-10-05")) == 30


def test_what_a_person_keeps_back_takes_the_next_invoice_along_and_stays() -> None:
    """Held on Friday 2 October; on Wednesday the 7th a second invoice is due, and both wait with the person's words."""
    house = open_house()
    with tenant(house):
        follow(R1)
        customer = make_customer("C1")
        item, other = (make_invoice(customer, issued_on=date(2026, 9, 1), due_on=date(2026, 10, day)) for day in (1, 6))
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        hold_messages(message_ids=[Message.objects.get().pk], reason="on attend l'avoir", actor=CLERK, now=at("2026-10-02", 6))
    live(house, ("2026-10-02", "2026-10-07"))
    with tenant(house):
        assert mail() == [("r1", "cancelled"), ("r1", "held")]
        kept = Message.objects.get(state="held")
        assert (kept.reason, kept.reason_text, kept.item_count) == ("by_hand", "on attend l'avoir", 2)
        assert release_messages(message_ids=[kept.pk], actor=CLERK, now=at("2026-10-08", 8)) == 1
    run_on(house, "2026-10-08")
    with tenant(house):
        assert steps_of(item) == [("r1", "done", "2026-10-08")]
        assert steps_of(other) == [("r1", "done", "2026-10-08")]


def test_what_a_person_keeps_back_still_waits_for_its_approval_once_released() -> None:
    """The plan has every reminder approved: the message that replaces the held one is asked about like any other."""
    house = open_house()
    with tenant(house):
        follow(StepContent("r1", "Rappel", Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 1, template="r1", needs_approval=True))
        customer = make_customer("C1")
        for day in (1, 6):
            make_invoice(customer, issued_on=date(2026, 9, 1), due_on=date(2026, 10, day))
    run_on(house, "2026-10-02")
    with tenant(house):
        hold_messages(message_ids=[Message.objects.get().pk], reason="à relire", actor=CLERK, now=at("2026-10-02", 10))
    run_on(house, "2026-10-07")
    with tenant(house):
        kept = Message.objects.get(state="held")
        assert [task.message for task in Task.objects.filter(kind="approval", state="open")] == [kept]
        release_messages(message_ids=[kept.pk], actor=CLERK, now=at("2026-10-07", 11))
        assert mail(pk=kept.pk) == [("r1", "awaiting_approval")]
        approve_messages(message_ids=[kept.pk], organization=house, actor=CLERK, today=date(2026, 10, 7), now=at("2026-10-07", 12))
    send(house, "2026-10-07", 13)
    with tenant(house):
        assert mail(pk=kept.pk) == [("r1", "accepted")]


def test_what_an_obstacle_holds_is_asked_again_by_the_message_that_replaces_it() -> None:
    """A value was missing on Friday 2 October; nobody keeps it back, so it leaves with the next invoice on the 7th."""
    house = open_house()
    with tenant(house):
        follow(R1)
        customer = make_customer("C1")
        for day in (1, 6):
            make_invoice(customer, issued_on=date(2026, 9, 1), due_on=date(2026, 10, day))
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        hold_messages(message_ids=[Message.objects.get().pk], reason="x", actor=CLERK, now=at("2026-10-02", 6))
        Message.objects.update(reason="missing_value", reason_text="")
    run_on(house, "2026-10-07")
    with tenant(house):
        assert mail() == [("r1", "cancelled"), ("r1", "accepted")]


# --- no run loses its brake --------------------------------------------------------------------------------------------------------------


def cut_short(monkeypatch: pytest.MonkeyPatch, house: Organization, day: str, **how: Any) -> None:
    """The run of the day, in batches of ten, until the machine stops in the third."""
    written: list[int] = []

    def until_the_machine_stops(**batch: Any) -> list[Released]:
        written.append(1)
        if len(written) == 3:
            raise KeyboardInterrupt
        return write(**batch)

    monkeypatch.setattr("scenarios.scheduler.batches", partial(batches, size=10))
    with monkeypatch.context() as patched:
        patched.setattr("scenarios.scheduler.write", until_the_machine_stops)
        with pytest.raises(KeyboardInterrupt):
            real_run(house, day, **how)


@pytest.mark.parametrize("again_on", ["2026-10-02", "2026-10-05"])
def test_what_a_run_wrote_before_it_was_cut_short_is_counted_by_the_next(monkeypatch: pytest.MonkeyPatch, again_on: str) -> None:
    """Of 22 messages that nobody announced, twenty are written when the machine stops; the run after it writes two."""
    house = open_house()
    nobody_announced(house)
    cut_short(monkeypatch, house, "2026-10-02")
    with tenant(house):
        assert mail() == [("r1", "draft")] * 20
    report = real_run(house, again_on)
    assert report.brake is not None
    assert (report.brake.cause, report.brake.planned, report.counts["messages"]) == ("volume", 22, {"email": 2})
    with tenant(house):
        assert mail() == [("r1", "held")] * 22
        assert release_brake(run=report.run, actor=CLERK, now=at(again_on)) == 22


def test_what_a_repeated_run_wrote_before_it_was_cut_short_is_counted_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Friday's run had ended; by hand it is repeated for what came since, and the machine stops: on Monday nothing is forgotten."""
    house = open_house()
    for day in ("2026-10-01", "2026-10-02"):
        real_run(house, day)
    arrive(house)
    cut_short(monkeypatch, house, "2026-10-02", again=True)
    report = real_run(house, "2026-10-05")
    assert report.brake is not None and report.brake.planned == 22
    with tenant(house):
        assert mail() == [("r1", "held")] * 22


def test_a_stopped_run_repeated_by_hand_stays_stopped() -> None:
    """On Friday 2 October the run is stopped and repeated while a person looks; an invoice that came between waits with the others."""
    house = open_house()
    nobody_announced(house)
    first = real_run(house, "2026-10-02")
    with tenant(house):
        make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 9, 30))
    repeated = real_run(house, "2026-10-02", again=True)
    assert first.brake is not None and repeated.brake == first.brake
    with tenant(house):
        assert mail() == [("r1", "held")] * 23
        run = DailyRun.objects.get(local_date=date(2026, 10, 2))
        assert release_brake(run=run, actor=CLERK, now=at("2026-10-02")) == 23
    assert real_run(house, "2026-10-02", again=True).brake is None
    with tenant(house):
        run.refresh_from_db()
        assert run.brake is not None and run.brake["planned"] == 22
        assert mail() == [("r1", "queued")] * 23
