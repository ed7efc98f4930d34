"""Many rows of a list at once: chosen there, weighed here with counts and amounts, changed in one transaction once that is confirmed."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core.errors import DomainError
from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.choosing import carried, chosen_ids
from dunning.dashboard.many import CUSTOMERS, INVOICES, REPLIES, Act, Asked
from dunning.dashboard.views import customers as customer_pages
from dunning.dashboard.views import inbox as inbox_pages
from dunning.dashboard.views import invoices as invoice_pages
from dunning.dashboard.views.base import MemberRequest, acting, attempt, done, member, page, submitted, today_of
from invoices.services import end_item_holds

Rows = Callable[[QueryDict], QuerySet[Any]]


@member(Permission.WORK, methods=("POST",))
def invoices(request: MemberRequest) -> HttpResponse:
    return _ask(request, INVOICES, partial(invoice_pages.rows_of, today=today_of(request)), "invoices")


@member(Permission.WORK, methods=("POST",))
def customers(request: MemberRequest) -> HttpResponse:
    return _ask(request, CUSTOMERS, customer_pages.rows_of, "customers")


@member(Permission.WORK, methods=("POST",))
def replies(request: MemberRequest) -> HttpResponse:
    return _ask(request, REPLIES, inbox_pages.rows_of, "inbox", nav="messages")


@member(Permission.WORK, methods=("POST",))
def undo_holds(request: MemberRequest) -> HttpResponse:
    """End the very pauses one act made."""
    ids = chosen_ids(request, lambda query: invoice_pages.rows_of(query, today=today_of(request)))
    reason = _("Taken back by whoever placed it.")
    changed = attempt(request, lambda: end_item_holds(hold_ids=ids, reason=reason, **acting(request))) if ids else None
    if changed is not None:
        words = ngettext("One pause is taken back.", "%(n)s pauses are taken back.", changed.items)
        messages.success(request, words % {"n": formatting.number(changed.items)})
    return redirect("dashboard:invoices")


def _ask(request: MemberRequest, acts: Mapping[str, type[Act]], rows_of: Rows, back: str, *, nav: str = "") -> HttpResponse:
    """The page of an act about the chosen rows; done once it was shown and confirmed."""
    to = _back(request, back)
    kind = acts.get(request.POST.get("act", ""))
    try:
        ids = chosen_ids(request, rows_of)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(to)
    if kind is None or not ids:
        messages.warning(request, _("Nothing was ticked; nothing was changed."))
        return redirect(to)
    act = kind(Asked(ids, request.membership.organization, **acting(request)))
    form = act.form(request.POST) if "confirmed" in request.POST else act.form()
    counts: list[int] = []
    if form.is_bound and submitted(request, form, lambda data: counts.append(act.do(data))):
        return _done(request, act, counts[0], to)
    context = {
        "act": act,
        "form": form,
        "key": request.POST["act"],
        "chosen": carried(ids),
        "back": to,
        "query": request.POST.get("query", ""),
    }
    return page(request, "many", nav=nav or back, status=422 if form.is_bound else 200, **context)


def _done(request: MemberRequest, act: Act, count: int, back: str) -> HttpResponse:
    """What was done; and, when others changed some of the rows since the page was shown, that these stayed as they were."""
    said = [act.said(count)] if count else [_("Nothing was changed.")]
    shown = request.POST.get("reach", "")
    missed = int(shown) - count if shown.isdecimal() and len(shown) < 9 else 0
    if missed > 0:
        words = ngettext("One changed meanwhile and stayed as it was.", "%(n)s changed meanwhile and stayed as they were.", missed)
        said.append(words % {"n": formatting.number(missed)})
    if not act.made:
        return done(request, " ".join(said), back)
    return page(request, "many_done", nav="invoices", said=said, made=_carried(act.made), back=back)


def _carried(ids: tuple[UUID, ...]) -> str:
    return carried(list(ids))


def _back(request: MemberRequest, name: str) -> str:
    query = QueryDict(request.POST.get("query", ""))
    return reverse(f"dashboard:{name}") + (f"?{query.urlencode()}" if query else "")
