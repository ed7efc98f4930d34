"""Tasks on the desk: done, cancelled, handed to somebody, opened again."""

from datetime import date

import pytest

from dunning.core.errors import DomainError
from dunning.core.models import Organization, User
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications import outbox, settlement
from notifications.enums import MessageState
from notifications.models import Message
from scenarios.models import ActionPlan, Task
from scenarios.services.calls import record_call
from scenarios.services.plans import Target, assign_plan
from scenarios.services.tasks import assign_task, cancel_task, complete_task, postpone_task, reopen_task
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, steps_of

pytestmark = pytest.mark.django_db

TODAY, NOW = date(2026, 10, 9), at("2026-10-09", 10)


@pytest.fixture
def house() -> Organization:
    organization = open_house()
    with tenant(organization):
        make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(organization, day)
    return organization


def _code(act: object, **given: object) -> str:
    with pytest.raises(DomainError) as refused:
        act(**given)  # type: ignore[operator]
    return refused.value.code


def test_a_call_is_closed_by_recording_it_alone(house: Organization) -> None:
    with tenant(house):
        task = Task.objects.get()
        assert _code(complete_task, task=task, actor=CLERK, today=TODAY, now=NOW) == "decided_elsewhere"
        assert Task.objects.get().state == "open"


def test_a_task_for_before_the_due_date_is_closed_after_it() -> None:
    house, issued = open_house(), date(2026, 9, 1)
    with tenant(house):
        town = make_customer("C1", kind="public")
        public = ActionPlan.objects.get(key="public")
        assign_plan(plan=public, target=Target(customer=town), since=date(2000, 1, 1), actor=CLERK, now=at("2026-09-01"))
        item = make_invoice(town, issued_on=issued, due_on=date(2026, 9, 15))
    run_on(house, "2026-09-11")
    with tenant(house):
        assert (Task.objects.get().kind, Task.objects.get().state) == ("chorus_status", "open")
    run_on(house, "2026-09-16")
    with tenant(house):
        assert steps_of(item) == [("chorus_status", "skipped", "2026-09-11")]
        assert (Task.objects.get().state, Task.objects.get().outcome) == ("cancelled", "empty")


def test_a_cancelled_task_ends_its_step_for_good(house: Organization) -> None:
    with tenant(house):
        item, task = Installment.objects.get(), Task.objects.get()
        assert _code(cancel_task, task=task, reason=" ", actor=CLERK, today=TODAY, now=NOW) == "required"
        cancel_task(task=task, reason="Vu au salon", actor=CLERK, today=TODAY, now=NOW)
        assert steps_of(item)[-1] == ("call", "cancelled", "2026-10-09")
        assert (Task.objects.get().state, Task.objects.get().note) == ("cancelled", "Vu au salon")
        assert _code(cancel_task, task=task, reason="encore", actor=CLERK, today=TODAY, now=NOW) == "closed"
    run_on(house, "2026-10-14")
    with tenant(house):
        assert steps_of(item)[-1] == ("r2", "done", "2026-10-14")


def test_a_task_goes_to_a_desk_and_waits_for_its_moment(house: Organization) -> None:
    person = User.objects.create_user("lea@atelier.example", None)
    with tenant(house):
        task = Task.objects.get()
        assign_task(task=task, assignee=person, actor=CLERK, now=NOW)
        assert Task.objects.get().assignee == person
        until = at("2026-10-12", 7)
        assert _code(postpone_task, task=task, until=at("2026-10-09", 8), due_on=TODAY, actor=CLERK, now=NOW) == "past_date"
        postpone_task(task=task, until=until, due_on=date(2026, 10, 12), actor=CLERK, now=NOW)
        assert (Task.objects.get().not_before, Task.objects.get().due_on) == (until, date(2026, 10, 12))


def test_a_call_closed_by_mistake_is_opened_again_until_the_plan_has_gone_on(house: Organization) -> None:
    with tenant(house):
        item, task = Installment.objects.get(), Task.objects.get()
        record_call(task=task, outcome="refusal", actor=CLERK, today=TODAY, now=NOW)
        reopen_task(task=task, reason="Mauvais client", actor=CLERK, today=TODAY, now=NOW)
        assert Task.objects.get(pk=task.pk).state == "open"
        assert steps_of(item)[-1] == ("call", "planned", "2026-10-09")
        record_call(task=task, outcome="refusal", actor=CLERK, today=TODAY, now=NOW)
    run_on(house, "2026-10-14")
    with tenant(house):
        assert steps_of(item)[-1] == ("r2", "done", "2026-10-14")
        assert _code(reopen_task, task=task, reason="encore", actor=CLERK, today=date(2026, 10, 15), now=at("2026-10-15")) == "gone_on"
        assert Task.objects.get(pk=task.pk).state == "done"


@pytest.mark.parametrize(("left", "sent", "step"), [(True, "accepted", "done"), (False, "queued", "planned")])
def test_a_person_says_what_became_of_a_message_without_news(left: bool, sent: str, step: str) -> None:
    """Without it the step would be under way for ever, and its invoice silent."""
    house = open_house()
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        message = Message.objects.get()
        Message.objects.update(state="sending", frozen_at=at("2026-10-02"))
        [message] = outbox.lock([message.pk])
        settlement.be_uncertain(message, "nobody answered", at("2026-10-02"))
        settlement.move(message, MessageState.UNPROVEN, at("2026-10-03"))
        task = Task.objects.get(kind="uncertain_sending")
        who = {"actor": CLERK, "today": date(2026, 10, 5), "now": at("2026-10-05")}
        if left:
            complete_task(task=task, note="vu dans le journal", **who)
        else:
            cancel_task(task=task, reason="absent du journal", **who)
        assert Message.objects.get().state == sent
        assert steps_of(item)[-1] == ("r1", step, "2026-10-02")
        assert not Task.objects.filter(state="open").exists()
