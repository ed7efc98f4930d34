"""What a person wants to hear of, and how often by e-mail."""

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import DigestRhythm, NoticeKind


class NoticesForm(forms.Form):
    kinds = forms.MultipleChoiceField(
        label=_("Notices in the product"), choices=NoticeKind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    digest = forms.ChoiceField(
        label=_("The day by e-mail"),
        choices=DigestRhythm.choices,
        widget=forms.RadioSelect,
        help_text=_("What waits today and what left since, in the morning after the day’s run; never on a day you do not work."),
    )
