"""A text as it is written: its words, what plans must know of it, and on whom it is looked at."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import WRITTEN_CHANNELS, Channel, Language, Phase
from dunning.dashboard.forms.fields import WordsField
from notifications.placeholders import LONGEST_TEMPLATE
from scenarios.plan_files import TextContent


class TextForm(forms.Form):
    """One text in one language. `seen` is the version its author read, 0 for none."""

    subject = forms.CharField(label=_("Subject"), max_length=600)
    body = WordsField(label=_("Text"), max_length=LONGEST_TEMPLATE, rows=18, strip=False)
    phase = forms.TypedChoiceField(
        label=_("How hard it presses"),
        choices=Phase.choices,
        coerce=lambda value: Phase(int(value)),
        help_text=_("A step may not be milder than its text."),
    )
    requires = forms.MultipleChoiceField(
        label=_("Earlier steps it cites"), required=False, widget=forms.CheckboxSelectMultiple, help_text=_("Plans must require them too.")
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, channel: str, steps: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if channel == Channel.SMS:
            del self.fields["subject"]
        self.fields["requires"].choices = list(steps)  # type: ignore[attr-defined]  # a choice field

    def clean_body(self) -> str:
        """Line ends as the product writes them."""
        return str(self.cleaned_data["body"]).replace("\r\n", "\n").strip()

    def to_text(self, *, key: str, channel: str, language: str, variant: str) -> TextContent:
        """The text as filled in."""
        data = self.cleaned_data
        return TextContent(
            key=key,
            channel=Channel(channel),
            language=language,
            variant=variant,
            phase=data["phase"],
            subject=data.get("subject", ""),
            body=data["body"],
            requires=tuple(data["requires"]),
        )


class NewTextForm(forms.Form):
    """Where a new text is to stand."""

    key = forms.SlugField(label=_("Its short name"), max_length=60, help_text=_("Lower-case letters, figures, - and _: plans name it so."))
    channel = forms.ChoiceField(label=_("Channel"), choices=[choice for choice in Channel.choices if choice[0] in WRITTEN_CHANNELS])
    language = forms.ChoiceField(label=_("Language"), choices=Language.choices)
    like = forms.ChoiceField(label=_("It starts with the words of"), required=False)

    def __init__(self, *args: Any, texts: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["like"].choices = [("", "—"), *texts]  # type: ignore[attr-defined]  # a choice field

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"])
        if key != key.lower():
            raise forms.ValidationError(_("Write it in lower-case letters."))
        return key
