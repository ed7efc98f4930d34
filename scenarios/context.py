"""From rows to facts: what the daily run, the gate and the screens hand to the planner, read in bulk and without ORM instances.

Items come in batches of whole paying groups (a payer with the customers it pays for), in the order of the payer's id, so that a message
may join them. Ids are text, days ordinals and money integer cents as PostgreSQL sends them: nothing is converted in the loop.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from dunning.core.calendars import Calendar
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.selectors import get_calendar, get_profile
from dunning.core.tenancy import current_scope
from invoices.enums import DisputeState, HoldKind, HoldSide, InstallmentKind
from invoices.references import credit_label
from invoices.selectors import unmatched_reach
from scenarios.accounts import behind_payer, share_accounts
from scenarios.context_sql import (
    ACTIONS,
    BESIDE_SETTINGS,
    CUSTOMERS,
    ITEMS,
    LOCK_GROUPS,
    OPEN_CUSTOMERS,
    RARE,
    RECENT_MESSAGES,
)
from scenarios.enums import ActionState, Channel, Consequence, Phase
from scenarios.facts import (
    QUIET,
    QUIET_CUSTOMER,
    Balance,
    Credit,
    CustomerFacts,
    CustomerSituation,
    Dispute,
    HistoryEntry,
    Hold,
    Item,
    ItemSituation,
    OpenCommitment,
    Policy,
    Promise,
    Steps,
)
from scenarios.plans import Assignments, CurrentPlan, current_plans, load_assignments
from scenarios.progress import FRESH, Progress, read_history
from scenarios.timing import promise_kept

BATCH_CUSTOMERS: Final = 1000
STILL_OURS: Final = frozenset({"draft", "awaiting_approval", "held", "queued", "retry"})
"""States of a message that waits to leave."""

PLAIN_SITUATIONS: Final[dict[tuple[bool, bool], ItemSituation]] = {
    (False, False): QUIET,
    (True, False): ItemSituation(answered=True),
    (False, True): ItemSituation(delivery_proof=True),
    (True, True): ItemSituation(answered=True, delivery_proof=True),
}
_ACTION_STATES = {state.value: state for state in ActionState}
_CHANNELS = {channel.value: channel for channel in Channel}
_PHASES = {phase.value: phase for phase in Phase}


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


class Past(NamedTuple):
    """What happened to an item under its plan: its actions, the last done step with its day, and how far it has come on `Frame.today`."""

    entries: Sequence[HistoryEntry]
    last: tuple[str, int | None]
    progress: Progress


NO_PAST: Final = Past((), ("", None), FRESH)


@dataclass(slots=True)
class Case:
    """One open item with its plan, its past and its present schedule row."""

    item: Item
    steps: Steps | None
    schedule: tuple[Any, ...]
    past: "Past"

    @property
    def history(self) -> Sequence[HistoryEntry]:
        return self.past.entries


@dataclass(slots=True)
class Batch:
    """Whole paying groups: their cases in order of payer, customer and due date, and what they were sent lately."""

    customers: dict[str, CustomerFacts]
    cases: list[Case]
    recent: list[RecentMessage] = field(default_factory=list)


@dataclass(frozen=True)
class Frame:
    """What stays the same for one organization and one day."""

    organization: Organization
    profile: OrganizationProfile
    calendar: Calendar
    policy: Policy
    plans: dict[str, CurrentPlan]
    assignments: Assignments
    today: date
    unmatched: dict[str, int]  # customers an unmatched receipt may belong to, and since when (rule 8)

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
        cursor.execute(BESIDE_SETTINGS)
        coverage, unmatched = cursor.fetchone()
    return Frame(
        organization=organization,
        profile=profile,
        calendar=get_calendar(profile),
        policy=_policy(organization, profile, coverage, today),
        plans=current_plans(),
        assignments=load_assignments(),
        today=today,
        unmatched={str(customer): since.toordinal() for customer, since in unmatched_reach().items()} if unmatched else {},
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
        cursor.execute(OPEN_CUSTOMERS)
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
        cursor.execute(LOCK_GROUPS, [list(customer_ids)])


def load_batch(frame: Frame, customer_ids: Sequence[str]) -> Batch:
    """Every open item of these customers, with all the planner reads about it."""
    ids = list(customer_ids)
    with connection.cursor() as cursor:
        rows = _fetch(cursor, ITEMS, ids)
        rare = _rare_facts(cursor, ids)
        customers, groups = _customers(cursor, ids, rows, rare, frame)
        actions: dict[str, str] = dict(_fetch(cursor, ACTIONS, ids))
        recent = _recent(cursor, ids, frame)
    today = frame.today.toordinal()
    find, plans, by_invoice = frame.assignments.find, frame.plans, frame.assignments.invoices
    pasts: dict[tuple[str, str], Past] = {}
    cases: list[Case] = []
    last_id, since = "", 0
    usual: tuple[str, int] | None = None
    steps: Steps | None = None
    entered_on: int
    for row in rows:
        (
            item_id, invoice_id, customer_id, issue_on, due_on, amount, outstanding, currency, iban, entered_on, supplied_on,
            answered, proven, unusual, source,
        ) = row[:15]  # fmt: skip
        if customer_id != last_id:  # rows come customer by customer
            last_id = customer_id
            usual = find(invoice="", customer=customer_id, group=groups[customer_id])
            steps, since = steps_of(usual, plans)
        if by_invoice:
            steps, since = steps_of(by_invoice.get(invoice_id, usual), plans)
        situation = PLAIN_SITUATIONS[answered, proven]
        if unusual is not None or item_id in rare.items:
            situation = _situation(item_id, situation, unusual, rare)
        text = actions.get(item_id)
        if text is None:
            past = NO_PAST
        else:
            key = (text, steps.plan if steps is not None else "")
            known = pasts.get(key)
            past = pasts[key] = read_past(text, steps, today) if known is None else known
        item = Item(
            item_id, invoice_id, customers[customer_id], issue_on, due_on, amount, outstanding, currency, iban,
            since if since > entered_on else entered_on, supplied_on, situation, source,
        )  # fmt: skip
        cases.append(Case(item, steps, row[15:], past))
    return Batch(customers=customers, cases=cases, recent=recent)


def load_case(frame: Frame, customer_id: str, installment_id: str) -> tuple[Batch, Case | None]:
    """One item with its customer's whole paying group: what screens and the gate ask about. None when it is settled."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id::text FROM customers_customer WHERE id = %s OR payer_id = (SELECT coalesce(payer_id, id) FROM customers_customer "
            "WHERE id = %s) OR id = (SELECT payer_id FROM customers_customer WHERE id = %s) ORDER BY coalesce(payer_id, id), id",
            [customer_id, customer_id, customer_id],
        )
        ids = [row[0] for row in cursor.fetchall()]
    batch = load_batch(frame, ids)
    return batch, next((case for case in batch.cases if case.item.id == installment_id), None)


# --- reading ----------------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Rare:
    """Facts most items do not have, by item or customer id."""

    items: set[str]
    disputes: dict[str, list[Dispute]]
    promises: dict[str, list[Promise]]
    item_holds: dict[str, list[Hold]]
    customer_holds: dict[str, list[Hold]]
    commitments: dict[str, list[OpenCommitment]]
    credits: dict[str, dict[str, list[Credit]]]


def _fetch(cursor: Any, sql: str, ids: list[str]) -> list[tuple[Any, ...]]:
    cursor.execute(sql, [ids])
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _rare_facts(cursor: Any, ids: list[str]) -> _Rare:
    rare = _Rare(set(), {}, {}, {}, {}, {}, {})
    grouped: dict[tuple[str, str, int, str], set[str]] = {}
    for fact, customer_id, item_id, name, detail, cents, on, until, paid in _fetch(cursor, RARE, ids):
        match fact:
            case "dispute":
                rare.disputes.setdefault(item_id, []).append(Dispute(cents, on, DisputeState(name), until))
            case "promise":
                rare.promises.setdefault(item_id, []).append(Promise(cents, on, until, paid))
            case "hold":
                hold = Hold(HoldSide(name), HoldKind(detail), on, until, cents)
                if item_id is None:
                    rare.customer_holds.setdefault(customer_id, []).append(hold)
                else:
                    rare.item_holds.setdefault(item_id, []).append(hold)
            case "commitment":
                grouped.setdefault((customer_id, name, on, detail), set()).add(item_id)
            case _:
                label = detail if fact == "credit_note" else credit_label(detail)
                credit = Credit(item_id, label, cents, on, fact == "credit_note", customer_id)
                rare.credits.setdefault(customer_id, {}).setdefault(name, []).append(credit)
    rare.items.update(rare.disputes, rare.promises, rare.item_holds)
    for (customer_id, consequence, due_on, step_key), item_ids in grouped.items():
        commitment = OpenCommitment(Consequence(consequence), due_on, step_key, frozenset(item_ids))
        rare.commitments.setdefault(customer_id, []).append(commitment)
    return rare


def _situation(item_id: str, base: ItemSituation, unusual: str | None, rare: _Rare) -> ItemSituation:
    facts: dict[str, Any] = json.loads(unusual) if unusual else {}
    return replace(
        base,
        kind=InstallmentKind(facts.get("kind", "normal")),
        matures_on=facts.get("matures_on"),
        collection_on=facts.get("collection_on"),
        cancelled=facts.get("cancelled", False),
        factored=facts.get("factored", False),
        e_invoice_refused=facts.get("refused", False),
        not_received=facts.get("not_received", False),
        triage=facts.get("triage", False),
        restart_on=facts.get("restart_on"),
        disputes=tuple(rare.disputes.get(item_id, ())),
        promises=tuple(rare.promises.get(item_id, ())),
        holds=tuple(rare.item_holds.get(item_id, ())),
    )


def _customers(
    cursor: Any, ids: list[str], rows: list[tuple[Any, ...]], rare: _Rare, frame: Frame
) -> tuple[dict[str, CustomerFacts], dict[str, str]]:
    balances = _balances(rows, rare, frame)
    customers: dict[str, CustomerFacts] = {}
    groups: dict[str, str] = {}
    empty: dict[str, Balance] = {}
    for (
        customer_id, payer_id, group_id, regime, language, emails, mobiles, postal, cheque, invoices_before, office, representative,
        warned_on, reply, absent_until, absence_noted_on, substitute, insolvent_on, not_received,
    ) in _fetch(cursor, CUSTOMERS, ids):  # fmt: skip
        situation = QUIET_CUSTOMER
        if (
            reply
            or absent_until is not None
            or insolvent_on is not None
            or not_received
            or customer_id in rare.customer_holds
            or customer_id in rare.commitments
            or customer_id in frame.unmatched
        ):
            situation = CustomerSituation(
                holds=tuple(rare.customer_holds.get(customer_id, ())),
                reply_pending=reply,
                absent_until=absent_until,
                absence_noted_on=absence_noted_on,
                substitute_known=substitute,
                commitments=tuple(rare.commitments.get(customer_id, ())),
                unmatched_since=frame.unmatched.get(customer_id),
                insolvent_on=insolvent_on,
                not_received_before=not_received,
            )
        groups[customer_id] = group_id or ""
        customers[customer_id] = CustomerFacts(
            customer_id, balances.get(customer_id, empty), payer_id or "", regime, language, _REACHABLE[emails, mobiles, postal], cheque,
            invoices_before, office, representative, warned_on, situation,
        )  # fmt: skip
    for customer_id, facts in customers.items():
        payer = customers.get(facts.payer_id) if facts.payer_id else None
        if payer is not None:
            customers[customer_id] = replace(
                facts,
                reachable=payer.reachable - _LEGAL_DEBTOR | facts.reachable & _LEGAL_DEBTOR,
                situation=behind_payer(facts.situation, payer.situation),
            )
    share_accounts(customers)
    return customers, groups


_LEGAL_DEBTOR: Final = frozenset({"registered"})
"""Channels of messages that go to the debtor itself, whoever pays (rule 5)."""


_REACHABLE: dict[tuple[bool, bool, bool], frozenset[str]] = {
    (emails, mobiles, postal): frozenset(
        [*(["email"] if emails else []), *(["sms"] if mobiles else []), *(["letter", "registered"] if postal else [])]
    )
    for emails in (False, True)
    for mobiles in (False, True)
    for postal in (False, True)
}


def _balances(rows: list[tuple[Any, ...]], rare: _Rare, frame: Frame) -> dict[str, dict[str, Balance]]:
    """Per customer and currency: what is open, overdue and promised, less unallocated money and credit notes."""
    today = frame.today.toordinal()
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        key = (row[2], row[7])
        cell = sums.get(key)
        if cell is None:
            cell = sums[key] = [0, 0, 0, 0]
        cell[0] += row[6]
        if row[4] < today:
            cell[1] += row[6]
            promises = rare.promises.get(row[0]) if rare.promises else None
            if promises:
                for promise in promises:
                    through = frame.calendar.add_bd_ordinal(promise.for_on, frame.policy.promise_tolerance)
                    if not promise_kept(promise) and today <= through:
                        cell[2] += min(promise.amount_cents - promise.paid_cents, row[6])  # a credit note lowers what is promised
                        cell[3] = max(cell[3], promise.for_on)
    for customer_id, by_currency in rare.credits.items():
        for currency in by_currency:
            sums.setdefault((customer_id, currency), [0, 0, 0, 0])
    balances: dict[str, dict[str, Balance]] = {}
    for (customer_id, currency), (open_, overdue, promised, until) in sums.items():
        credits = tuple(rare.credits.get(customer_id, {}).get(currency, ()))
        credit = sum(line.cents for line in credits)
        balances.setdefault(customer_id, {})[currency] = Balance(open_ - credit, overdue, promised, until or None, credits, credit)
    return balances


def steps_of(found: tuple[str, int] | None, plans: Mapping[str, CurrentPlan]) -> tuple[Steps | None, int]:
    """The steps of an assignment, and since when it applies."""
    if found is None or found[0] not in plans:
        return None, 0
    return plans[found[0]].steps, found[1]


def read_past(text: str, steps: Steps | None, today: int) -> Past:
    """An item's actions as the planner reads them, from the text of `ACTIONS`.

    An action of another plan keeps its phase and loses its key: it counts by its level (rule 3).
    """
    plan = steps.plan if steps is not None else ""
    entries: list[HistoryEntry] = []
    last: tuple[str, int | None] = ("", None)
    for action in text.split(";"):
        key, plan_id, state, on_, taken_on, phase, channel, occurrence, deadline_on, phase_known = action.split(",")
        on = int(on_)
        entries.append(
            HistoryEntry(
                key if plan_id == plan else "",
                _ACTION_STATES[state],
                on,
                _PHASES[int(phase)] if phase_known else None,
                _CHANNELS[channel],
                int(taken_on),
                int(occurrence),
                int(deadline_on) if deadline_on else None,
            )
        )
        if state == "done" and (last[1] is None or on >= last[1]):
            last = (key, on)
    return Past(entries, last, FRESH if steps is None else read_history(entries, steps, today))


def _recent(cursor: Any, ids: list[str], frame: Frame) -> list[RecentMessage]:
    spacings = [plan.version.spacing_days or 0 for plan in frame.plans.values()]
    since = frame.calendar.add_bd_ordinal(frame.today.toordinal(), -max([frame.policy.spacing, 1, *spacings]) - 1)
    first = date.fromordinal(since)
    cursor.execute(RECENT_MESSAGES, [frame.organization.timezone, ids, first, first])
    return [RecentMessage(*row) for row in cursor.fetchall()]


def local_date(organization: Organization, now: datetime) -> date:
    """The organization's own date at that instant."""
    return now.astimezone(ZoneInfo(organization.timezone)).date()
