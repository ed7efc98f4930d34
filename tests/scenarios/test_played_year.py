"""Ten weeks of the demonstration's life, played like its year, and what must hold of any life: asked of the rows, not of the code."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection

from customers.models import Customer
from dunning.core import audit
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.selectors import customer_statement, ledger_balance
from notifications.dispatcher import deliver_due
from notifications.enums import LEFT, MessageState
from notifications.freezing import is_intact
from notifications.models import Message
from scenarios.enums import WRITTEN_CHANNELS, Phase
from scenarios.models import DailyRun
from scenarios.services.runs import run_organization
from scenarios.simulation import demo
from scenarios.simulation.player import Played, play

FIRST: Final = date(2026, 4, 13)
LAST: Final = date(2026, 6, 19)
PARIS: Final = ZoneInfo("Europe/Paris")

# A message that claimed what had been paid in full, and booked, before its day.
AFTER_BOOKED_PAYMENT: Final = """
SELECT m.id, i.id FROM notifications_message m
JOIN scenarios_actionmessage l ON l.organization_id = m.organization_id AND l.message_id = m.id
JOIN scenarios_action a ON a.organization_id = l.organization_id AND a.id = l.action_id
JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id
WHERE m.kind = 'reminder' AND m.accepted_at IS NOT NULL AND i.outstanding = 0
  AND (m.accepted_at AT TIME ZONE %s)::date > (
       SELECT max(p.entered_on) FROM invoices_allocation x
       JOIN invoices_payment p ON p.organization_id = x.organization_id AND p.id = x.payment_id
       WHERE x.organization_id = i.organization_id AND x.installment_id = i.id AND x.reversed_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM invoices_allocation x WHERE x.organization_id = i.organization_id AND x.installment_id = i.id
                  AND x.reversed_at IS NULL AND x.payment_id IS NULL)
"""
TWICE_A_DAY: Final = """
SELECT group_key, (accepted_at AT TIME ZONE %s)::date, count(*) FROM notifications_message
WHERE kind = 'reminder' AND group_key <> '' AND accepted_at IS NOT NULL AND state NOT IN ('bounced', 'failed', 'cancelled')
GROUP BY 1, 2 HAVING count(*) > 1
"""
SERVICE_TOO_LATE: Final = """
SELECT m.id, i.id, i.due_on FROM notifications_message m
JOIN scenarios_actionmessage l ON l.organization_id = m.organization_id AND l.message_id = m.id
JOIN scenarios_action a ON a.organization_id = l.organization_id AND a.id = l.action_id
JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id
WHERE m.kind = 'reminder' AND m.phase = %s AND m.accepted_at IS NOT NULL AND (m.accepted_at AT TIME ZONE %s)::date > i.due_on
"""
DONE_UNSAID: Final = """
SELECT a.id, a.step_key, a.done_on FROM scenarios_action a
WHERE a.state = 'done' AND a.plan_id IS NOT NULL AND a.channel = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM scenarios_actionmessage l
    JOIN notifications_message m ON m.organization_id = l.organization_id AND m.id = l.message_id
    WHERE l.organization_id = a.organization_id AND l.action_id = a.id AND m.state = ANY(%s))
"""
OVERSTAYED: Final = """
SELECT id, state, planned_on FROM notifications_message
WHERE state IN ('draft', 'queued', 'retry', 'sending', 'uncertain') AND (planned_on < %s OR coalesce(not_before, planned_on) <= %s)
"""
TWO_STEPS_A_DAY: Final = """
SELECT installment_id, taken_on, count(*) FROM scenarios_action WHERE state = 'done' AND plan_id IS NOT NULL
GROUP BY 1, 2 HAVING count(*) > 1
"""
EVERYTHING: Final = """
SELECT 'message', id::text, state, coalesce(content_sha256, '') || amount::text FROM notifications_message
UNION ALL SELECT 'action', id::text, state, coalesce(done_on::text, '') FROM scenarios_action
UNION ALL SELECT 'task', id::text, state, outcome FROM scenarios_task
UNION ALL SELECT 'commitment', id::text, state, '' FROM scenarios_commitment
UNION ALL SELECT 'item', id::text, outstanding::text, coalesce(settled_on::text, '') FROM invoices_installment
"""


def _rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _live() -> tuple[Organization, Played]:
    organization, _owner, _password = demo.prepare(now=datetime.combine(FIRST, time(5), tzinfo=PARIS))
    return organization, play(organization=organization, first=FIRST, last=LAST, life=demo.DemoLife(organization, LAST))


def test_ten_weeks_leave_nothing_wrong_behind(committed_database: str) -> None:
    organization, played = _live()

    assert played.days == (LAST - FIRST).days + 1
    assert played.messages["email"] > 100
    assert played.tasks["call"] > 5
    with tenant(organization):
        assert DailyRun.objects.filter(finished_at__isnull=False).count() == played.days
        assert _rows(AFTER_BOOKED_PAYMENT, PARIS.key) == []
        assert _rows(TWICE_A_DAY, PARIS.key) == []
        assert _rows(TWO_STEPS_A_DAY) == []
        assert _rows(SERVICE_TOO_LATE, int(Phase.SERVICE), PARIS.key) == []
        assert _rows(DONE_UNSAID, sorted(WRITTEN_CHANNELS), sorted(LEFT)) == []
        _assert_frozen()
        _assert_accounts_agree()
        assert list(audit.verify()) == []

    _assert_nothing_overstays(organization)
    _assert_again_changes_nothing(organization)


def _assert_frozen() -> None:
    left = list(Message.objects.filter(accepted_at__isnull=False).select_related("document", "print_document"))
    assert len(left) > 100
    assert [message.pk for message in left if not message.content_sha256 or message.frozen_at is None] == []
    assert [message.pk for message in left if not is_intact(message)] == []
    message = left[0]
    message.body_text += " "
    assert not is_intact(message)


def _assert_accounts_agree() -> None:
    """Each account's statement is what its documents say; a payer with those it pays for."""
    groups: dict[Any, list[Any]] = {}
    for pk, payer in Customer.objects.values_list("pk", "payer_id"):
        groups.setdefault(payer or pk, []).append(pk)
    owing = 0
    for ids in groups.values():
        said = {statement.currency: statement.net for statement in customer_statement(ids, today=LAST) if statement.net}
        owing += bool(said)
        assert said == {currency: amount for currency, amount in ledger_balance(ids).items() if amount}
    assert owing > 50


def _assert_nothing_overstays(organization: Organization) -> None:
    evening = datetime.combine(LAST, time(18), tzinfo=PARIS)
    with tenant(organization):
        assert _rows(OVERSTAYED, LAST, LAST) == []
    assert deliver_due(now=evening, organization=organization) == {}


def _assert_again_changes_nothing(organization: Organization) -> None:
    with tenant(organization):
        before = sorted(_rows(EVERYTHING))
    for days in range((LAST - FIRST).days + 1):
        today = FIRST + timedelta(days=days)
        now = datetime.combine(today, time(20), tzinfo=PARIS)
        again = run_organization(organization=organization, today=today, now=now, actor="system", played=True)
        assert again.already_done
    evening = datetime.combine(LAST, time(20), tzinfo=PARIS)
    again = run_organization(organization=organization, today=LAST, now=evening, actor="user", again=True, played=True)
    assert not again.already_done
    with tenant(organization):
        after = sorted(_rows(EVERYTHING))
    assert [row for row in after if row[0] != "task"] == [row for row in before if row[0] != "task"]
    assert set(before) <= set(after)  # the afternoon's disputes and pauses put work on the desk, nothing else
    run_organization(organization=organization, today=LAST, now=evening, actor="user", again=True, played=True)
    assert deliver_due(now=evening, organization=organization) == {}
    with tenant(organization):
        assert sorted(_rows(EVERYTHING)) == after
        assert not Message.objects.filter(state=MessageState.QUEUED).exists()
