"""What is asked before a paper can be drawn up, and the paper itself, read and signed with one's name."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, Protocol

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from dunning.core.models import OrganizationProfile
from dunning.portal.forms.fields import DayField
from invoices.schedules import Gap

READ: Final = "sha256"
"""The hidden field that says which words were read; a form without it has not been shown any yet."""
GAPS: Final = ((Gap.WEEK, _("every week")), (Gap.FORTNIGHT, _("every two weeks")), (Gap.MONTH, _("every month")))
_MOST: Final = 12


def _counts(most: int) -> list[tuple[int, Any]]:
    return [(number, ngettext_lazy("%d payment", "%d payments", number) % number) for number in range(2, most + 1)]


class Paper(Protocol):
    """Words drawn up to be signed."""

    @property
    def text(self) -> str: ...

    @property
    def sha256(self) -> str: ...


class PaperForm(forms.Form):
    """A paper's signature; `carried` is what the paper was drawn up from, sent along unseen."""

    name = forms.CharField(
        label=_("Your first and last name"),
        max_length=120,
        error_messages={"required": _("Write your name: it is your signature.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    tick = forms.BooleanField(error_messages={"required": _("Tick this box to accept.")})

    def __init__(self, data: Any = None, *, paper: Paper, carried: Mapping[str, str], accept: str) -> None:
        super().__init__(data if data is not None and READ in data else None)
        self.paper = paper
        self.carried = {**carried, READ: paper.sha256}
        self.fields["tick"].label = accept

    @property
    def text(self) -> str:
        return self.paper.text

    def clean(self) -> None:
        self.cleaned_data["paper"] = self.paper
        self.cleaned_data[READ] = str(self.data.get(READ, ""))


class ScheduleForm(forms.Form):
    """How many instalments, from when on, how far apart: within what the creditor offers."""

    count = forms.TypedChoiceField(
        label=_("In how many payments?"),
        coerce=int,
        choices=_counts(_MOST),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose in how many payments.")},
    )
    first_on = DayField(label=_("First payment on"))
    gap = forms.ChoiceField(
        label=_("The next ones"), choices=GAPS, widget=forms.RadioSelect, error_messages={"required": _("Choose how far apart they are.")}
    )

    def __init__(self, data: Any = None, *, profile: OrganizationProfile, today: date) -> None:
        latest = today + timedelta(days=profile.plan_first_within)
        super().__init__(data, initial={"count": profile.plan_most_parts, "first_on": latest, "gap": Gap.MONTH})
        self.fields["count"].choices = _counts(profile.plan_most_parts)  # type: ignore[attr-defined]  # known of this kind of field
        self.fields["first_on"].widget.attrs.update({"min": today.isoformat(), "max": latest.isoformat()})


class AccountForm(forms.Form):
    """The account to debit. What is no IBAN, or lies where no debit goes, the service says."""

    holder = forms.CharField(
        label=_("Holder of the account"),
        max_length=70,
        error_messages={"required": _("Write the holder of the account.")},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    iban = forms.CharField(
        label=_("IBAN of the account to debit"),
        max_length=60,
        help_text=_("It stands on your bank's account details, such as FR76 3000 …"),
        error_messages={"required": _("Write the IBAN of the account to debit.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    bic = forms.CharField(
        label=_("BIC"), max_length=20, required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"})
    )

    def __init__(self, data: Any = None, *, holder: str = "") -> None:
        super().__init__(data, initial={"holder": holder})
