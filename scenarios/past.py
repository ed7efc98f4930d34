"""What was already said about some items: the chronology a firm message cites and a formal notice prints.

Delivered messages and answered calls, each once, oldest first; never a note's text. A message that went to a wrong address is left out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Q

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


class _Said(NamedTuple):
    """A message that carried an item. `reminder` is None when its step does not count, or it reached nobody."""

    message_id: UUID
    channel: str
    accepted_at: datetime | None
    header_id: str
    reminder: EarlierReminder | None


class Past:
    """What was said about some items, read at once for all of them; acts that were no messages only when they are asked for."""

    def __init__(self, items: Collection[UUID]) -> None:
        self._items = items
        self._said: dict[UUID, list[_Said]] = {}
        self._acts: dict[UUID, list[tuple[object, EarlierReminder]]] | None = None
        if items:
            self._read_messages(items)

    def reminders(self, items: Collection[UUID]) -> list[EarlierReminder]:
        """Everything that reached the customer about these items, oldest first."""
        if self._acts is None:
            self._acts = self._read_acts(self._items) if self._items else {}
        found: dict[object, EarlierReminder] = {}
        for item in items:
            for said in self._said.get(item, ()):
                known = found.get(said.message_id)
                if said.reminder is not None and (known is None or said.reminder.on < known.on):
                    found[said.message_id] = said.reminder
            found.update(self._acts.get(item, ()))
        return sorted(found.values(), key=lambda reminder: reminder.on)

    def first_message_id(self, items: Collection[UUID]) -> str:
        """Message-ID of the first e-mail about these items, so that mail programs keep the conversation together; "" without one."""
        sent = [
            (said.accepted_at, said.header_id)
            for item in items
            for said in self._said.get(item, ())
            if said.channel == Channel.EMAIL and said.accepted_at is not None
        ]
        return min(sent)[1] if sent else ""

    def _read_messages(self, items: Collection[UUID]) -> None:
        rows = Action.objects.filter(
            installment__in=list(items), carriers__message__state__in=LEFT, carriers__message__kind=MessageKind.REMINDER
        ).values_list(
            "installment_id",
            "state",
            "done_on",
            "carriers__message_id",
            "carriers__message__channel",
            "carriers__message__phase",
            "carriers__message__recipient",
            "carriers__message__recipient_name",
            "carriers__message__subject",
            "carriers__message__not_reached",
            "carriers__message__accepted_at",
            "carriers__message__header_id",
        )
        for item, state, on, message_id, channel, phase, recipient, name, subject, not_reached, accepted_at, header_id in rows:
            reminder = None
            if state == ActionState.DONE and on is not None and not not_reached:
                reminder = EarlierReminder(on, channel, phase, recipient or name, subject)
            self._said.setdefault(item, []).append(_Said(message_id, channel, accepted_at, header_id, reminder))

    @staticmethod
    def _read_acts(items: Collection[UUID]) -> dict[UUID, list[tuple[object, EarlierReminder]]]:
        """What was done before there was a plan, and the calls that reached somebody."""
        done = Action.objects.filter(installment__in=list(items), state=ActionState.DONE)
        acts: dict[UUID, list[tuple[object, EarlierReminder]]] = {}
        called: dict[UUID, list[tuple[UUID, int]]] = {}
        rows = done.filter(Q(plan=None) | Q(channel=Channel.CALL, task__isnull=False))
        for action in rows.only("pk", "installment", "plan", "task", "done_on", "channel", "phase", "details"):
            item = action.installment_id
            if action.plan_id is None and action.done_on is not None:
                recipient, text = action.details.get("recipient", ""), action.details.get("text", "")
                acts.setdefault(item, []).append(
                    (action.pk, EarlierReminder(action.done_on, action.channel, action.phase, recipient, text))
                )
            if action.task_id is not None and action.channel == Channel.CALL:
                called.setdefault(action.task_id, []).append((item, action.phase))
        if not called:
            return acts
        attempts = TaskAttempt.objects.filter(task__in=called, outcome__in=REACHED_A_PERSON).values_list("pk", "on", "task_id", "details")
        for pk, on, task, details in attempts:
            for item, phase in called[task]:
                acts.setdefault(item, []).append((pk, EarlierReminder(on, Channel.CALL, phase, details.get("person", ""))))
        return acts


def earlier_reminders(items: Collection[UUID]) -> list[EarlierReminder]:
    """Everything that reached the customer about these items, oldest first."""
    return Past(items).reminders(items)


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
