"""Letters: what waits to be printed and posted, the posting, and what the post reports."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.letters import PostingForm, ProofForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, attempt, done, member, page, paged, submitted, today_of
from notifications.enums import LetterProof
from notifications.models import Message
from notifications.posting import print_file_of_the_day, record_letter_proof, record_posting
from notifications.selectors import print_queue

WORK = ("GET", "HEAD", "POST")


@member()
def queue(request: MemberRequest) -> HttpResponse:
    found = paged(request, print_queue())
    return page(request, "letters", nav="messages", page=found, rows=list(found.object_list))


@member(Permission.WORK)
def print_all(request: MemberRequest) -> HttpResponse:
    """One PDF of every letter to post, each with its copies."""
    content = attempt(request, print_file_of_the_day)
    if content is None:
        return redirect("dashboard:letters")
    return answer_file(content, "application/pdf", f"{_('letters')}-{today_of(request).isoformat()}.pdf")


def _get_letter(pk: UUID) -> Message:
    return Message.objects.select_related("customer").get(pk=pk)


@member(Permission.WORK, methods=WORK)
def posting(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Record that a letter was posted: from that day it counts as done."""
    letter = _get_letter(pk)
    form = PostingForm(request.POST) if request.method == "POST" else PostingForm(initial={"posted_on": today_of(request)})
    if submitted(request, form, lambda data: record_posting(message_id=pk, **data, **acting_now(request))):
        day = formatting.date_long(form.cleaned_data["posted_on"])
        text = _("The letter to %(customer)s is posted on %(day)s.") % {"customer": letter.customer.name, "day": day}
        return done(request, text, reverse("dashboard:letters"))
    return _letter_act(request, letter, form, title=_("Record the posting"), verb=_("Record the posting"))


@member(Permission.WORK, methods=WORK)
def proof(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Note what the post reports of a letter."""
    letter = _get_letter(pk)
    form = ProofForm(request.POST) if request.method == "POST" else ProofForm(initial={"on": today_of(request)})

    def act(data: dict[str, Any]) -> None:
        record_letter_proof(message_id=pk, proof=LetterProof(data["proof"]), on=data["on"], **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("Noted, with the letter’s proof."), reverse("dashboard:message", args=[pk]))
    return _letter_act(request, letter, form, title=_("Note what the post reports"), verb=_("Note it"))


def _letter_act(request: MemberRequest, letter: Message, form: Any, *, title: str, verb: str) -> HttpResponse:
    lead = " · ".join(part for part in (letter.customer.name, letter.subject) if part)
    back = reverse("dashboard:message", args=[letter.pk])
    return act_page(request, form, nav="messages", title=title, verb=verb, back=back, lead=lead, icon="stamp")
