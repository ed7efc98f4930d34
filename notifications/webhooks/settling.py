"""What came of the calls: deliveries made, to be tried again or given up, and how the endpoint is doing. Inside `tenant()`.

Everything is a compare-and-set: a worker that comes back after its lease ended, and what it heard, does no harm.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import F, Min

from dunning.core import audit
from notifications.claiming import Claim
from notifications.enums import DeliveryState, EndpointState, SwitchedOff
from notifications.models import QueueTicket, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.webhooks.line import Answer

SCHEDULE: Final = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each try: 75 hours in all, as the Standard Webhooks specification proposes."""
THRESHOLD: Final = 3  # failures in a row after which an endpoint is left alone
SHORTEST, LONGEST = 10.0, 300.0  # seconds between two calls to one that is left alone
FAILING_FOR: Final = timedelta(hours=75)  # nothing but failures: it is switched off
GONE: Final = 410
_HEALTH: Final = ("failures", "failing_since", "closed_until", "last_success_at", "last_failure_at", "last_status", "last_fault")
_jitter = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Told:
    """What one call of a delivery brought, and how many were made before it."""

    delivery_id: UUID
    tries: int
    answer: Answer


def settle(claim: Claim, told: Sequence[Told], *, now: datetime) -> Counter[str]:
    """Write what was heard, in the order in which it was, and let the endpoint go; counts of deliveries by what became of them."""
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=claim.message_id).first()
    if endpoint is None:  # deleted meanwhile, and its deliveries with it
        QueueTicket.objects.filter(pk=claim.ticket_id, lease_token=claim.token).delete()
        return Counter()
    known = set(WebhookDelivery.objects.filter(pk__in=[entry.delivery_id for entry in told]).values_list("pk", flat=True))
    told = [entry for entry in told if entry.delivery_id in known]
    WebhookAttempt.objects.bulk_create([_attempt(entry, now) for entry in told], ignore_conflicts=True)
    outcomes = Counter({"delivered": _note_delivered([entry for entry in told if entry.answer.is_success], now)})
    for entry in told:
        if not entry.answer.is_success:
            outcomes[_note_failed(entry, now)] += 1
    _note_health(endpoint, [entry.answer for entry in told], now)
    let_go(claim, endpoint)
    return +outcomes


def _attempt(entry: Told, now: datetime) -> WebhookAttempt:
    answer = entry.answer
    return WebhookAttempt(
        delivery_id=entry.delivery_id,
        number=entry.tries + 1,
        at=now - timedelta(seconds=answer.seconds),
        status=answer.status,
        fault=answer.fault,
        milliseconds=round(answer.seconds * 1000),
        answer=answer.text,
    )


def _note_delivered(told: Sequence[Told], now: datetime) -> int:
    """An event that was heard is delivered, whatever was said of it since."""
    ids = [entry.delivery_id for entry in told]
    undelivered = WebhookDelivery.objects.filter(pk__in=ids).exclude(state=DeliveryState.DELIVERED)
    return undelivered.update(state=DeliveryState.DELIVERED, closed_at=now, next_at=None, tries=F("tries") + 1)


def _note_failed(entry: Told, now: datetime) -> str:
    """The next try by the schedule, or by what the receiver asked for when that is later; after the last one it is given up."""
    row = WebhookDelivery.objects.filter(pk=entry.delivery_id, state=DeliveryState.PENDING, tries=entry.tries)
    begun = row.values_list("begun", flat=True).first()
    if begun is None:
        return "settled_elsewhere"
    made = entry.tries + 1 - begun
    if made >= len(SCHEDULE):
        row.update(state=DeliveryState.FAILED, closed_at=now, next_at=None, tries=F("tries") + 1)
        return "given_up"
    pause = max(SCHEDULE[made] * _jitter.uniform(0.9, 1.1), entry.answer.retry_after or 0.0)
    row.update(next_at=now + timedelta(seconds=pause), tries=F("tries") + 1)
    return "failed"


def _note_health(endpoint: WebhookEndpoint, answers: Sequence[Answer], now: datetime) -> None:
    """Failures in a row leave it alone for a while; one that is gone, or only fails, is switched off."""
    if not answers:
        return
    for answer in answers:
        if answer.is_success:
            endpoint.failures, endpoint.failing_since, endpoint.closed_until = 0, None, None
            endpoint.last_success_at = now
        else:
            endpoint.failures += 1
            endpoint.failing_since = endpoint.failing_since or now
            endpoint.last_failure_at = now
    last = answers[-1]
    endpoint.last_status, endpoint.last_fault = last.status, last.fault
    if not last.is_success:
        pause = min(SHORTEST * 2.0 ** min(endpoint.failures - THRESHOLD, 10), LONGEST) if endpoint.failures >= THRESHOLD else 0.0
        pause = max(pause, last.retry_after or 0.0)
        endpoint.closed_until = now + timedelta(seconds=pause) if pause else None
    endpoint.save(update_fields=_HEALTH)
    if endpoint.state != EndpointState.ACTIVE:
        return
    if any(answer.status == GONE for answer in answers):
        switch_off(endpoint, SwitchedOff.GONE, actor="system", now=now)
    elif endpoint.failing_since is not None and now - endpoint.failing_since >= FAILING_FOR:
        switch_off(endpoint, SwitchedOff.FAILING, actor="system", now=now)


def switch_off(endpoint: WebhookEndpoint, reason: SwitchedOff, *, actor: str, now: datetime) -> None:
    """Call a locked endpoint no more; what was on its way to it is given up, and may be sent again later."""
    endpoint.state, endpoint.reason, endpoint.since, endpoint.closed_until = EndpointState.DISABLED, reason, now, None
    endpoint.save(update_fields=["state", "reason", "since", "closed_until"])
    pending = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING)
    given_up = pending.update(state=DeliveryState.FAILED, closed_at=now, next_at=None)
    body = {"reason": str(reason), "given_up": given_up}
    audit.record(actor=actor, action="webhook.switched_off", target=endpoint, body=body, now=now)


def let_go(claim: Claim, endpoint: WebhookEndpoint) -> None:
    """Have a locked endpoint looked at when its next delivery is due, by anybody; not at all when nothing waits."""
    with connection.cursor() as cursor:  # whoever adds a delivery meanwhile waits here, and sets an earlier moment afterwards
        cursor.execute(
            "SELECT 1 FROM notifications_queueticket WHERE id = %s AND lease_token = %s FOR UPDATE", [claim.ticket_id, claim.token]
        )
        if cursor.fetchone() is None:
            return  # another worker's by now
    ticket = QueueTicket.objects.filter(pk=claim.ticket_id)
    pending = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING)
    next_at = pending.aggregate(at=Min("next_at"))["at"] if endpoint.state == EndpointState.ACTIVE else None
    if next_at is None:
        ticket.delete()
    else:
        due_at = max(next_at, endpoint.closed_until or next_at)
        ticket.update(due_at=due_at, lease_until=None, lease_token=None, tries=0)
