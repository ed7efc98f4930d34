"""Each rule of reliability, broken on purpose by the tables' owner, is found; a house in order breaks none."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios import invariants
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import at, open_house, run_on
from tests.scenarios.road import pay

NOW = at("2026-10-02", 12)
TABLES = (
    "notifications_message", "notifications_attempt", "notifications_suppression", "scenarios_actionmessage", "scenarios_dailyrun",
    "core_auditevent", "invoices_importbatch", "invoices_invoice", "invoices_installment",
)  # fmt: skip
ONE = "(SELECT id FROM notifications_message WHERE kind = 'reminder' ORDER BY id LIMIT 1)"

BREAKS = {
    "I1": "UPDATE scenarios_actionmessage SET action_id = (SELECT min(action_id::text)::uuid FROM scenarios_actionmessage)",
    "I2": "UPDATE core_auditevent SET sequence = 0 WHERE action = 'payment.recorded'",
    "I3": f"""UPDATE notifications_message SET planned_on = planned_on - 1,
              group_key = (SELECT group_key FROM notifications_message WHERE id <> {ONE} AND kind = 'reminder') WHERE id = {ONE}""",
    "I4": f"UPDATE notifications_message SET content_sha256 = '' WHERE id = {ONE}",
    "I5": f"UPDATE notifications_message SET state = 'sending', lease_until = clock_timestamp() - interval '2 minutes' WHERE id = {ONE}",
    "I6": f"UPDATE notifications_message SET state = 'unproven' WHERE id = {ONE}",
    "I7": f"""ALTER TABLE notifications_message DROP CONSTRAINT notifications_message_contact_id_tenant_fk;
              UPDATE notifications_message SET contact_id = gen_random_uuid() WHERE id = {ONE}""",
    "I8": "UPDATE core_auditevent SET actor = 'user:somebody else' WHERE sequence = 1",
    "I9": f"""INSERT INTO notifications_suppression (id, organization_id, channel, address, reason, since)
              SELECT gen_random_uuid(), organization_id, channel, recipient, 'stop', '2026-10-01 12:00+00' FROM notifications_message
              WHERE id = {ONE}""",
    "I9 at night": f"UPDATE notifications_attempt SET started_at = '2026-10-01 21:00+00' WHERE message_id = {ONE}",
    "I9 on a Sunday": f"UPDATE notifications_attempt SET started_at = '2026-10-04 09:00+00' WHERE message_id = {ONE}",
    "I9 in America's night": f"""UPDATE notifications_message SET channel = 'sms', recipient = '+12125550123' WHERE id = {ONE}""",
    "I10": "UPDATE scenarios_dailyrun SET items = items + 1",
    "I11": """INSERT INTO invoices_importbatch (id, organization_id, kind, filename, sha256, mapping, created, updated, unchanged, errors,
                  actor, loaded_at, undone_by, undone)
              SELECT gen_random_uuid(), id, 'invoices', 'factures.csv', '', '{}', 0, 0, 0, 3, 'user:x', now(), '', '{}'
              FROM core_organization""",
    "I12": f"UPDATE notifications_message SET state = 'held' WHERE id = {ONE}",
    "I13": f"UPDATE notifications_message SET state = 'queued' WHERE id = {ONE}",
    "I14": """WITH told AS (
            INSERT INTO notifications_webhookendpoint (id, organization_id, url, description, types, secrets, state, reason, since,
                created_at, created_by, failures, last_fault)
            SELECT gen_random_uuid(), organization_id, 'https://hooks.example.com/', '', '{}', '', 'active', '', now(), now(), '', 0, ''
            FROM core_organizationprofile RETURNING id, organization_id)
        INSERT INTO notifications_webhookdelivery (id, organization_id, endpoint_id, event_id, type, about, body, state, created_at,
            next_at, tries, begun)
        SELECT gen_random_uuid(), organization_id, id, gen_random_uuid(), 'invoice.paid', '', '', 'pending', now(), now(), 0, 0
        FROM told""",
    "I15": "UPDATE invoices_installment SET currency = 'USD'",
    "I15 of a cancelled invoice": "UPDATE invoices_invoice SET state = 'cancelled'",
}  # fmt: skip


@pytest.fixture
def house(committed_database: str) -> Organization:
    """Two customers were reminded this morning, and one of them paid afterwards."""
    house = open_house()
    with tenant(house):
        items = [make_invoice(make_customer(name), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)) for name in ("C1", "C2")]
    run_on(house, "2026-10-02")
    with tenant(house):
        assert [message.state for message in Message.objects.filter(kind="reminder")] == ["accepted", "accepted"]
        pay(items[0].customer, "1200.00", "2026-10-02", items[0], hour=11)
    return house


def breaks(sql: str) -> None:
    """As the owner of the tables, past every trigger."""
    with connections["owner"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql)


def test_a_house_in_order_breaks_no_rule(house: Organization) -> None:
    assert list(invariants.check(house, now=NOW)) == []
    said = StringIO()
    with clock.virtual(NOW):
        call_command("check_invariants", stdout=said)
    assert said.getvalue() == "Every rule holds in 1 organization.\n"


@pytest.mark.parametrize("name", BREAKS)
def test_each_broken_rule_is_found_and_named(house: Organization, name: str) -> None:
    breaks(BREAKS[name])
    code = name.split()[0]
    now = at("2026-10-05", 8) if name == "I9 on a Sunday" else NOW
    found = {violation.code: violation for violation in invariants.check(house, now=now)}
    assert code in found
    assert found[code].count >= 1
    assert str(found[code]).startswith(f"{house.slug}: {code} ")
    errors = StringIO()
    with clock.virtual(now), pytest.raises(CommandError, match="broken: see above"):
        call_command("check_invariants", organization=house.slug, stderr=errors)
    assert f"{house.slug}: {code} " in errors.getvalue()


def test_a_text_message_in_the_customers_day_and_a_test_to_oneself_break_no_rule(house: Organization) -> None:
    """Nine at night in Paris is three in the afternoon in New York; a message to oneself has no customer."""
    breaks(
        f"""UPDATE notifications_attempt SET started_at = '2026-10-01 19:00+00' WHERE message_id = {ONE};
            UPDATE notifications_message SET channel = 'sms', recipient = '+12125550123' WHERE id = {ONE};
            UPDATE notifications_message SET kind = 'test', customer_id = NULL, group_key = '' WHERE id <> {ONE}"""
    )
    assert list(invariants.check(house, now=NOW)) == []


def test_every_rule_has_its_break() -> None:
    assert {name.split()[0] for name in BREAKS} == {invariant.code for invariant in invariants.INVARIANTS} | {"I8"}
