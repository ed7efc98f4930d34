"""Recording a call: one attempt, its one effect on the plan (rule 10), and the draft that confirms what was said."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core import audit, events
from dunning.core.errors import DomainError
from invoices.models import Installment
from notifications.models import Message
from scenarios import effects
from scenarios.enums import REACHED_A_PERSON, ActionState, CallOutcome, Reason, TaskKind, TaskState
from scenarios.models import Action, Task, TaskAttempt
from scenarios.outcomes import CALL_EFFECTS, Attempt, CallState, What, call_state, may_call
from scenarios.services import answers, call_effects
from scenarios.services.call_effects import CallFacts, Consequences
from scenarios.services.tasks import lock_task

_NOTHING_TO_CONFIRM: Final = frozenset({CallOutcome.HOSTILE, CallOutcome.INSOLVENCY, CallOutcome.CALL_BACK, CallOutcome.NOT_IN_CHARGE})


@dataclass(frozen=True)
class RecordedCall:
    """What a call brought. `state` says whether its task is closed; `message` is the draft, or the "we tried to call" that left."""

    attempt: TaskAttempt
    state: CallState
    consequences: Consequences
    message: Message | None


def record_call(
    *,
    task: Task,
    outcome: str,
    actor: str,
    today: date,
    now: datetime,
    note: str = "",
    details: Mapping[str, Any] | None = None,
    items: Collection[UUID] | None = None,
) -> RecordedCall:
    """Record one attempt and apply its outcome to the ticked `items` (instalments; every overdue one by default).

    `details` are the particulars the outcome needs, as `call_effects.read_facts` reads them (`{"date": "2026-10-16"}` for a promise).

    The call is done when a person was reached, or at the third unanswered attempt on as many days; until then it stays open. Raises
    DomainError for a closed task, an unknown outcome, a fourth attempt within seven days, an item of another customer, or a missing field.
    """
    if outcome not in CallOutcome.values:
        raise DomainError(_("Say what the call brought."), code="bad_outcome", field="outcome")
    chosen = CallOutcome(outcome)
    locked = lock_task(task)
    customer = _check(locked, today)
    facts = call_effects.read_facts(customer=customer, note=note, details=details or {})
    call_effects.check_facts(chosen, facts, now)
    ticked = _ticked(customer, items, today)
    attempt = TaskAttempt.objects.create(
        task=locked,
        at=now,
        on=today,
        actor=actor,
        outcome=chosen,
        note=facts.note,
        details=_details(chosen, facts, ticked, customer),
    )
    state = _state(locked, chosen)
    if state is CallState.OPEN:
        _stay_open(locked, chosen, facts, today)
    else:  # before its effects: what they hold back must not take this very call away
        _done(locked, chosen, ticked, items is not None, actor, today, now)
    consequences = call_effects.apply(
        outcome=chosen, facts=facts, customer=customer, items=ticked, attempt=attempt, actor=actor, today=today, now=now
    )
    message = _write(attempt, chosen, state, facts, consequences, ticked, actor, today, now)
    body = {"outcome": str(chosen), "items": len(ticked), "state": state.value}
    audit.record(actor=actor, action="call.recorded", target=locked, body=body, now=now)
    events.emit(type="call.recorded", object_type="task", object_ids=[locked.pk], now=now, payload={"outcome": str(chosen)})
    task.refresh_from_db()
    return RecordedCall(attempt, state, consequences, message)


def _check(task: Task, today: date) -> Customer:
    customer: Customer | None = task.customer
    if task.kind != TaskKind.CALL or customer is None:
        raise DomainError(_("This task is not a call."), code="not_a_call")
    if task.state != TaskState.OPEN:
        raise DomainError(_("This call is closed."), code="closed")
    if not may_call(_attempts(TaskAttempt.objects.filter(task__customer=customer)), today.toordinal()):
        raise DomainError(_("This customer was called three times within seven days: wait, or write."), code="too_many_attempts")
    return customer


def _attempts(rows: Any) -> list[Attempt]:
    return [Attempt(on.toordinal(), CallOutcome(outcome)) for on, outcome in rows.order_by("at", "pk").values_list("on", "outcome")]


def _ticked(customer: Customer, items: Collection[UUID] | None, today: date) -> list[Installment]:
    """The items the outcome applies to. Only open ones of this customer can be ticked."""
    theirs = Installment.objects.select_related("invoice", "customer").filter(customer=customer, outstanding__gt=0).order_by("due_on", "pk")
    if items is None:
        return list(theirs.filter(due_on__lt=today))
    found = list(theirs.filter(pk__in=list(items)))
    if len(found) != len(set(items)):
        raise DomainError(_("Tick open invoices of this customer."), code="bad_items", field="items")
    return found


def _details(outcome: CallOutcome, facts: CallFacts, items: list[Installment], customer: Customer) -> dict[str, Any]:
    return {
        "items": [str(item.pk) for item in items],
        "person": facts.person.strip(),
        "summary": facts.summary.strip() or call_effects.summary(outcome, facts, customer.language),
        **facts.as_json(),
    }


def _state(task: Task, outcome: CallOutcome) -> CallState:
    """A call back is agreed, not done: attempts before it do not count against the person who will answer."""
    if CALL_EFFECTS[outcome].what is What.CALL_BACK:
        return CallState.OPEN
    attempts = _attempts(TaskAttempt.objects.filter(task=task))
    agreed = [number for number, attempt in enumerate(attempts) if CALL_EFFECTS[attempt.outcome].what is What.CALL_BACK]
    return call_state(attempts[agreed[-1] + 1 :] if agreed else attempts)


def _stay_open(task: Task, outcome: CallOutcome, facts: CallFacts, today: date) -> None:
    if CALL_EFFECTS[outcome].what is What.CALL_BACK and facts.at is not None:
        task.not_before, task.due_on = facts.at, max(today, facts.at.date())
        task.save(update_fields=["not_before", "due_on"])


def _done(task: Task, outcome: CallOutcome, ticked: list[Installment], chosen: bool, actor: str, today: date, now: datetime) -> None:
    """The step is done for the items that were spoken of; for those a person left out it is a candidate again."""
    actions = list(Action.objects.filter(task=task, state=ActionState.PLANNED))
    spoken_of = {item.pk for item in ticked}
    done = [action for action in actions if action.installment_id in spoken_of or not chosen]
    effects.mark_done(done, on=today, actor=actor, now=now)
    left_out = [action for action in actions if action not in done]
    effects.take_back(left_out, reason=Reason.IN_PROGRESS, actor=actor, now=now)
    task.state, task.outcome, task.closed_at, task.closed_by = TaskState.DONE, outcome, now, actor
    task.save(update_fields=["state", "outcome", "closed_at", "closed_by"])


def _write(
    attempt: TaskAttempt,
    outcome: CallOutcome,
    state: CallState,
    facts: CallFacts,
    consequences: Consequences,
    ticked: list[Installment],
    actor: str,
    today: date,
    now: datetime,
) -> Message | None:
    by_currency: dict[str, list[UUID]] = {}
    for item in ticked:  # amounts of two currencies are never added up: each has its own message
        by_currency.setdefault(item.invoice.currency, []).append(item.pk)
    if state is CallState.UNREACHABLE:
        tried = [answers.say_we_called(attempt=attempt, items=items, actor=actor, today=today, now=now) for items in by_currency.values()]
        return tried[0] if tried else None
    if outcome not in REACHED_A_PERSON or outcome in _NOTHING_TO_CONFIRM or not ticked:
        return None
    if consequences.disputes:
        return answers.acknowledge_disputes(disputes=consequences.disputes, actor=actor, today=today, now=now, for_clerk=True)
    promise = consequences.promises[0].reference if consequences.promises else None
    contact = consequences.contact or facts.contact
    first, *_others = [
        answers.follow_up_call(attempt=attempt, items=items, promise=promise, actor=actor, today=today, now=now, contact=contact)
        for items in by_currency.values()
    ]
    return first
