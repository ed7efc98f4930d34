"""Acts about many messages of customers: they are dealt with, or put on somebody's desk."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.services import lock_customers
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
    """`data`: assignee, a member's id, or None for nobody. A customer's messages are on one desk, that of the task to read them (rule 9);
    what is nobody's yet stays where it is."""

    subject = InboundMessage
    _tasks = AssignTasks()

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        waiting = dict(correspondence.unread().filter(pk__in=list(ids), customer__isnull=False).values_list("pk", "customer"))
        lock_customers(waiting.values())
        work.open_reply_tasks(today=when.today, now=when.now, customer_ids=set(waiting.values()))
        tasks = dict(reply_tasks().filter(customer__in=set(waiting.values())).values_list("customer", "pk"))
        given = self._tasks.do(list(tasks.values()), data, when)
        moved = {pk: tasks[customer] for pk, customer in waiting.items() if tasks.get(customer) in given}
        return {pk: {**given[task], "task": str(task)} for pk, task in moved.items()}

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        gone = self._tasks.changed_since(self._by_task(kept), when)
        return {pk: gone[task] for pk, row in kept.items() if (task := UUID(row["task"])) in gone}

    def put_back(self, kept: Kept, when: When) -> None:
        self._tasks.put_back(self._by_task(kept), when)

    def _by_task(self, kept: Kept) -> Kept:
        return {UUID(row["task"]): row for row in kept.values()}
