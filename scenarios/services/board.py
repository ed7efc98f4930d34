"""The departure board's acts: withdraw, hold back, let go - one message, some, or everything (rule 15)."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.core.services import hold_everything, release_everything
from notifications import services
from notifications.enums import MessageState
from notifications.models import Message, QueueTicket
from scenarios.enums import Reason


def withdraw_messages(*, message_ids: Collection[UUID], reason: str, actor: str, now: datetime) -> int:
    """Take messages off the board for good: their steps never happen again (rule 2). A reason is required; how many were withdrawn."""
    if not reason.strip():
        raise DomainError(_("Say why these messages are withdrawn."), code="required", field="reason")
    return services.withdraw(message_ids=message_ids, reason=reason.strip(), code=Reason.WITHDRAWN, actor=actor, now=now)


def hold_messages(*, message_ids: Collection[UUID], reason: str, actor: str, now: datetime) -> int:
    """Keep messages back until they are released. A reason is required; how many were held."""
    if not reason.strip():
        raise DomainError(_("Say why these messages are held."), code="required", field="reason")
    return services.hold(message_ids=message_ids, reason=reason.strip(), actor=actor, now=now)


def release_messages(*, message_ids: Collection[UUID], actor: str, now: datetime) -> int:
    """Let held messages go on, each through the gate; how many were released."""
    return services.release(message_ids=message_ids, actor=actor, now=now)


def hold_all(*, reason: str, actor: str, now: datetime) -> None:
    """Nothing leaves from this moment on, whatever was approved. A reason is required."""
    if not reason.strip():
        raise DomainError(_("Say why everything is held."), code="required", field="reason")
    hold_everything(reason=reason.strip(), actor=actor, now=now)


def release_all(*, actor: str, now: datetime) -> int:
    """Let messages leave again, those included that the gate set aside while everything was held; how many of these there were."""
    release_everything(actor=actor, now=now)
    stopped = Message.objects.filter(state=MessageState.HELD, reason=Reason.TENANT_HELD).values_list("pk", flat=True)
    released = services.release(message_ids=list(stopped), actor=actor, now=now)
    waiting = Message.objects.filter(state=MessageState.QUEUED, reason=Reason.TENANT_HELD).values_list("pk", flat=True)
    QueueTicket.objects.filter(message_id__in=list(waiting), due_at__gt=now).update(due_at=now)
    return released
