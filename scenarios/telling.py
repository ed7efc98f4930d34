"""What the people of an organization are told of its plans, in the transaction in which it happens (dunning.core.notices).

A run tells each person once what it put on their desk, however much that is; what an event puts there is told by itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db import connection

from customers.models import Customer
from dunning.core import notices
from dunning.core.enums import NoticeTopic
from dunning.core.permissions import Permission
from dunning.core.prepared import ask
from invoices.rates import Semester
from invoices.selectors.rates import missing_rates
from notifications.models import Message
from scenarios.brakes import Brake
from scenarios.enums import TaskKind, TaskState
from scenarios.models import DailyRun, Task

_TOLD_APART: Final = [TaskKind.REPLY.value, TaskKind.FIND_CONTACT.value]
"""Tasks whose event is told by itself: the reply that came, the message that reached nobody."""
_LATE_AT_BIRTH: Final = [TaskKind.HOLD_EXPIRED.value, TaskKind.POST_LETTER.value]
"""Tasks that are opened because something is late: a pause of ours that ended, a letter nobody posted."""
_TASKS: Final = f"""
SELECT 'opened', c.account_owner_id, t.kind, count(*)
FROM scenarios_task t LEFT JOIN customers_customer c ON c.organization_id = t.organization_id AND c.id = t.customer_id
WHERE t.opened_on = %s AND t.state = '{TaskState.OPEN.value}' AND t.assignee_id IS NULL AND t.kind <> ALL(%s::text[])
GROUP BY 2, 3
UNION ALL
SELECT 'late', coalesce(t.assignee_id, c.account_owner_id), t.kind, count(*)
FROM scenarios_task t LEFT JOIN customers_customer c ON c.organization_id = t.organization_id AND c.id = t.customer_id
WHERE t.alerted_on > %s AND t.alerted_on <= %s AND t.state = '{TaskState.OPEN.value}'
  AND (t.opened_on < t.alerted_on OR t.kind = ANY(%s::text[]))
GROUP BY 2, 3
"""  # noqa: S608 - made of a constant
_Counts = list[tuple[UUID | None, str, int]]


def tell_day(*, run: DailyRun, before: DailyRun | None, now: datetime) -> None:
    """Tell each person, in one notice, of the tasks of the run's day that are theirs to do, and managers of what became late.

    `before` is the last run that came to its end: what became late during one that was cut short is told with this one.
    """
    since = date.min if before is None else before.local_date
    with connection.cursor() as cursor:
        ask(cursor, _TASKS, [run.local_date, _TOLD_APART, since, run.local_date, _LATE_AT_BIRTH])
        rows = cursor.fetchall()
    if opened := [(person, kind, count) for what, person, kind, count in rows if what == "opened"]:
        _tell_opened(run, opened, now)
    if late := [(person, kind, count) for what, person, kind, count in rows if what == "late"]:
        _tell_late(run, late, now)


def _tell_opened(run: DailyRun, counts: _Counts, now: datetime) -> None:
    """Tasks about a customer are for its account owner, others for everybody who works. What has an assignee was told when it got one."""
    team = notices.team()
    of_person: dict[UUID, Counter[str]] = {}
    for owner_id, kind, count in counts:
        for member in team.followers(owner_id):
            of_person.setdefault(member.pk, Counter())[kind] += count
    for member in team.members:
        if member.pk in of_person:
            details = {"kinds": dict(of_person[member.pk])}
            key = f"day:{run.local_date.isoformat()}"
            notices.tell(topic=NoticeTopic.DAY, key=key, to=[member], now=now, object_type="run", object_id=run.pk, details=details)


def _tell_late(run: DailyRun, late: _Counts, now: datetime) -> None:
    """Who manages the organization hears once a day of what became late at somebody else's desk (rules 7 and 9)."""
    key = f"late:{run.local_date.isoformat()}"
    for manager in notices.team().who_may(Permission.MANAGE):
        kinds: Counter[str] = Counter()
        for person, kind, count in late:
            if person != manager.user_id:
                kinds[kind] += count
        if kinds:
            details = {"kinds": dict(kinds)}
            notices.tell(topic=NoticeTopic.LATE, key=key, to=[manager], now=now, object_type="run", object_id=run.pk, details=details)


def tell_rates(*, country_of_law: str, today: date, now: datetime) -> None:
    """Who manages the organization hears on 15 June and 15 December of the rates to enter for the coming half-year, and again when it has
    begun without them.
    """
    semester = Semester.of(today)
    coming = today >= semester.last_day.replace(day=15)
    for told, is_coming in ((semester, False), (semester.next, True)) if coming else ((semester, False),):
        if missing := missing_rates(told, country_of_law=country_of_law):
            notices.tell(
                topic=NoticeTopic.RATES,
                key=f"rates:{told}:{'coming' if is_coming else 'missing'}",
                to=notices.team().who_may(Permission.MANAGE),
                now=now,
                details={"semester": str(told), "series": [series.value for series in missing], "coming": is_coming},
            )


def tell_brake(*, run: DailyRun, stop: Brake, now: datetime) -> None:
    """Those who may let messages leave hear that a run stopped and asks."""
    notices.tell(
        topic=NoticeTopic.BRAKE,
        key=f"brake:{run.local_date.isoformat()}",
        to=notices.team().who_may(Permission.APPROVE),
        now=now,
        object_type="run",
        object_id=run.pk,
        details={"messages": stop.planned},
    )


def tell_assigned(*, tasks: Sequence[Task], actor: str, now: datetime) -> None:
    """Whoever finds these tasks on their desk, all of one person, hears of them at once, unless they put them there themselves."""
    if not tasks or tasks[0].assignee_id is None:
        return
    task = tasks[0]
    customer = task.customer if len(tasks) == 1 else None
    notices.tell(
        topic=NoticeTopic.TASK,
        key=f"task:{task.pk}:{now.isoformat()}",
        to=notices.team().person(task.assignee_id),
        now=now,
        object_type="customer" if customer is not None else "",
        object_id=customer.pk if customer is not None else None,
        details={
            "count": len(tasks),
            "task": task.kind,
            "title": task.title,
            "customer": customer.name if customer is not None else "",
            "by": actor,
        },
        actor=actor,
    )


def tell_disputes(*, tasks: Iterable[Task], now: datetime) -> None:
    """Owners of disputes hear of those that are new, of several at once in one notice."""
    by_owner: dict[UUID, list[Task]] = {}
    for task in tasks:
        if task.assignee_id is not None:
            by_owner.setdefault(task.assignee_id, []).append(task)
    if not by_owner:
        return
    team = notices.team()
    customers = {task.customer_id for theirs in by_owner.values() for task in theirs if task.customer_id is not None}
    names: Mapping[UUID | None, str] = dict(Customer.objects.filter(pk__in=customers).values_list("pk", "name"))
    for assignee_id, theirs in by_owner.items():
        first = theirs[0]
        alone = len(theirs) == 1
        notices.tell(
            topic=NoticeTopic.DISPUTES,
            key=f"disputes:{first.pk}",
            to=team.person(assignee_id),
            now=now,
            object_type="customer" if alone else "",
            object_id=first.customer_id if alone else None,
            details={"count": len(theirs), **_named(names, first)},
        )


def _named(names: Mapping[UUID | None, str], task: Task) -> dict[str, str]:
    return {"customer": names[task.customer_id]} if task.customer_id in names else {}


def tell_no_contact(*, message: Message, today: date, now: datetime) -> None:
    """A message reached nobody and nobody is left to write to: once a day for each customer."""
    customer = message.customer
    if customer is None:
        return
    notices.tell(
        topic=NoticeTopic.NO_CONTACT,
        key=f"no_contact:{customer.pk}:{today.isoformat()}",
        to=notices.team().followers(customer.account_owner_id),
        now=now,
        object_type="message",
        object_id=message.pk,
        details={"customer": customer.name, "channel": message.channel},
    )
