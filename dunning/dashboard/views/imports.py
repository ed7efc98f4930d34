"""Files for the ledger: dropped, prepared, checked, loaded, taken back; and the history of loads."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core import documents
from dunning.core.documents import File
from dunning.core.permissions import Permission
from dunning.core.selectors import actor_names
from dunning.dashboard import formatting, imports
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.imports import AnswersForm, GiveForm, LoadForm
from dunning.dashboard.views.base import (
    MemberRequest,
    acting,
    acting_now,
    attempt,
    done,
    fragment,
    member,
    page,
    paged,
    submitted,
    today_of,
)
from invoices.enums import AT_WORK, FileState
from invoices.importers import working
from invoices.importers.copies import give_files
from invoices.importers.files import ask_check, ask_load, change_answers, discard_file, why_not_settled
from invoices.importers.looking import understand
from invoices.importers.undoing import in_words, look_back, may_be_undone, undo_load
from invoices.models import ImportBatch, ImportFile
from invoices.selectors.imports import files_in_hand, get_import_file, list_loads, loaded_before
from invoices.selectors.triage import triage_waits
from scenarios.selectors.beginning import is_beginning

WORK = ("GET", "HEAD", "POST")


def _url(file: ImportFile | UUID) -> str:
    return reverse("dashboard:import", args=[file.pk if isinstance(file, ImportFile) else file])


@member(Permission.WORK, methods=WORK)
def listing(request: MemberRequest) -> HttpResponse:
    """Give a file; below, what is in hand and what was loaded."""
    form = GiveForm(request.POST, request.FILES) if request.method == "POST" else GiveForm(initial={"kind": request.GET.get("kind", "")})
    given: list[ImportFile] = []

    def act(data: dict[str, Any]) -> None:
        files = [File(file.read(), file.content_type or "", file.name) for file in data["file"]]
        given.append(give_files(files=files, kind=data["kind"], language=formatting.language(), **acting_now(request)))

    if getattr(request, "upload_too_large", False):
        form.add_error(None, _("This is larger than 50 MB: nothing was kept. Cut the file in pieces, or give it in several portions."))
    elif submitted(request, form, act):
        return redirect(_url(given[0]))
    found = paged(request, list_loads())
    rows = list(found.object_list)
    hand = files_in_hand()
    return page(
        request,
        "imports",
        nav="invoices",
        status=422 if form.errors else 200,
        form=form,
        page=found,
        rows=rows,
        hand=hand,
        names=actor_names([*(row.actor for row in rows), *(file.given_by for file in hand), *(row.undone_by for row in rows)]),
    )


@member(Permission.WORK, methods=WORK)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One file, at whatever stage it is."""
    file = get_import_file(pk)
    if request.method == "POST":
        return _answered(request, file)
    if file.state in AT_WORK:
        return page(request, "import_progress", nav="invoices", file=file, **_progress(file))
    if file.state == FileState.LOADED:
        return _loaded(request, file)
    if file.state == FileState.CHECKED and "columns" not in request.GET:
        return _checked(request, file, LoadForm(file, initial={"ledger_through": today_of(request)}))
    return _prepare(request, file)


def _prepare(request: MemberRequest, file: ImportFile, form: forms.Form | None = None) -> HttpResponse:
    if "heading" not in file.look:  # an archive of copies: nothing to say about it but "check it"
        return page(request, "import_given", nav="invoices", file=file)
    seen = understand(file.look, kind=file.kind, answers=file.answers)
    return page(
        request,
        "import",
        nav="invoices",
        status=422 if form is not None and form.errors and not request.htmx else 200,  # only 200 is swapped in
        file=file,
        form=form or AnswersForm(file, seen),
        seen=seen,
        headings=imports.headings(seen),
        samples=imports.samples(seen),
        missing=imports.missing(seen),
        before=loaded_before(file),
    )


def _answered(request: MemberRequest, file: ImportFile) -> HttpResponse:
    """Keep what was said about the columns; with "check" have the file checked."""
    if "heading" not in file.look:
        attempt(request, lambda: ask_check(file=file, language=formatting.language(), **acting_now(request)))
        return redirect(_url(file))
    seen = understand(file.look, kind=file.kind, answers=file.answers)
    form = AnswersForm(file, seen, request.POST)

    def act(data: dict[str, Any]) -> None:
        kept = change_answers(file=file, kind=data["kind"], answers=form.answers(), **acting_now(request))
        if request.POST.get("act") == "check":
            ask_check(file=kept, language=formatting.language(), **acting_now(request))

    if submitted(request, form, act):
        return redirect(_url(file) if request.POST.get("act") == "check" else f"{_url(file)}?columns=1")
    return _prepare(request, file, form)


def _checked(request: MemberRequest, file: ImportFile, form: LoadForm) -> HttpResponse:
    report = file.report
    return page(
        request,
        "import_checked",
        nav="invoices",
        status=422 if form.errors else 200,
        file=file,
        form=form,
        report=report,
        refused=imports.refused(report),
        totals=imports.amounts_of(report["totals"]),
        absent=imports.absent_items(report),
        absent_totals=imports.amounts_of(report["absent"]["totals"]),
        why_not_settled=why_not_settled(report) if report["absent"]["count"] else "",
        before=loaded_before(file),
    )


def _loaded(request: MemberRequest, file: ImportFile) -> HttpResponse:
    batch = file.batch
    if batch is None:
        raise Http404
    return page(
        request,
        "import_loaded",
        nav="invoices",
        file=file,
        batch=batch,
        report=file.report,
        refused=imports.refused(file.report),
        names=actor_names([batch.actor, batch.undone_by]),
        may_undo=may_be_undone(batch, organization=request.membership.organization, today=today_of(request)),
        taken=in_words(batch.undone),
        triage=triage_waits(),
        beginning=is_beginning(),
    )


def _progress(file: ImportFile) -> dict[str, Any]:
    found = working.progress_of(file.pk)
    done_, of = found or (0, 0)
    return {"done": done_, "of": of, "is_writing": bool(of) and done_ >= of}


@member(Permission.WORK)
def progress(request: MemberRequest, pk: UUID) -> HttpResponse:
    """How far the worker is; once it is done the page is loaded anew."""
    file = get_import_file(pk)
    if file.state not in AT_WORK:
        answer = HttpResponse(status=204)
        answer["HX-Refresh"] = "true"
        return answer
    return fragment(request, "_import_progress", file=file, **_progress(file))


@member(Permission.WORK, methods=("POST",))
def load(request: MemberRequest, pk: UUID) -> HttpResponse:
    file = get_import_file(pk)
    if file.state != FileState.CHECKED:
        messages.warning(request, _("Check the file first: it was changed since, or is loaded already."))
        return redirect(_url(file))
    form = LoadForm(file, request.POST)
    if submitted(request, form, lambda data: ask_load(file=file, language=formatting.language(), **data, **acting(request))):
        return redirect(_url(file))
    return _checked(request, file, form)


@member(Permission.WORK, methods=("POST",))
def discard(request: MemberRequest, pk: UUID) -> HttpResponse:
    file = get_import_file(pk)

    def act() -> str:
        discard_file(file=file, **acting_now(request))
        return _("%s is set aside; nothing of it was loaded.") % file.filename

    said = attempt(request, act)
    return done(request, said, reverse("dashboard:imports")) if said else redirect(_url(file))


@member(Permission.WORK, methods=WORK)
def undo(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take a load back, after a look at what would go and what would stay."""
    batch = ImportBatch.objects.get(pk=pk)
    file = ImportFile.objects.filter(batch=batch).first()
    back = _url(file) if file is not None else reverse("dashboard:imports")
    organization = request.membership.organization
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda data: undo_load(batch=batch, organization=organization, **acting(request))):
        return done(request, _("The load of %s is taken back.") % batch.filename, back)
    foreseen = look_back(batch=batch).as_json()
    return page(
        request,
        "import_undo",
        nav="invoices",
        status=422 if form.errors else 200,
        form=form,
        batch=batch,
        back=back,
        may_undo=may_be_undone(batch, organization=organization, today=today_of(request)),
        taken=in_words(foreseen),
        foreseen=foreseen,
    )


@member(Permission.WORK)
def errors(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The refused rows, ready to be corrected and given again."""
    file = get_import_file(pk)
    if file.errors is None:
        raise Http404(_("This file has no refused rows."))
    return answer_file(documents.read(file.errors), "text/csv", file.errors.filename)


@member(Permission.WORK)
def original(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The file as it was given."""
    file = get_import_file(pk)
    return answer_file(documents.read(file.document), "application/octet-stream", file.filename)
