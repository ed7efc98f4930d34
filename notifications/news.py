"""What the outside world is told of messages and replies when something about them happened: never what they say. Inside `tenant()`."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from dunning.core import events
from dunning.core.enums import Phase
from notifications.models import InboundMessage, Message, WebhookEndpoint

Described = Mapping[UUID, Mapping[str, Any]]

_CUSTOMER: Final = {"customer_id": "customer_id", "customer_number": "customer__number"}
_MESSAGE: Final = {
    **_CUSTOMER,
    **events.named("channel", "kind", "phase"),
    "template": "template_key",
    **events.named("state", "planned_on", "currency", "amount"),
    "items": "item_count",
    **events.named("posted_on", "proof"),
}
_REPLY: Final = {**_CUSTOMER, **events.named("message_id", "channel", "kind", "received_at")}


def connect() -> None:
    """Say how each subject of this floor is described; called when the application starts."""
    events.describe_by("message", describe_messages)
    events.describe_by("reply", describe_replies)
    events.describe_by("webhook_endpoint", describe_endpoints)


def describe_messages(ids: Collection[UUID]) -> Described:
    """The phase is told by its name; the amount is what the message claims, net."""
    found = events.read_fields(Message.objects.all(), ids, _MESSAGE)
    for told in found.values():
        told["phase"] = Phase(told["phase"]).name.lower()
    return found


def describe_replies(ids: Collection[UUID]) -> Described:
    """Without a customer: nobody could tell whose it is."""
    return events.read_fields(InboundMessage.objects.all(), ids, _REPLY)


def describe_endpoints(ids: Collection[UUID]) -> Described:
    """For the trial of a webhook."""
    return events.read_fields(WebhookEndpoint.objects.all(), ids, {"url": "url"})
