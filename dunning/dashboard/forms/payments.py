"""Money that came in: a receipt entered by hand, whose it is, and through which day receipts are known."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from customers.selectors import get_customer_by_number
from dunning.core.errors import DomainError
from dunning.dashboard.forms.fields import AmountField, DayField
from invoices.enums import PaymentMeans


class CustomerNumberField(forms.CharField):
    """A customer by its number; the customer, or None when left blank."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"autocomplete": "off"}))
        super().__init__(max_length=40, **kwargs)

    def clean(self, value: Any) -> Customer | None:
        number = super().clean(value)
        if not number:
            return None
        try:
            return get_customer_by_number(number)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.message) from None


class PaymentForm(forms.Form):
    customer = CustomerNumberField(
        label=_("Customer number"), required=False, help_text=_("Left blank: found by the invoice its reference names, else unidentified.")
    )
    amount = AmountField(label=_("Amount received"))
    currency = forms.CharField(label=_("Currency"), max_length=3, min_length=3)
    received_on = DayField(label=_("Value date"))
    means = forms.ChoiceField(label=_("Means"), choices=PaymentMeans.choices)
    payer_name = forms.CharField(label=_("Payer"), required=False, max_length=140)
    reference_text = forms.CharField(label=_("Reference"), required=False, max_length=200, help_text=_("What the payer wrote."))

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()


class IdentifyForm(forms.Form):
    customer = CustomerNumberField(label=_("Customer number"))
    settle = forms.BooleanField(label=_("Set it against what it pays; otherwise it stays on account"), required=False, initial=True)


class LedgerForm(forms.Form):
    through = DayField(label=_("Receipts are entered until"), help_text=_("Reminders only speak of what these receipts have not paid."))
