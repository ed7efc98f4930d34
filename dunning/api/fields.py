"""The values the API speaks of, each with one form: how it is read strictly, how it is written, what the documentation says of it.

Nothing is guessed: a number where a text is expected is refused, so that what a caller meant is never in doubt.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from dunning.core.days import FIRST_YEAR, LAST_YEAR

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d{1,10}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_BUT_LINES: Final = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f\ud800-\udfff]")

OUT_OF_RANGE: Final = "out_of_range"
"""The code of a value that can be read and cannot be used: the call is refused (422), not unreadable (400)."""

Schema = dict[str, Any]


class Value(serializers.Field):  # type: ignore[type-arg]  # generic only in the stubs
    """One value. `convert` writes what the database gave (None: as it is); `from_query` reads it from an address."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": _("This field is missing, and the call needs it."),
        "null": _("null means nothing here: give a value, or leave the field out."),
    }
    convert: Callable[[Any], Any] | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._spectacular_annotation = {"field": self.schema()}

    def schema(self) -> Schema:
        """What OpenAPI says of it."""
        raise NotImplementedError

    def from_query(self, text: str) -> Any:
        """Raises rest_framework's ValidationError."""
        return self.run_validation(text)

    def to_representation(self, value: Any) -> Any:
        return value if self.convert is None else self.convert(value)


class Text(Value):
    """Characters. `lines` lets them stand on several lines; spaces around are not kept."""

    default_error_messages = {
        "invalid": _("A text is expected here, in quotation marks."),
        "blank": _("This text is empty and must not be."),
        "max_length": _("At most {most} characters are kept here; these are {length}."),
        "control": _("This text holds control characters: send plain text."),
    }

    def __init__(self, *, max_length: int | None = None, allow_blank: bool = True, lines: bool = False, **kwargs: Any) -> None:
        self.max_length, self.allow_blank, self.lines = max_length, allow_blank, lines
        super().__init__(**kwargs)

    def schema(self) -> Schema:
        bounds: Schema = {"maxLength": self.max_length} if self.max_length else {}
        if not self.allow_blank:
            bounds["minLength"] = 1
        plain = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*" if self.lines else r"[^\x00-\x1f\x7f]*"
        pattern = f"^{plain}$" if self.allow_blank else rf"^{plain}[^\s\x00-\x1f\x7f]{plain}$"
        return {"type": "string", "pattern": pattern, **bounds}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if not self.allow_blank and not data.strip():
            self.fail("blank")
        if self.max_length and len(data) > self.max_length:
            self.fail("max_length", most=self.max_length, length=len(data))
        if (_CONTROL_BUT_LINES if self.lines else _CONTROL).search(data):
            self.fail("control")
        return data.strip()


class Word(Value):
    """One of a few words."""

    default_error_messages = {"invalid_choice": _("“{value}” is not one of: {known}.")}

    def __init__(self, choices: Collection[str], **kwargs: Any) -> None:
        self.choices = [str(choice) for choice in choices]
        super().__init__(**kwargs)

    def schema(self) -> Schema:
        return {"type": "string", "enum": [*self.choices, *([None] if self.allow_null else [])]}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            shown = "…" if isinstance(data, (list, dict)) else str(data)[:40]
            self.fail("invalid_choice", value=shown, known=", ".join(choice or '""' for choice in self.choices))
        return data


def money_text(amount: Decimal) -> str:
    """An amount as the API writes it: "1200.00"."""
    return f"{amount:.2f}"


class Amount(Value):
    """Money in the main unit of its currency, as a text: no digit is lost on the way."""

    default_error_messages = {"invalid": _('Write the amount as a text with a point, such as "1200.50".')}
    convert = staticmethod(str)

    def __init__(self, *, whole_digits: int = 10, places: int = 2, **kwargs: Any) -> None:
        self.pattern = re.compile(rf"-?\d{{1,{whole_digits}}}(\.\d{{1,{places}}})?", re.ASCII)
        super().__init__(**kwargs)

    def schema(self) -> Schema:
        return {"type": "string", "format": "decimal", "pattern": f"^{self.pattern.pattern}$"}

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not self.pattern.fullmatch(data):
            self.fail("invalid")
        return Decimal(data)


class Day(Value):
    """A date, without a time: 2026-12-31."""

    default_error_messages = {
        "invalid": _('Write the day as a text such as "2026-12-31".'),
        OUT_OF_RANGE: _("This day lies outside the years {first} to {last}."),
    }
    convert = staticmethod(date.isoformat)

    def schema(self) -> Schema:
        return {"type": "string", "format": "date"}

    def to_internal_value(self, data: Any) -> date:
        day = self._read(data)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail(OUT_OF_RANGE, first=FIRST_YEAR, last=LAST_YEAR)
        return day

    def from_query(self, text: str) -> date:
        """Outside the years in which anything is, the nearest day inside."""
        return min(max(self._read(text), date(FIRST_YEAR, 1, 1)), date(LAST_YEAR, 12, 31))

    def _read(self, data: Any) -> date:
        if not isinstance(data, str) or not _DAY.fullmatch(data):
            self.fail("invalid")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")


def moment_text(moment: datetime) -> str:
    """A moment as the API writes it: in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Moment(Value):
    """A date with its time and zone: 2026-12-31T09:00:00Z."""

    default_error_messages = {
        "invalid": _('Write the moment with its zone, as a text such as "2026-12-31T09:00:00Z".'),
        OUT_OF_RANGE: _("This moment lies outside the years {first} to {last}."),
    }
    convert = staticmethod(moment_text)

    def schema(self) -> Schema:
        return {"type": "string", "format": "date-time"}

    def to_internal_value(self, data: Any) -> datetime:
        moment = self._read(data)
        if not FIRST_YEAR < moment.year < LAST_YEAR:
            self.fail(OUT_OF_RANGE, first=FIRST_YEAR, last=LAST_YEAR)
        return moment

    def from_query(self, text: str) -> datetime:
        """Outside the years in which anything is, the nearest moment inside."""
        moment = self._read(text)
        if FIRST_YEAR < moment.year < LAST_YEAR:
            return moment
        return datetime(FIRST_YEAR if moment.year <= FIRST_YEAR else LAST_YEAR, 1, 1, tzinfo=UTC)

    def _read(self, data: Any) -> datetime:
        if not isinstance(data, str) or not _MOMENT.fullmatch(data):
            self.fail("invalid")
        try:
            return datetime.fromisoformat(data.upper())
        except ValueError:
            self.fail("invalid")


class Hour(Value):
    """A time of day on the organization's clock: 09:00:00."""

    convert = staticmethod(time.isoformat)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^\d{2}:\d{2}:\d{2}$"}


class Uid(Value):
    """An identifier the API gave."""

    default_error_messages = {"invalid": _("Write the identifier as the API gave it, such as “01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10”.")}
    convert = staticmethod(str)

    def schema(self) -> Schema:
        return {"type": "string", "format": "uuid"}

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            self.fail("invalid")
        return UUID(data)


class Count(Value):
    """A whole number."""

    default_error_messages = {"invalid": _("A whole number from {least} to {most} is expected here.")}

    def __init__(self, *, least: int = 0, most: int = 2_147_483_647, **kwargs: Any) -> None:
        self.least, self.most = least, most
        super().__init__(**kwargs)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def to_internal_value(self, data: Any) -> int:
        whole = isinstance(data, Decimal) and self.least <= data <= self.most and data == data.to_integral_value()  # 30.0 is one
        if not whole and (isinstance(data, bool) or not isinstance(data, int) or not self.least <= data <= self.most):
            self.fail("invalid", least=self.least, most=self.most)
        return int(data)

    def from_query(self, text: str) -> int:
        found: int = self.run_validation(int(text) if _WHOLE.fullmatch(text) else text)
        return found


class Flag(Value):
    """true or false."""

    default_error_messages = {"invalid": _("true or false is expected here.")}

    def schema(self) -> Schema:
        return {"type": "boolean"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def from_query(self, text: str) -> bool:
        found: bool = self.run_validation({"true": True, "false": False}.get(text, text))
        return found


class Named(Word):
    """A word that is stored as a number: `{number: word}`."""

    def __init__(self, words: Mapping[int, str], **kwargs: Any) -> None:
        self.words = dict(words)
        super().__init__(list(self.words.values()), **kwargs)
        self.convert = self.words.__getitem__


class Open(Value):
    """A JSON object of its own kind."""

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": True}


class Several(Value):
    """A list of values of one kind, of `least` to `most` entries where a caller sends it."""

    default_error_messages = {
        "invalid": _("A list is expected here, in square brackets."),
        "max_length": _("At most {most} entries are taken here; these are {length}."),
    }

    def __init__(self, child: Value, *, most: int | None = None, least: int = 0, **kwargs: Any) -> None:
        self.child, self.most, self.least = child, most, least
        super().__init__(**kwargs)
        if child.convert is not None:
            convert = child.convert
            self.convert = lambda values: [convert(value) for value in values]

    def schema(self) -> Schema:
        bounds = {} if self.most is None else {"minItems": self.least, "maxItems": self.most}
        return {"type": "array", "items": self.child.schema(), **bounds}

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("invalid")
        if self.most is not None and len(data) > self.most:
            self.fail("max_length", most=self.most, length=len(data))
        if len(data) < self.least:
            self.fail("required")
        found, wrong = [], {}
        for position, value in enumerate(data):
            try:
                found.append(self.child.run_validation(value))
            except serializers.ValidationError as error:
                wrong[position] = error.detail
        if wrong:
            raise serializers.ValidationError(wrong)  # type: ignore[arg-type]  # positions are names
        return found
