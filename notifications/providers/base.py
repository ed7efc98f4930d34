"""The port every provider stands behind: what it is handed, what it may answer, what it declares it can do.

A provider's answer is one of these, and each has one consequence (reliability is decided here, not in the caller):

- `Accepted`: it has the message. `ToPost`: it is a letter, printed by us, and a person will post it. `Entrusted`: it is a letter a postal
  service has, and will post.
- `NotAccepted`: it certainly does not have it; the same message may be tried again.
- `Refused`: it will never take it as it is.
- `Uncertain`: nobody knows. Never tried again blindly.
- `Released`: too little time was left before the write, so the provider was not called at all.

Anything else a provider raises is treated as `Uncertain`.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Flag, auto
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings

SEND_LEASE = settings.TRIAL.get("lease", 120.0)  # seconds a worker may act on a message it committed to send
SEND_TIMEOUT = SEND_LEASE / 6  # seconds one call may take
SAFETY_MARGIN = SEND_LEASE / 12  # seconds that must remain of the lease after a call that used its whole timeout
RESPONSE_LIMIT = 2_000  # characters kept of what a provider said
HOOK_TOKEN = "hook_token"  # noqa: S105  a name: among an account's secrets: the last part of the address of its way in
HOOK_SECRET = "hook_secret"  # noqa: S105  a name: name:password of that address, for services that do not sign their calls
HOOKS = "/hooks"  # where the ways in begin


class Capability(Flag):
    """What can be relied on when an answer was lost."""

    NONE = 0
    IDEMPOTENT = auto()  # the same message id posted again is not sent twice, for `idempotent_for` seconds
    LOOK_UP = auto()  # it can be asked whether it has a message id
    CALLBACK = auto()  # it reports back, naming our id
    FOLLOW = auto()  # it can be asked how far a letter has come that it took, and for its proofs
    LOCAL = auto()  # nothing leaves the machine: no call can be lost


@dataclass(frozen=True, slots=True)
class Account:
    """An organization's access to one provider; `secrets` are decrypted and never printed."""

    id: UUID
    kind: str
    channel: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as the recipient sees it."""

    filename: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A frozen message, as it is handed over. `message_id` is the one stable name it has everywhere.

    `sender` is “Name <address>” for e-mail, a number or name for text messages; `header_id`, `in_reply_to` and `references` are Message-IDs
    with brackets, and without an `in_reply_to` it is that of `references`. `by_person`: somebody wrote it, so it is not called automatic.
    """

    message_id: UUID
    channel: str
    sender: str
    recipient: str
    recipient_name: str = ""
    reply_to: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    header_id: str = ""
    in_reply_to: str = ""
    references: str = ""
    by_person: bool = False
    files: tuple[File, ...] = ()
    # paper alone: the lines of the window, and the letter with its copies as one PDF
    postal_address: tuple[str, ...] = ()
    letter: File | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_id: str = ""
    response: str = ""


@dataclass(frozen=True, slots=True)
class ToPost:
    """The letter is ready to be printed; posting it is recorded by a person."""


@dataclass(frozen=True, slots=True)
class Entrusted:
    """A postal service has the letter and will print it; it counts from the day its posting is reported."""

    provider_id: str = ""
    response: str = ""


class ProviderError(Exception):
    """Base of the answers that are not an acceptance; `text` is what a person reads."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text[:RESPONSE_LIMIT]


class NotAccepted(ProviderError):
    """Certainly not accepted; try again, not before `retry_after` seconds when given.

    `service`: the service as a whole did not answer or is busy, so other messages need not try; else it concerns this message alone.
    """

    def __init__(self, text: str, *, retry_after: float | None = None, service: bool = True) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.service = service


class Refused(ProviderError):
    """Never to be accepted as it is. `address_at_fault`: this address is dead; `stopped`: its owner asked for silence.

    With neither, the message is held for a person: what is wrong with us must not cost the customer a contact.
    """

    def __init__(self, text: str, *, code: str = "", address_at_fault: bool = False, stopped: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.address_at_fault = address_at_fault
        self.stopped = stopped


class Uncertain(ProviderError):
    """The call may have succeeded: a reset, a timeout after the request was written, an answer that cannot be read."""


class Released(ProviderError):
    """The deadline is too near: nothing was written."""

    def __init__(self) -> None:
        super().__init__("Too little time was left: the message goes back to the queue.")


class Forged(Exception):
    """A call that cannot be shown to come from the provider: wrong or missing signature, too old, meant for another account."""


class Misconfigured(ProviderError):
    """The account's settings cannot work; raised when a provider is built, before anything is sent."""


def _elapsed() -> float:
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux: the monotonic clock stands still while the machine is suspended
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long this worker may still act on a message, on a clock that nobody sets and that runs on while the machine sleeps.

    A worker that was frozen (a paused machine) finds out here, next to the socket write: its lease may have gone to somebody else.
    """

    at: float
    timeout: float = SEND_TIMEOUT

    @classmethod
    def after(cls, seconds: float, timeout: float = SEND_TIMEOUT) -> "Deadline":
        return cls(_elapsed() + seconds, timeout)

    def remaining(self) -> float:
        return self.at - _elapsed()

    def require(self) -> None:
        """Call this as the last statement before the first byte that could commit the provider. Raises Released."""
        if self.remaining() < self.timeout + SAFETY_MARGIN:
            raise Released


@dataclass(frozen=True, slots=True)
class Callback:
    """A call a provider made to us, exactly as it came: nothing is parsed before it is verified.

    `url` is the public address it was made to, with its query, as providers sign it; `headers` have lower-case names.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider says became of one message.

    `kind` is a key of `settlement.EVENTS`. The message is named by `message_id`, our stable name, or by `provider_id`, the one the
    provider gave it. `event_id` names the event for good ("": the provider gives it no name); `at` is the provider's own time, if it says.
    """

    kind: str
    message_id: UUID | None = None
    provider_id: str = ""
    event_id: str = ""
    at: datetime | None = None
    recipient: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """A document a postal service keeps of a letter: `kind` is a key of `enums.ProofKind`, `address` where it is fetched."""

    kind: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Course:
    """How far a letter has come, as its postal service tells when it is asked."""

    reports: tuple[Report, ...] = ()
    tracking_number: str = ""
    proofs: tuple[Proof, ...] = ()


LARGEST_MAIL: Final = 25_000_000
"""Bytes of a call that passes on what somebody wrote with the files attached to it, and of a file that is fetched for one."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What somebody wrote to us through a provider. `headers` (lower-case names) are those that tell programs from people.

    `in_reply_to` and `references` are Message-IDs with brackets; `recipients` are all addresses it was sent to, ours among them.
    """

    event_id: str
    channel: str
    sender: str
    recipients: tuple[str, ...]
    sender_name: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    header_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class CardOrder:
    """A payment page to be opened: one amount, one reference. `checkout_id` is the one stable name it has everywhere."""

    checkout_id: UUID
    amount: Decimal
    currency: str
    reference: str
    description: str
    success_url: str
    cancel_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CardPage:
    """An open payment page: the service's own name for it, and where its payer goes."""

    provider_id: str
    address: str


@dataclass(frozen=True, slots=True)
class CardNews:
    """What a service reports of one payment page: `kind` is paid, failed or expired; `amount` is what was paid, as the service says.

    The page is named by `provider_id` and, when it is ours, by `checkout_id`. `is_test`: no money moved.
    """

    kind: str
    provider_id: str
    amount: Decimal
    currency: str
    checkout_id: UUID | None = None
    event_id: str = ""
    at: datetime | None = None
    is_test: bool = False


class Provider:
    """One way out. Subclasses declare the class attributes and implement `send`; instances are shared by a process's threads."""

    kind: ClassVar[str]
    channels: ClassVar[frozenset[str]]
    capabilities: ClassVar[Capability] = Capability.NONE
    idempotent_for: ClassVar[float] = 0.0
    look_up_after: ClassVar[float] = 600.0  # seconds after which an accepted message can be found
    rate_per_second: ClassVar[float | None] = None  # calls it takes unless the account says otherwise; None: as many as we make

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def is_local(self) -> bool:
        return Capability.LOCAL in self.capabilities

    @property
    def hears(self) -> bool:
        """Whether calls and mail can come in through it."""
        return type(self).receive is not Provider.receive or type(self).read is not Provider.read

    @property
    def signs_calls(self) -> bool:
        """Whether its calls carry a signature; otherwise their address carries a name and password (`callbacks.require_secret`)."""
        return True

    @property
    def hook_url(self) -> str:
        """The address of its way in, for providers that are told it with each message; blank when it has none."""
        token = self.account.secrets.get(HOOK_TOKEN, "")
        return f"{settings.PUBLIC_BASE_URL}{HOOKS}/{self.kind}/{token}" if token else ""

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted | ToPost | Entrusted:
        """Hand the message over. Raises one of the ProviderErrors of this module."""
        raise NotImplementedError

    def look_up(self, message_id: UUID, *, sent_at: datetime, deadline: Deadline) -> Accepted | None:
        """With LOOK_UP: what it knows of our message, None when it has none of that name. Raises NotAccepted when it cannot be asked now,
        Uncertain when its answer cannot be read.
        """
        raise NotImplementedError

    def verify(self, callback: Callback, *, now: datetime) -> str:
        """Show on its raw bytes, in constant time, that a call is the provider's. Cheap: it is asked before the call is kept.

        Returns the provider's own name of the call when its signature covers that name, so that the same call under another body is no
        second one; blank: the call is known by its body. Raises Forged.
        """
        with contextlib.suppress(ValueError):  # it is the provider's, and will be found unreadable by who reads it
            self.receive(callback, now=now)
        return ""

    def read(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming | CardNews]:
        """What a verified call says; events that mean nothing to us are left out. May call the provider back.

        Its `url` is then blank but for the query, and its headers lack credentials. Raises ValueError when it cannot be read.
        """
        return self.receive(callback, now=now)

    def receive(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        """Verify a call on its raw bytes, in constant time, then read it. A provider gives this, or `verify` and `read`.

        Raises Forged when it cannot be shown to be the provider's, ValueError when it is but cannot be read.
        """
        raise NotImplementedError

    def follow(self, provider_id: str, *, deadline: Deadline) -> Course:
        """With FOLLOW: how far a letter has come. Raises as `look_up` does."""
        raise NotImplementedError

    def fetch(self, proof: Proof, *, deadline: Deadline) -> bytes:
        """With FOLLOW: the document of a proof. Raises as `follow` does."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back connections."""


class CardService(Provider):
    """A service that charges cards on a page of its own. It sends nothing."""

    @property
    def is_test(self) -> bool:
        """Whether its key is of the mode in which no money moves."""
        raise NotImplementedError

    @property
    def is_ready(self) -> bool:
        """Whether it has all it needs to be offered: also what its reports are verified with."""
        raise NotImplementedError

    def takes(self, amount: Decimal, currency: str) -> bool:
        """Whether it charges a card with this amount."""
        raise NotImplementedError

    def open_page(self, order: CardOrder, deadline: Deadline) -> CardPage:
        """Open a payment page; the same order again is the same page. Raises one of the ProviderErrors of this module."""
        raise NotImplementedError

    def look_up_page(self, provider_id: str, deadline: Deadline) -> CardNews | None:
        """What became of a page; None while it is open. Raises as `look_up` does."""
        raise NotImplementedError
