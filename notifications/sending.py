"""What is prepared leaves: commit that it is being sent (T1), call the provider outside any transaction, write the answer (T2).

A worker has one message in flight, never more: the answer of one and the claim of the next share a transaction. Each of these may be the
last thing a worker does:

- T1 is a compare-and-set under the customers' locks: it finds the message as it was prepared and its paying family as preparing left it, or
  the question is asked again. Only after its COMMIT is known may a byte be written; a COMMIT nobody heard of is read again by the
  attempt's own id, never assumed.
- An answer is written by compare-and-set on the attempt, again and again while the database is away: a lost one would make a sent
  message uncertain. Written twice it changes nothing.
- The plans learn of what left a few messages later, together. The ticket stays until then, so that they learn of it whoever dies.
"""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection

from dunning.core import audit, documents, failpoints
from dunning.core.tenancy import current_organization_id, tenant
from dunning.core.tokens import new_id
from notifications import calling, claiming, outbox, pace, settlement
from notifications.claiming import MESSAGE_LEASE, RENEW_AFTER, Claim
from notifications.enums import MessageState
from notifications.models import Attempt, Message, ProviderAccount
from notifications.preparing import LostLease, Prepared
from notifications.providers.base import Accepted, Deadline, NotAccepted, Released
from notifications.reconciler import Repeat
from notifications.selectors import fold_address
from notifications.sending_sql import T1, T2, T2_AND_T1

logger = logging.getLogger(__name__)
T = TypeVar("T")

AWAY: Final = (OperationalError, InterfaceError)  # the database: a restart, a cut line, a lock nobody could wait for
PATIENCE: Final = (0.2, 0.5, 1.0, 2.0, 3.0)  # seconds between tries while the database is away; the last one repeats
TELL_AFTER: Final = 2.0  # seconds the plans may wait to learn that a message left


@dataclass(frozen=True, slots=True)
class Flight:
    """A message committed as SENDING under the attempt of this id: the call may be made until `deadline`."""

    prepared: Prepared
    attempt_id: UUID
    deadline: Deadline

    @property
    def message_id(self) -> UUID:
        return self.prepared.message.pk


@dataclass
class Sending:
    """One worker's way through the prepared messages of one organization, one in flight at a time."""

    organization_id: UUID
    now: datetime
    turns: dict[UUID, float] = field(default_factory=dict)  # of tickets of limited accounts: when the call may start (monotonic)
    stop_at: float | None = None  # monotonic; afterwards nothing new is begun, and what is left is given back
    outcomes: Counter[str] = field(default_factory=Counter)
    contested: list[Prepared] = field(default_factory=list)  # to be asked about again
    _troubled: dict[UUID, ProviderAccount] = field(default_factory=dict)
    _answered: tuple[Flight, settlement.Answer] | None = None  # brought back, not written yet
    _untold: list[UUID] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)
    _untold_since: float = 0.0
    _renewed: float = field(default_factory=time.monotonic)

    def send(self, waiting: Sequence[Prepared]) -> None:
        """Send these, oldest first. Raises what the database raises when it stays away; what was claimed is found again by its lease."""
        for place, prepared in enumerate(waiting):
            if self.is_over:
                claiming.give_back_all([left.claim for left in waiting[place:]])
                break
            self.wait_for_turn(prepared.claim.ticket_id)
            self._renew(waiting[place:])
            flight = self._claim(prepared)
            if flight is not None:
                self._answered = flight, self._call(flight)
                failpoints.hit("after-response")
            if self._untold and time.monotonic() - self._untold_since > TELL_AFTER:
                self._write_answer()
                self._tell()
        self._write_answer()
        self._tell()

    def send_committed(self, flight: Flight) -> None:
        """Call for a message whose T1 was committed elsewhere, and settle it."""
        self._answered = flight, self._call(flight)
        failpoints.hit("after-response")
        self._write_answer()
        self._tell()

    def wait_for_turn(self, ticket_id: UUID) -> None:
        """Keep to the pace of a limited account; what was answered is written first."""
        pause = self.turns.get(ticket_id, 0.0) - time.monotonic()
        if pause > 0:
            self._write_answer()
            time.sleep(pause)

    @property
    def is_over(self) -> bool:
        """Whether its time is up: a service that takes long for each message must not keep a worker beyond its own limit."""
        return self.stop_at is not None and time.monotonic() > self.stop_at

    def moment(self) -> datetime:
        """Business time that goes on from the claim's."""
        return self.now + timedelta(seconds=time.monotonic() - self._started)

    def _renew(self, waiting: Sequence[Prepared]) -> None:
        if time.monotonic() - self._renewed > RENEW_AFTER:
            claiming.renew([prepared.claim for prepared in waiting])
            self._renewed = time.monotonic()

    # --- T1 --------------------------------------------------------------------------------------------------------------------------

    def _claim(self, prepared: Prepared) -> Flight | None:
        """Write the last answer and commit the next message as SENDING. None when it does not leave now."""
        wait = pace.seconds_closed(self._account(prepared))
        if wait or not prepared.stamp:
            self._write_answer()
            if wait:
                self._put_off(prepared, wait)
            else:
                self.contested.append(prepared)
            return None
        answered, flight = self._answered, Flight(prepared, new_id(), Deadline.after(MESSAGE_LEASE))
        if answered is not None and not isinstance(answered[1], Accepted):
            self._write_answer()
            answered = None
        try:
            with tenant(self.organization_id):
                pace.be_the_one(self._account(prepared))
                written, went = self._compare_and_set(flight, answered)
                if answered is not None:
                    failpoints.hit("before-commit")
        except LostLease:
            self._write_answer()
            self.outcomes["lost_lease"] += 1
            return None
        except pace.NotNow:
            self._write_answer()
            self._put_off(prepared, pace.SHORTEST)
            return None
        except AWAY as error:
            logger.warning("Whether a message was committed as sending is read again (%s).", error)
            reconnect()
            self._write_answer()
            self.outcomes[give_back_unsent(self.organization_id, flight, self.moment())] += 1
            return None
        if answered is not None:
            self._was_accepted(*answered, written=written)
        if not went:
            self.contested.append(prepared)
            return None
        return flight

    def _account(self, prepared: Prepared) -> ProviderAccount:
        """The account as it was last read: when the batch was prepared, or after the last call that failed."""
        return self._troubled.get(prepared.account.pk, prepared.account)

    def _put_off(self, prepared: Prepared, wait: float) -> None:
        claiming.give_back(prepared.claim, due_at=self.moment() + timedelta(seconds=wait))
        self.outcomes["waiting_for_service"] += 1

    def _compare_and_set(self, flight: Flight, answered: tuple[Flight, settlement.Answer] | None) -> tuple[bool, bool]:
        """T1's only write, with the T2 of an acceptance before it: whether that was written, and whether the message goes now.

        The first is false when it was settled meanwhile, the second when something changed since it was prepared. Raises LostLease.
        """
        prepared, message = flight.prepared, flight.prepared.message
        moment = self.moment()
        with connection.cursor() as cursor:
            cursor.execute(
                T1 if answered is None else T2_AND_T1,
                {
                    **(_last(*answered) if answered is not None else {}),
                    "family": list(prepared.family),
                    "members": len(prepared.family),
                    "stamp": prepared.stamp,
                    "message": message.pk,
                    "frozen_at": message.frozen_at,
                    "sha256": message.content_sha256,
                    "address": fold_address(message.recipient),
                    "lease": MESSAGE_LEASE,
                    "ticket": prepared.claim.ticket_id,
                    "token": prepared.claim.token,
                    "attempt": flight.attempt_id,
                    "organization": current_organization_id(),
                    "number": prepared.number,
                    "provider": prepared.account.kind,
                    "account": prepared.account.pk,
                    "now": moment,
                },
            )
            written, went, kept, tried = cursor.fetchone()
        if answered is not None and written:
            record_accepted(answered[0].prepared.message, moment)
        if went:
            if not kept or not tried:
                raise LostLease
            record_sending(message, prepared, moment)
        return bool(written), bool(went)

    # --- the call ----------------------------------------------------------------------------------------------------------------------

    def _call(self, flight: Flight) -> settlement.Answer:
        """Hand over what was frozen, outside any transaction, and tell all workers how its service is doing."""
        prepared = flight.prepared
        try:
            envelope = calling.envelope_of(self.organization_id, flight.message_id) if prepared.has_files else prepared.envelope
        except documents.DocumentLost as error:
            return NotAccepted(str(error), service=False)
        except AWAY:
            reconnect()
            return Released()  # nothing was written
        answer = calling.call(prepared.provider, envelope, flight.deadline)
        known = self._account(prepared)
        self._troubled[known.pk] = calling.report(self.organization_id, known, answer, self.moment())
        return answer

    # --- T2 ----------------------------------------------------------------------------------------------------------------------------

    def _accepted(self, flight: Flight, answer: settlement.Answer) -> bool:
        """T2 of the usual answer, inside `tenant()`; the ticket stays until the plans were told. False: it was settled meanwhile."""
        moment = self.moment()
        with connection.cursor() as cursor:
            cursor.execute(T2, {**_last(flight, answer), "now": moment})
            (written,) = cursor.fetchone()
        if written:
            record_accepted(flight.prepared.message, moment)
        return bool(written)

    def _was_accepted(self, flight: Flight, answer: settlement.Answer, *, written: bool) -> None:
        self._answered = None
        if not written:  # its lease ended, or somebody said what became of it: an acceptance still proves that it left
            self._settle(flight, answer)
        self.outcomes[MessageState.ACCEPTED] += 1
        if not self._untold:
            self._untold_since = time.monotonic()
        self._untold.append(flight.message_id)

    def _write_answer(self) -> None:
        """T2 in a transaction of its own, tried again while the database is away, as long as anybody could wait for it."""
        if self._answered is None:
            return
        flight, answer = self._answered
        if not isinstance(answer, Accepted):
            self.outcomes[self._settle(flight, answer)] += 1
            self._answered = None
            return

        def write() -> bool:
            with tenant(self.organization_id):
                written = self._accepted(flight, answer)
                failpoints.hit("before-commit")
                return written

        self._was_accepted(flight, answer, written=patiently(write, within=MESSAGE_LEASE))

    def _settle(self, flight: Flight, answer: settlement.Answer) -> str:
        def settle() -> str:
            with tenant(self.organization_id):
                state = settlement.settle(message_id=flight.message_id, number=flight.prepared.number, answer=answer, now=self.moment())
                failpoints.hit("before-commit")
                return state

        return patiently(settle, within=MESSAGE_LEASE)

    def _tell(self) -> None:
        """Tell the plans what left, and let its tickets go."""
        if not self._untold:
            return
        ids = list(self._untold)

        def tell() -> None:
            with tenant(self.organization_id):
                told = outbox.lock_in(ids, settlement.ANNOUNCED)
                outbox.drop_tickets(told)
                outbox.announce(told, now=self.moment())

        patiently(tell, within=MESSAGE_LEASE)
        self._untold = []


def _last(flight: Flight, answer: settlement.Answer) -> dict[str, Any]:
    """What `T2` asks of the call that was answered."""
    assert isinstance(answer, Accepted)  # noqa: S101  the caller asked
    return {
        "last_attempt": flight.attempt_id,
        "last_message": flight.message_id,
        "last_number": flight.prepared.number,
        "last_id": answer.provider_id[:120],
        "last_response": answer.response[:2000],
    }


def record_accepted(message: Message, moment: datetime) -> None:
    """The trail of T2 of the usual answer."""
    audit.record(actor="system", action="message.accepted", target=message, now=moment)


def record_sending(message: Message, prepared: Prepared, moment: datetime) -> None:
    """The trail of T1."""
    body = {"sha256": message.content_sha256, "provider": prepared.account.kind, "attempt": prepared.number}
    audit.record(actor="system", action="message.sending", target=message, body=body, now=moment)


def commit_to_send(prepared: Prepared, now: datetime) -> Flight:
    """T1 in the transaction that just prepared the message and holds its family's locks. Raises LostLease and NotNow."""
    flight = Flight(prepared, new_id(), Deadline.after(MESSAGE_LEASE))
    message = prepared.message
    pace.be_the_one(prepared.account)
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.SENDING, reason="", reason_text="", updated_at=now, lease_until=pace.database_time(MESSAGE_LEASE)
    )
    account = prepared.account
    Attempt.objects.create(
        pk=flight.attempt_id, message=message, number=prepared.number, provider=account.kind, account=account, started_at=now
    )
    record_sending(message, prepared, now)
    if not claiming.extend(prepared.claim):
        raise LostLease
    return flight


def repeated(claim: Claim, message: Message, again: Repeat) -> Flight:
    """The flight of a message the reconciler has just made SENDING once more, in the same transaction."""
    attempt_id = Attempt.objects.values_list("pk", flat=True).get(message=message, number=again.number)
    prepared = Prepared(claim, message, again.number, again.account, again.provider, has_files=True)
    return Flight(prepared, attempt_id, Deadline.after(MESSAGE_LEASE))


def give_back_unsent(organization_id: UUID, flight: Flight, now: datetime) -> str:
    """Undo a T1 whose COMMIT nobody heard of: the provider was not called, and only this worker may know it."""

    def undo() -> str:
        with tenant(organization_id):
            if Attempt.objects.filter(pk=flight.attempt_id).exists():
                return settlement.settle(message_id=flight.message_id, number=flight.prepared.number, answer=Released(), now=now)
            claiming.give_back(flight.prepared.claim)
            return "given_back"

    return patiently(undo, within=MESSAGE_LEASE)


def patiently(work: Callable[[], T], *, within: float) -> T:
    """Do a transaction's work, anew while the database is away. Raises what it raises when that lasts longer than `within` seconds."""
    ends = time.monotonic() + within
    for pause in itertools.chain(PATIENCE, itertools.repeat(PATIENCE[-1])):
        try:
            return work()
        except AWAY as error:
            reconnect()
            if time.monotonic() + pause > ends:
                raise
            logger.warning("The database is away (%s); an answer waits to be written.", error)
            time.sleep(pause)
    raise AssertionError("the loop returns or raises")


def reconnect() -> None:
    """Let go of a connection that may be dead, unless a transaction around us still needs it (tests)."""
    if not connection.in_atomic_block:
        try:
            connection.close()
        except DatabaseError:
            connection.connection = None
