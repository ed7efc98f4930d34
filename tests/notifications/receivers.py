"""Receivers of webhooks on sockets, that verify what they are told with the specification's own library, and the events they hear of."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from standardwebhooks import Webhook

from dunning.core import events
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.webhooks import endpoints
from tests.servers import HttpService, Reply, Request, http_service

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
ACTOR = "user:0199aaaa-0000-7000-8000-000000000001"


@dataclass
class Receiver:
    """Somebody's own system: what it heard, by the id it was told under."""

    service: HttpService
    secret: str = ""
    replies: Callable[[Request], Reply] = lambda request: Reply(204)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.service.url}/hooks"

    @property
    def ids(self) -> Counter[str]:
        return Counter(id_ for id_, _body in self.heard)

    @property
    def types(self) -> list[str]:
        return [str(body["type"]) for _id, body in self.heard]

    def answer(self, request: Request) -> Reply:
        """Raises, and hangs up, for a call that is not signed with the secret."""
        body = Webhook(self.secret).verify(request.body, request.headers) if self.secret else json.loads(request.body)
        self.heard.append((request.headers["webhook-id"], body))
        return self.replies(request)


@contextmanager
def receiving(replies: Callable[[Request], Reply] | None = None) -> Iterator[Receiver]:
    """A receiver that takes everything, or answers by `replies` once it has verified a call."""
    found: list[Receiver] = []
    with http_service(lambda request: found[0].answer(request)) as service:
        receiver = Receiver(service)
        if replies is not None:
            receiver.replies = replies
        found.append(receiver)
        yield receiver


def subscribe(organization: Organization, receiver: Receiver, *types: str, now: datetime = NOW) -> WebhookEndpoint:
    """Call a receiver about these types, or all."""
    with tenant(organization):
        endpoint, receiver.secret = endpoints.create_endpoint(url=receiver.url, types=types, actor=ACTOR, now=now)
    return endpoint


def tell(organization: Organization, type_: str = "invoice.paid", *, count: int = 1, now: datetime = NOW) -> list[UUID]:
    """So many events about as many objects nobody knows more of, in one transaction."""
    subject = type_.split(".")[0]
    objects = [new_id() for _ in range(count)]
    with tenant(organization):
        events.emit(type=type_, object_type=subject, object_ids=objects, now=now)
    return objects


def states(organization: Organization) -> Counter[str]:
    with tenant(organization):
        return Counter(WebhookDelivery.objects.values_list("state", flat=True))


def reread(organization: Organization, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    with tenant(organization):
        return WebhookEndpoint.objects.get(pk=endpoint.pk)


def deliveries(organization: Organization) -> Sequence[WebhookDelivery]:
    with tenant(organization):
        return list(WebhookDelivery.objects.order_by("event_id", "pk"))
