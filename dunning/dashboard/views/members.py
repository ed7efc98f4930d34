"""Settings, members: who belongs to the organization, with which role; inviting, letting go, and opening the door again."""

import logging
from functools import partial
from typing import Any
from uuid import UUID

from allauth.account.forms import ResetPasswordForm
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core import clock, people
from dunning.core.models import Membership
from dunning.core.permissions import Permission
from dunning.dashboard import desk_exports, exports
from dunning.dashboard.forms.members import CallsForm, InviteForm, RemoveForm, RoleForm
from dunning.dashboard.views.base import MemberRequest, act_page, attempt, done, member, page, submitted, today_of

logger = logging.getLogger(__name__)

ACT = ("GET", "HEAD", "POST")


def _back() -> str:
    return reverse("dashboard:members")


def link_of(token: str) -> str:
    """The address an invited person opens: the product's public one, whatever host was asked."""
    return f"{settings.PUBLIC_BASE_URL}{reverse('dashboard:join', args=[token])}"


@member(Permission.MANAGE)
def show(request: MemberRequest) -> HttpResponse:
    members = people.members()
    if exports.asked_for(request):
        head, today = desk_exports.member_head(), today_of(request)
        return exports.saved_list(request, members, title=_("Members"), head=head, lines=desk_exports.member_lines, today=today)
    return page(request, "members", nav="settings", members=members, invitations=people.open_invitations(now=clock.now()))


@member(Permission.MANAGE, methods=ACT)
def invite(request: MemberRequest) -> HttpResponse:
    """Invite somebody; the link is shown once, and sent when the installation has a mail server."""
    form = InviteForm(request.POST) if request.method == "POST" else InviteForm()
    made: list[people.NewInvitation] = []

    def act(data: dict[str, Any]) -> None:
        made.append(people.invite(by=request.membership, now=clock.now(), **data))

    if submitted(request, form, act):
        link = link_of(made[0].token)
        sends = bool(settings.EMAIL_HOST)
        if sends:
            transaction.on_commit(partial(_send, made[0].invitation.email, link, request.membership), robust=True)
        return page(request, "member_invited", nav="settings", invitation=made[0].invitation, link=link, is_sent=sends)
    return act_page(
        request, form, nav="settings", title=_("Invite somebody"), verb=_("Make the invitation"), back=_back(), icon="user-plus"
    )


def _send(address: str, link: str, by: Membership) -> None:
    values = {"person": by.user, "organization": by.organization.name, "link": link}
    subject = _("%(person)s invites you to %(organization)s") % values
    body = _("%(person)s invites you to work with %(organization)s on its customers' accounts.\n\nOpen this link within a week:\n%(link)s")
    try:
        EmailMessage(" ".join(subject.split()), body % values, to=[address]).send()
    except OSError as error:  # the link was shown, too
        logger.warning("An invitation could not be sent (%s).", type(error).__name__)


@member(Permission.MANAGE, methods=("POST",))
def withdraw(request: MemberRequest, pk: UUID) -> HttpResponse:
    people.withdraw_invitation(invitation_id=pk, by=request.membership, now=clock.now())
    return done(request, _("The invitation is withdrawn: its link opens nothing any more."), _back())


@member(Permission.MANAGE, methods=ACT)
def role(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = people.get_member(pk)
    form = RoleForm(request.POST) if request.method == "POST" else RoleForm(initial={"role": found.role})
    if submitted(request, form, lambda data: people.change_role(member=found, by=request.membership, now=clock.now(), **data)):
        return done(request, _("%(person)s has another role now.") % {"person": found.user}, _back())
    title = _("Change the role of %(person)s") % {"person": found.user}
    return act_page(request, form, nav="settings", title=title, verb=_("Give this role"), back=_back(), icon="user-cog")


@member(Permission.MANAGE, methods=ACT)
def calls(request: MemberRequest, pk: UUID) -> HttpResponse:
    """How many calls their day holds."""
    found = people.get_member(pk)
    form = CallsForm(request.POST) if request.method == "POST" else CallsForm(initial={"calls_per_day": found.calls_per_day})
    if submitted(request, form, lambda data: people.set_calls_per_day(member=found, by=request.membership, now=clock.now(), **data)):
        return done(request, _("The day of %(person)s is settled.") % {"person": found.user}, _back())
    title = _("How many calls a day for %(person)s?") % {"person": found.user}
    return act_page(request, form, nav="settings", title=title, verb=_("Settle it"), back=_back(), icon="phone")


@member(Permission.MANAGE, methods=ACT)
def remove(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = people.get_member(pk)
    form = RemoveForm(request.POST) if request.method == "POST" else RemoveForm()
    if submitted(request, form, lambda _data: people.remove(member=found, by=request.membership, now=clock.now())):
        return done(request, _("%(person)s no longer belongs to your organization.") % {"person": found.user}, _back())
    title = _("Remove %(person)s") % {"person": found.user}
    lead = _(
        "Their access ends at once. What they did stays in the history under their name; customers and tasks of theirs stay assigned. "
        "API keys they made go on opening: revoke those whose text they may have kept."
    )
    return act_page(request, form, nav="settings", title=title, verb=_("Remove"), back=_back(), lead=lead, icon="user-minus")


@member(Permission.MANAGE, methods=("POST",))
def reset(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Send a member the link to a new password: to their own address alone, for their account may open other organizations too."""
    found = people.get_member(pk)
    form = ResetPasswordForm({"email": found.user.email})
    if attempt(request, lambda: form.is_valid() and form.save(request)) is None:
        return done(request, _("No link was sent."), _back())
    return done(request, _("A link to choose a new password was sent to %(email)s.") % {"email": found.user.email}, _back())
