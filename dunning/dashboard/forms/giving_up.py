"""What an organization gives up, in its settings."""

from django import forms
from django.utils.translation import gettext_lazy as _


class PolicyForm(forms.Form):
    tolerance_amount = forms.DecimalField(
        label=_("Close differences of at most"),
        max_digits=6,
        decimal_places=2,
        localize=True,
        help_text=_(
            "In the invoice’s currency. What a payment or credit note leaves of an invoice is given up when it is no more than this, and no"
            " more than a tenth of the invoice. 0: never."
        ),
    )
    write_off_limit = forms.DecimalField(
        label=_("A collector may give up"),
        max_digits=14,
        decimal_places=2,
        localize=True,
        help_text=_("Of one invoice, in its currency, without asking. 0: owners and administrators alone give up amounts."),
    )
