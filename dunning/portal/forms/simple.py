"""Forms that ask for one tick: a program that presses every button ticks nothing."""

from django import forms
from django.utils.translation import gettext_lazy as _


class TickForm(forms.Form):
    """One box that a person ticks."""

    tick = forms.BooleanField(label=_("I have checked the invoices listed above."), error_messages={"required": _("Tick this box first.")})
