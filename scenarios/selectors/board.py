"""The departure board: what leaves today, what is kept back and why, and what our own people freeze (rule 15, story 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Min, Q, Sum

from dunning.core.models import OrganizationProfile
from invoices.models import Hold, Payment
from notifications.enums import LEFT, MessageState
from notifications.models import Message
from notifications.selectors import Departures, waiting_board
from scenarios.enums import CommitmentState, Reason
from scenarios.models import Commitment, DailyRun, Schedule
from scenarios.selectors.why import REMEDIES, reason_words

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
)
"""Reasons for which an item waits for an act of our own: "frozen by us"."""


@dataclass(frozen=True, slots=True)
class FrozenAmount:
    """What waits for us under one reason: items and money by currency, and since when the oldest of its items is due."""

    reason: str
    label: str
    remedy: str
    items: int
    amounts: dict[str, Decimal]
    oldest_due_on: date | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Messages kept back for one reason."""

    reason: str
    label: str
    messages: int


@dataclass(frozen=True)
class Board:
    """One day. Amounts are by currency, never summed across them. `held_since` is set while everything is held at once."""

    leaving: Departures
    awaiting_approval: Departures
    held: Departures
    kept: Sequence[Kept]
    left_today: int
    frozen: Sequence[FrozenAmount]
    run: DailyRun | None
    everything_held: bool
    held_reason: str

    @property
    def is_braked(self) -> bool:
        """Whether the day's run stopped and asks."""
        return self.run is not None and self.run.brake is not None and not self.run.brake_released_by


def board(*, today: date) -> Board:
    """The departure board of the local day."""
    waiting = waiting_board()
    profile = OrganizationProfile.objects.get()
    return Board(
        leaving=waiting.queued,
        awaiting_approval=waiting.awaiting_approval,
        held=waiting.held,
        kept=_kept(),
        left_today=Message.objects.filter(planned_on=today, state__in=[*LEFT, MessageState.BOUNCED]).count(),
        frozen=frozen_by_us(),
        run=DailyRun.objects.filter(local_date=today).first(),
        everything_held=profile.held_at is not None,
        held_reason=profile.held_reason,
    )


def _kept() -> list[Kept]:
    rows = (
        Message.objects.filter(Q(state=MessageState.HELD) | (Q(state=MessageState.QUEUED) & ~Q(reason="")))
        .values("reason")
        .annotate(n=Count("pk"))
        .order_by("-n", "reason")
    )
    return [Kept(row["reason"], reason_words(row["reason"]), row["n"]) for row in rows]


def frozen_by_us() -> list[FrozenAmount]:
    """Overdue or not, what waits for our own act, the oldest first (story 4: "why did nothing leave?")."""
    rows = (
        Schedule.objects.filter(reason__in=OUR_ACT, installment__outstanding__gt=0)
        .values("reason", currency=F("installment__currency"))
        .annotate(items=Count("pk"), amount=Sum("installment__outstanding"), oldest=Min("installment__due_on"))
        .order_by("reason")
    )
    found: dict[str, FrozenAmount] = {}
    for row in rows:
        reason = Reason(row["reason"])
        before = found.get(reason)
        found[reason] = FrozenAmount(
            reason.value,
            str(reason.label),
            str(REMEDIES.get(reason, "")),
            row["items"] + (before.items if before else 0),
            {**(before.amounts if before else {}), row["currency"]: row["amount"]},
            min(row["oldest"], before.oldest_due_on or row["oldest"]) if before else row["oldest"],
        )
    return sorted(found.values(), key=lambda frozen: (frozen.oldest_due_on or date.max, frozen.reason))


def residues() -> list[Schedule]:
    """Residues proposed for write-off (rule 1): partly settled items with next to nothing left, never escalated."""
    rows = Schedule.objects.filter(reason=Reason.RESIDUE, installment__outstanding__gt=0)
    return list(rows.select_related("installment__invoice", "customer").order_by("-installment__outstanding", "pk"))


def late_commitments(*, today: date) -> list[Commitment]:
    """Consequences announced and neither carried out nor withdrawn in time (rule 11): do what you say."""
    rows = Commitment.objects.filter(state=CommitmentState.OPEN, due_on__lt=today)
    return list(rows.select_related("installment__invoice", "customer").order_by("due_on", "pk"))


def announced_commitments(*, customer_id: UUID) -> list[Commitment]:
    """What was announced to this customer and is neither carried out nor withdrawn yet, the first due first."""
    rows = Commitment.objects.filter(state=CommitmentState.OPEN, customer=customer_id)
    return list(rows.select_related("installment__invoice", "customer").order_by("due_on", "pk"))


def holds_ending(*, today: date, until: date) -> list[Hold]:
    """Pauses that end within these days."""
    rows = Hold.objects.filter(released_on=None, ends_on__gte=today, ends_on__lte=until)
    return list(rows.select_related("customer", "installment__invoice").order_by("ends_on", "pk"))


@dataclass(frozen=True, slots=True)
class Night:
    """What the machine did last: the day of its latest finished run, what left that day, and the receipts entered since."""

    on: date
    decided: int
    sent: int
    receipts: int


def last_night(*, today: date) -> Night | None:
    """The latest finished run through `today`; None before the first one."""
    run = DailyRun.objects.filter(local_date__lte=today, finished_at__isnull=False).order_by("-local_date").first()
    if run is None:
        return None
    sent = Message.objects.filter(planned_on=run.local_date, state__in=[*LEFT, MessageState.BOUNCED]).count()
    receipts = Payment.objects.filter(entered_on__gte=run.local_date, entered_on__lte=today, cancelled_at=None).count()
    return Night(run.local_date, run.items, sent, receipts)
