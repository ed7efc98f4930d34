"""An act about many rows as a page asks and tells it: what it would do, in sentences with counts and amounts; what it did; its return."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from dunning.core.models import Organization, User
from dunning.core.permissions import Permission
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.many import OwnerForm
from invoices.selectors.many import Part
from scenarios.services.many import When
from scenarios.services.plan_changes import Line


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows, and who asks when. `today` is the organization's date."""

    ids: Sequence[UUID]
    organization: Organization
    actor: str
    today: date
    now: datetime

    @property
    def when(self) -> When:
        return When(self.organization, self.actor, self.today, self.now)


class Act(ABC):
    """One act about the rows of `asked`. `told` says what it would do, `reach` to how many rows; what stays as it is is said too."""

    title: ClassVar[str | Promise]
    verb: ClassVar[str | Promise]
    icon: ClassVar[str]
    button: ClassVar[str | Promise]  # under the list
    permission: ClassVar[Permission] = Permission.WORK
    is_exact: ClassVar[bool] = True  # `reach` counts what will change, whatever is chosen
    looks: ClassVar[bool] = False  # what it would do depends on what is chosen: it is asked for once more, with `look`

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.reach = 0
        self.told: list[str] = []
        self.foreseen: Sequence[Line] = ()
        self.weigh()

    @abstractmethod
    def weigh(self) -> None:
        """Fill `reach` and `told`."""

    def form(self, *arguments: Any) -> forms.Form:
        return EmptyForm(*arguments)

    def stored(self, data: dict[str, Any]) -> dict[str, Any]:
        """What was chosen in the form, as the services take it: JSON."""
        return data

    def look(self, stored: Mapping[str, Any]) -> None:
        """Fill `told` and `foreseen` with what the choice would do. Raises DomainError."""
        return None

    @classmethod
    @abstractmethod
    def said(cls, count: int) -> str:
        """What was done to so many rows, in a sentence."""

    @classmethod
    @abstractmethod
    def back(cls, count: int) -> str:
        """What becomes of so many rows when it is taken back, in a sentence."""

    def tell(self, sentence: str, count: int) -> None:
        """Add a sentence when it is about any row."""
        if count:
            self.told.append(sentence)


class ToSomebody(Act):
    """It is put on the desk of one of `people`, or on nobody's."""

    @abstractmethod
    def people(self) -> list[User]:
        """Who may be chosen, by name."""

    def form(self, *arguments: Any) -> forms.Form:
        form = OwnerForm(*arguments, people=self.people())
        form.fields["owner"].label = _("To whom")
        return form

    def stored(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"assignee": str(data["owner"].pk) if data["owner"] is not None else None}


def part_words(part: Part) -> str:
    """`12 invoices of 7 customers, 184 220,00 €`."""
    words = _("%(items)s invoices of %(customers)s") if part.items != 1 else _("One invoice")
    said = words % {"items": formatting.number(part.items), "customers": formatting.customers(part.customers)}
    amount = amount_words(part.amounts)
    return f"{said}, {amount}" if amount else said


def amount_words(values: Mapping[str, Decimal]) -> str:
    return " + ".join(formatting.money(amount, currency) for currency, amount in values.items())


def with_count(words: str, count: int) -> str:
    """A sentence that may say `%(n)s`."""
    return words % {"n": formatting.number(count)}
