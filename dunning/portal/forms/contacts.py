"""Who is in charge."""

from typing import Final

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.enums import ContactRole

ROLES: Final = (
    (ContactRole.ACCOUNTING, pgettext_lazy("works in", "Accounting")),
    (ContactRole.INVOICING_SERVICE, pgettext_lazy("works in", "The office that receives invoices")),
    (ContactRole.FINANCE_MANAGER, pgettext_lazy("works in", "Financial management")),
    (ContactRole.PURCHASING, pgettext_lazy("works in", "Purchasing")),
    (ContactRole.MANAGEMENT, pgettext_lazy("works in", "Management")),
    (ContactRole.OTHER, pgettext_lazy("works in", "Something else")),
)


class OtherContactForm(forms.Form):
    """The name, address and place of the person to write to."""

    name = forms.CharField(
        label=_("Their first and last name"), max_length=120, error_messages={"required": _("Write the name of the person in charge.")}
    )
    email = forms.CharField(
        label=_("Their e-mail address"),
        max_length=254,
        error_messages={"required": _("Write their e-mail address.")},
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Where do they work?"),
        choices=ROLES,
        initial=ContactRole.ACCOUNTING,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose where this person works.")},
    )
