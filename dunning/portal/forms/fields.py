"""Fields as debtors write: days in the browser's calendar or typed, amounts in French or English, several files at once."""

from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from dunning.core import documents
from dunning.core.days import check_year
from dunning.core.money import TwoReadings, parse_decimal
from dunning.portal import uploads

_TYPED: Final = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"]


class DayField(forms.DateField):
    """A day."""

    default_validators = [check_year]
    default_error_messages = {"invalid": _("Write a day such as 31/12/2026."), "required": _("Which day?")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            input_formats=_TYPED, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "off"}), **kwargs
        )


class AmountField(forms.Field):
    """An amount above zero, "1 840,25" or "1,840.25"; None when left blank."""

    default_error_messages = {
        "invalid": _("Write an amount such as 1,840.25."),
        "two_readings": _("“%(text)s” may mean thousands or decimals: write %(whole)s for thousands, else two decimals at most."),
        "positive": _("Write an amount above zero."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": "20"}), **kwargs)

    def to_python(self, value: Any) -> Decimal | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            amount = parse_decimal(text)
        except TwoReadings:
            params = {"text": text, "whole": text.replace(",", "").replace(".", "")}
            raise ValidationError(self.error_messages["two_readings"], code="two_readings", params=params) from None
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if not 0 < amount < 10**12:
            raise ValidationError(self.error_messages["positive"], code="positive")
        return amount


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Files, checked by what they are: a list of `documents.File`. Their number is judged with those kept from an earlier attempt."""

    widget = _FilesInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.good: list[documents.File] = []  # of the last that were given
        self.widget.attrs["accept"] = uploads.ACCEPTED

    def clean(self, data: Any, initial: Any = None) -> list[documents.File]:
        given = [upload for upload in (data if isinstance(data, list | tuple) else [data]) if isinstance(upload, UploadedFile)]
        found, errors = [], []
        for upload in given:
            try:
                found.append(uploads.check(upload))
            except uploads.Refused as refusal:
                errors.append(str(refusal))
        self.good = found
        if errors:
            raise ValidationError(errors)
        return found
