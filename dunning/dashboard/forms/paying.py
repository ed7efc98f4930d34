"""Settings of how customers pay: the account, who may change it, and what is offered beside a transfer."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import MandateScheme
from dunning.core.models import OrganizationProfile, User
from dunning.core.paying import BOUNDS
from dunning.dashboard.forms.fields import WordsField


class PasswordForm(forms.Form):
    """An act that needs the person themselves, not only their open session. Whoever has no password confirms by their session alone."""

    password = forms.CharField(
        label=_("Your password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=_("So that nobody does this from a screen left open."),
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        if not person.has_usable_password():
            del self.fields["password"]

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not self.person.check_password(password):
            raise forms.ValidationError(_("This is not your password. Nothing was changed."), code="wrong_password")
        return password


class BankForm(PasswordForm):
    iban = forms.CharField(label=_("New IBAN"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))
    holder = forms.CharField(label=_("Account holder"), max_length=70)
    bic = forms.CharField(label=_("BIC"), max_length=11, required=False)
    bank_name = forms.CharField(label=_("Bank"), max_length=80, required=False)
    reason = forms.CharField(
        label=_("Why it changes"), max_length=300, help_text=_("Whoever confirms it reads this, and it stays in the audit trail.")
    )

    field_order = ("iban", "holder", "bic", "bank_name", "reason", "password")


class FirstBankForm(PasswordForm):
    iban = forms.CharField(label=_("IBAN"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))
    account_holder = forms.CharField(label=_("Account holder"), max_length=70)
    bic = forms.CharField(label=_("BIC"), max_length=11, required=False)
    bank_name = forms.CharField(label=_("Bank"), max_length=80, required=False)

    field_order = ("iban", "account_holder", "bic", "bank_name", "password")


class RefuseBankForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300, help_text=_("It stays in the audit trail."))


def _figure(name: str, **kwargs: Any) -> forms.IntegerField:
    least, most = BOUNDS[name]
    return forms.IntegerField(min_value=least, max_value=most, widget=forms.NumberInput(attrs={"class": "field-short"}), **kwargs)


class InstalmentsForm(forms.Form):
    plans_offered = forms.BooleanField(
        label=_("Customers may agree on instalments by themselves"),
        required=False,
        help_text=_("Never for insured or factored invoices, during insolvency, nor after a promise or a plan that was not kept."),
    )
    plan_most_parts = _figure("plan_most_parts", label=_("At most so many parts"))
    plan_first_within = _figure("plan_first_within", label=_("The first within so many days"))
    plan_most_days = _figure("plan_most_days", label=_("The last within so many days"))


class ChequesForm(forms.Form):
    cheques_offered = forms.BooleanField(label=_("Customers may pay by cheque"), required=False)
    cheque_order = forms.CharField(
        label=_("To the order of"), max_length=70, required=False, help_text=_("Left blank: the name of your company.")
    )
    cheque_address = WordsField(
        label=_("Sent to"), max_length=300, required=False, help_text=_("Left blank: the address of your company. One line each.")
    )


class MandatesForm(forms.Form):
    mandate_scheme = forms.ChoiceField(
        label=_("Mandates customers may sign on their page"),
        required=False,
        widget=forms.RadioSelect,
        choices=[("", _("None")), *MandateScheme.choices],
        help_text=_("Under the B2B scheme a debit cannot be taken back, and the customer must register the mandate with their bank first."),
    )
    creditor_identifier = forms.CharField(
        label=_("SEPA creditor identifier (ICS)"), max_length=35, required=False, help_text=_("Your bank gave it to you: FR72ZZZ123456.")
    )


class CardForm(PasswordForm):
    """The keys of the service that takes cards: never shown, and whoever changes them diverts money, so that a session is not enough."""

    api_key = forms.CharField(
        label=_("Secret key of Stripe"),
        max_length=300,
        required=False,
        help_text=_("sk_live_… or, better, a restricted key rk_live_… that may write Checkout Sessions. With a test key no money moves."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    signing_secret = forms.CharField(
        label=_("Signing secret of its reports"),
        max_length=300,
        required=False,
        help_text=_("whsec_…: Stripe shows it once the address of the page before is entered there. Until then customers see no button."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    field_order = ("api_key", "signing_secret", "password")

    def __init__(self, *args: Any, person: User, known: Collection[str], **kwargs: Any) -> None:
        """`known`: the names of the keys that are kept already."""
        super().__init__(*args, person=person, **kwargs)
        self.fields["api_key"].required = "api_key" not in known
        for name in known:
            self.fields[name].help_text = _("Left blank, it stays as it is.")


FORMS = {"instalments": InstalmentsForm, "cheques": ChequesForm, "mandates": MandatesForm}
"""The parts of the page of ways of paying, by the last part of their address."""


def initial_of(profile: OrganizationProfile, form: type[forms.Form]) -> dict[str, Any]:
    """What is set now, for the fields of a form."""
    return {name: getattr(profile, name) for name in form.base_fields}
