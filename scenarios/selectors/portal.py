"""What a debtor sees of itself: its open items, what they come to, what it said, and how far its reminders went.

A contact sees the items that were sent to it; accounting and management see the whole account, and that of whom they pay for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from customers.enums import WHOLE_ACCOUNT_ROLES
from customers.models import Contact, PortalToken
from dunning.core.enums import Phase
from invoices.enums import InvoiceState
from invoices.models import DebtorAct, Installment
from invoices.selectors import FROZEN, ItemView, is_frozen, last_sayings, view_items
from invoices.selectors.items import credit_sums
from notifications.enums import NEVER_LEFT, WAITING
from notifications.models import Message
from scenarios.enums import ActionState
from scenarios.models import Action


@dataclass(frozen=True, slots=True)
class Totals:
    """What is open in one currency: overdue, coming due, frozen by a judgment, and credits that are set against nothing yet."""

    currency: str
    overdue: Decimal = Decimal(0)
    coming: Decimal = Decimal(0)
    frozen: Decimal = Decimal(0)
    credits: Decimal = Decimal(0)
    overdue_count: int = 0
    count: int = 0
    oldest_due_on: date | None = None  # of what is overdue

    @property
    def net(self) -> Decimal:
        return self.overdue + self.coming + self.frozen - self.credits


@dataclass(frozen=True)
class Account:
    """The whole of what a contact may see, as figures; `whole`: its customer's account, not only what was sent to it."""

    totals: Sequence[Totals]
    phase: Phase
    whole: bool

    @property
    def count(self) -> int:
        return sum(total.count for total in self.totals)

    @property
    def is_overdue(self) -> bool:
        return any(total.overdue_count for total in self.totals)

    @property
    def is_frozen(self) -> bool:
        """Whether a judgment froze any of it."""
        return any(total.frozen for total in self.totals)

    @property
    def is_payable(self) -> bool:
        return any(total.overdue or total.coming for total in self.totals)


@dataclass(frozen=True, slots=True)
class PortalItem:
    """One item with what stands between it and a reminder, and the last thing said about it."""

    view: ItemView
    said: DebtorAct | None
    frozen: bool  # by a judgment


def sees_whole_account(contact: Contact) -> bool:
    """Whether the contact's role shows it everything, and not only what it was sent."""
    return contact.role in WHOLE_ACCOUNT_ROLES


def sees_all(contact: Contact, ids: Collection[UUID]) -> bool:
    """Whether the contact may see every one of these items of its customer, settled or not: what is paid or agreed on together."""
    return sees_whole_account(contact) or set(ids) <= _sent_to(contact)


def visible_items(contact: Contact, family: Collection[UUID]) -> QuerySet[Installment]:
    """The open items this contact may see and answer for, the oldest due first, with their invoice and customer."""
    found = Installment.objects.select_related("invoice", "customer").filter(
        customer__in=list(family), outstanding__gt=0, invoice__state=InvoiceState.ISSUED
    )
    if not sees_whole_account(contact):
        found = found.filter(pk__in=_sent_to(contact))
    return found.order_by("due_on", "pk")


def _sent_to(contact: Contact) -> set[UUID]:
    """The items named by messages that left for this contact."""
    links = list(PortalToken.objects.filter(contact_id=contact.pk).values_list("message_id", "items"))
    found = Message.objects.filter(pk__in=[pk for pk, _items in links]).exclude(state__in=WAITING | NEVER_LEFT)
    left = set(found.values_list("pk", flat=True))
    return {item for message, items in links if message in left for item in items}


def portal_account(*, contact: Contact, family: Collection[UUID], items: QuerySet[Installment], today: date) -> Account:
    """The figures above the list; `items` are `visible_items`."""
    late = Q(due_on__lt=today) & ~FROZEN
    rows = (
        items.order_by()
        .values("invoice__currency")
        .annotate(
            total=Sum("outstanding"),
            overdue=Sum("outstanding", filter=late, default=Decimal(0)),
            frozen=Sum("outstanding", filter=FROZEN, default=Decimal(0)),
            late=Count("pk", filter=late),
            count=Count("pk"),
            oldest=Min("due_on", filter=late),
        )
        .order_by("invoice__currency")
    )
    whole = sees_whole_account(contact)
    credits = credit_sums(family) if whole else {}
    totals = [
        Totals(
            currency=row["invoice__currency"],
            overdue=row["overdue"],
            coming=row["total"] - row["overdue"] - row["frozen"],
            frozen=row["frozen"],
            credits=credits.get(row["invoice__currency"], Decimal(0)),
            overdue_count=row["late"],
            count=row["count"],
            oldest_due_on=row["oldest"],
        )
        for row in rows
    ]
    return Account(totals, _phase(items), whole)


def _phase(items: QuerySet[Installment]) -> Phase:
    """How far the most advanced of the items went: the tone of the page."""
    done = Action.objects.filter(installment__in=items.exclude(FROZEN).order_by().values("pk"), state=ActionState.DONE)
    return Phase(done.aggregate(phase=Max("phase"))["phase"] or Phase.SERVICE)


def portal_items(installments: Collection[Installment], *, today: date) -> list[PortalItem]:
    """These items as the page shows them, in the same number of queries whatever theirs."""
    said = last_sayings([item.pk for item in installments])
    return [PortalItem(view, said.get(view.installment.pk), is_frozen(view.installment)) for view in view_items(installments, today=today)]
