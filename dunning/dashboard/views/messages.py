"""Messages: the post office, and each message as it left or as it would leave, with its proof."""

from typing import Any
from uuid import UUID

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.clickjacking import xframe_options_sameorigin

from dunning.core import clock, documents
from dunning.core.enums import PAPER_CHANNELS, WRITTEN_CHANNELS, Channel
from dunning.core.permissions import Permission
from dunning.dashboard import exports
from dunning.dashboard.components import Tab
from dunning.dashboard.files import answer_file, on_white
from dunning.dashboard.forms.inbox import TrialForm
from dunning.dashboard.forms.messages import LEFT, SettleForm
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting,
    acting_now,
    choices_of,
    done,
    fragment,
    member,
    page,
    paged,
    submitted,
    today_of,
    with_query,
)
from dunning.dashboard.views.inbox import trial_acts
from notifications import mailbox
from notifications.correspondence import replies_of_message
from notifications.enums import LEFT as LEFT_STATES
from notifications.enums import WAITING, LetterProof, MessageState, Obstacle
from notifications.freezing import Preview, is_intact
from notifications.models import Message
from notifications.selectors import list_messages, message_detail
from notifications.services import preview, settle_uncertain
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from scenarios.selectors import items_of_message, uncounted_invoices
from scenarios.services.approvals import check_list, claim_remarks
from scenarios.services.tasks import cancel_task, complete_task

MAIL_POLICY = {"frame-ancestors": [SELF], "style-src": [UNSAFE_INLINE], "script-src": [NONE], "img-src": ["data:"]}
UNSETTLED = (MessageState.UNCERTAIN, MessageState.UNPROVEN)
"""Nobody knows whether these left, until a person looks."""
TABS = ("all", "sent", "delivered", "failed", "withdrawn")


@member(Permission.SEE)
def listing(request: MemberRequest) -> HttpResponse:
    state = choices_of(request, "state", TABS, "all")
    channel = choices_of(request, "channel", tuple(WRITTEN_CHANNELS))
    query = request.GET.get("find", "")
    rows = list_messages(channel=channel, query=query, state="" if state == "all" else state)
    if exports.asked_for(request):
        head, today = exports.message_head(), today_of(request)
        return exports.saved_list(request, rows, title=_("Messages"), head=head, lines=exports.message_lines, today=today)
    found = paged(request, rows)
    words = {
        "all": _("All"),
        "sent": pgettext("messages", "Sent"),
        "delivered": _("Delivered"),
        "failed": _("Failed or returned"),
        "withdrawn": pgettext("messages", "Withdrawn"),
    }
    return page(
        request,
        "messages",
        nav="messages",
        page=found,
        rows=list(found.object_list),
        tabs=[Tab(label, with_query(request, state="" if key == "all" else key), is_current=key == state) for key, label in words.items()],
        channels=[(value.value, value.label) for value in (Channel.EMAIL, Channel.SMS, Channel.LETTER, Channel.REGISTERED)],
        channel=channel,
        query=query,
        state=state,
    )


@member(Permission.SEE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    detail = message_detail(pk)
    message = detail.message
    waits = message.state in WAITING
    today = today_of(request)
    return page(
        request,
        "message",
        nav="messages",
        detail=detail,
        is_posted_by_us=any(event.kind == LetterProof.POSTED and "by" in event.details for event in detail.events),
        message=message,
        waits=waits,
        said=_said(message),
        checks=check_list(message=message, organization=request.membership.organization, today=today) if waits else (),
        remarks=claim_remarks(message=message, today=today) if waits else (),
        is_paper=message.channel in PAPER_CHANNELS,
        intact=is_intact(message) if message.frozen_at is not None and not waits else None,
        is_unsettled=message.state in UNSETTLED or message.reason == Obstacle.FORGOTTEN,
        may_release=message.state == MessageState.HELD,
        items=items_of_message(message),
        astray=message.not_reached and message.state in LEFT_STATES,
        uncounted=uncounted_invoices(message),
        replies=replies_of_message(message.pk),
        trial_acts=trial_acts(mailbox.acts_on(message)),
        trial_form=TrialForm(),
    )


def _said(message: Message) -> Preview:
    """What it said, or, before it leaves, what it would say now."""
    if message.frozen_at is not None and message.state not in WAITING:
        return Preview(message.subject, message.body_text, message.body_html, message.recipient or ", ".join(message.postal_address))
    return preview(message_id=message.pk, now=clock.now())


@member(Permission.WORK, methods=("GET", "HEAD", "POST"))
def settle(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say what became of a message whose sending nobody could confirm."""
    message = message_detail(pk).message
    back = reverse("dashboard:message", args=[pk])
    form = SettleForm(request.POST) if request.method == "POST" else SettleForm()

    def act(data: dict[str, Any]) -> None:
        left = data["fate"] == LEFT
        task = Task.objects.filter(kind=TaskKind.UNCERTAIN_SENDING, state=TaskState.OPEN, message=message).first()
        if task is None:
            settle_uncertain(message_id=pk, left=left, note=data["note"], **acting_now(request))
        elif left:
            complete_task(task=task, note=data["note"], **acting(request))
        else:
            cancel_task(task=task, reason=data["note"] or _("It did not leave."), **acting(request))

    if submitted(request, form, act):
        left = form.cleaned_data["fate"] == LEFT
        return done(request, _("The message counts as sent.") if left else _("The message leaves again at the next departure."), back)
    return act_page(
        request,
        form,
        nav="messages",
        title=_("Did this message leave?"),
        verb=_("Note it"),
        back=back,
        lead=f"{message.customer.name} · {message.recipient}",
        icon="circle-dashed",
    )


@member(Permission.SEE)
def proof(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The exact message and its proof of delivery, opened inside a timeline."""
    detail = message_detail(pk)
    context: dict[str, Any] = {
        "detail": detail,
        "message": detail.message,
        "said": _said(detail.message),
        "is_paper": detail.message.channel in PAPER_CHANNELS,
    }
    return fragment(request, "_proof", **context)


@xframe_options_sameorigin
@csp_replace(MAIL_POLICY)  # type: ignore[arg-type]  # stubs know the plain request alone
def html(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The HTML of an e-mail, alone, for a sandboxed frame: its own styles, no script, nothing fetched."""
    return _html(request, pk=pk)


@member(Permission.SEE)
def _html(request: MemberRequest, pk: UUID) -> HttpResponse:
    said = _said(Message.objects.get(pk=pk))
    if not said.html:
        raise Http404
    return HttpResponse(on_white(said.html))


@member(Permission.SEE)
def letter(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The letter as it left, or as it would leave now."""
    detail = message_detail(pk)
    message = detail.message
    if message.channel not in PAPER_CHANNELS:
        raise Http404
    name = _("Letter %s") % message.customer.number + ".pdf"
    document = detail.print_document if "print" in request.GET else detail.document
    if document is not None:
        return answer_file(documents.read(document), document.media_type, name)
    content = preview(message_id=pk, now=clock.now()).letter
    if not content:
        raise Http404
    return answer_file(content, "application/pdf", name)


@member(Permission.SEE)
def attachment(request: MemberRequest, pk: UUID, file: UUID) -> HttpResponse:
    """A file that left with the message."""
    found = next((part for part in message_detail(pk).attachments if part.pk == file), None)
    if found is None:
        raise Http404
    return answer_file(documents.read(found.document), found.document.media_type, found.filename)
