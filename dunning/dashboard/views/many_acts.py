"""The acts about many rows: what was done, to which, how far a worker is, and taking one back whole."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Customer
from dunning.core.enums import ManyState
from dunning.core.models import ManyAct
from dunning.core.permissions import Permission, allows, require
from dunning.core.selectors import actor_names
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.many import ACTS
from dunning.dashboard.many.names import named
from dunning.dashboard.views.base import MemberRequest, acting, fragment, member, page, paged, submitted
from notifications.models import InboundMessage
from scenarios.models import Task
from scenarios.selectors.many import list_acts, rows_of, undone_by
from scenarios.services.many import KINDS, When, counts_of, look_back, may_be_taken_back, take_back

NAV = {Customer: "customers", InboundMessage: "messages", Task: "today"}
SHOWN = 50
"""Rows named one by one among those that would stay."""


@member(Permission.WORK)
def listing(request: MemberRequest) -> HttpResponse:
    """What was done to many rows at once, the latest first."""
    found = paged(request, list_acts())
    rows = [(act, _said(act, getattr(act, "changed", 0))) for act in found.object_list]
    return page(request, "many_acts", nav="invoices", page=found, rows=rows, names=actor_names(act.actor for act, _words in rows))


@member(Permission.WORK)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    return _page(request, ManyAct.objects.get(pk=pk), EmptyForm())


@member(Permission.WORK)
def progress(request: MemberRequest, pk: UUID) -> HttpResponse:
    """How far the worker is; once it is done the page is loaded anew."""
    act = ManyAct.objects.get(pk=pk)
    if act.state != ManyState.WORKING:
        answer = HttpResponse(status=204)
        answer["HX-Refresh"] = "true"
        return answer
    return fragment(request, "_many_progress", entry=act, counts=counts_of(act))


@member(Permission.WORK, methods=("POST",))
def undo(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take it back: what somebody changed since stays."""
    act = ManyAct.objects.get(pk=pk)
    require(request.membership, ACTS[act.kind].permission)
    form = EmptyForm(request.POST)
    made: list[ManyAct | None] = []

    def begin(_data: dict[str, Any]) -> None:
        made.append(take_back(act=act, when=_when(request), language=formatting.language()))

    if submitted(request, form, begin):
        return redirect("dashboard:many_act", pk=(made[0] or act).pk)
    return _page(request, act, form)


def _page(request: MemberRequest, act: ManyAct, form: EmptyForm) -> HttpResponse:
    when = _when(request)
    counts, kind = counts_of(act), ACTS[act.kind]
    may_undo = may_be_taken_back(act, when.now) and allows(request.membership, kind.permission) and counts.done > 0
    back, stay = look_back(act=act, when=when) if may_undo else (0, {})
    subject: Any = KINDS[act.kind].subject
    found = paged(request, rows_of(act))
    shown = named(subject, [row.object_id for row in found.object_list])
    staying = [(named_, stay[pk]) for pk, named_ in named(subject, list(stay)[:SHOWN]).items()]
    undone = undone_by(act)
    undoes = act.undoes
    return page(
        request,
        "many_act",
        nav=NAV.get(subject, "invoices"),
        status=422 if form.errors else 200,
        entry=act,
        title=_said(act, counts.done),
        form=form,
        counts=counts,
        stayed=_stayed(counts.unchanged, counts.refused),
        page=found,
        rows=[(row, shown.get(row.object_id)) for row in found.object_list],
        may_undo=may_undo,
        back_words=kind.back(back) if back else "",
        staying=staying,
        more_stay=len(stay) - len(staying),
        undone=undone,
        undoes=undoes,
        names=actor_names([act.actor, *([undone.actor] if undone is not None else [])]),
    )


def _when(request: MemberRequest) -> When:
    return When(request.membership.organization, **acting(request))


def _said(act: ManyAct, changed: int) -> str:
    """The act in one sentence, whatever its stage."""
    kind = ACTS[act.kind]
    if act.state == ManyState.WORKING:
        return str(kind.title) if act.undoes_id is None else _("Taking it back: %(what)s") % {"what": kind.title}
    if not changed:
        return _("Nothing was changed.")
    return kind.said(changed) if act.undoes_id is None else kind.back(changed)


def _stayed(unchanged: int, refused: int) -> list[str]:
    said = []
    if unchanged:
        words = ngettext("One needed nothing and stayed as it was.", "%(n)s needed nothing and stayed as they were.", unchanged)
        said.append(words % {"n": formatting.number(unchanged)})
    if refused:
        words = ngettext("One stayed as it was for the reason below.", "%(n)s stayed as they were for the reasons below.", refused)
        said.append(words % {"n": formatting.number(refused)})
    return said
