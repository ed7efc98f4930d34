"""Any act of the debtor's page: its form is drawn with a nonce, sent with it, and answered by a page that says what happens now."""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.portal import nonces
from dunning.portal.access import Visitor, address_of, debtor
from dunning.portal.acts import Act, statement, totals_of
from dunning.portal.base import page
from dunning.portal.items import choose, pack, ticked, unpack
from dunning.portal.registry import act_of
from dunning.portal.sessions import Session
from invoices.models import Declaration, Installment
from invoices.selectors import state_of
from scenarios.services.portal import AlreadySaid, Speaker

WORK: Final = ("GET", "HEAD", "POST")
AGAIN: Final = 422  # nothing was kept: the form is drawn again
SHOWN: Final = 10  # items a form lists by name; the others are counted


def act_view(act: Act) -> Callable[..., HttpResponse]:
    """The page of one act."""

    def view(request: HttpRequest, visitor: Visitor) -> HttpResponse:
        if request.method == "POST":
            return _sent(request, visitor, act)
        items = choose(visitor, ticked(request))
        return _drawn(request, visitor, act, items, act.form(visitor, items))

    def expired(request: HttpRequest, session: Session | None) -> HttpResponse:
        return _expired(request, act)

    view.expired = expired  # type: ignore[attr-defined]  # read by the door
    return debtor(act.action, methods=WORK)(view)


def _drawn(
    request: HttpRequest,
    visitor: Visitor,
    act: Act,
    items: Sequence[Installment],
    form: forms.Form,
    *,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    ids = [item.pk for item in items]
    nonce = nonces.draw(contact_id=visitor.contact.pk, action=act.action, items=ids, seen=state_of(ids), now=visitor.now)
    context = {
        "act": act,
        "form": form,
        "lead": act.lead(visitor, items),
        "items": items[:SHOWN],
        "others": max(0, len(items) - SHOWN),
        "count": len(items),
        "totals": totals_of(items, visitor.language),
        "packed": pack(ids),
        "nonce": nonce,
        "notice": notice,
        "address": reverse(f"portal:{act.name}"),
    }
    return page(request, visitor, "act", status=status, **context)


def _sent(request: HttpRequest, visitor: Visitor, act: Act) -> HttpResponse:
    """Do what a form asks for, or draw it again with everything that was typed and one sentence that says why."""
    wanted = unpack(request.POST.get("items", ""))
    items = choose(visitor, wanted) if wanted else []
    form = act.form(visitor, items, request.POST, request.FILES)
    nonce = nonces.read(request.POST.get("nonce", ""), contact_id=visitor.contact.pk, action=act.action, items=wanted, now=visitor.now)
    if nonce is not None and (known := _recorded(visitor, nonce.value)) is not None:
        return redirect("portal:done", pk=known.pk)
    if nonce is None:
        notice = _("This form had been open for too long. Nothing of what you wrote is lost: please check it and send it again.")
        return _drawn(request, visitor, act, items, form, notice=notice, status=AGAIN)
    if nonce.is_hasty(visitor.now):
        notice = _("That went very quickly. Nothing of what you wrote is lost: please check it once more and send it again.")
        return _drawn(request, visitor, act, items, form, notice=notice, status=AGAIN)
    if not form.is_valid():
        return _drawn(request, visitor, act, items, form, status=AGAIN)
    speaker = Speaker(
        contact=visitor.contact,
        link_id=visitor.link.pk,
        nonce=nonce.value,
        seen=nonce.seen,
        language=visitor.language,
        words=statement(act, visitor, items, form),
        address=address_of(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    try:
        with transaction.atomic():
            declaration = act.perform(visitor, speaker, items, form.cleaned_data)
    except AlreadySaid as known:
        return redirect("portal:done", pk=known.declaration.pk)
    except DomainError as refusal:
        if refusal.field in form.fields:
            form.add_error(refusal.field, refusal.message)
            return _drawn(request, visitor, act, items, form, status=AGAIN)
        return _drawn(request, visitor, act, choose(visitor, wanted) if wanted else [], form, notice=refusal.message, status=AGAIN)
    return redirect("portal:done", pk=declaration.pk)


def _recorded(visitor: Visitor, nonce: str) -> Declaration | None:
    return Declaration.objects.filter(nonce=nonce, contact=visitor.contact).first()


@debtor()
def done(request: HttpRequest, visitor: Visitor, pk: UUID) -> HttpResponse:
    """What was said, word for word, and what happens now."""
    declaration = Declaration.objects.get(pk=pk, contact=visitor.contact)
    act = act_of(declaration.action)
    return page(request, visitor, "done", declaration=declaration, what_follows=act.what_follows(visitor, declaration))


def _expired(request: HttpRequest, act: Act) -> HttpResponse:
    """The page closed while somebody was writing. Whose it was is not known any more: only what they sent is shown, to be sent again."""
    form = act.empty_form(request.POST)
    context = {
        "act": act,
        "form": form,
        "nonce": request.POST.get("nonce", "")[:1000],
        "packed": request.POST.get("items", "")[: 22 * 500 + 2],
        "address": reverse(f"portal:{act.name}"),
    }
    return render(request, "portal/expired.html", context, status=403)
