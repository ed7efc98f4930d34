"""What people do with the tasks on their desk, calls apart."""

from collections.abc import Iterable
from datetime import date, datetime

from django.utils.translation import gettext as _

from customers.services import clear_reply_pending, lock_customers
from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.models import User
from notifications import inbox
from notifications.enums import MessageState
from notifications.services import settle_uncertain
from scenarios import effects, telling
from scenarios.enums import ActionState, Reason, TaskKind, TaskState
from scenarios.models import Action, Task
from scenarios.outcomes import may_be_taken_back

DECIDED_ELSEWHERE = (TaskKind.CALL, TaskKind.APPROVAL, TaskKind.ACTIVATE_MANDATE, TaskKind.HOLD_REQUEST)
"""Closed by their own act: a recorded call, an approval or a withdrawal, a mandate put to use or ended, a request answered."""

SET_BY_LAW = (TaskKind.DECLARE_CLAIM, TaskKind.RECLAIM_GOODS, TaskKind.LIMITATION)
"""Due on a day after which the right is lost."""


def lock_task(task: Task) -> Task:
    """The task's row, locked after its customer. Raises DomainError when it does not exist here."""
    if task.customer_id is not None:
        lock_customers([task.customer_id])
    locked = Task.objects.select_for_update(no_key=True).filter(pk=task.pk).first()
    if locked is None:
        raise DomainError(_("This task does not exist."), code="unknown_task")
    return locked


def complete_task(*, task: Task, actor: str, today: date, now: datetime, outcome: str = "", note: str = "") -> Task:
    """The task was done today: steps of a plan it stood for are done, and the plan goes on. A reply that was read clears its pause; a
    message nobody had news of is known to have left.

    Raises DomainError when it is closed, and for a call or an approval, which are closed by recording the call or approving.
    """
    locked = lock_task(task)
    _refuse_closed(locked)
    if locked.kind in DECIDED_ELSEWHERE:
        raise DomainError(_("Record the call, or decide about the message or mandate: that closes this task."), code="decided_elsewhere")
    effects.mark_done(list(Action.objects.filter(task=locked)), on=today, actor=actor, now=now)
    if locked.kind == TaskKind.REPLY and locked.customer is not None:
        inbox.mark_handled(customer_id=locked.customer.pk, actor=actor, now=now)
        clear_reply_pending(customer=locked.customer, actor=actor, today=today, now=now)
    _settle_sending(locked, left=True, note=note, actor=actor, now=now)
    return _close(locked, TaskState.DONE, outcome or "done", note, actor, now)


def cancel_task(*, task: Task, reason: str, actor: str, today: date, now: datetime) -> Task:
    """The task will not be done: steps it stood for never happen again, and what they were to carry out is withdrawn. A message nobody had
    news of did not leave, and tries again.

    Raises DomainError without a reason, or when it is closed.
    """
    if not reason.strip():
        raise DomainError(_("Say why this task is cancelled."), code="required", field="reason")
    locked = lock_task(task)
    _refuse_closed(locked)
    if locked.kind == TaskKind.APPROVAL:
        raise DomainError(_("Withdraw the message: that closes this task."), code="decided_elsewhere")
    if locked.kind == TaskKind.HOLD_REQUEST:
        raise DomainError(_("Answer the request: that closes this task."), code="decided_elsewhere")
    actions = list(Action.objects.filter(task=locked, state=ActionState.PLANNED))
    effects.give_up(actions, state=ActionState.CANCELLED, reason=Reason.WITHDRAWN)
    effects.withdraw_executions(actions, reason=reason.strip(), on=today, actor=actor, now=now)
    _settle_sending(locked, left=False, note=reason, actor=actor, now=now)
    return _close(locked, TaskState.CANCELLED, Reason.WITHDRAWN, reason, actor, now)


def assign_task(*, task: Task, assignee: User | None, actor: str, now: datetime) -> Task:
    """Put the task on somebody's desk, or (None) on nobody's. Raises DomainError when it is closed."""
    (given,) = assign_tasks(tasks=[task], assignee=assignee, actor=actor, now=now)
    task.assignee = assignee
    return given


def assign_tasks(*, tasks: Iterable[Task], assignee: User | None, actor: str, now: datetime) -> list[Task]:
    """Put several on one desk, or on nobody's; who gets them is told once. Raises DomainError when one is closed."""
    given = [lock_task(task) for task in tasks]
    for task in given:
        _refuse_closed(task)
        task.assignee = assignee
        task.save(update_fields=["assignee"])
        body = {"assignee": str(assignee.pk) if assignee is not None else None}
        audit.record(actor=actor, action="task.assigned", target=task, body=body, now=now)
    telling.tell_assigned(tasks=given, actor=actor, now=now)
    return given


def postpone_task(*, task: Task, until: datetime, due_on: date, actor: str, now: datetime) -> Task:
    """Show the task again from `until`, a moment on the local day `due_on`; what is due later stays due then.

    Raises DomainError for a moment that has passed, and for one after the day the law sets.
    """
    if until <= now:
        raise DomainError(_("This moment has passed."), code="past_date", field="until")
    locked = lock_task(task)
    _refuse_closed(locked)
    if locked.kind in SET_BY_LAW and due_on > locked.due_on:
        raise DomainError(_("The law sets this day: the task is not put off beyond it."), code="legal_deadline", field="until")
    locked.not_before, locked.due_on = until, max(locked.due_on, due_on)
    locked.save(update_fields=["not_before", "due_on"])
    audit.record(actor=actor, action="task.postponed", target=locked, body={"until": until}, now=now)
    return locked


def reopen_task(*, task: Task, reason: str, actor: str, today: date, now: datetime) -> Task:
    """The task was closed too soon: its steps wait for it again, unless a later step was done since.

    Raises DomainError without a reason, when it is open, when the plan has gone on, or when another call to this customer is open.
    """
    if not reason.strip():
        raise DomainError(_("Say why this task is opened again."), code="required", field="reason")
    locked = lock_task(task)
    if locked.state == TaskState.OPEN:
        raise DomainError(_("This task is open."), code="open")
    if locked.kind == TaskKind.APPROVAL:
        raise DomainError(_("An approval is not opened again: withdraw the message."), code="decided_elsewhere")
    if locked.kind == TaskKind.CALL and Task.objects.filter(customer=locked.customer_id, kind=TaskKind.CALL, state=TaskState.OPEN).exists():
        raise DomainError(_("Another call to this customer is open."), code="call_open")
    actions = list(Action.objects.filter(task=locked).exclude(state=ActionState.TAKEN_BACK))
    for action in actions:
        later = Action.objects.filter(installment=action.installment_id, state__in=[ActionState.DONE, ActionState.PLANNED]).exclude(
            pk=action.pk
        )
        since = (action.done_on or action.taken_on).toordinal()
        days = [(on or taken).toordinal() for on, taken in later.values_list("done_on", "taken_on")]
        if not may_be_taken_back(since, days):
            raise DomainError(_("The plan has gone on since: a later step was taken."), code="gone_on")
    Action.objects.filter(pk__in=[action.pk for action in actions]).update(state=ActionState.PLANNED, done_on=None)
    locked.state, locked.outcome, locked.closed_at, locked.closed_by = TaskState.OPEN, "", None, ""
    locked.due_on, locked.alerted_on = today, None
    locked.save(update_fields=["state", "outcome", "closed_at", "closed_by", "due_on", "alerted_on"])
    audit.record(actor=actor, action="task.reopened", target=locked, body={"reason": reason.strip()[:300]}, now=now)
    events.emit(type="task.opened", object_type="task", object_ids=[locked.pk], now=now)
    return locked


def _settle_sending(task: Task, *, left: bool, note: str, actor: str, now: datetime) -> None:
    """What a person found in the provider's journal; news that came meanwhile stands."""
    message = task.message if task.kind == TaskKind.UNCERTAIN_SENDING else None
    if message is not None and message.state in (MessageState.UNCERTAIN, MessageState.UNPROVEN):
        settle_uncertain(message_id=message.pk, left=left, note=note, actor=actor, now=now)


def _refuse_closed(task: Task) -> None:
    if task.state != TaskState.OPEN:
        raise DomainError(_("This task is closed."), code="closed")


def _close(task: Task, state: TaskState, outcome: str, note: str, actor: str, now: datetime) -> Task:
    task.state, task.outcome, task.closed_at, task.closed_by = state, str(outcome)[:24], now, actor
    if note.strip():
        task.note = note.strip()
    task.save(update_fields=["state", "outcome", "closed_at", "closed_by", "note"])
    body = {"kind": task.kind, "state": str(state), "outcome": task.outcome, "note": task.note}
    audit.record(actor=actor, action="task.closed", target=task, body=body, now=now)
    events.emit(type="task.closed", object_type="task", object_ids=[task.pk], now=now)
    return task
