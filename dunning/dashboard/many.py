"""The acts that can be done about many rows at once: what each would do, in sentences with counts and amounts, and doing it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.models import Customer
from customers.selectors import list_groups
from customers.services import set_account_owner, set_group
from dunning.core.models import Organization
from dunning.core.permissions import Permission, allows
from dunning.core.selectors import people_of
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import EmptyForm, NoteForm, ReasonForm
from dunning.dashboard.forms.many import GroupForm, HoldManyForm, OwnerForm
from invoices.models import Installment
from invoices.selectors.many import Part, part_of_customers, unreceived, weigh, weigh_paused, weigh_unreceived
from invoices.services import end_item_holds, hold_items, mark_received
from notifications import correspondence
from scenarios.services.replies import handle_replies


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows, and who asks when. `today` is the organization's date."""

    ids: Sequence[UUID]
    organization: Organization
    actor: str
    today: date
    now: datetime

    @property
    def acting(self) -> dict[str, Any]:
        return {"actor": self.actor, "today": self.today, "now": self.now}


class Act(ABC):
    """One act about the rows of `asked`. `told` says what it would do, `reach` to how many rows; what stays as it is is said too."""

    title: ClassVar[str | Promise]
    verb: ClassVar[str | Promise]
    icon: ClassVar[str]
    button: ClassVar[str | Promise]  # under the list

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.reach = 0
        self.told: list[str] = []
        self.made: tuple[UUID, ...] = ()  # pauses, by which it can be undone
        self.weigh()

    @abstractmethod
    def weigh(self) -> None:
        """Fill `reach` and `told`."""

    def form(self, *arguments: Any) -> forms.Form:
        return EmptyForm(*arguments)

    @abstractmethod
    def do(self, data: dict[str, Any]) -> int:
        """Do it; how many rows changed. Raises DomainError."""

    @abstractmethod
    def said(self, count: int) -> str:
        """What was done, in a sentence."""

    def tell(self, sentence: str, count: int) -> None:
        """Add a sentence when it is about any row."""
        if count:
            self.told.append(sentence)


def part_words(part: Part) -> str:
    """`12 invoices of 7 customers, 184 220,00 €`."""
    words = ngettext("One invoice", "%(items)s invoices of %(customers)s customers", part.items)
    said = words % {"items": formatting.number(part.items), "customers": formatting.number(part.customers)}
    amount = amount_words(part.amounts)
    return f"{said}, {amount}" if amount else said


def amount_words(values: Mapping[str, Decimal]) -> str:
    return " + ".join(formatting.money(amount, currency) for currency, amount in values.items())


# --- invoices -----------------------------------------------------------------------------------------------------------------------------


class Hold(Act):
    title, verb, icon = gettext_lazy("Pause these invoices"), gettext_lazy("Pause them"), "pause"
    button = gettext_lazy("Pause")

    def weigh(self) -> None:
        found = weigh(self.asked.ids, today=self.asked.today)
        self.reach = found.free.items
        self.tell(_("%(part)s: nothing is sent or asked about them until the day below.") % {"part": part_words(found.free)}, self.reach)
        self.tell(_("Paused already, and stays so: %(part)s.") % {"part": part_words(found.paused)}, found.paused.items)
        rest = ngettext(
            "On one nothing is left to pay: it stays as it is.",
            "On %(n)s nothing is left to pay: they stay as they are.",
            found.rest,
        )
        self.tell(rest % {"n": formatting.number(found.rest)}, found.rest)

    def form(self, *arguments: Any) -> forms.Form:
        return HoldManyForm(*arguments, today=self.asked.today)

    def do(self, data: dict[str, Any]) -> int:
        changed = hold_items(installment_ids=self.asked.ids, **data, **self.asked.acting)
        self.made = changed.holds
        return changed.items

    def said(self, count: int) -> str:
        return ngettext("One invoice is paused.", "%(n)s invoices are paused.", count) % {"n": formatting.number(count)}


class Resume(Act):
    title, verb, icon = gettext_lazy("End the pauses of these invoices"), gettext_lazy("End the pauses"), "play"
    button = gettext_lazy("End the pauses")

    def weigh(self) -> None:
        found = weigh_paused(self.asked.ids)
        self.reach, others = found.items, len(self.asked.ids) - found.items
        self.tell(_("%(part)s: their pauses end now, and the next run goes on with them.") % {"part": part_words(found)}, self.reach)
        rest = ngettext(
            "One has no pause of its own that could be ended: it stays as it is.",
            "%(n)s have no pause of their own that could be ended: they stay as they are.",
            others,
        )
        self.tell(rest % {"n": formatting.number(others)}, others)

    def form(self, *arguments: Any) -> forms.Form:
        return ReasonForm(*arguments)

    def do(self, data: dict[str, Any]) -> int:
        return end_item_holds(installment_ids=self.asked.ids, **data, **self.asked.acting).items

    def said(self, count: int) -> str:
        return ngettext("One invoice goes on.", "%(n)s invoices go on.", count) % {"n": formatting.number(count)}


class Received(Act):
    title, verb, icon = gettext_lazy("The customers have received these invoices"), gettext_lazy("Note the receipts"), "mail-open"
    button = gettext_lazy("Received")

    def weigh(self) -> None:
        found = weigh_unreceived(self.asked.ids)
        self.reach, others = found.items, len(self.asked.ids) - found.items
        self.tell(_("%(part)s: noted as received today.") % {"part": part_words(found)}, self.reach)
        rest = ngettext("One was received already: it stays as it is.", "%(n)s were received already: they stay as they are.", others)
        self.tell(rest % {"n": formatting.number(others)}, others)

    def form(self, *arguments: Any) -> forms.Form:
        return NoteForm(*arguments)

    def do(self, data: dict[str, Any]) -> int:
        items: list[Installment] = list(unreceived(self.asked.ids))
        if items:
            mark_received(installments=items, text=data["text"], **self.asked.acting)
        return len(items)

    def said(self, count: int) -> str:
        words = ngettext("Receipt of one invoice is noted.", "Receipt of %(n)s invoices is noted.", count)
        return words % {"n": formatting.number(count)}


# --- customers ----------------------------------------------------------------------------------------------------------------------------


class CustomersAct(Act):
    """`sentence` is told of the customers that are still there, with what they owe."""

    sentence: ClassVar[str | Promise]

    def weigh(self) -> None:
        self.rows = list(Customer.objects.select_related("group").filter(pk__in=self.asked.ids))
        self.reach, open_ = len(self.rows), part_of_customers(self.asked.ids)
        who = ngettext("One customer", "%(n)s customers", self.reach) % {"n": formatting.number(self.reach)}
        amount = amount_words(open_.amounts)
        self.tell(str(self.sentence) % {"who": f"{who}, {amount}" if amount else who}, self.reach)

    def said(self, count: int) -> str:
        return ngettext("One customer was changed.", "%(n)s customers were changed.", count) % {"n": formatting.number(count)}


class Assign(CustomersAct):
    title, verb, icon = gettext_lazy("Give these customers an account owner"), gettext_lazy("Give them"), "user-check"
    button = gettext_lazy("Account owner")
    sentence = gettext_lazy("%(who)s: their tasks of the day, replies and failures are told to whom you choose.")

    def form(self, *arguments: Any) -> forms.Form:
        return OwnerForm(*arguments, people=people_of(self.asked.organization))

    def do(self, data: dict[str, Any]) -> int:
        return set_account_owner(customers=[row.pk for row in self.rows], owner=data["owner"], **self.asked.acting)


class Regroup(CustomersAct):
    title, verb, icon = gettext_lazy("Move these customers to a group"), gettext_lazy("Move them"), "users"
    button = gettext_lazy("Group")
    sentence = gettext_lazy("%(who)s: those without a plan of their own follow the group’s from the next run on.")

    def form(self, *arguments: Any) -> forms.Form:
        return GroupForm(*arguments, groups=list(list_groups()))

    def do(self, data: dict[str, Any]) -> int:
        return set_group(customers=self.rows, group=data["group"], **self.asked.acting)


# --- replies ------------------------------------------------------------------------------------------------------------------------------


class Handle(Act):
    title, verb, icon = gettext_lazy("These messages are dealt with"), gettext_lazy("They are dealt with"), "check-check"
    button = gettext_lazy("Dealt with")

    def weigh(self) -> None:
        rows = correspondence.unread().filter(pk__in=self.asked.ids)
        self.reach, customers = rows.count(), rows.exclude(customer=None).order_by().values("customer").distinct().count()
        words = ngettext("One message is dealt with.", "%(n)s messages are dealt with.", self.reach)
        after = ngettext(
            "Reminders to one customer go on once nothing more of theirs is to be read.",
            "Reminders to %(n)s customers go on once nothing more of theirs is to be read.",
            customers,
        )
        self.tell(words % {"n": formatting.number(self.reach)}, self.reach)
        self.tell(after % {"n": formatting.number(customers)}, customers)
        others = len(self.asked.ids) - self.reach
        rest = ngettext("One needs nothing: it stays as it is.", "%(n)s need nothing: they stay as they are.", others)
        self.tell(rest % {"n": formatting.number(others)}, others)

    def do(self, data: dict[str, Any]) -> int:
        return handle_replies(reply_ids=self.asked.ids, **self.asked.acting)

    def said(self, count: int) -> str:
        return ngettext("One message is dealt with.", "%(n)s messages are dealt with.", count) % {"n": formatting.number(count)}


INVOICES: Final[Mapping[str, type[Act]]] = {"hold": Hold, "resume": Resume, "received": Received}
CUSTOMERS: Final[Mapping[str, type[Act]]] = {"assign": Assign, "regroup": Regroup}
REPLIES: Final[Mapping[str, type[Act]]] = {"handle": Handle}


def many_acts(request: HttpRequest, acts: Mapping[str, type[Act]]) -> list[tuple[str, str, str]]:
    """The buttons under a list, for whoever may work: key, words, icon."""
    if not allows(getattr(request, "membership", None), Permission.WORK):
        return []
    return [(key, str(act.button), act.icon) for key, act in acts.items()]
