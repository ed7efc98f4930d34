"""What is drawn up, read and signed on the page: an agreement to pay in instalments, a direct-debit mandate."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.core.signing import BadSignature, Signer
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.enums import PortalAction
from customers.services import offered_scheme
from dunning.core.errors import DomainError
from dunning.core.money import format_date
from dunning.portal.access import Visitor
from dunning.portal.acts import Act, Scope
from dunning.portal.forms.papers import READ, AccountForm, PaperForm, ScheduleForm
from invoices.models import Declaration, Installment
from invoices.services import refuse_plan
from scenarios.services import portal_agreements
from scenarios.services.mandates import DraftMandate, draft_mandate
from scenarios.services.payment_plans import Draft, draft_plan
from scenarios.services.portal import Speaker

CHANGE: Final = "change"
"""The button that leads from a paper back to what it was drawn up from."""


class Instalments(Act):
    action = PortalAction.INSTALMENTS
    name = "instalments"
    title = gettext_lazy("Pay in instalments")
    button = gettext_lazy("Sign this agreement")
    form_class = PaperForm
    first_class = ScheduleForm

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        latest = visitor.today + timedelta(days=visitor.profile.plan_first_within)
        return _("It is granted at once: choose the payments, the first by %s, then read and sign the agreement.") % format_date(
            latest, visitor.language
        )

    def closed(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        if len({item.customer_id for item in items}) > 1:
            return _("An agreement is made for one company: tick its invoices on the page before.")
        try:
            refuse_plan(installments=items, by_debtor=True, today=visitor.today)
        except DomainError as refusal:
            return refusal.message
        return ""

    def before(self, visitor: Visitor, items: Sequence[Installment], data: Any = None) -> forms.Form | None:
        form = ScheduleForm(data, profile=visitor.profile, today=visitor.today)
        if data is None or CHANGE in data:
            return form
        return None if _can_be_drawn(form, lambda: self._draft(visitor, items, form)) else form

    def form(self, visitor: Visitor, items: Sequence[Installment], data: Any = None, files: Any = None) -> PaperForm:
        schedule = ScheduleForm(data, profile=visitor.profile, today=visitor.today)
        accept = _("I have read this agreement and accept it for %s.") % items[0].customer.name
        return PaperForm(data, paper=self._draft(visitor, items, schedule), carried=_carried(schedule), accept=accept)

    def _draft(self, visitor: Visitor, items: Sequence[Installment], form: forms.Form) -> Draft:
        form.full_clean()
        return draft_plan(installments=[item.pk for item in items], **form.cleaned_data, language=visitor.language, today=visitor.today)

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        return portal_agreements.agree_on_instalments(
            speaker=speaker, draft=data["paper"], sha256=data[READ], name=data["name"], today=visitor.today, now=visitor.now
        )


class DirectDebit(Act):
    action = PortalAction.MANDATE
    name = "direct-debit"
    title = gettext_lazy("Pay by direct debit")
    button = gettext_lazy("Sign this mandate")
    form_class = PaperForm
    first_class = AccountForm
    unless_ticked = Scope.ACCOUNT

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("You authorise %s to collect what is due from your account. Nothing is debited before we have checked it with you.") % (
            visitor.profile.legal_name
        )

    def closed(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        if visitor.customer.insolvency_opened_on is not None:
            return _("Insolvency proceedings are open: a direct debit cannot be set up here.")
        try:
            offered_scheme(visitor.customer)
        except DomainError as refusal:
            return refusal.message
        return ""

    def before(self, visitor: Visitor, items: Sequence[Installment], data: Any = None) -> forms.Form | None:
        form = AccountForm(data, holder=visitor.customer.name[:70])
        if data is None or CHANGE in data:
            return form
        return None if _can_be_drawn(form, lambda: self._draft(visitor, form)) else form

    def form(self, visitor: Visitor, items: Sequence[Installment], data: Any = None, files: Any = None) -> PaperForm:
        account = AccountForm(data)
        draft = self._draft(visitor, account)
        carried = {**_carried(account), "reference": _signer(visitor).sign(draft.reference)}
        accept = _("I have read this mandate and sign it for %s.") % visitor.customer.name
        return PaperForm(data, paper=draft, carried=carried, accept=accept)

    def _draft(self, visitor: Visitor, form: forms.Form) -> DraftMandate:
        form.full_clean()
        try:
            reference = _signer(visitor).unsign(str(form.data.get("reference", "")))
        except BadSignature:
            reference = ""
        return draft_mandate(
            customer=visitor.customer, **form.cleaned_data, reference=reference, language=visitor.language, today=visitor.today
        )

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        return portal_agreements.sign_mandate(
            speaker=speaker, draft=data["paper"], sha256=data[READ], name=data["name"], today=visitor.today, now=visitor.now
        )


def _signer(visitor: Visitor) -> Signer:
    """A mandate's reference travels with its form: signed for whom it was drawn, so that nobody chooses one."""
    return Signer(salt=f"dunning.portal.mandate:{visitor.contact.pk}")


def _carried(form: forms.Form) -> dict[str, str]:
    return {name: str(form.data.get(name, "")) for name in form.fields}


def _can_be_drawn(form: forms.Form, draw: Callable[[], object]) -> bool:
    """Whether the paper can be drawn up from a valid form; why not is said in the form."""
    if not form.is_valid():
        return False
    try:
        draw()
    except DomainError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return False
    return True
