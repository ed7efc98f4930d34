"""Reminders sent before this system: they count as history, and the plan goes on from them (rule 3)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from invoices.enums import ImportKind
from invoices.importers import staging
from invoices.importers.mapping import Field, Shape
from invoices.importers.session import Loader, Work
from invoices.importers.words import compact, folded
from invoices.models import Installment
from invoices.services import lock_items
from invoices.services.balances import announce_change
from scenarios.enums import ActionState, Channel, Phase
from scenarios.models import Action

_CHANNELS = {
    compact(word): channel.value
    for channel, words in {
        Channel.EMAIL: "email,e-mail,mail,courriel",
        Channel.SMS: "sms,texto,text message",
        Channel.LETTER: "letter,courrier,lettre,lettre simple,courrier simple,post",
        Channel.REGISTERED: "registered,registered letter,lrar,ar,recommandé,lettre recommandée,courrier recommandé",
        Channel.CALL: "call,appel,téléphone,tél,phone",
    }.items()
    for word in words.split(",")
}
# Looked for in folded words, each as a whole: "firm" is no part of "confirm".
_BEFORE_LEGAL = re.compile(r"\b(avant|before) ((la|une|a|the) )?(mise en demeure|formal notice)\b")
_LEGAL = re.compile(r"\b(mise en demeure|formal notice|sommation)\b")
_FIRM = re.compile(r"\b(derniere relance|dernier rappel|relance 3|niveau 3|ferme|final reminder|last reminder|firm)\b")

FIELDS = (
    Field(
        "invoice",
        Shape.CODE,
        ("invoice number", "n° facture", "numéro de facture", "facture", "invoice", "n° pièce", "pièce", "document"),
        True,
        60,
    ),
    Field(
        "done_on", Shape.DATE, ("date", "date de relance", "date relance", "relancé le", "reminder date", "sent on", "date d'envoi"), True
    ),
    Field("channel", Shape.CHOICE, ("channel", "canal", "mode", "type", "moyen", "support"), True, choices=_CHANNELS),
    Field("recipient", Shape.TEXT, ("recipient", "destinataire", "à", "to", "contact", "e-mail", "adresse"), longest=254),
    Field("level", Shape.TEXT, ("level", "niveau", "relance", "étape", "step", "objet", "subject"), longest=120),
    Field("text", Shape.TEXT, ("text", "texte", "message", "commentaire", "contenu", "note", "comment"), longest=10_000),
)


@dataclass(frozen=True, slots=True)
class _Reminder:
    line: int
    invoice: str
    done_on: date
    channel: str
    recipient: str
    level: str
    text: str

    @property
    def key(self) -> tuple[str, date, str]:
        return self.channel, self.done_on, self.recipient.casefold()


def phase_of(channel: str, words: str, done_on: date, due_on: date) -> Phase:
    """How hard an earlier reminder pressed, from what it was called and how it left; before the due date it was a service."""
    said = folded(words)
    if done_on <= due_on:
        return Phase.SERVICE
    if _BEFORE_LEGAL.search(said):
        return Phase.FIRM
    if channel == Channel.REGISTERED or _LEGAL.search(said):
        return Phase.LEGAL
    return Phase.FIRM if channel == Channel.LETTER or _FIRM.search(said) else Phase.FRIENDLY


class ReminderLoader(Loader):
    """Each row becomes a done action, without a plan, of every instalment of its invoice that was due then (of the first, if none was)."""

    kind = ImportKind.REMINDERS.value
    fields = FIELDS

    def __init__(self) -> None:
        self._fresh: dict[str, list[_Reminder]] = {}

    def read(self, work: Work) -> None:
        found: dict[str, list[_Reminder]] = {}
        for line, values in work.rows():
            reminder = self._reminder(line, values, work)
            if reminder is not None:
                found.setdefault(reminder.invoice, []).append(reminder)
        numbers = list(found)
        for start in range(0, len(numbers), staging.CHUNK):
            part = numbers[start : start + staging.CHUNK]
            known = set(Installment.objects.filter(invoice__number__in=part).values_list("invoice__number", flat=True))
            told: dict[str, set[tuple[str, date, str]]] = {}
            rows = Action.objects.filter(installment__invoice__number__in=part, plan=None, state=ActionState.DONE)
            for number, channel, done_on, details in rows.values_list("installment__invoice__number", "channel", "done_on", "details"):
                if done_on is not None:
                    told.setdefault(number, set()).add((channel, done_on, str(details.get("recipient", "")).casefold()))
            for number in part:
                for reminder in found[number]:
                    if number not in known:
                        work.refuse(
                            reminder.line, "invoice", _("there is no invoice %(number)s: load the invoices first") % {"number": number}
                        )
                    elif reminder.key in told.setdefault(number, set()):
                        work.unchanged += 1
                    else:
                        told[number].add(reminder.key)
                        self._fresh.setdefault(number, []).append(reminder)
                        work.created += 1

    def write(self, work: Work) -> Iterator[object]:
        numbers = list(self._fresh)
        for start in range(0, len(numbers), staging.CHUNK):
            part = numbers[start : start + staging.CHUNK]
            ids = list(Installment.objects.filter(invoice__number__in=part).values_list("invoice_id", flat=True))
            locked = lock_items(invoice_ids=ids)
            items: dict[str, list[Installment]] = {}
            for item in sorted(locked.installments.values(), key=lambda item: item.position):
                items.setdefault(item.invoice.number, []).append(item)
            counted = _counted(list(locked.installments))
            actions = []
            for number in part:
                for reminder in sorted(self._fresh[number], key=lambda reminder: (reminder.done_on, reminder.line)):
                    chosen = [item for item in items[number] if item.due_on <= reminder.done_on] or items[number][:1]
                    for item in chosen:
                        counted[item.pk] = counted.get(item.pk, 0) + 1
                        actions.append(_action(item, reminder, counted[item.pk]))
                    yield [number, reminder.done_on, reminder.channel, reminder.recipient]
            Action.objects.bulk_create(actions, batch_size=2000)
            announce_change(sorted({action.installment_id for action in actions}), reason="history", today=work.today, now=work.now)

    def _reminder(self, line: int, values: dict[str, Any], work: Work) -> _Reminder | None:
        empty = next((name for name in ("invoice", "done_on", "channel") if values[name] is None), "")
        if empty:
            work.refuse(line, empty, _("this cell is empty and must not be"))
            return None
        if values["done_on"] > work.today:
            work.refuse(line, "done_on", _("a reminder of a day that has not come was not sent"))
            return None
        return _Reminder(
            line,
            values["invoice"],
            values["done_on"],
            values["channel"],
            values["recipient"] or "",
            values["level"] or "",
            values["text"] or "",
        )


def _counted(item_ids: list[UUID]) -> dict[UUID, int]:
    """How many imported reminders each item has already: their keys are numbered."""
    found: dict[UUID, int] = {}
    for identifier in Action.objects.filter(installment__in=item_ids, plan=None).values_list("installment_id", flat=True):
        found[identifier] = found.get(identifier, 0) + 1
    return found


def _action(item: Installment, reminder: _Reminder, ordinal: int) -> Action:
    return Action(
        installment=item,
        customer=item.customer,
        step_key=f"imported-{ordinal}",
        phase=phase_of(reminder.channel, f"{reminder.level} {reminder.text[:200]}", reminder.done_on, item.due_on),
        channel=reminder.channel,
        state=ActionState.DONE,
        taken_on=reminder.done_on,
        done_on=reminder.done_on,
        amount=item.outstanding,
        details={"recipient": reminder.recipient, "level": reminder.level, "text": reminder.text, "imported": True},
    )
