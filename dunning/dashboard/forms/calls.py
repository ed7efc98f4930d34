"""A call, as the caller notes it: the outcome, what that outcome needs, and the invoices that were spoken of."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.enums import ContactRole, InsolvencyKind
from dunning.dashboard.forms.fields import AmountField, DayField, MomentField, WordsField
from invoices.enums import DisputeReason
from invoices.models import Installment
from scenarios.enums import CallOutcome
from scenarios.outcomes import CALL_EFFECTS


def needing(*names: str) -> str:
    """The outcomes that need one of these particulars: their field is shown only then."""
    return " ".join(outcome.value for outcome, effect in CALL_EFFECTS.items() if set(names) & set(effect.needs))


ORDER: Final = (
    CallOutcome.PROMISE,
    CallOutcome.PARTIAL_PROMISE,
    CallOutcome.PAYMENT_SENT,
    CallOutcome.NEXT_PAY_RUN,
    CallOutcome.IN_VALIDATION,
    CallOutcome.DISPUTE,
    CallOutcome.NO_ANSWER,
    CallOutcome.VOICEMAIL,
    CallOutcome.CALL_BACK,
    CallOutcome.INVOICE_NOT_RECEIVED,
)
"""The outcomes heard most often come first."""
CHOICES: Final = [(outcome.value, outcome.label) for outcome in (*ORDER, *(other for other in CallOutcome if other not in ORDER))]


class CallForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("How did it go?"), choices=CHOICES, widget=forms.RadioSelect, error_messages={"required": _("Say what the call brought.")}
    )
    date = DayField(label=_("Which day?"), required=False, when=needing("date"))
    at = MomentField(label=_("When shall we call back?"), required=False, when=needing("at"))
    amount = AmountField(label=_("Which amount?"), required=False, when=f"{needing('amount')} dispute")
    reason = forms.ChoiceField(
        label=_("What is contested?"),
        choices=[("", "—"), *DisputeReason.choices],
        required=False,
        widget=forms.Select(attrs={"data-when": needing("reason")}),
    )
    kind = forms.ChoiceField(
        label=_("Which proceedings were opened?"),
        choices=[("", "—"), *InsolvencyKind.choices],
        required=False,
        widget=forms.Select(attrs={"data-when": needing("kind")}),
    )
    document = forms.CharField(
        label=_("Which document?"), required=False, max_length=120, widget=forms.TextInput(attrs={"data-when": needing("document")})
    )
    payer = forms.CharField(
        label=_("Which company pays?"), required=False, max_length=200, widget=forms.TextInput(attrs={"data-when": needing("payer")})
    )
    reference = forms.CharField(
        label=_("Reference of the payment"), required=False, max_length=120, widget=forms.TextInput(attrs={"data-when": "payment_sent"})
    )
    credited_iban_end = forms.CharField(
        label=_("Last four characters of the account they paid"),
        required=False,
        max_length=4,
        widget=forms.TextInput(attrs={"data-when": "payment_sent"}),
        help_text=_("If they are not ours, everything to this customer stops: it may be a fraud."),
    )
    new_name = forms.CharField(
        label=_("Who is in charge?"), required=False, max_length=120, widget=forms.TextInput(attrs={"data-when": needing("contact")})
    )
    new_email = forms.CharField(
        label=_("Their e-mail"), required=False, max_length=254, widget=forms.EmailInput(attrs={"data-when": needing("contact")})
    )
    new_phone = forms.CharField(
        label=_("Their telephone"),
        required=False,
        max_length=32,
        widget=forms.TextInput(attrs={"type": "tel", "data-when": needing("contact")}),
    )
    items = forms.MultipleChoiceField(
        label=_("Invoices spoken of"), required=False, widget=forms.CheckboxSelectMultiple, help_text=_("None ticked: every overdue one.")
    )
    person = forms.CharField(label=_("Who answered"), required=False, max_length=120)
    note = WordsField(label=_("Note"), required=False, max_length=2000, help_text=_("Your own words; they stay on file."))

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["items"].choices = choices  # type: ignore[attr-defined]  # the field made above

    def details(self) -> dict[str, Any]:
        """What the outcome needs, as the service reads it; a new contact only when one was named."""
        data = self.cleaned_data
        names = ("date", "at", "amount", "reason", "kind", "document", "payer", "reference", "credited_iban_end", "person")
        given = {name: data[name] for name in names if data.get(name)}
        person = {"name": data["new_name"], "email": data["new_email"], "phone": data["new_phone"]}
        known = {name: value for name, value in person.items() if value}
        return {**given, "new_contact": {**known, "role": ContactRole.OTHER.value}} if known else given


def item_choices(items: Sequence[Installment], words: Any) -> list[tuple[str, str]]:
    """The open invoices of a customer as ticks; `words(item)` says each."""
    return [(str(item.pk), words(item)) for item in items]


class NoteForm(forms.Form):
    note = WordsField(label=_("Note"), required=False, max_length=2000)


class PostponeForm(forms.Form):
    until = DayField(label=_("Show it again on"))
