"""A customer's message in our hands: who of us has it on their desk, and our answer to it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.money import printed_iban
from dunning.core.permissions import Permission, people_allowed
from dunning.core.selectors import get_profile
from dunning.dashboard.forms.inbox import ReplyAnswerForm
from dunning.dashboard.forms.many import NONE, OwnerForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, page, submitted, today_of
from notifications import correspondence
from notifications.correspondence import Spoken
from notifications.enums import ReplyKind
from notifications.models import InboundMessage, Message
from scenarios.selectors.ready_answers import READY, Beginning, beginning_of_answer
from scenarios.selectors.replies import desks_of
from scenarios.services.answering import Look, answer_reply, look_at_answer, why_not
from scenarios.services.replies import give_reply
from scenarios.written import DEALS

WORK = ("GET", "HEAD", "POST")
LOOK, SEND, KEEP = "look", "send", "keep"  # what the buttons ask for; "change" shows the form again


@member(Permission.WORK, methods=WORK)
def give(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put it on a colleague's desk, who is told."""
    reply = correspondence.get_reply(pk)
    people = people_allowed(request.membership.organization, Permission.WORK)
    desk = next(iter(desks_of([reply.customer_id]).values()), None) if reply.customer_id is not None else None
    first = {"owner": str(desk.pk) if desk is not None else NONE}
    form = OwnerForm(request.POST, people=people) if request.method == "POST" else OwnerForm(initial=first, people=people)
    form.fields["owner"].label = _("To whom")
    back = reverse("dashboard:reply", args=[pk])

    def act(data: dict[str, Any]) -> None:
        give_reply(reply_id=pk, assignee=data["owner"], **acting(request))

    if submitted(request, form, act):
        person = form.cleaned_data["owner"]
        text = _("It is on the desk of %(person)s, who is told.") % {"person": person} if person else _("It is on nobody’s desk.")
        return done(request, text, back)
    name = reply.customer.name if reply.customer is not None else reply.sender
    lead = _("Everything of %s that is to be read goes with it.") % name
    return act_page(request, form, nav="messages", title=_("Give this message"), verb=_("Give it"), back=back, lead=lead, icon="user-check")


@member(Permission.WORK, methods=WORK)
def answer(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Answer a customer: write it, or start from a ready text (`?ready=`), see it as it will leave, then send it."""
    reply = correspondence.get_reply(pk)
    back = reverse("dashboard:reply", args=[pk])
    if refusal := why_not(reply):
        messages.error(request, refusal)
        return redirect(back)
    today = today_of(request)
    exchange = correspondence.exchange_of(reply)
    begin = beginning_of_answer(reply=reply, ready=request.GET.get("ready", ""), today=today)
    if request.method != "POST":
        first = {"subject": begin.subject, "text": begin.text, "invoices": [str(invoice) for invoice in begin.invoices]}
        form = ReplyAnswerForm(initial={**first, "seen": exchange[-1].key}, copies=begin.copies)
        return _form_page(request, reply, begin, form, exchange)
    given = request.POST.copy()
    form = ReplyAnswerForm(given, copies=begin.copies)
    verb = request.POST.get("act", "")
    if verb in (SEND, KEEP):
        sent: list[tuple[Message, bool]] = []

        def send(data: dict[str, Any]) -> None:
            deals = verb == SEND
            sent.append(answer_reply(reply_id=pk, words=form.words(), seen=data["seen"], deals=deals, **acting(request)))

        if submitted(request, form, send):
            return done(request, _sent(*sent[0]), back)
    elif verb == LOOK:
        looks: list[Look] = []
        words = {"reply_id": pk, "today": today, "now": clock.now()}
        if submitted(request, form, lambda _data: looks.append(look_at_answer(words=form.words(), **words))):
            if not looks[0].said.problem:
                return _look_page(request, reply, form, looks[0], exchange)
            form.add_error(None, looks[0].said.problem)
    given["seen"] = exchange[-1].key  # what is shown now is what the next answer is written in sight of
    return _form_page(request, reply, begin, form, exchange)


def _form_page(
    request: MemberRequest, reply: InboundMessage, begin: Beginning, form: ReplyAnswerForm, exchange: Sequence[Spoken]
) -> HttpResponse:
    form.fields["text"].widget.attrs["autofocus"] = True
    lead = _("It goes to who wrote: %s.") % _who(reply)
    ready = [(f"?ready={key}", READY[key]) for key in begin.ready]
    status = 422 if form.is_bound and form.errors else 200
    return _page(request, reply, exchange, status=status, form=form, lead=lead, ready=ready)


def _look_page(
    request: MemberRequest, reply: InboundMessage, form: ReplyAnswerForm, look: Look, exchange: Sequence[Spoken]
) -> HttpResponse:
    return _page(request, reply, exchange, form=form, look=look, consequences=_consequences(reply, look), warnings=_warnings(reply, look))


def _page(request: MemberRequest, reply: InboundMessage, exchange: Sequence[Spoken], *, status: int = 200, **context: Any) -> HttpResponse:
    name = reply.customer.name if reply.customer is not None else reply.sender
    return page(
        request,
        "reply_answer",
        nav="messages",
        status=status,
        title=_("Answer %s") % name,
        back=reverse("dashboard:reply", args=[reply.pk]),
        action=reverse("dashboard:reply_answer", args=[reply.pk]),
        reply=reply,
        who=_who(reply),
        exchange=exchange,
        is_unread=reply.kind == ReplyKind.HUMAN and reply.handled_at is None,
        **context,
    )


def _who(reply: InboundMessage) -> str:
    return f"{reply.sender_name} <{reply.sender}>" if reply.sender_name else reply.sender


def _consequences(reply: InboundMessage, look: Look) -> list[str]:
    """What sending it does, in sentences."""
    leaves = _("It leaves in a minute to %s. Until then it can be taken back.") % _who(reply)
    if look.everything_held:
        leaves = _("It waits: everything is held. It leaves to %s once messages may leave again.") % _who(reply)
    told = [leaves]
    if reply.customer is not None and reply.customer.reply_pending_since is not None:
        told.append(
            _("Reminders to %s go on once everything they wrote is dealt with; while it is open, nothing is sent.") % reply.customer.name
        )
    return told


def _warnings(reply: InboundMessage, look: Look) -> list[str]:
    """What to check before it leaves."""
    told = []
    if not look.is_contact and reply.customer is not None:
        said = _("%(address)s is no contact of %(customer)s, and anybody can write a sender’s name: check it before you send documents.")
        told.append(said % {"address": reply.sender, "customer": reply.customer.name})
    if look.foreign_accounts:
        said = _("It names an account that is not yours: %s. If it should be paid to, correct it.")
        told.append(said % ", ".join(printed_iban(account) for account in look.foreign_accounts))
    return told


def _sent(message: Message, is_new: bool) -> str:
    if not is_new:
        return _("This answer was sent already; nothing is sent twice.")
    if get_profile().held_at is not None:
        return _("Your answer waits: everything is held. It leaves once messages may leave again.")
    if message.details[DEALS]:
        return _("Your answer leaves in a minute, and the message is dealt with.")
    return _("Your answer leaves in a minute.")
