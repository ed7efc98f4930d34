"""Acts about many tasks: put off to another day, handed to somebody."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.services import lock_customers
from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.selectors import people_of
from scenarios.enums import TaskState
from scenarios.models import Task
from scenarios.services.many.kinds import Kept, Kind, When
from scenarios.services.tasks import assign_tasks, postpone_task

SHOWN_FROM = time(8)
"""When a task that was put off comes back, on its day."""


def _locked(ids: Collection[UUID]) -> list[Task]:
    """The open ones among these tasks, after their customers, by pk."""
    found = Task.objects.filter(pk__in=list(ids), state=TaskState.OPEN)
    lock_customers(pk for pk in found.values_list("customer", flat=True) if pk is not None)
    return list(found.select_for_update(no_key=True, of=("self",)).order_by("pk"))


class PostponeTasks(Kind):
    """`data`: until, the day on which they come back."""

    subject = Task

    def check(self, data: Mapping[str, Any], when: When) -> None:
        if date.fromisoformat(data["until"]) <= when.today:
            raise DomainError(_("Choose a day that is still to come."), code="past_date", field="until")

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        day = date.fromisoformat(data["until"])
        until = datetime.combine(day, SHOWN_FROM, tzinfo=ZoneInfo(when.organization.timezone))
        kept = {}
        for task in _locked(ids):
            if task.not_before != until:
                before = {"due_on": task.due_on.isoformat(), "not_before": task.not_before.isoformat() if task.not_before else None}
                kept[task.pk] = {**before, "until": until.isoformat()}
                postpone_task(task=task, until=until, due_on=day, actor=when.actor, now=when.now)
        return kept

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        still = {task.pk: task.not_before for task in _locked(kept)}
        closed, moved = _("It was closed meanwhile."), _("It was put off to another day meanwhile.")
        gone = {pk: moved for pk, row in kept.items() if pk in still and still[pk] != parse_datetime(row["until"])}
        return gone | {pk: closed for pk in kept if pk not in still}

    def put_back(self, kept: Kept, when: When) -> None:
        tasks = _locked(kept)
        for task in tasks:
            row = kept[task.pk]
            task.due_on = date.fromisoformat(row["due_on"])
            task.not_before = parse_datetime(row["not_before"]) if row["not_before"] is not None else None
        Task.objects.bulk_update(tasks, ["due_on", "not_before"])
        ids = [str(task.pk) for task in tasks]
        audit.record(actor=when.actor, action="tasks.put_back", body={"count": len(ids), "digest": audit.digest(ids)}, now=when.now)


class AssignTasks(Kind):
    """`data`: assignee, a member's id, or None for nobody."""

    subject = Task

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        moved = [task for task in _locked(ids) if _text(task.assignee_id) != data["assignee"]]
        kept = {task.pk: {"from": _text(task.assignee_id), "to": data["assignee"]} for task in moved}
        self._give(moved, data["assignee"], when)
        return kept

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        still = {task.pk: _text(task.assignee_id) for task in _locked(kept)}
        people = {str(user.pk) for user in people_of(when.organization)}
        gone = {pk: _("Who had it before no longer works here.") for pk, row in kept.items() if row["from"] and row["from"] not in people}
        gone |= {pk: _("It was given to somebody else meanwhile.") for pk, row in kept.items() if pk in still and still[pk] != row["to"]}
        return gone | {pk: _("It was closed meanwhile.") for pk in kept if pk not in still}

    def put_back(self, kept: Kept, when: When) -> None:
        back: dict[str | None, list[Task]] = {}
        for task in _locked(kept):
            back.setdefault(kept[task.pk]["from"], []).append(task)
        for person, tasks in back.items():
            self._give(tasks, person, when)

    def _give(self, tasks: Sequence[Task], person: str | None, when: When) -> None:
        found = next((user for user in people_of(when.organization) if str(user.pk) == person), None)
        if person is not None and found is None:
            raise DomainError(_("Choose somebody who works here."), code="unknown_person", field="owner")
        assign_tasks(tasks=tasks, assignee=found, actor=when.actor, now=when.now)


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
