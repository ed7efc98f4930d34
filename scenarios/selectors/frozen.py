"""Frozen by us: what waits for an act of our own, by the cause a person can remove (story 4: "why did nothing leave?")."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

from invoices.enums import HoldKind, HoldSide
from invoices.owed import JOINED
from scenarios.enums import Reason
from scenarios.selectors.why import REMEDIES

OUR_ACT: Final = (
    Reason.HELD_OURS,
    Reason.CREDIT_NOTE_PENDING,
    Reason.DISPUTED,
    Reason.DISPUTE_OPEN,
    Reason.UNALLOCATED_CREDIT,
    Reason.NOT_RECEIVED,
    Reason.REPLY_PENDING,
    Reason.TRIAGE,
    Reason.NO_CONTACT,
    Reason.NO_PLAN,
    Reason.IBAN_MISSING,
    Reason.LEGAL_REGIME_UNKNOWN,
    Reason.LEDGER_NOT_COVERED,
    Reason.REQUIREMENT_MISSING,
    Reason.INSOLVENCY_UNSURE,
)
"""Reasons for which an item waits for an act of our own: "frozen by us"."""


LINE: Final = f"""CASE WHEN s.reason <> '{Reason.HELD_OURS}' THEN s.reason ELSE '{Reason.HELD_OURS}' || coalesce(
    (SELECT ':' || h.kind FROM invoices_hold h WHERE h.organization_id = i.organization_id AND h.customer_id = i.customer_id
     AND (h.installment_id IS NULL OR h.installment_id = i.id) AND h.released_on IS NULL AND h.side = '{HoldSide.OURS}'
     AND (h.kind <> '{HoldKind.CREDIT_NOTE_PENDING}' OR h.amount IS NULL)
     ORDER BY h.installment_id IS NULL, h.starts_on, h.id LIMIT 1), '') END"""
"""The cause as SQL on an item `i` and its schedule `s`: the reason, and of a pause of ours its kind - `held_ours:document_owed`."""

WAITING: Final = f"""{JOINED} JOIN scenarios_schedule s ON s.organization_id = i.organization_id AND s.installment_id = i.id
WHERE i.outstanding > 0 AND s.reason = ANY(%(reasons)s)"""
CREDIT_NOTE_OWED: Final = f"{Reason.HELD_OURS}:{HoldKind.CREDIT_NOTE_PENDING}"
REASONS: Final = [reason.value for reason in OUR_ACT]


def causes() -> dict[str, str]:
    """Every cause there may be, with its name."""
    named = {reason.value: str(reason.label) for reason in OUR_ACT}
    return named | {f"{Reason.HELD_OURS}:{kind.value}": str(kind.label) for kind in HoldKind}


def remedy_of(cause: str) -> str:
    """What a person does about it; "" when there is nothing to say."""
    if cause == CREDIT_NOTE_OWED:
        return _("Enter the credit note: the pause ends with it.")
    return str(REMEDIES.get(Reason(cause.partition(":")[0]), ""))


@dataclass(frozen=True, slots=True)
class FrozenAmount:
    """What waits for us for one cause: items and money by currency, and since when the oldest of its items is due."""

    cause: str
    label: str
    remedy: str
    items: int
    amounts: dict[str, Decimal]
    oldest_due_on: date

    @property
    def currency(self) -> str:
        """The first of its currencies."""
        return min(self.amounts)


def frozen_by_us() -> list[FrozenAmount]:
    """Overdue or not, what waits for our own act, the oldest first; as the last run, or event, found it."""
    sql = f"""SELECT line, currency, count(*), sum(outstanding), min(due_on)
FROM (SELECT {LINE} AS line, v.currency, i.outstanding, i.due_on FROM {WAITING}) waiting GROUP BY 1, 2 ORDER BY 1, 2"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {"reasons": REASONS})
        rows: list[Any] = cursor.fetchall()
    names, found = causes(), dict[str, FrozenAmount]()
    for cause, currency, items, amount, oldest in rows:
        before = found.get(cause)
        found[cause] = FrozenAmount(
            cause,
            names[cause],
            remedy_of(cause),
            items + (before.items if before else 0),
            {**(before.amounts if before else {}), currency: amount},
            min(oldest, before.oldest_due_on) if before else oldest,
        )
    return sorted(found.values(), key=lambda frozen: (frozen.oldest_due_on, frozen.cause))
