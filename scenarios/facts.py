"""What the planner decides from: facts, as frozen values. Ids are text, days are ordinals (`date.toordinal()`), money is integer cents.

Rare facts sit in `ItemSituation` and `CustomerSituation`, whose shared empty values `QUIET` and `QUIET_CUSTOMER` serve nearly every item:
the daily run builds 100,000 of these and reads them in microseconds. Everything a rule needs and only the database knows is a field here;
everything a rule can work out is worked out by the planner.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, TypeVar, dataclass_transform

from invoices.enums import DisputeState, HoldKind, HoldSide, InstallmentKind
from scenarios.enums import (
    ActionState,
    Anchor,
    Channel,
    Condition,
    Consequence,
    DecisionKind,
    Grouping,
    OffsetUnit,
    Phase,
    Reason,
    TaskKind,
    Variant,
)

if TYPE_CHECKING:
    from scenarios.timing import NominalDates

T = TypeVar("T")


@dataclass_transform(field_specifiers=(field,))
def fact(**_checked: bool) -> Callable[[type[T]], type[T]]:
    """`dataclass(frozen=True, slots=True)` whose freeze the type checker alone enforces: enforced at run time, it costs five times the
    construction, and a run makes several per item.
    """
    return dataclass(slots=True, unsafe_hash=True)


WRITTEN: Final = frozenset({"email", "sms", "letter", "registered"})
HUMAN: Final = frozenset({"call", "task"})


# --- the plan ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan version. `offset` counts from `anchor` in `unit`; `requires` names the steps its text cites (rule 4)."""

    key: str
    position: int
    phase: Phase
    channel: Channel
    anchor: Anchor = Anchor.DUE
    offset: int = 0
    unit: OffsetUnit = OffsetUnit.DAYS
    conditions: tuple[Condition, ...] = ()
    at_least_cents: int = 0  # the threshold of Condition.AT_LEAST
    index_below: int = 0  # the threshold of Condition.INDEX_BELOW, 1 to 100
    index_at_least: int = 0  # the threshold of Condition.INDEX_AT_LEAST
    requires: tuple[str, ...] = ()
    term_days: int | None = None  # the term its text gives, in calendar days
    announces: Consequence | None = None
    executes: Consequence | None = None
    template: str = ""
    needs_approval: bool = False
    task_kind: TaskKind = TaskKind.OTHER


@dataclass(frozen=True)
class Steps:
    """The steps of one plan version in order, with what the planner works out once per plan. Build it with `compile_steps`."""

    plan: str
    version: str
    steps: tuple[Step, ...]  # in order; steps anchored on PROMISE stand outside
    outside: tuple[Step, ...] = ()
    grouping: Grouping = Grouping.ACCOUNT
    minimum_cents: int = 0  # rule 1: a net at or below it is not chased
    spacing: int | None = None  # rule 6, when the plan has a figure of its own

    @cached_property
    def dates(self) -> "dict[tuple[int, int, int, int, int | None], NominalDates]":
        """What `timing` works out of the steps' days, in one memory for all plans whose days are the same: most organizations follow the
        plans as they came.
        """
        return _dates_of(tuple((step.phase, step.channel, step.anchor, step.offset, step.unit) for step in self.steps))

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each step of the order, by key."""
        return {step.key: number for number, step in enumerate(self.steps)}

    @cached_property
    def outside_keys(self) -> frozenset[str]:
        return frozenset(step.key for step in self.outside)

    @cached_property
    def size(self) -> int:
        return len(self.steps)

    @cached_property
    def first_reminder(self) -> int:
        """Index of the first written overdue step, where a late item enters (rule 3); `size` when the plan has none."""
        return next((n for n, s in enumerate(self.steps) if s.phase > Phase.SERVICE and s.channel in WRITTEN), self.size)

    @cached_property
    def first_friendly(self) -> int:
        """Index of the first written friendly step, where a rejected dispute resumes (rule 7); `size` when the plan has none."""
        return next((n for n, s in enumerate(self.steps) if s.phase == Phase.FRIENDLY and s.channel in WRITTEN), self.size)

    @cached_property
    def first_call(self) -> int:
        """Index of the first call after the due date, which waits for a good payer's habit (rule 13); `size` when the plan has none."""
        return next((n for n, s in enumerate(self.steps) if Phase.SERVICE < s.phase < Phase.LEGAL and s.channel == Channel.CALL), self.size)

    def __hash__(self) -> int:
        return hash((self.plan, self.version))


@lru_cache(maxsize=200)
def _dates_of(
    _days: tuple[tuple[Phase, Channel, Anchor, int, OffsetUnit], ...],
) -> "dict[tuple[int, int, int, int, int | None], NominalDates]":
    return {}


def compile_steps(
    steps: Sequence[Step],
    *,
    plan: str = "",
    version: str = "",
    grouping: Grouping = Grouping.ACCOUNT,
    minimum_cents: int = 0,
    spacing: int | None = None,
) -> Steps:
    """The plan as the planner reads it. Raises ValueError for two steps of the same key."""
    ordered = sorted(steps, key=lambda step: step.position)
    if len({step.key for step in ordered}) != len(ordered):
        raise ValueError("Two steps of a plan have the same key.")
    outside = tuple(step for step in ordered if step.anchor == Anchor.PROMISE)
    inside = tuple(step for step in ordered if step not in outside)
    return Steps(plan=plan, version=version, steps=inside, outside=outside, grouping=grouping, minimum_cents=minimum_cents, spacing=spacing)


# --- the item and its customer ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Habit:
    """A good payer's habit (rule 13): pays `days` days after the due date, invoices of mostly `usual_cents`. Not passed once set aside."""

    days: int
    usual_cents: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """Contests the whole item (`amount_cents` None) or a part of it."""

    amount_cents: int | None
    opened_on: int
    state: DisputeState = DisputeState.OPEN
    closed_on: int | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """`paid_cents` is what was paid on the item since the promise was made, credit notes apart. Withdrawn promises are not passed."""

    amount_cents: int
    made_on: int
    for_on: int
    paid_cents: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """A dated pause; `ends_on` is its last day. Released holds are not passed; ended ones are (OURS stays, THEIRS chooses the text)."""

    side: HoldSide
    kind: HoldKind
    starts_on: int
    ends_on: int
    amount_cents: int | None = None


@dataclass(frozen=True, slots=True)
class ItemSituation:
    """What is out of the ordinary about an item."""

    kind: InstallmentKind = InstallmentKind.NORMAL
    matures_on: int | None = None  # release of a RETENTION, maturity of a BILL
    collection_on: int | None = None  # settlement date of the direct debit or bill it was put into
    cancelled: bool = False
    factored: bool = False  # assigned to a factor who gave no mandate to remind
    e_invoice_refused: bool = False
    triage: bool = False  # rule 3: a person has not chosen yet, or chose not to chase
    answered: bool = False  # receipt or acceptance known: from the debtor, or by an e-invoicing status
    not_received: bool = False  # the customer says so, and it was not sent again yet
    restart_on: int | None = None  # rule 7: overdue steps count from here instead of the due date, once the invoice was sent again
    disputes: tuple[Dispute, ...] = ()
    promises: tuple[Promise, ...] = ()
    holds: tuple[Hold, ...] = ()
    delivery_proof: bool = False  # on file (rule 11)


QUIET: Final = ItemSituation()


@dataclass(frozen=True, slots=True)
class Credit:
    """Money of the customer that is set against nothing yet: an unallocated receipt, or a credit note. Positive cents.

    `customer_id` is whose account it stands on, "" for the customer's whose balance holds it.
    """

    id: str
    label: str
    cents: int
    on: int
    credit_note: bool = False
    customer_id: str = ""


@fact(frozen=True, slots=True)
class Balance:
    """One customer's account in one currency. `net_cents` is the statement: everything open, less the credits."""

    net_cents: int
    overdue_cents: int = 0
    promised_cents: int = 0  # open promises on overdue items
    promised_until: int | None = None  # the last promised day
    credits: tuple[Credit, ...] = ()
    credit_cents: int = 0  # the sum of `credits`


@dataclass(frozen=True, slots=True)
class OpenCommitment:
    """A consequence announced to the customer and neither executed nor withdrawn (rule 11). `executed_by` is a step's key, or ""."""

    consequence: Consequence
    due_on: int
    executed_by: str = ""
    item_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CustomerSituation:
    """What is out of the ordinary about a customer."""

    holds: tuple[Hold, ...] = ()
    reply_pending: bool = False
    absent_until: int | None = None
    absence_noted_on: int | None = None
    substitute_known: bool = False
    commitments: tuple[OpenCommitment, ...] = ()
    unmatched_since: int | None = None  # day of an unmatched receipt that may be theirs (rule 8)
    insolvent_on: int | None = None  # opening judgment
    not_received_before: bool = False  # one of their earlier invoices had not arrived


QUIET_CUSTOMER: Final = CustomerSituation()


@fact(frozen=True, slots=True)
class CustomerFacts:
    """A debtor. `regime` is the legal regime a message obeys ("business:FR"), "" when unknown (rule 11).

    `reachable` holds the channels over which somebody can be reached now; `payer_id` is another customer who pays for them.
    `index_tenths` is their payer index times ten, None while too little is known. Where one pays for several, `shared` is their account
    together, the payer's own included: what is chased is what the paying group owes.
    """

    id: str
    balances: Mapping[str, Balance]
    payer_id: str = ""
    regime: str = "business:FR"
    language: str = "fr"
    reachable: frozenset[str] = WRITTEN
    pays_by_cheque: bool = False
    first_invoices: tuple[str, ...] = ()  # ids of the first three issued to them (rule 5)
    registered_office_known: bool = True
    representative_known: bool = True
    owner_warned_on: int | None = None
    situation: CustomerSituation = QUIET_CUSTOMER
    shared: Mapping[str, Balance] | None = None
    index_tenths: int | None = None

    def account(self, currency: str) -> Balance | None:
        """The account a message about this customer's items is net of: the paying group's, or its own when it pays alone."""
        return (self.balances if self.shared is None else self.shared).get(currency)


@fact(frozen=True, slots=True)
class Item:
    """An instalment of an invoice, open or not. `entered_on` is the day it became ours to chase: import, assignment, change of plan."""

    id: str
    invoice_id: str
    customer: CustomerFacts
    issue_on: int
    due_on: int
    amount_cents: int
    outstanding_cents: int
    currency: str = "EUR"
    iban: str = ""
    entered_on: int = 0
    supplied_on: int | None = None  # delivery or service (rule 12)
    situation: ItemSituation = QUIET
    source: str = ""  # the import that brought it (rule 15)
    habit: Habit | None = None  # of its customer, in its currency


@fact(frozen=True, slots=True)
class HistoryEntry:
    """One action of the item, the last of its step and occurrence first or last: the planner sorts by day.

    `on` is the day it was done (or skipped, cancelled, taken back), `taken_on` the day it was begun. An imported reminder has no key and,
    when its phase is not known, phase None (rule 3). `deadline_on` is the term its message printed.
    """

    key: str
    state: ActionState
    on: int
    phase: Phase | None
    channel: Channel
    taken_on: int | None = None
    occurrence: int = 1
    deadline_on: int | None = None


# --- the tenant's settings --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """One tenant's figures. Days are business days unless said; money is cents of the item's currency."""

    spacing: int = 3  # rule 6
    coverage_gate: bool = True  # rule 8
    coverage_through: int | None = None
    coverage_margin: int = 1
    coverage_margin_cheque: int = 4
    residue_cents: int = 1500  # rule 1
    residue_percent: int = 1
    collection_margin: int = 2
    promise_share_percent: int = 80  # rule 7
    promise_tolerance: int = 2
    undisputed_wait: int = 5
    unmatched_wait: int = 3  # rule 8
    absence_cap: int = 10  # rule 9
    legal_reminders: int = 2  # rule 4
    legal_rest_days: int = 8  # calendar days since the last of them
    owner_warning: int = 2  # rule 11
    question_threshold_cents: int = 300_000  # rule 5
    suspended: bool = False
    held: bool = False  # the tenant holds everything (rule 15)
    supervised: bool = False


# --- the answer -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Skip:
    """A step that will not happen, with its reason; `was_taken` when an action of it waits unsent and is to be closed."""

    step: Step
    reason: Reason
    occurrence: int = 1
    was_taken: bool = False


@fact(frozen=True, slots=True)
class Decision:
    """What becomes of one item today.

    TAKE: `step` happens today, in `occurrence`, with the text `variant`, claiming `chased_cents`. WAIT: `step` comes on `on` (None when
    the day is not known) because of `reason`. BLOCKED: somebody must act first; `escalate` when they are late. FINISHED: nothing follows.
    `skips` are steps that drop out today, whatever the kind.
    """

    kind: DecisionKind
    item: Item
    step: Step | None
    on: int | None
    reason: Reason
    steps: Steps | None = None
    variant: Variant = Variant.NONE
    occurrence: int = 1
    chased_cents: int = 0
    escalate: bool = False
    skips: tuple[Skip, ...] = ()
