"""Letters: what waits to be printed and posted, the posting, and what the post reports."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import documents
from dunning.core.permissions import Permission
from dunning.dashboard import desk_exports, exports, formatting
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.letters import PostingForm, PostManyForm, ProofFileForm, ProofForm
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting_now,
    attempt,
    done,
    first_error,
    member,
    page,
    paged,
    submitted,
    today_of,
)
from notifications.enums import LetterProof, ProofKind
from notifications.models import Message, ProofFile
from notifications.posting import print_file_of_the_day, record_letter_proof, record_posting, record_postings
from notifications.proofs import LARGEST, add_proof_file
from notifications.selectors import print_queue

WORK = ("GET", "HEAD", "POST")


@member()
def queue(request: MemberRequest) -> HttpResponse:
    if exports.asked_for(request):
        head, today = desk_exports.letter_head(), today_of(request)
        title = _("Letters to post")
        return exports.saved_list(request, print_queue(), title=title, head=head, lines=desk_exports.letter_lines, today=today)
    found = paged(request, print_queue())
    return page(
        request,
        "letters",
        nav="messages",
        page=found,
        rows=list(found.object_list),
        posting=PostManyForm(initial={"posted_on": today_of(request)}),
    )


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
        text = _("The letter to %(customer)s is posted on %(day)s.") % {"customer": letter.customer or letter.recipient_name, "day": day}
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


@member(Permission.WORK, methods=("POST",))
def post_many(request: MemberRequest) -> HttpResponse:
    """Record what one trip to the post office took: the ticked letters, each registered one with its number."""
    form = PostManyForm(request.POST)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect("dashboard:letters")
    numbers = {pk: request.POST.get(f"number-{pk}", "") for pk in form.cleaned_data["letter"]}
    day = form.cleaned_data["posted_on"]
    count = attempt(request, lambda: record_postings(numbers=numbers, posted_on=day, **acting_now(request)))
    if count:
        text = ngettext("%(count)s letter is posted on %(day)s.", "%(count)s letters are posted on %(day)s.", count)
        messages.success(request, text % {"count": formatting.number(count), "day": formatting.date_long(day)})
    return redirect("dashboard:letters")


@member(Permission.WORK, methods=WORK)
def keep_file(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put the slip of the posting, the signed receipt or the envelope that came back on file."""
    letter = _get_letter(pk)
    form = ProofFileForm(request.POST, request.FILES) if request.method == "POST" else ProofFileForm()

    def act(data: dict[str, Any]) -> None:
        content = data["file"].read(LARGEST + 1)
        add_proof_file(message_id=pk, kind=ProofKind(data["kind"]), content=content, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The proof is kept with the letter."), reverse("dashboard:message", args=[pk]))
    return _letter_act(request, letter, form, title=_("Add a proof to this letter"), verb=_("Keep the file"))


@member(Permission.SEE)
def proof_file(request: MemberRequest, pk: UUID, file: UUID) -> HttpResponse:
    """A proof that is kept with a letter."""
    kept = ProofFile.objects.select_related("document").get(pk=file, message=pk)
    return answer_file(documents.read(kept.document), kept.document.media_type, kept.document.filename)


def _letter_act(request: MemberRequest, letter: Message, form: Any, *, title: str, verb: str) -> HttpResponse:
    lead = " · ".join(part for part in (letter.customer.name if letter.customer else "", letter.subject) if part)
    back = reverse("dashboard:message", args=[letter.pk])
    return act_page(request, form, nav="messages", title=title, verb=verb, back=back, lead=lead, icon="stamp")
