"""What a person was told, in sentences: each with its icon and where it leads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core.enums import Channel, NoticeKind, NoticeTopic
from dunning.core.models import Notice
from dunning.core.selectors import actor_names
from dunning.dashboard import formatting
from invoices.rates import Semester, Series
from invoices.selectors.rates import NAMES, semester_name
from scenarios.enums import TaskKind

_Words = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """One notice as the page lays it out."""

    notice: Notice
    title: str
    detail: str
    icon: str
    tone: str
    since: str  # day and hour


def told(notices: Iterable[Notice]) -> list[Told]:
    """The notices in words, in their order."""
    rows = list(notices)
    names = actor_names(row.details["by"] for row in rows if row.details.get("by"))
    found = []
    for row in rows:
        say, icon = _SAID[row.topic]
        title, detail = say({**row.details, "by": names.get(row.details.get("by", ""), "")})
        tone = "" if row.read_at else "late" if row.kind == NoticeKind.FAILURE else "info"
        at = localtime(row.at)
        found.append(Told(row, title, detail, icon, tone, f"{formatting.date_short(at)} {formatting.time_short(at)}"))
    return found


def leads_to(notice: Notice, *, may_work: bool) -> str:
    """The page of what it is about; calls are made by who may work."""
    kinds = notice.details.get("kinds")
    if may_work and notice.topic == NoticeTopic.DAY and kinds and set(kinds) == {TaskKind.CALL}:
        return reverse("dashboard:calls")
    if notice.topic == NoticeTopic.BRAKE:
        return reverse("dashboard:board")
    if notice.topic == NoticeTopic.RATES:
        return reverse("dashboard:rates")
    if notice.topic == NoticeTopic.PROVIDER:
        return reverse("dashboard:sending" if notice.details.get("channel") in Channel.values else "dashboard:paying")
    if notice.object_id is not None and notice.object_type in _PAGES:
        return reverse(f"dashboard:{_PAGES[notice.object_type]}", args=[notice.object_id])
    return reverse("dashboard:today")


_PAGES: Final = {"customer": "customer", "reply": "reply", "message": "message", "file": "import"}


# --- the sentences ------------------------------------------------------------------------------------------------------------------------


def _day(details: Mapping[str, Any]) -> _Words:
    kinds: dict[str, int] = details.get("kinds", {})
    count = sum(kinds.values())
    if set(kinds) == {TaskKind.CALL}:
        return ngettext("One call for you today", "%(n)s calls for you today", count) % {"n": formatting.number(count)}, ""
    return ngettext("One task for you today", "%(n)s tasks for you today", count) % {"n": formatting.number(count)}, _by_kind(kinds)


def _by_kind(kinds: Mapping[str, int]) -> str:
    """`Call (12), Approval (1)`, the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda part: (-part[1], part[0]))
    return ", ".join(f"{TaskKind(kind).label} ({formatting.number(n)})" for kind, n in ordered)


def _late(details: Mapping[str, Any]) -> _Words:
    kinds: dict[str, int] = details["kinds"]
    count = sum(kinds.values())
    said = ngettext("One task of the team is late", "%(n)s tasks of the team are late", count)
    return said % {"n": formatting.number(count)}, _by_kind(kinds)


def _task(details: Mapping[str, Any]) -> _Words:
    count = details.get("count", 1)
    if count > 1:
        said = _("%(n)s tasks are on your desk") % {"n": formatting.number(count)}
        return said, _("from %(by)s") % {"by": details["by"]} if details.get("by") else ""
    task = details.get("title") or TaskKind(details["task"]).label
    title = _("%(customer)s: a task is on your desk") % details if details.get("customer") else _("A task is on your desk")
    return title, _("%(task)s, from %(by)s") % {"task": task, "by": details["by"]} if details.get("by") else str(task)


def _disputes(details: Mapping[str, Any]) -> _Words:
    count = details["count"]
    if count == 1 and details.get("customer"):
        return _("%(customer)s: a dispute is yours to answer") % details, ""
    return ngettext("One dispute is yours to answer", "%(n)s disputes are yours to answer", count) % {"n": formatting.number(count)}, ""


def _reply(details: Mapping[str, Any]) -> _Words:
    if details.get("customer"):
        return _("%(customer)s answered") % details, _("Reminders wait until somebody has dealt with it.")
    return _("Somebody wrote: %(sender)s") % details, _("Say whose message it is: it could not be matched to a customer.")


def _no_contact(details: Mapping[str, Any]) -> _Words:
    return _("No message reaches %(customer)s") % details, _("The last address failed, and nobody is left to write to.")


def _provider(details: Mapping[str, Any]) -> _Words:
    detail = _("It failed again and again, and is asked again by itself; messages wait.")
    return _("%(account)s takes no messages") % details, f"{detail} {details['error']}" if details.get("error") else detail


def _file(details: Mapping[str, Any]) -> _Words:
    return _("%(file)s was not loaded") % details, _("Its page says why. Nothing of it was kept.")


def _brake(details: Mapping[str, Any]) -> _Words:
    count = details["messages"]
    waiting = ngettext("One message waits until somebody has looked.", "%(n)s messages wait until somebody has looked.", count)
    return _("The run stopped and asks"), waiting % {"n": formatting.number(count)}


def _rates(details: Mapping[str, Any]) -> _Words:
    semester = semester_name(Semester.parse(details["semester"]))
    rates = ", ".join(str(NAMES[Series(series)]) for series in details["series"])
    if details.get("coming"):
        return _("Rates to enter: %(semester)s") % {"semester": semester}, _("%(rates)s: as soon as published.") % {"rates": rates}
    waiting = _("%(rates)s: formal notices that claim penalties wait for it.") % {"rates": rates}
    return _("A reference rate is missing: %(semester)s") % {"semester": semester}, waiting


_SAID: Final[Mapping[str, tuple[Callable[[Mapping[str, Any]], _Words], str]]] = {
    NoticeTopic.DAY: (_day, "list-checks"),
    NoticeTopic.TASK: (_task, "clipboard-check"),
    NoticeTopic.DISPUTES: (_disputes, "scale"),
    NoticeTopic.REPLY: (_reply, "inbox"),
    NoticeTopic.NO_CONTACT: (_no_contact, "mail-x"),
    NoticeTopic.PROVIDER: (_provider, "triangle-alert"),
    NoticeTopic.FILE: (_file, "file-x"),
    NoticeTopic.BRAKE: (_brake, "octagon-alert"),
    NoticeTopic.RATES: (_rates, "percent"),
    NoticeTopic.LATE: (_late, "clock"),
}
