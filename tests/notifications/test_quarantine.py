"""A database restored to a moment before messages left: nothing of what may have left is sent again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from dunning.core import clock
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from dunning.local import testing
from notifications import dispatcher, services, settlement
from notifications.enums import AttemptOutcome, MessageState, Obstacle
from notifications.models import Attempt, Message
from tests.database_fixtures import _point_at
from tests.notifications.mailroom import ACTOR, NOW, gate_in_charge, make_mail_room, use_smtp, write
from tests.servers import mail_server

BACKUP = "2026-10-05T09:59+02:00"


@contextmanager
def copied(database: str) -> Iterator[str]:
    """A base backup of the database as it is, ready to be restored."""
    import os

    connections.close_all()
    with testing.clone(os.environ["DATABASE_OWNER_URL"], database, "backup") as name:
        yield name


def test_what_left_after_the_backup_is_not_sent_again(committed_database: str) -> None:
    with mail_server() as sink, gate_in_charge():
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            for _ in range(12):
                write()
            later = write(not_before=NOW + timedelta(hours=3))
            paper = write(channel="letter", state=MessageState.HELD)
        with copied(committed_database) as backup:
            assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 12}
            _point_at(backup)
            with tenant(organization):
                assert Message.objects.filter(state=MessageState.QUEUED).count() == 13  # it knows nothing of the twelve

            said = StringIO()
            with clock.virtual(NOW + timedelta(minutes=10)):
                call_command("quarantine", since=BACKUP, stdout=said)
                call_command("quarantine", since=BACKUP, stdout=said)
            assert said.getvalue().splitlines() == [
                f"{organization.slug}: 12 messages may have left and are uncertain.",
                f"{organization.slug}: 0 messages may have left and are uncertain.",
            ]
            for hours in (1, 4, 26, 50):
                dispatcher.deliver_due(now=NOW + timedelta(hours=hours))
            with tenant(organization):
                states = dict(Message.objects.values_list("pk", "state"))
                assert states.pop(later.pk) == MessageState.ACCEPTED  # it was not due yet: it cannot have left
                assert states.pop(paper.pk) == MessageState.HELD
                assert set(states.values()) == {MessageState.UNPROVEN}
                assert Attempt.objects.filter(outcome=AttemptOutcome.UNCERTAIN).count() == 12
                assert OrganizationProfile.objects.get().supervised_until is not None
            _point_at(committed_database)
    keys = [mail["Message-ID"] for mail in sink.received]
    assert len(keys) == len(set(keys)) == 13


def test_what_waited_for_a_person_and_left_after_the_backup_is_not_approved_again(committed_database: str) -> None:
    """Restored to 9:59; approved and released at 10:00, the failure came later: the board believes that all of it waits still."""
    with mail_server() as sink, gate_in_charge():
        organization = make_mail_room()
        with tenant(organization):
            use_smtp(sink)
            awaiting, held, unsent = (write(state=state) for state in ("awaiting_approval", "held", "awaiting_approval"))
            stopped = write(state=MessageState.HELD, reason=Obstacle.BY_HAND, reason_text="On attend son avoir")
        with copied(committed_database) as backup:
            with tenant(organization):
                assert services.approve(message_ids=[awaiting.pk], actor=ACTOR, now=NOW) == 1
                assert services.release(message_ids=[held.pk], actor=ACTOR, now=NOW) == 1
            assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 2}
            _point_at(backup)
            said = StringIO()
            with clock.virtual(NOW + timedelta(minutes=5)):
                call_command("quarantine", since=BACKUP, stdout=said)
                call_command("quarantine", since=BACKUP, stdout=said)
            assert said.getvalue().splitlines() == [
                f"{organization.slug}: 0 messages may have left and are uncertain.",
                f"{organization.slug}: 4 messages that waited for a person may have left too and are held.",
                f"{organization.slug}: 0 messages may have left and are uncertain.",
            ]
            later = NOW + timedelta(hours=1)
            with tenant(organization):
                assert set(Message.objects.values_list("state", "reason")) == {("held", "forgotten")}
                assert services.approve(message_ids=[awaiting.pk, held.pk, unsent.pk], actor=ACTOR, now=NOW) == 0
                settlement.record_delivery_event(message_id=held.pk, kind="delivered", at=NOW, now=later, external_id="d")
                services.settle_uncertain(message_id=awaiting.pk, left=True, actor=ACTOR, now=later)
                for message in (unsent, stopped):
                    services.settle_uncertain(message_id=message.pk, left=False, actor=ACTOR, now=later)
                stopped.refresh_from_db()
                assert (stopped.state, stopped.reason, stopped.reason_text) == ("held", "by_hand", "On attend son avoir")
                states = dict(Message.objects.values_list("pk", "state"))
                assert states == {awaiting.pk: "accepted", held.pk: "delivered", unsent.pk: "awaiting_approval", stopped.pk: "held"}
                assert services.approve(message_ids=[unsent.pk], actor=ACTOR, now=later) == 1
            assert dispatcher.deliver_due(now=later) == {MessageState.ACCEPTED: 1}
            _point_at(committed_database)
    keys = [mail["Message-ID"] for mail in sink.received]
    assert len(keys) == len(set(keys)) == 3


def test_a_moment_that_cannot_be_meant_is_refused(db: None) -> None:
    for text, said in (("yesterday", "not a moment"), ("2026-10-05T09:30", "not a moment"), ("2999-01-01T00:00+00:00", "not come yet")):
        with pytest.raises(CommandError, match=said):
            call_command("quarantine", since=text)


def test_an_organization_without_a_name_is_not_all_of_them(db: None) -> None:
    """What a script's empty variable gives: nobody's messages are touched."""
    for command, given in (("quarantine", {"since": BACKUP}), ("verify_audit", {}), ("check_invariants", {})):
        with pytest.raises(CommandError, match="no organization “”"):
            call_command(command, organization="", **given)
