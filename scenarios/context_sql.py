"""The bulk queries behind `context`. Days come as ordinals (0001-01-01 is 1, as in Python), money as cents, ids as text.

Each takes the ids of a batch of customers; row-level security adds the organization.
"""

from typing import Final

# ruff: noqa: S608 - these texts are made of constants; every value is a parameter


def _ordinal(column: str) -> str:
    return f"({column} - DATE '0001-01-01' + 1)"


# How far the ledger is certified, and whether any receipt is of nobody yet.
BESIDE_SETTINGS: Final = """
SELECT (SELECT through FROM invoices_ledgercoverage ORDER BY certified_at DESC LIMIT 1),
       EXISTS (SELECT 1 FROM invoices_payment WHERE customer_id IS NULL AND unallocated > 0 AND cancelled_at IS NULL),
       (SELECT decided_at FROM core_bankdetailschange WHERE state = 'confirmed' ORDER BY decided_at DESC LIMIT 1)
"""

OPEN_CUSTOMERS: Final = """
SELECT c.id::text AS id, coalesce(c.payer_id, c.id)::text AS root
FROM customers_customer c
WHERE EXISTS (SELECT 1 FROM invoices_installment i
              WHERE i.organization_id = c.organization_id AND i.customer_id = c.id AND i.outstanding > 0)
UNION
SELECT c.id::text, c.payer_id::text
FROM customers_customer c
WHERE c.payer_id IS NOT NULL AND c.id IN (
    SELECT p.customer_id FROM invoices_payment p WHERE p.unallocated > 0 AND p.cancelled_at IS NULL
    UNION ALL
    SELECT v.customer_id FROM invoices_invoice v WHERE v.unallocated > 0 AND v.state = 'issued' AND v.kind = 'credit_note')
ORDER BY root, id
"""

_ROOTS: Final = """
WITH roots AS MATERIALIZED (SELECT DISTINCT coalesce(payer_id, id) AS id FROM customers_customer WHERE id = ANY(%s::uuid[]))"""
_IN_GROUPS: Final = """
FROM customers_customer
WHERE id IN (SELECT id FROM roots UNION SELECT m.id FROM customers_customer m JOIN roots ON m.payer_id = roots.id)"""
GROUPS: Final = f"{_ROOTS} SELECT id::text {_IN_GROUPS} ORDER BY coalesce(payer_id, id), id"
LOCK_GROUPS: Final = f"{_ROOTS} SELECT 1 {_IN_GROUPS} ORDER BY id FOR NO KEY UPDATE"

_ANSWERED: Final = """v.received_at IS NOT NULL OR v.accepted_at IS NOT NULL
           OR v.e_invoice_status IN ('201','202','203','204','205','206','209','211','212')"""

_UNUSUAL: Final = """i.kind <> 'normal' OR i.collection_on IS NOT NULL OR i.triage NOT IN ('', 'chase') OR v.state <> 'issued'
                 OR v.is_factored OR c.factor_name <> '' OR v.e_invoice_status IN ('210', '213') OR v.restart_on IS NOT NULL
                 OR v.not_received_at IS NOT NULL"""

ITEMS: Final = f"""
SELECT i.id::text, i.invoice_id::text, i.customer_id::text,
       {_ordinal("v.issued_on")}, {_ordinal("i.due_on")},
       (i.amount * 100)::bigint, (i.outstanding * 100)::bigint, v.currency,
       -- an invoice that names no account is paid to the organization's own; a factored one is not
       CASE WHEN v.pay_to_iban = '' AND NOT v.is_factored AND c.factor_name = '' THEN (SELECT iban FROM core_organizationprofile)
            ELSE v.pay_to_iban END,
       {_ordinal("v.entered_on")}, {_ordinal("v.delivered_on")},
       {_ANSWERED},
       v.delivery_proof_id IS NOT NULL,
       CASE WHEN {_UNUSUAL}
            THEN json_build_object(
                'kind', i.kind,
                'matures_on', CASE WHEN i.kind IN ('retention', 'bill') THEN {_ordinal("i.due_on")} END,
                'collection_on', {_ordinal("i.collection_on")},
                'cancelled', v.state <> 'issued',
                'factored', (v.is_factored OR c.factor_name <> '') AND NOT c.factor_allows_reminders,
                'refused', v.e_invoice_status IN ('210', '213'),
                'not_received', v.not_received_at IS NOT NULL,
                'triage', i.triage NOT IN ('', 'chase'),
                'restart_on', {_ordinal("v.restart_on")})::text END,
       coalesce(v.batch_id::text, ''),
       past.digest,
       s.version_id::text, s.last_step_key, {_ordinal("s.last_done_on")}, s.next_step_key, {_ordinal("s.next_on")}, s.reason,
       {_ordinal("s.until")}, (s.chased * 100)::bigint
FROM invoices_installment i
JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
JOIN customers_customer c ON c.organization_id = i.organization_id AND c.id = i.customer_id
LEFT JOIN scenarios_schedule s ON s.organization_id = i.organization_id AND s.installment_id = i.id
LEFT JOIN LATERAL (
    SELECT bit_xor(a.digest) AS digest FROM scenarios_action a WHERE a.organization_id = i.organization_id AND a.installment_id = i.id
) past ON true
WHERE c.id = ANY(%s::uuid[]) AND i.outstanding > 0
"""

CUSTOMERS: Final = f"""
SELECT c.id::text, c.payer_id::text, c.group_id::text,
       CASE WHEN c.kind = 'unknown' OR (c.siren = '' AND c.vat_number = '' AND c.kind_confirmed_at IS NULL) THEN ''
            ELSE c.kind || ':' || c.country END,
       c.language,
       coalesce(k.emails, false), coalesce(k.mobiles, false),
       (c.address_line1 <> '' AND c.city <> '') OR (c.registered_line1 <> '' AND c.registered_city <> ''),
       c.payment_means = 'cheque',
       ARRAY(SELECT v.id::text FROM invoices_invoice v WHERE v.organization_id = c.organization_id AND v.customer_id = c.id
             AND v.kind = 'invoice' ORDER BY v.issued_on, v.number LIMIT 3),
       c.registered_line1 <> '' AND c.registered_city <> '',
       c.legal_representative <> '' OR coalesce(k.representative, false),
       {_ordinal("c.owner_warned_on")},
       c.reply_pending_since IS NOT NULL,
       {_ordinal("k.absent_until")}, {_ordinal("k.absence_noted_on")}, coalesce(k.substitute, false),
       {_ordinal("c.insolvency_opened_on")},
       EXISTS (SELECT 1 FROM invoices_debtoract a
               WHERE a.organization_id = c.organization_id AND a.customer_id = c.id AND a.kind = 'not_received' AND a.undone_at IS NULL),
       (SELECT (x.value * 10)::int FROM invoices_payerindex x WHERE x.organization_id = c.organization_id AND x.customer_id = c.id)
FROM customers_customer c
LEFT JOIN LATERAL (
    SELECT bool_or(x.email <> '' AND x.email_state <> 'failed' AND p.id IS NULL) AS emails,
           bool_or(x.phone ~ '^\\+33[67]|^\\+(?!33)' AND x.phone_state <> 'failed' AND q.id IS NULL) AS mobiles,
           bool_or(x.role = 'legal_representative' AND x.name <> '') AS representative,
           -- absent: nobody in the chain is there; a substitute who can be reached takes over
           CASE WHEN bool_and(x.absent_until IS NOT NULL) THEN min(x.absent_until) END AS absent_until,
           max(x.absence_noted_on) AS absence_noted_on,
           bool_or(x.substitute_id IS NOT NULL) AS substitute
    FROM customers_contact x
    LEFT JOIN notifications_suppression p ON p.organization_id = x.organization_id AND p.channel = 'email'
                                          AND p.address = lower(x.email) AND p.lifted_at IS NULL
    LEFT JOIN notifications_suppression q ON q.organization_id = x.organization_id AND q.channel = 'sms'
                                          AND q.address = x.phone AND q.lifted_at IS NULL
    WHERE x.organization_id = c.organization_id AND x.customer_id = c.id AND x.is_active
) k ON true
WHERE c.id = ANY(%s::uuid[])
"""

# One row an item: its actions as one text, and their digest. Thousands of items share a past to the day, and it is read of one of them.
# Whoever reads a text takes its actions in any order; this is the order of the key by which they are found, so that nothing is sorted.
PASTS: Final = f"""
SELECT string_agg(concat(a.step_key, ',', a.plan_id, ',', a.state, ',', {_ordinal("coalesce(a.done_on, a.taken_on)")}, ',',
                         {_ordinal("a.taken_on")}, ',', a.phase, ',', a.channel, ',', a.occurrence, ',', a.details->>'deadline_on', ',',
                         CASE WHEN a.plan_id IS NULL AND (a.details->>'phase_known')::boolean IS FALSE THEN '' ELSE 'known' END),
                  ';' ORDER BY a.plan_id, a.step_key, a.occurrence),
       bit_xor(a.digest)
FROM scenarios_action a
WHERE a.installment_id = ANY(%s::uuid[])
GROUP BY a.installment_id
"""

_COUNTED_ON: Final = """NOT EXISTS (SELECT 1 FROM invoices_habitsetaside a
                  WHERE a.organization_id = h.organization_id AND a.customer_id = h.customer_id AND a.lifted_at IS NULL)"""
"""A habit that nobody set aside (rule 13)."""

# What few items and customers have, in one question: its answer's columns mean what `context` says by the first of them.
RARE: Final = f"""
WITH wanted AS MATERIALIZED (SELECT unnest(%s::uuid[]) AS id)
SELECT 'dispute', d.customer_id::text, d.installment_id::text, d.state, '', (d.amount * 100)::bigint, {_ordinal("d.opened_on")} AS day,
       {_ordinal("d.closed_on")}, NULL::bigint
FROM invoices_dispute d JOIN wanted ON wanted.id = d.customer_id
UNION ALL
SELECT 'promise', p.customer_id::text, p.installment_id::text, '', '', (p.amount * 100)::bigint, {_ordinal("p.made_on")},
       {_ordinal("p.promised_for")},
       coalesce((SELECT (sum(a.amount) * 100)::bigint FROM invoices_allocation a
                 WHERE a.organization_id = p.organization_id AND a.installment_id = p.installment_id
                   AND a.payment_id IS NOT NULL AND a.reversed_at IS NULL AND a.value_on >= p.made_on), 0)
FROM invoices_promise p JOIN wanted ON wanted.id = p.customer_id
WHERE p.state <> 'cancelled'
UNION ALL
SELECT 'hold', h.customer_id::text, h.installment_id::text, h.side, h.kind, (h.amount * 100)::bigint, {_ordinal("h.starts_on")},
       {_ordinal("h.ends_on")}, NULL
FROM invoices_hold h JOIN wanted ON wanted.id = h.customer_id
WHERE h.released_on IS NULL
UNION ALL
SELECT 'commitment', c.customer_id::text, c.installment_id::text, c.consequence, c.step_key, NULL, {_ordinal("c.due_on")}, NULL, NULL
FROM scenarios_commitment c JOIN wanted ON wanted.id = c.customer_id
WHERE c.state = 'open'
UNION ALL
SELECT 'call', t.customer_id::text, t.id::text, '', '', NULL, NULL, NULL, NULL
FROM scenarios_task t JOIN wanted ON wanted.id = t.customer_id
WHERE t.kind = 'call' AND t.state = 'open'
UNION ALL
SELECT 'payment', p.customer_id::text, p.id::text, p.currency, '', (p.unallocated * 100)::bigint,
       {_ordinal("p.received_on")}, NULL, NULL
FROM invoices_payment p JOIN wanted ON wanted.id = p.customer_id
WHERE p.unallocated > 0 AND p.cancelled_at IS NULL
UNION ALL
SELECT 'credit_note', v.customer_id::text, v.id::text, v.currency, v.number, (v.unallocated * 100)::bigint, {_ordinal("v.issued_on")},
       NULL, NULL
FROM invoices_invoice v JOIN wanted ON wanted.id = v.customer_id
WHERE v.unallocated > 0 AND v.state = 'issued' AND v.kind = 'credit_note'
UNION ALL
SELECT 'habit', h.customer_id::text, NULL, h.currency, '', (h.usual_amount * 100)::bigint, NULL, h.days, NULL
FROM invoices_payerhabit h JOIN wanted ON wanted.id = h.customer_id
WHERE {_COUNTED_ON}
ORDER BY day
"""

# What left counts from the day it left, on the organization's own calendar: a message may wait for a person for weeks.
RECENT_MESSAGES: Final = f"""
SELECT customer_id, id, {_ordinal("written_on")}, phase, channel, state, group_key, held_for
FROM (
    SELECT customer_id::text, id::text, phase, channel, state, group_key, planned_on,
           CASE WHEN state = 'held' THEN reason ELSE '' END AS held_for,
           state IN ('draft', 'awaiting_approval', 'held', 'queued', 'retry') AS waits,
           CASE WHEN state IN ('draft', 'awaiting_approval', 'held', 'queued', 'retry') THEN planned_on
                ELSE coalesce(posted_on, (coalesce(accepted_at, frozen_at) AT TIME ZONE %s)::date, planned_on) END AS written_on
    FROM notifications_message
    WHERE customer_id = ANY(%s::uuid[]) AND kind = 'reminder' AND state NOT IN ('cancelled', 'failed', 'bounced') AND NOT not_reached
      AND (planned_on >= %s::date - 60 OR state IN ('draft', 'awaiting_approval', 'held', 'queued', 'retry'))
) m
WHERE waits OR written_on >= %s
ORDER BY planned_on
"""

# --- the calm part (`calm`) -------------------------------------------------------------------------------------------------------------

# Customers with a step that has come, or beside whom anything stands that the plain facts of their items do not tell. Particular plans are
# not asked for: the frame holds them.
EVENTFUL: Final = """
SELECT customer_id::text FROM scenarios_schedule WHERE next_on <= %s
UNION
SELECT id::text FROM customers_customer WHERE reply_pending_since IS NOT NULL OR insolvency_opened_on IS NOT NULL
UNION
SELECT d.customer_id::text FROM invoices_dispute d
JOIN invoices_installment i ON i.organization_id = d.organization_id AND i.id = d.installment_id WHERE i.outstanding > 0
UNION
SELECT p.customer_id::text FROM invoices_promise p
JOIN invoices_installment i ON i.organization_id = p.organization_id AND i.id = p.installment_id
WHERE i.outstanding > 0 AND p.state <> 'cancelled'
UNION
SELECT customer_id::text FROM invoices_hold WHERE released_on IS NULL
UNION
SELECT customer_id::text FROM scenarios_commitment WHERE state = 'open'
UNION
SELECT customer_id::text FROM invoices_payment WHERE unallocated > 0 AND cancelled_at IS NULL AND customer_id IS NOT NULL
UNION
SELECT customer_id::text FROM invoices_invoice WHERE unallocated > 0 AND state = 'issued' AND kind = 'credit_note'
"""
PLANNED_APART: Final = "SELECT customer_id::text FROM invoices_invoice WHERE id = ANY(%s::uuid[])"
"""Customers of invoices that have a plan of their own."""

# Open items by all that is asked of them before a step is due; pasts are compared by digest. The whole organization at once: rows are met
# in the order they lie in, each table is read once.
CLASSES: Final = f"""
WITH open AS MATERIALIZED (
    SELECT i.id, i.customer_id, i.outstanding,
           {_UNUSUAL} OR i.outstanding <= %(minimum)s
               OR (i.outstanding < i.amount
                   AND (i.outstanding <= %(residue)s OR i.outstanding * 100 <= i.amount * %(percent)s)) AS odd,
           c.group_id, v.issued_on, i.due_on, v.entered_on, v.currency, {_ANSWERED} AS answered, v.delivery_proof_id IS NOT NULL AS proven,
           CASE WHEN %(habits)s AND i.outstanding <= %(times_usual)s * h.usual_amount AND {_COUNTED_ON} THEN h.days END AS usual_delay,
           s.version_id, s.last_step_key, s.last_done_on, s.next_step_key, s.next_on, s.reason, s.until, s.chased
    FROM invoices_installment i
    JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
    JOIN customers_customer c ON c.organization_id = i.organization_id AND c.id = i.customer_id
    LEFT JOIN scenarios_schedule s ON s.organization_id = i.organization_id AND s.installment_id = i.id
    LEFT JOIN invoices_payerhabit h ON h.organization_id = i.organization_id AND h.customer_id = i.customer_id AND h.currency = v.currency
    WHERE i.outstanding > 0 AND NOT EXISTS (SELECT FROM unnest(%(stirred)s::uuid[]) stirred (id) WHERE stirred.id = c.id)
)
SELECT (array_agg(open.id))[1]::text, count(*), array_agg(customer_id)::text, (sum(outstanding) * 100)::bigint, odd,
       coalesce(group_id::text, ''), issued_on, due_on, entered_on, currency, answered, proven, usual_delay,
       version_id::text, last_step_key, last_done_on, next_step_key, next_on, reason, until, chased, digest
FROM open
LEFT JOIN (
    SELECT a.installment_id, bit_xor(a.digest) AS digest
    FROM scenarios_action a WHERE a.installment_id IN (SELECT id FROM open) GROUP BY a.installment_id
) past ON past.installment_id = open.id
GROUP BY odd, group_id, issued_on, due_on, entered_on, currency, answered, proven, usual_delay, version_id, last_step_key, last_done_on,
         next_step_key, next_on, reason, until, chased, digest
"""

OPEN_CENTS: Final = """
SELECT v.currency, (sum(i.outstanding) * 100)::bigint
FROM invoices_installment i JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
WHERE i.customer_id = ANY(%s::uuid[]) AND i.outstanding > 0
GROUP BY v.currency
"""
