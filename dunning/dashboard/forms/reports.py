"""What a person states for the reports: the sales of a month, and what is to be collected."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.core.models import User
from dunning.dashboard.forms.fields import AmountField


class _MonthForm(forms.Form):
    """A month among those offered (first day, words)."""

    month = forms.TypedChoiceField(label=_("Month"), coerce=date.fromisoformat)
    amount = AmountField(label=_("Amount"))
    currency = forms.CharField(label=_("Currency"), max_length=3, min_length=3)

    def __init__(self, *args: Any, months: Sequence[tuple[date, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # type: the field made above is a choice field, and the form knows it as a field
        self.fields["month"].choices = [(month.isoformat(), words) for month, words in months]  # type: ignore[attr-defined]

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()


class SalesForm(_MonthForm):
    amount = AmountField(label=_("Sales incl. VAT"), help_text=_("Invoices of the month less its credit notes."))


class TargetForm(_MonthForm):
    month = forms.TypedChoiceField(label=_("From"), coerce=date.fromisoformat)
    user = forms.ChoiceField(label=_("Whose target"), required=False)
    amount = AmountField(label=_("To collect each month"), help_text=_("It holds until another is set; 0 ends it."))
    field_order = ("user", "month", "amount", "currency")

    def __init__(self, *args: Any, people: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._people = {str(user.pk): user for user in people}
        choices = [("", _("The whole organization")), *((key, str(user)) for key, user in self._people.items())]
        self.fields["user"].choices = choices  # type: ignore[attr-defined]  # known of this kind of field

    def clean_user(self) -> User | None:
        return self._people.get(self.cleaned_data["user"])
