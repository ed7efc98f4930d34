"""What was said before an invoice arrived stops counting once it was sent again (rule 7, "not received").

An invoice the customer had not received, a platform had rejected, or that was reminded of at an address since corrected: its plan starts
over, so every overdue step done before is taken back, however it was carried. What went to a wrong address is marked "non parvenu" and
leaves the chronology. A formal notice stays what it is: nothing behind one is taken back.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from dunning.core import audit
from dunning.core.enums import WRITTEN_CHANNELS, Channel, Phase
from notifications.enums import LEFT, MessageKind
from notifications.models import Message
from scenarios import effects
from scenarios.enums import ActionState, Reason
from scenarios.models import Action, ActionMessage


def forget_unreceived(
    *, resend: Message, items: Collection[UUID], never_arrived: Collection[UUID], on: date, actor: str, now: datetime
) -> int:
    """Uncount what was said about these items before `resend` left on `on`; how many steps went.

    `never_arrived` are those of the items whose invoice had not reached the customer, whatever the address. Callers hold the locks.
    """
    notified = Action.objects.filter(
        installment__in=list(items), phase=Phase.LEGAL, state=ActionState.DONE, channel__in=WRITTEN_CHANNELS
    ).values("installment")
    steps = Action.objects.filter(installment__in=list(items), taken_on__lte=on).exclude(installment__in=notified)
    astray = _went_astray(resend, steps, set(never_arrived))
    unread = set(steps.filter(carriers__message__in=astray, carriers__own_step=True).values_list("installment_id", flat=True))
    started_over = list(steps.filter(installment__in=unread | set(never_arrived), phase__gt=Phase.SERVICE, state__in=_STANDING))
    Message.objects.filter(pk__in=[message.pk for message in astray]).update(not_reached=True, updated_at=now)
    carried = list(Action.objects.filter(carriers__message__in=astray, carriers__own_step=True, state=ActionState.DONE))
    own = {action.pk: action for action in (*started_over, *(action for action in carried if action.installment_id in set(items)))}
    waiting = {action.pk: Reason.NOT_RECEIVED.value for action in own.values() if action.state == ActionState.PLANNED}
    effects.strip_all(waiting, now=now)
    gone = effects.uncount(list(own.values()), reason=Reason.NOT_RECEIVED, actor=actor, now=now)
    effects.close_tasks_without_items({action.customer_id for action in own.values() if action.pk in waiting}, actor=actor, now=now)
    others = sorted((action for action in carried if action.pk not in own), key=_newest_first)
    for action in others:  # as after a bounce: not behind a later step that was done
        gone += effects.take_back([action], reason=Reason.NOT_RECEIVED, actor=actor, now=now)
    if astray:
        body = {"count": len(astray), "digest": audit.digest(sorted(str(message.pk) for message in astray)), "resend": str(resend.pk)}
        audit.record(actor=actor, action="messages.not_reached", target=astray[0] if len(astray) == 1 else None, body=body, now=now)
    return len(gone)


_STANDING = (ActionState.PLANNED, ActionState.DONE)


def _newest_first(action: Action) -> tuple[int, str]:
    return (-(action.done_on or date.min).toordinal(), str(action.pk))


def _went_astray(resend: Message, steps: "Iterable[Action]", never_arrived: set[UUID]) -> list[Message]:
    """Reminders that left for a wrong address: one the contact has no more, or another than the one an invoice at last arrived at."""
    links = (
        ActionMessage.objects.filter(
            Q(message__accepted_at__lte=resend.accepted_at) if resend.accepted_at is not None else Q(),
            action__in=steps,
            own_step=True,
            message__kind=MessageKind.REMINDER,
            message__state__in=LEFT,
            message__not_reached=False,
            message__channel__in=[Channel.EMAIL, Channel.SMS],
        )
        .select_related("message__contact", "action")
        .order_by("message__accepted_at", "message_id")
    )
    astray: dict[UUID, Message] = {}
    for link in links:
        message = link.message
        elsewhere = message.channel == resend.channel and not _same(message.recipient, resend.recipient)
        if _was_corrected(message) or (elsewhere and link.action.installment_id in never_arrived):
            astray[message.pk] = message
    return list(astray.values())


def _was_corrected(message: Message) -> bool:
    """Whether its contact is still there under another address."""
    contact = message.contact
    if contact is None or not contact.is_active or not message.recipient:
        return False
    present = contact.email if message.channel == Channel.EMAIL else contact.phone
    return bool(present) and not _same(message.recipient, present)


def _same(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()
