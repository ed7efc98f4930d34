"""What people do with messages: approve, hold, withdraw, correct, say what became of them, and set up the ways out.

Every function runs inside `tenant()`, locks customers before messages, and writes one audit event per act, however many messages.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.enums import PAPER_CHANNELS, WRITTEN_CHANNELS, Channel
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import accounts, freezing, outbox, pace, routes, settlement
from notifications.enums import (
    WAITING,
    MessageKind,
    MessageState,
    Obstacle,
    ProviderKind,
    SuppressionReason,
)
from notifications.models import Message, ProviderAccount, Suppression
from notifications.providers.base import HOOK_SECRET, HOOK_TOKEN, Misconfigured
from notifications.selectors import today

STOPPABLE = frozenset({MessageState.QUEUED, MessageState.RETRY, MessageState.AWAITING_APPROVAL})
FROM_APPROVAL = "held_before_approval"  # in Message.details
HELD_BEFORE = "held_before_restore"  # likewise: why, and in whose words
WITHDRAWABLE = frozenset({*WAITING, MessageState.TO_POST})  # a printed letter that was not posted has not left


# --- before it leaves ------------------------------------------------------------------------------------------------------------------


def approve(*, message_ids: Iterable[UUID], actor: str, now: datetime) -> int:
    """Let messages leave that waited for a person; each still passes the gate. Returns how many did; the others are left alone."""
    return _change(
        message_ids,
        {MessageState.AWAITING_APPROVAL},
        MessageState.QUEUED,
        action="messages.approved",
        actor=actor,
        now=now,
        approved_by=actor[:120],
        approved_at=now,
        reason="",
        reason_text="",
    )


def hold(*, message_ids: Iterable[UUID], reason: str, actor: str, now: datetime) -> int:
    """Keep waiting messages back until they are released; `reason` is a person's words. Returns how many were."""
    ids = list(message_ids)
    unapproved = [message for message in outbox.lock(ids) if message.state == MessageState.AWAITING_APPROVAL]
    for message in unapproved:
        message.details[FROM_APPROVAL] = True
    Message.objects.bulk_update(unapproved, ["details"])
    return _change(
        ids,
        STOPPABLE,
        MessageState.HELD,
        action="messages.held",
        actor=actor,
        now=now,
        reason=Obstacle.BY_HAND,
        reason_text=reason[:500],
    )


def release(*, message_ids: Iterable[UUID], actor: str, now: datetime) -> int:
    """Let held messages try again, at once; one that was held before it was approved waits for that again. Returns how many were."""
    held = [message for message in outbox.lock(message_ids) if message.state == MessageState.HELD]
    for message in held:
        if message.reason == Obstacle.FORGOTTEN:  # whoever lets it go says that it did not leave
            settlement.close_tries(message)
    unapproved = {message.pk for message in held if message.details.get(FROM_APPROVAL)}
    released = 0
    for ids, state in (
        (unapproved, MessageState.AWAITING_APPROVAL),
        ({message.pk for message in held} - unapproved, MessageState.QUEUED),
    ):
        released += _change(
            ids,
            {MessageState.HELD},
            state,
            action="messages.released",
            actor=actor,
            now=now,
            reason="",
            reason_text="",
            not_before=None,
        )
    return released


def withdraw(*, message_ids: Iterable[UUID], reason: str, actor: str, now: datetime, code: str = Obstacle.BY_HAND) -> int:
    """Cancel messages that certainly have not left, unposted letters included. `code` and `reason` say why. Returns how many were."""
    return _change(
        message_ids,
        WITHDRAWABLE,
        MessageState.CANCELLED,
        action="messages.withdrawn",
        actor=actor,
        now=now,
        reason=str(code)[:40],
        reason_text=reason[:500],
    )


def _change(
    message_ids: Iterable[UUID],
    from_states: Iterable[MessageState],
    to: MessageState,
    *,
    action: str,
    actor: str,
    now: datetime,
    **fields: Any,
) -> int:
    """Move the messages that are in one of `from_states`, with their tickets, one audit event and one word to the plans."""
    allowed = frozenset(from_states)
    changed = [message for message in outbox.lock(message_ids) if message.state in allowed]
    if not changed:
        return 0
    ids = [message.pk for message in changed]
    unapproved = [message.pk for message in changed if message.state == MessageState.AWAITING_APPROVAL]
    Message.objects.filter(pk__in=ids).update(state=to, updated_at=now, **fields)
    for message in changed:
        for name, value in {"state": to, **fields}.items():
            setattr(message, name, value)
    if to == MessageState.QUEUED:
        outbox.queue(changed, now=now)
    else:
        outbox.drop_tickets(ids)
    body: dict[str, Any] = {"count": len(ids), "digest": audit.digest(str(pk) for pk in ids)}
    if fields.get("reason"):
        body["reason"] = str(fields["reason"])
    if len(ids) == 1:
        audit.record(actor=actor, action=action, target=changed[0], body=body, now=now)
    else:
        audit.record(actor=actor, action=action, body={**body, "messages": [str(pk) for pk in ids[:1000]]}, now=now)
    if "approved_at" in fields:
        outbox.tell_approval("granted", ids, now=now)
    elif to == MessageState.AWAITING_APPROVAL:
        outbox.tell_approval("requested", ids, now=now)
    elif unapproved and fields.get("reason") == Obstacle.BY_HAND and to == MessageState.CANCELLED:
        outbox.tell_approval("refused", unapproved, now=now)
    if to in settlement.ANNOUNCED:
        outbox.announce(ids, now=now)
    return len(ids)


def change_recipient(
    *,
    message_id: UUID,
    actor: str,
    now: datetime,
    recipient: str = "",
    recipient_name: str = "",
    postal_address: Sequence[str] = (),
    contact_id: UUID | None = None,
) -> None:
    """Send a waiting message to somebody else. Raises DomainError when the address cannot be used or the message may have left."""
    (message,) = outbox.lock([message_id])
    if message.state not in WAITING:
        raise DomainError(_("This message has already left: send it again to the other address instead."), code="already_left")
    address = check_address(channel=message.channel, address=recipient, postal_address=postal_address)
    Message.objects.filter(pk=message.pk).update(
        recipient=address,
        recipient_name=recipient_name[:200] or message.recipient_name,
        postal_address=list(postal_address),
        contact_id=contact_id,
        updated_at=now,
    )
    audit.record(actor=actor, action="message.readdressed", target=message, body={"contact": str(contact_id or "")}, now=now)


def check_address(*, channel: str, address: str, postal_address: Sequence[str] = ()) -> str:
    """The address as it is stored. Raises DomainError with what is wrong with it."""
    if channel in PAPER_CHANNELS:
        if len([line for line in postal_address if line.strip()]) < 2:
            raise DomainError(_("A postal address needs a name and at least one line."), field="postal_address")
        return ""
    address = address.strip()
    if channel == Channel.EMAIL:
        try:
            validate_email(address)
        except ValidationError:
            raise DomainError(_("“%(address)s” is not an e-mail address.") % {"address": address}, field="recipient") from None
        return address
    if not (address.startswith("+") and address[1:].isascii() and address[1:].isdigit() and 8 <= len(address) <= 16):
        raise DomainError(_("A mobile number is written +33612345678, not “%(address)s”.") % {"address": address}, field="recipient")
    return address


def send_again(*, message_id: UUID, actor: str, now: datetime, recipient: str = "", contact_id: UUID | None = None) -> Message:
    """A new message that repeats one which left, failed or stayed unproven; it passes the gate like any other.

    Raises DomainError while the first may still leave by itself, or when the new address cannot be used.
    """
    (message,) = outbox.lock([message_id])
    if message.state in WITHDRAWABLE or message.state in (*settlement.IN_FLIGHT, MessageState.ENTRUSTED):
        raise DomainError(_("This message is still on its way: settle or withdraw it first."), code="still_on_its_way")
    copy = Message(
        customer_id=message.customer_id,
        contact_id=contact_id or message.contact_id,
        channel=message.channel,
        kind=MessageKind.RESEND if message.kind != MessageKind.TEST else MessageKind.TEST,
        phase=message.phase,
        language=message.language,
        template_key=message.template_key,
        variant=message.variant,
        planned_on=today(now),
        details=message.details,
        currency=message.currency,
        amount=message.amount,
        item_count=message.item_count,
        recipient=check_address(channel=message.channel, address=recipient) if recipient else message.recipient,
        recipient_name=message.recipient_name,
        postal_address=message.postal_address,
        resends=message,
        approved_by=actor[:120],
        approved_at=now,
    )
    outbox.enqueue([copy], now=now)
    audit.record(actor=actor, action="message.sent_again", target=message, body={"as": str(copy.pk)}, now=now)
    return copy


def preview(*, message_id: UUID, now: datetime) -> freezing.Preview:
    """What a waiting message would say if it left now; nothing is changed."""
    with transaction.atomic():
        result = freezing.preview(Message.objects.get(pk=message_id), now=now)
        transaction.set_rollback(True)
    return result


# --- afterwards ------------------------------------------------------------------------------------------------------------------------


def settle_uncertain(*, message_id: UUID, left: bool, actor: str, now: datetime, note: str = "") -> None:
    """A person looked in the provider's journal: the message left, or it certainly did not and may be sent, once approved if it was not.

    Raises DomainError when the message's fate is known.
    """
    (message,) = outbox.lock([message_id])
    if message.state not in (MessageState.UNCERTAIN, MessageState.UNPROVEN) and message.reason != Obstacle.FORGOTTEN:
        raise DomainError(_("What became of this message is already known."), code="already_settled")
    audit.record(actor=actor, action="message.settled_by_hand", target=message, body={"left": left, "note": note[:300]}, now=now)
    if left:
        settlement.move(message, MessageState.ACCEPTED, now, actor=actor, accepted_at=message.frozen_at or now, reason="", reason_text="")
    elif message.reason == Obstacle.FORGOTTEN and HELD_BEFORE in message.details:  # what it was held for is as it was
        settlement.close_tries(message)
        reason, words = message.details[HELD_BEFORE]
        settlement.move(message, MessageState.HELD, now, actor=actor, reason=reason, reason_text=words)
    elif message.state == MessageState.HELD:
        release(message_ids=[message.pk], actor=actor, now=now)
    else:
        settlement.close_tries(message)
        settlement.move(message, MessageState.QUEUED, now, actor=actor, ticket_at=now, reason="", reason_text="")


def report(*, message_id: UUID, kind: str, at: datetime, actor: str, now: datetime, text: str = "") -> str:
    """A person reports what came back of a message (“bounced”, “delivered”, “wrong_number”…). Returns its state.

    Raises DomainError for an unknown kind or a message that never left.
    """
    try:
        state = settlement.record_delivery_event(
            message_id=message_id, kind=kind, at=at, now=now, details={"by": actor, "text": text[:300]}
        )
    except (KeyError, ValueError) as error:
        raise DomainError(str(error), code="not_reportable") from None
    audit.record(actor=actor, action="message.reported", target=Message(pk=message_id), body={"kind": kind}, now=now)
    return state


def close_address(*, channel: str, address: str, actor: str, now: datetime) -> None:
    """Have an address never used again."""
    settlement.close_address(channel=channel, address=address, reason=SuppressionReason.MANUAL, now=now)
    audit.record(actor=actor, action="address.closed", body={"channel": channel}, now=now)


def reopen_address(*, suppression_id: UUID, actor: str, now: datetime) -> None:
    """Let an address be used again."""
    if Suppression.objects.filter(pk=suppression_id, lifted_at=None).update(lifted_at=now):
        audit.record(actor=actor, action="address.reopened", body={"suppression": str(suppression_id)}, now=now)


# --- ways out --------------------------------------------------------------------------------------------------------------------------


def set_provider(
    *,
    channel: str,
    kind: ProviderKind,
    actor: str,
    now: datetime,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> ProviderAccount:
    """Make this the way out of a channel, in place of the one before. Raises DomainError with what is missing; nothing is changed then."""
    account = ProviderAccount(
        channel=channel,
        kind=kind,
        name=str(kind.label),
        settings=dict(settings or {}),
        secrets=accounts.seal(secrets or {}),
        created_at=now,
    )
    try:
        Decimal(str(account.settings.get("unit_cost") or 0))
        pace.interval_of(account.settings, None)
        provider = accounts.provider_of(account)
    except Misconfigured as error:
        raise DomainError(error.text, code="misconfigured") from None
    except ArithmeticError:
        raise DomainError(_("The cost must be a number."), field="unit_cost") from None
    except ValueError:
        raise DomainError(_("The rate must be a number above zero."), field="rate_per_second") from None
    before = ProviderAccount.objects.filter(channel=channel, is_active=True).first()
    if provider.hears and not (before is not None and _takes_over(before, account)):
        routes.open_route(account, now=now)
    ProviderAccount.objects.filter(channel=channel, is_active=True).update(is_active=False)
    account.save()
    audit.record(actor=actor, action="provider.set", target=account, body={"channel": channel, "kind": kind}, now=now)
    return account


def _takes_over(before: ProviderAccount, account: ProviderAccount) -> bool:
    try:
        return routes.hand_over(before, account)
    except Misconfigured:  # its secrets cannot be read any more: a new address is the only way
        return False


def hook_address(*, channel: str, actor: str, now: datetime, rotate: bool = False) -> str:
    """The address to give to the provider of a channel, made when it has none; `rotate`: a new one, and the old one stops at once.

    Raises DomainError when no provider carries the channel, or it never calls.
    """
    account = ProviderAccount.objects.filter(channel=channel, is_active=True).first()
    if account is None:
        raise DomainError(_("No way of sending is set up for this channel."), code="no_provider")
    try:
        provider = accounts.provider_of(account)
        if not provider.hears or provider.is_local:
            raise DomainError(_("%(name)s never calls: it has no address to be given.") % {"name": account.name}, code="never_calls")
        if rotate:
            routes.rotate(account, actor=actor, now=now)
        elif not routes.address(account):
            routes.open_route(account, now=now)
            account.save(update_fields=["secrets"])
            audit.record(actor=actor, action="provider.hook_opened", target=account, body={"channel": channel}, now=now)
    except Misconfigured as error:
        raise DomainError(error.text, code="misconfigured") from None
    return routes.address(account)


def secrets_of(account: ProviderAccount) -> dict[str, str]:
    """The secrets people gave for an account, for the account that follows it; blank when they cannot be read any more."""
    try:
        known = accounts.unseal(account.secrets)
    except Misconfigured:
        return {}
    return {name: value for name, value in known.items() if name not in (HOOK_TOKEN, HOOK_SECRET)}


def set_up_post_office(*, organization: Organization, actor: str, now: datetime, costs: Mapping[str, Decimal] | None = None) -> None:
    """Have the local post office take every channel of an organization: nothing leaves the machine.

    `costs` are per message by channel, in the organization's currency. Channels already there are left as they are.
    """
    with tenant(organization):
        there = set(ProviderAccount.objects.filter(is_active=True, kind=ProviderKind.POST_OFFICE).values_list("channel", flat=True))
        for channel in sorted(WRITTEN_CHANNELS - there):
            settings = {"unit_cost": str(costs[channel])} if costs and channel in costs else {}
            set_provider(channel=channel, kind=ProviderKind.POST_OFFICE, actor=actor, now=now, settings=settings)
