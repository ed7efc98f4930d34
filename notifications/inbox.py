"""What people write back: matched to the message it answers, told apart from what programs write, kept, and acted upon.

A reply pauses, defers or is only recorded. It never marks anything paid, promised or accepted, whoever it claims to come from: a person
decides that. Nothing is ever answered by itself, so two programs cannot write to each other here.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from customers import portal_access
from customers.models import Contact, Customer
from customers.services import lock_customers, note_reply_pending, set_absence
from dunning.core import audit, documents, events, notices
from dunning.core.enums import Channel, NoticeTopic
from dunning.core.errors import DomainError
from dunning.core.tenancy import current_organization_id
from notifications import replies, reply_tokens, settlement
from notifications.enums import WAITING, ReplyKind, SuppressionReason
from notifications.models import InboundFile, InboundMessage, Message, ProviderAccount
from notifications.providers import mail
from notifications.providers.base import File, Incoming
from notifications.selectors import fold_address, today

ACTOR: Final = "system"
ANSWERED_WITHIN: Final = timedelta(days=30)  # a text message answers the last one sent to its number
SAME_WITHIN: Final = timedelta(days=7)  # the same message twice, passed on by two calls


def take(
    incoming: Incoming, *, event_id: UUID, position: int, account: ProviderAccount, at: datetime, now: datetime
) -> InboundMessage | None:
    """Keep what somebody wrote and do what rule 9 says of it; None when it was kept before. `at`: when the call came that brought it."""
    if _is_known(incoming, event_id, position, at):
        return None
    message, matched_by = _answered(incoming, account, at)
    text = portal_access.mask(incoming.text or replies.text_of(incoming.html))
    kind = replies.classify(headers=incoming.headers, sender=incoming.sender, subject=incoming.subject, text=text)
    if incoming.channel == Channel.SMS and replies.asks_to_stop(text):
        kind = ReplyKind.STOP
    if message is not None and message.customer_id is not None:  # a test to oneself is nobody's
        lock_customers([message.customer_id])
    customer = message.customer if message is not None else None
    row = InboundMessage(
        event_id=event_id,
        position=position,
        channel=incoming.channel,
        kind=kind,
        sender=_clean(incoming.sender, 254),
        sender_name=_clean(incoming.sender_name, 200),
        subject=_clean(incoming.subject, 300),
        text=text.replace("\x00", ""),
        said=replies.said_in(text).replace("\x00", ""),
        header_id=_clean(incoming.header_id, 300),
        received_at=at,
        message=message,
        customer=customer,
        contact=_contact(customer, incoming, message),
        matched_by=matched_by,
    )
    absence = replies.Absence()
    if kind == ReplyKind.ABSENCE:
        absence = replies.read_absence(subject=incoming.subject, text=text, today=today(at))
        row.absent_until, row.substitute_text = absence.until, absence.substitute
        row.substitute = _known_substitute(row, absence)
    row.save()
    _keep_files(row, incoming.files, now)
    audit.record(actor=ACTOR, action="reply.received", target=row, body={"kind": str(kind), "matched_by": matched_by}, now=now)
    events.emit(type="reply.received", object_type="reply", object_ids=[row.pk], now=now, fresh=True)
    _act(row, now)
    if row.kind == ReplyKind.HUMAN:
        _tell(row, now)
    return row


def _tell(row: InboundMessage, now: datetime) -> None:
    """The account owner hears of it, or everybody who works; so does everybody of a message nobody could match."""
    customer = row.customer
    notices.tell(
        topic=NoticeTopic.REPLY,
        key=f"reply:{row.pk}",
        to=notices.team().followers(customer.account_owner_id if customer is not None else None),
        now=now,
        object_type="reply",
        object_id=row.pk,
        details={"customer": customer.name if customer is not None else "", "sender": row.sender_name or row.sender},
    )


def _act(row: InboundMessage, now: datetime) -> None:
    if row.kind == ReplyKind.STOP:
        stop = SuppressionReason.STOP
        settlement.close_address(channel=row.channel, address=row.sender, reason=stop, now=row.received_at, message=row.message)
    elif row.customer is None:
        return
    elif row.kind == ReplyKind.HUMAN:
        note_reply_pending(customer=row.customer, actor=ACTOR, today=today(now), now=now)
    elif row.kind == ReplyKind.ABSENCE and row.contact is not None and row.absent_until is not None and row.absent_until >= today(now):
        set_absence(contact=row.contact, until=row.absent_until, substitute=row.substitute, actor=ACTOR, today=today(now), now=now)


def _is_known(incoming: Incoming, event_id: UUID, position: int, at: datetime) -> bool:
    if InboundMessage.objects.filter(event_id=event_id, position=position).exists():
        return True
    name = _clean(incoming.header_id, 300)
    if not name:
        return False
    same = InboundMessage.objects.filter(received_at__gte=at - SAME_WITHIN, header_id=name, sender=_clean(incoming.sender, 254))
    return same.exists()


def _clean(value: str, most: int) -> str:
    return " ".join(value.replace("\x00", "").split())[:most]


# --- whose it is ------------------------------------------------------------------------------------------------------------------------


def _answered(incoming: Incoming, account: ProviderAccount, at: datetime) -> tuple[Message | None, str]:
    """(our message it answers, how that is known). Never by its sender's address, which anybody can write."""
    if incoming.channel == Channel.SMS:
        return _last_text_to(incoming.sender, at)
    named = reply_tokens.message_of(incoming.recipients, organization_id=current_organization_id())
    if named is not None and (message := _message(named)) is not None:
        return message, "token"
    for reference in (incoming.in_reply_to, *reversed(incoming.references)):
        named = mail.our_id(reference)
        if named is not None and (message := _message(named)) is not None and message.header_id == reference:
            return message, "references"
    return None, ""


def _message(message_id: UUID) -> Message | None:
    rows = Message.objects.select_related("customer", "contact").exclude(frozen_at=None)
    return rows.filter(pk=message_id, channel=Channel.EMAIL).first()


def _last_text_to(number: str, at: datetime) -> tuple[Message | None, str]:
    """The last text message sent to a number, unless it went there for two customers: the network vouches for the number, not for more."""
    rows = Message.objects.select_related("customer", "contact").filter(
        channel=Channel.SMS, recipient=number, frozen_at__gte=at - ANSWERED_WITHIN, frozen_at__lte=at
    )
    found = list(rows.order_by("-frozen_at", "-pk")[:50])
    if not found or len({message.customer_id for message in found}) > 1:
        return None, ""
    return found[0], "number"


def _contact(customer: Customer | None, incoming: Incoming, message: Message | None) -> Contact | None:
    """The contact of that customer whose address wrote, else the one we wrote to."""
    if customer is None:
        return None
    field = "phone" if incoming.channel == Channel.SMS else "email__iexact"
    writer = Contact.objects.filter(customer=customer, **{field: incoming.sender.strip()}).order_by("-is_active", "position", "pk").first()
    return writer or (message.contact if message is not None else None)


def _known_substitute(row: InboundMessage, absence: replies.Absence) -> Contact | None:
    """The stand-in, if it is a contact of the same customer already: by address, else by its whole name. Nobody else is ever written to."""
    if row.customer is None or not absence.substitute:
        return None
    others = [contact for contact in Contact.objects.filter(customer=row.customer, is_active=True).order_by("position", "pk")]
    others = [contact for contact in others if row.contact is None or contact.pk != row.contact.pk]
    for contact in others:
        if contact.email and fold_address(contact.email) in absence.substitute_addresses:
            return contact
    named = [contact for contact in others if len(contact.name) > 4 and contact.name.casefold() in absence.substitute.casefold()]
    return named[0] if len(named) == 1 else None


def _keep_files(row: InboundMessage, files: Sequence[File], now: datetime) -> None:
    given = [documents.File(_masked(file), file.media_type[:100], _clean(file.filename, 200)) for file in files]
    kept = enumerate(documents.store_all(files=given, now=now), start=1)
    InboundFile.objects.bulk_create(
        [InboundFile(inbound=row, document=document, filename=document.filename, position=position) for position, document in kept]
    )


def _masked(file: File) -> bytes:
    """The bytes; our own message inside them, as text, without what opens its recipient's page."""
    return portal_access.mask_bytes(file.content) if file.media_type.startswith(("text/", "message/")) else file.content


# --- what people do with it -------------------------------------------------------------------------------------------------------------


def lock_reply(reply_id: UUID) -> InboundMessage:
    """A reply, locked after its customer. Raises DomainError when it does not exist here."""
    found = InboundMessage.objects.filter(pk=reply_id).values_list("customer_id", flat=True).first()
    if found is not None:
        lock_customers([found])
    row = InboundMessage.objects.select_related("customer", "contact", "message").filter(pk=reply_id).first()
    if row is None:
        raise DomainError(_("This reply does not exist."), code="unknown_reply")
    return row


def join(*, reply_id: UUID, customer: Customer, contact: Contact | None = None, actor: str, now: datetime) -> InboundMessage:
    """A person says whose a message is, or that it is not whose it was thought to be; a human one then pauses that customer.

    It no longer answers a message to somebody else. Raises DomainError when it is this customer's already, somebody's absence was read in
    it, an answer to it waits to leave, or the contact is another customer's.
    """
    known = InboundMessage.objects.filter(pk=reply_id).values_list("customer", flat=True)
    before = next(iter(known), None)
    lock_customers(sorted({customer.pk, *([before] if before is not None else [])}))
    row = lock_reply(reply_id)
    if row.customer_id == customer.pk:
        raise DomainError(_("This message is this customer's already."), code="already_joined", field="customer")
    if row.customer_id != before:
        raise DomainError(_("Somebody has just said whose this message is: look at it again."), code="stale")
    if before is not None and row.contact is not None and row.absent_until is not None:
        words = _("The absence of %(name)s was read in this message: take it back first, on the customer's page.")
        if row.contact.absent_until == row.absent_until:
            raise DomainError(words % {"name": row.contact}, code="absence_noted")
    if row.answers.filter(state__in=WAITING).exists():
        raise DomainError(_("An answer to this message waits to leave: take it back first."), code="answer_waits")
    if contact is not None and contact.customer_id != customer.pk:
        raise DomainError(_("This contact is another customer's."), code="bad_contact", field="contact")
    if row.message is not None and row.message.customer_id != customer.pk:
        row.message = None
    row.customer, row.contact, row.matched_by = customer, contact, "person"
    row.save(update_fields=["customer", "contact", "matched_by", "message"])
    body = {"customer": str(customer.pk), **({"not": str(before)} if before is not None else {})}
    audit.record(actor=actor, action="reply.joined", target=row, body=body, now=now)
    if row.handled_at is None:
        _act(row, now)
    return row


def mark_absence(*, reply_id: UUID, until: date, substitute: Contact | None = None, actor: str, now: datetime) -> InboundMessage:
    """A person reads in it that its writer is away through `until`. Raises DomainError without a contact, or for a date that passed."""
    row = lock_reply(reply_id)
    if row.customer is None or row.contact is None:
        raise DomainError(_("Say first whose this message is: the absence is a contact's."), code="no_contact")
    set_absence(contact=row.contact, until=until, substitute=substitute, actor=actor, today=today(now), now=now)
    row.kind, row.absent_until, row.substitute = ReplyKind.ABSENCE, until, substitute
    row.save(update_fields=["kind", "absent_until", "substitute"])
    audit.record(actor=actor, action="reply.absence", target=row, body={"until": until}, now=now)
    return row


def mark_handled(*, customer_id: UUID, actor: str, now: datetime) -> int:
    """Everything this customer wrote has been read and dealt with; how many were not before."""
    open_ones = InboundMessage.objects.filter(customer=customer_id, kind__in=[ReplyKind.HUMAN, ReplyKind.ABSENCE], handled_at=None)
    ids = list(open_ones.order_by("pk").values_list("pk", flat=True))
    InboundMessage.objects.filter(pk__in=ids).update(handled_at=now, handled_by=actor[:120])
    events.emit(type="reply.handled", object_type="reply", object_ids=ids, now=now)
    return len(ids)


def mark_one_handled(*, reply_id: UUID, actor: str, now: datetime) -> InboundMessage:
    """One message has been dealt with. Doing it twice changes nothing."""
    row = lock_reply(reply_id)
    if row.handled_at is None:
        row.handled_at, row.handled_by = now, actor[:120]
        row.save(update_fields=["handled_at", "handled_by"])
        audit.record(actor=actor, action="reply.handled", target=row, now=now)
        events.emit(type="reply.handled", object_type="reply", object_ids=[row.pk], now=now)
    return row


def mark_many_handled(*, reply_ids: Collection[UUID], actor: str, now: datetime) -> list[InboundMessage]:
    """These messages have been dealt with, in one audit event; those that had not been before. The caller holds their customers' locks."""
    waiting = InboundMessage.objects.select_related("customer").select_for_update(no_key=True, of=("self",))
    rows = list(waiting.filter(pk__in=list(reply_ids), kind=ReplyKind.HUMAN, handled_at=None).order_by("pk"))
    if rows:
        ids = [row.pk for row in rows]
        InboundMessage.objects.filter(pk__in=ids).update(handled_at=now, handled_by=actor[:120])
        body = {"count": len(ids), "digest": audit.digest(sorted(map(str, ids)))}
        audit.record(actor=actor, action="replies.handled", body=body, now=now)
        events.emit(type="reply.handled", object_type="reply", object_ids=ids, now=now)
    return rows


def mark_unhandled(*, reply_ids: Collection[UUID], actor: str, now: datetime) -> list[InboundMessage]:
    """These messages are to be dealt with after all, in one audit event; those that had been. The caller holds their customers' locks."""
    dealt = InboundMessage.objects.select_related("customer").select_for_update(no_key=True, of=("self",)).exclude(handled_at=None)
    rows = list(dealt.filter(pk__in=list(reply_ids), kind=ReplyKind.HUMAN).order_by("pk"))
    if rows:
        ids = [row.pk for row in rows]
        InboundMessage.objects.filter(pk__in=ids).update(handled_at=None, handled_by="")
        body = {"count": len(ids), "digest": audit.digest(sorted(map(str, ids)))}
        audit.record(actor=actor, action="replies.reopened", target=rows[0] if len(rows) == 1 else None, body=body, now=now)
    return rows
