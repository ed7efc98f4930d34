"""What screens and commands read of messages. Every function but `is_on_post_office` runs inside `tenant()`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Min, Q, QuerySet, Sum

from customers.models import Customer
from dunning.core import search
from dunning.core.enums import Channel
from dunning.core.models import Document, Organization
from dunning.core.tenancy import current_organization_id, tenant
from notifications.enums import LEFT, WAITING, MessageKind, MessageState, ProviderKind
from notifications.models import (
    Attachment,
    Attempt,
    DeliveryEvent,
    Message,
    MessageTemplate,
    ProofFile,
    ProviderAccount,
    QueueTicket,
    Suppression,
)

ON_THE_BOARD = (MessageState.AWAITING_APPROVAL, MessageState.QUEUED, MessageState.RETRY)
BODIES = ("body_text", "body_html", "postal_address")
"""What no list shows, and most of a row's weight."""


@dataclass(frozen=True, slots=True)
class Departures:
    """What is about to leave: `amounts` are net totals by currency, never summed across them."""

    messages: int
    customers: int
    amounts: dict[str, Decimal]
    first_at: datetime | None = None  # when the first may leave, if that is known


@dataclass(frozen=True, slots=True)
class Board:
    """The departure board: « À 9 h : 37 messages, 29 clients, 184 220 € »."""

    awaiting_approval: Departures
    queued: Departures
    held: Departures
    by_channel: dict[str, int]  # awaiting approval and queued together


def waiting_board(*, on: date | None = None) -> Board:
    """What waits, in figures, in two queries; `on` restricts it to the messages of one day's run."""
    rows = Message.objects.filter(state__in=[*ON_THE_BOARD, MessageState.HELD]).exclude(kind=MessageKind.TEST)
    if on is not None:
        rows = rows.filter(planned_on=on)
    heads = {
        "awaiting_approval": (MessageState.AWAITING_APPROVAL,),
        "queued": (MessageState.QUEUED, MessageState.RETRY),
        "held": (MessageState.HELD,),
    }
    counts = {head: Count("customer", distinct=True, filter=Q(state__in=states)) for head, states in heads.items()}
    customers = rows.order_by().aggregate(**counts)
    lines = rows.order_by().values("state", "channel", "currency")
    parts = list(lines.annotate(n=Count("*"), total=Sum("amount"), first_at=Min("not_before")).order_by("currency"))
    found = {head: _departures([part for part in parts if part["state"] in states], customers[head]) for head, states in heads.items()}
    by_channel: Counter[str] = Counter()
    for part in parts:
        if part["state"] != MessageState.HELD:
            by_channel[part["channel"]] += part["n"]
    return Board(**found, by_channel=dict(by_channel))


def _departures(parts: Sequence[Mapping[str, Any]], customers: int) -> Departures:
    """`parts` are counts and sums by channel and currency, in the order of currencies."""
    amounts: dict[str, Decimal] = {}
    for part in parts:
        if part["currency"]:
            amounts[part["currency"]] = amounts.get(part["currency"], Decimal(0)) + part["total"]
    first_at = min((part["first_at"] for part in parts if part["first_at"] is not None), default=None)
    return Departures(sum(part["n"] for part in parts), customers, {code: total for code, total in amounts.items() if total}, first_at)


def waiting_messages(*, states: Iterable[str] = ON_THE_BOARD, on: date | None = None) -> QuerySet[Message]:
    """The messages behind the board, by customer, with the customer loaded."""
    rows = Message.objects.filter(state__in=list(states)).exclude(kind=MessageKind.TEST).select_related("customer", "contact")
    if on is not None:
        rows = rows.filter(planned_on=on)
    return rows.defer(*BODIES).order_by("customer__sort_name", "pk")


def withdrawn_messages(*, since: datetime) -> QuerySet[Message]:
    """The messages that were taken off the board since that moment, by customer; each carries its reason."""
    rows = waiting_messages(states=[MessageState.CANCELLED])
    return rows.filter(updated_at__gte=since)


def awaiting_approval_ids(*, on: date | None = None) -> list[UUID]:
    """Every message a person must approve, in the order of the board."""
    return list(waiting_messages(states=[MessageState.AWAITING_APPROVAL], on=on).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """Everything known of one message."""

    message: Message
    customer: Customer | None
    template: MessageTemplate | None
    attachments: Sequence[Attachment]
    attempts: Sequence[Attempt]
    events: Sequence[DeliveryEvent]
    document: Document | None
    print_document: Document | None
    next_try_at: datetime | None
    proof_files: Sequence[ProofFile] = field(default=())
    resent_as: Sequence[Message] = field(default=())


def message_detail(message_id: UUID) -> MessageDetail:
    """One message with its attempts, events and files. Raises Message.DoesNotExist."""
    message = Message.objects.select_related("customer", "contact", "template", "document", "print_document", "resends").get(pk=message_id)
    due = QueueTicket.objects.filter(message_id=message.pk).values_list("due_at", flat=True).first()
    return MessageDetail(
        message=message,
        customer=message.customer,
        template=message.template,
        attachments=list(Attachment.objects.filter(message=message).select_related("document").order_by("position")),
        attempts=list(Attempt.objects.filter(message=message).order_by("number")),
        events=list(DeliveryEvent.objects.filter(message=message).order_by("at", "pk")),
        document=message.document,
        print_document=message.print_document,
        next_try_at=due if message.state in WAITING else None,
        proof_files=list(ProofFile.objects.filter(message=message).select_related("document").order_by("added_at", "pk")),
        resent_as=list(Message.objects.filter(resends=message).order_by("created_at")),
    )


def post_office_messages(*, channel: str = "", search: str = "") -> QuerySet[Message]:
    """What the local post office took, newest first. `search` is a customer's number or the start of its folded name."""
    rows = Message.objects.filter(provider=ProviderKind.POST_OFFICE).exclude(frozen_at=None).exclude(kind=MessageKind.TEST)
    rows = rows.select_related("customer")
    if channel:
        rows = rows.filter(channel=channel)
    if search:
        rows = rows.filter(Q(customer__number=search) | Q(customer__sort_name__startswith=search.lower()))
    return rows.order_by("-frozen_at", "-pk")


LISTED: Mapping[str, frozenset[MessageState]] = {
    "sent": LEFT | {MessageState.SENDING, MessageState.ENTRUSTED, MessageState.UNCERTAIN, MessageState.UNPROVEN},
    "delivered": frozenset({MessageState.DELIVERED}),
    "failed": frozenset({MessageState.FAILED, MessageState.BOUNCED, MessageState.COMPLAINED}),
    "withdrawn": frozenset({MessageState.CANCELLED}),
}
"""The states behind each heading of the list of messages."""


def list_messages(*, channel: str = "", query: str = "", state: str = "", customer_id: UUID | None = None) -> QuerySet[Message]:
    """Every message, the newest first, with its customer. `query` is searched in customers; `state` is a key of LISTED."""
    rows = Message.objects.exclude(kind=MessageKind.TEST).select_related("customer", "template").defer(*BODIES)
    if channel:
        rows = rows.filter(channel=channel)
    if state in LISTED:
        rows = rows.filter(state__in=sorted(LISTED[state]))
    if customer_id is not None:
        rows = rows.filter(customer=customer_id)
    if query.strip():
        address = Q(recipient=fold_address(query))
        rows = rows.filter(Q(customer__in=search.find(kind="customer", query=query)) | address)
    return rows.order_by("-planned_on", "-pk")


def print_queue() -> QuerySet[Message]:
    """Letters that wait to be printed and posted, oldest day first, by customer."""
    rows = Message.objects.filter(state=MessageState.TO_POST).select_related("customer", "document", "print_document")
    return rows.order_by("planned_on", "customer__sort_name", "pk")


def letters_not_posted(*, planned_before: date) -> QuerySet[Message]:
    """Letters of runs before a date (three business days ago, rule 9) that nobody has posted yet."""
    return print_queue().filter(planned_on__lt=planned_before)


def unsettled_messages() -> QuerySet[Message]:
    """Messages of which nobody knows whether they left: they need a person, oldest first."""
    rows = Message.objects.filter(state__in=[MessageState.UNCERTAIN, MessageState.UNPROVEN]).exclude(kind=MessageKind.TEST)
    rows = rows.select_related("customer")
    return rows.order_by("updated_at", "pk")


def closed_addresses() -> QuerySet[Suppression]:
    """Addresses and numbers that must not be used, newest first."""
    return Suppression.objects.filter(lifted_at=None).order_by("-since", "-pk")


def fold_address(address: str) -> str:
    """The one spelling under which an address is closed; NUL, which a search may bring, is in none."""
    return address.replace("\0", "").strip().lower()


def is_closed(*, channel: str, address: str) -> bool:
    """Whether an address must not be used over a channel."""
    return Suppression.objects.filter(channel=channel, address=fold_address(address), lifted_at=None).exists()


def provider_accounts() -> dict[str, ProviderAccount]:
    """The active way out of each channel."""
    return {account.channel: account for account in ProviderAccount.objects.filter(is_active=True, channel__in=Channel.values)}


def unit_costs() -> dict[str, Decimal | None]:
    """What one message, text-message part or letter costs by channel, in the organization's currency; None where nobody said.

    Channels without a way out are left out.
    """
    costs: dict[str, Decimal | None] = {}
    for channel, account in provider_accounts().items():
        said = str(account.settings.get("unit_cost") or "").strip()
        costs[channel] = Decimal(said) if said else None
    return costs


def is_on_post_office(organization: Organization | UUID) -> bool:
    """Whether nothing this organization sends can leave the machine: every active account that sends is the local post office's."""
    with tenant(organization):
        sending = ProviderAccount.objects.filter(is_active=True, channel__in=Channel.values)
        kinds = set(sending.values_list("kind", flat=True))
        return kinds == {ProviderKind.POST_OFFICE}


def zone() -> ZoneInfo:
    """The open organization's time zone."""
    return ZoneInfo(Organization.objects.values_list("timezone", flat=True).get(pk=current_organization_id()))


def today(now: datetime) -> date:
    """The open organization's date."""
    return now.astimezone(zone()).date()


def noon(day: date) -> datetime:
    """A moment for an event of which only the day is known."""
    return datetime.combine(day, time(12), tzinfo=zone())
