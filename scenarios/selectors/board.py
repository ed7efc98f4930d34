"""The departure board: what leaves today, what is kept back and why, and what our own people freeze (rule 15, story 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from dunning.core.models import OrganizationProfile
from invoices.models import Hold, Payment
from notifications.enums import LEFT, MessageState
from notifications.models import Message
from notifications.selectors import Departures, waiting_board
from scenarios.enums import CommitmentState, Reason
from scenarios.models import Commitment, DailyRun
from scenarios.selectors.frozen import FrozenAmount, frozen_by_us
from scenarios.selectors.why import reason_words


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
    stopped: DailyRun | None
    """The run that stopped and asks: of several the oldest, whatever its day, as long as it keeps messages back."""
    everything_held: bool
    held_reason: str

    @property
    def is_braked(self) -> bool:
        """Whether a run stopped and asks."""
        return self.stopped is not None


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
        stopped=_stopped(today),
        everything_held=profile.held_at is not None,
        held_reason=profile.held_reason,
    )


def _stopped(today: date) -> DailyRun | None:
    asking = DailyRun.objects.filter(brake__isnull=False, brake_released_by="").order_by("local_date")
    return next((run for run in asking if run.local_date == today or held_since(run).exists()), None)


def held_since(run: DailyRun) -> QuerySet[Message]:
    """What the brake of this run keeps back: its messages, and those that replaced them on the days up to the next run that was stopped."""
    held = Message.objects.filter(state=MessageState.HELD, reason=Reason.BRAKE)
    stopped = DailyRun.objects.filter(local_date__gt=run.local_date, brake__isnull=False, brake_released_by="")
    following = stopped.order_by("local_date").values_list("local_date", flat=True).first()
    return held if following is None else held.filter(planned_on__lt=following)


def _kept() -> list[Kept]:
    rows = (
        Message.objects.filter(Q(state=MessageState.HELD) | (Q(state=MessageState.QUEUED) & ~Q(reason="")))
        .values("reason")
        .annotate(n=Count("pk"))
        .order_by("-n", "reason")
    )
    return [Kept(row["reason"], reason_words(row["reason"]), row["n"]) for row in rows]


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
