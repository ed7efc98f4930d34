"""What is wrong, and what is missing."""

from typing import Final

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.portal.forms.fields import AmountField, FilesField
from invoices.enums import DisputeReason

REASONS: Final = (
    (DisputeReason.UNIT_PRICE, _("The price is not the one agreed")),
    (DisputeReason.DISCOUNT, _("A discount is missing")),
    (DisputeReason.QUANTITY, _("The quantity is wrong")),
    (DisputeReason.DELIVERY, _("The delivery is incomplete or contested")),
    (DisputeReason.QUALITY, _("The quality is not what we ordered")),
    (DisputeReason.BILLED_TWICE, _("It is billed twice")),
    (DisputeReason.TOTAL, _("The total or the VAT is wrong")),
    (DisputeReason.ORDER_NUMBER, _("The order number is missing or wrong")),
    (DisputeReason.WRONG_RECIPIENT, _("It is not for our company")),
    (DisputeReason.PAYMENT_TERMS, _("The due date is not the one agreed")),
    (DisputeReason.OTHER, _("Something else")),
)
"""The reason codes a debtor can tell, in its own words."""


class DisputeForm(forms.Form):
    """A reason, an amount when it is not everything, words and files."""

    reason = forms.ChoiceField(
        label=_("What is wrong?"), choices=REASONS, widget=forms.RadioSelect, error_messages={"required": _("Choose what is wrong.")}
    )
    amount = AmountField(
        label=_("Disputed amount"), required=False, help_text=_("Leave it blank if you dispute all of it. The rest remains to be paid.")
    )
    text = forms.CharField(label=_("In your words"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))
    attached = FilesField(label=_("Files"), help_text=_("A delivery note, a photograph, a letter: PDF or pictures, 10 MB each at most."))

    def clean(self) -> None:
        if self.cleaned_data.get("reason") == DisputeReason.OTHER and not str(self.cleaned_data.get("text", "")).strip():
            self.add_error("text", _("Tell us in a few words what it is."))


class DocumentForm(forms.Form):
    """Which document is missing."""

    document = forms.CharField(
        label=_("What do you need?"),
        max_length=200,
        help_text=_("For instance the copy of an invoice, a delivery note, your signed order."),
        error_messages={"required": _("Tell us which document you need.")},
    )


class OrderNumberForm(forms.Form):
    """Their order number."""

    number = forms.CharField(label=_("Your order number"), max_length=60, error_messages={"required": _("Write the number of your order.")})
