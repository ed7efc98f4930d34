"""What people report of letters: the posting, and what the post says afterwards."""

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.dashboard.forms.fields import DayField
from notifications.enums import LetterProof


class PostingForm(forms.Form):
    posted_on = DayField(label=_("Posted on"))
    tracking_number = forms.CharField(
        label=_("Registered number"), required=False, max_length=40, help_text=_("As printed on the receipt; a registered letter needs it.")
    )


class ProofForm(forms.Form):
    proof = forms.ChoiceField(
        label=_("What the post reports"),
        choices=[choice for choice in LetterProof.choices if choice[0] != LetterProof.POSTED],
        widget=forms.RadioSelect,
    )
    on = DayField(label=_("On"))
