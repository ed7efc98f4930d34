"""What a person found out about a message whose sending nobody could confirm."""

from django import forms
from django.utils.translation import gettext_lazy as _

LEFT = "left"


class SettleForm(forms.Form):
    fate = forms.ChoiceField(
        label=_("What does the provider’s journal say?"),
        choices=[(LEFT, _("It left: it counts as sent")), ("stayed", _("It did not leave: it is sent again"))],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label=_("Where you saw it"), required=False, max_length=300)
