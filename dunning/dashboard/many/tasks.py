"""What is done about many tasks at once."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dunning.core.models import User
from dunning.core.selectors import people_of
from dunning.dashboard import formatting
from dunning.dashboard.forms.calls import PostponeForm
from dunning.dashboard.many.base import Act, ToSomebody, with_count
from scenarios.enums import TaskState
from scenarios.models import Task


class TasksAct(Act):
    """Closed tasks stay as they are."""

    is_exact = False

    def weigh(self) -> None:
        self.rows = list(Task.objects.select_related("assignee").filter(pk__in=self.asked.ids, state=TaskState.OPEN))
        self.reach = len(self.rows)
        kinds = Counter(str(task.get_kind_display()) for task in self.rows)
        listed = ", ".join(f"{kind} ({formatting.number(n)})" for kind, n in kinds.most_common())
        words = ngettext("One task: %(kinds)s.", "%(n)s tasks: %(kinds)s.", self.reach)
        self.tell(words % {"n": formatting.number(self.reach), "kinds": listed}, self.reach)
        closed = len(self.asked.ids) - self.reach
        rest = ngettext("One is closed already: it stays as it is.", "%(n)s are closed already: they stay as they are.", closed)
        self.tell(with_count(rest, closed), closed)


class Postpone(TasksAct):
    title, verb, icon = gettext_lazy("Put these tasks off"), gettext_lazy("Put them off"), "clock"
    button = gettext_lazy("Put off")

    def weigh(self) -> None:
        super().weigh()
        late = sum(task.due_on < self.asked.today for task in self.rows)
        words = ngettext("One of them is late already.", "%(n)s of them are late already.", late)
        self.tell(with_count(words, late), late)
        self.tell(_("They leave the desk and come back on the day below, at eight."), self.reach)

    def form(self, *arguments: Any) -> forms.Form:
        form = PostponeForm(*arguments)
        form.fields["until"].initial = self.asked.today + timedelta(days=1)
        return form

    def stored(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"until": data["until"].isoformat()}

    @classmethod
    def said(cls, count: int) -> str:
        return with_count(ngettext("One task is put off.", "%(n)s tasks are put off.", count), count)

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext("One task is back on its day.", "%(n)s tasks are back, each on its day.", count)
        return with_count(words, count)


class HandOut(TasksAct, ToSomebody):
    title, verb, icon = gettext_lazy("Give these tasks to somebody"), gettext_lazy("Hand them over"), "user-check"
    button = gettext_lazy("Give to")

    def weigh(self) -> None:
        super().weigh()
        now = Counter(str(task.assignee) if task.assignee is not None else _("nobody") for task in self.rows)
        listed = ", ".join(f"{name} ({formatting.number(n)})" for name, n in now.most_common())
        self.tell(_("Today: %(now)s.") % {"now": listed}, self.reach)

    def people(self) -> list[User]:
        return people_of(self.asked.organization)

    @classmethod
    def said(cls, count: int) -> str:
        return with_count(ngettext("One task is on another desk.", "%(n)s tasks are on another desk.", count), count)

    @classmethod
    def back(cls, count: int) -> str:
        words = ngettext("One task returns to the desk it was on.", "%(n)s tasks return to the desks they were on.", count)
        return with_count(words, count)
