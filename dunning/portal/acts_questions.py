"""Something is wrong, or missing."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.enums import PortalAction
from dunning.portal.access import Visitor
from dunning.portal.acts import Act, Scope
from dunning.portal.forms.questions import DisputeForm, DocumentForm, OrderNumberForm
from invoices.models import Declaration, Installment
from scenarios.services import portal
from scenarios.services.portal import Speaker


class Disputed(Act):
    action = PortalAction.DISPUTED
    name = "dispute"
    title = gettext_lazy("Something is wrong with it")
    button = gettext_lazy("Send this remark")
    form_class = DisputeForm
    unless_ticked = Scope.ONE

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("We look into it and answer you by a date we name. Until then you are not asked to pay what you dispute.")

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        return portal.dispute(
            speaker=speaker,
            items=[item.pk for item in items],
            reason=data["reason"],
            amount=data["amount"],
            text=data["text"],
            files=data["attached"],
            today=visitor.today,
            now=visitor.now,
        )


class DocumentAsked(Act):
    action = PortalAction.ASKED
    name = "document"
    title = gettext_lazy("I need a document")
    button = gettext_lazy("Ask for it")
    form_class = DocumentForm
    unless_ticked = Scope.ONE

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        if items and all(item.invoice.document_id for item in items):
            return _("The copy of each invoice is on the page before, as a PDF. Do you need something else?")
        return ""

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        ids = [item.pk for item in items]
        return portal.ask_for_document(speaker=speaker, items=ids, **data, today=visitor.today, now=visitor.now)


class OrderNumberGiven(Act):
    action = PortalAction.ASKED
    name = "order-number"
    title = gettext_lazy("Our order number is missing")
    button = gettext_lazy("Send this number")
    form_class = OrderNumberForm
    unless_ticked = Scope.ONE

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("Give us the number: we put it on the invoices and will not remind you of them meanwhile.")

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        ids = [item.pk for item in items]
        return portal.give_order_number(speaker=speaker, items=ids, **data, today=visitor.today, now=visitor.now)
