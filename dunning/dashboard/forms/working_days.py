"""Settings, working days: weekdays as boxes, days and periods a line each."""

from datetime import date, datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from dunning.core.calendars import ALSACE_MOSELLE
from dunning.core.days import check_year
from dunning.core.models import OrganizationProfile
from dunning.dashboard.forms.fields import WordsField

NONE: Final = "-"


class WorkingDaysForm(forms.Form):
    working_days = forms.TypedMultipleChoiceField(
        label=_("Days on which you work"),
        coerce=int,
        choices=list(WEEKDAYS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Work on one day of the week at least.")},
    )
    holidays = forms.ChoiceField(label=_("Public holidays"))
    closures = WordsField(
        label=_("Days on which you are closed"), required=False, max_length=6000, help_text=_("One day a line, such as 14/08/2027.")
    )
    soft_periods = WordsField(
        label=_("Soft periods"),
        required=False,
        max_length=600,
        help_text=_(
            "Every year, one a line: day and month of the first and of the last day, such as 01/08 - 21/08. Within one, friendly reminders "
            "go on, firm ones wait, and no term of a formal notice ends."
        ),
    )

    follows_habits = forms.BooleanField(
        label=_("Wait for good payers' habits"),
        required=False,
        help_text=_(
            "Who pays regularly a few days after the due date is reminded two working days before their usual day. Shown on the customer, "
            "where it can be set aside."
        ),
    )

    def __init__(self, *args: Any, profile: OrganizationProfile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        country = profile.holiday_country or profile.country
        kept = f"{country}-{profile.holiday_subdivision}" if profile.holiday_subdivision else country
        choices: dict[str, Any] = {country: _("Those of your country (%s)") % country}
        if country == "FR":
            choices[f"FR-{ALSACE_MOSELLE}"] = _("France with Alsace-Moselle (Good Friday, 26 December)")
        choices.setdefault(kept, kept)
        self.fields["holidays"].choices = [*choices.items(), (NONE, _("None: public holidays are days like others"))]  # type: ignore[attr-defined]  # a choice field

    def clean_closures(self) -> list[date]:
        return [_day(line) for line in _lines(self.cleaned_data["closures"])]

    def clean_soft_periods(self) -> list[str]:
        return [_period(line) for line in _lines(self.cleaned_data["soft_periods"])]

    def settings(self) -> dict[str, Any]:
        """What the service takes."""
        data = self.cleaned_data
        country, _dash, subdivision = ("", "", "") if data["holidays"] == NONE else data["holidays"].partition("-")
        kept = {name: data[name] for name in ("working_days", "closures", "soft_periods", "follows_habits")}
        return {**kept, "holiday_country": country, "holiday_subdivision": subdivision}


def initial_of(profile: OrganizationProfile) -> dict[str, Any]:
    """The settings as the form shows them."""
    subdivision = f"-{profile.holiday_subdivision}" if profile.holiday_subdivision else ""
    return {
        "working_days": profile.working_days,
        "holidays": f"{profile.holiday_country}{subdivision}" if profile.holiday_country else NONE,
        "closures": "\n".join(f"{day:%d/%m/%Y}" for day in profile.closures),
        "soft_periods": "\n".join(_shown(text) for text in profile.soft_periods),
        "follows_habits": profile.follows_habits,
    }


def _shown(period: str) -> str:
    first, last = period.split("/")
    return " - ".join(f"{day[3:]}/{day[:2]}" for day in (first, last))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _day(line: str) -> date:
    for shape in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            day = datetime.strptime(line, shape).date()
        except ValueError:
            continue
        check_year(day)
        return day
    raise ValidationError(_("“%(line)s” is not a day: write it as 14/08/2027."), params={"line": line[:40]})


def _period(line: str) -> str:
    parts = [part.strip() for part in line.replace("–", "-").replace("—", "-").split("-")]
    try:
        days = [datetime.strptime(f"{part}/2000", "%d/%m/%Y") for part in parts]
    except ValueError:
        days = []
    if len(days) != 2:
        raise ValidationError(_("“%(line)s” is not a period: write it as 01/08 - 21/08."), params={"line": line[:40]})
    return "/".join(f"{day:%m-%d}" for day in days)
