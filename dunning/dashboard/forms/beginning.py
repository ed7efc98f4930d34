"""The first hour: what is confirmed about customers, addresses pasted from a spreadsheet."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from customers.selectors import get_customer_by_number
from dunning.core.errors import DomainError
from dunning.dashboard.forms.fields import WordsField


class OthersField(forms.CharField):
    """Customers by number, separated by spaces, commas or semicolons; a list of them."""

    def clean(self, value: object) -> list[Customer]:
        text = super().clean(value)
        try:
            return [get_customer_by_number(number) for number in re.split(r"[\s,;]+", text) if number]
        except DomainError as refusal:
            raise forms.ValidationError(refusal.message) from None


class ConfirmForm(forms.Form):
    factor = forms.CharField(label=_("Name of the factor"), max_length=120, required=False)
    others = OthersField(
        label=_("Others, by customer number"), max_length=2000, required=False, help_text=_("Several are separated by spaces.")
    )

    def __init__(self, *arguments: object, asks_factor: bool) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # the data, if there is any
        if not asks_factor:
            del self.fields["factor"]


class AddressesForm(forms.Form):
    text = WordsField(
        label=_("Customer number and e-mail"),
        rows=8,
        max_length=400_000,
        help_text=_("Two columns copied from a spreadsheet: one customer a line."),
    )
