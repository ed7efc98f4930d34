"""Acts about many messages of customers: they are dealt with, or put on somebody's desk."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.services import lock_customers
from dunning.core.errors import DomainError
from dunning.core.permissions import Permission, people_allowed
from notifications import correspondence
from notifications.models import InboundMessage
from scenarios import work
from scenarios.selectors.replies import reply_tasks
from scenarios.services.many.kinds import Kept, Kind, When
from scenarios.services.many.tasks import AssignTasks
from scenarios.services.replies import handle_replies, reopen_replies


class HandleReplies(Kind):
    subject = InboundMessage

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        waiting = correspondence.unread().filter(pk__in=list(ids))
        lock_customers(pk for pk in waiting.values_list("customer", flat=True) if pk is not None)
        found = list(waiting.values_list("pk", flat=True))
        handle_replies(reply_ids=found, **when.acting)
        return {pk: {"at": when.now.isoformat()} for pk in found}

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        rows = InboundMessage.objects.filter(pk__in=list(kept))
        lock_customers(pk for pk in rows.values_list("customer", flat=True) if pk is not None)
        dealt = dict(rows.values_list("pk", "handled_at"))
        meanwhile = _("It was opened or dealt with anew meanwhile.")
        return {pk: meanwhile for pk, row in kept.items() if dealt.get(pk) != parse_datetime(row["at"])}

    def put_back(self, kept: Kept, when: When) -> None:
        reopen_replies(reply_ids=list(kept), **when.acting)


class GiveReplies(Kind):
    """`data`: assignee, the id of somebody who may work, or None for nobody. A customer's messages are on one desk, that of the task to
    read them (rule 9); what is nobody's yet stays where it is."""

    subject = InboundMessage
    _tasks = AssignTasks()

    def check(self, data: Mapping[str, Any], when: When) -> None:
        people = {str(user.pk) for user in people_allowed(when.organization, Permission.WORK)}
        if data["assignee"] is not None and data["assignee"] not in people:
            raise DomainError(_("Choose somebody who works here."), code="unknown_person", field="owner")

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        self.check(data, when)
        asked = correspondence.unread().filter(pk__in=list(ids), customer__isnull=False)
        customers = set(asked.values_list("customer", flat=True))
        lock_customers(customers)
        waiting = dict(asked.filter(customer__in=customers).values_list("pk", "customer"))  # as they are now that nobody moves them
        work.open_reply_tasks(today=when.today, now=when.now, customer_ids=set(waiting.values()))
        tasks = dict(reply_tasks().filter(customer__in=set(waiting.values())).values_list("customer", "pk"))
        given = self._tasks.do(list(tasks.values()), data, when)
        moved = {pk: tasks[customer] for pk, customer in waiting.items() if tasks.get(customer) in given}
        return {pk: {**given[task], "task": str(task)} for pk, task in moved.items()}

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        by_task = self._by_task(kept)
        gone = self._tasks.changed_since(by_task, when)
        returned = self._returned(by_task)
        dealt = set(InboundMessage.objects.filter(pk__in=list(kept)).exclude(handled_at=None).values_list("pk", flat=True))
        stay = {pk: gone[task] for pk, row in kept.items() if (task := UUID(row["task"])) in gone and task not in returned}
        return stay | {pk: _("It was dealt with meanwhile.") for pk in dealt if pk not in stay}

    def put_back(self, kept: Kept, when: When) -> None:
        by_task = self._by_task(kept)
        returned = self._returned(by_task)
        self._tasks.put_back({task: row for task, row in by_task.items() if task not in returned}, when)

    def _by_task(self, kept: Kept) -> Kept:
        return {UUID(row["task"]): row for row in kept.values()}

    def _returned(self, by_task: Kept) -> set[UUID]:
        """The tasks that are where they came from: another message of their customer brought them back."""
        desks = reply_tasks().filter(pk__in=list(by_task)).values_list("pk", "assignee")
        return {pk for pk, person in desks if (str(person) if person is not None else None) == by_task[pk]["from"]}
