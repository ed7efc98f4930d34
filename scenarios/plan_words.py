"""What a plan says of itself in the reader's language: when a step comes, how it is called, what changed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from customers.enums import ContactRole
from scenarios.enums import Anchor, Condition, OffsetUnit
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_differences import Difference
from scenarios.plan_editing import Dated


class Named(Protocol):
    """What has a French name and perhaps an English one."""

    @property
    def name(self) -> str: ...
    @property
    def name_en(self) -> str: ...


def worded(french: str, english: str) -> str:
    """The text in the reader's language; French stands for one that is not translated."""
    return english if english and not (get_language() or "fr").startswith("fr") else french or english


def name_of(named: Named) -> str:
    """A step's or a plan's name in the reader's language."""
    return worded(named.name, named.name_en)


def when_words(step: Dated) -> str:
    """ "7 days before the due date"."""
    anchors = {
        Anchor.ISSUE: _("the issue date"),
        Anchor.DUE: _("the due date"),
        Anchor.PREVIOUS: _("the previous step"),
        Anchor.PROMISE: _("the promised date"),
    }
    anchor = anchors[Anchor(step.anchor)]
    if step.offset == 0:
        return _("on %s") % anchor
    days = abs(step.offset)
    business = step.unit == OffsetUnit.BUSINESS_DAYS
    unit = (ngettext("%d business day", "%d business days", days) if business else ngettext("%d day", "%d days", days)) % days
    words = {"unit": unit, "anchor": anchor}
    return _("%(unit)s after %(anchor)s") % words if step.offset > 0 else _("%(unit)s before %(anchor)s") % words


def condition_words(conditions: Mapping[str, object]) -> list[str]:
    """Each condition as a phrase."""
    return [
        _("the amount asked for reaches %s") % value if key == Condition.AT_LEAST else str(Condition(key).label)
        for key, value in conditions.items()
    ]


def role_words(roles: Sequence[str]) -> str:
    """Who is written to first, in order."""
    return ", ".join(str(ContactRole(role).label) for role in roles) or _("the usual chain")


def difference_words(found: Difference) -> str:
    """The difference as a sentence."""
    before, after = found.before, found.after
    if found.code in _PLAN_PARTS:
        say: Callable[[PlanContent], str] = _PLAN_PARTS[found.code]
        return _sentences()[found.code] % {"before": say(found.old), "after": say(found.new)}
    if found.code in _SWITCHES:
        is_on = bool(getattr(after if after is not None else found.new, _SWITCHES[found.code]))
        return _sentences()[f"{found.code}_{'on' if is_on else 'off'}"] % {"step": name_of(after) if after is not None else ""}
    values = {"step": "", "when": "", "before": "", "after": ""}
    for side, step in (("before", before), ("after", after)):
        if step is not None:
            values |= {"step": name_of(step), "when": when_words(step), side: _STEP_PARTS.get(found.code, name_of)(step)}
    return _sentences()[found.code] % values


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or _("none")


def _days(count: int | None) -> str:
    return ngettext("%d day", "%d days", count) % count if count else _("none")


_SWITCHES: Final = {"approval": "needs_approval", "thanks": "thanks"}
_STEP_PARTS: Final[Mapping[str, Callable[[StepContent], str]]] = {
    "when": when_words,
    "phase": lambda step: str(step.phase.label),
    "channel": lambda step: str(step.channel.label),
    "task_kind": lambda step: str(step.task_kind.label) if step.task_kind is not None else _("none"),
    "template": lambda step: step.template or _("none"),
    "conditions": lambda step: "; ".join(condition_words(step.conditions)) or _("always"),
    "requires": lambda step: _names(step.requires),
    "term": lambda step: _days(step.term_days),
    "announces": lambda step: str(step.announces.label) if step.announces is not None else _("nothing"),
    "executes": lambda step: str(step.executes.label) if step.executes is not None else _("nothing"),
    "recipients": lambda step: role_words(step.contact_roles),
}
_PLAN_PARTS: Final[Mapping[str, Callable[[PlanContent], str]]] = {
    "plan_renamed": name_of,
    "plan_described": lambda plan: worded(plan.description, plan.description_en),
    "grouping": lambda plan: str(plan.grouping.label),
    "minimum": lambda plan: str(plan.minimum_amount),
    "spacing": lambda plan: _("the organization's usual") if plan.spacing_days is None else str(plan.spacing_days),
}


def _sentences() -> Mapping[str, str]:
    return {
        "added": _("“%(step)s” is new, %(when)s."),
        "removed": _("“%(step)s” is gone."),
        "reordered": _("“%(step)s” has another place in the order."),
        "renamed": _("“%(before)s” is now called “%(after)s”."),
        "when": _("“%(step)s” comes %(after)s instead of %(before)s."),
        "phase": _("“%(step)s” has the tone “%(after)s” instead of “%(before)s”."),
        "channel": _("“%(step)s” goes by another channel: %(after)s (before: %(before)s)."),
        "task_kind": _("“%(step)s” is another kind of task: %(after)s (before: %(before)s)."),
        "template": _("“%(step)s” uses another text: %(after)s (before: %(before)s)."),
        "conditions": _("“%(step)s” has another condition: %(after)s (before: %(before)s)."),
        "requires": _("“%(step)s” cites other steps: %(after)s (before: %(before)s)."),
        "term": _("“%(step)s” gives another term: %(after)s (before: %(before)s)."),
        "announces": _("“%(step)s” announces something else: %(after)s (before: %(before)s)."),
        "executes": _("“%(step)s” carries out something else: %(after)s (before: %(before)s)."),
        "recipients": _("“%(step)s” is written to others first: %(after)s (before: %(before)s)."),
        "approval_on": _("“%(step)s” now waits for a person's approval."),
        "approval_off": _("“%(step)s” no longer waits for a person's approval."),
        "plan_renamed": _("The plan is now called “%(after)s” (before: “%(before)s”)."),
        "plan_described": _("The plan has another description: %(after)s"),
        "grouping": _("One message covers something else: %(after)s (before: %(before)s)."),
        "minimum": _("Nobody is chased who owes no more than %(after)s (before: %(before)s)."),
        "spacing": _("Business days between two messages: %(after)s (before: %(before)s)."),
        "thanks_on": _("The plan now thanks for payments."),
        "thanks_off": _("The plan no longer thanks for payments."),
    }
