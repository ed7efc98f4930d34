"""What ends its worker while it is prepared is found, held for a person and named; everything beside it leaves."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from dunning.core.enums import Channel
from dunning.core.tenancy import tenant
from notifications import dispatcher
from notifications.enums import MessageState, Obstacle
from notifications.models import Message, QueueTicket
from tests.notifications.mailroom import NOW, Gate, make_mail_room, use_smtp, write
from tests.servers import mail_server

EATS_ITS_WORKER = """
import json, os, signal, sys
import django
django.setup()
from notifications import dispatcher
from notifications.signals import Go
from tests.notifications.mailroom import NOW, gate_in_charge, go

def answer(message):
    if message.details.get("poison"):
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does to a process that ate the memory
    return go(message)

with gate_in_charge() as gate:
    gate.default = answer
    sys.stdout.write(json.dumps(dispatcher.deliver_due(now=NOW)))
"""


def work() -> int:
    """One worker's life; its exit code."""
    command = [sys.executable, "-c", EATS_ITS_WORKER]
    return subprocess.run(command, env=os.environ, capture_output=True, timeout=300, check=False).returncode  # noqa: S603  above


def leases_end() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_queueticket SET lease_until = clock_timestamp() - interval '1 second' WHERE lease_until IS NOT NULL"
        )


def test_a_message_that_eats_its_workers_is_held_and_the_others_leave(committed_database: str) -> None:
    with mail_server() as sink:
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            others = [write() for _ in range(6)]
            poison = write(details={"poison": True})
            others += [write() for _ in range(6)]
        ends = []
        while not ends or ends[-1] != 0:
            ends.append(work())
            leases_end()
            assert len(ends) < 8
        assert ends == [-9, -9, -9, 0]  # three tries, then it is left alone
        with tenant(organization):
            states = dict(Message.objects.values_list("pk", "state"))
            assert states.pop(poison.pk) == MessageState.HELD
            assert set(states.values()) == {MessageState.ACCEPTED}
            held = Message.objects.get(pk=poison.pk)
            assert held.reason == Obstacle.CRASHED
            assert "fault of the program" in str(Obstacle(held.reason).label)
        assert len(sink.received) == len(others) == 12
        assert QueueTicket.objects.count() == 0


@pytest.mark.django_db
def test_a_text_that_cannot_be_rendered_and_a_letter_without_address_hold_themselves_alone(gate: Gate) -> None:
    with mail_server() as sink:
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            good = [write() for _ in range(3)]
            bad = write()
            nowhere = write(channel=Channel.LETTER, postal_address=[], recipient_name="Dupont & Fils")
            posted = write(channel=Channel.LETTER)
            good += [write() for _ in range(3)]
        gate.answers[bad.pk] = RecursionError("a fault while rendering")
        outcomes = dispatcher.deliver_due(now=NOW)
        assert outcomes == {MessageState.ACCEPTED: 6, MessageState.TO_POST: 1, MessageState.HELD: 2}
        with tenant(organization):
            rows = {message.pk: message for message in Message.objects.all()}
        assert (rows[bad.pk].state, rows[bad.pk].reason, rows[bad.pk].reason_text) == ("held", Obstacle.CRASHED, "RecursionError")
        assert (rows[nowhere.pk].state, rows[nowhere.pk].reason, rows[nowhere.pk].reason_text) == (
            "held", Obstacle.ADDRESS_MISSING, "Dupont & Fils",
        )  # fmt: skip
        assert rows[posted.pk].state == MessageState.TO_POST
        assert {rows[message.pk].state for message in good} == {"accepted"}
        assert len(sink.received) == 6
