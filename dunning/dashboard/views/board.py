"""The departure board: every message about to leave, and the acts on them - approve, withdraw, hold, release."""

from collections.abc import Callable
from datetime import date, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from dunning.core.hours import at_wall
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.dashboard import choosing
from dunning.dashboard.components import Tab
from dunning.dashboard.forms.acts import ReasonForm
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting,
    acting_now,
    attempt,
    choices_of,
    done,
    member,
    page,
    paged,
    submitted,
    today_of,
    with_query,
)
from invoices.selectors import coverage_through
from notifications.enums import MessageState
from notifications.models import Message
from notifications.selectors import awaiting_approval_ids, waiting_messages, withdrawn_messages
from scenarios.enums import Phase
from scenarios.models import DailyRun
from scenarios.selectors import board as read_board
from scenarios.selectors.beginning import ENOUGH, is_beginning
from scenarios.services.approvals import approve_messages, check_list
from scenarios.services.board import hold_all as hold_everything
from scenarios.services.board import hold_messages, release_messages, withdraw_messages
from scenarios.services.board import release_all as release_everything
from scenarios.services.runs import release_brake as release_the_brake

WITHDRAWN = "withdrawn"
STATES = {
    "approval": [MessageState.AWAITING_APPROVAL],
    "leaving": [MessageState.QUEUED, MessageState.RETRY],
    "held": [MessageState.HELD],
}


@member()
def show(request: MemberRequest) -> HttpResponse:
    today = today_of(request)
    found = read_board(today=today)
    organization = request.membership.organization
    gone = withdrawn_messages(since=at_wall(today, time.min, ZoneInfo(organization.timezone)))
    counts = {"approval": found.awaiting_approval.messages, "leaving": found.leaving.messages, "held": found.held.messages}
    fullest = next((key for key, count in counts.items() if count), "approval")
    state = choices_of(request, "state", (*STATES, WITHDRAWN), fullest)
    rows = paged(request, gone if state == WITHDRAWN else waiting_messages(states=STATES[state]), keys_first=True)
    counts[WITHDRAWN] = gone.count()
    words = {
        "approval": _("To approve"),
        "leaving": _("Approved, about to leave"),
        "held": pgettext("messages", "Held"),
        WITHDRAWN: pgettext("messages", "Withdrawn today"),
    }
    return page(
        request,
        "board",
        nav="messages",
        board=found,
        on_board=True,
        state=state,
        page=rows,
        rows=[
            (message, check_list(message=message, organization=organization, today=today) if message.phase == Phase.LEGAL else ())
            for message in rows.object_list
        ],
        tabs=[Tab(label, with_query(request, state=key), is_current=key == state, count=counts[key]) for key, label in words.items()],
        ledger_through=coverage_through(),
        supervised_until=_supervised_until(today),
        first=ENOUGH if counts["approval"] > ENOUGH and is_beginning() else 0,
        shown=choosing.carried(awaiting_approval_ids()) if state == "approval" else "",
    )


def _supervised_until(today: date) -> date | None:
    """The last day on which everything waits for a person (rule 15), while it has not passed."""
    until = get_profile().supervised_until
    return until if until is not None and until >= today else None


@member(Permission.APPROVE, methods=("POST",))
def act(request: MemberRequest) -> HttpResponse:
    """What the clerk decides about the ticked messages, or about the first ones ("approve_first") or all ("approve_all") of those that
    waited when the page was drawn (`shown`)."""
    verb = request.POST.get("act", "")
    ids = _ticked(request)
    came = 0
    if verb in ("approve_all", "approve_first"):
        shown = set(choosing.read(request.POST.get("shown", "").split(",")))
        waiting = awaiting_approval_ids()
        ids = [pk for pk in waiting if pk in shown]
        came = len(waiting) - len(ids)
        ids = ids[: ENOUGH if verb == "approve_first" else None]
    back = _back(request)
    if not ids:
        messages.warning(request, _("No message was ticked; nothing was changed."))
        return redirect(back)
    acts: dict[str, Callable[[], Any]] = {
        "approve": lambda: _approve(request, ids),
        "approve_all": lambda: _approve(request, ids),
        "approve_first": lambda: _approve(request, ids),
        "withdraw": lambda: _withdraw(request, ids),
        "hold": lambda: _say(request, hold_messages(message_ids=ids, reason=_why(request), **acting_now(request)), len(ids), "hold"),
        "release": lambda: _say(request, release_messages(message_ids=ids, **acting_now(request)), len(ids), "release"),
    }
    if verb in acts:
        attempt(request, acts[verb])
    if came:
        text = ngettext(
            "%(count)d message has come to wait since this page was drawn: look at it, then decide.",
            "%(count)d messages have come to wait since this page was drawn: look at them, then decide.",
            came,
        )
        messages.warning(request, text % {"count": came})
    return redirect(back)


def _is_answer(request: MemberRequest) -> bool:
    """Whether the act came from an exchange with a customer, where one answer waits to leave."""
    return request.POST.get("from") == "reply"


def _ticked(request: MemberRequest) -> list[UUID]:
    return choosing.read(request.POST.getlist("message"))


def _why(request: MemberRequest) -> str:
    return request.POST.get("reason", "").strip()


def _back(request: MemberRequest) -> str:
    """The message's own page, or that of what it answers, when the act came from there."""
    ids = _ticked(request)
    if request.POST.get("from") == "message" and len(ids) == 1:
        return reverse("dashboard:message", args=[ids[0]])
    if _is_answer(request):
        answered = Message.objects.filter(pk__in=ids).values_list("answers", flat=True).first()
        return reverse("dashboard:reply", args=[answered]) if answered is not None else reverse("dashboard:inbox")
    return reverse("dashboard:board")


def _approve(request: MemberRequest, ids: list[UUID]) -> None:
    approved, stay = approve_messages(message_ids=ids, organization=request.membership.organization, **acting(request))
    if approved:
        text = ngettext(
            "%(count)d message is approved and leaves in its hours.", "%(count)d messages are approved and leave in their hours.", approved
        )
        messages.success(request, text % {"count": approved})
    if stay:
        text = ngettext(
            "%(count)d legal message stays: its check list is not complete.",
            "%(count)d legal messages stay: their check lists are not complete.",
            len(stay),
        )
        messages.warning(request, text % {"count": len(stay)})
    if not approved and not stay:
        messages.info(request, _("These messages no longer wait for approval; nothing was changed."))
    elif approved + len(stay) < len(ids):
        _say_untouched(request, len(ids) - approved - len(stay))


def _withdraw(request: MemberRequest, ids: list[UUID]) -> None:
    count = withdraw_messages(message_ids=ids, reason=_why(request), **acting_now(request))
    if not _is_answer(request):
        _say(request, count, len(ids), "withdraw")
    elif count:
        messages.success(request, _("The answer is taken back: nothing left, and the message is to be dealt with."))
    else:
        messages.warning(request, _("The answer can no longer be taken back: it has left, or is leaving."))


def _say(request: MemberRequest, count: int, asked: int, verb: str) -> None:
    """What was done of what was asked for: a message may have left, or been decided about, while the page was looked at."""
    words = {
        "withdraw": ngettext(
            "%(count)d message is withdrawn; its step never happens again.",
            "%(count)d messages are withdrawn; their steps never happen again.",
            count,
        ),
        "hold": ngettext("%(count)d message is held.", "%(count)d messages are held.", count),
        "release": ngettext("%(count)d message goes on.", "%(count)d messages go on.", count),
    }
    if count:
        messages.success(request, words[verb] % {"count": count})
    if count < asked:
        _say_untouched(request, asked - count)


def _say_untouched(request: MemberRequest, count: int) -> None:
    text = ngettext(
        "%(count)d message stays as it was: it has left meanwhile, or was decided about already.",
        "%(count)d messages stay as they were: they have left meanwhile, or were decided about already.",
        count,
    )
    messages.warning(request, text % {"count": count})


@member(Permission.APPROVE, methods=("GET", "HEAD", "POST"))
def hold_all(request: MemberRequest) -> HttpResponse:
    """Nothing leaves from now on."""
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    back = reverse("dashboard:board")
    if submitted(request, form, lambda data: hold_everything(reason=data["reason"], **acting_now(request))):
        return done(request, _("Everything is held: no message leaves until you release it."), back)
    found = read_board(today=today_of(request))
    waiting = found.leaving.messages + found.awaiting_approval.messages
    lead = ngettext(
        "%(count)d message waits. From this moment on nothing leaves, whatever was approved; customers are not told.",
        "%(count)d messages wait. From this moment on nothing leaves, whatever was approved; customers are not told.",
        waiting,
    )
    return act_page(
        request,
        form,
        nav="messages",
        title=_("Hold everything"),
        verb=_("Hold everything"),
        back=back,
        lead=lead % {"count": waiting},
        icon="hand",
    )


@member(Permission.APPROVE, methods=("POST",))
def release_all(request: MemberRequest) -> HttpResponse:
    if attempt(request, lambda: (release_everything(**acting_now(request)),)) is not None:
        messages.success(request, _("Messages may leave again; each is looked at once more before it does."))
    return redirect("dashboard:board")


@member(Permission.APPROVE, methods=("POST",))
def release_brake(request: MemberRequest) -> HttpResponse:
    """A person has looked at an unusual run: the one that the page showed."""
    run = DailyRun.objects.filter(pk__in=choosing.read([request.POST.get("run", "")])).first()
    released = attempt(request, lambda: release_the_brake(run=run, **acting_now(request))) if run is not None else None
    if run is None:
        messages.warning(request, _("Nothing was let go: look at the board again."))
    if released is not None:
        messages.success(request, ngettext("%(count)d message goes on.", "%(count)d messages go on.", released) % {"count": released})
    return redirect("dashboard:board")
