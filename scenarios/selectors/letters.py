"""What whoever holds one of our letters may check without an account: its figures as printed, and whether they still stand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

from dunning.core import bank
from dunning.core.models import BankDetailsChange, Document, Organization
from dunning.core.selectors import get_profile
from dunning.core.tenancy import tenant
from invoices.enums import InvoiceState
from invoices.models import Allocation, Installment
from notifications import letter_codes
from notifications.enums import NEVER_LEFT, WAITING, MessageState
from notifications.models import Attachment, Message, PrintedLetter

_UNFINISHED: Final = WAITING | {MessageState.SENDING}
"""A sheet printed in one of these is a draft: it is known to nobody."""
_TAKEN_BACK: Final = NEVER_LEFT | {MessageState.BOUNCED}
COPIES_FOR: Final = timedelta(days=184)
"""The six months the letter gives for taking away copies that were too many to bind behind it."""


class Standing(Enum):
    """What a letter is worth now."""

    STANDS = "stands"
    PART_SETTLED = "part_settled"  # something of what it claims was paid or credited since
    SETTLED = "settled"  # nothing of what it claims is left to pay
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class CheckedLetter:
    """A letter of ours. `changed_on`: the account it names is so new that people are told; `replaced_on`: since
    then another one is ours. `copies`: how many invoices may be taken away as PDF files, because they are not bound behind it."""

    creditor: str
    phone: str
    language: str
    dated: date
    amount: Decimal
    currency: str
    holder: str
    iban: str
    standing: Standing
    changed_on: date | None = None
    replaced_on: date | None = None
    copies: int = 0


def check_letter(code: str, *, now: datetime) -> CheckedLetter | None:
    """The letter of this code; None for a code nobody printed, a sheet that is not finished, and a creditor who is not served any more.

    Opens the organization's transaction itself: who asks names none.
    """
    with _opened(code) as found:
        return _checked(*found, now) if found is not None else None


@contextmanager
def copies_of_letter(code: str, *, now: datetime) -> Iterator[list[tuple[str, Document]]]:
    """Name and file of the invoices that are not bound behind the letter of this code; readable while the context lasts.

    Empty for a letter that has them behind it, one that was withdrawn or printed more than six months ago, and wherever
    `check_letter` finds none.
    """
    with _opened(code) as found:
        yield [(part.filename, part.document) for part in _copies(found[1], now)] if found is not None else []


@contextmanager
def _opened(code: str) -> Iterator[tuple[Organization, PrintedLetter] | None]:
    found = letter_codes.find(code)
    if found is None:
        yield None
        return
    with tenant(found.organization_id):
        organization = Organization.objects.filter(pk=found.organization_id, suspended_at=None).first()
        printed = PrintedLetter.objects.select_related("message").filter(message=found.message_id).first()
        if organization is None or printed is None or printed.message.state in _UNFINISHED:
            yield None
        else:
            yield organization, printed


def _copies(printed: PrintedLetter, now: datetime) -> list[Attachment]:
    if not printed.message.copies_are_apart or _is_withdrawn(printed.message) or now >= printed.printed_at + COPIES_FOR:
        return []
    return list(Attachment.objects.filter(message=printed.message).select_related("document").order_by("position"))


def _is_withdrawn(message: Message) -> bool:
    return message.state in _TAKEN_BACK or message.not_reached


def _checked(organization: Organization, printed: PrintedLetter, now: datetime) -> CheckedLetter:
    zone, profile = ZoneInfo(organization.timezone), get_profile()
    is_ours = printed.iban == profile.iban
    return CheckedLetter(
        creditor=profile.legal_name,
        phone=profile.signatory_phone or profile.phone,
        language=printed.message.language,
        dated=printed.printed_at.astimezone(zone).date(),
        amount=printed.amount,
        currency=printed.currency,
        holder=printed.holder,
        iban=printed.iban,
        standing=_standing(printed.message, printed),
        changed_on=_day(bank.new_since(now=now), zone) if is_ours else None,
        replaced_on=None if is_ours else _day(bank.replaced_since(printed.iban, since=min(printed.printed_at, now - bank.NEW_FOR)), zone),
        copies=len(_copies(printed, now)),
    )


def _standing(message: Message, printed: PrintedLetter) -> Standing:
    if _is_withdrawn(message):
        return Standing.WITHDRAWN
    if not printed.items:
        return Standing.STANDS
    if not Installment.objects.filter(pk__in=printed.items, outstanding__gt=0, invoice__state=InvoiceState.ISSUED).exists():
        return Standing.SETTLED
    since = Allocation.objects.filter(installment__in=printed.items, reversed_at=None, created_at__gt=printed.printed_at)
    return Standing.PART_SETTLED if since.exists() else Standing.STANDS


def _day(change: BankDetailsChange | None, zone: ZoneInfo) -> date | None:
    return change.decided_at.astimezone(zone).date() if change is not None and change.decided_at is not None else None
