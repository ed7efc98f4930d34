"""What is done with replies, and how one is tried on the local post office."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.dashboard.forms.fields import DayField, WordsField
from dunning.dashboard.forms.payments import CustomerNumberField
from invoices.models import Invoice
from notifications.rendering import LONGEST_SUBJECT
from scenarios.services.answering import LONGEST, Words


class JoinForm(forms.Form):
    customer = CustomerNumberField(label=_("Customer number"))


class AwayForm(forms.Form):
    until = DayField(label=_("Back on"), help_text=_("Friendly reminders wait until the business day after; the others go on."))
    substitute = forms.ChoiceField(label=_("Who stands in"), required=False)

    def __init__(self, *args: object, others: list[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments
        self.fields["substitute"].choices = [("", _("Nobody: the reminders wait")), *others]  # type: ignore[attr-defined]  # a ChoiceField


class ReplyAnswerForm(forms.Form):
    """`seen`: the last message of the exchange when the form was drawn, so that an answer to something else is noticed."""

    subject = forms.CharField(label=_("Subject"), max_length=LONGEST_SUBJECT)
    text = WordsField(
        label=_("Your answer"), rows=12, max_length=LONGEST, help_text=_("Plain text. Your organization’s signature follows.")
    )
    invoices = forms.MultipleChoiceField(label=_("Copies that go with it"), required=False, widget=forms.CheckboxSelectMultiple)
    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, copies: Sequence[Invoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["invoices"].choices = [(str(invoice.pk), invoice.number) for invoice in copies]  # type: ignore[attr-defined]  # the field made above
        if not copies:
            del self.fields["invoices"]

    def words(self) -> Words:
        """What a valid form says."""
        data = self.cleaned_data
        return Words(data["subject"], data["text"], tuple(UUID(pk) for pk in data.get("invoices", ())))


class TrialForm(forms.Form):
    text = WordsField(label=_("What the customer answers"), required=False, rows=4, max_length=10_000)
