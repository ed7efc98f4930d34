"""Work in place: a call recorded on its card, any other task done, put off or given up."""

from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Contact
from customers.selectors import contact_chain
from dunning.core import clock
from dunning.core.permissions import Permission, allows
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import ReasonForm
from dunning.dashboard.forms.calls import CallForm, NoteForm, PostponeForm, item_choices
from dunning.dashboard.views.base import MemberRequest, act_page, acting, acting_now, done, fragment, member, page, submitted, today_of
from invoices.models import Installment
from invoices.selectors import open_items
from notifications.enums import MessageState
from notifications.models import Message
from scenarios.enums import CallOutcome, TaskKind, TaskState
from scenarios.models import Task, TaskAttempt
from scenarios.selectors import calling_note, within_sentence
from scenarios.services.calls import RecordedCall, record_call
from scenarios.services.tasks import DECIDED_ELSEWHERE, cancel_task, complete_task, postpone_task, reopen_task


def get_task(pk: UUID) -> Task:
    return Task.objects.select_related("customer", "installment__invoice", "message").get(pk=pk)


@member()
def task(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One task: its call card for who may call, else what it asks and the buttons that finish it. Fetched by htmx, the card alone."""
    found = get_task(pk)
    if found.kind == TaskKind.CALL and found.state == TaskState.OPEN and allows(request.membership, Permission.WORK):
        return _call_card(request, found, call_form(request, found))
    context: dict[str, Any] = {"task": found, "note_form": NoteForm(), "decided_elsewhere": found.kind in DECIDED_ELSEWHERE}
    if request.htmx:
        return fragment(request, "_task", in_place=True, **context)
    return page(request, "task", nav="today", **context)


def call_form(request: MemberRequest, found: Task) -> CallForm:
    """The form of a call, its open invoices as ticks, the overdue ones ticked."""
    today = today_of(request)
    items = list(open_items(customer_ids=[found.customer_id])) if found.customer_id is not None else []
    choices = item_choices(items, _item_words)
    first = {"items": [str(item.pk) for item in items if item.due_on < today]}
    prefix = f"id_{found.pk.hex[-8:]}_%s"
    if request.method == "POST":
        return CallForm(request.POST, choices=choices, auto_id=prefix)
    return CallForm(initial=first, choices=choices, auto_id=prefix)


def _item_words(item: Installment) -> str:
    amount, due = formatting.money(item.outstanding, item.invoice.currency), formatting.date_short(item.due_on)
    return _("%(number)s, %(amount)s, due %(day)s") % {"number": item.invoice.number, "amount": amount, "day": due}


def call_card(request: MemberRequest, found: Task, form: CallForm) -> dict[str, Any]:
    """What the card of a call shows."""
    today = today_of(request)
    customer = found.customer
    items = list(open_items(customer_ids=[found.customer_id]).filter(due_on__lt=today)) if found.customer_id is not None else []
    chain = contact_chain([found.customer_id], today=today)[found.customer_id] if found.customer_id is not None else []
    contact = next((contact for contact in chain if contact.phone), chain[0] if chain else None)
    last = TaskAttempt.objects.filter(task__customer=customer).order_by("-at").first()
    return {
        "task": found,
        "form": form,
        "contact": contact,
        "contact_name": _name_of(contact, found),
        "phone": formatting.phone(contact.phone) if contact is not None and contact.phone else _("no number is known"),
        "when": calling_note(
            organization=request.membership.organization, phone=contact.phone if contact is not None else "", now=clock.now()
        ),
        "last": _last_words(last),
        "overdue": items,
        "overdue_total": _totals(items),
        "caller": request.user,
    }


def _call_card(request: MemberRequest, found: Task, form: CallForm, *, status: int = 200) -> HttpResponse:
    context = call_card(request, found, form)
    if request.htmx:
        answer = fragment(request, "_call", in_place=True, **context)
        if status != 200:
            answer["HX-Retarget"], answer["HX-Reswap"] = f"#card-{found.pk}", "outerHTML"
        return answer
    return page(request, "task", nav="today", status=status, is_call=True, **context)


def _name_of(contact: Contact | None, found: Task) -> str:
    if contact is not None:
        return contact.name or str(contact.get_role_display())
    return found.customer.name if found.customer is not None else ""


def _last_words(last: TaskAttempt | None) -> str:
    if last is None:
        return ""
    said = [formatting.date_long(last.on), str(CallOutcome(last.outcome).label), last.note]
    return " · ".join(part for part in said if part)


def _totals(items: list[Installment]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for item in items:
        total[item.invoice.currency] = total.get(item.invoice.currency, Decimal(0)) + item.outstanding
    return total


@member(Permission.WORK, methods=("POST",))
def call(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Record the call."""
    found = get_task(pk)
    form = call_form(request, found)
    recorded = keep_call(request, found, form)
    if recorded is None:
        return _call_card(request, found, form, status=422)
    text = call_kept(found, form)
    if to_confirm(recorded) is not None:
        text = f"{text} {_('A message confirming it waits for your approval.')}"
    return _finished(request, found, text)


def keep_call(request: MemberRequest, found: Task, form: CallForm) -> RecordedCall | None:
    """Record what the form says of the call; None when it cannot be, and the form says why."""
    recorded: list[RecordedCall] = []

    def act(data: dict[str, Any]) -> None:
        ticked = [UUID(value) for value in data["items"]] or None
        recorded.append(
            record_call(task=found, outcome=data["outcome"], note=data["note"], details=form.details(), items=ticked, **acting(request))
        )

    return recorded[0] if submitted(request, form, act) else None


def call_kept(found: Task, form: CallForm) -> str:
    """One sentence for a recorded call."""
    return _("The call to %(customer)s is recorded: %(outcome)s.") % {
        "customer": found.customer.name if found.customer is not None else "",
        "outcome": within_sentence(CallOutcome(form.cleaned_data["outcome"]).label),
    }


def to_confirm(recorded: RecordedCall) -> Message | None:
    """The drafted message that confirms what was said, while it waits for a person."""
    message = recorded.message
    return message if message is not None and message.state == MessageState.AWAITING_APPROVAL else None


@member(Permission.WORK, methods=("POST",))
def complete(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The task was done."""
    found = get_task(pk)
    form = NoteForm(request.POST)
    if submitted(request, form, lambda data: complete_task(task=found, note=data["note"], **acting(request))):
        return _finished(request, found, _("Done: %s.") % within_sentence(found.get_kind_display()))
    context: dict[str, Any] = {"task": found, "note_form": form, "decided_elsewhere": found.kind in DECIDED_ELSEWHERE}
    if request.htmx:
        return fragment(request, "_task", in_place=True, **context)
    return page(request, "task", nav="today", status=422, **context)


def _finished(request: MemberRequest, found: Task, text: str) -> HttpResponse:
    if request.htmx:
        answer = fragment(request, "_finished", text=text, undo=_undo(found))
        answer["HX-Retarget"], answer["HX-Reswap"] = f"#work-{found.pk}", "outerHTML"
        return answer
    messages.success(request, text, extra_tags=_undo(found))
    return redirect("dashboard:today")


@member(Permission.WORK, methods=("GET", "HEAD", "POST"))
def postpone(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Show the task again on another day, from eight in the morning."""
    found = get_task(pk)
    form = PostponeForm(request.POST) if request.method == "POST" else PostponeForm()
    zone = ZoneInfo(request.membership.organization.timezone)

    def act(data: dict[str, Any]) -> None:
        until = datetime.combine(data["until"], time(8), tzinfo=zone)
        postpone_task(task=found, until=until, due_on=data["until"], **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The task comes back on %s.") % formatting.date_long(form.cleaned_data["until"]), reverse("dashboard:today"))
    return _task_act(request, found, form, title=_("Put this task off"), verb=_("Put off"), icon="clock")


@member(Permission.WORK, methods=("GET", "HEAD", "POST"))
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The task will not be done."""
    found = get_task(pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: cancel_task(task=found, reason=data["reason"], **acting(request))):
        messages.success(request, _("The task is cancelled; the plan goes on without it."), extra_tags=_undo(found))
        return redirect("dashboard:today")
    return _task_act(request, found, form, title=_("Cancel this task"), verb=_("Cancel the task"), icon="ban")


@member(Permission.WORK, methods=("GET", "HEAD", "POST"))
def reopen(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The task was finished or cancelled too soon."""
    found = get_task(pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: reopen_task(task=found, reason=data["reason"], **acting(request))):
        return done(request, _("The task is open again, for today."), reverse("dashboard:task", args=[pk]))
    more = _("What the call noted stays: a promise, a dispute or a pause is ended by itself.") if found.kind == TaskKind.CALL else ""
    return _task_act(request, found, form, title=_("Open this task again"), verb=_("Open it again"), icon="undo-2", more=more)


def _undo(found: Task) -> str:
    """Where a task that was just closed is opened again; "" for those decided elsewhere."""
    return "" if found.kind == TaskKind.APPROVAL else reverse("dashboard:task_reopen", args=[found.pk])


def _task_act(request: MemberRequest, found: Task, form: Any, *, title: str, verb: str, icon: str, more: str = "") -> HttpResponse:
    parts = (str(found.get_kind_display()), found.customer.name if found.customer else "", found.title, more)
    lead = " · ".join(part for part in parts if part)
    back = reverse("dashboard:task", args=[found.pk])
    return act_page(request, form, nav="today", title=title, verb=verb, back=back, lead=lead, icon=icon)
