"""Webhooks: the addresses of yours that are called when something happens, what was said to them, and saying it again.

A secret is told by the call that makes it, and by no other.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Count, Moment, Several, Text, Uid, Word, moment_text
from dunning.api.operations import operation
from dunning.api.shapes import Body, Children, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import get
from dunning.core.event_types import CATALOGUE, TEST
from dunning.core.scopes import WRITE
from notifications.enums import DeliveryState, EndpointState
from notifications.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.webhooks import endpoints, log

TYPES: Final = [name for name in CATALOGUE if name != TEST]
_HOURS: Final = int(endpoints.LONGEST_OVERLAP.total_seconds()) // 3600
_USUAL_HOURS: Final = int(endpoints.OVERLAP.total_seconds()) // 3600


class WebhookRow(Shape):
    """An address of yours that is called when something happens."""

    types = Several(Text(), required=False, help_text="What it hears of; empty: everything, also what will be added later.")

    class Meta:
        model = WebhookEndpoint
        columns = {
            "id": "",
            "url": "",
            "description": "",
            "types": "",
            "state": "`disabled`: it is not called, and what happens meanwhile is not kept for it.",
            "reason": "Why it is disabled: by hand, it answered 410, or it failed for 75 hours.",
            "since": "Of its state; it hears of what happens from then on.",
            "failures": "Failures in a row.",
            "failing_since": "",
            "closed_until": "Left alone until then, after failures in a row.",
            "last_success_at": "",
            "last_failure_at": "",
            "last_status": "Of its last answer; null when there was none.",
            "last_fault": "Why there was no answer.",
            "previous_until": "Until then calls carry a signature by the old secret as well.",
            "created_at": "",
            "created_by": "",
        }


class NewWebhookRow(WebhookRow):
    """A webhook just made, with its secret, which is told this once."""

    secret = Text(help_text="`whsec_` and base64: calls are signed with it. Keep it; nobody can read it again.")


class WebhookSecretRow(Shape):
    """A secret just made, which is told this once."""

    secret = Text(help_text="`whsec_` and base64: calls are signed with it. Keep it; nobody can read it again.")
    previous_until = Moment(allow_null=True, help_text="Until then calls carry a signature by the old secret as well; null: they do not.")


class SentAgainRow(Shape):
    """What is sent again."""

    count = Count(help_text="Deliveries that were given up and are sent again.")


class WebhookAttemptRow(Shape):
    """One call, the first one first."""

    class Meta:
        model = WebhookAttempt
        always = True
        columns = {
            "number": "",
            "at": "",
            "status": "Of its answer; null when there was none.",
            "fault": "Why there was no answer.",
            "milliseconds": "How long it took.",
            "answer": "How the answer began.",
        }


class WebhookDeliveryRow(Shape):
    """One event on its way to one webhook."""

    class Meta:
        model = WebhookDelivery
        columns = {
            "id": "",
            "webhook_id": "",
            "event_id": "The `webhook-id` of its calls, the same at every repetition.",
            "type": "",
            "about": "The number people know its subject by.",
            "state": "`failed`: given up.",
            "created_at": "",
            "next_at": "When it is tried next; null when nothing more is tried.",
            "tries": "",
            "closed_at": "When it was delivered or given up.",
        }
        sources = {"webhook_id": "endpoint_id"}
        children = {"attempts": Children(WebhookAttemptRow, "delivery_id", ("number",))}
        expand = {"webhook": Expansion(WebhookRow, "endpoint_id")}


class WholeWebhookDeliveryRow(WebhookDeliveryRow):
    """One event on its way to one webhook, with what is said."""

    class Meta:
        columns = {**WebhookDeliveryRow.Meta.columns, "body": "The very text that is signed, as it is said at every call."}


class WebhookBody(Body):
    """An address to call."""

    url = Text(max_length=500, allow_blank=False, help_text="An https address under a public name; it must answer within 15 seconds.")
    types = Several(Word(TYPES), most=len(TYPES), required=False, help_text="What it hears of; left out or empty: everything.")
    description = Text(max_length=200, required=False)


class WebhookChangeBody(WebhookBody):
    """What may change of a webhook; what is on its way goes to the new address."""


class RotateBody(Body):
    """How long the old secret goes on."""

    overlap_hours = Count(
        most=_HOURS, required=False, help_text=f"{_USUAL_HOURS} when left out. 0: the old one is worth nothing at once, as after a leak."
    )


class SinceBody(Body):
    """From when on."""

    since = Moment(help_text="What was given up from then on.")


WEBHOOKS = Table(
    name="webhook",
    shape=WebhookRow,
    rows=WebhookEndpoint.objects.all,
    filters={"url": Filter(Text(max_length=500), "url"), "state": Filter(Word(EndpointState.values), "state")},
)


def _of_webhook(rows: QuerySet[WebhookDelivery], value: UUID) -> QuerySet[WebhookDelivery]:
    return rows.filter(endpoint=value)


_FILTERS: Final = {
    "webhook_id": Filter(Uid(), _of_webhook),
    "event_id": Filter(Uid(), "event_id"),
    "type": Filter(Word(list(CATALOGUE)), "type"),
    "state": Filter(Word(DeliveryState.values), "state"),
    "since": Filter(Moment(), "created_at__gte"),
}
DELIVERIES = Table(name="delivery", shape=WebhookDeliveryRow, rows=WebhookDelivery.objects.all, filters=_FILTERS)
WHOLE_DELIVERY = Table(name="delivery", shape=WholeWebhookDeliveryRow, rows=WebhookDelivery.objects.all)


class _Webhook(Endpoint):
    resource = "webhooks"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        endpoints.lock_endpoint(ids["pk"])
        return one(WEBHOOKS, ids["pk"])


class Webhooks(_Webhook):
    @operation("listWebhooks", "List webhooks", lists=WEBHOOKS)
    def get(self, call: Call) -> Answer:
        """With how each is doing."""
        return call.list(WEBHOOKS)

    @operation(
        "createWebhook",
        "Have an address called",
        access=WRITE,
        body=WebhookBody,
        answers=NewWebhookRow,
        status=201,
        tells_secret=True,
        example={"url": "https://erp.example.com/dunning", "types": ["invoice.paid", "promise.broken"], "description": "ERP"},
    )
    def post(self, call: Call) -> Answer:
        """From now on. The secret its calls are signed with is in this answer, and nowhere else."""
        endpoint, secret = endpoints.create_endpoint(**call.body, **call.acting_now)
        headers = {"Location": f"/api/v1/webhooks/{endpoint.pk}"}
        return Answer({**one(WEBHOOKS, endpoint.pk), "secret": secret}, 201, headers)


class OneWebhook(_Webhook):
    @operation("getWebhook", "Read a webhook", shows=WEBHOOKS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """How it is doing; never its secret."""
        return call.show(WEBHOOKS, pk)

    @operation(
        "updateWebhook",
        "Change a webhook",
        access=WRITE,
        body=WebhookChangeBody,
        shows=WEBHOOKS,
        guarded=True,
        example={"types": ["invoice.paid", "invoice.disputed"]},
    )
    def patch(self, call: Call, pk: UUID) -> Answer:
        """Only the fields that are sent change."""
        known = endpoints.lock_endpoint(pk)
        given = {"url": known.url, "types": known.types, "description": known.description, **call.body}
        endpoints.change_endpoint(endpoint_id=pk, **given, **call.acting_now)
        return call.show(WEBHOOKS, pk)

    @operation("deleteWebhook", "Delete a webhook", access=WRITE, status=204, guarded=True)
    def delete(self, call: Call, pk: UUID) -> Answer:
        """With the log of its deliveries. To stop calling for a while, disable it."""
        endpoints.delete_endpoint(endpoint_id=pk, **call.acting_now)
        return Answer(status=204)


class RotateSecret(_Webhook):
    @operation(
        "rotateWebhookSecret",
        "Make a new secret for a webhook",
        access=WRITE,
        body=RotateBody,
        answers=WebhookSecretRow,
        guarded=True,
        tells_secret=True,
        example={"overlap_hours": 48},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Calls carry two signatures meanwhile, by the new and by the old secret: change yours when it suits you."""
        overlap = timedelta(hours=call.body.get("overlap_hours", _USUAL_HOURS))
        secret = endpoints.rotate_secret(endpoint_id=pk, overlap=overlap, **call.acting_now)
        until = get(WebhookEndpoint, pk).previous_until
        return Answer({"secret": secret, "previous_until": None if until is None else moment_text(until)})


class DisableWebhook(_Webhook):
    @operation("disableWebhook", "Call a webhook no more", access=WRITE, shows=WEBHOOKS, guarded=True)
    def post(self, call: Call, pk: UUID) -> Answer:
        """What is under way is given up, and can be sent again later. Nothing happens the second time."""
        endpoints.disable_endpoint(endpoint_id=pk, **call.acting_now)
        return call.show(WEBHOOKS, pk)


class EnableWebhook(_Webhook):
    @operation("enableWebhook", "Call a webhook again", access=WRITE, shows=WEBHOOKS, guarded=True)
    def post(self, call: Call, pk: UUID) -> Answer:
        """About what happens from now on. Nothing happens when it is called already."""
        endpoints.enable_endpoint(endpoint_id=pk, **call.acting_now)
        return call.show(WEBHOOKS, pk)


class TestWebhook(_Webhook):
    @operation("testWebhook", "Send a test to a webhook", access=WRITE, shows=WHOLE_DELIVERY, status=201)
    def post(self, call: Call, pk: UUID) -> Answer:
        """One event of the type `webhook.test`, to this webhook alone; what became of it is in the delivery that is answered."""
        delivery = endpoints.send_test(endpoint_id=pk, **call.acting_now)
        return call.show(WHOLE_DELIVERY, delivery.pk, status=201, location=f"/api/v1/webhook-deliveries/{delivery.pk}")


class ReplayWebhook(_Webhook):
    @operation(
        "replayWebhook",
        "Send again what was given up",
        access=WRITE,
        body=SinceBody,
        answers=SentAgainRow,
        example={"since": "2026-10-01T00:00:00Z"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Each under its own id, so that your system knows what it has heard already."""
        return Answer({"count": log.replay_failed(endpoint_id=pk, since=call.body["since"], **call.acting_now)})


class Deliveries(Endpoint):
    resource = "webhooks"

    @operation("listWebhookDeliveries", "List deliveries", lists=DELIVERIES)
    def get(self, call: Call) -> Answer:
        """The newest first, with the answer to every call. Delivered ones are kept for 30 days, those given up for 90."""
        return call.list(DELIVERIES)


class OneDelivery(Endpoint):
    resource = "webhooks"

    @operation("getWebhookDelivery", "Read a delivery", shows=WHOLE_DELIVERY)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One delivery with what is said."""
        return call.show(WHOLE_DELIVERY, pk)


class ReplayDelivery(Endpoint):
    resource = "webhooks"

    @operation("replayWebhookDelivery", "Send a delivery again", access=WRITE, shows=WHOLE_DELIVERY)
    def post(self, call: Call, pk: UUID) -> Answer:
        """At once, under the same id, whatever became of it before."""
        log.replay(delivery_id=pk, **call.acting_now)
        return call.show(WHOLE_DELIVERY, pk)
