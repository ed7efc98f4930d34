"""A plan as a value: what a version stores, a file carries and an editor shows, before it is rows or facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from scenarios.enums import (
    Anchor,
    Channel,
    Condition,
    Consequence,
    Grouping,
    OffsetUnit,
    Phase,
    TaskKind,
)
from scenarios.facts import Step

MOST_STEPS: Final = 40


@dataclass(frozen=True, slots=True)
class StepContent:
    """One step. `conditions` maps a value of `Condition` to True, AT_LEAST to an amount in the item's currency (a number above zero),
    INDEX_BELOW and INDEX_AT_LEAST to a payer index (a whole number from 1 to 100).

    `contact_roles` is the first choice of recipients, in order; empty means the usual chain of the phase.
    """

    key: str
    name: str
    phase: Phase
    channel: Channel
    anchor: Anchor
    offset: int
    unit: OffsetUnit = OffsetUnit.DAYS
    name_en: str = ""
    template: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    term_days: int | None = None
    announces: Consequence | None = None
    executes: Consequence | None = None
    contact_roles: tuple[str, ...] = ()
    needs_approval: bool = False
    task_kind: TaskKind | None = None


@dataclass(frozen=True, slots=True)
class PlanContent:
    """A whole plan. `minimum_amount` is the net at or below which a customer is not chased; `spacing_days` None is the organization's.

    `thanks`: who pays in time and owes nothing late is thanked, at most once a quarter.
    """

    key: str
    name: str
    steps: tuple[StepContent, ...]
    name_en: str = ""
    description: str = ""
    description_en: str = ""
    grouping: Grouping = Grouping.ACCOUNT
    minimum_amount: Decimal = Decimal("0.00")
    spacing_days: int | None = None
    thanks: bool = False

    def as_steps(self) -> tuple[Step, ...]:
        """The steps as the planner and the validator read them, numbered from 1."""
        return tuple(_as_step(step, position) for position, step in enumerate(self.steps, start=1))


def _as_step(step: StepContent, position: int) -> Step:
    return Step(
        key=step.key,
        position=position,
        phase=step.phase,
        channel=step.channel,
        anchor=step.anchor,
        offset=step.offset,
        unit=step.unit,
        conditions=tuple(Condition(key) for key in step.conditions),
        at_least_cents=round(Decimal(str(step.conditions.get(Condition.AT_LEAST, 0))) * 100),
        index_below=step.conditions.get(Condition.INDEX_BELOW, 0),
        index_at_least=step.conditions.get(Condition.INDEX_AT_LEAST, 0),
        requires=step.requires,
        term_days=step.term_days,
        announces=step.announces,
        executes=step.executes,
        template=step.template,
        needs_approval=step.needs_approval,
        task_kind=step.task_kind or TaskKind.OTHER,
    )
