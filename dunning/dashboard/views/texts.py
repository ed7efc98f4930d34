"""Texts: which there are, and one beside its rendering on a real invoice, with what may be said in it."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from csp.decorators import csp_replace
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from dunning.core import clock
from dunning.core.enums import PAPER_CHANNELS, Channel, Language, Phase
from dunning.core.errors import DomainError, StaleObject
from dunning.core.permissions import require
from dunning.core.tenancy import tenant
from dunning.dashboard import formatting
from dunning.dashboard.files import answer_file, on_white
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.texts import NewTextForm, TextForm
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting_now,
    choices_of,
    done,
    fragment,
    member,
    page,
    submitted,
    today_of,
)
from dunning.dashboard.views.messages import MAIL_POLICY
from dunning.dashboard.views.plan_editor import ACT, EDIT
from dunning.dashboard.views.plan_trials import invoice_of_address
from dunning.dashboard.views.plans import plan_tabs
from invoices.models import Invoice
from invoices.selectors import search_invoices
from notifications.models import MessageTemplate
from notifications.palette import PALETTE, Kind
from notifications.placeholders import Block
from notifications.rehearsal import Remark, rehearse
from scenarios.plan_files import TextContent
from scenarios.plan_store import text_content
from scenarios.selectors.texts import STATES, is_text_place, step_choices, steps_using, text_choices, text_name, text_rows, text_versions
from scenarios.services.specimens import Obstructed, Specimen, find_invoice, look_at, make_specimen, set_letter
from scenarios.services.texts import find_text, restore_text, save_text, shipped_text, try_text

LOOK = ("POST",)
PAPER = '<!doctype html><meta charset="utf-8"><body style="margin:32px;font:15px/22px sans-serif">'
"""Under a letter's words, which have no page of their own before they are printed."""


class Place(TypedDict):
    """What a text is found by."""

    key: str
    channel: str
    language: str
    variant: str


@member()
def listing(request: MemberRequest) -> HttpResponse:
    channel = choices_of(request, "channel", ("email", "sms", "letter", "registered"))
    state = choices_of(request, "state", STATES)
    query = request.GET.get("find", "")
    words = {"shipped": _("As shipped"), "edited": _("Edited by us"), "missing": _("Missing")}
    return page(
        request,
        "texts",
        nav="plans",
        rows=text_rows(query=query, channel=channel, state=state),
        tabs=plan_tabs("texts"),
        channels=[(value.value, value.label) for value in (Channel.EMAIL, Channel.SMS, Channel.LETTER, Channel.REGISTERED)],
        states=[(value, words[value]) for value in STATES],
        channel=channel,
        state=state,
        query=query,
    )


@member(EDIT, methods=ACT)
def new(request: MemberRequest) -> HttpResponse:
    """Say where a new text is to stand; its words come next."""
    texts = [(f"{channel}:{key}", f"{Channel(channel).label} · {name}") for channel, found in text_choices().items() for key, name in found]
    form = NewTextForm(request.POST, texts=texts) if request.method == "POST" else NewTextForm(texts=texts)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        place = Place(key=data["key"], channel=data["channel"], language=data["language"], variant="")
        url = text_url(place)
        return done(request, _("Write its words, then save: nothing is in force yet."), f"{url}?new=1&like={data['like']}")
    return act_page(
        request,
        form,
        nav="plans",
        title=_("A new text"),
        verb=_("Write it"),
        back=reverse("dashboard:texts"),
        lead=_("A text of your own, for a step of your plans to use."),
        icon="file-text",
    )


# --- one text ----------------------------------------------------------------------------------------------------------------------------


def text_url(place: Place, name: str = "text") -> str:
    """The address of a text, or of something done with it."""
    named = [place["key"], place["channel"], place["language"], *([place["variant"]] if place["variant"] else [])]
    return reverse(f"dashboard:{name}", args=named)


def _place(key: str, channel: str, language: str, variant: str, *, is_new: bool = False) -> Place:
    known = is_text_place(key, channel, language, variant)
    if not known and not (is_new and not variant and language in Language.values and channel in ("email", "sms", "letter", "registered")):
        raise Http404
    return {"key": key, "channel": channel, "language": language, "variant": variant}


def _written(request: MemberRequest, place: Place, in_force: MessageTemplate | None) -> TextContent:
    """The words the form starts with: those in force, an earlier version's (`?version=`), another text's (`?like=`), the shipped ones."""
    asked = request.GET.get("version", "")
    if asked.isdecimal():
        earlier = MessageTemplate.objects.filter(**place, version=int(asked)).first()
        if earlier is not None:
            return text_content(earlier)
    if in_force is not None:
        return text_content(in_force)
    channel, _separator, key = request.GET.get("like", "").partition(":")
    like = find_text(key, channel, place["language"], "") if key else None
    start = text_content(like) if like is not None else shipped_text(**place)
    if start is not None:
        return _content(place, start.phase, start.subject, start.body)
    return _content(place, Phase.SERVICE, "", "")


def _content(place: Place, phase: Phase, subject: str, body: str) -> TextContent:
    key, channel, language, variant = place["key"], Channel(place["channel"]), place["language"], place["variant"]
    return TextContent(key, channel, language, variant, phase, subject, body)


def _form(request: MemberRequest, place: Place, text: TextContent, in_force: MessageTemplate | None) -> TextForm:
    kinds: dict[str, Any] = {"channel": place["channel"], "steps": step_choices(text.requires)}
    if request.method == "POST":
        return TextForm(request.POST, **kinds)
    first = {"subject": text.subject, "body": text.body, "phase": text.phase.value, "requires": list(text.requires)}
    return TextForm(initial={**first, "seen": in_force.version if in_force is not None else 0}, **kinds)


@member(methods=ACT)
def edit(request: MemberRequest, key: str, channel: str, language: str, variant: str = "") -> HttpResponse:
    """One text beside its rendering. A POST saves it or, with `act=trial`, sends it to oneself as it is filled in."""
    place = _place(key, channel, language, variant, is_new="new" in request.GET)
    in_force = find_text(**place)
    text = _written(request, place, in_force)
    form = _form(request, place, text, in_force)
    notices: dict[str, Any] = {}
    if request.method == "POST":
        require(request.membership, EDIT)
        if form.is_valid():
            text = form.to_text(**place)
            if request.POST.get("act") == "trial":
                notices = _trial(request, text)
            elif _saved(request, form, text):
                return done(request, _("The text is in force: messages that have not left yet will say it."), text_url(place))
    specimen, invoice = _specimen(request, text)
    context: dict[str, Any] = {
        "place": place,
        "form": form,
        "text": text,
        "in_force": in_force,
        "name": text_name(key, variant),
        "used_by": steps_using(key, channel),
        "versions": text_versions(**place),
        "is_shipped_elsewhere": shipped_text(**place) is not None and (in_force is None or not in_force.is_shipped),
        "invoice": invoice,
        "look": look_at(text, specimen),
        "remarks": _remarks(text) if text.body else (),
        "borrowed": sorted(specimen.borrowed),
        "palette": palette_of(specimen, channel),
        "languages": [
            (other, label, text_url(Place(key=key, channel=channel, language=other, variant=variant))) for other, label in Language.choices
        ],
        "is_paper": channel in PAPER_CHANNELS,
        **_stale(form, in_force),
        **notices,
        **_found(request),
    }
    return page(request, "text", nav="plans", status=422 if form.is_bound and not notices.get("sent") else 200, **context)


def _saved(request: MemberRequest, form: TextForm, text: TextContent) -> bool:
    try:
        with tenant(request.membership.organization_id):
            save_text(text=text, seen=form.cleaned_data["seen"], **acting_now(request))
    except StaleObject as refusal:
        form.add_error(None, refusal.message)
        form.stale = True  # type: ignore[attr-defined]  # read by the template
        return False
    except DomainError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message.split("\n"))
        return False
    return True


def _stale(form: TextForm, in_force: MessageTemplate | None) -> dict[str, Any]:
    """On a stale form: the words in force by now beside those typed; saving again is then a decision."""
    if not getattr(form, "stale", False) or in_force is None:
        return {}
    data: Any = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict, which the request will not let be changed
    data["seen"] = str(in_force.version)
    form.data = data
    before, typed = in_force.body.splitlines(), form.cleaned_data["body"].splitlines()
    lines = [line for line in difflib.ndiff(before, typed) if line[:1] in "+-" and line[2:].strip()]
    return {"differing": [(line[0] == "+", line[2:]) for line in lines]}


def _trial(request: MemberRequest, text: TextContent) -> dict[str, Any]:
    """Send the words as they are typed to the person who typed them."""
    specimen, _invoice = _specimen(request, text)
    try:
        with tenant(request.membership.organization_id):
            user: Any = request.user
            message = try_text(text=text, look=look_at(text, specimen), email=user.email, phone=user.phone, **acting_now(request))
    except DomainError as refusal:
        return {"trial_refusal": refusal.message}
    return {"sent": message}


def _remarks(text: TextContent) -> Sequence[Remark]:
    return rehearse(text.subject, text.body, channel=text.channel, language=text.language, cites=bool(text.requires))


def _specimen(request: MemberRequest, text: TextContent) -> tuple[Specimen, Invoice | None]:
    asked = request.GET.get("invoice", "") or request.POST.get("invoice", "")
    invoice = invoice_of_address(asked) if asked else find_invoice(key=text.key, today=today_of(request))
    return make_specimen(text=text, invoice=invoice, organization=request.membership.organization, today=today_of(request)), invoice


def _found(request: MemberRequest) -> dict[str, Any]:
    query = request.GET.get("find", "").strip()
    return {"query": query, "found": search_invoices(query=query, limit=8) if query else []}


def palette_of(specimen: Specimen, channel: str) -> Sequence[Mapping[str, Any]]:
    """What may be said, with what it is and what it says on this invoice."""
    french = formatting.language() == "fr"
    return [
        {
            "key": entry.key,
            "kind": entry.kind.value,
            "mark": f"{{{{#{entry.key}}}}}…{{{{/{entry.key}}}}}" if entry.kind is Kind.FLAG else f"{{{{{entry.key}}}}}",
            "what": entry.fr if french else entry.en,
            "value": _said(specimen, entry.key),
            "borrowed": entry.key in specimen.borrowed,
        }
        for entry in PALETTE.values()
        if channel != Channel.SMS or entry.sms
    ]


def _said(specimen: Specimen, key: str) -> str:
    value = specimen.context.get(key, "")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _("a ready-made block") if isinstance(value, Block) else str(value)


# --- looking ------------------------------------------------------------------------------------------------------------------------------


def _typed(request: MemberRequest, place: Place) -> TextContent | None:
    """The words as they are filled in now; None while the form cannot be read."""
    form = TextForm(request.POST, channel=place["channel"], steps=step_choices(request.POST.getlist("requires")))
    return form.to_text(**place) if form.is_valid() else None


@member(methods=LOOK)
def look(request: MemberRequest, key: str, channel: str, language: str, variant: str = "") -> HttpResponse:
    """What is to be said of the words as they are typed, and how they read as text; nothing is saved."""
    place = _place(key, channel, language, variant, is_new=True)
    text = _typed(request, place)
    if text is None:
        return fragment(request, "_text_look", unread=True)
    specimen, _invoice = _specimen(request, text)
    return fragment(
        request,
        "_text_look",
        look=look_at(text, specimen),
        remarks=_remarks(text),
        borrowed=sorted(specimen.borrowed),
        is_paper=channel in PAPER_CHANNELS,
    )


@xframe_options_sameorigin
@csp_replace(MAIL_POLICY)  # type: ignore[arg-type]  # stubs know the plain request alone
def rendering(request: MemberRequest, key: str, channel: str, language: str, variant: str = "") -> HttpResponse:
    """The e-mail as HTML, or the letter's words, for a sandboxed frame: as it stands (GET), or as it is typed (POST)."""
    return _rendering(request, key=key, channel=channel, language=language, variant=variant)


@member(methods=ACT)
def _rendering(request: MemberRequest, key: str, channel: str, language: str, variant: str) -> HttpResponse:
    place = _place(key, channel, language, variant, is_new=True)
    text = _typed(request, place) if request.method == "POST" else _written(request, place, find_text(**place))
    if text is None or channel == Channel.SMS:
        raise Http404
    seen = look_at(text, _specimen(request, text)[0])
    words = seen.said.html if seen.said is not None else format_html("<p>{}</p>", seen.problem)
    return HttpResponse(on_white(words) if channel == Channel.EMAIL and seen.said is not None else f"{PAPER}{words}")


@member(methods=LOOK)
def letter(request: MemberRequest, key: str, channel: str, language: str, variant: str = "") -> HttpResponse:
    """The letter as typed, as a PDF on the organization's paper."""
    place = _place(key, channel, language, variant, is_new=True)
    text = _typed(request, place)
    if text is None or channel not in PAPER_CHANNELS:
        raise Http404
    try:
        content = set_letter(text, _specimen(request, text)[0], now=clock.now())
    except Obstructed as obstacle:
        return HttpResponse(f"{obstacle.reason.label} {obstacle.text}", content_type="text/plain; charset=utf-8", status=422)
    return answer_file(content, "application/pdf", f"{key}.pdf")


@member(EDIT, methods=ACT)
def restore(request: MemberRequest, key: str, channel: str, language: str, variant: str = "") -> HttpResponse:
    """Put the shipped text in force again."""
    place = _place(key, channel, language, variant)
    in_force = find_text(**place)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    asked = request.GET.get("seen", "")
    seen = int(asked) if asked.isdecimal() else in_force.version if in_force is not None else 0
    if submitted(request, form, lambda _data: restore_text(**place, seen=seen, **acting_now(request))):
        return done(request, _("The shipped text is in force again; what you had written stays in the history."), text_url(place))
    return act_page(
        request,
        form,
        nav="plans",
        title=_("Put the shipped text in force again"),
        verb=_("Put it in force"),
        back=text_url(place),
        lead=_("%s: what you wrote stays in the history, and can be taken up again.") % text_name(key, variant),
        icon="undo-2",
    )
