"""Fields that speak the clerk's language: dates from the browser's calendar, amounts as they are written in French or English."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dunning.core.days import check_year
from dunning.core.money import TwoReadings, parse_decimal


class DayField(forms.DateField):
    """A day, by the browser's own calendar."""

    default_validators = [check_year]

    def __init__(self, *, when: str = "", **kwargs: Any) -> None:
        attributes = {"type": "date", **({"data-when": when} if when else {})}
        kwargs.setdefault("widget", forms.DateInput(format="%Y-%m-%d", attrs=attributes))
        super().__init__(**kwargs)


class MomentField(forms.DateTimeField):
    """A day and an hour on the organization's clock."""

    default_validators = [check_year]

    def __init__(self, *, when: str = "", **kwargs: Any) -> None:
        attributes = {"type": "datetime-local", **({"data-when": when} if when else {})}
        kwargs.setdefault("widget", forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs=attributes))
        super().__init__(**kwargs)


class AmountField(forms.Field):
    """An amount written in French or English, "1 840,25" or "1,840.25"; a Decimal, or None when left blank."""

    default_error_messages = {
        "invalid": _("Write an amount such as 1,840.25."),
        "two_readings": _("“%(text)s” may mean thousands or decimals: write %(whole)s for thousands, else two decimals at most."),
    }

    def __init__(self, *, when: str = "", **kwargs: Any) -> None:
        attributes = {"inputmode": "decimal", "autocomplete": "off", **({"data-when": when} if when else {})}
        kwargs.setdefault("widget", forms.TextInput(attrs=attributes))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Decimal | None:
        text = str(value or "").strip()
        if not text:
            return None
        if isinstance(value, Decimal):
            return value
        try:
            return self.read(text)
        except TwoReadings:
            params = {"text": text, "whole": text.replace(",", "").replace(".", "")}
            raise ValidationError(self.error_messages["two_readings"], code="two_readings", params=params) from None
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None

    def read(self, text: str) -> Decimal:
        return parse_decimal(text)


class RateField(AmountField):
    """A rate, a margin or a multiple, "2,65" or "2.655": nobody groups its thousands, so that its only sign separates decimals."""

    def read(self, text: str) -> Decimal:
        return parse_decimal(text, "," if "," in text else ".")


class WordsField(forms.CharField):
    """Some lines of text."""

    def __init__(self, *, rows: int = 3, when: str = "", **kwargs: Any) -> None:
        attributes: dict[str, Any] = {"rows": rows, **({"data-when": when} if when else {})}
        kwargs.setdefault("widget", forms.Textarea(attrs=attributes))
        super().__init__(**kwargs)
