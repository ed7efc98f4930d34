"""What is done about many messages of customers at once."""

from django.utils.translation import gettext_lazy, ngettext

from dunning.dashboard import formatting
from dunning.dashboard.many.base import Act, with_count
from notifications import correspondence


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
