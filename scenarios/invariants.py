"""What must hold whatever happened, as SQL: asked after every trial, every hour in production, and by `manage.py check_invariants`.

Each question finds the rows that break its rule and reads what is written, never what the engine would decide. I12, that the provider's own
journal and our accepted messages are the same, is asked where there is such a journal: in trials. In production I12 compares attempts with
messages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.translation import gettext_lazy as _

from dunning.core import audit
from dunning.core.enums import Channel
from dunning.core.models import Organization
from dunning.core.selectors import get_calendar, get_profile
from dunning.core.tenancy import tenant
from notifications.enums import AttemptOutcome, MessageKind
from notifications.models import Attempt
from scenarios.quiet_hours import sending_hours

LOOK_BACK: Final = timedelta(days=2)  # what can only go wrong at the moment of sending is asked of the last two days
MOST_NAMED: Final = 10
A_CALL: Final = timedelta(minutes=2)

SAID: Final = "('accepted', 'delivered', 'bounced', 'complained')"
LEFT: Final = "('accepted', 'delivered', 'complained')"


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule and the SQL that finds what breaks it: one row each, its first column the name of what is wrong."""

    code: str
    rule: Any
    sql: str


@dataclass(frozen=True, slots=True)
class Violation:
    """An organization's rows that break a rule; `names` are the first of them."""

    organization: str
    code: str
    rule: str
    count: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        more = "…" if self.count > len(self.names) else ""
        return f"{self.organization}: {self.code} {self.rule} ({self.count}: {', '.join(self.names)}{more})"


INVARIANTS: Final[Sequence[Invariant]] = (
    Invariant(
        "I1",
        _("A step is said to have been done by one message at most."),
        f"""
        SELECT link.action_id FROM scenarios_actionmessage link JOIN notifications_message m ON m.id = link.message_id
        WHERE link.own_step AND m.state IN {LEFT} GROUP BY link.action_id HAVING count(*) > 1
        """,  # noqa: S608  words of this module
    ),
    Invariant(
        "I2",
        _("Nothing is claimed after the payment or the dispute that settles it was written."),
        """
        WITH sent AS (
            SELECT m.id AS message_id, coalesce(max(e.sequence) FILTER (WHERE e.action = 'message.sending'), min(e.sequence)) AS sequence
            FROM core_auditevent e JOIN notifications_message m ON m.id::text = e.object_id AND m.kind = 'reminder'
            WHERE e.object_type = 'notifications.message' AND e.at > %(since)s
              AND e.action IN ('message.sending', 'message.accepted', 'message.to_post') GROUP BY m.id
        ),
        claimed AS (
            SELECT sent.message_id, sent.sequence, i.id, i.amount FROM sent
            JOIN scenarios_actionmessage link ON link.message_id = sent.message_id AND link.own_step
            JOIN scenarios_action a ON a.id = link.action_id JOIN invoices_installment i ON i.id = a.installment_id
        )
        SELECT c.message_id FROM claimed c WHERE c.amount > 0 AND c.amount <= (
            SELECT coalesce(sum(al.amount), 0) FROM invoices_allocation al JOIN core_auditevent paid
                ON paid.object_type = 'invoices.payment' AND paid.object_id = al.payment_id::text AND paid.action = 'payment.recorded'
            WHERE al.installment_id = c.id AND al.reversed_at IS NULL AND paid.sequence < c.sequence)
        UNION
        SELECT c.message_id FROM claimed c JOIN invoices_dispute d ON d.installment_id = c.id AND d.amount IS NULL AND d.state = 'open'
        JOIN core_auditevent opened
            ON opened.object_type = 'invoices.dispute' AND opened.object_id = d.id::text AND opened.action = 'dispute.opened'
        WHERE opened.sequence < c.sequence
        """,
    ),
    Invariant(
        "I3",
        _("A debtor is reminded at most once a day over a channel about the same account."),
        f"""
        SELECT min(m.id::text) FROM notifications_message m
        WHERE m.kind = 'reminder' AND m.group_key <> '' AND m.state IN {LEFT} AND m.accepted_at IS NOT NULL
        GROUP BY m.group_key, m.channel, (m.accepted_at AT TIME ZONE %(zone)s)::date HAVING count(*) > 1
        """,  # noqa: S608  words of this module
    ),
    Invariant(
        "I4",
        _("What is said to have left has its attempt, its frozen copy and its trail."),
        f"""
        SELECT m.id FROM notifications_message m WHERE m.state IN {SAID} AND (
            ((m.frozen_at IS NULL OR m.content_sha256 = '') AND NOT m.details ? 'quarantined') OR m.accepted_at IS NULL
            OR NOT EXISTS (SELECT FROM notifications_attempt a WHERE a.message_id = m.id)
            OR NOT EXISTS (SELECT FROM core_auditevent e WHERE e.object_type = 'notifications.message' AND e.object_id = m.id::text))
        """,  # noqa: S608  words of this module
    ),
    Invariant(
        "I5",
        _("Nothing is being sent longer than its lease and a minute."),
        """
        SELECT m.id FROM notifications_message m WHERE m.state = 'sending'
        AND (m.lease_until IS NULL OR m.lease_until < clock_timestamp() - interval '60 seconds')
        """,
    ),
    Invariant(
        "I6",
        _("What may have left is not left open for more than a day without a person's task."),
        """
        SELECT m.id FROM notifications_message m WHERE (m.state = 'unproven' OR (m.state = 'uncertain' AND EXISTS (
            SELECT FROM notifications_attempt a WHERE a.message_id = m.id HAVING max(a.started_at) < %(now)s - interval '25 hours')))
        AND NOT EXISTS (SELECT FROM scenarios_task t WHERE t.message_id = m.id AND t.kind = 'uncertain_sending')
        """,
    ),
    Invariant(
        "I7",
        _("A message, its customer, its text and its files are of one organization."),
        """
        SELECT m.id FROM notifications_message m
        LEFT JOIN customers_customer c ON c.id = m.customer_id LEFT JOIN customers_contact p ON p.id = m.contact_id
        LEFT JOIN notifications_messagetemplate t ON t.id = m.template_id LEFT JOIN core_document d ON d.id = m.document_id
        WHERE (m.customer_id IS NOT NULL AND c.id IS NULL) OR (m.contact_id IS NOT NULL AND p.id IS NULL)
           OR (m.template_id IS NOT NULL AND t.id IS NULL) OR (m.document_id IS NOT NULL AND d.id IS NULL)
        """,
    ),
    Invariant(
        "I9",
        _("Nothing is sent to an address that was closed before."),
        """
        SELECT m.id FROM notifications_attempt a JOIN notifications_message m ON m.id = a.message_id
        JOIN notifications_suppression s ON s.channel = m.channel AND s.address = lower(m.recipient)
        WHERE a.started_at > %(since)s AND a.outcome <> 'released' AND s.message_id IS DISTINCT FROM m.id
          AND a.started_at > s.since + interval '1 hour' AND (s.lifted_at IS NULL OR a.started_at < s.lifted_at)
        """,
    ),
    Invariant(
        "I10",
        _("A finished run decided every open item once."),
        """
        SELECT r.local_date::text FROM scenarios_dailyrun r WHERE r.finished_at IS NOT NULL AND r.counts ? 'decisions' AND r.items <> (
            SELECT coalesce(sum(n.value::int), 0) FROM jsonb_each(r.counts -> 'decisions') k, jsonb_each_text(k.value) n)
        """,
    ),
    Invariant(
        "I11",
        _("Every row of an imported file is counted: loaded, or kept with its reason."),
        """
        SELECT b.filename FROM invoices_importbatch b
        WHERE b.errors <> (SELECT count(*) FROM invoices_importrow r WHERE r.batch_id = b.id AND r.outcome = 'error')
        """,
    ),
    Invariant(
        "I12",
        _("What a provider accepted is said to have left, once."),
        f"""
        SELECT m.id FROM notifications_message m JOIN notifications_attempt a ON a.message_id = m.id AND a.outcome = 'accepted'
        GROUP BY m.id HAVING count(*) > 1
            OR (m.state NOT IN {SAID} AND m.state NOT IN ('to_post', 'entrusted', 'failed', 'cancelled', 'unproven'))
        """,  # noqa: S608  words of this module
    ),
    Invariant(
        "I13",
        _("What waits to leave has its place in the queue."),
        """
        SELECT m.id FROM notifications_message m WHERE m.state IN ('queued', 'retry', 'sending', 'uncertain')
        AND NOT EXISTS (SELECT FROM notifications_queueticket q WHERE q.message_id = m.id)
        """,
    ),
    Invariant(
        "I14",
        _("What waits to be told to a webhook has its place in the queue."),
        """
        SELECT e.id FROM notifications_webhookendpoint e WHERE e.state = 'active'
        AND EXISTS (SELECT FROM notifications_webhookdelivery d WHERE d.endpoint_id = e.id AND d.state = 'pending')
        AND NOT EXISTS (SELECT FROM notifications_queueticket q WHERE q.message_id = e.id)
        """,
    ),
    Invariant(
        "I15",
        _("An item bears its invoice’s customer and currency, and of a cancelled invoice nothing is left to pay."),
        """
        SELECT i.id FROM invoices_installment i JOIN invoices_invoice v ON v.id = i.invoice_id
        WHERE i.currency <> v.currency OR i.customer_id <> v.customer_id OR (v.state = 'cancelled' AND i.outstanding > 0)
        """,
    ),
)


def check(organization: Organization, *, now: datetime) -> Iterator[Violation]:
    """Ask everything of one organization, in one transaction."""
    with tenant(organization):
        values: dict[str, Any] = {"now": now, "since": now - LOOK_BACK, "zone": organization.timezone}
        for invariant in INVARIANTS:
            with connection.cursor() as cursor:
                cursor.execute(invariant.sql, values)
                names = [str(row[0]) for row in cursor.fetchall()]
            if names:
                yield _violation(organization, invariant.code, invariant.rule, names)
        broken = [f"{fault.sequence}: {fault.reason}" for fault in audit.verify()]
        if broken:
            yield _violation(organization, "I8", _("The audit trail is whole."), broken)
        outside = _outside_hours(organization, now - LOOK_BACK)
        if outside:
            yield _violation(organization, "I9", _("No reminder leaves outside the sending hours."), outside)


def _violation(organization: Organization, code: str, rule: Any, names: Sequence[str]) -> Violation:
    return Violation(organization.slug, code, str(rule), len(names), tuple(names[:MOST_NAMED]))


def _outside_hours(organization: Organization, since: datetime) -> list[str]:
    """Reminders whose attempt began outside the hours of their channel, on the clock that counts for it; a call may take two minutes."""
    profile = get_profile()
    own: dict[str, Any] = {
        "opening": profile.window_start,
        "closing": profile.window_end,
        "zone": ZoneInfo(organization.timezone),
        "calendar": get_calendar(profile),
        "home": profile.country,
    }
    rows = (
        Attempt.objects.filter(started_at__gt=since, message__kind=MessageKind.REMINDER)
        .exclude(outcome=AttemptOutcome.RELEASED)
        .order_by("started_at", "pk")
        .values_list("message_id", "message__channel", "message__recipient", "started_at")
    )
    outside = []
    for message_id, channel, recipient, started_at in rows.iterator():
        hours = sending_hours(channel, recipient if channel == Channel.SMS else "", **own)
        if hours is not None and not hours.is_open(started_at) and not hours.is_open(started_at - A_CALL):
            outside.append(str(message_id))
    return outside
