"""The settings of a way of sending, as its own description asks for them. Secrets are never shown: left blank they stay."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from notifications.models import ProviderAccount
from notifications.ways import Way, way_of


class WayForm(forms.Form):
    """The fields of one way, with what is set already when it is the one in use."""

    def __init__(self, way: Way, account: ProviderAccount | None, *arguments: Any) -> None:
        super().__init__(*arguments)
        is_in_use = account is not None and way_of(account) == way
        known = account.settings if account is not None and is_in_use else {}
        for asked in way.fields:
            if asked.fixed:
                continue
            keeps = is_in_use and asked.is_secret
            common: dict[str, Any] = {
                "label": asked.label,
                "help_text": _("Left blank, it stays as it is.") if keeps else asked.help_text,
                "required": asked.is_required and not keeps,
            }
            if asked.choices:
                self.fields[asked.name] = forms.ChoiceField(
                    choices=asked.choices, initial=known.get(asked.name, asked.choices[0][0]), **common
                )
            elif asked.is_secret:
                widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
                self.fields[asked.name] = forms.CharField(widget=widget, max_length=500, **common)
            else:
                self.fields[asked.name] = forms.CharField(initial=known.get(asked.name, ""), max_length=300, **common)


class TestForm(forms.Form):
    to = forms.CharField(label=_("Send it to"), max_length=254)
