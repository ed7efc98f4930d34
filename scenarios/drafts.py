"""What `compose` hands to the scheduler: messages to write, tasks to open, and what did not go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scenarios.enums import Channel, Consequence, Phase, Reason, Section, TaskKind
from scenarios.facts import Decision, Skip, Step
from scenarios.spacing import Cargo
from scenarios.statement import Line


@dataclass(frozen=True, slots=True)
class CommitmentDraft:
    """A consequence the message announces for some of its items, and the step that will execute it (rule 11)."""

    consequence: Consequence
    due_on: int
    executed_by: str
    item_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """One message to write. `group` is its key for one-a-day and spacing; `customer_id` whom it is written to.

    `due_cents` is what it asks for: its overdue lines less its credits. `statement_cents` is the sum of all its lines and equals the
    recipient's statement. `approval` says why a person releases it, None when nobody has to. `supersedes` are messages it replaces:
    what they carried and `cargo` does not is taken back, for its step has not happened. `held_like` is the one of them that a person or
    the brake keeps back, empty when none is: it takes that hold over.
    """

    group: str
    customer_id: str
    channel: Channel
    phase: Phase
    step: Step
    lead: Decision
    currency: str
    language: str
    iban: str
    regime: str
    lines: tuple[Line, ...]
    cargo: tuple[Cargo, ...]
    due_cents: int
    statement_cents: int
    approval: Reason | None = None
    supersedes: tuple[str, ...] = ()
    held_like: str = ""
    commitments: tuple[CommitmentDraft, ...] = ()
    deadline_on: int | None = None

    def section(self, section: Section) -> tuple[Line, ...]:
        """The lines of one section, in order."""
        return tuple(line for line in self.lines if line.section == section)

    @property
    def entities(self) -> tuple[str, ...]:
        """Ids of the legal entities it is about, in order: one section each when a payer pays for several (rule 5)."""
        return tuple(dict.fromkeys(line.customer_id for line in self.lines if line.customer_id))


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """Something a person must do. `joins`: the open call task the items are added to; `also`: other overdue items, ticked by default."""

    kind: TaskKind
    customer_id: str
    step_key: str = ""
    phase: Phase = Phase.SERVICE
    cargo: tuple[Cargo, ...] = ()
    also: tuple[str, ...] = ()
    joins: str = ""
    escalate: bool = False
    amounts: Mapping[str, int] = field(default_factory=dict)  # cents by currency


@dataclass(frozen=True, slots=True)
class Deferral:
    """A step that was due and did not go today; it is due again tomorrow."""

    reason: Reason
    until: int | None


@dataclass(frozen=True, slots=True)
class Composition:
    """What a run writes for a batch of customers. `deferrals` override, by item, what `decide` said of a step that was due."""

    messages: tuple[MessageDraft, ...]
    tasks: tuple[TaskDraft, ...]
    deferrals: Mapping[str, Deferral]
    skips: tuple[tuple[str, Skip], ...]  # item id and what drops out
