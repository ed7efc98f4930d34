"""What a clerk notes about a customer: a pause of everything, insolvency proceedings, a contact, a statement to send."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.selectors import get_customer
from customers.services import add_contact, clear_insolvency, record_insolvency
from dunning.core.models import ManyAct
from dunning.core.permissions import Permission
from dunning.core.selectors import people_of
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import ContactForm, EmptyForm, HoldForm, InsolvencyForm, ReasonForm, SplitForm, TriageForm
from dunning.dashboard.forms.many import NONE, OwnerForm
from dunning.dashboard.views.acts import WORK
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted, today_of
from invoices.enums import TriageChoice
from invoices.models import Installment
from invoices.selectors import insolvency_split as split_of
from invoices.selectors import open_items
from invoices.services import count_on_habit, place_hold, set_habit_aside, set_triage
from scenarios.models import Commitment
from scenarios.services.answers import send_statement
from scenarios.services.commitments import withdraw_commitment
from scenarios.services.many import When, start
from scenarios.services.proceedings import confirm_split

MOST_SPLIT: Final = 100  # invoices on one form, those to be decided about first


def _url(pk: UUID) -> str:
    return reverse("dashboard:customer", args=[pk])


@member(Permission.WORK, methods=WORK)
def hold(request: MemberRequest, pk: UUID) -> HttpResponse:
    customer = get_customer(pk)
    today = today_of(request)
    form = HoldForm(request.POST, today=today) if request.method == "POST" else HoldForm(today=today)
    if submitted(request, form, lambda data: place_hold(customer=customer, **data, **acting(request))):
        until = formatting.date_long(form.cleaned_data["ends_on"])
        text = _("Everything to %(customer)s is paused until %(day)s.") % {"customer": customer.name, "day": until}
        return done(request, text, _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Pause everything to this customer"),
        verb=_("Pause"),
        back=_url(pk),
        lead=customer.name,
        icon="pause",
    )


@member(Permission.WORK, methods=WORK)
def account_owner(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Who looks after the customer; an act like that about many, and taken back like it."""
    customer = get_customer(pk)
    organization = request.membership.organization
    known = {"people": people_of(organization)}
    first = {"owner": str(customer.account_owner_id or NONE)}
    form = OwnerForm(request.POST, **known) if request.method == "POST" else OwnerForm(initial=first, **known)
    made: list[ManyAct | None] = []

    def assign(data: dict[str, Any]) -> None:
        chosen = {"owner": str(data["owner"].pk) if data["owner"] is not None else None}
        when = When(organization, **acting(request))
        made.append(start(kind="assign", ids=[pk], data=chosen, when=when, language=formatting.language()))

    if submitted(request, form, assign):
        act = made[0]
        if act is None:
            return done(request, _("Nothing was changed."), _url(pk))
        chosen = form.cleaned_data["owner"]
        words = (
            _("%(person)s looks after %(customer)s from now on.") if chosen is not None else _("Nobody looks after %(customer)s any more.")
        )
        entry = reverse("dashboard:many_act", args=[act.pk])
        messages.success(request, words % {"person": chosen, "customer": customer.name}, extra_tags=entry)
        return redirect(_url(pk))
    now = _("Today: %(now)s.") % {"now": customer.account_owner or _("nobody")}
    lead = _("Tasks of the day, replies and failures of %s are told to whom you choose.") % customer.name
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Change the account owner"),
        verb=_("Give it"),
        back=_url(pk),
        lead=f"{lead} {now}",
        icon="user-check",
    )


@member(Permission.WORK, methods=WORK)
def habit_aside(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A good payer's habit is not to be waited for (rule 13)."""
    customer = get_customer(pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: set_habit_aside(customer=customer, reason=data["reason"], **acting(request))):
        return done(request, _("The habit is set aside: reminders of %s follow the plan again.") % customer.name, _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Do not count on this habit"),
        verb=_("Set the habit aside"),
        back=_url(pk),
        lead=_("%s: the first reminder and the call come on the plan's own days, whatever payments tell, until you count on it again.")
        % customer.name,
        icon="timer-off",
    )


@member(Permission.WORK, methods=WORK)
def habit_again(request: MemberRequest, pk: UUID) -> HttpResponse:
    customer = get_customer(pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda _data: count_on_habit(customer=customer, **acting(request))):
        return done(request, _("The habit of %s is counted on again.") % customer.name, _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Count on this habit again"),
        verb=_("Count on it"),
        back=_url(pk),
        lead=_("%s: the first reminder waits for the usual pay run again, as long as payments tell a habit.") % customer.name,
        icon="timer",
    )


@member(Permission.WORK, methods=WORK)
def insolvency(request: MemberRequest, pk: UUID) -> HttpResponse:
    customer = get_customer(pk)
    first = {
        "kind": customer.insolvency_kind,
        "opened_on": customer.insolvency_opened_on,
        "published_on": customer.insolvency_published_on,
    }
    form = InsolvencyForm(request.POST) if request.method == "POST" else InsolvencyForm(initial=first)
    if submitted(request, form, lambda data: record_insolvency(customer=customer, **data, **acting(request))):
        return done(request, _("The proceedings are entered: older debts are frozen, and the claim is to be declared."), _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Enter insolvency proceedings"),
        verb=_("Enter the judgment"),
        back=_url(pk),
        lead=_("%s: what was delivered before the judgment is frozen; new deliveries stay payable.") % customer.name,
        icon="gavel",
    )


@member(Permission.WORK, methods=WORK)
def end_insolvency(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The proceedings were entered by mistake, or are over."""
    customer = get_customer(pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: clear_insolvency(customer=customer, reason=data["reason"], **acting(request))):
        return done(request, _("The proceedings are removed: what was frozen is chased again."), _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Remove the insolvency proceedings"),
        verb=_("Remove the proceedings"),
        back=_url(pk),
        lead=_("%s: entered by mistake, or over. What was frozen becomes payable again.") % customer.name,
        icon="gavel",
    )


@member(Permission.WORK, methods=WORK)
def insolvency_split(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What of the account precedes the judgment (rule 12): a person says so, invoice by invoice, the unsure ones first."""
    customer = get_customer(pk)
    split = split_of(customer)
    if split is None:
        return redirect(_url(pk))
    seen = {item.invoice_id: item.invoice for item in (*split.unsure, *split.payable, *split.frozen)}
    given = {"invoices": list(seen.values())[:MOST_SPLIT], "opened_on": split.opened_on, "today": today_of(request)}
    form = SplitForm(request.POST, **given) if request.method == "POST" else SplitForm(**given)
    if submitted(request, form, lambda _data: confirm_split(customer=customer, delivered=form.delivered(), **acting(request))):
        return done(request, _("Noted: what was delivered before the judgment is frozen, what came after is payable."), _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("What was delivered before the judgment?"),
        verb=_("Note the days"),
        back=_url(pk),
        lead=_("%(customer)s, judgment of %(day)s. The day of the goods or of the service decides, not that of the invoice.")
        % {"customer": customer.name, "day": formatting.date_long(split.opened_on)},
        icon="gavel",
    )


@member(Permission.WORK, methods=WORK)
def withdraw(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What was announced will not follow."""
    found = Commitment.objects.select_related("installment__invoice", "customer").get(pk=pk)
    back = _url(found.customer_id)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: withdraw_commitment(commitment=found, reason=data["reason"], **acting(request))):
        return done(request, _("What was announced is withdrawn: it no longer holds the plan back."), back)
    announced = {
        "customer": found.customer.name,
        "number": found.installment.invoice.number,
        "consequence": found.get_consequence_display(),
        "day": formatting.date_long(found.due_on),
    }
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Withdraw what was announced"),
        verb=_("Withdraw it"),
        back=back,
        lead=_("%(customer)s, %(number)s: %(consequence)s, announced for %(day)s.") % announced,
        icon="undo-2",
    )


@member(Permission.WORK, methods=WORK)
def triage(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say what becomes of the customer's items that were old at the first import; `?invoice=` ticks that invoice's alone."""
    customer = get_customer(pk)
    old = {str(item.pk): item for item in open_items(customer_ids=[pk]).exclude(triage="")}
    choices = [(key, _old_item(item)) for key, item in old.items()]
    asked = request.GET.get("invoice", "")
    ticked = [key for key, item in old.items() if (str(item.invoice_id) == asked if asked else item.triage == TriageChoice.WAITING)]
    first = {"items": ticked}
    form = TriageForm(request.POST, choices=choices) if request.method == "POST" else TriageForm(choices=choices, initial=first)

    def act(data: dict[str, Any]) -> None:
        set_triage(installments=[old[key] for key in data["items"]], choice=data["choice"], **acting(request))

    if submitted(request, form, act):
        count = len(form.cleaned_data["items"])
        text = ngettext("One old invoice is decided: %(choice)s.", "%(count)s old invoices are decided: %(choice)s.", count)
        return done(request, text % {"count": count, "choice": TriageChoice(form.cleaned_data["choice"]).label}, _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Decide about old invoices"),
        verb=_("Decide"),
        back=_url(pk),
        lead=_("%s: these were more than 90 days overdue at the first import.") % customer.name,
        icon="list-checks",
    )


def _old_item(item: Installment) -> str:
    return _("%(number)s, %(amount)s, due %(day)s: %(choice)s") % {
        "number": item.invoice.number,
        "amount": formatting.money(item.outstanding, item.invoice.currency),
        "day": formatting.date_long(item.due_on),
        "choice": TriageChoice(item.triage).label,
    }


@member(Permission.WORK, methods=WORK)
def contact(request: MemberRequest, pk: UUID) -> HttpResponse:
    customer = get_customer(pk)
    form = ContactForm(request.POST) if request.method == "POST" else ContactForm()

    def act(data: dict[str, Any]) -> None:
        add_contact(customer=customer, **data, **acting(request))

    if submitted(request, form, act):
        return done(request, _("The contact is added at the end of the chain."), _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Add a contact"),
        verb=_("Add the contact"),
        back=_url(pk),
        lead=customer.name,
        icon="user-plus",
    )


@member(Permission.WORK, methods=WORK)
def statement(request: MemberRequest, pk: UUID) -> HttpResponse:
    customer = get_customer(pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda data: send_statement(customer=customer, **acting(request))):
        return done(request, _("The statement of the account is on its way."), _url(pk))
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Send the statement of this account"),
        verb=_("Send the statement"),
        back=_url(pk),
        lead=_("%s: every open item, by e-mail.") % customer.name,
        icon="send",
    )
