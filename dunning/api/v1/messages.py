"""Messages as they left or will leave, with what became of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.services import hold_customers
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Day, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Children, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, get
from dunning.api.v1.customers import CustomerRow
from dunning.core.enums import WRITTEN_CHANNELS
from dunning.core.scopes import WRITE
from notifications import services
from notifications.enums import MessageKind, MessageState
from notifications.models import Attempt, DeliveryEvent, Message

_SHOWN = {
    "id": "",
    "customer_id": "",
    "contact_id": "",
    "channel": "",
    "kind": "",
    "phase": "How hard it presses.",
    "language": "",
    "template_key": "Its text.",
    "variant": "Which wording was used.",
    "state": "",
    "reason": "Why it is held, withdrawn or failed.",
    "reason_text": "The same in words.",
    "planned_on": "The day of the run that wrote it.",
    "not_before": "When it may leave.",
    "currency": "",
    "amount": "What it claims.",
    "item_count": "How many instalments it is about.",
    "recipient_name": "",
    "recipient": "An e-mail address, or a number.",
    "subject": "",
    "provider": "By which way it went.",
    "provider_id": "Its name there.",
    "accepted_at": "",
    "delivered_at": "",
    "failed_at": "",
    "cost": "In your organization's currency.",
    "approved_by": "",
    "approved_at": "",
    "frozen_at": "When what it says was fixed.",
    "content_sha256": "Of what it says.",
    "resends_id": "The message it repeats.",
    "created_at": "",
}


class MessageRow(Shape):
    """An e-mail, a text message or a letter."""

    class Meta:
        model = Message
        columns = _SHOWN
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


class SendingRow(Shape):
    """One try at handing a message over."""

    class Meta:
        model = Attempt
        always = True
        columns = {
            "id": "",
            "number": "",
            "provider": "",
            "started_at": "",
            "finished_at": "",
            "outcome": "",
            "provider_id": "",
            "response": "The provider's own words.",
        }


class DeliveryRow(Shape):
    """What a provider or the post said afterwards."""

    class Meta:
        model = DeliveryEvent
        always = True
        columns = {"id": "", "kind": "", "at": "", "external_id": "", "details": ""}


class MessageDetailRow(Shape):
    """A message with its words, its attempts and what was reported of it."""

    class Meta:
        model = Message
        columns = {**_SHOWN, "body_text": "", "body_html": "", "postal_address": "Lines of the window.", "sender": "", "reply_to": ""}
        children = {
            "attempts": Children(SendingRow, "message_id", ("number",)),
            "events": Children(DeliveryRow, "message_id", ("at", "pk")),
        }
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


def messages() -> QuerySet[Message]:
    return Message.objects.exclude(kind=MessageKind.TEST)


MESSAGES = Table(
    name="message",
    shape=MessageRow,
    rows=messages,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "channel": Filter(Word(sorted(WRITTEN_CHANNELS)), "channel"),
        "state": Filter(Word(MessageState.values), "state"),
        "kind": Filter(Word([kind for kind in MessageKind.values if kind != MessageKind.TEST]), "kind"),
        "recipient": Filter(Text(max_length=254, allow_blank=False), "recipient"),
        "installment_id": Filter(Uid(), "cargo__action__installment"),
        "planned_from": Filter(Day(), "planned_on__gte"),
        "planned_to": Filter(Day(), "planned_on__lte"),
    },
    order={"id": "id", "planned_on": "planned_on"},
)
MESSAGE = Table(name="message", shape=MessageDetailRow, rows=messages)


class Messages(Endpoint):
    resource = "messages"

    @operation("listMessages", "List messages", lists=MESSAGES)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(MESSAGES)


class _OneMessage(Endpoint):
    resource = "messages"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        message = get(Message, ids["pk"])
        if message.customer_id is not None:
            hold_customers([message.customer_id])
        return one(MESSAGE, ids["pk"])

    def change(self, call: Call, pk: UUID, act: Callable[..., int], **arguments: Any) -> Answer:
        one(MESSAGE, pk, only=frozenset({"id"}))
        if not act(message_ids=[pk], **arguments, **call.acting_now):
            words = _("The message is not in a state in which this can be done: read it again.")
            raise refused([Fault("", "wrong_state", words)])
        return call.show(MESSAGE, pk)


class OneMessage(_OneMessage):
    @operation("getMessage", "Read a message", shows=MESSAGE)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One message: its words, its attempts, and what was reported of it."""
        return call.show(MESSAGE, pk)


class HoldMessage(_OneMessage):
    @operation(
        "holdMessage", "Keep a message back", access=WRITE, body=ReasonBody, shows=MESSAGE, guarded=True, example={"reason": "A doubt."}
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Until it is released."""
        return self.change(call, pk, services.hold, reason=call.body["reason"])


class ReleaseMessage(_OneMessage):
    @operation("releaseMessage", "Let a held message go", access=WRITE, shows=MESSAGE, guarded=True)
    def post(self, call: Call, pk: UUID) -> Answer:
        """It tries again at once; one held before it was approved waits for a person again. Approving is a person's, never a program's."""
        return self.change(call, pk, services.release)


class WithdrawMessage(_OneMessage):
    @operation(
        "withdrawMessage",
        "Withdraw a message",
        access=WRITE,
        body=ReasonBody,
        shows=MESSAGE,
        guarded=True,
        example={"reason": "The customer called."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """One that certainly has not left."""
        return self.change(call, pk, services.withdraw, reason=call.body["reason"])
