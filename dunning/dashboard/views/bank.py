"""Settings, bank details: the account customers pay to, and its changes, which take two people."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dunning.core import bank
from dunning.core.enums import BankChangeState
from dunning.core.identity import update_profile
from dunning.core.models import BankDetailsChange, User
from dunning.core.money import printed_iban
from dunning.core.permissions import Permission
from dunning.core.selectors import get_profile
from dunning.dashboard.forms.paying import BankForm, FirstBankForm, PasswordForm, RefuseBankForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, page, refuse_when_too_many, submitted

ACT = ("GET", "HEAD", "POST")


def _back() -> str:
    return reverse("dashboard:bank")


def _person(request: MemberRequest) -> User:
    return request.membership.user


@member(Permission.MANAGE)
def show(request: MemberRequest) -> HttpResponse:
    waiting = bank.waiting_change()
    return page(
        request,
        "bank",
        nav="settings",
        profile=get_profile(),
        waiting=waiting,
        is_own=waiting is not None and waiting.proposed_by_id == request.user.pk,
        is_alone=len(bank.people_in_charge()) < 2,
        history=bank.history(),
    )


@member(Permission.MANAGE, methods=ACT)
def propose(request: MemberRequest) -> HttpResponse:
    """Ask for another account; for the very first one, enter it."""
    profile = get_profile()
    if not profile.iban:
        return _enter_first(request)
    first = {"holder": profile.account_holder or profile.legal_name}
    form = BankForm(request.POST, person=_person(request)) if request.method == "POST" else BankForm(initial=first, person=_person(request))
    refuse_when_too_many(request, form)

    def act(data: dict[str, Any]) -> None:
        names = ("iban", "holder", "bic", "bank_name", "reason")
        bank.propose_change(**{name: data[name] for name in names}, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The change waits for a second owner or administrator. Until then nothing changes."), _back())
    lead = _("Now: %(iban)s. The change counts once another owner or administrator has confirmed it.") % {
        "iban": printed_iban(profile.iban)
    }
    return act_page(
        request, form, nav="settings", title=_("Change the bank details"), verb=_("Propose"), back=_back(), lead=lead, icon="landmark"
    )


def _enter_first(request: MemberRequest) -> HttpResponse:
    person = _person(request)
    first = {"account_holder": get_profile().legal_name}
    form = FirstBankForm(request.POST, person=person) if request.method == "POST" else FirstBankForm(initial=first, person=person)
    refuse_when_too_many(request, form)

    def act(data: dict[str, Any]) -> None:
        update_profile(**{name: data[name] for name in ("iban", "account_holder", "bic", "bank_name")}, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The account is on file. From now on two people are needed to change it."), _back())
    lead = _("The account your customers pay to. Once entered, changing it takes two people.")
    return act_page(
        request, form, nav="settings", title=_("Enter the bank details"), verb=_("Enter"), back=_back(), lead=lead, icon="landmark"
    )


@member(Permission.MANAGE, methods=ACT)
def confirm(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The second person confirms."""
    change = BankDetailsChange.objects.select_related("proposed_by").get(pk=pk)
    if change.state != BankChangeState.PROPOSED:
        return _decided(request, change)
    form = PasswordForm(request.POST, person=_person(request)) if request.method == "POST" else PasswordForm(person=_person(request))
    refuse_when_too_many(request, form)
    if submitted(request, form, lambda data: bank.confirm_change(change_id=pk, **acting_now(request))):
        text = _("Customers are now asked to pay to %(iban)s. For thirty days they are told that the account is new.")
        return done(request, text % {"iban": printed_iban(change.iban)}, _back())
    lead = _(
        "%(person)s asks for %(iban)s (%(holder)s) instead of %(before)s: %(reason)s. "
        "Check it with the bank's own document, not with an e-mail."
    ) % {
        "person": change.proposed_by,
        "iban": printed_iban(change.iban),
        "holder": change.holder,
        "before": printed_iban(change.previous_iban),
        "reason": change.reason,
    }
    title = _("Confirm the new bank details")
    return act_page(request, form, nav="settings", title=title, verb=_("Confirm"), back=_back(), lead=lead, icon="shield-check")


@member(Permission.MANAGE, methods=ACT)
def refuse(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Refuse a proposal, or withdraw one's own."""
    change = BankDetailsChange.objects.get(pk=pk)
    if change.state != BankChangeState.PROPOSED:
        return _decided(request, change)
    own = change.proposed_by_id == request.user.pk
    form = RefuseBankForm(request.POST) if request.method == "POST" else RefuseBankForm()

    def act(data: dict[str, Any]) -> None:
        bank.refuse_change(change_id=pk, reason=data["reason"], **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The proposal is closed; the account in force stays."), _back())
    title = _("Withdraw your proposal") if own else _("Refuse the new bank details")
    verb = _("Withdraw it") if own else _("Refuse")
    return act_page(
        request, form, nav="settings", title=title, verb=verb, back=_back(), lead=printed_iban(change.iban), icon="shield-alert"
    )


def _decided(request: MemberRequest, change: BankDetailsChange) -> HttpResponse:
    """Somebody else was quicker."""
    messages.info(request, _("This change was decided already: %s.") % change.get_state_display())
    return redirect(_back())
