"""How the creditor looks to its customers."""

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.core.look import LARGEST_LOGO


class LookForm(forms.Form):
    accent_colour = forms.CharField(
        label=_("Colour"),
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "#1f3f77"}),
        help_text=_("Of buttons and links, as in your own charter: # and six digits. Left blank: dark blue."),
    )
    logo = forms.FileField(label=_("Logo"), required=False, help_text=_("PNG or JPEG, 200 kB at most."), allow_empty_file=True)
    keep_logo = forms.BooleanField(label=_("Show the logo"), required=False, initial=True)

    def clean_logo(self) -> bytes | None:
        """The bytes, cut just beyond what is allowed."""
        given = self.cleaned_data.get("logo")
        return given.read(LARGEST_LOGO + 1) if given else None
