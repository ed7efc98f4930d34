"""Giving many customers a plan of their own, or what their group follows, with what it would change shown first."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.forms.many import PlanManyForm
from dunning.dashboard.many.base import with_count
from dunning.dashboard.many.customers import CustomersAct
from scenarios.models import ActionPlan
from scenarios.plan_words import name_of
from scenarios.plans import load_assignments
from scenarios.selectors import plan_views
from scenarios.services.many import KINDS
from scenarios.services.plan_changes import FORESEEN, Change, foresee_change


class Follow(CustomersAct):
    title, verb, icon = gettext_lazy("Change the plan of these customers"), gettext_lazy("Follow this plan"), "milestone"
    button = gettext_lazy("Plan")
    sentence = gettext_lazy("%(who)s: their invoices keep the level they have reached, and nobody is reminded twice of the same.")
    rest = gettext_lazy("One whose group follows it already is given it for itself.")
    permission = Permission.MANAGE_PLANS
    looks = True

    def now(self) -> list[str]:
        known = load_assignments()
        names = {str(plan.pk): name_of(plan) for plan in ActionPlan.objects.all()}
        counts: dict[str, int] = {}
        for pk, group in self.customers().values_list("pk", "group"):
            found = known.find(invoice="", customer=str(pk), group=str(group or ""))
            name = names[found[0]] if found is not None else _("no plan")
            counts[name] = counts.get(name, 0) + 1
        return [f"{name} ({formatting.number(n)})" for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]

    def form(self, *arguments: Any) -> forms.Form:
        return PlanManyForm(*arguments, plans=[(str(view.plan.pk), view.name) for view in plan_views()])

    def stored(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"plan": data["plan"]}

    def look(self, stored: Mapping[str, Any]) -> None:
        when, kind = self.asked.when, KINDS["plan"]
        kind.check(stored, when)
        if self.reach > FORESEEN:
            words = _("What each invoice would do next is worked out for %(n)s customers at most: a dry run of the plan does it for all.")
            self.told.append(words % {"n": formatting.number(FORESEEN)})
            return
        ids = list(self.customers().values_list("pk", flat=True))
        found = foresee_change(
            customer_ids=ids, organization=when.organization, today=when.today, change=lambda: kind.do(ids, stored, when)
        )
        self.foreseen = found.lines
        self.told += _words(found)

    @classmethod
    def said(cls, count: int) -> str:
        return with_count(ngettext("One customer follows another plan.", "%(n)s customers follow another plan.", count), count)

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext("One customer follows again the plan it followed.", "%(n)s customers follow again the plan each followed.", count)
        return with_count(words, count)


def _words(found: Change) -> list[str]:
    """What would change, each a sentence; what leaves of itself is told even when it is nothing."""
    total, moved = len(found.lines), found.moved
    words = ngettext(
        "%(moved)s of %(n)s open invoice gets another next step.", "%(moved)s of %(n)s open invoices get another next step.", total
    )
    said = [words % {"moved": formatting.number(moved), "n": formatting.number(total)}]
    more = ngettext("one message leaves that would not have", "%(n)s messages leave that would not have", found.leaving)
    less = ngettext("one does not leave that would have", "%(n)s do not leave that would have", found.staying)
    leaves = {
        "day": formatting.date_long(found.on),
        "more": with_count(more, found.leaving),
        "less": with_count(less, found.staying),
    }
    said.append(_("On %(day)s, the next day of the run: %(more)s, %(less)s.") % leaves)
    if found.calls or found.calls_less:
        calls = {"more": formatting.number(found.calls), "less": formatting.number(found.calls_less)}
        said.append(_("Calls and tasks of that day: %(more)s more, %(less)s fewer.") % calls)
    if found.withdrawn:
        waits = ngettext("One message that waits now is withdrawn.", "%(n)s messages that wait now are withdrawn.", found.withdrawn)
        said.append(with_count(waits, found.withdrawn))
    return said
