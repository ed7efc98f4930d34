"""What becomes of steps that were taken: done, taken back, given up - and the commitments they make or fulfil (rules 7, 9 and 11).

Callers hold the customers' locks. Nothing here plans: a step taken back is a candidate again, and the daily run takes it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from dunning.core import audit, events
from dunning.core.calendars import Calendar
from dunning.core.enums import PAPER_CHANNELS
from invoices.models import Installment
from notifications import services
from notifications.enums import WAITING, MessageKind, MessageState, Obstacle
from notifications.models import Message
from scenarios.enums import ActionState, CommitmentState, Reason, TaskState
from scenarios.models import Action, ActionMessage, Commitment, PlanStep, Task
from scenarios.outcomes import may_be_taken_back
from scenarios.timing import printed_deadline

GONE: Final = frozenset({Reason.SETTLED, Reason.CANCELLED, Reason.EMPTY})
"""Reasons for which nothing is left to chase: the step is closed, and a candidate again if the item opens again."""
FOR_GOOD: Final = GONE | {Reason.WITHDRAWN, Obstacle.BY_HAND}
"""Those, and a person's decision: a step a person took out never happens again (rule 2)."""
NOT_LEFT: Final = services.WITHDRAWABLE
ACTOR: Final = "system"


# --- done ------------------------------------------------------------------------------------------------------------------------------


def mark_done(actions: Collection[Action], *, on: date, actor: str, now: datetime) -> list[Action]:
    """The steps happened on that local day; commitments they execute are fulfilled. Returns the actions that changed."""
    changed = [action for action in actions if action.state in (ActionState.PLANNED, ActionState.SKIPPED) or was_overtaken(action)]
    if not changed:
        return []
    Action.objects.filter(pk__in=[action.pk for action in changed]).update(state=ActionState.DONE, done_on=on)
    for action in changed:
        action.state, action.done_on = ActionState.DONE, on
    _execute_commitments(changed, on, actor=actor, now=now)
    return changed


def was_overtaken(action: Action) -> bool:
    """Whether the step was closed because nothing was left to pay, while its message was on its way."""
    return action.state == ActionState.CANCELLED and action.reason in GONE and action.task_id is None


def _execute_commitments(actions: Sequence[Action], on: date, *, actor: str, now: datetime) -> None:
    by_item: dict[UUID, list[Action]] = {}
    for action in actions:
        by_item.setdefault(action.installment_id, []).append(action)
    waiting = list(Commitment.objects.filter(installment__in=by_item, state=CommitmentState.OPEN))
    if not waiting:
        return
    executes = _consequences(actions)
    for commitment in waiting:
        for action in by_item[commitment.installment_id]:
            named = action.plan_id == commitment.plan_id and action.step_key == commitment.step_key
            executed = named or executes.get((action.version_id, action.step_key)) == commitment.consequence
            if executed and action.pk != commitment.announced_by_id:
                commitment.state, commitment.closed_on = CommitmentState.EXECUTED, on
                commitment.save(update_fields=["state", "closed_on"])
                body = {"consequence": str(commitment.consequence), "step": action.step_key}
                audit.record(actor=actor, action="commitment.executed", target=commitment, body=body, now=now)
                events.emit(type="commitment.executed", object_type="commitment", object_ids=[commitment.pk], now=now)
                break


def _consequences(actions: Sequence[Action]) -> dict[tuple[UUID | None, str], str]:
    """What each step executes, by version and key."""
    steps = PlanStep.objects.filter(version__in={action.version_id for action in actions if action.version_id}).exclude(executes="")
    return {(version, key): executes for version, key, executes in steps.values_list("version_id", "key", "executes")}


def open_commitments(
    message: Message, actions: Sequence[Action], *, printed_on: date, on: date, calendar: Calendar, actor: str, now: datetime
) -> list[Commitment]:
    """The consequences the message announced for the items it still carried when it left and that are still owed, each once (rule 11).

    They fall due at the deadline the message printed: its term from `printed_on`, the day its text was made.
    """
    details = message.details
    own = {str(action.installment_id): action for action in actions if action.step_key == details.get("step")}
    owed = set(Installment.objects.filter(pk__in=own, outstanding__gt=0).values_list("pk", flat=True))
    deadline = _deadline(message, printed_on, calendar)
    rows = [
        Commitment(
            installment_id=own[item].installment_id,
            customer_id=own[item].customer_id,
            consequence=entry["consequence"],
            announced_by=own[item],
            announced_on=on,
            due_on=deadline or date.fromordinal(entry["due_on"]),
            plan_id=details["plan"],
            step_key=entry["step"],
        )
        for entry in details.get("commitments") or ()
        for item in entry["items"]
        if item in own and own[item].installment_id in owed
    ]
    if not rows:
        return []
    Commitment.objects.bulk_create(rows, ignore_conflicts=True)
    written = Commitment.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk").values_list("pk", flat=True)
    events.emit(type="commitment.announced", object_type="commitment", object_ids=list(written), now=now, fresh=True)
    body = {"consequences": sorted({row.consequence for row in rows}), "items": len(rows), "due_on": max(row.due_on for row in rows)}
    audit.record(actor=actor, action="commitment.announced", target=message, body=body, now=now)
    return rows


def withdraw_commitments(commitments: Collection[Commitment], *, reason: str, on: date, actor: str, now: datetime) -> int:
    """Announced consequences that will not be carried out, with the reason (rule 11); other messages to the customer wait no more."""
    ids = [commitment.pk for commitment in commitments if commitment.state == CommitmentState.OPEN]
    if not ids:
        return 0
    Commitment.objects.filter(pk__in=ids).update(state=CommitmentState.WITHDRAWN, closed_on=on, reason=reason[:300])
    body = {"reason": reason, "count": len(ids), "digest": audit.digest(sorted(map(str, ids)))}
    audit.record(actor=actor, action="commitments.withdrawn", body=body, now=now)
    events.emit(type="commitment.withdrawn", object_type="commitment", object_ids=ids, now=now)
    return len(ids)


def withdraw_executions(actions: Collection[Action], *, reason: str, on: date, actor: str, now: datetime) -> int:
    """A person gave these steps up for good: consequences they were to carry out are withdrawn with them, else they would hold back every
    other message to the customer for ever."""
    named = {(action.installment_id, action.plan_id, action.step_key) for action in actions}
    announced = Commitment.objects.filter(installment__in={item for item, _plan, _key in named}, state=CommitmentState.OPEN)
    given_up = [row for row in announced if (row.installment_id, row.plan_id, row.step_key) in named]
    return withdraw_commitments(given_up, reason=reason, on=on, actor=actor, now=now)


def note_deadline(message: Message, actions: Sequence[Action], *, printed_on: date, calendar: Calendar) -> None:
    """Keep on each action the deadline its message printed: what follows a formal notice leaves it time."""
    deadline = _deadline(message, printed_on, calendar)
    for action in actions:
        if deadline is not None and action.step_key == message.details.get("step"):
            action.details = {**action.details, "deadline_on": deadline.toordinal()}
            action.save(update_fields=["details"])


def _deadline(message: Message, printed_on: date, calendar: Calendar) -> date | None:
    if not message.details.get("deadline_on") or not message.details.get("version"):
        return None
    term = (
        PlanStep.objects.filter(version=message.details["version"], key=message.details.get("step"))
        .values_list("term_days", flat=True)
        .first()
    )
    if term is None:
        return None
    by_post = message.channel in PAPER_CHANNELS
    return date.fromordinal(printed_deadline(printed_on.toordinal(), term, calendar, by_post=by_post))


# --- not done --------------------------------------------------------------------------------------------------------------------------


def take_back(actions: Collection[Action], *, reason: str, actor: str, now: datetime) -> list[Action]:
    """The steps do not count: those not done yet, and those done as long as no later step was (rule 9). Returns what was taken back.

    What they had announced was never heard: it is forgotten, so that it can be announced again.
    """
    later = _later_days(actions)
    changed = [
        action
        for action in actions
        if action.state == ActionState.PLANNED
        or (
            action.state == ActionState.DONE
            and action.done_on is not None
            and may_be_taken_back(action.done_on.toordinal(), later.get(action.pk, ()))
        )
    ]
    return uncount(changed, reason=reason, actor=actor, now=now)


def uncount(actions: Collection[Action], *, reason: str, actor: str, now: datetime) -> list[Action]:
    """Take these steps back whatever was done after them, because the plan starts over (rule 7). Returns what was taken back."""
    changed = [action for action in actions if action.state in (ActionState.PLANNED, ActionState.DONE)]
    if not changed:
        return []
    ids = [action.pk for action in changed]
    Action.objects.filter(pk__in=ids).update(state=ActionState.TAKEN_BACK, reason=reason)
    for action in changed:
        action.state, action.reason = ActionState.TAKEN_BACK, reason
    forgotten, _rows = Commitment.objects.filter(announced_by__in=ids, state=CommitmentState.OPEN).delete()
    body = {"reason": reason, "count": len(ids), "digest": audit.digest(sorted(map(str, ids))), "commitments_forgotten": forgotten}
    audit.record(actor=actor, action="steps.taken_back", target=changed[0] if len(ids) == 1 else None, body=body, now=now)
    return changed


def _later_days(actions: Collection[Action]) -> dict[UUID, list[int]]:
    """For each action, the days on which other steps of its item were done."""
    items = {action.installment_id for action in actions if action.state == ActionState.DONE}
    if not items:
        return {}
    days: dict[UUID, list[tuple[UUID, int]]] = {}
    rows = Action.objects.filter(installment__in=items, state=ActionState.DONE)
    for pk, item, done_on in rows.values_list("pk", "installment_id", "done_on"):
        if done_on is not None:
            days.setdefault(item, []).append((pk, done_on.toordinal()))
    return {action.pk: [on for pk, on in days.get(action.installment_id, ()) if pk != action.pk] for action in actions}


def give_up(actions: Iterable[Action], *, state: ActionState, reason: str) -> int:
    """Close steps that were begun and not done: SKIPPED when the plan goes on without them, CANCELLED when a person took them out."""
    ids = [action.pk for action in actions if action.state == ActionState.PLANNED]
    return Action.objects.filter(pk__in=ids, state=ActionState.PLANNED).update(state=state, reason=reason) if ids else 0


def reopen_settled(installment_ids: Collection[UUID]) -> int:
    """Items that are open again: steps closed because nothing was left to chase become candidates again (rule 2)."""
    return Action.objects.filter(
        installment__in=list(installment_ids), installment__outstanding__gt=0, state=ActionState.CANCELLED, reason__in=GONE
    ).update(state=ActionState.TAKEN_BACK)


# --- messages that wait ----------------------------------------------------------------------------------------------------------------


def leads(message: Message, action: Action) -> bool:
    """Whether the message's subject and text are those of this very step (rule 5)."""
    details = message.details
    return bool(action.step_key == details.get("step") and str(action.plan_id) == details.get("plan"))


def strip(message: Message, dropped: Mapping[UUID, str], links: Sequence[ActionMessage], *, now: datetime) -> list[UUID]:
    """Take the items of some actions out of a message that has not left; with nothing left it is withdrawn with the reason.

    `dropped` maps action ids to reasons. A letter already printed says what it says: it is withdrawn whole, and the steps of its other
    items are candidates again. So is a message that lost every item of the step its text speaks of: the others have not come that far.
    Returns the ids of the actions taken out.
    """
    going = [link for link in links if link.action_id in dropped]
    if not going:
        return []
    for link in going:
        close_undone([link.action], dropped[link.action_id])
    kept = [link for link in links if link.action_id not in dropped and link.action.state == ActionState.PLANNED]
    if not kept:
        withdraw([message.pk], reason=dropped[going[0].action_id], now=now)
    elif message.state == MessageState.TO_POST or not any(leads(message, link.action) for link in kept):
        withdraw([message.pk], reason=Reason.SUPERSEDED, now=now)
    else:
        ActionMessage.objects.filter(pk__in=[link.pk for link in going]).delete()
        about = next(link.section for link in kept if leads(message, link.action))
        claimed = [link for link in going if link.section == about]  # what the message only announces or asks beside counts in neither
        left = max(Decimal(0), message.amount - sum((link.action.amount for link in claimed), Decimal(0)))
        Message.objects.filter(pk=message.pk, state__in=WAITING).update(
            amount=left, item_count=max(0, message.item_count - len(claimed)), updated_at=now
        )
    return [link.action_id for link in going]


def strip_all(dropped: Mapping[UUID, str], *, now: datetime) -> None:
    """Take these actions out of every reminder that has not left."""
    if not dropped:
        return
    messages = Message.objects.filter(cargo__action__in=list(dropped), state__in=NOT_LEFT, kind=MessageKind.REMINDER).distinct()
    for message in messages.order_by("pk"):
        strip(message, dropped, list(ActionMessage.objects.filter(message=message).select_related("action").order_by("pk")), now=now)


def skip_begun(actions: Sequence[Action], *, reason: str, now: datetime) -> None:
    """The plan goes on without steps that were begun and are not done: their messages lose them, their tasks are closed."""
    give_up(actions, state=ActionState.SKIPPED, reason=reason)
    strip_all({action.pk: reason for action in actions}, now=now)
    customers = {action.customer_id for action in actions if action.task_id is not None}
    if customers:
        close_tasks_without_items(customers, actor=ACTOR, now=now)


def close_undone(actions: Sequence[Action], reason: str) -> int:
    """Close steps whose message or task no longer stands: closed when nothing is left or a person said so, else candidates again."""
    ids = [action.pk for action in actions]
    state = ActionState.CANCELLED if reason in FOR_GOOD else ActionState.TAKEN_BACK
    return Action.objects.filter(pk__in=ids, state=ActionState.PLANNED).update(state=state, reason=reason)


def withdraw(message_ids: Collection[UUID], *, reason: str, now: datetime) -> int:
    """Withdraw messages that have not left, for a reason of the plan; those that left, or may have, stay. Returns how many went."""
    return services.withdraw(message_ids=message_ids, reason="", code=reason, actor=ACTOR, now=now)


# --- tasks -----------------------------------------------------------------------------------------------------------------------------


def open_once(*, kind: str, key: str, today: date, now: datetime, **fields: Any) -> Task | None:
    """Open a task unless the same one (`key`) was opened before, closed or not; the new task."""
    task, created = Task.objects.get_or_create(
        key=key, defaults={"kind": kind, "opened_on": today, "due_on": fields.pop("due_on", today), **fields}
    )
    if not created:
        return None
    tell_opened([task.pk], now=now)
    return task


def tell_opened(task_ids: Sequence[UUID], *, now: datetime) -> None:
    """Tell the outside world of tasks just written."""
    events.emit(type="task.opened", object_type="task", object_ids=task_ids, now=now, fresh=True)


def close_tasks(tasks: Collection[Task], *, state: TaskState, outcome: str, actor: str, now: datetime) -> None:
    """Close open tasks; one audit event for all."""
    ids = [task.pk for task in tasks if task.state == TaskState.OPEN]
    if not ids:
        return
    Task.objects.filter(pk__in=ids).update(state=state, outcome=str(outcome)[:24], closed_at=now, closed_by=actor)
    body = {"state": str(state), "outcome": outcome, "count": len(ids), "digest": audit.digest(sorted(map(str, ids)))}
    audit.record(actor=actor, action="tasks.closed", body=body, now=now)
    events.emit(type="task.closed", object_type="task", object_ids=ids, now=now)


def close_tasks_without_items(customer_ids: Collection[UUID], *, actor: str, now: datetime) -> None:
    """Tasks of steps that no item needs any more: every action they were opened for is closed."""
    tasks = (
        Task.objects.filter(customer__in=list(customer_ids), state=TaskState.OPEN, actions__isnull=False)
        .exclude(Q(actions__state=ActionState.PLANNED))
        .distinct()
    )
    close_tasks(list(tasks), state=TaskState.CANCELLED, outcome=Reason.EMPTY, actor=actor, now=now)
