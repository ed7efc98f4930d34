"""What a change of plan would change, before it is made: it is made, looked at, and taken back within one transaction.

So the next steps are those the screens would show, and a message that waits and would be withdrawn is one that is. What would leave on the
coming day is foreseen as the daily run lives it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from customers.selectors import paying_groups
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.enums import InvoiceState
from invoices.models import Installment
from notifications.enums import WAITING
from notifications.models import Message
from scenarios.context import Case, load_batch, load_frame
from scenarios.enums import Channel
from scenarios.foresight import Subject, foresee
from scenarios.models import DailyRun
from scenarios.scheduler import correspondence
from scenarios.selectors.items import ItemRow, with_steps

FORESEEN: Final = 200
"""Customers whose change is looked at before it is made; more would take longer than a page may."""
_BY_PEOPLE: Final = (Channel.CALL, Channel.TASK)


@dataclass(frozen=True, slots=True)
class Line:
    """An open item with its next step as it is, and as it would be."""

    now: ItemRow
    then: ItemRow

    @property
    def is_moved(self) -> bool:
        return _step(self.now) != _step(self.then)


@dataclass(frozen=True)
class Change:
    """`leaving`: messages of `on`, the next day of the run, that would not leave otherwise; `staying`: those that would, and will not.
    `calls` and `calls_less` likewise; `withdrawn`: messages waiting now that would be taken out. `lines`: the items that move first.
    """

    on: date
    lines: Sequence[Line]
    leaving: int
    staying: int
    calls: int
    calls_less: int
    withdrawn: int

    @property
    def moved(self) -> int:
        return sum(line.is_moved for line in self.lines)


class _TakenBack(Exception):
    """Ends the trial: all it wrote goes with it."""


def foresee_change(*, customer_ids: Collection[UUID], organization: Organization, today: date, change: Callable[[], object]) -> Change:
    """What `change`, which gives these customers other plans, would change for their open items. Writes nothing.

    Raises what `change` raises.
    """
    family = sorted(paying_groups(customer_ids))
    items = Installment.objects.select_related("invoice", "customer").filter(customer__in=list(customer_ids), outstanding__gt=0)
    rows = list(items.filter(invoice__state=InvoiceState.ISSUED).order_by("customer__sort_name", "due_on", "pk"))
    found: list[tuple[list[ItemRow], Counter[tuple[str, str, bool]], set[UUID]]] = []

    def look() -> None:
        frame = load_frame(organization, today)
        ran = DailyRun.objects.filter(local_date=today, finished_at__isnull=False).exists()
        on.append(frame.calendar.roll(today + timedelta(days=1) if ran else today))
        waiting = Message.objects.filter(customer__in=family, state__in=WAITING).values_list("pk", flat=True)
        found.append((with_steps(rows, today=today), _coming(organization, today, family, on[0]), set(waiting)))

    on: list[date] = []
    look()
    try:
        with tenant(organization):
            change()
            look()
            raise _TakenBack
    except _TakenBack:
        pass
    (before, coming, waiting), (after, then, left) = found
    lines = [Line(now, later) for now, later in zip(before, after, strict=True)]
    more, less = then - coming, coming - then
    return Change(
        on=on[0],
        lines=sorted(lines, key=lambda line: not line.is_moved),
        leaving=_count(more, by_people=False),
        staying=_count(less, by_people=False),
        calls=_count(more, by_people=True),
        calls_less=_count(less, by_people=True),
        withdrawn=len(waiting - left),
    )


def _coming(organization: Organization, today: date, family: Sequence[UUID], on: date) -> Counter[tuple[str, str, bool]]:
    """What comes on that day: (customer, text or step, whether a person does it), each with how many."""
    frame = load_frame(organization, today)
    batch = load_batch(frame, [str(pk) for pk in family])
    written = correspondence(batch)
    groups: dict[str, list[Case]] = {}
    for case in batch.cases:
        groups.setdefault(case.item.customer.payer_id or case.item.customer.id, []).append(case)
    found: Counter[tuple[str, str, bool]] = Counter()
    for cases in groups.values():
        recipients = {pk for case in cases for pk in (case.item.customer.id, case.item.customer.payer_id)}
        seen = foresee(
            [Subject(case.item, case.steps, case.history) for case in cases],
            correspondence={pk: written[pk] for pk in recipients if pk in written},
            calendar=frame.calendar,
            policy=frame.policy,
            today=today.toordinal(),
            first=on.toordinal(),
            last=on.toordinal(),
        )
        for coming in seen.coming:
            by_people = coming.channel in _BY_PEOPLE
            found[(coming.customer_id, "" if by_people else f"{coming.channel} {coming.template}", by_people)] += 1
    return found


def _count(found: Counter[tuple[str, str, bool]], *, by_people: bool) -> int:
    return sum(n for (_customer, _what, is_task), n in found.items() if is_task == by_people)


def _step(row: ItemRow) -> tuple[str, str, date | None, str]:
    return row.next_step, row.channel, row.next_on, row.reason
