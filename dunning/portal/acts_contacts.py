"""Not me, ask somebody else."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.enums import PortalAction
from dunning.portal.access import Visitor
from dunning.portal.acts import Act
from dunning.portal.forms.contacts import OtherContactForm
from invoices.models import Declaration, Installment
from scenarios.services import portal_agreements
from scenarios.services.portal import Speaker


class Redirected(Act):
    action = PortalAction.REDIRECTED
    name = "other-contact"
    title = gettext_lazy("I am not the right person")
    button = gettext_lazy("Write to this person")
    form_class = OtherContactForm

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        return _("Tell us who is in charge of these invoices: our message goes to them.")

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        return portal_agreements.name_other(
            speaker=speaker,
            items=[item.pk for item in items],
            message_id=visitor.link.message_id,
            **data,
            today=visitor.today,
            now=visitor.now,
        )
