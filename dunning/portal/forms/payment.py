"""When it will be paid, and that it is paid."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from dunning.core.money import format_date
from dunning.portal.forms.fields import AmountField, DayField


class PromiseForm(forms.Form):
    """The day of the payment, and an amount when it is not everything."""

    promised_for = DayField(label=gettext_lazy("I will pay on"))
    amount = AmountField(
        label=gettext_lazy("Amount"), required=False, help_text=gettext_lazy("Leave it blank if you will pay all of these invoices.")
    )

    def __init__(self, *args: Any, today: date, days: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today, self.latest = today, today + timedelta(days=days)
        self.fields["promised_for"].widget.attrs.update({"min": today.isoformat(), "max": self.latest.isoformat()})

    def clean_promised_for(self) -> date:
        day: date = self.cleaned_data["promised_for"]
        if day < self.today:
            raise ValidationError(_("This day has passed: choose today or a later day. If it is paid, say so on the page before."))
        if day > self.latest:
            until = format_date(self.latest, (get_language() or "en")[:2])
            raise ValidationError(_("Here we can agree on a day until %s. For a later one, please call us or answer our e-mail.") % until)
        return day


class PaidForm(forms.Form):
    """What is needed to find a payment, and to know that it went to the right account."""

    paid_on = DayField(label=gettext_lazy("Paid on"))
    amount = AmountField(label=gettext_lazy("Amount"), required=False)
    reference = forms.CharField(
        label=gettext_lazy("Reference of your payment"),
        required=False,
        max_length=120,
        help_text=gettext_lazy("As it reads on your transfer order or cheque."),
    )
    credited_iban_end = forms.CharField(
        label=gettext_lazy("Last four characters of the account you paid to"),
        required=False,
        max_length=4,
        min_length=4,
        help_text=gettext_lazy("They end the IBAN on your transfer order. With them we make sure that your money went to us."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["paid_on"].widget.attrs["max"] = today.isoformat()

    def clean_paid_on(self) -> date:
        day: date = self.cleaned_data["paid_on"]
        if day > self.today:
            raise ValidationError(_("This day is still to come: choose “I will pay on…” on the page before."))
        return day

    def clean_credited_iban_end(self) -> str:
        return str(self.cleaned_data["credited_iban_end"]).upper().strip()
