"""From events to deliveries: what was told in a transaction is handed to the endpoints that asked for it, after the commit.

Nothing but a ticket is written in the business transaction, and that only when an active endpoint of the organization wants such events;
`hand_out` does the rest, as often as it must: an endpoint gets each event once.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from celery import current_app
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from dunning.core import clock, events
from dunning.core.event_types import TEST
from dunning.core.models import Event
from dunning.core.prepared import ask
from dunning.core.tenancy import current_organization_id, current_scope, tenant
from dunning.core.tokens import new_id
from notifications import claiming
from notifications.claiming import Claim
from notifications.enums import EndpointState, Errand
from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.sending import AWAY, reconnect

logger = logging.getLogger(__name__)

PAGE: Final = 500  # events of one transaction
LARGEST: Final = 20_000  # bytes of a body
AT_ONCE: Final = 100  # batches taken together
_NUMBERS: Final = ("number", "invoice_number", "reference", "customer_number", "key", "on", "through", "slug")  # the first one known
_WANTED, _BATCH = "webhooks.wanted", "webhooks.batch"  # in the scope's cache

_ACTIVE: Final = f"SELECT types FROM notifications_webhookendpoint WHERE state = '{EndpointState.ACTIVE.value}'"  # noqa: S608 - a constant
_TICKET: Final = """
INSERT INTO notifications_queueticket (organization_id, id, message_id, channel, due_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (message_id) DO UPDATE SET due_at = LEAST(notifications_queueticket.due_at, EXCLUDED.due_at)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the active endpoints of an organization ask for together."""

    types: frozenset[str] = frozenset()
    everything: bool = False

    def __contains__(self, type: str) -> bool:
        return type != TEST and (self.everything or type in self.types)


class Rung:
    """Marks a transaction whose commit rings for its webhooks."""


# --- in the business transaction --------------------------------------------------------------------------------------------------------


def connect() -> None:
    """Have events handed on; called when the application starts."""
    events.connect_outlet(batch_for)


def batch_for(type: str, now: datetime) -> UUID | None:
    """The batch of the open transaction, with its ticket, when somebody wants events of this type; asked for at every `emit`."""
    cache = current_scope().cache
    if _WANTED not in cache:
        cache[_WANTED] = _wanted()
    if type not in cache[_WANTED]:
        return None
    batch: UUID = cache.setdefault(_BATCH, new_id())
    write_ticket(batch, Errand.EVENTS, due_at=now)  # each time: the savepoint that wrote the first may be gone
    ring_after_commit()
    return batch


def forget_wanted() -> None:
    """An endpoint changed: whoever tells something later in this transaction asks anew."""
    current_scope().cache.pop(_WANTED, None)


def _wanted() -> Wanted:
    with connection.cursor() as cursor:
        ask(cursor, _ACTIVE)
        asked = [types for (types,) in cursor.fetchall()]
    return Wanted(frozenset().union(*asked), any(not types for types in asked)) if asked else Wanted()


def write_ticket(subject: UUID, errand: Errand, *, due_at: datetime) -> None:
    """Have a batch or an endpoint looked at from then on, or from earlier when that was said before."""
    with connection.cursor() as cursor:
        cursor.execute(_TICKET, [current_organization_id(), new_id(), subject, errand.value, due_at])


def ring_after_commit() -> None:
    """Once per transaction. A life being played calls nobody."""
    pending = current_scope().pending
    if clock.is_virtual() or any(isinstance(entry, Rung) for entry in pending):
        return
    pending.append(Rung())
    transaction.on_commit(_ring)


def _ring() -> None:
    try:
        current_app.send_task("notifications.webhooks", retry=False, expires=30)
    except Exception as error:  # a broker that is down delays webhooks by one sweep, it loses nothing
        logger.warning("The doorbell did not ring (%s); the sweeper will find the webhooks.", error)


# --- afterwards, by a worker ------------------------------------------------------------------------------------------------------------


def hand_out_due(*, now: datetime, organization_id: UUID | None = None) -> int:
    """Hand out the events of every transaction that waits; how many deliveries were made."""
    made = 0
    while claims := claiming.claim_errands(Errand.EVENTS, now=now, size=AT_ONCE, organization_id=organization_id):
        claims.sort(key=lambda claim: claim.organization_id)
        for owner, theirs in groupby(claims, key=lambda claim: claim.organization_id):
            made += _hand_out_safely(owner, list(theirs), now)
    return made


def _hand_out_safely(organization_id: UUID, claims: list[Claim], now: datetime) -> int:
    try:
        return _hand_out(organization_id, claims, now)
    except AWAY:
        reconnect()
        raise
    except Exception:  # a fault of the program, or an endpoint deleted meanwhile: the others are not kept waiting
        logger.exception("Events could not be handed out; they are looked at again when their lease ends.")
        return 0


def _hand_out(organization_id: UUID, claims: list[Claim], now: datetime) -> int:
    """Small batches in one transaction together, a large one alone in pages."""
    with tenant(organization_id):
        waiting = Event.objects.filter(batch__in=[claim.message_id for claim in claims])
        page = list(waiting.order_by("pk")[: PAGE + 1])
        if len(page) <= PAGE:
            made = _write(page, now)
            claiming.finish(claims)
            return made
    return sum(_hand_out_in_pages(organization_id, claim, now) for claim in claims)


def _hand_out_in_pages(organization_id: UUID, claim: Claim, now: datetime) -> int:
    made, last = 0, UUID(int=0)
    while claiming.renew([claim]):
        with tenant(organization_id):
            page = list(Event.objects.filter(batch=claim.message_id, pk__gt=last).order_by("pk")[:PAGE])
            made += _write(page, now)
            if len(page) < PAGE:
                claiming.finish([claim])
                return made
        last = page[-1].pk
    return made  # somebody else goes on with it


def _write(page: Sequence[Event], now: datetime) -> int:
    """A delivery for each event and each endpoint that asked for it then; whoever got one before gets no other."""
    endpoints = list(WebhookEndpoint.objects.filter(state=EndpointState.ACTIVE))
    rows: list[WebhookDelivery] = []
    for endpoint in endpoints:
        for event in page:
            if event.at >= endpoint.since and event.type in Wanted(frozenset(endpoint.types), not endpoint.types):
                rows.append(WebhookDelivery(endpoint=endpoint, event_id=event.pk, type=event.type, created_at=now, next_at=now))
    wanted = {row.event_id for row in rows}
    said = compose([event for event in page if event.pk in wanted])
    for row in rows:
        row.body, row.about = said[row.event_id]
    WebhookDelivery.objects.bulk_create(rows, batch_size=PAGE, ignore_conflicts=True)
    reached = {row.endpoint_id for row in rows}
    for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.pk):
        if endpoint.pk in reached:
            write_ticket(endpoint.pk, Errand.WEBHOOK, due_at=max(now, endpoint.closed_until or now))
    return len(rows)


def compose(page: Iterable[Event]) -> dict[UUID, tuple[str, str]]:
    """For each event what is said, and the number people know its subject by.

    Its subject is described as it stands now, moments after it happened.
    """
    told = list(page)
    described: dict[str, Mapping[UUID, Mapping[str, Any]]] = {}
    for subject in {event.object_type for event in told}:
        described[subject] = events.describe(subject, {event.object_id for event in told if event.object_type == subject})
    found = {}
    for event in told:
        fields = described[event.object_type].get(event.object_id, {})
        about = next((str(fields[name]) for name in _NUMBERS if fields.get(name)), "")
        found[event.pk] = body_of(event, fields), about[:120]
    return found


def body_of(event: Event, fields: Mapping[str, Any]) -> str:
    """The JSON of one event, at most 20 kB: details that would make it longer are left out, and it says so."""
    data: dict[str, Any] = {"object": event.object_type, "id": event.object_id, **fields, "details": event.payload}
    said = {
        "type": event.type,
        "timestamp": event.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "organization": event.organization_id,
        "sequence": event.sequence,
        "data": data,
    }
    body = _json(said)
    if len(body.encode()) > LARGEST:
        data["details"], data["truncated"] = {}, True
        body = _json(said)
    return body


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":"))
