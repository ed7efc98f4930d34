"""What was delivered, and sending it again. Called inside `tenant()`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from notifications.enums import DeliveryState, EndpointState, SwitchedOff
from notifications.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.webhooks.endpoints import lock_endpoint, wake

DELIVERED_FOR: Final = timedelta(days=30)  # deliveries that succeeded are kept so long
FAILED_FOR: Final = timedelta(days=90)  # those given up: somebody may want to send them again
AT_ONCE: Final = 2000  # rows deleted by one statement


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is doing."""

    endpoint: WebhookEndpoint
    pending: int
    failed: int
    is_paused: bool  # left alone for a moment, after failures in a row


def list_endpoints(*, now: datetime) -> Sequence[Health]:
    """Every endpoint, oldest first."""
    found = list(WebhookEndpoint.objects.order_by("created_at", "pk"))
    counts = _counts(found)
    return [_health(endpoint, counts, now) for endpoint in found]


def get_health(endpoint_id: UUID, *, now: datetime) -> Health:
    """One endpoint. Raises WebhookEndpoint.DoesNotExist."""
    endpoint = WebhookEndpoint.objects.get(pk=endpoint_id)
    return _health(endpoint, _counts([endpoint]), now)


def _counts(found: Sequence[WebhookEndpoint]) -> dict[tuple[UUID, str], int]:
    """How many deliveries of each endpoint wait or were given up: the two states that have an index of their own."""
    counts: dict[tuple[UUID, str], int] = {}
    for state in (DeliveryState.PENDING, DeliveryState.FAILED):
        rows = WebhookDelivery.objects.filter(endpoint__in=found, state=state).order_by().values_list("endpoint").annotate(Count("pk"))
        counts |= {(endpoint_id, state): count for endpoint_id, count in rows}
    return counts


def _health(endpoint: WebhookEndpoint, counts: Mapping[tuple[UUID, str], int], now: datetime) -> Health:
    return Health(
        endpoint,
        counts.get((endpoint.pk, DeliveryState.PENDING), 0),
        counts.get((endpoint.pk, DeliveryState.FAILED), 0),
        endpoint.closed_until is not None and endpoint.closed_until > now,
    )


def list_deliveries(*, endpoint_id: UUID, state: str = "", type: str = "") -> QuerySet[WebhookDelivery]:
    """An endpoint's deliveries, the newest first, each with its last answer (`last_status`, `last_fault`)."""
    last = WebhookAttempt.objects.filter(delivery=OuterRef("pk")).order_by("-number")
    rows = WebhookDelivery.objects.filter(endpoint=endpoint_id)
    if state:
        rows = rows.filter(state=state)
    if type:
        rows = rows.filter(type=type)
    shown = rows.annotate(last_status=Subquery(last.values("status")[:1]), last_fault=Subquery(last.values("fault")[:1]))
    return shown.defer("body").order_by("-created_at", "-pk")


def get_delivery(delivery_id: UUID) -> tuple[WebhookDelivery, Sequence[WebhookAttempt]]:
    """One delivery with its calls, the last first. Raises WebhookDelivery.DoesNotExist."""
    delivery = WebhookDelivery.objects.select_related("endpoint").get(pk=delivery_id)
    return delivery, list(WebhookAttempt.objects.filter(delivery=delivery).order_by("-number"))


def switched_off_by_itself() -> Sequence[WebhookEndpoint]:
    """Endpoints nobody switched off: somebody must be told."""
    off = WebhookEndpoint.objects.filter(state=EndpointState.DISABLED).exclude(reason=SwitchedOff.BY_HAND)
    return list(off.order_by("since", "pk"))


# --- again ------------------------------------------------------------------------------------------------------------------------------


def replay(*, delivery_id: UUID, actor: str, now: datetime) -> WebhookDelivery:
    """Send one delivery again, at once, under the same id; whatever became of it before. Raises DomainError while its endpoint is off."""
    found = WebhookDelivery.objects.filter(pk=delivery_id).first()
    if found is None:
        raise DomainError(_("This delivery does not exist any more."), code="unknown_delivery")
    _replay(found.endpoint_id, WebhookDelivery.objects.filter(pk=delivery_id), actor, now)
    found.refresh_from_db()
    return found


def replay_failed(*, endpoint_id: UUID, since: datetime, actor: str, now: datetime) -> int:
    """Send again everything that was given up since then; how many. Raises DomainError while the endpoint is off."""
    given_up = WebhookDelivery.objects.filter(endpoint=endpoint_id, state=DeliveryState.FAILED, closed_at__gte=since)
    return _replay(endpoint_id, given_up, actor, now)


def _replay(endpoint_id: UUID, rows: QuerySet[WebhookDelivery], actor: str, now: datetime) -> int:
    endpoint = lock_endpoint(endpoint_id)
    if endpoint.state != EndpointState.ACTIVE:
        raise DomainError(_("This webhook is switched off: switch it on first."), code="switched_off")
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    if not ids:
        return 0
    WebhookDelivery.objects.filter(pk__in=ids).update(state=DeliveryState.PENDING, next_at=now, closed_at=None, begun=F("tries"))
    wake(endpoint, now=now)
    body = {"count": len(ids), "digest": audit.digest(str(pk) for pk in ids)}
    audit.record(actor=actor, action="webhook.replayed", target=endpoint, body=body, now=now)
    return len(ids)


# --- housekeeping -----------------------------------------------------------------------------------------------------------------------


def forget(*, now: datetime) -> int:
    """Delete deliveries that succeeded a month ago, and those given up three months ago, with their calls; how many."""
    forgotten = 0
    for endpoint in WebhookEndpoint.objects.order_by("pk"):
        for state, kept_for in ((DeliveryState.DELIVERED, DELIVERED_FOR), (DeliveryState.FAILED, FAILED_FOR)):
            old = WebhookDelivery.objects.filter(endpoint=endpoint, state=state, created_at__lt=now - kept_for)
            while ids := [str(pk) for pk in old.values_list("pk", flat=True)[:AT_ONCE]]:
                with connection.cursor() as cursor:
                    cursor.execute("DELETE FROM notifications_webhookattempt WHERE delivery_id = ANY(%s::uuid[])", [ids])
                    cursor.execute("DELETE FROM notifications_webhookdelivery WHERE id = ANY(%s::uuid[])", [ids])
                forgotten += len(ids)
    return forgotten
