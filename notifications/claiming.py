"""Tickets taken across organizations, fairly: a few of each organization's oldest, then the next few of each, and so on.

A claim commits at once, before anything is done with it. Leases are the database's time, compared with itself. `tries` counts the claims
that ended with their worker: such a ticket is taken alone, so that what ends workers is found and nothing beside it suffers.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from dunning.core import failpoints
from notifications.enums import Errand
from notifications.providers.base import SEND_LEASE

BATCH: Final = 100  # tickets a worker takes at a time, half of them at most of one organization while others wait
MESSAGE_LEASE: Final = SEND_LEASE  # seconds from a message's own first transaction
TICKET_LEASE: Final = SEND_LEASE  # seconds; a worker busy with a long batch renews it
RENEW_AFTER: Final = TICKET_LEASE / 4
MOST_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """A ticket this worker holds until its lease ends."""

    ticket_id: UUID
    organization_id: UUID
    message_id: UUID
    channel: str
    token: UUID
    tries: int = 1


# An organization being played under a virtual clock is its player's alone: only a call that names it may take its tickets.
_ERRANDS: Final = "channel IN ('events', 'webhook')"  # the words of an index of their own
_MESSAGES: Final = f"NOT {_ERRANDS}"
_CLAIM: Final = """
WITH held AS MATERIALIZED (  -- once, not for each ticket that waits: a great queue is read again for every claim otherwise
    SELECT DISTINCT organization_id FROM notifications_queueticket WHERE lease_until > clock_timestamp() AND {kind}
),
waiting AS (
    SELECT t.id, o.id AS owner, row_number() OVER (PARTITION BY o.id ORDER BY t.due_at, t.id) AS place,
           o.id IN (SELECT organization_id FROM held) AS busy  -- its trail has one head
    FROM core_organization o
    CROSS JOIN LATERAL (
        SELECT id, due_at FROM notifications_queueticket
        WHERE organization_id = o.id AND due_at <= %(now)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
          AND {kind} AND {more}
        ORDER BY due_at, id LIMIT %(look)s
    ) t
    WHERE {which}
),
chosen AS (
    SELECT t.id FROM waiting w JOIN notifications_queueticket t USING (id)
    WHERE t.lease_until IS NULL OR t.lease_until < clock_timestamp()
    ORDER BY (w.place - 1) / %(chunk)s, w.busy, md5(w.owner::text || %(salt)s), w.place
    FOR UPDATE OF t SKIP LOCKED
    LIMIT %(size)s
)
UPDATE notifications_queueticket q
SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s), lease_token = %(token)s, tries = tries + 1
FROM chosen WHERE q.id = chosen.id
RETURNING q.id, q.organization_id, q.message_id, q.channel, q.due_at, q.tries
"""


def claim_one(message_id: UUID) -> list[Claim]:
    """Take the ticket of one message whatever its turn; nothing when it has none or somebody holds it."""
    token = uuid.uuid4()
    with connection.cursor() as cursor:  # one statement is a transaction of its own
        cursor.execute(
            "UPDATE notifications_queueticket SET lease_until = clock_timestamp() + make_interval(secs => %s), lease_token = %s"
            " WHERE message_id = %s AND (lease_until IS NULL OR lease_until < clock_timestamp())"
            " RETURNING id, organization_id, message_id, channel",
            [TICKET_LEASE, token, message_id],
        )
        return [Claim(ticket_id, organization, message, channel, token) for ticket_id, organization, message, channel in cursor.fetchall()]


def claim(*, now: datetime, size: int = BATCH, organization_id: UUID | None = None) -> list[Claim]:
    """Take up to `size` due tickets that nobody holds, oldest first within an organization."""
    return _take(now, size, organization_id, _MESSAGES, "tries = 0")


def claim_suspect(*, now: datetime, organization_id: UUID | None = None) -> list[Claim]:
    """Take one due ticket whose last worker ended while it held it."""
    return _take(now, 1, organization_id, _MESSAGES, "tries > 0")


def claim_errands(errand: Errand, *, now: datetime, size: int, organization_id: UUID | None = None) -> list[Claim]:
    """Take up to `size` due tickets of webhooks that nobody holds: `message_id` is the batch of events, or the endpoint."""
    return _take(now, size, organization_id, _ERRANDS, f"channel = '{errand.value}'", chunk=1)


def _take(now: datetime, size: int, organization_id: UUID | None, kind: str, more: str, *, chunk: int = 0) -> list[Claim]:
    token = uuid.uuid4()
    which = "o.playing_until IS NULL" if organization_id is None else "o.id = %(organization)s"
    with connection.cursor() as cursor:  # one statement is a transaction of its own
        cursor.execute(
            _CLAIM.format(which=which, kind=kind, more=more),
            {
                "now": now,
                "look": size * 4,  # others may hold or be taking the first of them
                "size": size,
                "chunk": chunk or max(size // 2, 1),
                "salt": str(token),
                "lease": TICKET_LEASE,
                "token": token,
                "organization": organization_id,
            },
        )
        rows = sorted(cursor.fetchall(), key=lambda row: (row[4], row[0]))
    if rows:
        failpoints.hit("after-claim")
    return [Claim(ticket, owner, message, channel, token, tried) for ticket, owner, message, channel, _, tried in rows]


def extend(claim: Claim) -> bool:
    """Make the ticket's lease as long as its message's, from now. False when it is no longer ours: nothing may be done then."""
    return renew([claim])


def renew(claims: Sequence[Claim]) -> bool:
    """Begin the leases of these tickets anew. False when one of them is no longer ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_queueticket SET lease_until = clock_timestamp() + make_interval(secs => %s)"
            " WHERE id = ANY(%s::uuid[]) AND lease_token = ANY(%s::uuid[]) AND lease_until > clock_timestamp()",
            [MESSAGE_LEASE, [str(claim.ticket_id) for claim in claims], list({str(claim.token) for claim in claims})],
        )
        return bool(cursor.rowcount == len(claims))


def finish(claims: list[Claim]) -> bool:
    """Delete tickets whose messages are settled. False when one of them is no longer ours."""
    if not claims:
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM notifications_queueticket WHERE id = ANY(%s::uuid[]) AND lease_token = %s AND lease_until > clock_timestamp()",
            [[str(claim.ticket_id) for claim in claims], claims[0].token],
        )
        return bool(cursor.rowcount == len(claims))


def put_off(claims: list[Claim], *, due_at: list[datetime]) -> None:
    """Let anybody take these tickets again, each from its own moment."""
    if not claims:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_queueticket q SET lease_until = NULL, lease_token = NULL, tries = 0, due_at = late.due_at"
            " FROM unnest(%s::uuid[], %s::timestamptz[]) AS late (id, due_at) WHERE q.id = late.id AND q.lease_token = %s",
            [[str(claim.ticket_id) for claim in claims], due_at, claims[0].token],
        )


def give_back(claim: Claim, *, due_at: datetime | None = None) -> None:
    """Let anybody take the ticket again, from `due_at` or at once: its worker lives, so nothing is held against it."""
    give_back_all([claim], due_at=due_at)


def give_back_all(claims: Sequence[Claim], *, due_at: datetime | None = None) -> None:
    """Let anybody take these tickets again."""
    if not claims:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_queueticket SET lease_until = NULL, lease_token = NULL, tries = 0, due_at = coalesce(%s, due_at)"
            " WHERE id = ANY(%s::uuid[]) AND lease_token = ANY(%s::uuid[])",
            [due_at, [str(claim.ticket_id) for claim in claims], list({str(claim.token) for claim in claims})],
        )
