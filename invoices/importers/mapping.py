"""Which column is which: named by a person, remembered from the last file of its kind, or known by its heading in French or English."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext as _

from invoices.importers.problems import FileRefused
from invoices.importers.words import compact

IGNORE = "-"  # `--map "Column=-"`: this column is nothing of ours
Explicit = Mapping[str, str] | Mapping[int, str] | Mapping[str | int, str]
"""Columns a person named, by heading or by place (0 is the first), each with its field or IGNORE."""


class Shape(StrEnum):
    """What the cells of a field hold."""

    TEXT = "text"
    CODE = "code"  # a number or code: an identifier, never an amount
    DATE = "date"
    AMOUNT = "amount"
    CURRENCY = "currency"
    INTEGER = "integer"
    CHOICE = "choice"
    TERMS = "terms"
    EMAILS = "emails"
    PHONE = "phone"  # as it stands: which country it is read in, the loader knows
    IBAN = "iban"
    SIREN = "siren"
    SIRET = "siret"
    VAT_NUMBER = "vat_number"
    COUNTRY = "country"
    LANGUAGE = "language"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Field:
    """Something a column can hold. `names`: the headings it is known by, the surest first; `longest` in characters."""

    name: str
    shape: Shape
    names: tuple[str, ...]
    required: bool = False  # the column must exist
    longest: int = 200
    choices: Mapping[str, str] = field(default_factory=dict)  # folded word -> value
    keys: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(dict.fromkeys([compact(self.name), *(compact(name) for name in self.names)])))


@dataclass(frozen=True, slots=True)
class Columns:
    """The outcome: field name → index, the headings, and those that mean nothing here."""

    index: Mapping[str, int]
    heading: Sequence[str]
    ignored: tuple[str, ...]
    unwanted: tuple[int, ...] = ()

    def title(self, name: str) -> str:
        """What the file calls a field ("" when it has no such column)."""
        position = self.index.get(name)
        return "" if position is None else self.heading[position]

    def remembered(self) -> dict[str, str]:
        return {self.heading[position]: name for name, position in self.index.items()}

    def refused(self) -> dict[str, str]:
        """The columns a person said are nothing of ours, as they are remembered."""
        return {self.heading[position]: IGNORE for position in self.unwanted if self.heading[position]}


def heading_key(heading: Sequence[str]) -> str:
    """What makes two headings the same set of columns, in any order: a short fingerprint."""
    return hashlib.blake2b("\n".join(sorted(compact(title) for title in heading)).encode(), digest_size=8).hexdigest()


def recogniser(fields: Iterable[Field], explicit: Explicit, remembered: Mapping[str, str]) -> "_Recogniser":
    """A counter of known headings in a row: how a heading is told from a title or a row of data."""
    known = {key for item in fields for key in item.keys}
    known.update(compact(column) for column in [*explicit, *remembered] if isinstance(column, str))
    return _Recogniser(frozenset(known))


@dataclass(frozen=True, slots=True)
class _Recogniser:
    known: frozenset[str]

    def __call__(self, cells: list[str]) -> int:
        return sum(1 for cell in set(cells) if cell and len(cell) < 80 and compact(cell) in self.known)


@dataclass
class Guess:
    """What is known of a heading: field → place, the places settled, those that are nothing of ours, and the headings that stand twice."""

    index: dict[str, int] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    unwanted: set[int] = field(default_factory=set)
    remembered: set[int] = field(default_factory=set)
    doubled: list[str] = field(default_factory=list)
    missing: list[Field] = field(default_factory=list)


def guess(heading: Sequence[str], fields: Sequence[Field], *, explicit: Explicit, remembered: Mapping[str, str]) -> Guess:
    """Give each field its column. `explicit` wins over `remembered` (column → field), which wins over the known names.

    Raises FileRefused when a column or field named by a person does not exist, or is named twice; what is missing is listed.
    """
    found = Guess()
    positions: dict[str, list[int]] = {}
    for position, title in enumerate(heading):
        positions.setdefault(compact(title), []).append(position)
    names = [item.name for item in fields]
    _take_explicit(found, heading, names, positions, explicit)
    for column, name in remembered.items():
        places = positions.get(compact(column), [])
        if len(places) != 1 or places[0] in found.settled or name in found.index:
            continue
        if name == IGNORE:
            found.unwanted.add(places[0])
        elif name in names:
            found.index[name] = places[0]
        else:
            continue
        found.settled.add(places[0])
        found.remembered.add(places[0])
    for item in fields:
        if item.name not in found.index:
            _recognise(item, positions, heading, found)
    found.missing = [item for item in fields if item.required and item.name not in found.index]
    return found


def _take_explicit(
    found: Guess, heading: Sequence[str], names: Collection[str], positions: Mapping[str, list[int]], explicit: Explicit
) -> None:
    for column, name in explicit.items():
        places = [column] if isinstance(column, int) else positions.get(compact(column), [])
        if not places or places[0] >= len(heading):
            raise FileRefused(
                _("The file has no column “%(column)s”. Its columns: %(columns)s.") % {"column": column, "columns": _listed(heading)},
                field="columns",
            )
        if len(places) > 1:
            raise FileRefused(
                _("The file has several columns “%(column)s”: give them different headings.") % {"column": column}, field="columns"
            )
        found.settled.add(places[0])
        if name == IGNORE:
            found.unwanted.add(places[0])
            continue
        if name not in names:
            raise FileRefused(
                _("There is no field “%(field)s”. Fields: %(fields)s.") % {"field": name, "fields": ", ".join(names)}, field="columns"
            )
        if name in found.index:
            raise FileRefused(_("Two columns are given for the field “%(field)s”.") % {"field": name}, field="columns")
        found.index[name] = places[0]


def resolve(heading: Sequence[str], fields: Sequence[Field], *, explicit: Explicit, remembered: Mapping[str, str]) -> Columns:
    """`guess`, and FileRefused when a required column is missing or a heading that is needed stands twice."""
    found = guess(heading, fields, explicit=explicit, remembered=remembered)
    if found.doubled:
        raise FileRefused(
            _("The file has several columns “%(column)s”: give them different headings.") % {"column": found.doubled[0]},
            field="columns",
            remedy=_("Or use --map."),
        )
    if found.missing:
        raise FileRefused(
            _("The file has no column for %(fields)s. Its columns: %(columns)s.")
            % {
                "fields": ", ".join(f"{item.name} ({item.names[0]})" for item in found.missing),
                "columns": _listed(heading),
            },
            field="columns",
            remedy=_("Name it like this: --map “Column”=%(example)s") % {"example": found.missing[0].name},
        )
    ignored = tuple(title for position, title in enumerate(heading) if title and position not in found.settled)
    return Columns(index=found.index, heading=list(heading), ignored=ignored, unwanted=tuple(sorted(found.unwanted)))


def _recognise(item: Field, positions: Mapping[str, list[int]], heading: Sequence[str], found: Guess) -> None:
    for key in item.keys:
        places = [position for position in positions.get(key, []) if position not in found.settled]
        if len(places) > 1:
            found.doubled.append(heading[places[0]])
            return
        if places:
            found.index[item.name] = places[0]
            found.settled.add(places[0])
            return


def _listed(heading: Sequence[str]) -> str:
    shown = [title for title in heading if title][:40]
    return ", ".join(f"“{title[:40]}”" for title in shown) or "—"
