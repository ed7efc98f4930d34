"""One message, or a batch of one organization's, brought to the point of leaving: ask, render, freeze. Nothing here calls a provider.

A message is prepared while it still waits: what it says is frozen, its state is not SENDING yet. Whoever sends it (`sending`) checks under
the customers' locks that nobody touched its paying family since, and asks again when somebody did.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Max

from dunning.core import audit, failpoints
from notifications import claiming, outbox, pace, settlement
from notifications.claiming import MESSAGE_LEASE, Claim
from notifications.composing import Content, Obstructed, Workbench, compose
from notifications.enums import AttemptOutcome, MessageState, Obstacle
from notifications.freezing import ask, freeze, sealed, write
from notifications.models import Attachment, Attempt, Message, ProviderAccount
from notifications.providers.base import Accepted, Deadline, Envelope, Provider, ToPost
from notifications.reconciler import LookUp, Repeat, reconcile
from notifications.signals import Go, Stop, Together

LEAVING: Final = (MessageState.QUEUED, MessageState.RETRY)
UNKNOWN: Final = (MessageState.SENDING, MessageState.UNCERTAIN)
SHORTEST_WAIT: Final = timedelta(minutes=1)  # before the gate is asked again about a message it put off

_FAMILIES: Final = """
WITH own AS MATERIALIZED (
    SELECT m.id AS message_id, coalesce(c.payer_id, c.id) AS root
    FROM notifications_message m JOIN customers_customer c ON c.organization_id = m.organization_id AND c.id = m.customer_id
    WHERE m.id = ANY(%s::uuid[])
)
SELECT message_id, c.id::text, c.xmax::text FROM own JOIN customers_customer c ON c.id = own.root
UNION ALL
SELECT message_id, c.id::text, c.xmax::text FROM own JOIN customers_customer c ON c.payer_id = own.root
"""


class LostLease(Exception):
    """Somebody else may hold the ticket: everything done for it is rolled back."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message frozen while it waits, and who must not have been touched since: its paying family, last locked by `stamp`."""

    claim: Claim
    message: Message
    number: int
    account: ProviderAccount
    provider: Provider
    has_files: bool
    family: tuple[str, ...] = ()
    stamp: str = ""

    @property
    def envelope(self) -> Envelope:
        """The frozen message as it is handed over, without its files."""
        return sealed(self.message)


@dataclass
class Pass:
    """One transaction's results: what to tell the plans and to insert at its end, and the count by outcome."""

    now: datetime
    bench: Workbench
    together: Together | None = None
    numbers: dict[UUID, int] = field(default_factory=dict)
    frozen: list[Message] = field(default_factory=list)
    announced: list[UUID] = field(default_factory=list)
    done: list[Claim] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    prepared: list[Prepared] = field(default_factory=list)
    repeated: list[tuple[Claim, Message, Repeat]] = field(default_factory=list)  # SENDING once more: alone in its pass
    asked: list[tuple[Claim, Message, LookUp]] = field(default_factory=list)  # to be asked for: alone in its pass
    alone: list[Claim] = field(default_factory=list)  # to be looked at each in a pass of its own
    outcomes: Counter[str] = field(default_factory=Counter)

    def write(self) -> None:
        """Write the messages that left or were frozen so far: what is read next must find them so."""
        write(self.frozen)
        self.frozen = []

    def close(self) -> None:
        """The last statements of the transaction. Raises LostLease."""
        self.write()
        if self.attachments:
            Attachment.objects.bulk_create(self.attachments)
        if self.attempts:
            Attempt.objects.bulk_create(self.attempts)
        if not claiming.finish(self.done):
            raise LostLease
        outbox.announce(self.announced, now=self.now)

    def stamp(self) -> list[Prepared]:
        """What was prepared, each with its family as this transaction locked it; to be asked before anything else may lock it."""
        families: dict[UUID, dict[str, str]] = {}
        with connection.cursor() as cursor:
            cursor.execute(_FAMILIES, [[str(entry.message.pk) for entry in self.prepared]])
            for message_id, customer_id, locked_by in cursor.fetchall():
                families.setdefault(message_id, {})[customer_id] = locked_by
        stamped = []
        for entry in self.prepared:
            family = families.get(entry.message.pk, {})
            stamps = set(family.values())
            stamped.append(replace(entry, family=tuple(sorted(family)), stamp=stamps.pop() if len(stamps) == 1 else ""))
        return stamped


def open_pass(claims: Sequence[Claim], now: datetime) -> tuple[Pass, dict[UUID, Message]]:
    """Lock the messages of these tickets with their customers, inside `tenant()`, and read what they share."""
    ids = [claim.message_id for claim in claims]
    run = Pass(now, Workbench(many=len(claims) > 1))
    run.together = Together(ids, written=run.write)
    messages = {message.pk: message for message in outbox.lock(ids)}
    run.numbers = dict(Attempt.objects.filter(message__in=ids).values_list("message").annotate(Max("number")))
    return run, messages


def prepare(claim: Claim, message: Message | None, run: Pass) -> None:
    """Bring one locked message as far as it may come without a call: settled when its provider is local, else prepared or put aside."""
    if message is None or message.state not in (*LEAVING, *UNKNOWN):
        run.done.append(claim)
        run.outcomes["gone"] += 1
        if message is not None and message.state in settlement.ANNOUNCED:
            run.announced.append(message.pk)  # by somebody who died before the plans were told; told twice, they do nothing
        return
    if message.state in UNKNOWN:
        _find_out(claim, message, run)
        return
    try:
        account, provider = run.bench.account(message.channel)
        if not provider.is_local and (wait := run.bench.closed_for(message.channel)):
            claiming.give_back(claim, due_at=run.now + timedelta(seconds=wait))
            run.outcomes["waiting_for_service"] += 1
            return
        answer = ask(message, now=run.now, together=run.together)
        if isinstance(answer, Stop):
            _stop(claim, message, answer, run)
            return
        failpoints.hit("mid-render")
        content = compose(message, answer, run.bench, now=run.now)
    except Obstructed as obstacle:
        state = MessageState.FAILED if obstacle.failed else MessageState.HELD
        _put_aside(claim, message, state, obstacle.reason, obstacle.text, run)
        return
    if provider.is_local:
        _settle_locally(claim, message, answer, content, account, provider, run)
    else:
        _freeze_waiting(claim, message, answer, content, account, provider, run)


def _find_out(claim: Claim, message: Message, run: Pass) -> None:
    """A message whose fate is unknown. One that may be called for takes a pass of its own: a worker has one call to make at a time."""
    if message.state == MessageState.UNCERTAIN and len(run.together.message_ids if run.together else ()) > 1:
        run.alone.append(claim)
        return
    found = reconcile(claim, run.bench, now=run.now)
    if isinstance(found, str):
        run.outcomes[found] += 1
        return
    pace.be_the_one(found.account)
    if not claiming.extend(claim):
        raise LostLease
    if isinstance(found, Repeat):
        run.repeated.append((claim, message, found))
    else:
        run.asked.append((claim, message, found))


def _stop(claim: Claim, message: Message, stop: Stop, run: Pass) -> None:
    """The gate said no: withdrawn for good, asked again later, or held for a person. The reason stays on the message."""
    if stop.final:
        _put_aside(claim, message, MessageState.CANCELLED, stop.reason, stop.text, run)
    elif stop.until is not None:
        due_at = max(stop.until, run.now + SHORTEST_WAIT)
        Message.objects.filter(pk=message.pk).update(
            reason=stop.reason[:40], reason_text=stop.text[:500], not_before=due_at, updated_at=run.now
        )
        claiming.give_back(claim, due_at=due_at)
        run.outcomes["put_off"] += 1
    else:
        state = MessageState.AWAITING_APPROVAL if stop.for_approval else MessageState.HELD
        _put_aside(claim, message, state, stop.reason, stop.text, run)


def _put_aside(claim: Claim, message: Message, state: MessageState, reason: str, text: str, run: Pass) -> None:
    fields: dict[str, Any] = {"failed_at": run.now} if state == MessageState.FAILED else {}
    Message.objects.filter(pk=message.pk).update(
        state=state, reason=str(reason)[:40], reason_text=text[:500], lease_until=None, updated_at=run.now, **fields
    )
    audit.record(actor="system", action=f"message.{state}", target=message, body={"reason": str(reason)}, now=run.now)
    run.done.append(claim)
    run.outcomes[state] += 1
    if state == MessageState.AWAITING_APPROVAL:
        outbox.tell_approval("requested", [message.pk], now=run.now)
    if state in settlement.ANNOUNCED:
        run.announced.append(message.pk)


def hold_poisoned(claim: Claim, message: Message, run: Pass) -> None:
    """Its preparation ended its worker again and again: it is held, named, for a person, and the others pass."""
    _put_aside(claim, message, MessageState.HELD, Obstacle.CRASHED, Obstacle.CRASHED.value, run)


def _settle_locally(
    claim: Claim, message: Message, go: Go, content: Content, account: ProviderAccount, provider: Provider, run: Pass
) -> None:
    envelope = Envelope(message.pk, message.channel, content.sender, content.recipient, content.recipient_name)
    answer = provider.send(envelope, Deadline.after(MESSAGE_LEASE))
    posted = isinstance(answer, ToPost)
    state = MessageState.TO_POST if posted else MessageState.ACCEPTED
    provider_id, response = (answer.provider_id, answer.response) if isinstance(answer, Accepted) else ("", "")
    number = run.numbers.get(message.pk, 0) + 1
    run.attachments += freeze(
        message,
        go,
        content,
        now=run.now,
        state=state,
        reason="",
        reason_text="",
        later=run.frozen,
        provider=account.kind,
        provider_id=provider_id,
        accepted_at=None if posted else run.now,
        cost=settlement.cost(account.settings, content.parts),
    )
    run.attempts.append(
        Attempt(
            message=message,
            number=number,
            provider=account.kind,
            account=account,
            started_at=run.now,
            finished_at=run.now,
            outcome=AttemptOutcome.ACCEPTED,
            provider_id=provider_id,
            response=response,
        )
    )
    body = {"sha256": message.content_sha256, "provider": account.kind, "attempt": number}
    audit.record(actor="system", action=f"message.{state}", target=message, body=body, now=run.now)
    run.done.append(claim)
    run.outcomes[state] += 1
    if not posted:
        run.announced.append(message.pk)


def _freeze_waiting(
    claim: Claim, message: Message, go: Go, content: Content, account: ProviderAccount, provider: Provider, run: Pass
) -> None:
    cost = settlement.cost(account.settings, content.parts)
    attachments = freeze(message, go, content, now=run.now, later=run.frozen, provider=account.kind, cost=cost)
    run.attachments += attachments
    number = run.numbers.get(message.pk, 0) + 1
    has_files = bool(attachments) or message.document_id is not None
    run.prepared.append(Prepared(claim, message, number, account, provider, has_files))
