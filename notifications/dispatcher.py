"""How messages leave: claim tickets, prepare a batch of one organization's in one transaction, send one after the other.

What each step promises is told where it is taken: `claiming`, `preparing`, `sending`. Together, whatever ends a worker at any point:

- before its first commit as SENDING a message was not said: the ticket's lease ends and another worker starts afresh;
- after it the message is SENDING: when its lease ends it becomes UNCERTAIN, and is never sent again by a program alone;
- a message that ends its workers again and again is held for a person, and the others pass.

A provider that keeps everything on this machine cannot lose a call, so its messages are settled while they are prepared.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import claiming, outbox, settlement
from notifications.claiming import BATCH, MOST_TRIES, Claim
from notifications.enums import MessageState, Obstacle
from notifications.models import QueueTicket
from notifications.preparing import LEAVING, SHORTEST_WAIT, LostLease, Prepared, hold_poisoned, open_pass, prepare
from notifications.sending import AWAY, Sending, commit_to_send, give_back_unsent, reconnect
from notifications.settlement import ClockTimestamp

logger = logging.getLogger(__name__)


def deliver_due(
    *,
    now: datetime,
    limit: int | None = None,
    organization: Organization | UUID | None = None,
    batch: int = BATCH,
    budget: float | None = None,
) -> Counter[str]:
    """Deliver every due message, and look after those whose fate is unknown; counts by resulting state.

    `now` is business time: under a virtual clock a played life's. `organization` restricts the pass to one, the only way a played one is
    served. Stops after `limit` messages, or starts nothing new after `budget` seconds.
    """
    organization_id = organization.pk if isinstance(organization, Organization) else organization
    outcomes: Counter[str] = Counter()
    started = time.monotonic()
    while limit is None or outcomes.total() < limit:
        if budget is not None and time.monotonic() - started > budget:
            break
        size = batch if limit is None else min(batch, limit - outcomes.total())
        moment = now if organization_id is not None else now + timedelta(seconds=time.monotonic() - started)
        claims = claiming.claim(now=moment, size=size, organization_id=organization_id)
        outcomes.update(_deliver_all(claims, moment))
        suspects = claiming.claim_suspect(now=moment, organization_id=organization_id)
        outcomes.update(_deliver_all(suspects, moment))
        if not claims and not suspects:
            break
    return outcomes


def is_anything_due(*, now: datetime) -> bool:
    """Whether a ticket nobody holds is due, of an organization that is not being played."""
    due = QueueTicket.objects.filter(due_at__lte=now).exclude(lease_until__gt=ClockTimestamp())
    played = Organization.objects.exclude(playing_until=None).values("pk")
    return due.exclude(organization_id__in=played).exists()


def _deliver_all(claims: Sequence[Claim], now: datetime) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    waiting = [
        list(theirs)
        for _, theirs in groupby(sorted(claims, key=lambda claim: claim.organization_id), key=lambda claim: claim.organization_id)
    ]
    while waiting:
        theirs = waiting.pop(0)
        try:
            outcomes.update(_deliver(theirs[0].organization_id, theirs, now))
        except AWAY:
            reconnect()
            _let_go([claim for others in (theirs, *waiting) for claim in others])
            raise
    return outcomes


def _let_go(claims: Sequence[Claim]) -> None:
    """Give tickets back rather than have others wait for the end of their lease; a database that is away keeps them until then."""
    try:
        claiming.give_back_all(claims)
    except AWAY as error:
        reconnect()
        logger.warning("Claimed messages wait for the end of their lease (%s).", error)


def _deliver(organization_id: UUID, claims: list[Claim], now: datetime) -> Counter[str]:
    """One organization's share of a batch: prepared together, sent one by one; those that stand in each other's way each alone."""
    sending = Sending(organization_id, now)
    alone = claims
    if len(claims) > 1:
        try:
            prepared, outcomes = _prepare_together(organization_id, claims, now)
        except AWAY as error:
            logger.warning("A batch is prepared again, one by one (%s).", error)
            reconnect()
        except Exception:  # one bad message must not keep the others back: each gets a transaction of its own
            logger.exception("A batch of messages was rolled back; they are prepared one by one.")
        else:
            sending.outcomes.update(outcomes)
            sending.send(prepared)
            alone = [entry.claim for entry in sending.contested]
    for claim in alone:
        if not claiming.renew([claim]):
            sending.outcomes["lost_lease"] += 1
            continue
        _deliver_one(sending, claim)
    return sending.outcomes


def _prepare_together(organization_id: UUID, claims: list[Claim], now: datetime) -> tuple[list[Prepared], Counter[str]]:
    with tenant(organization_id):
        run, messages = open_pass(claims, now)
        for claim in claims:
            prepare(claim, messages.get(claim.message_id), run)
        prepared = run.stamp() if run.prepared else []
        run.close()
    return prepared, run.outcomes


def _deliver_one(sending: Sending, claim: Claim) -> None:
    """One message in a transaction of its own as far as SENDING; a fault of the program holds it and lets the others pass."""
    organization_id, now, flight = sending.organization_id, sending.moment(), None
    try:
        with tenant(organization_id):
            run, messages = open_pass([claim], now)
            message = messages.get(claim.message_id)
            if claim.tries > MOST_TRIES and message is not None and message.state in LEAVING:
                logger.error("Message %s ended its worker %d times while it was prepared, and is held.", message.pk, claim.tries - 1)
                hold_poisoned(claim, message, run)
            else:
                prepare(claim, message, run)
            if run.prepared:
                flight = commit_to_send(run.prepared[0], now)
            run.close()
    except LostLease:
        sending.outcomes["lost_lease"] += 1
        return
    except AWAY as error:  # a deadlock, a lock timeout, or a COMMIT nobody heard of
        logger.warning("A message goes back to the queue (%s).", error)
        reconnect()
        if flight is not None:
            sending.outcomes[give_back_unsent(organization_id, flight, now)] += 1
        else:
            claiming.give_back(claim, due_at=now + SHORTEST_WAIT)
            sending.outcomes["given_back"] += 1
        return
    except Exception as error:
        logger.exception("A message could not be prepared and is held.")
        _hold_crashed(organization_id, claim, error, now)
        sending.outcomes[MessageState.HELD] += 1
        return
    sending.outcomes.update(run.outcomes)
    if flight is not None:
        sending.send_committed(flight)


def _hold_crashed(organization_id: UUID, claim: Claim, error: Exception, now: datetime) -> None:
    with tenant(organization_id):
        for message in outbox.lock([claim.message_id]):
            if message.state in LEAVING:
                settlement.move(message, MessageState.HELD, now, reason=Obstacle.CRASHED, reason_text=type(error).__name__)
