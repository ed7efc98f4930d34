"""Changing a plan that is being written: each function gives the plan as it would be. Pure.

Nothing here judges the result: `validator` does, beside every step.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from scenarios.enums import Anchor, OffsetUnit
from scenarios.plan_content import MOST_STEPS, PlanContent, StepContent

USUAL_TERM: Final = 30  # days from issue to due date, for drawing what is counted from the issue
WEEK, BUSINESS_WEEK = 7, 5
LONGEST_OFFSET: Final = 1000  # days


class Dated(Protocol):
    """What says when a step comes: a stored row, or a step being written."""

    @property
    def anchor(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def unit(self) -> str: ...


class TooManySteps(ValueError):
    """A plan holds no more than `MOST_STEPS`."""


def usual_days(steps: Sequence[Dated]) -> list[int]:
    """Each step's day, counted from the due date of an invoice payable at 30 days when nothing is in the way."""
    days: list[int] = []
    for step in steps:
        offset = step.offset if step.unit == OffsetUnit.DAYS else step.offset * WEEK // BUSINESS_WEEK
        start = -USUAL_TERM if step.anchor == Anchor.ISSUE else days[-1] if step.anchor == Anchor.PREVIOUS and days else 0
        days.append(start + offset)
    return days


def find_step(content: PlanContent, key: str) -> StepContent:
    """The step of that key. Raises KeyError."""
    for step in content.steps:
        if step.key == key:
            return step
    raise KeyError(key)


def add_step(content: PlanContent, step: StepContent, *, after: str = "") -> PlanContent:
    """The plan with a step more, behind the one of key `after`; "" puts it first. Raises KeyError, or TooManySteps."""
    if len(content.steps) >= MOST_STEPS:
        raise TooManySteps
    place = _place(content, after) + 1 if after else 0
    return replace(content, steps=(*content.steps[:place], step, *content.steps[place:]))


def change_step(content: PlanContent, step: StepContent) -> PlanContent:
    """The plan with this step in place of the one of its key. Raises KeyError."""
    place = _place(content, step.key)
    return replace(content, steps=(*content.steps[:place], step, *content.steps[place + 1 :]))


def remove_step(content: PlanContent, key: str) -> PlanContent:
    """The plan without that step, which no other cites any more. Raises KeyError."""
    find_step(content, key)
    kept = (step for step in content.steps if step.key != key)
    return replace(
        content,
        steps=tuple(
            replace(step, requires=tuple(other for other in step.requires if other != key)) if key in step.requires else step
            for step in kept
        ),
    )


def move_step(content: PlanContent, key: str, by: int) -> PlanContent:
    """The plan with that step `by` places later (earlier when negative), as far as there is room. Raises KeyError."""
    place = _place(content, key)
    steps = list(content.steps)
    step = steps.pop(place)
    steps.insert(max(0, min(len(steps), place + by)), step)
    return replace(content, steps=tuple(steps))


def redate_step(content: PlanContent, key: str, day: int) -> PlanContent:
    """The plan with that step on another day of its drawing (`usual_days`); what it is counted from stays. Raises KeyError.

    In business days the nearest figure is taken. Steps counted from it move along.
    """
    place = _place(content, key)
    step = content.steps[place]
    by = day - usual_days(content.steps)[place]
    if step.unit == OffsetUnit.BUSINESS_DAYS:
        by = round(by * BUSINESS_WEEK / WEEK)
    offset = max(-LONGEST_OFFSET, min(LONGEST_OFFSET, step.offset + by))
    return change_step(content, replace(step, offset=offset))


def free_key(content: PlanContent, wanted: str) -> str:
    """`wanted`, or with a figure behind it when a step has that key already; at most forty characters."""
    taken = {step.key for step in content.steps}
    key, number = wanted[:40], 1
    while key in taken:
        number += 1
        key = f"{wanted[: 39 - len(str(number))]}-{number}"
    return key


def _place(content: PlanContent, key: str) -> int:
    return content.steps.index(find_step(content, key))
