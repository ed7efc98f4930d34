"""News that travels up, and the one question asked before a message leaves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.dispatch import Signal

# message_ids: list[UUID], now: datetime - accepted, failed, bounced, posted, cancelled…: the plan moves on
message_settled = Signal()
# message: Message (locked by the receiver, in the order of locks), now: datetime, preview: bool, together: Together
# -> Go | Stop; exactly one receiver
about_to_send = Signal()
# news: CardNews of a payment page, now: datetime -> bool, whether the page is known; exactly one receiver
card_reported = Signal()


@dataclass(slots=True)
class Together:
    """The messages asked about in one transaction, one after the other; `memory` is the receiver's own, for what serves them all.

    What a message changed - it left, or was stopped - is in the database at the next question once `written` was called: memory of it is
    the receiver's to drop. Those that left are written together, so whoever reads messages for an answer calls it first.
    """

    message_ids: Sequence[UUID]
    memory: dict[str, Any] = field(default_factory=dict)
    written: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a letter claims, in all, and the account it asks to be paid to; `items` are the instalments it claims, `accessories` what it
    claims beside their principal: penalties and fixed sum by instalment."""

    amount: Decimal
    currency: str
    holder: str
    iban: str
    items: tuple[UUID, ...] = ()
    accessories: tuple[tuple[UUID, Decimal, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """The message may leave, with fresh values: flat placeholders already formatted, and the files that go with it.

    `attachments` are (document id, file name), `items` the instalments it names. For a letter `letter` carries what its page needs beside
    the text, and `claim` is what whoever checks it is told. `references` are Message-IDs, when there are more than the one replied to.
    """

    context: Mapping[str, Any]
    attachments: tuple[tuple[UUID, str], ...] = ()
    recipient: str = ""
    recipient_name: str = ""
    postal_address: tuple[str, ...] = ()
    contact_id: UUID | None = None
    amount: Decimal = Decimal(0)
    item_count: int = 0
    items: tuple[UUID, ...] = ()
    sender: str = ""
    reply_to: str = ""
    in_reply_to: str = ""
    references: str = ""
    letter: Mapping[str, Any] = field(default_factory=dict)
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The message must not leave: `final` withdraws it, otherwise it is held and asked again at `until` or by a person.

    `for_approval`: it waits for a person's approval, as before its first one.
    """

    reason: str
    text: str = ""
    final: bool = False
    until: Any = None  # aware datetime
    for_approval: bool = False
