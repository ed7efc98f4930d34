"""A reference rate that was published, in the settings."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.dashboard.forms.fields import RateField
from invoices.rates import Semester, Series
from invoices.selectors.rates import NAMES, semester_name


class RateForm(forms.Form):
    """The half-years offered are those of the list, and whichever was asked for."""

    series = forms.ChoiceField(label=_("Reference rate"))
    semester = forms.ChoiceField(label=_("Half-year"))
    rate = RateField(label=_("Rate, per cent a year"))
    source = forms.CharField(
        label=_("Where it was published"),
        max_length=200,
        help_text=_("Such as “ECB, key interest rates, read on 4 January 2027”: it stands behind every letter that claims this rate."),
    )

    def __init__(self, *args: Any, series: Sequence[Series], semesters: Sequence[Semester], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["series"].choices = [(one.value, NAMES[one]) for one in series]  # type: ignore[attr-defined]  # a choice field
        self.fields["semester"].choices = [(str(one), semester_name(one)) for one in semesters]  # type: ignore[attr-defined]  # a choice field
