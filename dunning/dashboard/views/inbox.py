"""The inbox: what customers wrote back, beside what it answers, and what was done about it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers.models import Contact, Customer
from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.permissions import Permission
from dunning.dashboard import desk_exports, exports, formatting
from dunning.dashboard.components import Tab
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.inbox import AwayForm, JoinForm, TrialForm
from dunning.dashboard.many import REPLIES, many_acts
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting,
    acting_now,
    attempt,
    choices_of,
    done,
    first_error,
    member,
    page,
    paged,
    submitted,
    today_of,
    with_query,
)
from notifications import correspondence, mailbox, receipts
from notifications.models import InboundMessage
from notifications.selectors import message_detail
from scenarios.selectors.replies import MINE, NOBODYS, desks_of, replies_on_desk
from scenarios.services.answering import why_not
from scenarios.services.replies import handle_reply, join_reply, note_absence, reopen_replies

WORK = ("GET", "HEAD", "POST")
TABS = ("replies", "automatic", "trouble")


@member()
def listing(request: MemberRequest) -> HttpResponse:
    kinds = choices_of(request, "kinds", TABS, "replies")
    customer = _customer(request.GET.get("customer", ""))
    trouble = correspondence.calls_in_trouble()
    refused = correspondence.refused_calls()
    counts = {"replies": correspondence.unread().count(), "trouble": trouble.count() + len(refused)}
    words = {"replies": _("Replies"), "automatic": _("Automatic messages"), "trouble": _("Calls in trouble")}
    desk = choices_of(request, "desk", (MINE, NOBODYS)) if kinds == "replies" else ""
    rows = _listed(kinds, desk, customer, request.membership.user_id) if kinds != "trouble" else trouble
    if exports.asked_for(request):
        is_trouble = kinds == "trouble"
        head = desk_exports.trouble_head() if is_trouble else desk_exports.reply_head()
        lines = desk_exports.trouble_lines if is_trouble else desk_exports.reply_lines
        return exports.saved_list(request, rows, title=_("Inbox"), head=head, lines=lines, today=today_of(request))
    found = paged(request, rows)
    shown = list(found.object_list)
    return page(
        request,
        "inbox",
        nav="messages",
        page=found,
        rows=shown,
        kinds=kinds,
        desk=desk,
        desks=[(MINE, _("Mine")), (NOBODYS, pgettext("desk", "Nobody’s"))],
        owners=desks_of({reply.customer_id for reply in shown if reply.customer_id}) if kinds == "replies" else {},
        customer=customer,
        refused=refused,
        many_acts=many_acts(request, REPLIES) if kinds == "replies" else [],
        tabs=[
            Tab(label, with_query(request, kinds="" if key == "replies" else key), is_current=key == kinds, count=counts.get(key) or None)
            for key, label in words.items()
        ],
    )


def rows_of(query: QueryDict, *, person: UUID) -> QuerySet[InboundMessage]:
    """The replies the list shows a person at such an address."""
    desk = query.get("desk", "")
    return _listed("replies", desk if desk in (MINE, NOBODYS) else "", _customer(query.get("customer", "")), person)


def _listed(kinds: str, desk: str, customer: Customer | None, person: UUID) -> QuerySet[InboundMessage]:
    customer_id = customer.pk if customer is not None else None
    if desk:
        return replies_on_desk(desk=desk, person=person, customer_id=customer_id)
    return correspondence.list_replies(kinds=kinds, customer_id=customer_id)


def _customer(value: str) -> Customer | None:
    try:
        return Customer.objects.filter(pk=UUID(value)).first()
    except ValueError:
        return None


@member(Permission.SEE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    reply = correspondence.get_reply(pk)
    desks = desks_of([reply.customer_id]) if reply.customer_id is not None else {}
    return page(
        request,
        "reply",
        nav="messages",
        reply=reply,
        desk=next(iter(desks.values()), None),
        exchange=correspondence.exchange_of(reply),
        why_not=why_not(reply) if reply.customer is not None else "",
        files=correspondence.files_of(reply),
        is_whole=reply.said.strip() == reply.text.strip(),
        is_unread=reply.kind == "human" and reply.handled_at is None,
    )


@member(Permission.WORK, methods=("POST",))
def handle(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Read and dealt with: the plan goes on."""
    found = correspondence.get_reply(pk)
    reply = attempt(request, lambda: handle_reply(reply_id=found.pk, **acting(request)))
    if reply is None:
        return redirect("dashboard:reply", pk=pk)
    if reply.customer is not None and reply.customer.reply_pending_since is None:
        text = _("Dealt with. The plan of %(customer)s goes on.") % {"customer": reply.customer.name}
    else:
        text = _("Dealt with.")
    messages.success(request, text, extra_tags=reverse("dashboard:reply", args=[pk]))
    return redirect("dashboard:inbox")


@member(Permission.WORK, methods=("POST",))
def reopen(request: MemberRequest, pk: UUID) -> HttpResponse:
    """It is to be read after all: nothing is sent to its customer until it is dealt with again."""
    found = correspondence.get_reply(pk)
    if attempt(request, lambda: reopen_replies(reply_ids=[found.pk], **acting(request))):
        messages.success(request, _("To be read again: nothing is sent to this customer until then."))
    return redirect("dashboard:reply", pk=pk)


@member(Permission.WORK, methods=WORK)
def join(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say whose a message is, also when it is not whose it was thought to be."""
    reply = correspondence.get_reply(pk)
    form = JoinForm(request.POST) if request.method == "POST" else JoinForm()
    back = reverse("dashboard:reply", args=[pk])
    if submitted(request, form, lambda data: join_reply(reply_id=pk, customer=data["customer"], **acting(request))):
        customer = form.cleaned_data["customer"].name
        text = _("It belongs to %(customer)s, whose reminders wait until it is dealt with.") % {"customer": customer}
        return done(request, text if reply.kind == "human" else _("It belongs to %(customer)s.") % {"customer": customer}, back)
    lead, verb = _lead(reply), _("Join it")
    if reply.customer is not None:
        thought = _("It is with %(customer)s now, whose reminders go on once it is given to another customer.")
        lead, verb = f"{lead}. {thought % {'customer': reply.customer.name}}", _("Give it to this customer")
    return act_page(request, form, nav="messages", title=_("Whose message is this?"), verb=verb, back=back, lead=lead, icon="user-check")


@member(Permission.WORK, methods=WORK)
def away(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Note that its writer is away until a day."""
    reply = correspondence.get_reply(pk)
    people = Contact.objects.filter(customer=reply.customer, is_active=True).order_by("position", "pk")
    known = {str(contact.pk): contact for contact in people if contact.pk != reply.contact_id}
    others = [(key, contact.name or contact.email or contact.phone) for key, contact in known.items()]
    first = {"until": reply.absent_until or today_of(request), "substitute": str(reply.substitute_id or "")}
    form = AwayForm(request.POST, others=others) if request.method == "POST" else AwayForm(initial=first, others=others)
    back = reverse("dashboard:reply", args=[pk])

    def act(data: dict[str, Any]) -> None:
        note_absence(reply_id=pk, until=data["until"], substitute=known.get(data["substitute"]), **acting(request))

    if submitted(request, form, act):
        return done(request, _("Noted: away until %s.") % formatting.date_long(form.cleaned_data["until"]), back)
    title = _("Until when is %(name)s away?") % {"name": reply.contact or reply.sender_name or reply.sender}
    verb = _("Note the absence")
    return act_page(request, form, nav="messages", title=title, verb=verb, back=back, lead=_lead(reply), icon="calendar-off")


def _lead(reply: InboundMessage) -> str:
    return " · ".join(part for part in (reply.sender_name, reply.sender, reply.subject) if part)


@member(Permission.SEE)
def file(request: MemberRequest, pk: UUID, file: UUID) -> HttpResponse:
    """A file that came with it; only pictures and PDF files are shown, the others are saved."""
    found = next((part for part in correspondence.files_of(correspondence.get_reply(pk)) if part.pk == file), None)
    if found is None:
        raise Http404
    return answer_file(documents.read(found.document), found.document.media_type, found.filename)


@member(Permission.WORK, methods=("POST",))
def read_again(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Have a provider's call that was set aside read again."""
    receipts.try_again(event_id=pk, **acting_now(request))
    return done(request, _("It is read again within half a minute."), f"{reverse('dashboard:inbox')}?kinds=trouble")


@member(Permission.WORK, methods=("POST",))
def answer(request: MemberRequest, pk: UUID) -> HttpResponse:
    """On the local post office: answer a message as its recipient would."""
    back = reverse("dashboard:message", args=[pk])
    form = TrialForm(request.POST)
    act = request.POST.get("act", "")
    message = message_detail(pk).message
    if not form.is_valid():
        return _refused(request, first_error(form), back)
    tried = attempt(request, lambda: mailbox.answer(message_id=pk, act=act, text=form.cleaned_data["text"], now=acting_now(request)["now"]))
    if tried is None:
        return redirect(back)
    replies = correspondence.replies_of_message(pk)
    if act in ("reply", "absence", "stop") and replies:
        back = reverse("dashboard:reply", args=[replies[-1].pk])
    return done(request, said_of(act, message.customer.name), back)


def _refused(request: MemberRequest, text: str, back: str) -> HttpResponse:
    def refuse() -> None:
        raise DomainError(text, code="invalid")

    attempt(request, refuse)
    return redirect(back)


def said_of(act: str, customer: str) -> str:
    """What an answer changed, in a sentence."""
    return {
        "reply": _("Reminders to %(customer)s wait until it is dealt with."),
        "absence": _("Friendly reminders to %(customer)s wait for the return."),
        "stop": _("Nothing more is sent to this number of %(customer)s."),
        "delivered": _("The message to %(customer)s is delivered."),
        "bounced": _("The message to %(customer)s came back: the address is closed and the next contact is written to."),
        "wrong_number": _("The message to %(customer)s came back: the number is closed and the next contact is written to."),
        "complained": _("%(customer)s complained: the address is closed."),
    }.get(act, _("Noted.")) % {"customer": customer}


ACT_WORDS = {
    "reply": lambda: pgettext("mailbox", "Send the reply"),
    "absence": lambda: pgettext("mailbox", "Absence reply"),
    "stop": lambda: pgettext("mailbox", "Answer STOP"),
    "delivered": lambda: pgettext("mailbox", "Delivered"),
    "bounced": lambda: pgettext("mailbox", "Undeliverable"),
    "wrong_number": lambda: pgettext("mailbox", "Wrong number"),
    "complained": lambda: pgettext("mailbox", "Complaint"),
}
ACT_ICONS = {
    "absence": "calendar-off",
    "stop": "ban",
    "delivered": "check-check",
    "bounced": "mail-x",
    "wrong_number": "phone-off",
    "complained": "ban",
}


def trial_acts(acts: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(value, words, icon) of the one-click answers that can be tried on a message."""
    return [(act, ACT_WORDS[act](), ACT_ICONS[act]) for act in acts if act != "reply"]


@member(Permission.WORK, methods=("POST",))
def debtor_page(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Open the customer's page as its recipient would: only for a message that the local post office kept, so that nobody else can."""
    found = mailbox.page_of(message_detail(pk).message)
    if not found:
        raise Http404
    return redirect(found)
