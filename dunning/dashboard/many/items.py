"""What is done about many invoices at once."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import NoteForm, ReasonForm
from dunning.dashboard.forms.many import HoldManyForm
from dunning.dashboard.many.base import Act, part_words, with_count
from invoices.selectors.many import weigh, weigh_paused, weigh_unreceived


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

    def stored(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"kind": data["kind"], "side": data["side"], "ends_on": data["ends_on"].isoformat(), "reason": data["reason"]}

    @classmethod
    def said(cls, count: int) -> str:
        return ngettext("One invoice is paused.", "%(n)s invoices are paused.", count) % {"n": formatting.number(count)}

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext(
            "The pause of one invoice ends, and the next run goes on with it.",
            "The pauses of %(n)s invoices end, and the next run goes on with them.",
            count,
        )
        return with_count(words, count)


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

    @classmethod
    def said(cls, count: int) -> str:
        return ngettext("One invoice goes on.", "%(n)s invoices go on.", count) % {"n": formatting.number(count)}

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext(
            "One invoice is paused again, to the day it was paused before.",
            "%(n)s invoices are paused again, each to the day it was paused before.",
            count,
        )
        return with_count(words, count)


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

    @classmethod
    def said(cls, count: int) -> str:
        words = ngettext("Receipt of one invoice is noted.", "Receipt of %(n)s invoices is noted.", count)
        return words % {"n": formatting.number(count)}

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext("The receipt of one invoice counts no more.", "The receipts of %(n)s invoices count no more.", count)
        return with_count(words, count)
