"""Many rows of a list at once: chosen there, weighed here with counts and amounts, changed once that is confirmed."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core.enums import ManyState
from dunning.core.errors import DomainError
from dunning.core.models import ManyAct
from dunning.core.permissions import Permission, require
from dunning.dashboard import formatting
from dunning.dashboard.choosing import carried, chosen_ids
from dunning.dashboard.many import CUSTOMERS, INVOICES, REPLIES, TASKS, Act, Asked
from dunning.dashboard.views import customers as customer_pages
from dunning.dashboard.views import inbox as inbox_pages
from dunning.dashboard.views import invoices as invoice_pages
from dunning.dashboard.views.base import MemberRequest, acting, done, member, page, submitted, today_of
from scenarios.models import Task
from scenarios.services.many import counts_of, start

Rows = Callable[[QueryDict], QuerySet[Any]]


@member(Permission.WORK, methods=("POST",))
def invoices(request: MemberRequest) -> HttpResponse:
    return _ask(request, INVOICES, partial(invoice_pages.rows_of, today=today_of(request)), "invoices")


@member(Permission.WORK, methods=("POST",))
def customers(request: MemberRequest) -> HttpResponse:
    return _ask(request, CUSTOMERS, customer_pages.rows_of, "customers")


@member(Permission.WORK, methods=("POST",))
def replies(request: MemberRequest) -> HttpResponse:
    return _ask(request, REPLIES, partial(inbox_pages.rows_of, person=request.membership.user_id), "inbox", nav="messages")


@member(Permission.WORK, methods=("POST",))
def tasks(request: MemberRequest) -> HttpResponse:
    return _ask(request, TASKS, lambda _query: Task.objects.none(), "today")


def _ask(request: MemberRequest, acts: Mapping[str, type[Act]], rows_of: Rows, back: str, *, nav: str = "") -> HttpResponse:
    """The page of an act about the chosen rows; done once it was shown and confirmed."""
    to = _back(request, back)
    key = request.POST.get("act", "")
    kind = acts.get(key)
    try:
        ids = chosen_ids(request, rows_of)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(to)
    if kind is None or not ids:
        messages.warning(request, _("Nothing was ticked; nothing was changed."))
        return redirect(to)
    require(request.membership, kind.permission)
    act = kind(Asked(ids, request.membership.organization, **acting(request)))
    form = act.form(request.POST) if "confirmed" in request.POST else act.form()
    made: list[ManyAct | None] = []

    def begin(data: dict[str, Any]) -> None:
        stored = act.stored(data)
        made.append(start(kind=key, ids=ids, data=stored, when=act.asked.when, language=formatting.language()))

    looked = ""
    if form.is_bound and act.looks and _is_new(request, act, form):
        looked = _choice(act, form) if submitted(request, form, lambda data: act.look(act.stored(data))) else ""
    elif form.is_bound and submitted(request, form, begin):
        return _done(request, kind, made[0], to)
    context = {
        "looked": looked,
        "act": act,
        "form": form,
        "key": key,
        "chosen": carried(ids),
        "back": to,
        "query": request.POST.get("query", ""),
    }
    return page(request, "many", nav=nav or back, status=422 if form.errors else 200, **context)


def _choice(act: Act, form: forms.Form) -> str:
    """What is chosen in a valid form, in the one form in which it comes back with the confirmation."""
    return json.dumps(act.stored(form.cleaned_data), sort_keys=True)


def _is_new(request: MemberRequest, act: Act, form: forms.Form) -> bool:
    """Whether what is chosen was not looked at yet: its consequence is shown before it is done."""
    return not form.is_valid() or request.POST.get("looked") != _choice(act, form)


def _done(request: MemberRequest, kind: type[Act], made: ManyAct | None, back: str) -> HttpResponse:
    """What was done, with the way to take it back; a worker's part, and rows that were refused, are told on the act's own page."""
    if made is None:
        return done(request, " ".join([_("Nothing was changed."), *_missed(request, 0)]), back)
    entry = reverse("dashboard:many_act", args=[made.pk])
    found = counts_of(made)
    if made.state == ManyState.WORKING or found.refused:
        return redirect(entry)
    messages.success(request, " ".join([kind.said(found.done), *_missed(request, found.done)]), extra_tags=entry)
    return redirect(back)


def _missed(request: MemberRequest, count: int) -> list[str]:
    """When others changed some of the rows since the page was shown, that these stayed as they were."""
    shown = request.POST.get("reach", "")
    missed = int(shown) - count if shown.isdecimal() and len(shown) < 9 else 0
    words = ngettext("One changed meanwhile and stayed as it was.", "%(n)s changed meanwhile and stayed as they were.", missed)
    return [words % {"n": formatting.number(missed)}] if missed > 0 else []


def _back(request: MemberRequest, name: str) -> str:
    query = QueryDict(request.POST.get("query", ""))
    return reverse(f"dashboard:{name}") + (f"?{query.urlencode()}" if query else "")
