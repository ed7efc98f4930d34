"""What people report of letters: the posting, and what the post says afterwards."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dunning.dashboard.forms.fields import DayField, WordsField
from notifications.enums import LetterProof, ProofKind


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


class LettersField(forms.Field):
    """The ticked letters of a list."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[UUID]:
        try:
            found = [UUID(str(pk)) for pk in value or ()]
        except ValueError:
            found = []
        if not found:
            raise ValidationError(_("Tick the letters that were posted."), code="required")
        return found


class PostManyForm(forms.Form):
    posted_on = DayField(label=_("Posted on"))
    letter = LettersField()
    pasted = WordsField(
        label=_("Registered numbers, pasted"),
        required=False,
        max_length=20_000,
        help_text=_("One a line, in the order of the ticked registered letters; a number typed beside a letter goes before."),
    )


class ProofFileForm(forms.Form):
    kind = forms.ChoiceField(label=_("What it is"), choices=ProofKind.choices, widget=forms.RadioSelect, initial=ProofKind.DEPOSIT)
    file = forms.FileField(label=_("File"), help_text=_("A PDF or a photo (JPEG or PNG), 10 MB at most."))
