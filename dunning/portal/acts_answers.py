"""Received, accepted, not received."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.enums import PortalAction
from dunning.portal.access import Visitor
from dunning.portal.acts import Act, Scope
from dunning.portal.forms.simple import TickForm
from invoices.models import Declaration, Installment
from scenarios.services import portal
from scenarios.services.portal import Speaker


class Received(Act):
    action = PortalAction.RECEIVED
    name = "received"
    title = gettext_lazy("The invoices have arrived")
    button = gettext_lazy("Confirm receipt")
    form_class = TickForm

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("You confirm that you have received these invoices. It does not say yet that you agree with them.")

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        return portal.confirm_receipt(speaker=speaker, items=[item.pk for item in items], today=visitor.today, now=visitor.now)


class Accepted(Act):
    action = PortalAction.ACCEPTED
    name = "accepted"
    title = gettext_lazy("The invoices are right")
    button = gettext_lazy("Invoice received, conforms to our order")
    form_class = TickForm
    binds = True

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("You confirm that you have received these invoices and that they conform to your order.")

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        return portal.accept(speaker=speaker, items=[item.pk for item in items], today=visitor.today, now=visitor.now)


class NotReceived(Act):
    action = PortalAction.NOT_RECEIVED
    name = "not-received"
    unless_ticked = Scope.ONE
    title = gettext_lazy("We have not received it")
    button = gettext_lazy("Ask for the invoices again")
    form_class = TickForm

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        if items and all(item.invoice.document_id for item in items):
            return _("Each invoice can be saved as a PDF on the page before. If you have it now, confirm its receipt there instead.")
        return _("We send the invoices again to the address of this e-mail.")

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        return portal.say_not_received(speaker=speaker, items=[item.pk for item in items], today=visitor.today, now=visitor.now)
