"""What was already said about some items: the chronology a firm message cites and a formal notice prints.

Delivered messages and answered calls, each once, oldest first; never a note's text. A message that went to a wrong address is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from dunning.core.money import format_date
from notifications.blocks import ChronologyRow
from notifications.enums import LEFT, MessageKind
from scenarios.enums import REACHED_A_PERSON, ActionState, Channel
from scenarios.models import Action, TaskAttempt

_MEANS: Final = {
    Channel.EMAIL: {"fr": "courriel", "en": "e-mail"},
    Channel.SMS: {"fr": "SMS", "en": "text message"},
    Channel.LETTER: {"fr": "lettre", "en": "letter"},
    Channel.REGISTERED: {"fr": "lettre recommandée", "en": "registered letter"},
    Channel.CALL: {"fr": "appel téléphonique", "en": "telephone call"},
    Channel.TASK: {"fr": "démarche", "en": "contact"},
}
_CALLED: Final = {"fr": "Échange téléphonique", "en": "Telephone conversation"}


@dataclass(frozen=True, slots=True)
class EarlierReminder:
    """One act of the past. `recipient` is an address, or the person reached; `subject` is "" for calls and text messages."""

    on: date
    channel: str
    phase: int
    recipient: str
    subject: str = ""

    @property
    def written(self) -> bool:
        return self.channel not in (Channel.CALL, Channel.TASK)


def earlier_reminders(items: Sequence[UUID]) -> list[EarlierReminder]:
    """Everything that reached the customer about these items, oldest first."""
    if not items:
        return []
    found: dict[object, EarlierReminder] = {}
    actions = Action.objects.filter(installment__in=list(items), state=ActionState.DONE)
    messages = actions.filter(
        carriers__message__state__in=LEFT, carriers__message__kind=MessageKind.REMINDER, carriers__message__not_reached=False
    ).values_list(
        "carriers__message_id",
        "done_on",
        "carriers__message__channel",
        "carriers__message__phase",
        "carriers__message__recipient",
        "carriers__message__recipient_name",
        "carriers__message__subject",
    )
    for message_id, on, channel, phase, recipient, name, subject in messages:
        if on is None:  # the database refuses a done action without its day
            continue
        known = found.get(message_id)
        if known is None or on < known.on:
            found[message_id] = EarlierReminder(on, channel, phase, recipient or name, subject)
    for pk, on, channel, phase, details in actions.filter(plan=None).values_list("pk", "done_on", "channel", "phase", "details"):
        if on is not None:
            found[pk] = EarlierReminder(on, channel, phase, details.get("recipient", ""), details.get("text", ""))
    tasks = {task: phase for task, phase in actions.filter(channel=Channel.CALL, task__isnull=False).values_list("task_id", "phase")}
    attempts = TaskAttempt.objects.filter(task__in=tasks, outcome__in=REACHED_A_PERSON).values_list("pk", "on", "task_id", "details")
    for pk, on, task_id, details in attempts:
        found[pk] = EarlierReminder(on, Channel.CALL, tasks[task_id], details.get("person", ""))
    return sorted(found.values(), key=lambda reminder: reminder.on)


def chronology_rows(reminders: Sequence[EarlierReminder], language: str) -> list[ChronologyRow]:
    """The chronology's lines, formatted."""
    return [
        ChronologyRow(
            on=format_date(reminder.on, language, "long"),
            means=_MEANS[Channel(reminder.channel)][language],
            recipient=reminder.recipient,
            subject=reminder.subject or (_CALLED[language] if reminder.channel == Channel.CALL else ""),
        )
        for reminder in reminders
    ]
