"""On whose desk what customers wrote is: on that of whoever has the task that asks for it to be read (rule 9), one for each customer."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from customers.models import Customer
from dunning.core.models import User
from notifications.correspondence import list_replies, unread
from notifications.models import InboundMessage
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task

MINE: Final = "mine"
NOBODYS: Final = "nobody"


def reply_tasks() -> QuerySet[Task]:
    """The open tasks about what customers wrote."""
    return Task.objects.filter(kind=TaskKind.REPLY, state=TaskState.OPEN)


def desks_of(customer_ids: Collection[UUID]) -> dict[UUID, User]:
    """Who has what each of these customers wrote on their desk; nobody for those left out."""
    rows = reply_tasks().filter(customer__in=list(customer_ids)).exclude(assignee=None).select_related("assignee")
    return {task.customer_id: task.assignee for task in rows if task.customer_id is not None and task.assignee is not None}


def replies_on_desk(*, desk: str, person: UUID, customer_id: UUID | None = None) -> QuerySet[InboundMessage]:
    """What waits to be read on the desk of `person`, a user (MINE), or on nobody's (NOBODYS), what could not be matched included."""
    rows = list_replies(customer_id=customer_id).filter(pk__in=unread())
    given = reply_tasks().filter(customer__isnull=False, assignee__isnull=False)
    if desk == MINE:
        return rows.filter(customer__in=given.filter(assignee=person).values("customer"))
    return rows.filter(Q(customer=None) | ~Q(customer__in=given.values("customer")))  # NOT IN alone would leave out what is nobody's


def reply_key(customer_id: UUID, since: datetime | None) -> str:
    """The key of the task to read what a customer wrote who has been waiting since then."""
    return f"reply:{customer_id}:{since.isoformat() if since else ''}"


def put_away(customer_ids: Collection[UUID]) -> set[UUID]:
    """Those of these customers who wait for what they wrote to be read, and whose task was closed without it."""
    waiting = Customer.objects.filter(pk__in=list(customer_ids), reply_pending_since__isnull=False)
    keys = {reply_key(pk, since): pk for pk, since in waiting.values_list("pk", "reply_pending_since")}
    closed = Task.objects.filter(kind=TaskKind.REPLY, key__in=list(keys)).exclude(state=TaskState.OPEN)
    return {keys[key] for key in closed.values_list("key", flat=True)}
