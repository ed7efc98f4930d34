"""What a clerk notes about an item: a promise, a dispute, a pause, money, and the end of each."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.enums import ContactRole, InsolvencyKind
from dunning.dashboard import formatting
from dunning.dashboard.forms.fields import AmountField, DayField, WordsField
from invoices.enums import DisputeReason, DisputeState, HoldKind, HoldSide, PaymentMeans, TriageChoice, WriteOffKind
from invoices.models import Invoice
from invoices.schedules import Gap

MAX_PDF = 10 * 1024**2  # bytes: a copy goes with a letter, and a provider takes no more
PAUSES = (HoldKind.PAUSE, HoldKind.IN_VALIDATION, HoldKind.NEXT_PAY_RUN, HoldKind.DOCUMENT_OWED, HoldKind.CREDIT_NOTE_PENDING)
"""Pauses a person places by hand; the others follow from an act of their own."""


class EmptyForm(forms.Form):
    """A confirmation: nothing to fill in."""


class NoteForm(forms.Form):
    text = WordsField(label=_("What was said, and by whom"), required=False, max_length=1000)


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300, help_text=_("It stays on the timeline."))


class UndoForm(ReasonForm):
    everything = forms.BooleanField(label=_("For every invoice of the same answer"), required=False, initial=True)

    def __init__(self, *args: Any, others: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not others:
            del self.fields["everything"]


class PromiseForm(forms.Form):
    promised_for = DayField(label=_("Promised for"))
    amount = AmountField(label=_("Amount"), required=False, help_text=_("Left blank: all that is left to pay."))
    text = forms.CharField(label=_("What was said, and by whom"), required=False, max_length=300)
    beyond_policy = forms.BooleanField(label=_("Accept a date beyond our usual limit"), required=False)


class DisputeForm(forms.Form):
    reason = forms.ChoiceField(label=_("What is contested"), choices=[("", "—"), *DisputeReason.choices])
    amount = AmountField(label=_("Contested amount"), required=False, help_text=_("Left blank: the whole invoice. The rest stays due."))
    text = WordsField(label=_("In the customer's words"), required=False, max_length=2000)
    answer_due_on = DayField(
        label=_("We answer by"), required=False, help_text=_("Left blank: five business days. The customer is told this date today.")
    )


class CloseDisputeForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("How does it end?"),
        choices=[choice for choice in DisputeState.choices if choice[0] != DisputeState.OPEN],
        widget=forms.RadioSelect,
    )
    credit_amount = AmountField(
        label=_("Credit note to issue"), required=False, when=DisputeState.ACCEPTED, help_text=_("Left blank: what was contested.")
    )
    text = WordsField(label=_("Our answer to the customer"), required=False, max_length=2000)
    send = forms.BooleanField(label=_("Send this answer to the customer"), required=False)


class HoldForm(forms.Form):
    kind = forms.ChoiceField(label=_("Why"), choices=[(kind.value, kind.label) for kind in PAUSES])
    side = forms.ChoiceField(
        label=_("Who acts next"),
        choices=HoldSide.choices,
        widget=forms.RadioSelect,
        initial=HoldSide.THEIRS,
        required=False,
        help_text=_("Waiting for the customer, it resumes by itself on that day. Waiting for us, it never does."),
    )
    ends_on = DayField(label=_("Until"), help_text=_("Thirty days at most."))
    amount = AmountField(label=_("Amount of the credit note"), required=False, help_text=_("Only for a credit note to issue."))
    reason = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ends_on"].initial = today + timedelta(days=7)

    def clean_side(self) -> str:
        """The side is a choice for a pause by hand alone: other kinds have theirs."""
        return str(self.cleaned_data["side"]) if self.data.get("kind") == HoldKind.PAUSE else ""


class RenewHoldForm(forms.Form):
    ends_on = DayField(label=_("Until"), help_text=_("Thirty days at most."))
    reason = forms.CharField(label=_("Reason"), max_length=300)


class FileForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=[("copy", _("The copy of the invoice")), ("delivery", _("The proof of delivery"))],
        widget=forms.RadioSelect,
        initial="copy",
    )
    file = forms.FileField(
        label=_("File"), help_text=_("A PDF of 10 MB at most."), widget=forms.FileInput(attrs={"accept": "application/pdf"})
    )

    def clean_file(self) -> Any:
        """The uploaded file. Raises ValidationError unless it is a PDF of a size that can go with a letter."""
        file = self.cleaned_data["file"]
        if file.size > MAX_PDF:
            raise forms.ValidationError(_("This file is larger than 10 MB."))
        if file.read(5) != b"%PDF-":
            raise forms.ValidationError(_("This file is not a PDF."))
        file.seek(0)
        return file


class ItemPaymentForm(forms.Form):
    amount = AmountField(label=_("Amount received"))
    received_on = DayField(label=_("Value date"))
    means = forms.ChoiceField(label=_("Means"), choices=PaymentMeans.choices)
    reference_text = forms.CharField(label=_("Reference"), required=False, max_length=200)


class WriteOffForm(forms.Form):
    amount = AmountField(label=_("Amount given up"), required=False, help_text=_("Left blank: all that is left to pay."))
    kind = forms.ChoiceField(label=_("Why"), choices=[("", "—"), *WriteOffKind.choices])
    reason = forms.CharField(label=_("Note"), max_length=200, help_text=_("It stays on the timeline."))


class CreditNoteForm(forms.Form):
    number = forms.CharField(label=_("Number of the credit note"), max_length=40)
    issued_on = DayField(label=_("Issued on"))
    gross = AmountField(label=_("Amount, VAT included"))


class TriageForm(forms.Form):
    items = forms.MultipleChoiceField(
        label=_("Invoices"), widget=forms.CheckboxSelectMultiple, error_messages={"required": _("Tick at least one invoice.")}
    )
    choice = forms.ChoiceField(
        label=_("What becomes of them?"),
        choices=[choice for choice in TriageChoice.choices if choice[0] != TriageChoice.WAITING],
        widget=forms.RadioSelect,
        help_text=_("Only what is chased is asked for; the rest stays out of every plan until you decide otherwise."),
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["items"].choices = choices  # type: ignore[attr-defined]  # the field made above


class InstalmentsForm(forms.Form):
    items = forms.MultipleChoiceField(
        label=_("Invoices"), widget=forms.CheckboxSelectMultiple, error_messages={"required": _("Tick at least one invoice.")}
    )
    count = forms.IntegerField(label=_("How many parts"), min_value=2, max_value=24, initial=3)
    first_on = DayField(label=_("The first is paid on"))
    gap = forms.ChoiceField(
        label=_("The others follow"),
        choices=[(Gap.MONTH.value, _("every month")), (Gap.FORTNIGHT.value, _("every two weeks")), (Gap.WEEK.value, _("every week"))],
    )
    name = forms.CharField(
        label=_("Agreed with"), max_length=120, help_text=_("The person at the customer's; the agreement is sent to be signed.")
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["items"].choices = choices  # type: ignore[attr-defined]  # the field made above


class InsolvencyForm(forms.Form):
    kind = forms.ChoiceField(label=_("Proceedings"), choices=[("", "—"), *InsolvencyKind.choices])
    opened_on = DayField(label=_("Opening judgment of"))
    published_on = DayField(label=_("Published (BODACC) on"), required=False, help_text=_("The time to declare the claim runs from it."))


class PenaltiesInvoicedForm(forms.Form):
    number = forms.CharField(label=_("Number of their invoice"), max_length=60)
    on = DayField(label=_("Invoiced on"))


class SplitForm(forms.Form):
    """A day of delivery for each open invoice of a customer in proceedings."""

    def __init__(self, *args: Any, invoices: Sequence[Invoice], opened_on: date, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        for invoice in invoices:
            said = _("%(number)s of %(day)s") % {"number": invoice.number, "day": formatting.date_long(invoice.issued_on)}
            self.fields[str(invoice.pk)] = DayField(
                label=_("%(invoice)s, delivered on") % {"invoice": said},
                required=False,
                initial=invoice.delivered_on,
                help_text="" if invoice.delivered_on or invoice.issued_on < opened_on else _("Not known: nothing is asked for."),
            )

    def clean(self) -> dict[str, Any]:
        days: dict[str, Any] = super().clean() or {}
        for name, day in list(days.items()):
            if day is not None and day > self.today:
                self.add_error(name, _("This day is still to come."))
        return days

    def delivered(self) -> dict[UUID, date]:
        """The days that were entered, by invoice."""
        return {UUID(name): day for name, day in self.cleaned_data.items() if day is not None}


class ContactForm(forms.Form):
    name = forms.CharField(label=_("Name"), required=False, max_length=120)
    role = forms.ChoiceField(label=_("Role"), choices=ContactRole.choices)
    email = forms.CharField(label=_("E-mail"), required=False, max_length=254, widget=forms.EmailInput)
    phone = forms.CharField(label=_("Telephone"), required=False, max_length=32, widget=forms.TextInput(attrs={"type": "tel"}))
