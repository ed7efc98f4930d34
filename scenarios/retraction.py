"""A payment valued before a reminder and booked after it left: the step is uncounted, and two lines apologise (rule 7, "retraction")."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet

from invoices.models import Allocation
from notifications.enums import LEFT, MessageKind
from notifications.models import Message
from scenarios import effects, outside
from scenarios.enums import WRITTEN_CHANNELS, ActionState, Channel, Phase, Reason
from scenarios.models import Action

ACTOR = "system"
_Crossed = dict[Action, set[UUID]]


def apologise(installment_ids: Collection[UUID], *, today: date, now: datetime) -> list[Message]:
    """For items just settled by money that had come first: take the later reminders back, and say so to who received the last of them.

    A message that also claimed something still owed was not unfounded: its step is uncounted for the settled item, and nothing is said
    until money that had come first settles the rest.
    """
    crossed = _crossed(Action.objects.filter(installment__in=list(installment_ids), state=ActionState.DONE))
    if not crossed:
        return []
    last: dict[tuple[UUID, str], tuple[Message, _Crossed]] = {}
    for message in _messages_of(crossed):
        cargo = Action.objects.filter(carriers__message=message)
        unfounded = _crossed(cargo.filter(Q(state=ActionState.DONE) | Q(state=ActionState.TAKEN_BACK, reason=Reason.RETRACTED)))
        if len(unfounded) == cargo.count():
            last[message.customer_key, message.recipient] = message, unfounded
    _take_back(crossed, now)
    return [
        outside.write(
            customer=message.customer,
            kind=MessageKind.RETRACTION,
            template_key="retraction",
            items=sorted({action.installment_id for action in unfounded}, key=str),
            about={"previous": message.pk},
            payments=sorted(set().union(*unfounded.values()), key=str),
            contact=message.contact,
            recipient=(message.recipient_name, message.recipient) if message.channel == Channel.EMAIL else None,
            actor=ACTOR,
            today=today,
            now=now,
        )
        for message, unfounded in last.values()
    ]


def _crossed(actions: QuerySet[Action]) -> _Crossed:
    """Those of the actions that asked for money already there, each with the payments that were booked on its day or later."""
    late = list(
        actions.filter(
            installment__outstanding=0,
            installment__settled_on__lt=F("done_on"),
            phase__gt=Phase.SERVICE,
            channel__in=WRITTEN_CHANNELS,
        ).select_related("installment")
    )
    parts: defaultdict[UUID, list[tuple[UUID, date, date]]] = defaultdict(list)
    rows = Allocation.objects.filter(installment__in={action.installment_id for action in late}, payment__isnull=False, reversed_at=None)
    for item, payment, entered_on, value_on in rows.values_list("installment_id", "payment_id", "payment__entered_on", "value_on"):
        if payment is not None:
            parts[item].append((payment, entered_on, value_on))
    crossed: _Crossed = {}
    for action in late:
        booked = [part for part in parts[action.installment_id] if action.done_on is not None and part[1] >= action.done_on]
        if any(value_on == action.installment.settled_on for _, _, value_on in booked):
            crossed[action] = {payment for payment, _, _ in booked}
    return crossed


def _messages_of(actions: Iterable[Action]) -> list[Message]:
    """The reminders that carried them, oldest first."""
    return list(
        Message.objects.filter(cargo__action__in=[action.pk for action in actions], kind=MessageKind.REMINDER, state__in=LEFT)
        .select_related("customer", "contact")
        .order_by("accepted_at", "pk")
        .distinct()
    )


def _take_back(crossed: Iterable[Action], now: datetime) -> None:
    """The last step first: a step is taken back only while no later one was done."""
    for action in sorted(crossed, key=lambda action: (action.done_on or date.min, str(action.pk)), reverse=True):
        effects.take_back([action], reason=Reason.RETRACTED, actor=ACTOR, now=now)
