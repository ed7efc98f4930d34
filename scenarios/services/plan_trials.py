"""A draft tried on one invoice: each date to come, with the reason for it, by the planner that will decide it. Writes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.translation import gettext as _

from dunning.core.calendars import Calendar
from dunning.core.models import Organization
from invoices.models import Installment, Invoice
from scenarios.context import Case, load_case, load_frame
from scenarios.enums import DecisionKind, Phase, Reason
from scenarios.facts import Decision, Policy, Step, Steps
from scenarios.models import ActionPlan, PlanDraft
from scenarios.plan_content import PlanContent
from scenarios.plan_editing import find_step
from scenarios.plan_words import name_of, when_words
from scenarios.planner import outlook
from scenarios.selectors.why import day_words, habit_words, reason_words
from scenarios.services.plan_drafts import draft_content
from scenarios.timing import nominal_dates
from scenarios.trial_plans import with_draft_on

MOST_LINES = 40
_SAID_WITH_THE_STEP: Final = (Reason.NOT_YET, Reason.HABIT)


@dataclass(frozen=True, slots=True)
class TriedLine:
    """One thing to come. `kind` is "step" (it happens on `on`), "skipped", "waits" (until `on`, when that is known) or "ends"."""

    kind: str
    on: date | None
    name: str
    channel: str
    why: str


@dataclass(frozen=True)
class Tried:
    """What would become of one instalment; `lines` in order, empty with nothing left to pay."""

    item: Installment
    lines: Sequence[TriedLine]
    done: Sequence[str]  # names of the steps that count as done


def try_on_invoice(*, draft: PlanDraft, invoice: Invoice, organization: Organization, today: date) -> list[Tried]:
    """What would become of each instalment of the invoice if the draft were its plan from today on, and nothing were paid."""
    content = draft_content(draft)
    plan = ActionPlan.objects.filter(key=draft.key).first()
    frame = with_draft_on(load_frame(organization, today), content, plan, invoice)
    found = []
    for item in Installment.objects.filter(invoice=invoice).order_by("position"):
        _batch, case = load_case(frame, str(item.customer_id), str(item.pk))
        lines = [] if case is None else list(_lines(case, content, frame.calendar, frame.policy, today))
        done = [] if case is None else _done(case, content)
        found.append(Tried(item, lines[:MOST_LINES], done))
    return found


def _done(case: Case, content: PlanContent) -> list[str]:
    names = {step.key: name_of(step) for step in content.steps}
    return [names[entry.key] for entry in case.history if entry.state == "done" and entry.key in names]


def _lines(case: Case, content: PlanContent, calendar: Calendar, policy: Policy, today: date) -> Iterator[TriedLine]:
    steps = case.steps
    if steps is None:
        return
    ahead = outlook(item=case.item, steps=steps, history=case.history, calendar=calendar, policy=policy, today=today.toordinal())
    said = ""
    for ordinal, decision in ahead:
        day = date.fromordinal(ordinal)
        for skip in decision.skips:
            yield _line("skipped", None, skip.step, content, reason_words(skip.reason.value))
        step = decision.step
        if decision.kind is DecisionKind.TAKE and step is not None:
            yield _line("step", day, step, content, _why_then(case, steps, step, ordinal, calendar))
            said = ""
        elif decision.kind is DecisionKind.FINISHED:
            yield TriedLine("ends", None, "", "", reason_words(decision.reason.value))
        elif decision.reason not in _SAID_WITH_THE_STEP and decision.reason.value != said:
            said = decision.reason.value
            yield _waiting(decision, content)


def _waiting(decision: Decision, content: PlanContent) -> TriedLine:
    on = None if decision.on is None else date.fromordinal(decision.on)
    words = reason_words(decision.reason.value)
    return TriedLine("waits", on, "", "", words) if decision.step is None else _line("waits", on, decision.step, content, words)


def _line(kind: str, on: date | None, step: Step, content: PlanContent, why: str) -> TriedLine:
    return TriedLine(kind, on, name_of(find_step(content, step.key)), step.channel.value, why)


def _why_then(case: Case, steps: Steps, step: Step, on: int, calendar: Calendar) -> str:
    """Why the step comes on that day: what the plan says, and what moved it."""
    when = when_words(step)
    place = steps.index.get(step.key)
    if place is None:  # it stands outside the order
        return when
    dates = nominal_dates(steps, case.item, calendar)
    if place in dates.moved and on == dates.rolled[place]:
        return _("%(when)s. %(habit)s: it waits for the usual pay run.") % {"when": when, "habit": habit_words(case.item)}
    nominal = dates.nominal[place]
    if on == nominal:
        return when
    day = day_words(date.fromordinal(nominal))
    if on < nominal:
        return _("%(when)s would be %(day)s: moved back to a business day.") % {"when": when, "day": day}
    if on == calendar.roll_ordinal(nominal):
        return _("%(when)s would be %(day)s: moved to the next business day.") % {"when": when, "day": day}
    if step.phase > Phase.SERVICE and on == calendar.roll_ordinal(max(nominal, case.item.due_on + 1)):
        return _("%(when)s would be %(day)s: nothing is late before the due date.") % {"when": when, "day": day}
    return _("%(when)s would be %(day)s: later, because what comes before it came later.") % {"when": when, "day": day}
