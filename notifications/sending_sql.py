"""The two commits of a message that is sent, as one statement each, or one for both.

Nearly all of a message's time in the database goes by in here: each statement less is a wait less while the worker has nothing to do.
"""

from typing import Final

_ACCEPTED: Final = """
answered AS (
    UPDATE notifications_attempt SET outcome = 'accepted', provider_id = %(last_id)s, response = %(last_response)s, finished_at = %(now)s
    WHERE id = %(last_attempt)s AND outcome IN ('pending', 'uncertain')
),
accepted AS (
    UPDATE notifications_message m
    SET state = 'accepted', lease_until = NULL, updated_at = %(now)s, provider_id = %(last_id)s, accepted_at = %(now)s,
        reason = '', reason_text = ''
    WHERE m.id = %(last_message)s AND m.state IN ('sending', 'uncertain')
      AND NOT EXISTS (SELECT FROM notifications_attempt a WHERE a.message_id = m.id AND a.number > %(last_number)s)
    RETURNING m.id
)"""
_CLAIMED: Final = """
family AS MATERIALIZED (
    SELECT id FROM customers_customer WHERE id = ANY(%(family)s::uuid[]) AND xmax::text = %(stamp)s FOR NO KEY UPDATE SKIP LOCKED
),
went AS (
    UPDATE notifications_message m
    SET state = 'sending', reason = '', reason_text = '', updated_at = %(now)s,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
    WHERE m.id = %(message)s AND m.state IN ('queued', 'retry') AND m.frozen_at = %(frozen_at)s AND m.content_sha256 = %(sha256)s
      AND (SELECT count(*) FROM family) = %(members)s
      AND EXISTS (SELECT FROM core_organization o WHERE o.id = m.organization_id AND o.suspended_at IS NULL)
      AND EXISTS (SELECT FROM core_organizationprofile p WHERE p.held_at IS NULL)
      AND NOT EXISTS (SELECT FROM notifications_suppression s
                      WHERE s.channel = m.channel AND s.address = %(address)s AND s.lifted_at IS NULL)
    RETURNING m.id
),
kept AS (
    UPDATE notifications_queueticket SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s), tries = 0
    WHERE id = %(ticket)s AND lease_token = %(token)s AND lease_until > clock_timestamp() AND EXISTS (SELECT FROM went)
    RETURNING id
),
tried AS (
    INSERT INTO notifications_attempt
        (id, organization_id, message_id, number, provider, account_id, started_at, outcome, provider_id, response)
    SELECT %(attempt)s, %(organization)s, id, %(number)s, %(provider)s, %(account)s, %(now)s, 'pending', '', '' FROM went RETURNING id
)"""
_WENT: Final = "(SELECT count(*) FROM went), (SELECT count(*) FROM kept), (SELECT count(*) FROM tried)"
T1: Final = f"WITH {_CLAIMED} SELECT 1, {_WENT}"
"""Commit one message as SENDING: 1, and how many messages, tickets and attempts were written (1 each, or the message does not go)."""
T2: Final = f"WITH {_ACCEPTED} SELECT count(*) FROM accepted"  # noqa: S608  from code
"""Write an acceptance: 1, or 0 when it was settled meanwhile. The attempt says so in any case."""
T2_AND_T1: Final = f"WITH {_ACCEPTED}, {_CLAIMED} SELECT (SELECT count(*) FROM accepted), {_WENT}"  # noqa: S608  from code
"""Both, for two messages: no row is in common. The count of T2, then those of T1."""
