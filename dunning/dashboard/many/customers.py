"""What is done about many customers at once."""

from abc import abstractmethod
from typing import Any, ClassVar

from django import forms
from django.db.models import Count, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.models import Customer, CustomerGroup
from customers.selectors import list_groups
from dunning.core.selectors import people_of
from dunning.dashboard import formatting
from dunning.dashboard.forms.many import GroupForm, OwnerForm
from dunning.dashboard.many.base import Act, amount_words, with_count
from invoices.selectors.many import part_of_customers


class CustomersAct(Act):
    """`sentence` is told of the customers that are still there, with what they owe; `now` says what they have today."""

    sentence: ClassVar[str | Promise]
    rest: ClassVar[str | Promise] = gettext_lazy("Those who have what you choose stay as they are.")
    is_exact = False

    def weigh(self) -> None:
        self.reach, open_ = self.customers().count(), part_of_customers(self.asked.ids)
        who = ngettext("One customer", "%(n)s customers", self.reach) % {"n": formatting.number(self.reach)}
        amount = amount_words(open_.amounts)
        self.tell(str(self.sentence) % {"who": f"{who}, {amount}" if amount else who}, self.reach)
        today = _("Today: %(now)s.") % {"now": ", ".join(self.now())}
        self.tell(" ".join(part for part in (today, str(self.rest)) if part), self.reach)

    @abstractmethod
    def now(self) -> list[str]:
        """What they have today, each with how many."""

    def customers(self) -> QuerySet[Customer]:
        return Customer.objects.filter(pk__in=self.asked.ids)

    def _counts(self, field: str) -> list[tuple[Any, int]]:
        rows = self.customers().order_by().values_list(field)
        return list(rows.annotate(n=Count("pk")).order_by("-n", field))


class Assign(CustomersAct):
    title, verb, icon = gettext_lazy("Give these customers an account owner"), gettext_lazy("Give them"), "user-check"
    button = gettext_lazy("Account owner")
    sentence = gettext_lazy("%(who)s: their tasks of the day, replies and failures are told to whom you choose.")

    def now(self) -> list[str]:
        names = {user.pk: str(user) for user in people_of(self.asked.organization)}
        found = self._counts("account_owner")
        return [f"{names.get(pk, _('somebody who left')) if pk else _('nobody')} ({formatting.number(n)})" for pk, n in found]

    def form(self, *arguments: Any) -> forms.Form:
        return OwnerForm(*arguments, people=people_of(self.asked.organization))

    def stored(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"owner": str(data["owner"].pk) if data["owner"] is not None else None}

    @classmethod
    def said(cls, count: int) -> str:
        words = ngettext("One customer has another account owner.", "%(n)s customers have another account owner.", count)
        return with_count(words, count)

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext("One customer gets back the account owner it had.", "%(n)s customers get back the account owner each had.", count)
        return with_count(words, count)


class Regroup(CustomersAct):
    title, verb, icon = gettext_lazy("Move these customers to a group"), gettext_lazy("Move them"), "users"
    button = gettext_lazy("Group")
    sentence = gettext_lazy("%(who)s: those without a plan of their own follow the group’s from the next run on.")

    def now(self) -> list[str]:
        names = dict(CustomerGroup.objects.values_list("pk", "name"))
        return [f"{names[pk] if pk else _('no group')} ({formatting.number(n)})" for pk, n in self._counts("group")]

    def form(self, *arguments: Any) -> forms.Form:
        return GroupForm(*arguments, groups=list(list_groups()))

    def stored(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"group": str(data["group"].pk) if data["group"] is not None else None}

    @classmethod
    def said(cls, count: int) -> str:
        return with_count(ngettext("One customer is in another group.", "%(n)s customers are in another group.", count), count)

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext("One customer returns to the group it was in.", "%(n)s customers return to the group each was in.", count)
        return with_count(words, count)
