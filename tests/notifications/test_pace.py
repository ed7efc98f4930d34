"""Busy, broken and limited services, and several workers at once: nothing lost, nothing hammered."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from dunning.core.errors import DomainError
from dunning.core.tenancy import tenant
from notifications import dispatcher, pace, services
from notifications.enums import MessageState, ProviderKind
from notifications.models import Attempt, Message, ProviderAccount, QueueTicket
from notifications.providers.base import Accepted, NotAccepted, Refused, Uncertain
from tests.notifications.mailroom import ACTOR, NOW, Gate, gate_in_charge, make_mail_room, use_smtp, write
from tests.notifications.test_reconciler import posted, sending_through
from tests.servers import mail_server


def pass_time(seconds: float) -> None:
    """Let the database's clock be that much later for the accounts; inside `tenant()`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_provideraccount SET closed_until = closed_until - make_interval(secs => %s),"
            " next_slot_at = next_slot_at - make_interval(secs => %s)",
            [seconds, seconds],
        )


def the_account() -> ProviderAccount:
    return pace.active_accounts().get(channel="email")


@pytest.mark.django_db
def test_half_an_hour_of_429_loses_nothing_and_is_asked_at_most_every_ten_seconds(gate: Gate) -> None:
    with sending_through("postmark") as (organization, fake):
        with tenant(organization):
            messages = [write() for _ in range(25)]
        fake.behave("429", retry_after=0)
        probes = []
        for step in range(180):  # every ten seconds for thirty minutes
            before = len(fake.requests)
            dispatcher.deliver_due(now=NOW + timedelta(seconds=10 * step))
            probes.append(len(fake.requests) - before)
            with tenant(organization):
                pass_time(10)
        assert probes[0] == pace.THRESHOLD  # three find out; then one at a time
        assert max(probes[1:]) == 1
        assert sum(probes[1:]) <= 1800 / pace.LONGEST + 4  # the pauses grow to a minute
        with tenant(organization):
            assert set(Message.objects.values_list("state", flat=True)) <= {MessageState.QUEUED, MessageState.RETRY}
            assert QueueTicket.objects.count() == 25
            assert "429" in the_account().last_error or "Too many" in the_account().last_error

        fake.behave("ok")
        moment = NOW + timedelta(minutes=31)
        while QueueTicket.objects.exists():
            dispatcher.deliver_due(now=moment)
            moment += timedelta(minutes=10)
            with tenant(organization):
                pass_time(600)
        assert fake.deliveries() == {str(message.pk): 1 for message in messages}
        with tenant(organization):
            assert (the_account().failures, the_account().closed_until) == (0, None)


@pytest.mark.django_db
def test_a_retry_after_is_kept_by_the_whole_account(gate: Gate) -> None:
    with sending_through("postmark") as (organization, fake):
        with tenant(organization):
            for _ in range(4):
                write()
        fake.behave("429", retry_after=120)
        assert dispatcher.deliver_due(now=NOW) == {MessageState.RETRY: 1, "waiting_for_service": 3}
        fake.behave("ok")
        for seconds in (30, 60, 100):
            assert set(dispatcher.deliver_due(now=NOW + timedelta(seconds=seconds))) <= {"waiting_for_service"}
        assert len(fake.requests) == 1
        with tenant(organization):
            pass_time(120)
        assert dispatcher.deliver_due(now=NOW + timedelta(seconds=300)) == {MessageState.ACCEPTED: 4}


@pytest.mark.django_db
def test_repetitions_and_questions_leave_a_broken_service_alone_too(gate: Gate) -> None:
    with sending_through("brevo") as (organization, fake):
        messages = [posted(organization, "brevo") for _ in range(6)]
        fake.behave("drop_after_accept")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.UNCERTAIN: 3, "waiting_for_service": 3}
        with tenant(organization):
            pass_time(10)
        outcomes = dispatcher.deliver_due(now=NOW + timedelta(seconds=50))
        assert (outcomes[MessageState.UNCERTAIN], outcomes["waiting_for_service"]) == (1, 5)
        assert len(fake.requests) == 4
        fake.behave("ok")
        for minute in (2, 3, 4):
            with tenant(organization):
                pass_time(60)
            dispatcher.deliver_due(now=NOW + timedelta(minutes=minute))
        assert fake.deliveries() == {str(message.pk): 1 for message in messages}
        with tenant(organization):
            assert set(Message.objects.values_list("state", flat=True)) == {MessageState.ACCEPTED}


@pytest.mark.django_db
def test_a_person_is_asked_after_a_day_although_the_service_is_still_away(gate: Gate) -> None:
    """Monday 5 October: Postmark fails, and answers no question either. On Tuesday its uncertain messages need a person, not a call."""
    with sending_through("postmark") as (organization, fake):
        messages = [posted(organization, "postmark") for _ in range(4)]
        fake.behave("drop_after_accept", questions="500")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.UNCERTAIN: 3, "waiting_for_service": 1}
        with tenant(organization):
            pass_time(-3600)
        asked = len(fake.requests)
        assert dispatcher.deliver_due(now=NOW + timedelta(hours=23, minutes=59)) == {"waiting_for_service": 4}
        assert dispatcher.deliver_due(now=NOW + timedelta(hours=25)) == {MessageState.UNPROVEN: 3, "waiting_for_service": 1}
        assert len(fake.requests) == asked
        with tenant(organization):
            states = Message.objects.filter(pk__in=[message.pk for message in messages]).values_list("state", flat=True)
            assert sorted(states) == [MessageState.QUEUED, *[MessageState.UNPROVEN] * 3]


@pytest.mark.django_db
def test_what_is_written_down_and_when_nothing_is() -> None:
    organization = make_mail_room()
    with tenant(organization):
        account = the_account()
        assert not pace.must_report(account, Accepted())
        assert not pace.must_report(account, NotAccepted("only this one", service=False))
        assert not pace.must_report(account, Refused("no such address"))
        for _ in range(3):
            assert pace.must_report(account, Uncertain("no answer"))
            pace.report(account.pk, Uncertain("no answer"), now=NOW)
        account = the_account()
        assert (account.failures, account.last_error) == (3, "no answer")
        assert 9 < pace.seconds_closed(account) <= 10
        assert not pace.take_probe(account.pk)
        pass_time(10)
        assert [pace.take_probe(account.pk) for _ in range(3)] == [True, False, False]
        assert pace.must_report(the_account(), Refused("it works"))
        pace.report(account.pk, Refused("it works"), now=NOW)
        assert (the_account().failures, the_account().closed_until, the_account().last_error) == (0, None, "no answer")
        pace.report(account.pk, NotAccepted("come back in a year", retry_after=3e7), now=NOW)
        assert pace.seconds_closed(the_account()) <= pace.LONGEST_ASKED


@pytest.mark.django_db
def test_the_happy_path_pays_no_statement_for_any_of_this(gate: Gate) -> None:
    with mail_server() as sink:
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            write()
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            write()
        with CaptureQueriesContext(connection) as captured:
            dispatcher.deliver_due(now=NOW)
        touching = [query["sql"] for query in captured if "notifications_provideraccount" in query["sql"]]
        assert len(touching) == 2  # read for the batch, read for the message: as before there was anything to limit
        assert all(sql.startswith("SELECT") and "FOR " not in sql for sql in touching)
        assert len(sink.received) == 2


@pytest.mark.parametrize(
    ("settings", "default", "interval"),
    [
        ({}, None, None),
        ({}, 10.0, 0.1),
        ({"rate_per_second": "4"}, 10.0, 0.25),
        ({"rate_per_minute": "30"}, None, 2.0),
        ({"rate_per_second": "1", "rate_per_minute": "6"}, None, 10.0),
        ({"rate_per_second": "0,5"}, None, 2.0),
    ],
)
def test_a_rate_is_the_account_s_else_the_provider_s(settings: dict[str, str], default: float | None, interval: float | None) -> None:
    assert pace.interval_of(settings, default) == pytest.approx(interval)


@pytest.mark.django_db
@pytest.mark.parametrize("rate", ["fast", "-1", "nan"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    with tenant(make_mail_room()):
        with pytest.raises(DomainError, match="rate must be a number"):
            services.set_provider(
                channel="email", kind=ProviderKind.SMTP, actor=ACTOR, now=NOW, settings={"host": "x", "rate_per_second": rate}
            )
        assert ProviderAccount.objects.get(channel="email", is_active=True).kind == ProviderKind.POST_OFFICE


@pytest.mark.django_db
def test_what_has_no_turn_within_the_horizon_comes_back_when_it_has_one(gate: Gate) -> None:
    with sending_through("postmark", rate_per_minute="30") as (organization, _fake):
        with tenant(organization):
            for _ in range(6):
                write()
        assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 3, "waiting_for_service": 3}  # at 0, 2 and 4 seconds
        dues = sorted((due - NOW).total_seconds() for due in QueueTicket.objects.values_list("due_at", flat=True))
        assert dues == pytest.approx([6, 8, 10], abs=0.5)


def test_several_workers_share_one_account_s_rate(committed_database: str) -> None:
    """Two workers, ten calls a second between them: never more in any second."""
    with sending_through("postmark", rate_per_second="10") as (organization, fake):
        for _ in range(30):
            posted(organization, "postmark")
        outcomes: list[int] = []

        def work() -> None:
            try:
                outcomes.append(dispatcher.deliver_due(now=NOW, batch=5).total())
            finally:
                connections.close_all()

        started = time.monotonic()
        with gate_in_charge():
            workers = [threading.Thread(target=work) for _ in range(2)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(60)
        took = time.monotonic() - started
        times = sorted(entry["at"] for entry in fake.journal.entries)
        assert len(times) == len(fake.deliveries()) == 30
        assert took >= 2.5
        assert all(later - earlier > 0.8 for earlier, later in zip(times, times[10:], strict=False))  # any ten span most of a second
        with tenant(organization):
            assert Attempt.objects.count() == 30


def test_only_one_of_several_workers_asks_a_service_that_was_left_alone(committed_database: str) -> None:
    with sending_through("postmark") as (organization, fake):
        for _ in range(8):
            posted(organization, "postmark")
        with tenant(organization):
            ProviderAccount.objects.filter(channel="email").update(failures=5, closed_until=pace.ClockTimestamp() - timedelta(seconds=1))
        fake.behave("429", retry_after=0)
        ready = threading.Barrier(4)

        def work() -> None:
            ready.wait(20)
            try:
                dispatcher.deliver_due(now=NOW, batch=2)
            finally:
                connections.close_all()

        with gate_in_charge():
            workers = [threading.Thread(target=work) for _ in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(60)
        assert len(fake.requests) == 1
        with tenant(organization):
            states = list(Message.objects.values_list("state", flat=True))
            assert sorted(states) == sorted([MessageState.RETRY] + [MessageState.QUEUED] * 7)
