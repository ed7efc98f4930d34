"""What is done about many messages of customers at once."""

from collections import Counter

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dunning.core.models import User
from dunning.core.permissions import Permission, people_allowed
from dunning.dashboard import formatting
from dunning.dashboard.many.base import Act, ToSomebody, with_count
from notifications import correspondence
from scenarios.selectors.replies import desks_of, put_away


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

    @classmethod
    def said(cls, count: int) -> str:
        return ngettext("One message is dealt with.", "%(n)s messages are dealt with.", count) % {"n": formatting.number(count)}

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext(
            "One message is to be read again; its customer is left alone until then.",
            "%(n)s messages are to be read again; their customers are left alone until then.",
            count,
        )
        return with_count(words, count)


class Give(ToSomebody):
    title, verb, icon = gettext_lazy("Give these messages to somebody"), gettext_lazy("Hand them over"), "user-check"
    button = gettext_lazy("Give to")
    is_exact = False

    def weigh(self) -> None:
        unread = list(correspondence.unread().filter(pk__in=self.asked.ids).values_list("customer", flat=True))
        matched = [pk for pk in unread if pk is not None]
        cancelled = put_away(set(matched))
        customers = [pk for pk in matched if pk not in cancelled]
        self.reach = len(customers)
        desks = desks_of(set(customers))
        now = Counter(str(desks[pk]) if pk in desks else _("nobody") for pk in customers)
        listed = ", ".join(f"{name} ({formatting.number(n)})" for name, n in now.most_common())
        self.tell(_("Today: %(now)s.") % {"now": listed}, self.reach)
        self.tell(_("Whatever else these customers wrote and nobody has dealt with goes with them."), self.reach)
        closed = len(matched) - self.reach
        words = ngettext(
            "The task to read one was cancelled: open it again first.",
            "The tasks to read %(n)s were cancelled: open them again first.",
            closed,
        )
        self.tell(with_count(words, closed), closed)
        strangers = len(unread) - len(matched)
        words = ngettext("One is nobody’s yet: say first whose it is.", "%(n)s are nobody’s yet: say first whose they are.", strangers)
        self.tell(with_count(words, strangers), strangers)
        others = len(self.asked.ids) - len(unread)
        rest = ngettext("One needs nothing: it stays as it is.", "%(n)s need nothing: they stay as they are.", others)
        self.tell(with_count(rest, others), others)

    def people(self) -> list[User]:
        return people_allowed(self.asked.organization, Permission.WORK)

    @classmethod
    def said(cls, count: int) -> str:
        return with_count(ngettext("One message is on another desk.", "%(n)s messages are on another desk.", count), count)

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext("One message returns to the desk it was on.", "%(n)s messages return to the desks they were on.", count)
        return with_count(words, count)
