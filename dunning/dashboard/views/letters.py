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
from dunning.core.enums import Channel
from dunning.core.errors import DomainError
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
from scenarios.services.postings import correct_posting

WORK = ("GET", "HEAD", "POST")


@member()
def queue(request: MemberRequest) -> HttpResponse:
    if exports.asked_for(request):
        head, today = desk_exports.letter_head(), today_of(request)
        title = _("Letters to post")
        return exports.saved_list(request, print_queue(), title=title, head=head, lines=desk_exports.letter_lines, today=today)
    return _queue(request, PostManyForm(initial={"posted_on": today_of(request)}))


def _queue(request: MemberRequest, posting: PostManyForm) -> HttpResponse:
    """The list, with what was ticked and typed when the form was refused."""
    found = paged(request, print_queue())
    ticked, status = set(request.POST.getlist("letter")), 422 if posting.errors else 200
    rows = [(row, str(row.pk) in ticked, request.POST.get(f"number-{row.pk}", "")) for row in found.object_list]
    return page(request, "letters", nav="messages", status=status, page=found, rows=rows, posting=posting)


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
    """Record that a letter was posted: from that day it counts as done. Of a posted one, correct the day and the number."""
    letter = _get_letter(pk)
    if letter.posted_on is not None:
        return _correct(request, letter)
    form = PostingForm(request.POST) if request.method == "POST" else PostingForm(initial={"posted_on": today_of(request)})
    if submitted(request, form, lambda data: record_posting(message_id=pk, **data, **acting_now(request))):
        day = formatting.date_long(form.cleaned_data["posted_on"])
        text = _("The letter to %(customer)s is posted on %(day)s.") % {"customer": letter.customer or letter.recipient_name, "day": day}
        return done(request, text, reverse("dashboard:letters"))
    return _letter_act(request, letter, form, title=_("Record the posting"), verb=_("Record the posting"))


def _correct(request: MemberRequest, letter: Message) -> HttpResponse:
    known = {"posted_on": letter.posted_on, "tracking_number": letter.tracking_number}
    form = PostingForm(request.POST) if request.method == "POST" else PostingForm(initial=known)
    if submitted(request, form, lambda data: correct_posting(message_id=letter.pk, **data, **acting_now(request))):
        text = _("Corrected: posted on %(day)s. Its steps count from that day.")
        day = formatting.date_long(form.cleaned_data["posted_on"])
        return done(request, text % {"day": day}, reverse("dashboard:message", args=[letter.pk]))
    return _letter_act(request, letter, form, title=_("Correct the posting"), verb=_("Correct it"))


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
    counts: list[int] = []

    def act(data: dict[str, Any]) -> None:
        typed = {pk: request.POST.get(f"number-{pk}", "") for pk in data["letter"]}
        numbers = _with_pasted(typed, data["pasted"])
        counts.append(record_postings(numbers=numbers, posted_on=data["posted_on"], **acting_now(request)))

    if not submitted(request, form, act):
        return _queue(request, form)
    text = ngettext("%(count)s letter is posted on %(day)s.", "%(count)s letters are posted on %(day)s.", counts[0])
    day = formatting.date_long(form.cleaned_data["posted_on"])
    messages.success(request, text % {"count": formatting.number(counts[0]), "day": day})
    return redirect("dashboard:letters")


def _with_pasted(typed: dict[UUID, str], pasted: str) -> dict[UUID, str]:
    """The numbers typed; the registered letters without one take the pasted lines, in order. Raises DomainError unless they match."""
    lines = [line.strip() for line in pasted.splitlines() if line.strip()]
    if not lines:
        return typed
    registered = set(Message.objects.filter(pk__in=typed, channel=Channel.REGISTERED).values_list("pk", flat=True))
    open_ = [pk for pk, number in typed.items() if pk in registered and not number.strip()]
    if len(open_) != len(lines):
        words = _("Numbers pasted: %(lines)s; registered letters without one: %(letters)s. Nothing was recorded.")
        counted = {"lines": formatting.number(len(lines)), "letters": formatting.number(len(open_))}
        raise DomainError(words % counted, code="count", field="pasted")
    return typed | dict(zip(open_, lines, strict=True))


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
