"""The daily run around its planner, told day by day on the shipped standard plan."""

from datetime import UTC, date, datetime
from functools import partial

import pytest

from dunning.core import answers, events
from dunning.core.errors import DomainError
from dunning.core.models import Event, KeptAnswer, Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications.models import Message, QueueTicket
from scenarios.context import batches
from scenarios.models import Action, DailyRun, Schedule
from scenarios.services.board import hold_messages, release_messages
from scenarios.services.runs import refresh_schedule, release_brake, run_organization
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send, steps_of

pytestmark = pytest.mark.django_db


def test_an_invoice_goes_through_its_first_steps() -> None:
    house = open_house()
    with tenant(house):
        item = make_invoice(make_customer("C1"), amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-09-07", "2026-09-24", "2026-10-01", "2026-10-02", "2026-10-05", "2026-10-09"):
        run_on(house, day)
    with tenant(house):
        assert steps_of(item) == [
            ("receipt_check", "done", "2026-09-07"),
            ("pre_due", "done", "2026-09-24"),
            ("due_day_notice", "done", "2026-10-01"),
            ("r1", "done", "2026-10-02"),
            ("call", "planned", "2026-10-09"),
        ]
        assert [state for _template, state in mail()] == ["accepted"] * 4
        row = Schedule.objects.get()
        assert (row.last_step_key, row.last_done_on, row.next_step_key) == ("r1", date(2026, 10, 2), "call")
        quiet = DailyRun.objects.get(local_date=date(2026, 10, 5))
        assert quiet.counts["decisions"] == {"wait": {"not_yet": 1}}
        assert quiet.counts["messages"] == {}


def test_a_morning_forgets_what_was_kept_long_enough() -> None:
    house = open_house()
    invoice = new_id()
    with tenant(house):
        for name in ("invoice.created", "invoice.paid"):
            events.emit(type=name, object_type="invoice", object_ids=[invoice], now=at("2026-10-01", 9))
        for key, moment in (("yesterday", at("2026-10-01", 4)), ("today", at("2026-10-01", 8))):
            answers.keep(key=key, fingerprint="f", answer=answers.Given(201, {}, "{}"), now=moment)

    def left() -> tuple[list[str], list[int]]:
        with tenant(house):
            numbers = Event.objects.filter(object_id=invoice).order_by("sequence").values_list("sequence", flat=True)
            return sorted(KeptAnswer.objects.values_list("key", flat=True)), list(numbers)

    run_on(house, "2026-10-02")
    assert left() == (["today"], [1, 2])  # a day, 13 months
    run_on(house, "2026-10-03")
    assert left() == ([], [1, 2])
    run_on(house, "2027-11-01")
    assert left() == ([], [1, 2])
    run_on(house, "2027-11-02")
    assert left() == ([], [2])


def test_a_day_run_twice_writes_nothing_twice() -> None:
    house = open_house()
    with tenant(house):
        make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        make_invoice(make_customer("C2"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    first = run_on(house, "2026-10-02", deliver=False)
    second = run_on(house, "2026-10-02", deliver=False)
    third = run_on(house, "2026-10-02", deliver=False, again=True)
    assert (first.already_done, second.already_done, third.already_done) == (False, True, False)
    with tenant(house):
        taken = Action.objects.exclude(state="skipped")
        assert sorted(taken.values_list("step_key", "installment__customer__number")) == [("r1", "C1"), ("r1", "C2")]
        assert sorted(Message.objects.values_list("customer__number", "template_key", "state")) == [
            ("C1", "r1", "queued"),
            ("C2", "r1", "queued"),
        ]


def test_a_run_in_real_life_sets_the_hour_of_the_next() -> None:
    house = open_house()
    Organization.objects.filter(pk=house.pk).update(next_run_at=at("2026-10-02", 4))
    house.refresh_from_db()
    run_organization(organization=house, today=date(2026, 10, 2), now=at("2026-10-02", 4, 1), actor="system")
    house.refresh_from_db()
    assert house.next_run_at == datetime(2026, 10, 3, 4, 0, tzinfo=UTC)  # six o'clock in Paris


def test_an_unusual_run_stops_and_leaves_once_a_person_has_looked() -> None:
    house = open_house()
    run_organization(organization=house, today=date(2026, 10, 1), now=at("2026-10-01", 4), actor="system")
    with tenant(house):
        for number in range(1, 23):
            make_invoice(make_customer(f"B{number:02}"), issued_on=date(2026, 9, 1), due_on=date(2026, 9, 30))
    report = run_on_real(house, "2026-10-02")
    assert report.brake is not None
    assert (report.brake.cause, report.brake.planned, report.brake.announced) == ("volume", 22, 0)
    with tenant(house):
        assert set(mail()) == {("r1", "held")}
        assert release_brake(run=report.run, actor=CLERK, now=at("2026-10-02")) == 22
        assert set(mail()) == {("r1", "queued")}
        with pytest.raises(DomainError, match=r"Nothing holds this run|Rien ne retient"):
            release_brake(run=report.run, actor=CLERK, now=at("2026-10-02"))


def run_on_real(house: Organization, day: str):  # type: ignore[no-untyped-def]
    from tests.scenarios.houses import cover

    with tenant(house):
        cover(day)
    return run_organization(organization=house, today=date.fromisoformat(day), now=at(day, 4), actor="system")


def test_the_schedule_can_be_refreshed_without_deciding_anything() -> None:
    house = open_house()
    with tenant(house):
        make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        Schedule.objects.all().delete()
    refresh_schedule(organization=house, today=date(2026, 9, 2), now=at("2026-09-02"))
    with tenant(house):
        row = Schedule.objects.get()
        assert (row.next_step_key, row.next_on, row.reason) == ("receipt_check", date(2026, 9, 7), "not_yet")
        assert Action.objects.count() == 0


def test_what_a_run_wrote_before_it_was_cut_short_leaves_with_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine stops at the end of the run, in its last batch, and comes back another day."""
    house = open_house()
    with tenant(house):
        item, other = (make_invoice(make_customer(number), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)) for number in ("C1", "C2"))
    with monkeypatch.context() as patched:
        patched.setattr("scenarios.scheduler.batches", partial(batches, size=1))
        patched.setattr("scenarios.scheduler._finish", _stop_the_machine)
        with pytest.raises(KeyboardInterrupt):
            run_on(house, "2026-10-02")
    with tenant(house):
        assert mail() == [("r1", "draft")]
        assert DailyRun.objects.get().finished_at is None
    run_on(house, "2026-10-05")
    with tenant(house):
        assert mail() == [("r1", "accepted"), ("r1", "accepted")]
        assert [steps_of(each)[-1] for each in (item, other)] == [("r1", "done", "2026-10-05")] * 2


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    ("customers", "supervised", "expected"),
    [
        (3, False, ("queued", "", datetime(2026, 10, 2, 7, 0, tzinfo=UTC))),
        (3, True, ("awaiting_approval", "supervised", None)),
        (22, False, ("held", "brake", None)),
    ],
)
def test_messages_leave_alike_whichever_batch_wrote_them(
    monkeypatch: pytest.MonkeyPatch, size: int, customers: int, supervised: bool, expected: tuple[str, str, datetime | None]
) -> None:
    """Those of the last batch are written as what they become, those before it were drafts first."""
    house = open_house()
    run_organization(organization=house, today=date(2026, 10, 1), now=at("2026-10-01", 4), actor="system")
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 10, 31) if supervised else None)
        for number in range(customers):
            make_invoice(make_customer(f"C{number:02}"), issued_on=date(2026, 9, 1), due_on=date(2026, 9, 30))
    monkeypatch.setattr("scenarios.scheduler.batches", partial(batches, size=size))
    run_on_real(house, "2026-10-02")
    with tenant(house):
        assert list(Message.objects.values_list("state", "reason", "not_before")) == [expected] * customers
    waiting = QueueTicket.objects.filter(organization_id=house.pk, message_id__isnull=False)
    assert {ticket.due_at for ticket in waiting} == ({expected[2]} if expected[0] == "queued" else set())
    assert waiting.count() == (customers if expected[0] == "queued" else 0)


def _stop_the_machine(*_args: object, **_kwargs: object) -> None:
    raise KeyboardInterrupt


def test_spacing_counts_from_the_day_a_message_really_left() -> None:
    """The reminder of Friday 2 October is held until Thursday 8: the one due on Friday the 9th waits three business days from there."""
    house = open_house()
    with tenant(house):
        durand = make_customer("C1")
        make_invoice(durand, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        held = Message.objects.get(planned_on=date(2026, 10, 2))
        hold_messages(message_ids=[held.pk], reason="à relire", actor=CLERK, now=at("2026-10-02", 6))
    run_on(house, "2026-10-08")
    with tenant(house):
        release_messages(message_ids=[held.pk], actor=CLERK, now=at("2026-10-08", 10))
        later = make_invoice(durand, issued_on=date(2026, 9, 7), due_on=date(2026, 10, 7), entered_on=date(2026, 10, 8))
    send(house, "2026-10-08", 11)
    run_on(house, "2026-10-09")
    with tenant(house):
        assert Schedule.objects.get(installment=later).reason == "spacing"
        assert not Message.objects.filter(planned_on=date(2026, 10, 9)).exists()
    run_on(house, "2026-10-12")
    run_on(house, "2026-10-13")
    with tenant(house):
        assert steps_of(later)[-1] == ("r1", "done", "2026-10-13")
