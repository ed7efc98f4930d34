"""A customer's payer index as its record shows it: the figure, and line by line where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.dashboard import formatting
from invoices.payer_index import FEWEST_PAID, AdjustmentCode, Line, LineCode
from scenarios.selectors import ExplainedIndex

SHOWN = 12


@dataclass(frozen=True, slots=True)
class IndexLine:
    """One invoice, or a part of it that one payment settled: what it weighs, in per cent of the whole, and the points it brings."""

    invoice: str
    invoice_id: UUID
    amount: Decimal
    when: str
    points: Decimal
    weight: Decimal


@dataclass(frozen=True)
class DrawnIndex:
    """`value` is None while too little is known, for `why`. Lines come the heaviest first; `hidden` are the others, of `hidden_weight`."""

    value: Decimal | None
    base: Decimal | None
    tone: str
    word: str
    why: str
    currency: str
    lines: Sequence[IndexLine]
    hidden: int
    hidden_weight: Decimal
    adjustments: Sequence[tuple[str, int]]
    others: Sequence[str]


def drawn_index(found: ExplainedIndex | None) -> DrawnIndex | None:
    """None for a customer who never paid and owes nothing."""
    if found is None:
        return None
    index = found.index
    total = sum((line.amount for line in index.lines), Decimal(0))
    lines = sorted((_line(line, total, found) for line in index.lines), key=lambda line: (-line.weight, line.invoice))
    value = index.score if index.sufficient else None
    tone, word = _meaning(value)
    text = ngettext(
        "Insufficient data: one paid invoice in the last two years, %(least)s are needed.",
        "Insufficient data: %(count)s paid invoices in the last two years, %(least)s are needed.",
        index.paid_invoices,
    )
    return DrawnIndex(
        value=value,
        base=index.base,
        tone=tone,
        word=word,
        why="" if index.sufficient else text % {"count": index.paid_invoices, "least": FEWEST_PAID},
        currency=found.currency,
        lines=lines[:SHOWN],
        hidden=len(lines[SHOWN:]),
        hidden_weight=sum((line.weight for line in lines[SHOWN:]), Decimal(0)),
        adjustments=[(_adjustment(one.code, one.count), one.points) for one in index.adjustments],
        others=found.others,
    )


def _line(line: Line, total: Decimal, found: ExplainedIndex) -> IndexLine:
    days = line.days_late
    if line.code == LineCode.OVERDUE:
        when = ngettext("open, %(days)s day late", "open, %(days)s days late", days)
    elif days > 0:
        when = ngettext("paid %(days)s day late", "paid %(days)s days late", days)
    elif days < 0:
        when = ngettext("paid %(days)s day early", "paid %(days)s days early", -days)
    else:
        when = _("paid on time")
    weight = line.amount * 100 / total if total else Decimal(0)
    return IndexLine(
        line.invoice, found.invoices[line.invoice], line.amount, when % {"days": formatting.number(abs(days))}, line.points, weight
    )


def _meaning(value: Decimal | None) -> tuple[str, str]:
    if value is None:
        return "due", _("Insufficient data")
    if value >= 80:
        return "settled", _("Pays on time")
    if value >= 50:
        return "soon", _("Pays late")
    return "late-2", _("Pays very late")


def _adjustment(code: AdjustmentCode, count: int) -> str:
    words = {
        AdjustmentCode.PAID_AFTER_PRE_DUE: ngettext(
            "%(count)s invoice paid on time after a message before its due date",
            "%(count)s invoices paid on time after a message before their due date",
            count,
        ),
        AdjustmentCode.BROKEN_PROMISE: ngettext("%(count)s broken promise", "%(count)s broken promises", count),
    }
    return words[code] % {"count": formatting.number(count)}
