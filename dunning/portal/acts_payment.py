"""I will pay on…, and it is paid."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.enums import PortalAction
from dunning.portal.access import Visitor
from dunning.portal.acts import Act
from dunning.portal.forms.payment import PaidForm, PromiseForm
from invoices.models import Declaration, Installment
from invoices.selectors import takes_no_promise
from scenarios.services import portal
from scenarios.services.portal import Speaker


class Promised(Act):
    action = PortalAction.PROMISED
    name = "promise"
    title = gettext_lazy("I will pay on…")
    button = gettext_lazy("Announce this payment")
    form_class = PromiseForm
    binds = True

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("We note the day. Until then we will not remind you of the amount you announce.")

    def closed(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        if takes_no_promise(visitor.family):
            return _("Two earlier promises were not kept: please call us to agree on a date.")
        return super().closed(visitor, items)

    def form(self, visitor: Visitor, items: Sequence[Installment], data: Any = None, files: Any = None) -> forms.Form:
        return PromiseForm(data, today=visitor.today, days=visitor.profile.promise_max_days)

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        ids = [item.pk for item in items]
        return portal.promise(speaker=speaker, items=ids, **data, today=visitor.today, now=visitor.now)


class SaysPaid(Act):
    action = PortalAction.SAYS_PAID
    name = "paid"
    title = gettext_lazy("It is paid")
    button = gettext_lazy("Send this information")
    form_class = PaidForm

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("Thank you. With the day and the reference of your payment we will find it.")

    def form(self, visitor: Visitor, items: Sequence[Installment], data: Any = None, files: Any = None) -> forms.Form:
        return PaidForm(data, today=visitor.today)

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        ids = [item.pk for item in items]
        return portal.say_paid(speaker=speaker, items=ids, **data, today=visitor.today, now=visitor.now)
