"""A word of thanks for a payment, where the customer's plan says so: one per payment, at most one a quarter, never after a firm reminder.

The daily run looks once, in one query, at the money the ledger learnt of lately. Thanked is who paid an invoice off and owes nothing late
or contested; not for a payment that was fetched by direct debit, or too small to be worth a letter. Thanks neither wait nor count for
spacing (rule 6), and never leave beside another message of the day.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from customers.enums import PaymentMeans
from dunning.core import audit
from dunning.core.enums import WRITTEN_CHANNELS, Channel, Phase
from notifications import outbox
from notifications.enums import MessageKind
from notifications.models import Message
from scenarios.context import Frame
from scenarios.outcomes import QUARTER, THANKS_TEMPLATE, may_thank
from scenarios.outside import opening_state
from scenarios.recipients import Directory

RECENT: Final = 7  # days since the money came, and since the ledger learnt of it: nobody is thanked for last year's payments
LEAST: Final = Decimal(100)  # in the payment's currency

_CANDIDATES: Final = """
WITH paid AS MATERIALIZED (
    SELECT p.id, p.amount, p.received_on, coalesce(c.payer_id, c.id) AS root
    FROM invoices_payment p
    JOIN customers_customer c ON c.organization_id = p.organization_id AND c.id = p.customer_id
    WHERE p.entered_on BETWEEN %(since)s AND %(today)s AND p.received_on >= %(since)s
      AND p.cancelled_at IS NULL AND p.amount >= %(least)s AND p.means <> %(debit)s
      AND EXISTS (SELECT 1 FROM invoices_allocation a
                  JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id
                  WHERE a.organization_id = p.organization_id AND a.payment_id = p.id AND a.reversed_at IS NULL AND i.outstanding = 0)
), roots AS MATERIALIZED (SELECT DISTINCT root FROM paid), family AS MATERIALIZED (
    SELECT root, root AS id FROM roots UNION ALL SELECT root, c.id FROM roots JOIN customers_customer c ON c.payer_id = root
), said AS MATERIALIZED (
    SELECT root,
           max(m.planned_on) FILTER (WHERE m.kind = 'thanks' AND m.state <> 'bounced') AS thanked_on,
           bool_or(m.kind = 'reminder' AND m.phase >= %(firm)s) AS firm,
           bool_or(m.planned_on = %(today)s OR (m.kind = 'retraction' AND m.planned_on >= %(since)s)) AS busy
    FROM family JOIN notifications_message m ON m.customer_id = family.id
    WHERE m.planned_on > %(quarter)s AND m.state NOT IN ('cancelled', 'failed')
    GROUP BY root
), barred AS MATERIALIZED (
    SELECT root FROM family JOIN customers_customer c ON c.id = family.id
    WHERE c.insolvency_opened_on IS NOT NULL OR c.reply_pending_since IS NOT NULL
    UNION ALL
    SELECT root FROM family JOIN invoices_installment i ON i.customer_id = family.id JOIN invoices_invoice v ON v.id = i.invoice_id
    WHERE i.outstanding > 0 AND i.due_on < %(today)s AND v.state = 'issued'
    UNION ALL
    SELECT root FROM family JOIN invoices_dispute d ON d.customer_id = family.id WHERE d.state = 'open'
)
SELECT paid.id, root, r.group_id, said.thanked_on,
       coalesce(said.firm, false)
       OR EXISTS (SELECT 1 FROM invoices_allocation a
                  JOIN scenarios_action x ON x.organization_id = a.organization_id AND x.installment_id = a.installment_id
                  WHERE a.payment_id = paid.id AND a.reversed_at IS NULL
                    AND x.phase >= %(firm)s AND x.state = 'done' AND x.channel = ANY(%(written)s))
FROM paid JOIN customers_customer r ON r.id = paid.root LEFT JOIN said USING (root)
WHERE said.busy IS NOT TRUE AND root NOT IN (SELECT root FROM barred)
ORDER BY root, paid.amount DESC, paid.received_on, paid.id
"""
"""Each part is read once for all who paid: beside every payment, a family is looked for again, and a ledger of 100,000 takes minutes."""


class _Candidate(NamedTuple):
    payment: UUID
    customer: UUID
    group: UUID | None
    thanked_on: date | None
    firm: bool


def may_be_written(frame: Frame) -> bool:
    """Whether the day and any of the plans allow thanks at all."""
    return frame.calendar.is_business_day(frame.today) and any(version.thanks for version in frame.followed)


def write_thanks(*, frame: Frame, not_before: datetime, actor: str, now: datetime) -> list[Message]:
    """Write the day's thanks and let them leave from `not_before`; a supervised organization sees them first. Repeating it adds nothing.

    For several payments of one customer the largest is thanked for. Nobody is thanked who could not be reached.
    """
    today = frame.today
    if not may_be_written(frame):
        return []
    chosen: dict[UUID, _Candidate] = {}
    for candidate in _candidates(today):
        thanked_on = candidate.thanked_on.toordinal() if candidate.thanked_on is not None else None
        if candidate.customer not in chosen and may_thank(thanked_on, candidate.firm, today.toordinal()) and _says_thanks(frame, candidate):
            chosen[candidate.customer] = candidate
    if not chosen:
        return []
    directory = Directory(chosen)
    written = [
        _message(candidate, directory, frame, not_before)
        for candidate in chosen.values()
        if directory.find(str(candidate.customer), Channel.EMAIL, Phase.SERVICE, today=today) is not None
    ]
    if written:
        outbox.enqueue(written, now=now)
        body = {"on": today, "count": len(written), "digest": audit.digest([str(message.pk) for message in written])}
        audit.record(actor=actor, action="thanks.written", target=written[0] if len(written) == 1 else None, body=body, now=now)
    return written


def _candidates(today: date) -> Sequence[_Candidate]:
    with connection.cursor() as cursor:
        cursor.execute(
            _CANDIDATES,
            {
                "today": today,
                "since": today - timedelta(days=RECENT),
                "quarter": today - timedelta(days=QUARTER),
                "least": LEAST,
                "debit": PaymentMeans.DIRECT_DEBIT.value,
                "firm": int(Phase.FIRM),
                "written": sorted(channel.value for channel in WRITTEN_CHANNELS),
            },
        )
        return [_Candidate(*row) for row in cursor.fetchall()]


def _says_thanks(frame: Frame, candidate: _Candidate) -> bool:
    found = frame.assignments.find(invoice="", customer=str(candidate.customer), group=str(candidate.group or ""))
    plan = frame.plans.get(found[0]) if found is not None else None
    return plan is not None and plan.version.thanks


def _message(candidate: _Candidate, directory: Directory, frame: Frame, not_before: datetime) -> Message:
    customer = directory.customer(str(candidate.customer))
    state, reason = opening_state(frame.profile, MessageKind.THANKS, frame.today)
    return Message(
        customer=customer,
        channel=Channel.EMAIL,
        kind=MessageKind.THANKS,
        phase=Phase.SERVICE,
        language=customer.language,
        template_key=THANKS_TEMPLATE,
        state=state,
        reason=reason,
        planned_on=frame.today,
        not_before=not_before,
        details={"payment": str(candidate.payment), "items": []},
    )
