"""What stops when nothing is left to pay on an item: told before it is given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, OuterRef

from invoices.models import Installment
from notifications.enums import WAITING
from notifications.models import Message
from scenarios.enums import ActionState, CommitmentState, TaskState
from scenarios.models import ActionMessage, Commitment, Task
from scenarios.selectors.items import ItemRow, with_steps


@dataclass(frozen=True)
class Stopping:
    """`alone`: messages that wait and are about this item only; `others`: those that leave without it; open tasks about it alone or with
    others; the step that would come next; announced consequences that have no object any more.
    """

    alone: Sequence[Message]
    others: Sequence[Message]
    tasks: Sequence[Task]
    next: ItemRow
    announced: Sequence[Commitment]


def what_stops(*, item: Installment, today: date) -> Stopping:
    """In a handful of queries. The item has its invoice loaded."""
    begun = ActionMessage.objects.filter(action__installment=item, action__state=ActionState.PLANNED)
    elsewhere = ActionMessage.objects.filter(message=OuterRef("pk")).exclude(action__installment=item)
    messages = Message.objects.filter(pk__in=begun.values("message"), state__in=WAITING).annotate(has_others=Exists(elsewhere))
    waiting = list(messages.order_by("planned_on", "pk"))
    tasks = Task.objects.filter(state=TaskState.OPEN, actions__installment=item, actions__state=ActionState.PLANNED)
    return Stopping(
        alone=[message for message in waiting if not message.has_others],
        others=[message for message in waiting if message.has_others],
        tasks=list(tasks.distinct().order_by("due_on", "pk")),
        next=with_steps([item], today=today)[0],
        announced=list(Commitment.objects.filter(installment=item, state=CommitmentState.OPEN).order_by("due_on", "pk")),
    )
