"""A record's timeline as the page draws it: what comes next above, what was said and done below."""

from collections.abc import Iterable
from typing import Final

from django.urls import reverse

from dunning.dashboard.badges import CHANNEL_ICONS, LOOKS, NEUTRAL
from dunning.dashboard.components import TimelineEntry
from scenarios.selectors import Entry, Future, Timeline

ICONS: Final[dict[str, str]] = {
    "invoice": "file-text",
    "message": "mail",
    "reply": "inbox",
    "step": "clipboard-check",
    "call": "phone",
    "payment": "wallet",
    "credit": "receipt",
    "write_off": "eraser",
    "act": "mail-open",
    "visit": "eye",
    "dispute": "scale",
    "position": "message-square",
    "promise": "handshake",
    "plan": "calendar-clock",
    "hold": "pause",
    "commitment": "gavel",
    "habit": "timer-off",
}
VOID: Final = frozenset({"cancelled", "skipped", "taken_back", "withdrawn", "superseded"})
SETTLES: Final = frozenset({"payment", "credit"})


def drawn(found: Timeline, *, one_invoice: bool = True) -> list[TimelineEntry]:
    """The latest first: the future, furthest first, then the past. `one_invoice` leaves out the number that every line would repeat."""
    future = [_coming(step, one_invoice) for step in reversed(found.future)]
    return [*future, *(_past(entry, one_invoice) for entry in found.past)]


def drawn_past(entries: Iterable[Entry]) -> list[TimelineEntry]:
    """What was said and done, about whatever invoice, in the order given."""
    return [_past(entry, False) for entry in entries]


def _coming(step: Future, one_invoice: bool) -> TimelineEntry:
    said = [step.reason, "" if one_invoice else step.invoice]
    return TimelineEntry(
        on=step.on,
        title=step.title,
        icon="circle-dashed",
        is_future=True,
        summary=" · ".join(part for part in said if part),
    )


def _past(entry: Entry, one_invoice: bool) -> TimelineEntry:
    tone = LOOKS.get(entry.code, NEUTRAL).tone if entry.code else "settled" if entry.kind in SETTLES and not entry.state else ""
    said = dict.fromkeys([entry.detail, "" if one_invoice else entry.invoice])
    replied = reverse("dashboard:reply", args=[entry.id]) if entry.kind == "reply" and entry.id is not None else ""
    is_message = entry.kind == "message" and entry.id is not None
    words = reverse("dashboard:said", args=[entry.act]) if entry.act is not None else ""
    return TimelineEntry(
        on=entry.on,
        title=entry.title,
        icon=CHANNEL_ICONS.get(entry.channel, ICONS.get(entry.kind, "circle")),
        at=entry.at,
        is_void=entry.code in VOID or bool(entry.state and entry.kind in (*SETTLES, "write_off", "act")),
        tone="late" if tone.startswith("late") else tone,
        summary=" · ".join(part for part in said if part),
        state=(entry.code or "taken_back") if entry.state else "",
        state_label=entry.state,
        amount=entry.amount,
        currency=entry.currency or "EUR",
        body_url=reverse("dashboard:message_proof", args=[entry.id]) if is_message else words,
        page_url=reverse("dashboard:message", args=[entry.id]) if is_message else replied or words,
    )
