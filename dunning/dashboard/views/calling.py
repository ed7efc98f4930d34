"""Call mode: one call after another, each with what to know before its eyes, the confirmation sent with one key."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core import clock
from dunning.core.permissions import Permission, allows
from dunning.dashboard import formatting
from dunning.dashboard.forms.calls import CallForm
from dunning.dashboard.records import drawn_past
from dunning.dashboard.views.base import MemberRequest, acting, attempt, member, page, today_of
from dunning.dashboard.views.desk import call_card, call_form, call_kept, get_task, keep_call, to_confirm
from notifications.enums import MessageState
from notifications.models import Message
from notifications.services import preview
from scenarios.enums import TaskState
from scenarios.models import Task
from scenarios.selectors.call_list import CallList, briefing, call_list
from scenarios.services.approvals import approve_messages

END = "end"


@member(Permission.WORK)
def show(request: MemberRequest) -> HttpResponse:
    """The call asked for by `?at=`, else the first of the list while the day has room."""
    found = _list(request)
    at, ids = request.GET.get("at", ""), [str(one.task.pk) for one in found.waiting]
    place = ids.index(at) if at in ids else 0
    confirm = _confirmation(request, request.GET.get("confirm", ""))
    if not ids or at == END or (found.is_full and at not in ids):
        again = _address(ids[0]) if ids else ""
        return page(request, "calls_done", nav="today", calls=found, confirm=confirm, is_end=at == END, again=again)
    waiting = found.waiting[place]
    return _call(request, found, waiting.task, call_form(request, waiting.task), confirm=confirm)


@member(Permission.WORK, methods=("POST",))
def record(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Record a call and show the next one, with the confirmation that was drafted."""
    task, found = get_task(pk), _list(request)
    form = call_form(request, task)
    recorded = keep_call(request, task, form)
    if recorded is None:
        if task.state != TaskState.OPEN:
            messages.error(request, _("Somebody closed this call a moment ago; nothing was added to it."))
            return redirect(_address(_next(found, task)))
        return _call(request, found, task, form, status=422)
    messages.success(request, call_kept(task, form))
    draft = to_confirm(recorded)
    is_full = found.room is not None and found.room <= 1  # this one filled it
    return redirect(_address("" if is_full else _next(found, task), confirm=draft.pk if draft is not None else None))


@member(Permission.APPROVE, methods=("POST",))
def confirm(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Let the drafted confirmation leave, and go on where the caller was."""
    organization = request.membership.organization
    message = Message.objects.get(pk=pk)
    done = attempt(request, lambda: approve_messages(message_ids=[message.pk], organization=organization, **acting(request)))
    if done is not None:
        approved, _stay = done
        if approved:
            messages.success(request, _("The confirmation leaves in its hours."))
        else:
            messages.info(request, _("This message no longer waits for approval; nothing was changed."))
    at = request.POST.get("at", "")
    return redirect(_address(at if at == END or _is_id(at) else ""))


def _list(request: MemberRequest) -> CallList:
    return call_list(member=request.membership, today=today_of(request), now=clock.now())


def _call(
    request: MemberRequest, found: CallList, task: Task, form: CallForm, *, confirm: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    place = next((number for number, one in enumerate(found.waiting, 1) if one.task.pk == task.pk), 0)
    return page(
        request,
        "calls",
        nav="today",
        status=status,
        calls=found,
        place=place,
        waiting=found.waiting[place - 1] if place else None,
        next_url=_address(_next(found, task)),
        confirm=confirm,
        **call_card(request, task, form),
        **_briefing(request, task.customer),
    )


def _briefing(request: MemberRequest, customer: Customer | None) -> dict[str, Any]:
    if customer is None:
        return {}
    found = briefing(customer=customer, organization=request.membership.organization, today=today_of(request))
    usual = formatting.around_due(found.habit.days) if found.habit is not None else ""
    return {"briefing": found, "usual": usual, "exchanges": drawn_past(found.exchanges)}


def _confirmation(request: MemberRequest, text: str) -> dict[str, Any] | None:
    """The drafted message this call brought, as it would read; None once it no longer waits, or for whoever may not let it leave."""
    if not _is_id(text) or not allows(request.membership, Permission.APPROVE):
        return None
    message = Message.objects.filter(pk=UUID(text), state=MessageState.AWAITING_APPROVAL).select_related("customer").first()
    return {"message": message, "said": preview(message_id=message.pk, now=clock.now())} if message is not None else None


def _next(found: CallList, task: Task) -> str:
    following = found.after(task.pk)
    return END if following is None or following.task.pk == task.pk else str(following.task.pk)


def _address(at: str, *, confirm: UUID | None = None) -> str:
    query = "&".join(part for part in (f"at={at}" if at else "", f"confirm={confirm}" if confirm is not None else "") if part)
    return f"{reverse('dashboard:calls')}?{query}" if query else reverse("dashboard:calls")


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
