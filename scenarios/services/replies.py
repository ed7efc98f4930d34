"""What people do with replies: read and deal with them, say whose they are, give them to a colleague, read an absence in them."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Contact, Customer
from customers.services import clear_reply_pending, lock_customers, note_reply_pending
from dunning.core.errors import DomainError
from dunning.core.models import User
from notifications import correspondence, inbox
from notifications.enums import ReplyKind
from notifications.models import InboundMessage
from scenarios import effects, work
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from scenarios.services.tasks import assign_task


def handle_reply(*, reply_id: UUID, actor: str, today: date, now: datetime) -> InboundMessage:
    """One message was read and dealt with. After a customer's last one his pause ends and the task about it is done."""
    reply = inbox.mark_one_handled(reply_id=reply_id, actor=actor, now=now)
    _go_on(reply, actor=actor, today=today, now=now)
    return reply


def handle_replies(*, reply_ids: Collection[UUID], actor: str, today: date, now: datetime) -> int:
    """Several messages were read and dealt with, as `handle_reply` each; how many were not before. Locks their customers first."""
    waiting = correspondence.unread().filter(pk__in=reply_ids)
    lock_customers(pk for pk in waiting.values_list("customer", flat=True) if pk is not None)
    handled = inbox.mark_many_handled(reply_ids=reply_ids, actor=actor, now=now)
    for reply in {reply.customer_id: reply for reply in handled}.values():
        _go_on(reply, actor=actor, today=today, now=now)
    return len(handled)


def reopen_replies(*, reply_ids: Collection[UUID], actor: str, today: date, now: datetime) -> int:
    """These messages are to be read after all: their customers are paused again, with a task for it; how many had been dealt with."""
    dealt = InboundMessage.objects.filter(pk__in=list(reply_ids)).exclude(customer=None).values_list("customer", flat=True)
    lock_customers(pk for pk in dealt if pk is not None)
    reopened = inbox.mark_unhandled(reply_ids=reply_ids, actor=actor, now=now)
    customers = {reply.customer.pk: reply.customer for reply in reopened if reply.customer is not None}
    for pk in sorted(customers):
        note_reply_pending(customer=customers[pk], actor=actor, today=today, now=now)
    return len(reopened)


def give_reply(*, reply_id: UUID, assignee: User | None, actor: str, today: date, now: datetime) -> Task:
    """Put what its customer wrote and nobody has dealt with - the task that asks for it to be read - on somebody's desk, or on nobody's.

    Raises DomainError when it is nobody's yet, was dealt with, or its task was closed without it.
    """
    reply = inbox.lock_reply(reply_id)
    if reply.customer is None:
        raise DomainError(_("Say first whose this message is: then it can be given to somebody."), code="not_matched")
    if reply.kind != ReplyKind.HUMAN or reply.handled_at is not None:
        raise DomainError(_("This message is dealt with: there is nothing to give to anybody."), code="handled")
    work.open_reply_tasks(today=today, now=now, customer_ids=[reply.customer.pk])
    task = Task.objects.filter(kind=TaskKind.REPLY, customer=reply.customer, state=TaskState.OPEN).first()
    if task is None:
        raise DomainError(_("Its task was cancelled: open it again first, then give it to somebody."), code="closed")
    return assign_task(task=task, assignee=assignee, actor=actor, now=now)


def join_reply(*, reply_id: UUID, customer: Customer, actor: str, today: date, now: datetime) -> InboundMessage:
    """A person says whose a message is: it then counts as that customer's, and whose it was thought to be waits for it no longer.

    Raises DomainError.
    """
    thought = correspondence.get_reply(reply_id).customer
    reply = inbox.join(reply_id=reply_id, customer=customer, actor=actor, now=now)
    if thought is not None:
        _wait_no_longer(thought, actor=actor, today=today, now=now)
    return reply


def note_absence(
    *, reply_id: UUID, until: date, substitute: Contact | None = None, actor: str, today: date, now: datetime
) -> InboundMessage:
    """A person reads in a message that its writer is away: friendly steps wait for him or go to his substitute, and it is dealt with."""
    reply = inbox.mark_absence(reply_id=reply_id, until=until, substitute=substitute, actor=actor, now=now)
    inbox.mark_one_handled(reply_id=reply_id, actor=actor, now=now)
    _go_on(reply, actor=actor, today=today, now=now)
    return reply


def _go_on(reply: InboundMessage, *, actor: str, today: date, now: datetime) -> None:
    if reply.customer is not None:
        _wait_no_longer(reply.customer, actor=actor, today=today, now=now)


def _wait_no_longer(customer: Customer, *, actor: str, today: date, now: datetime) -> None:
    if correspondence.unread().filter(customer=customer).exists():
        return
    clear_reply_pending(customer=customer, actor=actor, today=today, now=now)
    tasks = list(Task.objects.filter(kind=TaskKind.REPLY, customer=customer, state=TaskState.OPEN))
    effects.close_tasks(tasks, state=TaskState.DONE, outcome="done", actor=actor, now=now)
