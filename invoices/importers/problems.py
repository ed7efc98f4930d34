"""What can be wrong with a file, and with one row of it."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError, Unreadable
from dunning.core.money import format_money


class FileRefused(DomainError):
    """The file as a whole cannot be loaded; nothing was. The message says what to do.

    `field` is what answers it where there is a form: file, columns, order, sheet or settled. `remedy` answers it on the command line.
    """

    def __init__(self, message: str, *, field: str = "file", remedy: str = "") -> None:
        super().__init__(message, code="file_refused", field=field)
        self.remedy = remedy

    @property
    def for_command(self) -> str:
        """The message with the option that answers it."""
        return f"{self.message} {self.remedy}".strip()


class RowProblem(ValueError):
    """One row cannot be loaded: `column` is the field at fault ("" for the whole row)."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Problem:
    """Where a row fell, and why: `column` as the file calls it, a sentence for the person who made the file."""

    column: str
    reason: str


def in_words(error: Exception) -> str:
    """What an error says, in the reader's language."""
    return _(error.sentence) % error.values if isinstance(error, Unreadable) else str(error)


def amount_words(amount: Decimal, currency: str) -> str:
    """An amount in a sentence, in the reader's language."""
    return format_money(amount, currency, "fr" if (get_language() or "fr").startswith("fr") else "en")
