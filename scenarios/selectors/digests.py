"""The day of one person as their digest tells it: what is overdue, what waits, what left since the working day before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from django.db.models import Count, Sum

from dunning.core.enums import Channel
from dunning.core.hours import at_wall
from dunning.core.models import Membership
from invoices.selectors import figures
from notifications.enums import LEFT, MessageKind, MessageState
from notifications.models import Message
from scenarios.selectors.tasks import work_queue

Amounts = Mapping[str, Decimal]
_NOT_TOLD = (MessageKind.TEST, MessageKind.INTERNAL)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A group of the queue, in its order; amounts by currency."""

    title: str
    count: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Day:
    """What a person's digest says. `since` is the first local day of what left, `left` counts messages by channel."""

    on: date
    overdue: Amounts
    overdue_items: int
    overdue_customers: int
    waiting: Sequence[Waiting]
    since: date
    left: Sequence[tuple[Channel, int]]
    left_amounts: Amounts

    @property
    def tasks(self) -> int:
        return sum(group.count for group in self.waiting)


def day_of(*, member: Membership, today: date, since: date, now: datetime) -> Day:
    """The day in the order of the page “Today”: tasks of the person's desk and of nobody's; what left from `since` to yesterday."""
    known = figures(today=today)
    zone = ZoneInfo(member.organization.timezone)
    first, end = at_wall(since, time.min, zone), at_wall(today, time.min, zone)
    messages = Message.objects.filter(accepted_at__gte=first, accepted_at__lt=end, state__in=[*LEFT, MessageState.BOUNCED])
    sent = messages.exclude(kind__in=_NOT_TOLD).order_by()
    chased = sent.filter(kind=MessageKind.REMINDER, amount__gt=0).values_list("currency").annotate(total=Sum("amount"))
    return Day(
        on=today,
        overdue=known.overdue,
        overdue_items=known.overdue_items,
        overdue_customers=known.overdue_customers,
        waiting=_waiting(member, today, now),
        since=since,
        left=[(Channel(channel), count) for channel, count in sent.values_list("channel").annotate(count=Count("pk")).order_by("-count")],
        left_amounts=dict(chased.order_by("currency")),
    )


def _waiting(member: Membership, today: date, now: datetime) -> list[Waiting]:
    groups = []
    for title, members in groupby(work_queue(today=today, now=now, assignee=member.user), key=lambda entry: entry.group):
        entries = list(members)
        amounts: dict[str, Decimal] = {}
        for entry in entries:
            if entry.amount and entry.currency:
                amounts[entry.currency] = amounts.get(entry.currency, Decimal(0)) + entry.amount
        groups.append(Waiting(title, len(entries), amounts))
    return groups
