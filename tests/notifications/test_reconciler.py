"""Answers that were lost, and how they are found out: by what each provider documents, never by sending twice. Stories with dates."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from dunning.core.enums import Channel
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import dispatcher, services, settlement
from notifications.enums import AttemptOutcome, MessageState, ProviderKind
from notifications.models import Attempt, Message, ProviderAccount, QueueTicket
from notifications.providers.base import Accepted, NotAccepted
from notifications.signals import Stop
from tests import fakes
from tests.fakes import Fake
from tests.notifications.mailroom import ACTOR, NOW, Gate, make_mail_room, write
from tests.servers import Reply, http_service

pytestmark = pytest.mark.django_db

SERVICES: dict[str, tuple[ProviderKind, str, dict[str, str], dict[str, str]]] = {
    "brevo": (ProviderKind.ANYMAIL, "email", {"service": "brevo"}, {"api_key": "cle"}),
    "mailjet": (ProviderKind.ANYMAIL, "email", {"service": "mailjet"}, {"api_key": "cle", "secret_key": "secret"}),
    "postmark": (ProviderKind.ANYMAIL, "email", {"service": "postmark"}, {"server_token": "jeton"}),
    "ses": (
        ProviderKind.ANYMAIL,
        "email",
        {"service": "amazon_ses", "region": "eu-west-3"},
        {"access_key_id": "AKIA", "secret_access_key": "secret"},
    ),
    "twilio": (ProviderKind.TWILIO, "sms", {"account_sid": "AC42"}, {"auth_token": "jeton"}),
    "sinch": (ProviderKind.SINCH, "sms", {"service_plan_id": "plan"}, {"api_token": "jeton"}),
    "mysendingbox": (ProviderKind.MYSENDINGBOX, "registered", {}, {"api_key": "cle"}),
    "smtp": (ProviderKind.SMTP, "email", {}, {}),
}


@contextmanager
def sending_through(name: str, **rates: Any) -> Iterator[tuple[Organization, Fake]]:
    """An organization whose messages go through that fake."""
    kind, channel, settings, secrets = SERVICES[name]
    with fakes.running(name) as fake:
        where = {"host": "127.0.0.1", "port": fake.port} if name == "smtp" else {"api_url": fake.url}
        organization = make_mail_room()
        with tenant(organization):
            services.set_provider(
                channel=channel, kind=kind, actor=ACTOR, now=NOW, settings={**settings, **where, **rates}, secrets=secrets
            )
        yield organization, fake


def posted(organization: Organization, name: str) -> Message:
    with tenant(organization):
        return write(channel=SERVICES[name][1])


def look(organization: Organization, message: Message) -> tuple[str, list[str], datetime | None]:
    """(state, outcome of each try, when it is looked at next)"""
    with tenant(organization):
        message.refresh_from_db()
        due = QueueTicket.objects.filter(message_id=message.pk).values_list("due_at", flat=True).first()
        tries = Attempt.objects.filter(message=message).order_by("number").values_list("outcome", flat=True)
        return message.state, list(tries), due


def minutes(count: float) -> datetime:
    """That many minutes after the start of the story, and a second for the machine's own pace."""
    return NOW + timedelta(minutes=count, seconds=1)


DAY = 24 * 60


def test_a_lost_answer_of_brevo_is_asked_again_under_the_same_name_within_the_minute(gate: Gate) -> None:
    with sending_through("brevo") as (organization, fake):
        message = posted(organization, "brevo")
        fake.behave("drop_after_accept")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.UNCERTAIN: 1}
        state, tries, due = look(organization, message)
        assert (state, tries) == (MessageState.UNCERTAIN, ["uncertain"])
        assert due is not None and timedelta(seconds=30) <= due - NOW < timedelta(minutes=1)
        first = fake.requests[0].body

        fake.behave("ok")
        assert dispatcher.deliver_due(now=minutes(0.4)) == {}  # not before its time
        assert dispatcher.deliver_due(now=minutes(1)) == {MessageState.ACCEPTED: 1}
        assert look(organization, message)[:2] == (MessageState.ACCEPTED, ["uncertain", "accepted"])
        assert fake.requests[1].body == first  # the frozen bytes, and the same key
        assert fake.deliveries() == {str(message.pk): 1}
        assert dispatcher.deliver_due(now=minutes(3000)) == {}


def test_a_message_brevo_never_had_arrives_by_the_repetition_once(gate: Gate) -> None:
    with sending_through("brevo") as (organization, fake):
        message = posted(organization, "brevo")
        for mode in ("drop_before_accept", "500", "429"):
            fake.behave(mode)
            due = look(organization, message)[2]
            dispatcher.deliver_due(now=due or NOW)
            with tenant(organization):
                ProviderAccount.objects.update(closed_until=None, failures=0)
        assert look(organization, message)[:2] == (MessageState.UNCERTAIN, ["uncertain", "uncertain", "not_accepted"])
        assert fake.deliveries() == {}
        fake.behave("ok")
        due = look(organization, message)[2]
        assert due is not None and dispatcher.deliver_due(now=due) == {MessageState.ACCEPTED: 1}
        assert fake.deliveries() == {str(message.pk): 1}


def test_after_half_the_memory_of_the_key_nothing_is_posted_again(gate: Gate) -> None:
    with sending_through("brevo") as (organization, fake):
        message = posted(organization, "brevo")
        fake.behave("drop_after_accept")
        dispatcher.deliver_due(now=NOW)
        assert dispatcher.deliver_due(now=minutes(8)) == {"waiting": 1}  # 15 minutes of memory: 7.5 are used
        state, tries, due = look(organization, message)
        assert (state, tries) == (MessageState.UNCERTAIN, ["uncertain"])
        assert due is not None and minutes(DAY - 0.1) < due <= minutes(DAY)
        assert len(fake.requests) == 1
        assert dispatcher.deliver_due(now=minutes(DAY)) == {MessageState.UNPROVEN: 1}
        assert gate.settled[-1] == (message.pk, MessageState.UNPROVEN)  # so that a person is asked


def test_what_was_paid_since_is_not_repeated(gate: Gate) -> None:
    with sending_through("brevo") as (organization, fake):
        message = posted(organization, "brevo")
        fake.behave("drop_before_accept")
        dispatcher.deliver_due(now=NOW)
        gate.answers[message.pk] = Stop("settled", final=True)
        assert dispatcher.deliver_due(now=minutes(1)) == {"waiting": 1}
        assert (look(organization, message)[0], len(fake.requests)) == (MessageState.UNCERTAIN, 1)


@pytest.mark.parametrize("name", ["mailjet", "postmark", "sinch"])
def test_a_service_that_can_be_asked_is_asked_after_ten_minutes_and_has_it(gate: Gate, name: str) -> None:
    with sending_through(name) as (organization, fake):
        message = posted(organization, name)
        fake.behave("drop_after_accept")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.UNCERTAIN: 1}
        due = look(organization, message)[2]
        assert due is not None and NOW + timedelta(minutes=10) <= due < minutes(10)
        assert dispatcher.deliver_due(now=minutes(9)) == {}
        assert dispatcher.deliver_due(now=minutes(10)) == {MessageState.ACCEPTED: 1}
        assert look(organization, message) == (MessageState.ACCEPTED, ["accepted"], None)
        assert message.provider_id == fake.journal.entries[0]["provider_id"]
        assert fake.deliveries() == {str(message.pk): 1}


@pytest.mark.parametrize("name", ["mailjet", "postmark", "sinch"])
def test_twice_absent_a_quarter_of_an_hour_apart_it_leaves_as_if_for_the_first_time(gate: Gate, name: str) -> None:
    with sending_through(name) as (organization, fake):
        message = posted(organization, name)
        fake.behave("drop_before_accept")
        dispatcher.deliver_due(now=NOW)
        assert dispatcher.deliver_due(now=minutes(10)) == {"waiting": 1}
        due = look(organization, message)[2]
        assert due is not None and minutes(24.9) <= due < minutes(26)
        assert dispatcher.deliver_due(now=minutes(24)) == {}
        fake.behave("ok")
        assert fake.deliveries() == {}
        assert dispatcher.deliver_due(now=minutes(26)) == {MessageState.QUEUED: 1, MessageState.ACCEPTED: 1}
        assert look(organization, message)[:2] == (MessageState.ACCEPTED, ["not_accepted", "accepted"])
        assert fake.deliveries() == {str(message.pk): 1}
        assert gate.asked.count(message.pk) == 2  # the gate was asked again: a payment would have stopped it


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, "oops"),
        Reply(429, "", {"Retry-After": "1"}),
        Reply(200, "<html>"),
        Reply(200, {"Count": 0}),
        Reply(404, {}),
        Reply(hang_up=True),
    ],
    ids=["500", "429", "html", "no list", "404", "hang up"],
)
def test_a_service_that_cannot_be_asked_proves_no_absence(gate: Gate, reply: Reply) -> None:
    with sending_through("mailjet") as (organization, fake), http_service(lambda request: reply) as troubled:
        message = posted(organization, "mailjet")
        fake.behave("drop_after_accept")
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            account = ProviderAccount.objects.get(channel="email", is_active=True)
            ProviderAccount.objects.filter(pk=account.pk).update(settings={**account.settings, "api_url": troubled.url})
        assert dispatcher.deliver_due(now=minutes(10)) == {"could_not_ask": 1}
        with tenant(organization):
            assert Attempt.objects.get().absent_since is None
            ProviderAccount.objects.filter(pk=account.pk).update(settings=account.settings, closed_until=None)
        due = look(organization, message)[2]
        assert due is not None and minutes(11) < due < minutes(15)
        assert dispatcher.deliver_due(now=due) == {MessageState.ACCEPTED: 1}


def test_the_account_of_the_try_is_asked_whatever_was_set_up_since(gate: Gate) -> None:
    with sending_through("mailjet") as (organization, fake), fakes.running("brevo") as other:
        message = posted(organization, "mailjet")
        fake.behave("drop_after_accept")
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            services.set_provider(
                channel=Channel.EMAIL,
                kind=ProviderKind.ANYMAIL,
                actor=ACTOR,
                now=NOW,
                settings={"service": "brevo", "api_url": other.url},
                secrets={"api_key": "cle"},
            )
        assert dispatcher.deliver_due(now=minutes(10)) == {MessageState.ACCEPTED: 1}
        assert other.requests == []
        assert fake.deliveries() == {str(message.pk): 1}


@pytest.mark.parametrize("name", ["ses", "twilio", "mysendingbox", "smtp"])
@pytest.mark.parametrize("mode", ["drop_after_accept", "drop_before_accept", "500_after_accept", "wrong_body"])
def test_who_cannot_be_asked_is_never_sent_to_again_and_a_person_decides(gate: Gate, name: str, mode: str) -> None:
    with sending_through(name) as (organization, fake):
        message = posted(organization, name)
        fake.behave(mode)
        assert dispatcher.deliver_due(now=NOW) == {MessageState.UNCERTAIN: 1}
        fake.behave("ok")
        for hours in (0.1, 1, 12, 23):
            assert dispatcher.deliver_due(now=NOW + timedelta(hours=hours)) == {}
        assert dispatcher.deliver_due(now=minutes(DAY)) == {MessageState.UNPROVEN: 1}
        assert dispatcher.deliver_due(now=NOW + timedelta(days=30)) == {}
        assert gate.settled == [(message.pk, MessageState.UNCERTAIN), (message.pk, MessageState.UNPROVEN)]
        assert sum(fake.deliveries().values()) <= 1


def test_a_worker_that_died_leaves_what_its_provider_can_settle(gate: Gate) -> None:
    with sending_through("mailjet") as (organization, fake):
        message = posted(organization, "mailjet")
        dispatcher.deliver_due(now=NOW)
        with tenant(organization), connection.cursor() as cursor:  # as if T2 had never been: the lease has ended
            cursor.execute(
                "UPDATE notifications_message SET state = 'sending', provider_id = '', lease_until = clock_timestamp() - interval '1 s'"
            )
            Attempt.objects.update(outcome=AttemptOutcome.PENDING, finished_at=None)
            QueueTicket.objects.create(organization_id=organization.pk, message_id=message.pk, channel="email", due_at=NOW)
        assert dispatcher.deliver_due(now=minutes(3)) == {MessageState.UNCERTAIN: 1}
        due = look(organization, message)[2]
        assert due is not None and NOW + timedelta(minutes=10) <= due < minutes(10)
        assert dispatcher.deliver_due(now=minutes(10)) == {MessageState.ACCEPTED: 1}
        assert fake.deliveries() == {str(message.pk): 1}


def test_a_late_acceptance_stops_what_was_about_to_be_sent_again(gate: Gate) -> None:
    """A worker frozen for half an hour wakes up with the answer in its hands."""
    with sending_through("mailjet") as (organization, fake):
        message = posted(organization, "mailjet")
        fake.behave("drop_before_accept")
        dispatcher.deliver_due(now=NOW)
        dispatcher.deliver_due(now=minutes(10))
        with tenant(organization):
            Attempt.objects.update(absent_since=NOW - timedelta(hours=1))
            state = settlement.settle_look_up(message_id=message.pk, number=1, found=None, now=minutes(26))
            assert state == MessageState.QUEUED
            assert settlement.settle(message_id=message.pk, number=1, answer=Accepted("late"), now=minutes(26)) == MessageState.ACCEPTED
        assert dispatcher.deliver_due(now=minutes(60)) == {}


def test_a_report_settles_it_at_any_time(gate: Gate) -> None:
    with sending_through("ses") as (organization, fake):
        message = posted(organization, "ses")
        fake.behave("drop_after_accept")
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            settlement.record_delivery_event(message_id=message.pk, kind="delivered", at=minutes(5), now=minutes(5))
        assert look(organization, message)[0] == MessageState.DELIVERED
        assert dispatcher.deliver_due(now=NOW + timedelta(hours=25)) == {}


def test_a_no_to_the_second_call_says_nothing_of_the_first(gate: Gate) -> None:
    with sending_through("brevo") as (organization, fake):
        message = posted(organization, "brevo")
        fake.behave("drop_after_accept")
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            Attempt.objects.create(message=message, number=2, provider="anymail", started_at=minutes(1))
            assert settlement.settle(message_id=message.pk, number=2, answer=NotAccepted("busy"), now=minutes(1)) == "uncertain"
        assert look(organization, message)[:2] == (MessageState.UNCERTAIN, ["uncertain", "not_accepted"])
