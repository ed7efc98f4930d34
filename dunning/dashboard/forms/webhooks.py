"""Webhooks: where to call about what, how long an old secret goes on, and what is sent again."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from dunning.core.event_types import CATALOGUE, SUBJECTS, TEST
from dunning.dashboard.forms.fields import DayField

ALL, SOME = "all", "some"


def event_choices() -> list[tuple[str, Sequence[tuple[str, Any]]]]:
    """Every event a webhook may hear of, under its subject: its name, and what it means."""
    grouped: dict[str, list[tuple[str, Any]]] = {}
    for entry in CATALOGUE.values():
        if entry.name != TEST:
            words = format_html("<span>{}<code>{}</code></span>", entry.meaning, entry.name)
            grouped.setdefault(str(SUBJECTS[entry.subject].label), []).append((entry.name, words))
    return list(grouped.items())


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=_("Address to call"),
        max_length=500,
        help_text=_("An https address of yours, such as https://example.com/webhooks. It must answer within 15 seconds."),
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(label=_("What it is for"), max_length=200, required=False)
    which = forms.ChoiceField(
        label=_("What it hears of"),
        choices=[(ALL, _("Everything that happens, also what will be added later")), (SOME, _("Only what I tick"))],
        widget=forms.RadioSelect,
        initial=ALL,
    )
    types = forms.MultipleChoiceField(
        label=_("Events"), required=False, choices=event_choices, widget=forms.CheckboxSelectMultiple(attrs={"data-when": SOME})
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("which") == SOME and not cleaned.get("types") and "types" not in self.errors:
            self.add_error("types", _("Tick at least one event."))
        return cleaned

    @property
    def wanted(self) -> list[str]:
        """The types ticked; none when it hears of everything."""
        return list(self.cleaned_data["types"]) if self.cleaned_data["which"] == SOME else []


class RotateForm(forms.Form):
    hours = forms.TypedChoiceField(
        label=_("How long is the old secret still good?"),
        coerce=int,
        choices=[
            (24, _("One day: each call carries both signatures meanwhile")),
            (168, _("Seven days")),
            (0, _("Not at all: somebody may have seen it")),
        ],
        widget=forms.RadioSelect,
        initial=24,
    )


class ReplayForm(forms.Form):
    since = DayField(label=_("Given up since"))
