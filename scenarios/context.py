"""From rows to facts: what the daily run, the gate and the screens hand to the planner, read in bulk and without ORM instances.

Items come in batches of whole paying groups (a payer with the customers it pays for), in the order of the payer's id, so that a message
may join them. Ids are text, days ordinals and money integer cents as PostgreSQL sends them: nothing is converted in the loop.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from operator import itemgetter
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from dunning.core import bank
from dunning.core.calendars import Calendar
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.prepared import ask
from dunning.core.selectors import get_calendar, get_profile
from dunning.core.tenancy import current_scope
from invoices.selectors import unmatched_reach
from scenarios.context_sql import BESIDE_SETTINGS, GROUPS, ITEMS, LOCK_GROUPS, OPEN_CUSTOMERS, RECENT_MESSAGES
from scenarios.facts import QUIET, CustomerFacts, Habit, HistoryEntry, Item, ItemSituation, Policy, Steps
from scenarios.histories import Histories, Past
from scenarios.models import PlanVersion
from scenarios.plans import Assignments, CurrentPlan, CurrentPlans, current_plans, load_assignments
from scenarios.standing import balances_of, customer_facts, fetch, item_situation, rare_facts

BATCH_CUSTOMERS: Final = 1000
STILL_OURS: Final = frozenset({"draft", "awaiting_approval", "held", "queued", "retry"})
"""States of a message that waits to leave."""

PLAIN_SITUATIONS: Final[dict[tuple[bool, bool], ItemSituation]] = {
    (False, False): QUIET,
    (True, False): ItemSituation(answered=True),
    (False, True): ItemSituation(delivery_proof=True),
    (True, True): ItemSituation(answered=True, delivery_proof=True),
}
_AGE: Final = itemgetter(4, 0)
"""Due date and id of a row of `ITEMS`."""


class ScheduleRow(NamedTuple):
    """What `Schedule` says about an item, comparable with what a decision would write."""

    version: str | None
    last_step_key: str | None
    last_done_on: int | None
    next_step_key: str | None
    next_on: int | None
    reason: str | None
    until: int | None
    chased_cents: int | None


class RecentMessage(NamedTuple):
    """A written message that counts for spacing and one-a-day (rules 5 and 6), or still waits to leave."""

    customer_id: str
    message_id: str
    on: int  # the day it left, or was planned for while it waits
    phase: int
    channel: str
    state: str
    group_key: str
    held_for: str  # why it is held, empty unless it is


@dataclass(slots=True)
class Case:
    """One open item with its plan, its past and its present schedule row."""

    item: Item
    steps: Steps | None
    schedule: tuple[Any, ...]
    past: Past

    @property
    def history(self) -> Sequence[HistoryEntry]:
        return self.past.entries


@dataclass(slots=True)
class Batch:
    """Whole paying groups: their cases in order of payer, customer and due date, what they were sent lately, and their open calls by id."""

    customers: dict[str, CustomerFacts]
    cases: list[Case]
    recent: list[RecentMessage] = field(default_factory=list)
    calls: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """What stays the same for one organization and one day."""

    organization: Organization
    profile: OrganizationProfile
    calendar: Calendar
    policy: Policy
    plans: CurrentPlans
    assignments: Assignments
    today: date
    unmatched: dict[str, int]  # customers an unmatched receipt may belong to, and since when (rule 8)
    bank_changed_on: date | None = None  # within the last thirty days
    histories: Histories = field(default_factory=Histories, init=False)

    @cached_property
    def followed(self) -> Sequence[PlanVersion]:
        """Versions of the plans that anybody or anything follows: the others decide nothing."""
        return [version for plan_id, version in self.plans.versions.items() if plan_id in self.assignments.plans]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.organization.timezone)


def open_organization() -> Organization:
    """The open organization, read once for all that leaves in a transaction."""
    scope = current_scope()
    found: Organization | None = scope.cache.get("organization")
    if found is None:
        found = scope.cache["organization"] = Organization.objects.get(pk=scope.organization_id)
    return found


def load_frame(organization: Organization, today: date) -> Frame:
    """The open organization's settings, plans and assignments for one local day."""
    profile = get_profile()
    with connection.cursor() as cursor:
        ask(cursor, BESIDE_SETTINGS)
        coverage, unmatched, bank_changed_at = cursor.fetchone()
    return Frame(
        organization=organization,
        profile=profile,
        calendar=get_calendar(profile),
        policy=_policy(organization, profile, coverage, today),
        plans=current_plans(),
        assignments=load_assignments(),
        today=today,
        unmatched={str(customer): since.toordinal() for customer, since in unmatched_reach().items()} if unmatched else {},
        bank_changed_on=bank.day_shown(bank_changed_at, today=today, zone=ZoneInfo(organization.timezone)),
    )


def _policy(organization: Organization, profile: OrganizationProfile, coverage: date | None, today: date) -> Policy:
    """The organization's figures of the rules, and how far its ledger is known to be complete."""
    return Policy(
        spacing=profile.spacing_days,
        coverage_gate=profile.ledger_gate,
        coverage_through=coverage.toordinal() if coverage else None,
        residue_cents=round(profile.residue_amount * 100),
        residue_percent=round(profile.residue_percent),
        promise_share_percent=profile.promise_share_percent,
        promise_tolerance=profile.promise_tolerance_days,
        question_threshold_cents=round(profile.acceptance_threshold * 100),
        suspended=organization.suspended_at is not None,
        held=False,  # rule 15: the run goes on deciding, the gate keeps everything in
        supervised=profile.supervised_until is not None and today <= profile.supervised_until,
    )


def open_customers() -> list[tuple[str, str]]:
    """Ids of the customers that have open items, or a credit that counts for their payer, each with the id of who pays for it (itself,
    mostly), paying group by paying group.
    """
    with connection.cursor() as cursor:
        ask(cursor, OPEN_CUSTOMERS)
        return list(cursor.fetchall())


def batches(customers: Iterable[tuple[str, str]], *, size: int = BATCH_CUSTOMERS) -> Iterator[list[str]]:
    """Ids of these `open_customers` and of who pays for them, whole paying groups together, about `size` a batch."""
    batch: list[str] = []
    last_root = None
    for customer_id, root in customers:
        if root != last_root:
            if len(batch) >= size:
                yield batch
                batch = []
            batch.append(root)  # who pays is written to, whether anything of its own is open or not
            last_root = root
        if customer_id != root:
            batch.append(customer_id)
    if batch:
        yield batch


def lock_customers(customer_ids: Sequence[str]) -> None:
    """Take the row locks of the customers' whole paying groups, in the one order everybody uses; held to the end of the transaction."""
    with connection.cursor() as cursor:
        ask(cursor, LOCK_GROUPS, [list(customer_ids)])


def load_batch(frame: Frame, customer_ids: Sequence[str]) -> Batch:
    """Every open item of these customers, with all the planner reads about it."""
    ids, today = list(customer_ids), frame.today.toordinal()
    with connection.cursor() as cursor:
        rows = fetch(cursor, ITEMS, ids)
        if not frame.histories.learn(cursor, {row[15]: row[0] for row in rows}):
            return load_batch(frame, customer_ids)  # whoever holds no lock may be overtaken between the two questions
        rare = rare_facts(cursor, ids)
        balances = balances_of(rows, rare, calendar=frame.calendar, promise_tolerance=frame.policy.promise_tolerance, today=today)
        customers, groups = customer_facts(cursor, ids, rare, balances=balances, unmatched=frame.unmatched)
        rows = _in_order(rows, customers)
        recent = _recent(cursor, ids, frame)
    find, plans, by_invoice, past = frame.assignments.find, frame.plans, frame.assignments.invoices, frame.histories.past
    good_payers = rare.habits if frame.profile.follows_habits else {}
    habits: Mapping[str, Habit] | None = None
    cases: list[Case] = []
    last_id, since = "", 0
    usual: tuple[str, int] | None = None
    steps: Steps | None = None
    entered_on: int
    for row in rows:
        (
            item_id, invoice_id, customer_id, issue_on, due_on, amount, outstanding, currency, iban, entered_on, supplied_on,
            answered, proven, unusual, source, digest,
        ) = row[:16]  # fmt: skip
        if customer_id != last_id:  # rows come customer by customer
            last_id = customer_id
            usual = find(invoice="", customer=customer_id, group=groups[customer_id])
            steps, since = steps_of(usual, plans)
            habits = good_payers.get(customer_id)
        if by_invoice:
            steps, since = steps_of(by_invoice.get(invoice_id, usual), plans)
        situation = PLAIN_SITUATIONS[answered, proven]
        if unusual is not None or item_id in rare.items:
            situation = item_situation(item_id, situation, unusual, rare)
        item = Item(
            item_id, invoice_id, customers[customer_id], issue_on, due_on, amount, outstanding, currency, iban,
            since if since > entered_on else entered_on, supplied_on, situation, source, habits.get(currency) if habits else None,
        )  # fmt: skip
        cases.append(Case(item, steps, row[16:], past(digest, steps, today)))
    return Batch(customers=customers, cases=cases, recent=recent, calls=rare.calls)


def _in_order(rows: Iterable[tuple[Any, ...]], customers: Mapping[str, CustomerFacts]) -> list[tuple[Any, ...]]:
    """The rows of `ITEMS` by payer, customer, due date and id: so few at a time are sorted sooner here than by PostgreSQL."""
    by_customer: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_customer.setdefault(row[2], []).append(row)
    ordered: list[tuple[Any, ...]] = []
    for customer_id in sorted(by_customer, key=lambda pk: (customers[pk].payer_id or pk, pk)):
        ordered += sorted(by_customer[customer_id], key=_AGE)
    return ordered


def load_case(frame: Frame, customer_id: str, installment_id: str) -> tuple[Batch, Case | None]:
    """One item with its customer's whole paying group: what screens and the gate ask about. None when it is settled."""
    batch = load_groups(frame, [customer_id])
    return batch, next((case for case in batch.cases if case.item.id == installment_id), None)


def load_groups(frame: Frame, customer_ids: Sequence[str]) -> Batch:
    """Every open item of these customers and of their whole paying groups."""
    with connection.cursor() as cursor:
        ask(cursor, GROUPS, [list(customer_ids)])
        ids = [row[0] for row in cursor.fetchall()]
    return load_batch(frame, ids)


def steps_of(found: tuple[str, int] | None, plans: Mapping[str, CurrentPlan]) -> tuple[Steps | None, int]:
    """The steps of an assignment, and since when it applies."""
    if found is None or found[0] not in plans:
        return None, 0
    return plans[found[0]].steps, found[1]


def _recent(cursor: Any, ids: list[str], frame: Frame) -> list[RecentMessage]:
    spacings = [version.spacing_days or 0 for version in frame.followed]
    since = frame.calendar.add_bd_ordinal(frame.today.toordinal(), -max([frame.policy.spacing, 1, *spacings]) - 1)
    first = date.fromordinal(since)
    ask(cursor, RECENT_MESSAGES, [frame.organization.timezone, ids, first, first])
    return [RecentMessage(*row) for row in cursor.fetchall()]


def local_date(organization: Organization, now: datetime) -> date:
    """The organization's own date at that instant."""
    return now.astimezone(ZoneInfo(organization.timezone)).date()
