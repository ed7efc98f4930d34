"""What people are told of the day's run, of tasks, replies and failures: once, to those it concerns, and to nobody else."""

from datetime import date, timedelta
from functools import partial

import pytest
from django.utils import translation

from customers.models import Contact, Customer
from dunning.core import notices
from dunning.core.enums import DigestRhythm, Role
from dunning.core.models import Membership, Notice, Organization, User
from dunning.core.tenancy import tenant
from dunning.dashboard.notices import told as sentences
from invoices.services import open_dispute
from notifications import pace
from notifications.models import Message, ProviderAccount
from notifications.services import report
from scenarios import telling
from scenarios.brakes import Brake
from scenarios.context import batches
from scenarios.enums import TaskKind
from scenarios.models import DailyRun, Task
from scenarios.services.tasks import assign_task, assign_tasks
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on

pytestmark = pytest.mark.django_db


def person(organization: Organization, name: str, role: Role = Role.COLLECTOR) -> Membership:
    user = User.objects.create_user(f"{name}@{organization.slug}.example", name=name.title())
    return Membership.objects.create(user=user, organization=organization, role=role)


def told(member: Membership) -> list[tuple[str, dict[str, object]]]:
    """(topic, details) of what a person was told, oldest first."""
    with tenant(member.organization_id):
        return [(row.topic, row.details) for row in notices.notices_of(member).order_by("at", "pk")]


@pytest.fixture
def house() -> Organization:
    return open_house()


def open_calls(house: Organization, count: int, owner: User | None) -> list[Task]:
    with tenant(house):
        return [
            Task.objects.create(
                kind=TaskKind.CALL,
                customer=make_customer(account_owner=owner),
                amount=100,
                currency="EUR",
                opened_on=date(2026, 10, 9),
                due_on=date(2026, 10, 9),
            )
            for _ in range(count)
        ]


def test_a_run_tells_each_person_once_of_their_own_calls(house: Organization) -> None:
    """400 calls: 23 are Anna's, the others nobody's in particular, so everybody's who works; readers hear nothing."""
    anna, bruno, vera = person(house, "anna"), person(house, "bruno"), person(house, "vera", Role.VIEWER)
    open_calls(house, 23, anna.user)
    open_calls(house, 377, None)
    run_on(house, "2026-10-09", deliver=False)
    run_on(house, "2026-10-09", deliver=False, again=True)
    assert told(anna) == [("day", {"kinds": {"call": 400}})]
    assert told(bruno) == [("day", {"kinds": {"call": 377}})]
    assert told(vera) == []


def test_a_quiet_day_tells_nobody(house: Organization) -> None:
    anna = person(house, "anna")
    run_on(house, "2026-10-09")
    assert told(anna) == []


def test_a_reading_owner_hears_of_their_customers_and_so_do_those_who_act(house: Organization) -> None:
    anna, sally = person(house, "anna"), person(house, "sally", Role.SALES)
    open_calls(house, 2, sally.user)
    run_on(house, "2026-10-09", deliver=False)
    assert told(sally) == told(anna) == [("day", {"kinds": {"call": 2}})]


def test_a_task_put_on_a_desk_is_told_to_whom_it_is_given_and_not_to_who_takes_it(house: Organization) -> None:
    anna, bruno = person(house, "anna"), person(house, "bruno")
    (task,) = open_calls(house, 1, None)
    with tenant(house):
        assign_task(task=task, assignee=anna.user, actor=f"user:{bruno.user_id}", now=at("2026-10-09"))
        assign_task(task=task, assignee=bruno.user, actor=f"user:{bruno.user_id}", now=at("2026-10-09", 10))
        assign_task(task=task, assignee=None, actor=f"user:{bruno.user_id}", now=at("2026-10-09", 11))
        name = Customer.objects.get(pk=task.customer_id).name
    assert told(anna) == [("task", {"count": 1, "task": "call", "title": "", "customer": name, "by": f"user:{bruno.user_id}"})]
    assert told(bruno) == []


def test_several_tasks_put_on_a_desk_at_once_are_one_notice(house: Organization) -> None:
    anna = person(house, "anna")
    tasks = open_calls(house, 3, None)
    with tenant(house), translation.override("en"):
        assign_tasks(tasks=tasks, assignee=anna.user, actor=CLERK, now=at("2026-10-09"))
        assert {task.assignee_id for task in Task.objects.all()} == {anna.user_id}
        (said,) = sentences(notices.notices_of(anna))
    assert [(topic, details["count"], details["customer"]) for topic, details in told(anna)] == [("task", 3, "")]
    assert said.title == "3 tasks are on your desk"


def test_whom_a_dispute_is_given_hears_of_it_several_at_once_in_one_notice(house: Organization) -> None:
    anna = person(house, "anna")
    with tenant(house):
        for number in range(3):
            item = make_invoice(make_customer(), number=f"FA-{number}", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 20))
            open_dispute(installment=item, reason="PU_ERR", owner=anna.user, actor=CLERK, today=date(2026, 10, 9), now=at("2026-10-09"))
    run_on(house, "2026-10-12", deliver=False)
    ((topic, details),) = told(anna)
    assert (topic, details["count"]) == ("disputes", 3)


def test_a_kind_switched_off_is_not_told_and_nothing_is_told_while_a_life_is_played(house: Organization) -> None:
    anna = person(house, "anna")
    with tenant(house):
        notices.choose(member=anna, kinds=["reply", "failure"], digest=DigestRhythm.OFF, now=at("2026-10-08"))
    open_calls(house, 2, None)
    run_on(house, "2026-10-09", deliver=False)
    assert told(anna) == []
    with tenant(house):
        notices.choose(member=anna, kinds=["task", "reply", "failure"], digest=DigestRhythm.OFF, now=at("2026-10-09"))
    Organization.objects.filter(pk=house.pk).update(playing_until=date(2027, 1, 1))
    run_on(house, "2026-10-09", deliver=False, again=True)
    assert told(anna) == []


def test_a_message_that_reaches_nobody_is_told_once_a_day(house: Organization) -> None:
    anna = person(house, "anna")
    with tenant(house):
        customer = make_customer("C9", name="Introuvable SARL", account_owner=anna.user)
        make_invoice(customer, issued_on=date(2026, 9, 1), due_on=date(2026, 9, 25))
    for day in ("2026-09-28", "2026-09-30", "2026-10-02", "2026-10-05"):
        run_on(house, day)
    with tenant(house):
        message = Message.objects.filter(customer=customer, state="accepted").order_by("-planned_on").first()
        assert message is not None and Contact.objects.filter(customer=customer).count() == 1
        for _ in range(2):
            report(message_id=message.pk, kind="bounced", at=at("2026-10-05", 10), actor="system", now=at("2026-10-05", 10))
    assert ("no_contact", {"customer": "Introuvable SARL", "channel": "email"}) in told(anna)
    assert [topic for topic, _details in told(anna)].count("no_contact") == 1


def test_a_service_left_alone_is_told_to_those_who_set_it_up(house: Organization) -> None:
    from notifications.calling import report as note
    from notifications.providers.base import NotAccepted

    owner, anna = person(house, "odile", Role.OWNER), person(house, "anna")
    with tenant(house):
        account = pace.active_accounts().filter(channel="email").get()
    for failure in range(5):
        account = note(house.pk, account, NotAccepted("535 wrong password"), at("2026-10-09", 9, failure))
    with tenant(house):
        name = ProviderAccount.objects.get(channel="email", is_active=True).name
    assert told(owner) == [("provider", {"account": name, "channel": "email", "error": "535 wrong password"})]
    assert told(anna) == []


def test_a_run_that_stops_is_told_to_those_who_let_messages_leave(house: Organization) -> None:
    anna, vera = person(house, "anna"), person(house, "vera", Role.VIEWER)
    run_on(house, "2026-10-08", deliver=False)
    with tenant(house):
        run = DailyRun.objects.get()
        telling.tell_brake(run=run, stop=Brake("volume", "", 120, 20), now=at("2026-10-09"))
    assert told(anna) == [("brake", {"messages": 120})]
    assert told(vera) == []


def test_what_is_read_stays_read_and_what_is_old_is_forgotten(house: Organization) -> None:
    anna, bruno = person(house, "anna"), person(house, "bruno")
    open_calls(house, 1, None)
    run_on(house, "2026-10-09", deliver=False)
    with tenant(house):
        (notice,) = notices.notices_of(anna)
        with pytest.raises(Notice.DoesNotExist):
            notices.read_one(member=bruno, notice_id=notice.pk, now=at("2026-10-09"))
        assert (notices.count_unread(anna), notices.count_unread(bruno)) == (1, 1)
        notices.read_one(member=anna, notice_id=notice.pk, now=at("2026-10-09", 10))
        notices.read_one(member=anna, notice_id=notice.pk, now=at("2026-10-09", 12))
        assert notices.notices_of(anna).get().read_at == at("2026-10-09", 10)
        assert (notices.count_unread(anna), notices.count_unread(bruno)) == (0, 1)
        assert notices.forget(now=notice.at + timedelta(days=90)) == 0
        assert notices.forget(now=notice.at + timedelta(days=90, seconds=1)) == 2


def test_notices_go_with_the_person_who_leaves(house: Organization) -> None:
    anna = person(house, "anna")
    open_calls(house, 1, None)
    run_on(house, "2026-10-09", deliver=False)
    with tenant(house):
        anna.delete()
        assert Notice.objects.count() == 0


def test_managers_hear_once_of_what_is_late_at_somebody_elses_desk(house: Organization) -> None:
    """Anna's two calls and one of nobody's lie since the 9th; Olga, who owns the house, has one of her own."""
    olga, anna = person(house, "olga", Role.OWNER), person(house, "anna")
    open_calls(house, 2, anna.user)
    open_calls(house, 1, None)
    open_calls(house, 1, olga.user)
    run_on(house, "2026-10-15", deliver=False)  # four business days
    assert [topic for topic, _details in told(olga)] == []
    run_on(house, "2026-10-16", deliver=False)
    run_on(house, "2026-10-16", deliver=False, again=True)
    run_on(house, "2026-10-19", deliver=False)
    assert told(olga) == [("late", {"kinds": {"call": 3}})]
    assert told(anna) == []


def test_a_letter_that_nobody_posted_is_told_to_the_managers(house: Organization) -> None:
    olga, anna = person(house, "olga", Role.OWNER), person(house, "anna")
    with tenant(house):
        customer = make_customer(account_owner=anna.user)
        Message.objects.create(
            customer=customer, channel="letter", kind="answer", language="fr", template_key="r1_letter", state="to_post",
            planned_on=date(2026, 10, 5), frozen_at=at("2026-10-05"),
        )  # fmt: skip
    run_on(house, "2026-10-09", deliver=False)
    assert told(olga) == [("late", {"kinds": {"post_letter": 1}})]
    assert told(anna) == [("day", {"kinds": {"post_letter": 1}})]


def test_what_became_late_in_a_run_that_was_cut_short_is_told_with_the_next(house: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine stops at the end of Friday's run, whose house-keeping was done, and comes back on Monday."""
    olga, anna = person(house, "olga", Role.OWNER), person(house, "anna")
    open_calls(house, 2, anna.user)
    with tenant(house):
        for number in ("C1", "C2"):
            make_invoice(make_customer(number), issued_on=date(2026, 10, 1), due_on=date(2026, 10, 31))
    run_on(house, "2026-10-15", deliver=False)
    with monkeypatch.context() as patched:
        patched.setattr("scenarios.scheduler.batches", partial(batches, size=1))
        patched.setattr("scenarios.scheduler._finish", _stop_the_machine)
        with pytest.raises(KeyboardInterrupt):
            run_on(house, "2026-10-16", deliver=False)
    with tenant(house):
        assert Task.objects.filter(alerted_on=date(2026, 10, 16)).count() == 2
    run_on(house, "2026-10-19", deliver=False)
    run_on(house, "2026-10-20", deliver=False)
    assert told(olga) == [("late", {"kinds": {"call": 2}})]


def _stop_the_machine(*_args: object, **_kwargs: object) -> None:
    raise KeyboardInterrupt
