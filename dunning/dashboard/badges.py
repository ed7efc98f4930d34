"""Which of the four meanings a state has, and its icon: colour never stands alone."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Look(NamedTuple):
    tone: str  # "", info, soon, late-1, late-2, late-3, settled
    icon: str  # a lucide name


NEUTRAL = Look("", "circle")

# Keyed by the stored value. States of different models that share a word share its meaning.
LOOKS: dict[str, Look] = {
    # invoices, as the clerk follows them
    "issued": Look("", "file-text"),
    "received": Look("info", "mail-open"),
    "accepted": Look("info", "check"),
    "due": Look("", "calendar"),
    "due_soon": Look("soon", "calendar-clock"),
    "late": Look("late-1", "triangle-alert"),
    "partly_paid": Look("info", "circle-dot"),
    "paid": Look("settled", "check"),
    "settled": Look("settled", "check"),
    "covered_by_credit": Look("settled", "check"),
    "residue": Look("", "circle-dot"),
    # what holds a plan
    "promised": Look("info", "handshake"),
    "promise_freezes_customer": Look("info", "handshake"),
    "kept": Look("settled", "handshake"),
    "active": Look("info", "circle-check"),
    "signed": Look("soon", "pen-line"),
    "revoked": Look("", "ban"),
    "broken": Look("late-2", "handshake"),
    "disputed": Look("soon", "scale"),
    "held": Look("soon", "pause"),
    "held_theirs": Look("soon", "hourglass"),
    "held_ours": Look("late-2", "pause"),
    "tenant_held": Look("soon", "pause"),
    "insolvency": Look("late-3", "gavel"),
    "brake": Look("soon", "hand"),
    "not_received": Look("late-2", "mail-x"),
    "triage": Look("soon", "list-checks"),
    "no_contact": Look("late-2", "mail-x"),
    "suppressed": Look("late-2", "mail-x"),
    "ledger_not_covered": Look("soon", "wallet"),
    "unmatched_receipt": Look("soon", "wallet"),
    "reply_pending": Look("soon", "inbox"),
    "missing_value": Look("late-2", "circle-alert"),
    "document_missing": Look("late-2", "circle-alert"),
    "iban_missing": Look("late-2", "circle-alert"),
    "iban_mismatch": Look("late-2", "shield-alert"),
    "supervised": Look("soon", "stamp"),
    # messages
    "draft": Look("", "pencil"),
    "awaiting_approval": Look("soon", "stamp"),
    "queued": Look("info", "clock"),
    "sending": Look("info", "send"),
    "entrusted": Look("info", "mailbox"),
    "sent": Look("info", "send"),
    "retry": Look("soon", "rotate-ccw"),
    "uncertain": Look("soon", "circle-dashed"),
    "unproven": Look("soon", "circle-dashed"),
    "failed": Look("late-2", "circle-alert"),
    "delivered": Look("settled", "check-check"),
    "bounced": Look("late-2", "mail-x"),
    "not_reached": Look("late-2", "mail-x"),
    "complained": Look("late-2", "ban"),
    # webhooks
    "pending": Look("info", "clock"),
    "answers": Look("settled", "check"),
    "switched_off": Look("late-2", "pause"),
    # keys of the API
    "changing_over": Look("soon", "refresh-cw"),
    "expired": Look("", "calendar-x"),
    # what comes back
    "human": Look("soon", "inbox"),
    "absence": Look("info", "tree-palm"),
    "automatic": Look("", "bot"),
    "bounce": Look("late-2", "mail-x"),
    "stop": Look("late-2", "ban"),
    "handled": Look("settled", "check"),
    # files for the ledger
    "given": Look("soon", "pencil"),
    "checking": Look("info", "clock"),
    "checked": Look("info", "check"),
    "loading": Look("info", "clock"),
    "loaded": Look("settled", "check"),
    "quarantined": Look("late-2", "circle-alert"),
    "unreadable": Look("late-2", "circle-alert"),
    "rejected": Look("late-2", "shield-alert"),
    # bank details
    "proposed": Look("soon", "shield-alert"),
    "confirmed": Look("settled", "shield-check"),
    "refused": Look("", "shield-alert"),
    # actions and tasks
    "planned": Look("", "circle-dashed"),
    "due_now": Look("info", "clock"),
    "not_yet": Look("", "calendar"),
    "open": Look("soon", "circle-dot"),
    "done": Look("settled", "check"),
    "executed": Look("settled", "check"),
    "not_done": Look("", "circle-slash"),
    "skipped": Look("", "circle-slash"),
    "superseded": Look("", "circle-slash"),
    "cancelled": Look("", "ban"),
    "withdrawn": Look("", "undo-2"),
    "granted": Look("settled", "check"),
    "lapsed": Look("", "hourglass"),
    "taken_back": Look("", "undo-2"),
}

# The screen's own words, for states that are computed and have no enum of their own.
LABELS: dict[str, Promise] = {
    "due_soon": _("Due soon"),
    "late": _("Late"),
    "partly_paid": _("Partly paid"),
    "paid": _("Paid"),
}

CHANNEL_ICONS: dict[str, str] = {
    "email": "mail",
    "sms": "message-square",
    "letter": "mailbox",
    "registered": "stamp",
    "call": "phone",
    "task": "clipboard-check",
}
