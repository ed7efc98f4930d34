"""The days somebody can mean, wherever one is typed: the sums done with a day far outside these years leave the calendar."""

from datetime import date
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2100


def check_year(day: date) -> None:
    """For fields of forms, of days and of moments. Raises ValidationError."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValidationError(
            _("Check the year: this day lies outside the years %(first)s to %(last)s."),
            code="year",
            params={"first": FIRST_YEAR, "last": LAST_YEAR},
        )
