"""Messages outside the plan: acknowledgements, answers, confirmations, apologies. They neither wait nor count for spacing (rule 6).

Only what they are about is written here, as ids in `details`: `dispute` (`disputes`: all that were opened with it), `promise` (the
reference promises made together share), `payments`, `task_attempt`, `declaration` (of the debtor's page), `previous` (an earlier message),
`plan` (a payment plan), `mandate`, `items` (instalments), `copies` (attach the invoices), `account` (everything open in the message's
currency). Values are filled when they leave.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from customers.models import Contact, Customer
from dunning.core import audit
from dunning.core.enums import Channel, Phase
from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_profile
from invoices.models import Installment
from notifications import outbox
from notifications.enums import MessageKind, MessageState
from notifications.models import Message
from scenarios.enums import Reason

_ABOUT: Final = frozenset({"dispute", "promise", "task_attempt", "previous", "declaration", "plan", "mandate"})


def write(
    *,
    customer: Customer,
    kind: str,
    template_key: str,
    items: Collection[UUID] = (),
    about: Mapping[str, UUID | None] | None = None,
    payments: Collection[UUID] = (),
    disputes: Collection[UUID] = (),
    copies: bool = False,
    whole_account: bool = False,
    contact: Contact | None = None,
    recipient: tuple[str, str] | None = None,
    resends: Message | None = None,
    for_clerk: bool = False,
    channel: str = Channel.EMAIL,
    language: str = "",
    actor: str,
    today: date,
    now: datetime,
) -> Message:
    """Write one message in the customer's language (or `language`) and let it leave: at once; `for_clerk`, or supervised, once approved.

    `recipient` is (name, address) for somebody outside the customer's contacts, or exactly who received an earlier message; else the first
    contact of the chain when it leaves, or `contact`. Raises ValueError for an unknown key in `about`.
    """
    given = dict(about or {})
    if unknown := set(given) - _ABOUT:
        raise ValueError(f"A message cannot be about {', '.join(sorted(unknown))}.")
    details: dict[str, Any] = {key: str(value) for key, value in given.items() if value is not None}
    details["items"] = [str(pk) for pk in items]
    if payments:
        details["payments"] = [str(pk) for pk in payments]
    if disputes:
        details["disputes"] = [str(pk) for pk in disputes]
    if copies:
        details["copies"] = True
    if whole_account:
        details["account"] = True
    state, reason = opening_state(get_profile(), kind, today, for_clerk=for_clerk)
    if recipient is None and contact is not None:
        recipient = (contact.name or customer.name, contact.phone if channel == Channel.SMS else contact.email)
    name, address = recipient or ("", "")
    message = Message(
        customer=customer,
        contact=contact,
        channel=channel,
        kind=kind,
        phase=Phase.SERVICE,
        language=language or customer.language,
        template_key=template_key,
        state=state,
        reason=reason,
        planned_on=today,
        details=details,
        currency=_currency(items),
        recipient_name=name,
        recipient=address,
        resends=resends,
    )
    outbox.enqueue([message], now=now)
    body = {"kind": str(kind), "template": template_key, "state": str(state)}
    audit.record(actor=actor, action="message.written", target=message, body=body, now=now)
    return message


def dispute_ids(message: Message) -> list[str]:
    """The disputes a message is about: those that one act opened together, or a single one."""
    return message.details.get("disputes") or [pk for pk in (message.details.get("dispute"),) if pk]


def opening_state(profile: OrganizationProfile, kind: str, today: date, *, for_clerk: bool = False) -> tuple[MessageState, str]:
    """Rule 15: a supervised organization sees everything that goes to its customers first; a notice to its own people goes at once."""
    if for_clerk:
        return MessageState.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL.value
    if kind != MessageKind.INTERNAL and profile.supervised_until is not None and today <= profile.supervised_until:
        return MessageState.AWAITING_APPROVAL, Reason.SUPERVISED.value
    return MessageState.QUEUED, ""


def _currency(items: Collection[UUID]) -> str:
    """The currency of the items, "" when they have several or there are none."""
    found = set(Installment.objects.filter(pk__in=list(items)).values_list("invoice__currency", flat=True)) if items else set()
    return found.pop() if len(found) == 1 else ""
