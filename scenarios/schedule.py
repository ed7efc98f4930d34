"""The schedule: where every open item stands, written only where a decision changed it, and the tally of a run."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from dunning.core.tenancy import current_organization_id
from dunning.core.tokens import new_id_text
from scenarios.bulk import insert_rows
from scenarios.context import Batch, Case
from scenarios.drafts import Composition, Deferral, MessageDraft
from scenarios.enums import DecisionKind, Reason
from scenarios.facts import Decision

_SCHEDULE_COLUMNS: Final = (
    "id",
    "organization_id",
    "installment_id",
    "customer_id",
    "version_id",
    "last_step_key",
    "last_done_on",
    "next_step_key",
    "next_on",
    "reason",
    "until",
    "chased",
    "decided_on",
)
_SCHEDULE_CONFLICT: Final = '("organization_id", "installment_id") DO UPDATE SET ' + ", ".join(
    f'"{column}" = excluded."{column}"' for column in _SCHEDULE_COLUMNS[4:]
)


@dataclass
class Tally:
    """What a run did, by kind and reason: kept on the `DailyRun` and printed."""

    items: int = 0
    decisions: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    steps: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    amounts: Counter[str] = field(default_factory=Counter)  # cents claimed by the day's messages, by currency
    open: Counter[str] = field(default_factory=Counter)  # cents open on all items, by currency
    customers: int = 0
    drivers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # messages by template, step, import (rule 15)

    def expect(self, drafts: Iterable[MessageDraft]) -> None:
        """Count messages that are about to be written, and what drives them: the brake is asked before the last of them are."""
        for draft in drafts:
            self.messages[draft.channel.value] += 1
            self.drivers["template"][draft.step.template] += 1
            self.drivers["step"][draft.step.key] += 1
            if draft.lead.item.source:
                self.drivers["import"][draft.lead.item.source] += 1

    def see(self, cases: Iterable[Case]) -> None:
        """Count open items that were looked at, and what is open on them."""
        open_cents: dict[str, int] = {}
        for case in cases:
            item = case.item
            open_cents[item.currency] = open_cents.get(item.currency, 0) + item.outstanding_cents
            self.items += 1
        self.open.update(open_cents)

    def as_json(self) -> dict[str, Any]:
        return {
            "decisions": {kind: dict(reasons) for kind, reasons in self.decisions.items()},
            "steps": dict(self.steps),
            "skips": dict(self.skips),
            "messages": dict(self.messages),
            "tasks": dict(self.tasks),
            "amounts": dict(self.amounts),
            "open": dict(self.open),
            "customers": self.customers,
        }


def write_schedule(
    *, batch: Batch, decisions: Sequence[Decision | None], composition: Composition, today: date, tally: Tally | None = None
) -> None:
    """Upsert the rows that changed, and those alone: on a quiet day nothing is written."""
    organization_id = current_organization_id()
    tally = Tally() if tally is None else tally
    changed: list[tuple[Any, ...]] = []
    seen: list[tuple[str, str]] = []
    deferrals = composition.deferrals
    for case, decision in zip(batch.cases, decisions, strict=True):
        row = _schedule_of(case, decision, deferrals)
        seen.append((row[8], row[5]))
        if row[:8] != case.schedule:
            changed.append(_schedule_row(organization_id, case, row, today))
    for (kind, reason), count in Counter(seen).items():
        tally.decisions[kind][reason] += count
    insert_rows("scenarios_schedule", _SCHEDULE_COLUMNS, changed, conflict=_SCHEDULE_CONFLICT)


def stands(case: Case, decision: Decision) -> bool:
    """Whether the schedule says already what this decision would write."""
    return _schedule_of(case, decision, {})[:8] == case.schedule


def _schedule_of(case: Case, decision: Decision | None, deferrals: Mapping[str, Deferral]) -> tuple[Any, ...]:
    """The eight values of `ScheduleRow`, then the kind of the decision for the tally."""
    last_key, last_on = case.past.last
    if decision is None:
        return (None, last_key, last_on, "", None, Reason.NO_PLAN.value, None, 0, DecisionKind.BLOCKED.value)
    steps, step = decision.steps, decision.step
    reason, until, kind = decision.reason._value_, None, decision.kind._value_  # `value` is a property, and asked twice an item
    next_on = decision.on
    if deferrals:
        deferral = deferrals.get(case.item.id)
        if deferral is not None:
            reason, until, kind = deferral.reason.value, deferral.until, DecisionKind.WAIT.value
            next_on = deferral.until
    elif decision.kind is not DecisionKind.WAIT:
        until = decision.on
    return (
        steps.version if steps is not None else None,
        last_key,
        last_on,
        step.key if step is not None else "",
        next_on,
        reason,
        until,
        decision.chased_cents,
        kind,
    )


def _schedule_row(organization_id: UUID, case: Case, row: tuple[Any, ...], today: date) -> tuple[Any, ...]:
    version, last_key, last_on, next_key, next_on, reason, until, chased, _kind = row
    item = case.item
    return (
        new_id_text(),
        organization_id,
        item.id,
        item.customer.id,
        version,
        last_key,
        _day(last_on),
        next_key,
        _day(next_on),
        reason,
        _day(until),
        Decimal(chased) / 100,
        today,
    )


def _day(ordinal: int | None) -> date | None:
    return None if ordinal is None else date.fromordinal(ordinal)
