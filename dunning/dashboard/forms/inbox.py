"""What is done with replies, and how one is tried on the local post office."""

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.dashboard.forms.fields import DayField, WordsField
from dunning.dashboard.forms.payments import CustomerNumberField


class JoinForm(forms.Form):
    customer = CustomerNumberField(label=_("Customer number"))


class AwayForm(forms.Form):
    until = DayField(label=_("Back on"), help_text=_("Friendly reminders wait until the business day after; the others go on."))
    substitute = forms.ChoiceField(label=_("Who stands in"), required=False)

    def __init__(self, *args: object, others: list[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments
        self.fields["substitute"].choices = [("", _("Nobody: the reminders wait")), *others]  # type: ignore[attr-defined]  # a ChoiceField


class TrialForm(forms.Form):
    text = WordsField(label=_("What the customer answers"), required=False, rows=4, max_length=10_000)
