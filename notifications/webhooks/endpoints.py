"""Webhooks as people set them up: an address, what it wants to hear of, and the secret its calls are signed with.

A secret is shown to the person who made it, once; nobody reads it again. Runs inside `tenant()`.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.event_types import CATALOGUE, TEST
from dunning.core.models import Event
from notifications import accounts
from notifications.enums import DeliveryState, EndpointState, Errand, SwitchedOff
from notifications.models import QueueTicket, WebhookDelivery, WebhookEndpoint
from notifications.providers.base import Misconfigured
from notifications.webhooks import fan_out, settling, signing
from notifications.webhooks.guard import read_url

MOST: Final = 20  # endpoints of an organization
OVERLAP: Final = timedelta(hours=24)  # for which the secret before signs as well, unless told otherwise
LONGEST_OVERLAP: Final = timedelta(days=7)
_CURRENT, _PREVIOUS = "current", "previous"
_FORGET_CALLS: Final = (
    "DELETE FROM notifications_webhookattempt a USING notifications_webhookdelivery d WHERE d.id = a.delivery_id AND d.endpoint_id = %s"
)


def create_endpoint(
    *, url: str, types: Collection[str] = (), description: str = "", actor: str, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """Call an address from now on, for events of these types, or (none) of all; the endpoint and its secret, told this once.

    Raises DomainError for an address that may not be called or is called already, a type that does not exist, or too many endpoints.
    """
    wanted = _checked_types(types)
    address = _checked_url(url)
    if WebhookEndpoint.objects.count() >= MOST:
        raise DomainError(
            _("There are %(most)s webhooks already: delete one that is not needed any more.") % {"most": MOST}, code="too_many"
        )
    secret = signing.new_secret()
    endpoint = WebhookEndpoint.objects.create(
        url=address,
        description=" ".join(description.split())[:200],
        types=wanted,
        secrets=accounts.seal({_CURRENT: secret}),
        since=now,
        created_at=now,
        created_by=actor[:120],
    )
    audit.record(actor=actor, action="webhook.created", target=endpoint, body={"host": _host(address), "types": wanted}, now=now)
    fan_out.forget_wanted()
    return endpoint, secret


def change_endpoint(*, endpoint_id: UUID, url: str, types: Collection[str], description: str, actor: str, now: datetime) -> WebhookEndpoint:
    """Call another address, or for other events; what is on its way goes to the new address. Raises DomainError as `create_endpoint`."""
    wanted = _checked_types(types)
    endpoint = lock_endpoint(endpoint_id)
    before = {"host": _host(endpoint.url), "types": endpoint.types}
    if url.strip() != endpoint.url:
        endpoint.url = _checked_url(url)
        endpoint.failures, endpoint.failing_since, endpoint.closed_until = 0, None, None  # of the other address
    endpoint.types, endpoint.description = wanted, " ".join(description.split())[:200]
    endpoint.save()
    body = {"before": before, "after": {"host": _host(endpoint.url), "types": wanted}}
    audit.record(actor=actor, action="webhook.changed", target=endpoint, body=body, now=now)
    fan_out.forget_wanted()
    return endpoint


def rotate_secret(*, endpoint_id: UUID, overlap: timedelta = OVERLAP, actor: str, now: datetime) -> str:
    """A new secret, told this once; for `overlap` the one before signs as well, so that the receiver can change at leisure.

    Without overlap the old one is worth nothing at once. Raises DomainError for an overlap beyond a week.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise DomainError(_("The old secret may go on for seven days at most."), code="bad_overlap", field="overlap")
    endpoint = lock_endpoint(endpoint_id)
    secret = signing.new_secret()
    secrets = {_CURRENT: secret}
    if overlap:
        try:
            secrets[_PREVIOUS] = accounts.unseal(endpoint.secrets)[_CURRENT]
        except Misconfigured:  # it cannot be read any more: there is nothing to go on with
            overlap = timedelta()
    endpoint.secrets, endpoint.previous_until = accounts.seal(secrets), now + overlap if overlap else None
    endpoint.save(update_fields=["secrets", "previous_until"])
    body = {"previous_until": endpoint.previous_until}
    audit.record(actor=actor, action="webhook.secret_rotated", target=endpoint, body=body, now=now)
    return secret


def keys_of(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The secrets that sign a call now, the newest first. Raises Misconfigured when they cannot be read."""
    secrets = accounts.unseal(endpoint.secrets)
    keys = [secrets[_CURRENT]]
    if _PREVIOUS in secrets and endpoint.previous_until is not None and now < endpoint.previous_until:
        keys.append(secrets[_PREVIOUS])
    return keys


def disable_endpoint(*, endpoint_id: UUID, actor: str, now: datetime) -> WebhookEndpoint:
    """Call it no more: what is under way is given up, and what happens meanwhile is not kept for it. Nothing happens when it is off."""
    endpoint = lock_endpoint(endpoint_id)
    if endpoint.state == EndpointState.ACTIVE:
        settling.switch_off(endpoint, SwitchedOff.BY_HAND, actor=actor, now=now)
        fan_out.forget_wanted()
    return endpoint


def enable_endpoint(*, endpoint_id: UUID, actor: str, now: datetime) -> WebhookEndpoint:
    """Call it again, about what happens from now on. Raises DomainError for an address that may not be called any more."""
    endpoint = lock_endpoint(endpoint_id)
    if endpoint.state == EndpointState.ACTIVE:
        return endpoint
    read_url(endpoint.url)
    endpoint.state, endpoint.reason, endpoint.since = EndpointState.ACTIVE, "", now
    endpoint.failures, endpoint.failing_since, endpoint.closed_until = 0, None, None
    endpoint.save(update_fields=["state", "reason", "since", "failures", "failing_since", "closed_until"])
    audit.record(actor=actor, action="webhook.switched_on", target=endpoint, now=now)
    fan_out.forget_wanted()
    return endpoint


def delete_endpoint(*, endpoint_id: UUID, actor: str, now: datetime) -> None:
    """Forget an endpoint, with the journal of its deliveries; the audit trail keeps that it was there."""
    endpoint = lock_endpoint(endpoint_id)
    with connection.cursor() as cursor:  # perhaps hundreds of thousands: none of them is read
        cursor.execute(_FORGET_CALLS, [endpoint.pk])
        cursor.execute("DELETE FROM notifications_webhookdelivery WHERE endpoint_id = %s", [endpoint.pk])
        body = {"host": _host(endpoint.url), "deliveries": cursor.rowcount}
    QueueTicket.objects.filter(message_id=endpoint.pk).delete()
    audit.record(actor=actor, action="webhook.deleted", target=endpoint, body=body, now=now)
    endpoint.delete()
    fan_out.forget_wanted()


def send_test(*, endpoint_id: UUID, actor: str, now: datetime) -> WebhookDelivery:
    """One event of the type `webhook.test`, to this endpoint alone. Raises DomainError while it is switched off."""
    endpoint = lock_endpoint(endpoint_id)
    if endpoint.state != EndpointState.ACTIVE:
        raise DomainError(_("This webhook is switched off: switch it on first."), code="switched_off")
    events.emit(type=TEST, object_type="webhook_endpoint", object_ids=[endpoint.pk], now=now)
    event = Event.objects.filter(object_id=endpoint.pk, type=TEST).order_by("-sequence")[0]
    body, _about = fan_out.compose([event])[event.pk]
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint, event_id=event.pk, type=TEST, body=body, created_at=now, next_at=now, state=DeliveryState.PENDING
    )
    wake(endpoint, now=now)
    audit.record(actor=actor, action="webhook.tested", target=endpoint, now=now)
    return delivery


def wake(endpoint: WebhookEndpoint, *, now: datetime) -> None:
    """Something is due for a locked endpoint: a person asked, so it is called at once even if it was left alone."""
    if endpoint.closed_until is not None:
        endpoint.closed_until = None
        endpoint.save(update_fields=["closed_until"])
    fan_out.write_ticket(endpoint.pk, Errand.WEBHOOK, due_at=now)
    fan_out.ring_after_commit()


def lock_endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """One endpoint, locked before any ticket. Raises DomainError when it does not exist here."""
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise DomainError(_("This webhook does not exist."), code="unknown_webhook")
    return endpoint


def _checked_types(types: Collection[str]) -> list[str]:
    wanted = sorted(set(types))
    unknown = [name for name in wanted if name not in CATALOGUE or name == TEST]
    if unknown:
        raise DomainError(_("There is no event “%(name)s”.") % {"name": unknown[0][:80]}, code="unknown_type", field="types")
    return wanted


def _checked_url(url: str) -> str:
    address = url.strip()
    read_url(address)
    if WebhookEndpoint.objects.filter(url=address).exists():
        raise DomainError(_("This address is called already: change that webhook instead."), code="duplicate_url", field="url")
    return address


def _host(url: str) -> str:
    """What the trail keeps of an address for ever: its path may hold a key of the receiver's."""
    return urlsplit(url).netloc
