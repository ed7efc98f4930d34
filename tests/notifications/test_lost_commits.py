"""The database takes a COMMIT and its word that it did is lost: what happened is read again, never assumed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications import dispatcher, sending
from notifications.enums import AttemptOutcome, MessageState
from notifications.models import Attempt, Message, QueueTicket
from tests.notifications.mailroom import NOW, gate_in_charge, make_mail_room, use_smtp, write
from tests.servers import mail_server


class LostAnswers:
    """`tenant()` that commits, then says the line was cut; at these of its transactions, counted from one."""

    def __init__(self, at: set[int], error: Exception, *, committed: bool) -> None:
        self.at, self.error, self.committed, self.count = at, error, committed, 0

    @contextmanager
    def __call__(self, organization: Any) -> Iterator[Any]:
        self.count += 1
        lost = self.count in self.at
        with tenant(organization) as scope:
            yield scope
            if lost and not self.committed:
                raise self.error
        if lost:
            raise self.error


@pytest.mark.parametrize("error", [OperationalError("the connection was lost"), InterfaceError("connection already closed")])
@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("at", [{1}, {2}, {3}, {4}, {5}, {1, 2}, {2, 3}, {3, 4, 5}])
def test_each_message_leaves_once_whichever_commit_is_not_heard_of(
    committed_database: str, monkeypatch: pytest.MonkeyPatch, at: set[int], committed: bool, error: Exception
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", (0.01,))
    with mail_server() as sink, gate_in_charge():
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            for _ in range(3):
                write()
        monkeypatch.setattr(sending, "tenant", LostAnswers(at, error, committed=committed))
        for _ in range(4):
            dispatcher.deliver_due(now=NOW)
        keys = [mail["Message-ID"] for mail in sink.received]
    assert len(keys) == len(set(keys)) == 3
    assert QueueTicket.objects.count() == 0
    with tenant(organization):
        assert set(Message.objects.values_list("state", flat=True)) == {MessageState.ACCEPTED}
        outcomes = list(Attempt.objects.values_list("outcome", flat=True))
        assert outcomes.count(AttemptOutcome.ACCEPTED) == 3
        assert set(outcomes) <= {AttemptOutcome.ACCEPTED, AttemptOutcome.RELEASED}
        assert AuditEvent.objects.filter(action="message.accepted").count() == 3
        assert not Message.objects.filter(attempts__outcome=AttemptOutcome.UNCERTAIN).exists()
