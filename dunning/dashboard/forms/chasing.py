"""The figures an organization chases by, in its settings: penalties, thresholds, supervision."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import PenaltyMode
from dunning.dashboard.forms.fields import AmountField, DayField, RateField


class PenaltyForm(forms.Form):
    penalty_mode = forms.ChoiceField(label=_("What your conditions of sale say"), choices=PenaltyMode.choices)
    penalty_value = RateField(
        label=_("Rate, margin or multiple"),
        required=False,
        help_text=_("Per cent a year, points over the ECB rate, or how many times the legal rate. Blank where nothing is agreed."),
    )
    penalty_lift_to_floor = forms.BooleanField(
        label=_("Where that is below three times the legal rate, claim three times the legal rate"),
        required=False,
        help_text=_("Off: what your conditions say is claimed, and the pages warn. Ask your counsel before you claim more than they say."),
    )


class ThresholdsForm(forms.Form):
    acceptance_threshold = AmountField(
        label=_("Ask whether it was received and accepted from"),
        help_text=_("Of an invoice; a customer’s first three are asked about anyway."),
    )
    residue_amount = AmountField(
        label=_("Do not chase what is left of a partly paid invoice up to"), help_text=_("At most 100, in the invoice’s currency.")
    )
    residue_percent = forms.IntegerField(label=_("or up to, in per cent of the invoice"), min_value=0, max_value=10)
    promise_share_percent = forms.IntegerField(
        label=_("A promise pauses the whole invoice from, in per cent of it"),
        min_value=1,
        max_value=100,
        help_text=_("A smaller one pauses its own amount alone."),
    )
    promise_tolerance_days = forms.IntegerField(label=_("Working days before a promise counts as broken"), min_value=0, max_value=15)
    promise_max_days = forms.IntegerField(label=_("Days ahead a promise may reach"), min_value=1, max_value=90)


class SupervisionForm(forms.Form):
    until = DayField(
        label=_("Every message waits for a person until"),
        required=False,
        help_text=_("That day included. Blank: messages leave by themselves, legal ones excepted."),
    )


def as_text(data: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the profile takes it."""
    return {name: "" if value is None else str(value) for name, value in data.items()}
