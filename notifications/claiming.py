"""Tickets taken across organizations, fairly: each organization's oldest first, then each one's second, and so on.

A claim commits at once, before anything is done with it. Leases are the database's time, compared with itself.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction

BATCH: Final = 20  # tickets a worker takes at a time; times the 20 s of a call, well within the lease
TICKET_LEASE: Final = 600  # seconds
MESSAGE_LEASE: Final = 120  # seconds from a message's own first transaction


@dataclass(frozen=True, slots=True)
class Claim:
    """A ticket this worker holds until its lease ends."""

    ticket_id: UUID
    organization_id: UUID
    message_id: UUID
    channel: str
    token: UUID


# An organization being played under a virtual clock is its player's alone: only a call that names it may take its tickets.
_CLAIM: Final = """
WITH waiting AS (
    SELECT t.id, row_number() OVER (PARTITION BY o.id ORDER BY t.due_at, t.id) AS place
    FROM core_organization o
    CROSS JOIN LATERAL (
        SELECT id, due_at FROM notifications_queueticket
        WHERE organization_id = o.id AND due_at <= %(now)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY due_at, id LIMIT %(look)s
    ) t
    WHERE {which}
),
chosen AS (
    SELECT t.id FROM waiting w JOIN notifications_queueticket t USING (id)
    WHERE t.lease_until IS NULL OR t.lease_until < clock_timestamp()
    ORDER BY w.place, md5(t.id::text || %(salt)s)
    FOR UPDATE OF t SKIP LOCKED
    LIMIT %(size)s
)
UPDATE notifications_queueticket q
SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s), lease_token = %(token)s
FROM chosen WHERE q.id = chosen.id
RETURNING q.id, q.organization_id, q.message_id, q.channel, q.due_at
"""


def claim(*, now: datetime, size: int = BATCH, organization_id: UUID | None = None) -> list[Claim]:
    """Take up to `size` due tickets that nobody holds, oldest first within an organization."""
    token = uuid.uuid4()
    which = "o.playing_until IS NULL" if organization_id is None else "o.id = %(organization)s"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _CLAIM.format(which=which),
            {
                "now": now,
                "look": size * 4,  # others may hold or be taking the first of them
                "size": size,
                "salt": str(token),
                "lease": TICKET_LEASE,
                "token": token,
                "organization": organization_id,
            },
        )
        rows = sorted(cursor.fetchall(), key=lambda row: (row[4], row[0]))
    return [Claim(ticket_id, organization, message_id, channel, token) for ticket_id, organization, message_id, channel, _ in rows]


def extend(claim: Claim) -> bool:
    """Make the ticket's lease as long as its message's, from now. False when it is no longer ours: nothing may be done then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_queueticket SET lease_until = clock_timestamp() + make_interval(secs => %s)"
            " WHERE id = %s AND lease_token = %s AND lease_until > clock_timestamp()",
            [MESSAGE_LEASE, claim.ticket_id, claim.token],
        )
        return bool(cursor.rowcount == 1)


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


def give_back(claim: Claim, *, due_at: datetime) -> None:
    """Let anybody take the ticket again, from `due_at`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_queueticket SET lease_until = NULL, lease_token = NULL, due_at = %s WHERE id = %s AND lease_token = %s",
            [due_at, claim.ticket_id, claim.token],
        )
