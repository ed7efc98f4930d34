"""A payment valued before a reminder and booked after it left: the step is uncounted, and two lines apologise (rule 7, "retraction")."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from django.db.models import F

from invoices.models import Allocation
from notifications.enums import LEFT, MessageKind
from notifications.models import Message
from scenarios import effects, outside
from scenarios.enums import WRITTEN_CHANNELS, ActionState, Channel, Phase, Reason
from scenarios.models import Action, ActionMessage

ACTOR = "system"


def apologise(installment_ids: Collection[UUID], *, today: date, now: datetime) -> list[Message]:
    """For items just settled by money that had come first: take the later reminders back, and say so to who received the last of them.

    A message that also claimed something still owed was not unfounded: its step is uncounted for the settled item, and nothing is said.
    """
    crossed = list(
        Action.objects.filter(
            installment__in=list(installment_ids),
            installment__outstanding=0,
            installment__settled_on__lt=F("done_on"),
            state=ActionState.DONE,
            phase__gt=Phase.SERVICE,
            channel__in=WRITTEN_CHANNELS,
        ).select_related("installment")
    )
    payments = _payments_after(crossed)
    crossed = [action for action in crossed if action.installment_id in payments]
    if not crossed:
        return []
    messages = _messages_of(crossed)
    unfounded = [message for message in messages if _is_unfounded(message, crossed)]
    _take_back(crossed, now)
    last: dict[tuple[UUID, str], Message] = {}
    for message in unfounded:
        last[message.customer_key, message.recipient] = message
    written = []
    for message in last.values():
        items = sorted({action.installment_id for action in crossed if action.pk in _cargo_of(message)}, key=str)
        written.append(
            outside.write(
                customer=message.customer,
                kind=MessageKind.RETRACTION,
                template_key="retraction",
                items=items,
                about={"payment": payments[items[0]], "previous": message.pk},
                contact=message.contact,
                recipient=(message.recipient_name, message.recipient) if message.channel == Channel.EMAIL else None,
                actor=ACTOR,
                today=today,
                now=now,
            )
        )
    return written


def _payments_after(actions: Sequence[Action]) -> dict[UUID, UUID]:
    """The payment that settled each item, when it was booked on the day of the reminder or later."""
    found: dict[UUID, UUID] = {}
    done = {action.installment_id: action for action in actions}
    rows = (
        Allocation.objects.filter(installment__in=done, payment__isnull=False, reversed_at=None)
        .order_by("value_on", "created_at")
        .values_list("installment_id", "payment_id", "payment__entered_on", "value_on")
    )
    for item, payment, entered_on, value_on in rows:
        action = done[item]
        if (
            payment is not None
            and action.done_on is not None
            and entered_on >= action.done_on
            and value_on == action.installment.settled_on
        ):
            found[item] = payment
    return found


def _messages_of(actions: Iterable[Action]) -> list[Message]:
    """The reminders that carried them, oldest first."""
    return list(
        Message.objects.filter(cargo__action__in=[action.pk for action in actions], kind=MessageKind.REMINDER, state__in=LEFT)
        .select_related("customer", "contact")
        .order_by("accepted_at", "pk")
        .distinct()
    )


def _cargo_of(message: Message) -> set[UUID]:
    return set(ActionMessage.objects.filter(message=message).values_list("action_id", flat=True))


def _is_unfounded(message: Message, crossed: Sequence[Action]) -> bool:
    return _cargo_of(message) <= {action.pk for action in crossed}


def _take_back(crossed: Sequence[Action], now: datetime) -> None:
    """The last step first: a step is taken back only while no later one was done."""
    for action in sorted(crossed, key=lambda action: (action.done_on or date.min, str(action.pk)), reverse=True):
        effects.take_back([action], reason=Reason.RETRACTED, actor=ACTOR, now=now)
