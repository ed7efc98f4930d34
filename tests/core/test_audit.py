"""The audit trail: it grows, it chains, and it shows where somebody touched it."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError

from dunning.core import audit
from dunning.core.models import AuditEvent, AuditHead
from dunning.core.tenancy import tenant
from tests.factories import make_organization

MORNING = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)


@pytest.mark.django_db
def test_events_are_chained_in_the_order_they_happened() -> None:
    organization = make_organization()
    with tenant(organization):
        audit.record(actor="user:claire", action="promise.made", body={"amount": "120.00"}, now=MORNING)
        audit.record(actor="system", action="run.finished", now=MORNING)
    with tenant(organization):
        audit.record(actor="user:claire", action="promise.kept", now=MORNING)
        first, second = AuditEvent.objects.order_by("sequence")  # the third is written when its transaction ends, not before
    assert (first.sequence, first.action, first.previous_hash) == (1, "promise.made", audit.GENESIS)
    assert (second.sequence, second.previous_hash) == (2, first.hash)
    with tenant(organization):
        assert AuditEvent.objects.get(sequence=3).previous_hash == second.hash
        assert list(audit.verify()) == []
        assert AuditHead.objects.get().sequence == 3


@pytest.mark.django_db
def test_a_head_that_is_remembered_wrongly_forks_no_chain() -> None:
    organization = make_organization()
    with tenant(organization):
        audit.record(actor="system", action="run.started", now=MORNING)
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # remembered, then rolled back
        with tenant(organization):
            audit.record(actor="system", action="run.lost", now=MORNING)
        raise ZeroDivisionError
    known = audit._heads[organization.pk]
    with tenant(organization):
        audit.record(actor="system", action="run.finished", now=MORNING)
    audit._heads[organization.pk] = known  # as in a process that did not see the last one
    with tenant(organization):
        audit.record(actor="system", action="run.started", now=MORNING)
    with tenant(organization):
        assert list(AuditEvent.objects.order_by("sequence").values_list("sequence", "action")) == [
            (1, "run.started"), (2, "run.finished"), (3, "run.started"),
        ]  # fmt: skip
        assert list(audit.verify()) == []


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE core_auditevent SET actor = 'nobody'", "DELETE FROM core_auditevent"])
def test_the_application_cannot_change_history_even_in_sql(statement: str) -> None:
    organization = make_organization()
    with tenant(organization):
        audit.record(actor="user:claire", action="promise.made", now=MORNING)
    with tenant(organization):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert AuditEvent.objects.get().actor == "user:claire"


def test_tampering_by_the_owner_of_the_tables_is_found(committed_database: str) -> None:
    organization = make_organization(slug="menuiserie")
    with tenant(organization):
        for day in range(1, 6):
            audit.record(actor="user:claire", action=f"day.{day}", now=MORNING)
    out = StringIO()
    call_command("verify_audit", "--organization", "menuiserie", stdout=out)
    assert out.getvalue() == "menuiserie: 5 events, the chain is whole.\n"
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE core_auditevent DISABLE TRIGGER USER")
        cursor.execute('UPDATE core_auditevent SET body = \'{"amount": "1.00"}\' WHERE sequence = 3')
        cursor.execute("DELETE FROM core_auditevent WHERE sequence = 5")
    errors = StringIO()
    with pytest.raises(CommandError, match="2 link"):
        call_command("verify_audit", "--organization", "menuiserie", stdout=out, stderr=errors)
    assert errors.getvalue().splitlines() == [
        "menuiserie: event 3: its content was changed",
        "menuiserie: event 5: the trail ends at 4, the head says 5",
    ]
