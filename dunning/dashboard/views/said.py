"""What a customer said, word for word, with what proves it; and taking it back when it should not count."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core import documents
from dunning.core.permissions import Permission
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.acts import UndoForm
from dunning.dashboard.views.acts import WORK
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, fragment, member, page, submitted
from invoices.services import undo_act, undo_declaration
from scenarios.selectors.declared import act_detail


@member(Permission.SEE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One act: on a page of its own, or opened inside a timeline."""
    context: dict[str, Any] = {"detail": (detail := act_detail(pk)), "act": detail.act, "declaration": detail.act.declaration}
    return fragment(request, "_said_act", **context) if request.htmx else page(request, "said_act", nav="customers", **context)


@member(Permission.SEE)
def file(request: MemberRequest, pk: UUID, file: UUID) -> HttpResponse:
    """A file that came with it, saved and never run."""
    found = next((part for part in act_detail(pk).files if part.pk == file), None)
    if found is None:
        raise Http404
    answer = answer_file(documents.read(found.document), "application/octet-stream", found.filename)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@member(Permission.WORK, methods=WORK)
def undo(request: MemberRequest, pk: UUID) -> HttpResponse:
    """It was not said, or not by them: it counts no more."""
    detail = act_detail(pk)
    act = detail.act
    back = reverse("dashboard:invoice", args=[act.installment.invoice_id]) if act.installment is not None else ""
    count = len([other for other in detail.others if other.undone_at is None])
    form = UndoForm(request.POST or None, others=count)

    def undone(data: dict[str, Any]) -> None:
        if data.get("everything") and act.declaration is not None:
            undo_declaration(declaration=act.declaration, reason=data["reason"], **acting(request))
        else:
            undo_act(act=act, reason=data["reason"], **acting(request))

    if submitted(request, form, undone):
        return done(request, _("It counts no more; the plan goes on as if it had not been said."), back)
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Undo what was said"),
        verb=_("Undo it"),
        back=back,
        lead=f"{act.get_kind_display()} · {act.customer.name}",
        icon="undo-2",
    )
