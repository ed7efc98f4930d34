"""Two workers, and one that dies: real processes on a real database and a real mail server."""

import json
import os
import signal
import subprocess
import sys

from django.db import connection

from dunning.core.tenancy import tenant
from notifications import dispatcher
from notifications.enums import AttemptOutcome, MessageState
from notifications.models import Attempt, Message, QueueTicket
from tests.notifications.mailroom import NOW, gate_in_charge, make_mail_room, use_smtp, write
from tests.servers import mail_server


def start_worker() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "tests.notifications.worker"], stdout=subprocess.PIPE, text=True, env=os.environ)


def test_two_workers_share_the_queue_and_send_each_message_once(committed_database: str) -> None:
    with mail_server() as sink:
        organizations = [make_mail_room() for _ in range(3)]
        for organization in organizations:
            with tenant(organization):
                use_smtp(sink)
                for _ in range(16):
                    write()
        workers = [start_worker() for _ in range(2)]
        outcomes = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum(outcome.get("accepted", 0) for outcome in outcomes) == 48
    assert len(sink.received) == len({mail["Message-ID"] for mail in sink.received}) == 48
    assert QueueTicket.objects.count() == 0
    for organization in organizations:
        with tenant(organization):
            assert Attempt.objects.filter(number=1, outcome=AttemptOutcome.ACCEPTED).count() == Attempt.objects.count() == 16


def test_a_worker_killed_during_the_call_leaves_one_uncertain_message_and_no_second_copy(committed_database: str) -> None:
    with mail_server() as sink:
        sink.patient = True
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            message = write()
        worker = start_worker()
        assert sink.arrived.wait(60), "the worker reached the mail server"
        with tenant(organization):
            assert Message.objects.get().state == MessageState.SENDING
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        sink.patient = False
        sink.may_answer.set()

        with gate_in_charge() as gate:
            assert dispatcher.deliver_due(now=NOW) == {}  # its lease still runs
            with connection.cursor() as cursor:  # two minutes later
                cursor.execute("UPDATE notifications_queueticket SET lease_until = lease_until - interval '3 minutes'")
            with tenant(organization), connection.cursor() as cursor:
                cursor.execute("UPDATE notifications_message SET lease_until = lease_until - interval '3 minutes'")
            assert dispatcher.deliver_due(now=NOW) == {MessageState.UNCERTAIN: 1}
            assert dispatcher.deliver_due(now=NOW) == {}
            assert gate.settled == [(message.pk, MessageState.UNCERTAIN)]
            assert gate.asked == []
    assert len(sink.received) == 1
    with tenant(organization):
        assert [attempt.outcome for attempt in Attempt.objects.all()] == [AttemptOutcome.UNCERTAIN]


def test_a_worker_killed_before_it_said_anything_changes_nothing(committed_database: str) -> None:
    with mail_server() as sink:
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            write()
        from notifications import claiming

        assert len(claiming.claim(now=NOW)) == 1  # and then nothing: the process is gone
        with gate_in_charge():
            assert dispatcher.deliver_due(now=NOW) == {}
            with connection.cursor() as cursor:
                cursor.execute("UPDATE notifications_queueticket SET lease_until = lease_until - interval '11 minutes'")
            assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}
    assert len(sink.received) == 1
