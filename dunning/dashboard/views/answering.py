"""A customer's message in our hands: who of us has it on their desk."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core.models import Membership
from dunning.core.permissions import Permission, allows
from dunning.dashboard.forms.many import NONE, OwnerForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted
from notifications import correspondence
from scenarios.selectors.replies import desks_of
from scenarios.services.replies import give_reply

WORK = ("GET", "HEAD", "POST")


@member(Permission.WORK, methods=WORK)
def give(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put it on a colleague's desk, who is told."""
    reply = correspondence.get_reply(pk)
    members = Membership.objects.filter(organization=request.membership.organization_id, user__is_active=True).select_related("user")
    people = sorted((one.user for one in members if allows(one, Permission.WORK)), key=lambda user: (str(user).casefold(), user.pk))
    desk = next(iter(desks_of([reply.customer_id]).values()), None) if reply.customer_id is not None else None
    first = {"owner": str(desk.pk) if desk is not None else NONE}
    form = OwnerForm(request.POST, people=people) if request.method == "POST" else OwnerForm(initial=first, people=people)
    form.fields["owner"].label = _("To whom")
    back = reverse("dashboard:reply", args=[pk])

    def act(data: dict[str, Any]) -> None:
        give_reply(reply_id=pk, assignee=data["owner"], **acting(request))

    if submitted(request, form, act):
        person = form.cleaned_data["owner"]
        text = _("It is on the desk of %(person)s, who is told.") % {"person": person} if person else _("It is on nobody’s desk.")
        return done(request, text, back)
    name = reply.customer.name if reply.customer is not None else reply.sender
    lead = _("Everything of %s that is to be read goes with it.") % name
    return act_page(request, form, nav="messages", title=_("Give this message"), verb=_("Give it"), back=back, lead=lead, icon="user-check")
