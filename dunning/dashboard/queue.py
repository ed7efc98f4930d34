"""The work queue as the page lays it out: an icon, a tone, where each row leads and what finishes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.dashboard import formatting
from scenarios.enums import TaskKind
from scenarios.selectors import QueueEntry

ICONS: Final[dict[str, str]] = {
    TaskKind.CALL: "phone",
    TaskKind.APPROVAL: "stamp",
    TaskKind.POST_LETTER: "mailbox",
    TaskKind.FIND_CONTACT: "mail-x",
    TaskKind.MATCH_RECEIPT: "wallet",
    TaskKind.ALLOCATE_CREDIT: "wallet",
    TaskKind.ANSWER_DISPUTE: "scale",
    TaskKind.CREDIT_NOTE: "receipt",
    TaskKind.SUPPLY_DOCUMENT: "file-text",
    TaskKind.TRIAGE: "list-checks",
    TaskKind.HAND_OVER: "gavel",
    TaskKind.DECISION: "scale",
    TaskKind.DECLARE_CLAIM: "gavel",
    TaskKind.RECLAIM_GOODS: "gavel",
    TaskKind.CONFIRM_SPLIT: "gavel",
    TaskKind.LIMITATION: "gavel",
    TaskKind.UNCERTAIN_SENDING: "circle-dashed",
    TaskKind.HOLD_EXPIRED: "hourglass",
    TaskKind.REPLY: "inbox",
    TaskKind.ACTIVATE_MANDATE: "landmark",
    TaskKind.CONFIRM_CONTACT: "user-plus",
    TaskKind.FRAUD_ALERT: "shield-alert",
    "unmatched_reply": "inbox",
    "receipt": "wallet",
    "broken_promise": "handshake",
    "broken_plan": "calendar-clock",
    "letter": "mailbox",
    "held_message": "pause",
    "hold_ends": "hourglass",
    "commitment": "gavel",
}
MOST_IN_A_GROUP: Final = 25


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `url` leads to what it is about, `open_url` is the fragment that finishes it in place ("" for none)."""

    entry: QueueEntry
    title: str
    reason: str
    icon: str
    tone: str
    url: str
    open_url: str
    since: str

    @property
    def key(self) -> str:
        """What the row's element is called."""
        return str(self.entry.id)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one kind; `url` does them one after another, "" when nothing does."""

    title: str
    rows: Sequence[Row]
    count: int
    url: str = ""

    @property
    def hidden(self) -> int:
        """How many more there are than are shown."""
        return self.count - len(self.rows)


def grouped(entries: Iterable[QueueEntry], *, may_work: bool) -> list[Group]:
    """The queue by kind, in its order; of a long kind the first ones, the others come up as these are finished.

    Who may not work opens tasks to read them, and nothing that is only an act.
    """
    groups = []
    for title, members in groupby(entries, key=lambda entry: entry.group):
        rows = list(members)
        url = reverse("dashboard:calls") if may_work and rows[0].kind == TaskKind.CALL else ""
        groups.append(Group(title, [_row(entry, may_work) for entry in rows[:MOST_IN_A_GROUP]], len(rows), url))
    return groups


def _row(entry: QueueEntry, may_work: bool) -> Row:
    customer = entry.customer.name if entry.customer is not None else ""
    is_told = entry.kind == TaskKind.CALL and entry.detail
    said = ["" if is_told or entry.title in (customer, entry.group) else entry.title, entry.detail]
    return Row(
        entry,
        customer or entry.title,
        " · ".join(part for part in said if part) if customer else entry.detail,
        ICONS.get(entry.kind, "clipboard-check"),
        "late" if entry.is_late else "info",
        _leads_to(entry),
        _opens(entry, may_work),
        _since(entry),
    )


def _leads_to(entry: QueueEntry) -> str:
    if entry.kind in ("letter", TaskKind.POST_LETTER):
        return reverse("dashboard:letters")
    if entry.kind == "receipt":
        return reverse("dashboard:payment", args=[entry.id])
    if entry.kind == "unmatched_reply":
        return reverse("dashboard:reply", args=[entry.id])
    if entry.kind == TaskKind.REPLY and entry.customer is not None:
        return f"{reverse('dashboard:inbox')}?customer={entry.customer.pk}"
    if entry.kind == TaskKind.CONFIRM_SPLIT and entry.customer is not None:
        return reverse("dashboard:insolvency_split", args=[entry.customer.pk])
    if entry.kind == "held_message":
        return reverse("dashboard:message", args=[entry.id])
    task = entry.task
    if task is not None and task.message_id is not None:
        return reverse("dashboard:message", args=[task.message_id])
    if task is not None and task.payment_id is not None:
        return reverse("dashboard:payment", args=[task.payment_id])
    return reverse("dashboard:customer", args=[entry.customer.pk]) if entry.customer is not None else ""


def _opens(entry: QueueEntry, may_work: bool) -> str:
    if entry.kind == "commitment" and may_work:
        return reverse("dashboard:withdraw_commitment", args=[entry.id])
    return reverse("dashboard:task", args=[entry.task.pk]) if entry.task is not None else ""


def _since(entry: QueueEntry) -> str:
    if entry.kind == "hold_ends":
        return _("ends on %s") % formatting.date_short(entry.due_on)
    if entry.kind in ("receipt", "unmatched_reply"):
        return _("received %s") % formatting.date_short(entry.due_on)
    return _("due %s") % formatting.date_short(entry.due_on)
