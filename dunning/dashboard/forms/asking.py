"""What is said to finance about a customer, and what finance answers."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.dashboard.forms.fields import DayField, WordsField
from invoices.enums import DisputeState


class PositionForm(forms.Form):
    text = WordsField(
        label=_("What is true of it"), max_length=2000, help_text=_("Who closes the dispute reads it; the customer does not.")
    )
    position = forms.ChoiceField(
        label=_("How should it end?"),
        required=False,
        choices=[
            ("", _("I cannot say")),
            (DisputeState.ACCEPTED, _("The customer is right")),
            (DisputeState.REJECTED, _("The customer is not right")),
        ],
        widget=forms.RadioSelect,
    )


class AskForm(forms.Form):
    ends_on = DayField(
        label=_("Until"), help_text=_("Thirty days at most. If nobody answers by then, the request lapses and nothing was held.")
    )
    reason = forms.CharField(label=_("Why should reminders wait?"), max_length=300)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ends_on"].initial = today + timedelta(days=7)


class AnswerForm(forms.Form):
    grants = forms.TypedChoiceField(
        label=_("Is it granted?"),
        choices=[("yes", _("Yes: pause it")), ("no", _("No: reminders go on"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )
    ends_on = DayField(label=_("Until"), required=False, help_text=_("Left blank: the day that was asked for."))
    answer = forms.CharField(label=_("Answer"), required=False, max_length=300, help_text=_("Who asked reads it. A refusal needs one."))
