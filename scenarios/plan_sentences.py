"""What a plan's problem says to the person who wrote the plan: what is wrong and what to do."""

from collections.abc import Callable, Mapping
from typing import Final

from django.utils.translation import gettext as _

from scenarios.enums import Channel, Consequence
from scenarios.validator import Problem


def sentence(problem: Problem) -> str:
    """The problem in the reader's language."""
    values: dict[str, object] = {"step": problem.step, **problem.values}
    if "channel" in values:
        values["channel"] = Channel(str(values["channel"])).label
    if "consequence" in values:
        values["consequence"] = Consequence(str(values["consequence"])).label
    return SENTENCES[problem.code]() % values


SENTENCES: Final[Mapping[str, Callable[[], str]]] = {
    "empty": lambda: _("The plan has no step: add one."),
    "thanks_without_text": lambda: _(
        "The plan thanks for payments, and its text “%(template)s” is missing in a language used (%(language)s): write it, or do not thank."
    ),
    "duplicate_key": lambda: _("Two steps are called “%(step)s”: give each a key of its own."),
    "previous_first": lambda: _("“%(step)s” is counted from the previous step, and there is none: count it from the due date."),
    "service_after_due": lambda: _(
        "“%(step)s” is a service message planned %(days)d days after the due date: it would never leave. Make it a reminder, or move it."
    ),
    "reminder_before_due": lambda: _("“%(step)s” is a reminder planned before anything is late: move it after the due date."),
    "reminder_from_issue": lambda: _(
        "“%(step)s” is counted from the issue date: with a long term it leaves on the day after the due date."
    ),
    "out_of_order": lambda: _("“%(step)s” is planned no later than “%(other)s”, which comes before it: leave at least a day."),
    "before_term": lambda: _(
        "“%(step)s” comes %(gap)d days after “%(other)s”, which gives %(term)d days: leave at least %(least)d days to the payment."
    ),
    "service_after_reminder": lambda: _("“%(step)s” is a service message placed after a reminder: move it before the first reminder."),
    "after_legal": lambda: _("“%(step)s” presses less than the legal step before it: after a formal notice only legal steps follow."),
    "no_change_of_phase": lambda: _(
        "“%(step)s” is one more reminder in the same phase than the %(most)d that may follow each other: change the phase, or drop it."
    ),
    "legal_without_approval": lambda: _("“%(step)s” is a legal step: it needs a person's approval."),
    "legal_too_early": lambda: _("“%(step)s” is a legal step: it needs at least %(least)d written reminders before it."),
    "requires_optional": lambda: _(
        "“%(step)s” cites “%(other)s”, which is skipped when its condition is false: the message would then be held."
    ),
    "requires_later": lambda: _("“%(step)s” cites “%(other)s”, which does not come before it: change the order."),
    "requires_unknown": lambda: _("“%(step)s” cites “%(other)s”, which is not a step of this plan."),
    "sms_without_email": lambda: _("“%(step)s” is a text message with no e-mail behind it: put an e-mail before it."),
    "announced_by_nobody": lambda: _("“%(step)s” announces a consequence and writes to nobody: let a message announce it."),
    "term_by_nobody": lambda: _("“%(step)s” gives a term and writes to nobody: let a message give it."),
    "never_executed": lambda: _(
        "“%(step)s” announces “%(consequence)s” and no later step does it: add the step that does, or do not announce it."
    ),
    "announced_twice": lambda: _("“%(step)s” announces “%(consequence)s” a second time: it is announced once."),
    "no_template": lambda: _("“%(step)s” writes to the customer and names no text: choose one."),
    "template_unknown": lambda: _("“%(step)s” uses the text “%(template)s”, which does not exist for this channel (%(channel)s)."),
    "template_language": lambda: _("“%(step)s” uses the text “%(template)s”, which is missing in a language used (%(language)s)."),
    "text_too_hard": lambda: _("“%(step)s” uses the text “%(template)s”, which presses harder than the step."),
    "cites_not_required": lambda: _(
        "“%(step)s” uses the text “%(template)s”, which cites “%(other)s”: require that step, so that nothing false is said."
    ),
    "text_needs_term": lambda: _("“%(step)s” uses the text “%(template)s”, which prints a deadline: give the step a term in days."),
    "text_needs_consequence": lambda: _("“%(step)s” uses the text “%(template)s”, which announces a consequence: say which one."),
    "nobody_receives": lambda: _("“%(step)s”: no customer can be reached over this channel (%(channel)s)."),
}
