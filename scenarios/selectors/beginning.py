"""The first hour of an organization, step by step: what is done, what is left, with counts and amounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from dunning.core.selectors import get_profile
from invoices.enums import FileState, ImportKind, TriageChoice
from invoices.models import ImportBatch, ImportFile, Invoice
from invoices.selectors import coverage_through
from invoices.selectors.imports import ledger_total
from invoices.selectors.proposals import topic_counts
from invoices.selectors.triage import triage_totals
from invoices.selectors.unreachable import unreachable
from notifications.enums import LEFT, MessageKind, MessageState
from notifications.models import Message
from scenarios.models import DailyRun

ITEMS, CONTROL, TRIAGE, CUSTOMERS, ADDRESSES, LEDGER, BOARD, TEST, APPROVE = (
    "items", "control", "triage", "customers", "addresses", "ledger", "board", "test", "approve",
)  # fmt: skip
STEPS: Final = (ITEMS, CONTROL, TRIAGE, CUSTOMERS, ADDRESSES, LEDGER, BOARD, TEST, APPROVE)
BY_WORD: Final = frozenset({CONTROL, CUSTOMERS, ADDRESSES, BOARD})
"""Steps a person may call done: that the total is right, that enough was confirmed, that the board was looked at."""
ENOUGH: Final = 10
"""Messages to approve before an organization knows what it lets go."""
_GOING: Final = (*LEFT, MessageState.BOUNCED, MessageState.QUEUED, MessageState.SENDING, MessageState.RETRY)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `count` and `amounts` say what is left, or what there is; `on` is the day that matters (receipts, or when it was said)."""

    key: str
    is_done: bool
    count: int = 0
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    on: date | None = None
    by_word: bool = False


def is_beginning() -> bool:
    """Whether nothing was ever sent by a plan: the first steps are shown until then."""
    return not Message.objects.filter(kind=MessageKind.REMINDER, state__in=[*LEFT, MessageState.BOUNCED]).exists()


def first_steps(*, today: date) -> list[Step]:
    """The steps in their order, each as it stands today."""
    said = get_profile().first_steps
    has_items = Invoice.objects.exists()
    triage = triage_totals()[TriageChoice.WAITING]
    proposals = sum(topic_counts().values()) if has_items else 0
    without = unreachable(today=today, limit=0)
    approved = Message.objects.filter(kind=MessageKind.REMINDER, state__in=_GOING).count()
    waiting = Message.objects.filter(state=MessageState.AWAITING_APPROVAL).count()
    covered = coverage_through()
    steps = (
        Step(ITEMS, has_items, ImportBatch.objects.filter(undone_at=None).count()),
        Step(CONTROL, has_items and (CONTROL in said or _was_compared()), amounts=ledger_total()),
        Step(TRIAGE, has_items and triage.items == 0, triage.items, triage.amounts),
        Step(CUSTOMERS, has_items and (CUSTOMERS in said or proposals == 0), proposals),
        Step(ADDRESSES, has_items and (ADDRESSES in said or without.customers == 0), without.customers, without.amounts),
        Step(LEDGER, covered is not None, on=covered),
        Step(BOARD, has_items and (BOARD in said or DailyRun.objects.filter(finished_at__isnull=False).exists())),
        Step(TEST, Message.objects.filter(kind=MessageKind.TEST, state__in=LEFT).exists()),
        Step(APPROVE, approved >= ENOUGH or bool(approved and not waiting), waiting),
    )
    return [
        Step(step.key, step.is_done, step.count, step.amounts, step.on, by_word=step.key in BY_WORD and step.key in said) for step in steps
    ]


def _was_compared() -> bool:
    """Whether a snapshot was loaded whose open lines came to the balance a person gave."""
    loaded = ImportFile.objects.filter(kind=ImportKind.OPEN_ITEMS, state=FileState.LOADED, batch__undone_at=None)
    return loaded.exclude(answers__control_total="").filter(answers__has_key="control_total").exists()
