"""Keys of the API: what one may read and change, how long it opens, and how long an old one goes on."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django import forms
from django.forms.boundfield import BoundWidget
from django.utils.translation import gettext_lazy as _

from dunning.core.scopes import ALL, READ, READ_ONLY, WRITE, ApiResource
from dunning.dashboard.forms.fields import DayField

SOME = "some"


class ScopeRow(NamedTuple):
    """The boxes of one resource; `write` is None for what can only be read."""

    label: str
    read: BoundWidget
    write: BoundWidget | None


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        label=_("What uses it"), max_length=80, help_text=_("Your accounting software, say: you will know the key by this name.")
    )
    which = forms.ChoiceField(
        label=_("What it may do"),
        choices=[(READ, _("Read everything")), (WRITE, _("Read and change everything")), (SOME, _("Only what I tick"))],
        widget=forms.RadioSelect,
        initial=READ,
    )
    scopes = forms.MultipleChoiceField(
        label=_("What I tick"), required=False, choices=[(scope, scope) for scope in ALL], widget=forms.CheckboxSelectMultiple
    )
    expires_at = DayField(
        label=_("Last day on which it opens"), required=False, help_text=_("Left blank: it opens until somebody revokes it.")
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("which") == SOME and not cleaned.get("scopes") and "scopes" not in self.errors:
            self.add_error("scopes", _("Tick at least one box."))
        return cleaned

    @property
    def wanted(self) -> list[str]:
        """The scopes chosen, or the one word that stands for all of them."""
        which: str = self.cleaned_data["which"]
        return list(self.cleaned_data["scopes"]) if which == SOME else [which]

    def rows(self) -> Sequence[ScopeRow]:
        """The boxes to tick, a resource a row."""
        boxes = {box.data["value"]: box for box in self["scopes"].subwidgets}
        return [
            ScopeRow(
                str(resource.label),
                boxes[f"{resource.value}:{READ}"],
                None if resource in READ_ONLY else boxes[f"{resource.value}:{WRITE}"],
            )
            for resource in ApiResource
        ]


class RotateKeyForm(forms.Form):
    days = forms.TypedChoiceField(
        label=_("How long does the old key still open?"),
        coerce=int,
        choices=[
            (7, _("Seven days: programs change over one by one")),
            (1, _("One day")),
            (30, _("Thirty days")),
            (0, _("Not at all: somebody may have seen the key")),
        ],
        widget=forms.RadioSelect,
        initial=7,
    )

    @property
    def overlap(self) -> timedelta:
        return timedelta(days=self.cleaned_data["days"])
