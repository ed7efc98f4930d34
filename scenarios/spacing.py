"""How close two written messages may come (rules 5 and 6). Invariants count per group: an account, one of its steps, or one item."""

from collections.abc import Iterable
from dataclasses import dataclass

from dunning.core.calendars import Calendar
from scenarios.enums import Grouping, Phase
from scenarios.facts import Decision, Item


@dataclass(frozen=True, slots=True)
class Written:
    """A written message that left on `on`, `uncertain` ones included. Acknowledgements, answers, thanks, text messages are not passed."""

    on: int
    phase: Phase
    group: str


@dataclass(frozen=True, slots=True)
class Cargo:
    """One item's own step, carried by a message or a task."""

    item_id: str
    step_key: str
    occurrence: int = 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that was written and has not left: awaiting approval, held, or queued and still ours to withdraw.

    `kept_back` says why it stays until a person lets it go, empty when it may be asked again without one.
    """

    message_id: str
    group: str
    phase: Phase
    cargo: tuple[Cargo, ...] = ()
    kept_back: str = ""


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What was written to one recipient lately (thirty days are enough), what waits, and the open call task, if any."""

    written: tuple[Written, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    open_call: str = ""


NO_CORRESPONDENCE = Correspondence()


def recipient_of(item: Item, phase: Phase) -> str:
    """Id of the customer written to: who pays, but the legal debtor alone for a formal notice (rule 5)."""
    return item.customer.id if phase == Phase.LEGAL else item.customer.payer_id or item.customer.id


def group_of(decision: Decision) -> str:
    """The group a written decision belongs to: never across currencies, languages, IBANs or legal regimes (rule 5).

    Stable text, kept on the message: spacing and one-a-day are counted by it.
    """
    step, item = decision.step, decision.item
    if step is None or decision.steps is None:
        raise ValueError("Only a decision with a step belongs to a group.")
    kind = "legal" if step.phase == Phase.LEGAL else "sms" if step.channel == "sms" else "account"
    axes = f"{kind}:{recipient_of(item, step.phase)}:{item.currency}:{item.customer.language}:{item.iban}:{item.customer.regime}"
    if decision.steps.grouping == Grouping.STEP:
        return f"{axes}:step:{step.key}"
    if decision.steps.grouping == Grouping.ITEM:
        return f"{axes}:item:{item.id}"
    return axes


def spaced_until(written: Iterable[Written], group: str, phase: Phase, calendar: Calendar, spacing: int, today: int) -> int | None:
    """First day on which a message of this phase may leave, None for today: only an earlier one of the same or a higher phase delays it.

    `spacing` is in business days.
    """
    ahead = _ahead_of(group)
    latest = max((message.on for message in written if message.group in ahead and message.phase >= phase), default=None)
    if latest is None:
        return None
    free = calendar.add_bd_ordinal(latest, spacing)
    return free if today < free else None


def written_today(written: Iterable[Written], group: str, today: int) -> bool:
    """Whether the group already had its one message of the day."""
    ahead = _ahead_of(group)
    return any(message.on == today and message.group in ahead for message in written)


def _ahead_of(group: str) -> tuple[str, str]:
    """Whose messages stand in the way of the group's next one: its own, and the formal notice on the same account.

    The notice is a letter of its own and waits for nothing that is less than it.
    """
    return group, f"legal:{group.removeprefix('account:')}"
