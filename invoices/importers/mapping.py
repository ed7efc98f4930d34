"""Which column is which: named by a person, remembered from the last file of its kind, or known by its heading in French or English."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext as _

from invoices.importers.problems import FileRefused
from invoices.importers.words import compact

IGNORE = "-"  # `--map "Column=-"`: this column is nothing of ours


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
    PHONE = "phone"
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

    def title(self, name: str) -> str:
        """What the file calls a field ("" when it has no such column)."""
        position = self.index.get(name)
        return "" if position is None else self.heading[position]

    def remembered(self) -> dict[str, str]:
        return {self.heading[position]: name for name, position in self.index.items()}


def recogniser(fields: Iterable[Field], explicit: Mapping[str, str], remembered: Mapping[str, str]) -> "_Recogniser":
    """A counter of known headings in a row: how a heading is told from a title or a row of data."""
    known = {key for item in fields for key in item.keys}
    known.update(compact(column) for column in [*explicit, *remembered])
    return _Recogniser(frozenset(known))


@dataclass(frozen=True, slots=True)
class _Recogniser:
    known: frozenset[str]

    def __call__(self, cells: list[str]) -> int:
        return sum(1 for cell in set(cells) if cell and len(cell) < 80 and compact(cell) in self.known)


def resolve(heading: Sequence[str], fields: Sequence[Field], *, explicit: Mapping[str, str], remembered: Mapping[str, str]) -> Columns:
    """Give each field its column. `explicit` (column → field) wins over `remembered`, which wins over the known names.

    Raises FileRefused when a named column or field does not exist, two columns claim one field, or a required column is missing.
    """
    by_name = {item.name: item for item in fields}
    positions: dict[str, list[int]] = {}
    for position, title in enumerate(heading):
        positions.setdefault(compact(title), []).append(position)
    index: dict[str, int] = {}
    settled: set[int] = set()
    for column, name in explicit.items():
        found = positions.get(compact(column), [])
        if not found:
            raise FileRefused(
                _("The file has no column “%(column)s”. Its columns: %(columns)s.") % {"column": column, "columns": _listed(heading)}
            )
        if len(found) > 1:
            raise FileRefused(_("The file has several columns “%(column)s”: give them different headings.") % {"column": column})
        settled.add(found[0])
        if name == IGNORE:
            continue
        if name not in by_name:
            raise FileRefused(_("There is no field “%(field)s”. Fields: %(fields)s.") % {"field": name, "fields": ", ".join(by_name)})
        if name in index:
            raise FileRefused(_("Two columns are given for the field “%(field)s”.") % {"field": name})
        index[name] = found[0]
    for column, name in remembered.items():
        found = positions.get(compact(column), [])
        if len(found) == 1 and found[0] not in settled and name in by_name and name not in index:
            index[name] = found[0]
            settled.add(found[0])
    for item in fields:
        if item.name not in index:
            _recognise(item, positions, heading, index, settled)
    missing = [item for item in fields if item.required and item.name not in index]
    if missing:
        raise FileRefused(
            _("The file has no column for %(fields)s. Its columns: %(columns)s. Name it like this: --map “Column”=%(example)s")
            % {
                "fields": ", ".join(f"{item.name} ({item.names[0]})" for item in missing),
                "columns": _listed(heading),
                "example": missing[0].name,
            }
        )
    ignored = tuple(title for position, title in enumerate(heading) if title and position not in settled)
    return Columns(index=index, heading=list(heading), ignored=ignored)


def _recognise(item: Field, positions: Mapping[str, list[int]], heading: Sequence[str], index: dict[str, int], settled: set[int]) -> None:
    for key in item.keys:
        found = [position for position in positions.get(key, []) if position not in settled]
        if len(found) > 1:
            raise FileRefused(
                _("The file has several columns “%(column)s”: give them different headings, or use --map.") % {"column": heading[found[0]]}
            )
        if found:
            index[item.name] = found[0]
            settled.add(found[0])
            return


def _listed(heading: Sequence[str]) -> str:
    shown = [title for title in heading if title][:40]
    return ", ".join(f"“{title[:40]}”" for title in shown) or "—"
