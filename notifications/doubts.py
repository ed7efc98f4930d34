"""What can still be found out about a message whose answer was lost, by what its provider declares, and when.

| capability | then |
|---|---|
| idempotent | the same bytes are posted again under the same name, soon, for half the time its provider keeps that name |
| look-up | it is asked for our name, not before it can be found; twice absent, a quarter of an hour apart, it certainly did not leave |
| callback, none | wait for its report, or for a person |
| paper | always a person, whatever is declared |

After a day without a word it is unproven.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from dunning.core.enums import PAPER_CHANNELS
from notifications.accounts import provider_of
from notifications.enums import AttemptOutcome, MessageState
from notifications.models import Attempt, Message, ProviderAccount
from notifications.providers.base import Capability, Misconfigured, Provider

UNPROVEN_AFTER: Final = timedelta(hours=24)
REPEAT_AFTER: Final = timedelta(seconds=30)  # doubled after each repetition
LOOK_UP_AFTER: Final = timedelta(minutes=10)  # whatever a provider declares
ABSENT_FOR: Final = timedelta(minutes=15)  # between the two look-ups that prove an absence
ASK_AGAIN: Final = timedelta(minutes=2)  # when it could not be asked
OPEN: Final = (AttemptOutcome.PENDING, AttemptOutcome.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Doubt:
    """The tries of a message that may have succeeded, and through what: the account of the try, whatever was set up since."""

    first: Attempt
    last: Attempt
    tries: int
    account: ProviderAccount | None
    provider: Provider | None

    @property
    def ends_at(self) -> datetime:
        """When it becomes unproven."""
        return self.first.started_at + UNPROVEN_AFTER

    def may_repeat(self, now: datetime) -> bool:
        """Whether posting it again cannot double it: half the provider's memory is left for clocks and calls to go wrong in."""
        if self.provider is None or Capability.IDEMPOTENT not in self.provider.capabilities:
            return False
        return now - self.first.started_at < timedelta(seconds=self.provider.idempotent_for / 2)

    def may_look_up(self) -> bool:
        return self.provider is not None and Capability.LOOK_UP in self.provider.capabilities

    def found_from(self) -> datetime:
        """From when a look-up tells something: after the settling time, and for the second one a quarter of an hour after the first."""
        declared = timedelta(seconds=self.provider.look_up_after) if self.provider is not None else LOOK_UP_AFTER
        settled = self.last.started_at + max(declared, LOOK_UP_AFTER)
        return max(settled, self.last.absent_since + ABSENT_FOR) if self.last.absent_since else settled

    def next_at(self, now: datetime) -> datetime:
        """When something can be found out next."""
        if self.may_repeat(now):
            pause = timedelta(seconds=REPEAT_AFTER.total_seconds() * 2 ** (self.tries - 1))
            return min(now + pause, self.ends_at)
        if self.may_look_up():
            return min(max(self.found_from(), now), self.ends_at)
        return self.ends_at


def past_their_day(message_ids: Iterable[UUID], now: datetime) -> set[UUID]:
    """Of these, the uncertain ones for which the day is over: a person is asked, and no service."""
    tries = Attempt.objects.filter(message__in=list(message_ids), message__state=MessageState.UNCERTAIN, outcome__in=OPEN)
    return set(tries.filter(started_at__lte=now - UNPROVEN_AFTER).values_list("message_id", flat=True))


def doubt_of(message: Message) -> Doubt | None:
    """What is uncertain about a message; None when no try of it is open."""
    tries = list(Attempt.objects.filter(message=message, outcome__in=OPEN).select_related("account").order_by("number"))
    if not tries:
        return None
    account, provider = tries[-1].account, None
    if account is not None and message.channel not in PAPER_CHANNELS:
        try:
            provider = provider_of(account)
        except Misconfigured:  # its secrets cannot be read any more: nobody can be asked
            provider = None
    return Doubt(tries[0], tries[-1], len(tries), account, provider)
