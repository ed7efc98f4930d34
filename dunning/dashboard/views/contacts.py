"""What customers gave on their page and a person checks: somebody they named, a direct-debit mandate they signed."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.enums import ContactRole, MandateState
from customers.models import Contact, Mandate
from customers.services import deactivate_contact, set_absence, update_contact
from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.acts import ContactForm, EmptyForm, ReasonForm
from dunning.dashboard.views.acts import WORK
from dunning.dashboard.views.base import MemberRequest, act_page, acting, acting_now, done, member, submitted
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from scenarios.services import mandates
from scenarios.services.other_contact import confirm_named


def _url(pk: UUID | None) -> str:
    return reverse("dashboard:customer", args=[pk]) if pk is not None else reverse("dashboard:today")


@member(Permission.WORK, methods=WORK)
def confirm(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Add who was named to the customer's contacts, and write to them now."""
    task = Task.objects.select_related("customer").get(pk=pk)
    if task.kind != TaskKind.CONFIRM_CONTACT or task.state != TaskState.OPEN:
        raise Http404
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    back = _url(task.customer_id)
    named = {"name": task.details["name"], "email": task.details["email"], "role": ContactRole(task.details["role"]).label}
    if submitted(request, form, lambda data: confirm_named(task=task, **acting(request))):
        return done(request, _("%(name)s is written to from now on, and receives the same message today.") % named, back)
    lead = _("%(name)s, %(email)s, %(role)s. Call the customer at a number you know before you write to a new address.") % named
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Write to this person"),
        verb=_("Confirm"),
        back=back,
        lead=lead,
        icon="user-plus",
    )


@member(Permission.WORK, methods=WORK)
def change(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Correct a contact."""
    contact = Contact.objects.select_related("customer").get(pk=pk, is_active=True)
    first = {"name": contact.name, "role": contact.role, "email": contact.email, "phone": contact.phone}
    form = ContactForm(request.POST) if request.method == "POST" else ContactForm(initial=first)
    if submitted(request, form, lambda data: update_contact(contact=contact, **data, **acting(request))):
        return done(request, _("The contact is changed; the next message goes where you said."), _url(contact.customer_id))
    lead = _("%s. With another e-mail address, links to the debtor’s page that went to the old one end.") % contact.customer.name
    title, verb = _("Change this contact"), _("Change it")
    return act_page(request, form, nav="customers", title=title, verb=verb, back=_url(contact.customer_id), lead=lead, icon="pencil")


@member(Permission.WORK, methods=WORK)
def end(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Write to this contact no more."""
    contact = Contact.objects.select_related("customer").get(pk=pk, is_active=True)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda data: deactivate_contact(contact=contact, **acting(request))):
        return done(request, _("%s is written to no more.") % contact, _url(contact.customer_id))
    others = Contact.objects.filter(customer=contact.customer_id, is_active=True).exclude(pk=pk).count()
    lead = _("%(name)s of %(customer)s receives nothing more, and links to the debtor’s page end; what was sent stays on file.")
    after = ngettext("One other contact stays.", "%(n)s other contacts stay.", others) if others else _("Nobody is left to write to then.")
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Write to this contact no more"),
        verb=_("Write no more"),
        back=_url(contact.customer_id),
        lead=f"{lead % {'name': contact, 'customer': contact.customer.name}} {after % {'n': formatting.number(others)}}",
        icon="mail-x",
    )


@member(Permission.WORK, methods=WORK)
def back(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The contact is not away after all."""
    contact = Contact.objects.select_related("customer").get(pk=pk, is_active=True)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    if submitted(request, form, lambda data: set_absence(contact=contact, until=None, **acting(request))):
        return done(request, _("%s is back: reminders go there again.") % contact, _url(contact.customer_id))
    lead = _("Friendly reminders no longer wait for the return of %s, nor go to somebody else.") % contact
    title, verb = _("End this absence"), _("Back already")
    return act_page(request, form, nav="customers", title=title, verb=verb, back=_url(contact.customer_id), lead=lead, icon="undo-2")


@member(Permission.WORK, methods=WORK)
def activate_mandate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put a mandate that was signed to use."""
    mandate = Mandate.objects.select_related("customer").get(pk=pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()
    back = _url(mandate.customer_id)
    if submitted(request, form, lambda data: mandates.activate(mandate=mandate, **acting(request))):
        return done(request, _("The mandate %s is in use.") % mandate.reference, back)
    return act_page(
        request,
        form,
        nav="customers",
        title=_("Put this mandate to use"),
        verb=_("It is right"),
        back=back,
        lead=_lead(mandate, _("From now on it pays by direct debit: what comes due is not reminded of before its collection.")),
        icon="landmark",
    )


@member(Permission.WORK, methods=WORK)
def revoke_mandate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End a mandate, whether it was checked or not."""
    mandate = Mandate.objects.select_related("customer").get(pk=pk)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    back = _url(mandate.customer_id)

    def act(data: dict[str, Any]) -> None:
        mandates.revoke(mandate=mandate, reason=data["reason"], **acting(request))

    if submitted(request, form, act):
        return done(request, _("The mandate %s may not be used any more.") % mandate.reference, back)
    then = _("It then pays by transfer again, and is reminded of what comes due.") if mandate.state == MandateState.ACTIVE else ""
    lead = _lead(mandate, then)
    return act_page(request, form, nav="customers", title=_("End this mandate"), verb=_("End it"), back=back, lead=lead, icon="ban")


@member(Permission.MANAGE)
def mandate_paper(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The mandate with the whole account number, for the bank; the audit trail notes who read it."""
    mandate = Mandate.objects.select_related("customer").get(pk=pk)
    content = mandates.full_mandate(mandate=mandate, organization=request.membership.organization, **acting_now(request))
    return answer_file(content, "application/pdf", f"{mandate.reference}.pdf")


def _lead(mandate: Mandate, then: str) -> str:
    """Whose account it is about, and what follows."""
    values = {
        "customer": mandate.customer.name,
        "scheme": mandate.get_scheme_display(),
        "account": mandate.iban_masked,
        "person": mandate.signatory,
    }
    about = _("%(customer)s: %(scheme)s on %(account)s, signed by %(person)s.") % values
    return f"{about} {then}".rstrip()
