"""Today's run without writing anything: what would leave, what is held, and why. What a new organization looks at before its first run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from dunning.core.models import Organization
from scenarios import scheduler
from scenarios.context import batches, load_batch, load_frame, open_customers
from scenarios.enums import Channel, DecisionKind, Reason
from scenarios.selectors.why import REMEDIES


@dataclass(slots=True)
class Held:
    """Items that would not leave for one reason; amounts by currency."""

    reason: str
    items: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return str(Reason(self.reason).label)

    @property
    def remedy(self) -> str:
        return str(REMEDIES.get(Reason(self.reason), ""))


@dataclass(slots=True)
class Rehearsal:
    """What today's run would do. `amounts` is what its messages would ask for, by currency; `tasks` what people would have to do."""

    messages: int = 0
    customers: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    channels: Counter[str] = field(default_factory=Counter)
    tasks: int = 0
    items: int = 0
    held_items: int = 0
    held: Sequence[Held] = ()
    supervised: bool = False  # all of it would wait for a person's approval (rule 15)

    @property
    def by_channel(self) -> list[tuple[str, str, int]]:
        """(channel, its name, how many)."""
        return [(channel, str(Channel(channel).label), count) for channel, count in self.channels.most_common()]


def rehearse(*, organization: Organization, today: date) -> Rehearsal:
    """Decide every open item of the open organization as today's run would, and write nothing."""
    frame = load_frame(organization, today)
    found = Rehearsal(supervised=frame.policy.supervised)
    written_to: set[str] = set()
    held: dict[str, Held] = {}
    for customer_ids in batches(open_customers()):
        batch = load_batch(frame, customer_ids)
        decisions = scheduler.decide_all(frame, batch)
        composition = scheduler.compose_all(frame, batch, decisions)
        for message in composition.messages:
            found.messages += 1
            found.channels[message.channel.value] += 1
            written_to.add(message.customer_id)
            _add(found.amounts, message.currency, message.due_cents)
        found.tasks += len(composition.tasks)
        for case, decision in zip(batch.cases, decisions, strict=True):
            found.items += 1
            reason = Reason.NO_PLAN if decision is None else decision.reason
            deferral = composition.deferrals.get(case.item.id)
            if deferral is not None:
                reason = deferral.reason
            elif decision is not None and decision.kind is DecisionKind.TAKE:
                continue
            entry = held.setdefault(reason.value, Held(reason.value))
            entry.items += 1
            _add(entry.amounts, case.item.currency, case.item.outstanding_cents)
    found.customers = len(written_to)
    found.held = sorted(held.values(), key=lambda entry: (-entry.items, entry.reason))
    found.held_items = sum(entry.items for entry in held.values())
    return found


def _add(amounts: dict[str, Decimal], currency: str, cents: int) -> None:
    amounts[currency] = amounts.get(currency, Decimal(0)) + Decimal(cents) / 100
