"""How a message leaves: claim, ask, freeze and commit; call the provider outside any transaction; settle.

Every step may be the last one a worker takes, and none loses or doubles a message:

- before the first commit (T1) nothing was said: the ticket's lease ends and another worker starts afresh;
- after it the message is SENDING: when its lease ends it becomes UNCERTAIN, and is never sent again by a program;
- the answer is written (T2) by compare-and-set on the attempt, so that a late answer cannot undo what others settled.

A provider that keeps everything on this machine cannot lose a call, so its messages are settled in T1 itself, many at a time.
"""

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Max
from django.utils.translation import gettext as _

from dunning.core import audit, documents
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import claiming, outbox, settlement
from notifications.accounts import breaker
from notifications.claiming import BATCH, MESSAGE_LEASE, Claim
from notifications.composing import Content, Obstructed, Workbench, compose
from notifications.enums import AttemptOutcome, MessageState, Obstacle
from notifications.freezing import ask, freeze
from notifications.models import Attachment, Attempt, Message, ProviderAccount, QueueTicket
from notifications.providers.base import Accepted, Deadline, Envelope, File, NotAccepted, Provider, ProviderError, ToPost, Uncertain
from notifications.reconciler import ClockTimestamp, reconcile
from notifications.signals import Go, Stop, Together

logger = logging.getLogger(__name__)

LEAVING: Final = (MessageState.QUEUED, MessageState.RETRY)
UNKNOWN: Final = (MessageState.SENDING, MessageState.UNCERTAIN)
SHORTEST_WAIT: Final = timedelta(minutes=1)  # before the gate is asked again about a message it put off
SETTLE_AGAIN: Final = (0.5, 2.0, 5.0)  # seconds between tries at writing an answer while the database is away


class LostLease(Exception):
    """Somebody else may hold the ticket: everything done for it is rolled back."""


@dataclass
class Pass:
    """One transaction's results: what to tell the plans and to insert at its end, and the count by outcome."""

    now: datetime
    bench: Workbench
    together: Together | None = None
    announced: list[UUID] = field(default_factory=list)
    done: list[Claim] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def close(self) -> None:
        """The last statements of the transaction. Raises LostLease."""
        Attachment.objects.bulk_create(self.attachments)
        Attempt.objects.bulk_create(self.attempts)
        if not claiming.finish(self.done):
            raise LostLease
        outbox.announce(self.announced, now=self.now)


@dataclass(frozen=True, slots=True)
class Ready:
    """A message frozen and committed as SENDING: the call may be made until `deadline`."""

    message_id: UUID
    number: int
    account_id: UUID
    provider: Provider
    deadline: Deadline


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
        if not claims:
            break
        for owner, theirs in groupby(sorted(claims, key=lambda claim: claim.organization_id), key=lambda claim: claim.organization_id):
            outcomes.update(_deliver(owner, list(theirs), moment))
    return outcomes


def is_anything_due(*, now: datetime) -> bool:
    """Whether a ticket nobody holds is due, of an organization that is not being played."""
    due = QueueTicket.objects.filter(due_at__lte=now).exclude(lease_until__gt=ClockTimestamp())
    played = Organization.objects.exclude(playing_until=None).values("pk")
    return due.exclude(organization_id__in=played).exists()


def _deliver(organization_id: UUID, claims: list[Claim], now: datetime) -> Counter[str]:
    """One organization's share of a batch: what stays on this machine in one transaction, the rest one by one."""
    with tenant(organization_id):
        local_channels = Workbench().local_channels()
    local = [claim for claim in claims if claim.channel in local_channels]
    singly = [claim for claim in claims if claim.channel not in local_channels]
    outcomes: Counter[str] = Counter()
    if local:
        try:
            outcomes.update(_deliver_locally(organization_id, local, now))
        except InterfaceError:
            raise
        except Exception:  # one bad message must not keep the others back: each gets a transaction of its own
            if len(local) > 1:
                logger.exception("A batch of local messages was rolled back; they are delivered one by one.")
            singly = local + singly
    for claim in singly:
        outcomes[_deliver_one(organization_id, claim, now, local=claim.channel in local_channels)] += 1
    return outcomes


def _deliver_locally(organization_id: UUID, claims: list[Claim], now: datetime) -> Counter[str]:
    with tenant(organization_id):
        run = Pass(now, Workbench(many=len(claims) > 1), Together([claim.message_id for claim in claims]))
        messages = {message.pk: message for message in outbox.lock(claim.message_id for claim in claims)}
        for claim in claims:
            _prepare(claim, messages.get(claim.message_id), run, locked=True)
        run.close()
    return run.outcomes


def _deliver_one(organization_id: UUID, claim: Claim, now: datetime, *, local: bool) -> str:
    """One message through T1, the call and T2; a fault of the program holds it and lets the others pass."""
    deadline = Deadline.after(MESSAGE_LEASE)
    try:
        if local:
            (outcome,) = _deliver_locally(organization_id, [claim], now)
            return outcome
        with tenant(organization_id):
            run = Pass(now, Workbench())
            ready = _prepare(claim, Message.objects.filter(pk=claim.message_id).first(), run, deadline)
            run.close()
        if ready is None:
            (outcome,) = run.outcomes
            return outcome
    except LostLease:
        return "lost_lease"
    except InterfaceError:
        raise
    except OperationalError as error:  # a deadlock or a lock timeout: nothing was written
        logger.warning("A message goes back to the queue (%s).", error)
        claiming.give_back(claim, due_at=now + SHORTEST_WAIT)
        return "given_back"
    except Exception as error:
        logger.exception("A message could not be prepared and is held.")
        _hold_crashed(organization_id, claim, error, now)
        return MessageState.HELD
    answer = _call(organization_id, ready)
    return _settle(organization_id, ready, answer, now)


def _hold_crashed(organization_id: UUID, claim: Claim, error: Exception, now: datetime) -> None:
    with tenant(organization_id):
        for message in outbox.lock([claim.message_id]):
            if message.state in LEAVING:
                settlement.move(message, MessageState.HELD, now, reason=Obstacle.CRASHED, reason_text=type(error).__name__)


# --- T1: ask, render, freeze -----------------------------------------------------------------------------------------------------------


def _prepare(claim: Claim, message: Message | None, run: Pass, deadline: Deadline | None = None, *, locked: bool = False) -> Ready | None:
    """Bring one message as far as T1 may: settled when its provider is local, else SENDING. None when there is nothing to call.

    Unless the caller has `locked` the message, it is read again under the locks that answering the question takes.
    """
    if message is None or message.state not in (*LEAVING, *UNKNOWN):
        run.done.append(claim)
        run.outcomes["gone"] += 1
        return None
    if message.state in UNKNOWN:
        run.outcomes[reconcile(claim, now=run.now)] += 1
        return None
    try:
        account, provider = run.bench.account(message.channel)
        if not provider.is_local and (wait := breaker.wait(account.pk)):
            claiming.give_back(claim, due_at=run.now + timedelta(seconds=wait))
            run.outcomes["waiting_for_service"] += 1
            return None
        answer = ask(message, now=run.now, together=run.together)
        if not locked:
            message = Message.objects.select_for_update(no_key=True).get(pk=message.pk)
        if message.state not in LEAVING:
            run.done.append(claim)
            run.outcomes["gone"] += 1
            return None
        if isinstance(answer, Stop):
            _stop(claim, message, answer, run)
            return None
        content = compose(message, answer, run.bench, now=run.now)
    except Obstructed as obstacle:
        (message,) = outbox.lock([message.pk])  # not locked yet when the obstacle came before the question
        if message.state not in LEAVING:
            run.done.append(claim)
            run.outcomes["gone"] += 1
            return None
        state = MessageState.FAILED if obstacle.failed else MessageState.HELD
        _put_aside(claim, message, state, obstacle.reason, obstacle.text, run)
        return None
    if provider.is_local:
        _settle_locally(claim, message, answer, content, account, provider, run)
        return None
    return _commit_to_send(claim, message, answer, content, account, provider, run, deadline or Deadline.after(MESSAGE_LEASE))


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
    if state in settlement.ANNOUNCED:
        run.announced.append(message.pk)


def _settle_locally(
    claim: Claim, message: Message, go: Go, content: Content, account: ProviderAccount, provider: Provider, run: Pass
) -> None:
    envelope = Envelope(message.pk, message.channel, content.sender, content.recipient, content.recipient_name)
    answer = provider.send(envelope, Deadline.after(MESSAGE_LEASE))
    posted = isinstance(answer, ToPost)
    state = MessageState.TO_POST if posted else MessageState.ACCEPTED
    provider_id, response = (answer.provider_id, answer.response) if isinstance(answer, Accepted) else ("", "")
    number = _next_number(message)
    run.attachments += freeze(
        message,
        go,
        content,
        now=run.now,
        state=state,
        reason="",
        reason_text="",
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


def _commit_to_send(
    claim: Claim,
    message: Message,
    go: Go,
    content: Content,
    account: ProviderAccount,
    provider: Provider,
    run: Pass,
    deadline: Deadline,
) -> Ready:
    number = _next_number(message)
    run.attachments += freeze(
        message,
        go,
        content,
        now=run.now,
        state=MessageState.SENDING,
        reason="",
        reason_text="",
        provider=account.kind,
        cost=settlement.cost(account.settings, content.parts),
        lease_until=ClockTimestamp() + timedelta(seconds=MESSAGE_LEASE),
    )
    run.attempts.append(Attempt(message=message, number=number, provider=account.kind, started_at=run.now))
    body = {"sha256": message.content_sha256, "provider": account.kind, "attempt": number}
    audit.record(actor="system", action="message.sending", target=message, body=body, now=run.now)
    if not claiming.extend(claim):
        raise LostLease
    run.outcomes[MessageState.SENDING] += 1
    return Ready(message.pk, number, account.pk, provider, deadline)


def _next_number(message: Message) -> int:
    if message.frozen_at is None:
        return 1
    return int(message.attempts.aggregate(n=Max("number"))["n"] or 0) + 1


# --- the call, and T2 ------------------------------------------------------------------------------------------------------------------


def _call(organization_id: UUID, ready: Ready) -> settlement.Answer:
    """Hand over what was frozen, outside any transaction. Whatever a provider raises unannounced is uncertain."""
    try:
        envelope = _envelope(organization_id, ready.message_id)
    except documents.DocumentLost as error:
        return NotAccepted(str(error), service=False)
    answer: settlement.Answer
    try:
        answer = ready.provider.send(envelope, ready.deadline)
    except ProviderError as error:
        answer = error
    except Exception as error:
        logger.exception("A provider failed in a way it does not declare.")
        answer = Uncertain(_("Unexpected fault while sending (%(error)s).") % {"error": type(error).__name__})
    breaker.report(ready.account_id, answer if isinstance(answer, NotAccepted) else None)
    return answer


def _envelope(organization_id: UUID, message_id: UUID) -> Envelope:
    """The frozen message as committed, with the bytes of its files."""
    with tenant(organization_id):
        message = Message.objects.get(pk=message_id)
        attached = list(Attachment.objects.filter(message=message).select_related("document").order_by("position"))
        return Envelope(
            message_id=message.pk,
            channel=message.channel,
            sender=message.sender,
            recipient=message.recipient,
            recipient_name=message.recipient_name,
            reply_to=message.reply_to,
            subject=message.subject,
            text=message.body_text,
            html=message.body_html,
            header_id=message.header_id,
            references=message.in_reply_to,
            files=tuple(File(entry.filename, entry.document.media_type, documents.read(entry.document)) for entry in attached),
        )


def _settle(organization_id: UUID, ready: Ready, answer: settlement.Answer, now: datetime) -> str:
    """Write the answer, trying again while the database is away: a lost answer would make a sent message uncertain."""
    moment = now + timedelta(seconds=MESSAGE_LEASE - ready.deadline.remaining())
    for pause in (*SETTLE_AGAIN, None):
        try:
            with tenant(organization_id):
                return settlement.settle(message_id=ready.message_id, number=ready.number, answer=answer, now=moment)
        except (OperationalError, InterfaceError):
            if pause is None:
                raise
            connection.close()
            time.sleep(pause)
    raise AssertionError("the loop returns or raises")
