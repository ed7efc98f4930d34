"""What sales ask of finance: a pause, on whose desk it lands, and what becomes of it."""

from datetime import date, datetime

from customers.models import Customer
from invoices import services
from invoices.models import Hold, HoldRequest, Installment
from scenarios import effects, work
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task


def ask_for_hold(
    *,
    customer: Customer | None = None,
    installment: Installment | None = None,
    ends_on: date,
    reason: str,
    actor: str,
    today: date,
    now: datetime,
) -> HoldRequest:
    """Ask for a pause; finance finds it on Today. The plan goes on meanwhile. Raises DomainError as `request_hold`."""
    row = services.request_hold(
        customer=customer, installment=installment, ends_on=ends_on, reason=reason, actor=actor, today=today, now=now
    )
    amount, currency = work.open_amounts([row]).get(row.pk, (0, ""))
    effects.open_once(
        kind=TaskKind.HOLD_REQUEST,
        key=f"hold_request:{row.pk}",
        today=today,
        now=now,
        customer_id=row.customer_id,
        installment_id=row.installment_id,
        title=row.reason[:200],
        details={"request": str(row.pk)},
        amount=amount,
        currency=currency,
    )
    return row


def grant_hold(*, request: HoldRequest, ends_on: date | None = None, answer: str = "", actor: str, today: date, now: datetime) -> Hold:
    """Place the pause that was asked for. Raises DomainError as the service of that name."""
    hold = services.grant_hold(request=request, ends_on=ends_on, answer=answer, actor=actor, today=today, now=now)
    _close(request, TaskState.DONE, "granted", actor=actor, now=now)
    return hold


def refuse_hold(*, request: HoldRequest, answer: str, actor: str, today: date, now: datetime) -> None:
    """Say no, and why. Raises DomainError as the service of that name."""
    services.refuse_hold(request=request, answer=answer, actor=actor, today=today, now=now)
    _close(request, TaskState.DONE, "refused", actor=actor, now=now)


def withdraw_request(*, request: HoldRequest, actor: str, today: date, now: datetime) -> None:
    """Who asked needs it no more. Raises DomainError as `withdraw_hold_request`."""
    services.withdraw_hold_request(request=request, actor=actor, today=today, now=now)
    _close(request, TaskState.CANCELLED, "withdrawn", actor=actor, now=now)


def _close(request: HoldRequest, state: TaskState, outcome: str, *, actor: str, now: datetime) -> None:
    tasks = Task.objects.filter(key=f"hold_request:{request.pk}", state=TaskState.OPEN)
    effects.close_tasks(list(tasks), state=state, outcome=outcome, actor=actor, now=now)
