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
from notifications import calling, claiming, outbox, pace, settlement
from notifications.calling import ToAsk
from notifications.claiming import BATCH, MESSAGE_LEASE, MOST_TRIES, Claim
from notifications.composing import Obstructed, Workbench
from notifications.doubts import past_their_day
from notifications.enums import Errand, MessageState, Obstacle
from notifications.models import QueueTicket
from notifications.pace import ClockTimestamp
from notifications.preparing import LEAVING, SHORTEST_WAIT, LostLease, Prepared, hold_poisoned, open_pass, prepare
from notifications.providers.base import Deadline
from notifications.sending import AWAY, Sending, commit_to_send, give_back_unsent, reconnect, repeated

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
    stop_at = None if budget is None else started + budget
    while limit is None or outcomes.total() < limit:
        if stop_at is not None and time.monotonic() > stop_at:
            break
        size = batch if limit is None else min(batch, limit - outcomes.total())
        moment = now if organization_id is not None else now + timedelta(seconds=time.monotonic() - started)
        claims = claiming.claim(now=moment, size=size, organization_id=organization_id)
        outcomes.update(_deliver_all(claims, moment, stop_at))
        suspects = claiming.claim_suspect(now=moment, organization_id=organization_id)
        outcomes.update(_deliver_all(suspects, moment, stop_at))
        if not claims and not suspects:
            break
    return outcomes


def deliver_one(organization_id: UUID, message_id: UUID, *, now: datetime) -> Counter[str]:
    """Deliver one message now, before its turn; counts by resulting state. Nothing when another worker has it, or it left."""
    claims = [claim for claim in claiming.claim_one(message_id) if claim.organization_id == organization_id]
    return _deliver_all(claims, now, None)


def is_anything_due(*, now: datetime) -> bool:
    """Whether a ticket nobody holds is due, of an organization that is not being played."""
    due = QueueTicket.objects.filter(due_at__lte=now).exclude(lease_until__gt=ClockTimestamp()).exclude(channel__in=Errand.values)
    played = Organization.objects.exclude(playing_until=None).values("pk")
    return due.exclude(organization_id__in=played).exists()


def _deliver_all(claims: Sequence[Claim], now: datetime, stop_at: float | None) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    waiting = [
        list(theirs)
        for _, theirs in groupby(sorted(claims, key=lambda claim: claim.organization_id), key=lambda claim: claim.organization_id)
    ]
    while waiting:
        theirs = waiting.pop(0)
        try:
            outcomes.update(_deliver(theirs[0].organization_id, theirs, now, stop_at))
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


def _deliver(organization_id: UUID, claims: list[Claim], now: datetime, stop_at: float | None) -> Counter[str]:
    """One organization's share of a batch: prepared together, sent one by one; those that stand in each other's way each alone."""
    turns, late = _take_turns(organization_id, claims, now)
    sending = Sending(organization_id, now, turns, stop_at)
    if late:
        claiming.put_off(list(late), due_at=list(late.values()))
        sending.outcomes["waiting_for_service"] += len(late)
        claims = [claim for claim in claims if claim not in late]
    alone = claims
    if len(claims) > 1:
        try:
            prepared, alone, outcomes = _prepare_together(organization_id, claims, now)
        except (LostLease, *AWAY) as error:
            logger.warning("A batch is prepared again, one by one (%s).", error)
            reconnect()
        except Exception:  # one bad message must not keep the others back: each gets a transaction of its own
            logger.exception("A batch of messages was rolled back; they are prepared one by one.")
        else:
            sending.outcomes.update(outcomes)
            sending.send(prepared)
            alone += [entry.claim for entry in sending.contested]
    for place, claim in enumerate(alone):
        if sending.is_over:
            claiming.give_back_all(alone[place:])
            break
        sending.wait_for_turn(claim.ticket_id)
        if not claiming.renew([claim]):
            sending.outcomes["lost_lease"] += 1
            continue
        _deliver_one(sending, claim)
    return sending.outcomes


def _take_turns(organization_id: UUID, claims: Sequence[Claim], now: datetime) -> tuple[dict[UUID, float], dict[Claim, datetime]]:
    """When each call of a limited account may start (monotonic, by ticket), and which tickets go back to the queue until when.

    A service that is left alone costs its messages nothing but this: they are not even rendered.
    """
    turns: dict[UUID, float] = {}
    late: dict[Claim, datetime] = {}
    with tenant(organization_id):
        bench = Workbench()
        local = bench.local_channels()
        for channel in {claim.channel for claim in claims} - local:
            ours = [claim for claim in claims if claim.channel == channel]
            if wait := bench.closed_for(channel):
                over = past_their_day([claim.message_id for claim in ours], now)  # these need no call any more
                late |= dict.fromkeys((claim for claim in ours if claim.message_id not in over), now + timedelta(seconds=wait))
                continue
            try:
                account, provider = bench.account(channel)
            except Obstructed:  # each message will be told so
                continue
            interval = pace.interval_of(account.settings, provider.rate_per_second)
            if interval is None:
                continue
            room, started = pace.reserve(account.pk, interval=interval, calls=len(ours)), time.monotonic()
            turns |= {claim.ticket_id: started + room.starts_in(place) for place, claim in enumerate(ours[: room.count])}
            rest = enumerate(ours[room.count :], start=room.count)
            late |= {claim: now + timedelta(seconds=room.starts_in(place)) for place, claim in rest}
    return turns, late


def _prepare_together(organization_id: UUID, claims: list[Claim], now: datetime) -> tuple[list[Prepared], list[Claim], Counter[str]]:
    """What may be sent, what is to be looked at alone, and what became of the others."""
    with tenant(organization_id):
        run, messages = open_pass(claims, now)
        for claim in claims:
            prepare(claim, messages.get(claim.message_id), run)
        prepared = run.stamp() if run.prepared else []
        run.close()
    return prepared, run.alone, run.outcomes


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
                run.write()
                flight = commit_to_send(run.prepared[0], now)
            elif run.repeated:
                flight = repeated(*run.repeated[0])
            run.close()
    except LostLease:
        sending.outcomes["lost_lease"] += 1
        return
    except pace.NotNow:
        claiming.give_back(claim, due_at=now + timedelta(seconds=pace.SHORTEST))
        sending.outcomes["waiting_for_service"] += 1
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
    for _claim, asked, look_up in run.asked:
        state = calling.ask_for(organization_id, claim, ToAsk(asked.pk, look_up, Deadline.after(MESSAGE_LEASE)), now)
        sending.outcomes[state] += 1


def _hold_crashed(organization_id: UUID, claim: Claim, error: Exception, now: datetime) -> None:
    with tenant(organization_id):
        for message in outbox.lock([claim.message_id]):
            if message.state in LEAVING:
                settlement.move(message, MessageState.HELD, now, reason=Obstacle.CRASHED, reason_text=type(error).__name__)
