"""What tells two states of a plan apart, step by step. Pure; `scenarios.plan_words` puts it into sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scenarios.plan_content import PlanContent, StepContent

_STEP_PARTS: Final = (
    ("renamed", ("name", "name_en")),
    ("when", ("anchor", "offset", "unit")),
    ("phase", ("phase",)),
    ("channel", ("channel",)),
    ("task_kind", ("task_kind",)),
    ("template", ("template",)),
    ("conditions", ("conditions",)),
    ("requires", ("requires",)),
    ("term", ("term_days",)),
    ("announces", ("announces",)),
    ("executes", ("executes",)),
    ("recipients", ("contact_roles",)),
    ("approval", ("needs_approval",)),
)
_PLAN_PARTS: Final = (
    ("plan_renamed", ("name", "name_en")),
    ("plan_described", ("description", "description_en")),
    ("grouping", ("grouping",)),
    ("minimum", ("minimum_amount",)),
    ("spacing", ("spacing_days",)),
    ("thanks", ("thanks",)),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed. `code` is "added", "removed", "reordered" or names what is not the same of a step, or of the plan.

    `before` and `after` are the step in both states, None where it is not there; both None when the plan itself changed.
    """

    code: str
    old: PlanContent
    new: PlanContent
    before: StepContent | None = None
    after: StepContent | None = None

    @property
    def step(self) -> str:
        """The key of the step, "" for the plan."""
        step = self.after or self.before
        return step.key if step is not None else ""


def differences(old: PlanContent, new: PlanContent) -> list[Difference]:
    """Everything that changed from `old` to `new`: the plan itself, its steps in the new order, then those that are gone."""
    found = [
        Difference(code, old, new) for code, fields in _PLAN_PARTS if any(getattr(old, field) != getattr(new, field) for field in fields)
    ]
    before = {step.key: step for step in old.steps}
    moved = _moved(old, new)
    for step in new.steps:
        known = before.get(step.key)
        if known is None:
            found.append(Difference("added", old, new, None, step))
            continue
        if step.key in moved:
            found.append(Difference("reordered", old, new, known, step))
        found += _changes(old, new, known, step)
    kept = {step.key for step in new.steps}
    return found + [Difference("removed", old, new, step, None) for step in old.steps if step.key not in kept]


def _changes(old: PlanContent, new: PlanContent, before: StepContent, after: StepContent) -> Iterator[Difference]:
    for code, fields in _STEP_PARTS:
        if any(getattr(before, field) != getattr(after, field) for field in fields):
            yield Difference(code, old, new, before, after)


def _moved(old: PlanContent, new: PlanContent) -> set[str]:
    """Keys of the steps that left their order: those outside the longest run that both states have in common."""
    known = {step.key for step in old.steps}
    order = [step.key for step in new.steps if step.key in known]
    kept = {step.key for step in new.steps}
    place = {key: number for number, key in enumerate(step.key for step in old.steps if step.key in kept)}
    runs: list[list[str]] = []  # the longest common run that ends at each step
    for index, key in enumerate(order):
        longest: list[str] = []
        for other in range(index):
            if place[order[other]] < place[key] and len(runs[other]) > len(longest):
                longest = runs[other]
        runs.append([*longest, key])
    return set(order) - set(max(runs, key=len) if runs else ())
