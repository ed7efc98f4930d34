"""Inviting people, their roles, and what somebody who joins says."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import Role

ROLES = [
    (Role.OWNER, _("Owner: everything, owners included")),
    (Role.ADMIN, _("Administrator: everything but owners")),
    (Role.COLLECTOR, _("Collector: calls, promises, disputes, payments, and letting messages leave")),
    (Role.SALES, _("Sales: sees the customers they look after, answers their disputes, asks for pauses")),
    (Role.VIEWER, _("Viewer: reads everything")),
]


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial=Role.COLLECTOR, widget=forms.RadioSelect)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, widget=forms.RadioSelect)


class CallsForm(forms.Form):
    calls_per_day = forms.IntegerField(
        label=_("Calls a day"), required=False, min_value=1, max_value=500, help_text=_("Their list stops there; empty: no limit.")
    )


class RemoveForm(forms.Form):
    """Nothing to fill in: the page says what happens."""


class JoinForm(forms.Form):
    """A new account for the invitation's address."""

    name = forms.CharField(label=_("Your name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        help_text=_("At least 12 characters."),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Password, once more"), max_length=200, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", _("The two passwords differ."))
        elif data.get("password"):
            try:
                validate_password(data["password"])
            except ValidationError as error:
                self.add_error("password", error)
        return data
