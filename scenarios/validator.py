"""Whether a plan can work (rule 16): every fault beside its step, before anything is published. Pure.

Gaps between steps are counted on their nominal dates, which the engine keeps or lengthens and never shortens (rule 2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from notifications.validation import Severity
from scenarios.enums import Anchor, Channel, Condition, OffsetUnit, Phase
from scenarios.facts import HUMAN, WRITTEN, Step
from scenarios.outcomes import THANKS_TEMPLATE

TERM_MARGIN: Final = 3  # days left to a payment after the term a message gave
POST_DAYS: Final = 5  # three business days on the road are at most five calendar days, holidays aside
REMINDERS_BEFORE_LEGAL: Final = 2  # rule 4
REMINDERS_PER_PHASE: Final = 2
_PAPER: Final = frozenset({Channel.LETTER, Channel.REGISTERED})


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What the validator knows of one text: the languages it exists in, the acts it cites, its phase, and what its words print.

    `prints` names the placeholders that stand outside any section: without a value for them the message is held.
    """

    languages: frozenset[str]
    phase: Phase
    cites: frozenset[str] = frozenset()
    prints: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the plan is to work. `texts` is by (template key, channel); `languages` are those customers are written to.

    `receivable` holds the channels over which at least one customer can be reached; None while there is no customer to ask about.
    """

    languages: frozenset[str]
    texts: Mapping[tuple[str, str], TextFacts]
    receivable: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `step` is the key of the step it stands beside ("" for the plan); `scenarios.plan_sentences` puts it into words."""

    code: str
    step: str = ""
    severity: Severity = Severity.ERROR
    values: Mapping[str, str | int] = field(default_factory=dict)


def validate_plan(steps: Sequence[Step], surroundings: Surroundings, *, thanks: bool = False) -> list[Problem]:
    """Every problem of the plan, then of its steps in order. An error refuses it; a warning is shown. Empty when the plan can work.

    `thanks`: the plan thanks for payments.
    """
    if not steps:
        return [Problem("empty")]
    problems: list[Problem] = _thanks(surroundings) if thanks else []
    ordered = [step for step in steps if step.anchor != Anchor.PROMISE]
    counted = _offsets(ordered)
    for number, step in enumerate(steps):
        if any(other.key == step.key for other in steps[:number]):
            problems.append(Problem("duplicate_key", step.key))
        if step in ordered:
            place = ordered.index(step)
            problems += _dates(ordered, counted, place)
            problems += _phases(ordered, place)
        problems += _acts(steps, number)
        problems += _consequences(steps, number)
        problems += _text(step, surroundings)
        problems += _receivers(step, surroundings)
    return problems


def _thanks(surroundings: Surroundings) -> list[Problem]:
    text = surroundings.texts.get((THANKS_TEMPLATE, Channel.EMAIL))
    missing = surroundings.languages - (text.languages if text is not None else frozenset())
    values = {"template": THANKS_TEMPLATE}
    return [Problem("thanks_without_text", values={**values, "language": language}) for language in sorted(missing)]


def _receivers(step: Step, surroundings: Surroundings) -> list[Problem]:
    known = surroundings.receivable
    if known is None or step.channel not in WRITTEN or step.channel in known or Condition.CAN_RECEIVE in step.conditions:
        return []
    return [Problem("nobody_receives", step.key, Severity.WARNING, {"channel": step.channel.value})]


# --- dates ------------------------------------------------------------------------------------------------------------------------------


def _offsets(ordered: Sequence[Step]) -> list[tuple[Anchor, int]]:
    """For each step what it is counted from in the end, ISSUE or DUE, and the least number of calendar days from there."""
    counted: list[tuple[Anchor, int]] = []
    for step in ordered:
        days = _least_days(step)
        if step.anchor == Anchor.PREVIOUS:
            base, before = counted[-1] if counted else (Anchor.DUE, 0)
            counted.append((base, before + days))
        else:
            counted.append((step.anchor, days))
    return counted


def _least_days(step: Step) -> int:
    """Calendar days of the offset; business days are counted as if no weekend they need not cross came between."""
    if step.unit != OffsetUnit.BUSINESS_DAYS:
        return step.offset
    weeks, rest = divmod(abs(step.offset), 5)
    return (weeks * 7 + rest) * (1 if step.offset >= 0 else -1)


def _gap(counted: Sequence[tuple[Anchor, int]], later: int, earlier: int) -> int | None:
    """Days from one step to a later one, None when they are counted from different dates."""
    (base, days), (other, before) = counted[later], counted[earlier]
    return days - before if base == other else None


def _dates(ordered: Sequence[Step], counted: Sequence[tuple[Anchor, int]], place: int) -> list[Problem]:
    step = ordered[place]
    base, days = counted[place]
    problems: list[Problem] = []
    if place == 0 and step.anchor == Anchor.PREVIOUS:
        problems.append(Problem("previous_first", step.key))
    if step.phase == Phase.SERVICE:
        if base == Anchor.DUE and days > 0:
            problems.append(Problem("service_after_due", step.key, values={"days": days}))
        return problems
    if base == Anchor.DUE and days <= 0:
        problems.append(Problem("reminder_before_due", step.key))
    if base == Anchor.ISSUE:
        problems.append(Problem("reminder_from_issue", step.key, Severity.WARNING))
    overdue = [number for number in range(place) if ordered[number].phase > Phase.SERVICE]
    if overdue:
        gap = _gap(counted, place, overdue[-1])
        if gap is not None and gap < 1:
            problems.append(Problem("out_of_order", step.key, values={"other": ordered[overdue[-1]].key}))
    if step.channel != Channel.SMS:  # a text message follows its e-mail; it asks for nothing new
        problems += _within_term(ordered, counted, place, overdue)
    return problems


def _within_term(ordered: Sequence[Step], counted: Sequence[tuple[Anchor, int]], place: int, overdue: Sequence[int]) -> list[Problem]:
    step = ordered[place]
    giver = next((number for number in reversed(overdue) if ordered[number].term_days is not None), None)
    if giver is None:
        return []
    gap = _gap(counted, place, giver)
    term = ordered[giver].term_days or 0
    # After a formal notice the engine itself waits for the printed deadline; after an ordinary letter nobody but the plan does.
    on_the_road = POST_DAYS if ordered[giver].channel in _PAPER and Phase.LEGAL not in (ordered[giver].phase, step.phase) else 0
    least = term + TERM_MARGIN + on_the_road
    if gap is None or gap >= least:
        return []
    return [Problem("before_term", step.key, values={"other": ordered[giver].key, "term": term, "least": least, "gap": gap})]


# --- phases and acts --------------------------------------------------------------------------------------------------------------------


def _phases(ordered: Sequence[Step], place: int) -> list[Problem]:
    step = ordered[place]
    before = ordered[:place]
    problems: list[Problem] = []
    if step.phase == Phase.SERVICE:
        if any(other.phase > Phase.SERVICE for other in before):
            problems.append(Problem("service_after_reminder", step.key))
        return problems
    if step.phase < Phase.LEGAL and any(other.phase == Phase.LEGAL for other in before):
        problems.append(Problem("after_legal", step.key))
    if _is_reminder(step):
        run = 1
        for other in reversed([other for other in before if other.phase > Phase.SERVICE]):
            if other.phase != step.phase:
                break
            run += _is_reminder(other)
        if run == REMINDERS_PER_PHASE + 1:
            problems.append(Problem("no_change_of_phase", step.key, Severity.WARNING, {"most": REMINDERS_PER_PHASE}))
    if step.phase == Phase.LEGAL:
        if step.channel in WRITTEN and not step.needs_approval:
            problems.append(Problem("legal_without_approval", step.key))
        if sum(map(_is_reminder, before)) < REMINDERS_BEFORE_LEGAL:
            problems.append(Problem("legal_too_early", step.key, values={"least": REMINDERS_BEFORE_LEGAL}))
    return problems


def _is_reminder(step: Step) -> bool:
    """A written message after the due date; a text message follows its e-mail and does not count."""
    return step.phase > Phase.SERVICE and step.channel in WRITTEN and step.channel != Channel.SMS


def _acts(steps: Sequence[Step], number: int) -> list[Problem]:
    step = steps[number]
    problems: list[Problem] = []
    earlier = {other.key: other for other in steps[:number]}
    later = {other.key for other in steps[number:]}
    for key in step.requires:
        if key in earlier:
            if earlier[key].conditions:
                problems.append(Problem("requires_optional", step.key, Severity.WARNING, {"other": key}))
        else:
            problems.append(Problem("requires_later" if key in later else "requires_unknown", step.key, values={"other": key}))
    if step.channel == Channel.SMS:
        written = [other for other in steps[:number] if other.channel in WRITTEN and other.channel != Channel.SMS]
        if not written or written[-1].channel != Channel.EMAIL:
            problems.append(Problem("sms_without_email", step.key))
    return problems


def _consequences(steps: Sequence[Step], number: int) -> list[Problem]:
    step = steps[number]
    problems: list[Problem] = []
    if step.channel in HUMAN:
        if step.announces is not None:
            problems.append(Problem("announced_by_nobody", step.key))
        if step.term_days is not None:
            problems.append(Problem("term_by_nobody", step.key))
    if step.announces is not None:
        values = {"consequence": step.announces.value}
        if not any(other.executes == step.announces for other in steps[number + 1 :]):
            problems.append(Problem("never_executed", step.key, values=values))
        if any(other.announces == step.announces for other in steps[:number]):
            problems.append(Problem("announced_twice", step.key, Severity.WARNING, values))
    return problems


# --- texts ------------------------------------------------------------------------------------------------------------------------------


def _text(step: Step, surroundings: Surroundings) -> list[Problem]:
    if step.channel in HUMAN:
        return []
    if not step.template:
        return [Problem("no_template", step.key)]
    values: dict[str, str | int] = {"template": step.template, "channel": step.channel.value}
    text = surroundings.texts.get((step.template, step.channel))
    if text is None:
        return [Problem("template_unknown", step.key, values=values)]
    problems = [
        Problem("template_language", step.key, values={**values, "language": language})
        for language in sorted(surroundings.languages - text.languages)
    ]
    if text.phase > step.phase:
        problems.append(Problem("text_too_hard", step.key, Severity.WARNING, values))
    for key in sorted(text.cites - set(step.requires)):
        problems.append(Problem("cites_not_required", step.key, Severity.WARNING, {**values, "other": key}))
    if step.term_days is None and text.prints & {"term.days", "deadline"}:
        problems.append(Problem("text_needs_term", step.key, values=values))
    if step.announces is None and "consequence" in text.prints:
        problems.append(Problem("text_needs_consequence", step.key, values=values))
    return problems
