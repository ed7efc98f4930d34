"""Any act of the debtor's page: its form is drawn with a nonce, sent with it, and answered by a page that says what happens now."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.enums import PortalAction
from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.network import address_of
from dunning.portal import nonces, uploads
from dunning.portal.access import Visitor, debtor
from dunning.portal.acts import Act, Scope, statement, totals_of
from dunning.portal.base import about, page
from dunning.portal.forms.fields import FilesField
from dunning.portal.forms.papers import PaperForm
from dunning.portal.items import choose, pack, ticked, unpack, usual
from dunning.portal.registry import QUESTIONS
from dunning.portal.sessions import Session
from invoices.models import Declaration, Installment
from invoices.selectors import state_of
from scenarios.declarations import what_follows
from scenarios.services.portal import AlreadySaid, Speaker
from scenarios.signed_papers import paragraphs

WORK: Final = ("GET", "HEAD", "POST")
AGAIN: Final = 422  # nothing was done: the form is drawn again
SHOWN: Final = 10  # items a form lists by name; the others are counted
REPLACED: Final = frozenset({PortalAction.RECEIVED, PortalAction.ACCEPTED, PortalAction.NOT_RECEIVED})
"""Answers that a later one takes the place of; anything else our people take back."""
FILES: Final = "attached"  # of a form that takes some


def act_view(act: Act) -> Callable[..., HttpResponse]:
    """The page of one act."""

    def view(request: HttpRequest, visitor: Visitor) -> HttpResponse:
        if request.method == "POST":
            return _sent(request, visitor, act)
        items = _about(request, visitor, act)
        if not items and act.unless_ticked is not Scope.ACCOUNT:
            return redirect(f"{reverse('portal:page')}?{urlencode({'for': act.name})}")
        form, closed = _form(act, visitor, items)
        return _drawn(request, visitor, act, items, form, closed=closed)

    def expired(request: HttpRequest, session: Session | None) -> HttpResponse:
        return _expired(request, act, may_ask=session is not None)

    view.expired = expired  # type: ignore[attr-defined]  # read by the door
    return debtor(act.action, methods=WORK)(view)


def _form(act: Act, visitor: Visitor, items: Sequence[Installment], data: Any = None, files: Any = None) -> tuple[forms.Form, str]:
    """The form to draw now - the act's own, or what comes before it - and why there is none to fill in."""
    if closed := act.closed(visitor, items):
        return act.empty_form(data or {}), closed
    return act.before(visitor, items, data) or act.form(visitor, items, data, files), ""


def _about(request: HttpRequest, visitor: Visitor, act: Act) -> list[Installment]:
    """What was ticked; without a tick what the act is usually about, nothing when the person must say."""
    if act.unless_ticked is Scope.ACCOUNT:
        return []
    ids = ticked(request)
    if ids:
        return choose(visitor, ids)
    if act.unless_ticked is Scope.DUE:
        return usual(visitor, binding=act.binds) or usual(visitor)
    items = choose(visitor, [])
    return items if len(items) == 1 else []


def _drawn(
    request: HttpRequest,
    visitor: Visitor,
    act: Act,
    items: Sequence[Installment],
    form: forms.Form,
    *,
    closed: str = "",
    notice: str = "",
    kept: Sequence[uploads.Kept] = (),
    status: int = 200,
) -> HttpResponse:
    ids = [item.pk for item in items]
    nonce = nonces.draw(contact_id=visitor.contact.pk, action=act.name, items=ids, seen=state_of(ids), now=visitor.now)
    context = {
        "act": act,
        "form": form,
        "paper": paragraphs(form.text) if isinstance(form, PaperForm) else [],
        "button": act.button if isinstance(form, act.form_class) else _("Go on"),
        "closed": closed,
        "lead": act.lead(visitor, items),
        "items": items[:SHOWN],
        "others": max(0, len(items) - SHOWN),
        "count": len(items),
        "totals": totals_of(items, visitor.language),
        "packed": pack(ids),
        "nonce": nonce,
        "notice": notice,
        "kept": kept,
        "address": reverse(f"portal:{act.name}"),
    }
    again = about(reverse(f"portal:{act.name}"), ids) if request.method == "POST" else ""
    return page(request, visitor, "act", status=status, again=again, **context)


def _sent(request: HttpRequest, visitor: Visitor, act: Act) -> HttpResponse:
    """Do what a form asks for, or draw it again with everything that was typed and one sentence that says why."""
    wanted = unpack(request.POST.get("items", ""))
    items = choose(visitor, wanted) if wanted else []
    nonce = nonces.read(request.POST.get("nonce", ""), contact_id=visitor.contact.pk, action=act.name, items=wanted, now=visitor.now)
    if nonce is not None and (known := Declaration.objects.filter(nonce=nonce.value, contact=visitor.contact).first()) is not None:
        return redirect("portal:done", pk=known.pk)
    form, closed = _form(act, visitor, items, request.POST, request.FILES)
    if closed or not isinstance(form, act.form_class) or not form.is_bound:
        return _drawn(request, visitor, act, items, form, closed=closed, status=AGAIN if closed or form.errors else 200)
    notice = ""
    if nonce is None:
        notice = _("This form had been open for too long. Nothing of what you wrote is lost: please check it and send it again.")
    elif nonce.is_hasty(visitor.now):
        notice = _("That went very quickly. Nothing of what you wrote is lost: please check it once more and send it again.")
    earlier = uploads.bring_back(request.POST.getlist("kept"), visitor.contact.pk) if FILES in form.fields else []
    valid = form.is_valid()
    if refused := _refused_files(request, form, earlier):
        form.add_error(FILES, refused)
        valid = False
    if nonce is None or notice or not valid:
        return _again(request, visitor, act, items, form, earlier, notice)
    data = dict(form.cleaned_data)
    if FILES in form.fields:
        data[FILES] = [*earlier, *data[FILES]]
    speaker = Speaker(
        contact=visitor.contact,
        link_id=visitor.link.pk,
        nonce=nonce.value,
        seen=nonce.seen,
        language=visitor.language,
        words=statement(act, visitor, items, form, files=data.get(FILES, ())),
        address=address_of(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    try:
        with transaction.atomic():
            declaration = act.perform(visitor, speaker, items, data)
    except AlreadySaid as known:
        return redirect("portal:done", pk=known.declaration.pk)
    except DomainError as refusal:
        items = choose(visitor, wanted) if wanted else []
        if act.first_class is not None:  # its paper is drawn up anew, from what is true now
            form, closed = _form(act, visitor, items, request.POST)
        if refusal.field in form.fields:
            form.add_error(refusal.field, refusal.message)
        else:
            notice = refusal.message
        return _again(request, visitor, act, items, form, earlier, notice, closed=closed)
    return redirect("portal:done", pk=declaration.pk)


def _refused_files(request: HttpRequest, form: forms.Form, earlier: Sequence[documents.File]) -> str:
    """Why the files of a form that was checked are not taken together; "" when they are."""
    if not isinstance(field := form.fields.get(FILES), FilesField):
        return ""
    if getattr(request, "upload_too_large", False):
        return _("Your files come to more than 60 MB together, and none of them arrived. Attach smaller ones, 10 MB each at most.")
    if (count := len(earlier) + len(field.good)) > uploads.MOST:
        return _("Five files at most, and here are %s: leave ticked those we need.") % count
    return ""


def _again(
    request: HttpRequest,
    visitor: Visitor,
    act: Act,
    items: Sequence[Installment],
    form: forms.Form,
    earlier: Sequence[Any],
    notice: str,
    *,
    closed: str = "",
) -> HttpResponse:
    """The form once more: what was typed is in it, and files that were good need not be attached again."""
    kept = []
    if isinstance(field := form.fields.get(FILES), FilesField):
        kept = uploads.put_aside([*earlier, *field.good][: uploads.MOST_ASIDE], visitor.contact.pk)
    return _drawn(request, visitor, act, items, form, closed=closed, notice=notice, kept=kept, status=AGAIN)


def _expired(request: HttpRequest, act: Act, *, may_ask: bool) -> HttpResponse:
    """The page closed while somebody was writing. Whose it was is not known any more: only what they sent is shown, to be sent again."""
    context = {
        "act": act,
        "form": act.empty_form(request.POST),
        "button": _("Go on") if act.first_class is not None else act.button,
        "may_ask": may_ask,
        "had_files": bool(request.FILES) or getattr(request, "upload_too_large", False),
        "nonce": request.POST.get("nonce", "")[:1000],
        "packed": request.POST.get("items", "")[: 22 * 500 + 2],
        "address": reverse(f"portal:{act.name}"),
    }
    return render(request, "portal/expired.html", context, status=403)


@debtor()
def question(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """What may be wrong or missing, for the invoices that were ticked."""
    ids = ticked(request)
    items = choose(visitor, ids) if ids else []
    query = urlencode([("item", str(pk)) for pk in ids])
    choices = [(act, f"{reverse(f'portal:{act.name}')}{f'?{query}' if query else ''}") for act in QUESTIONS if visitor.may(act.action)]
    return page(request, visitor, "question", choices=choices, count=len(items), totals=totals_of(items, visitor.language))


@debtor()
def done(request: HttpRequest, visitor: Visitor, pk: UUID) -> HttpResponse:
    """What was said, word for word, and what happens now."""
    declaration = Declaration.objects.get(pk=pk, contact=visitor.contact)
    address = visitor.contact.email
    context: dict[str, Any] = {
        "what_follows": what_follows(declaration),
        "receipt_to": address,
        "may_be_replaced": declaration.action in REPLACED,
    }
    return page(request, visitor, "done", declaration=declaration, **context)
