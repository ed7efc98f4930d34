"""Lists and records: the filters, orders, columns and expansions a caller may ask for, and the pages that answer.

Pages follow a cursor, never a number: what is inserted or deleted meanwhile shifts nothing. A parameter nobody knows is refused, because a
filter that is silently ignored answers another question.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers

from dunning.api import fields, shapes
from dunning.api.errors import Fault, Refusal, not_found, unreadable

MOST_ROWS: Final = 200
USUAL_ROWS: Final = 50
CREATION: Final = "id"
"""The order of creation, which every list knows: identifiers grow with time."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter of a list: what it holds, and the look-up it becomes (or a function of query set and value)."""

    value: fields.Value
    lookup: str | Callable[[QuerySet[Any], Any], QuerySet[Any]]
    description: str = ""

    def apply(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return self.lookup(rows, value) if callable(self.lookup) else rows.filter(**{self.lookup: value})


@dataclass(frozen=True)
class Table:
    """One kind of row as the API gives it. `order` maps what a caller writes to a column; the first is the usual one."""

    name: str  # of one row, in the documentation
    shape: type[shapes.Shape]
    rows: Callable[[], QuerySet[Any]]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    order: Mapping[str, str] = field(default_factory=lambda: {CREATION: "id"})
    newest_first: bool = True
    is_log: bool = False  # read again and again from where one was: every page says where to go on

    @property
    def usual_order(self) -> str:
        first = next(iter(self.order))
        return f"-{first}" if self.newest_first else first

    @property
    def orders(self) -> list[str]:
        return [sign + name for name in self.order for sign in ("", "-")]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a call, read."""

    values: Mapping[str, Any]
    only: frozenset[str] | None = None
    expand: tuple[str, ...] = ()


def read_query(query: QueryDict, known: Mapping[str, fields.Value], table: Table | None) -> Asked:
    """The call's parameters. Raises Refusal 400 naming every one that is unknown, given twice, or cannot be read."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    names = list(known) + (["fields", "expand"] if table is not None else [])
    for name, given in query.lists():
        if name not in names:
            words = _("There is no parameter “%(name)s” here. Known: %(known)s.") % {"name": name[:60], "known": ", ".join(names) or "-"}
            faults.append(Fault(name[:60], "unknown_parameter", words))
        elif len(given) > 1:
            faults.append(Fault(name, "given_twice", _("Give this parameter once.")))
        elif name in known:
            try:
                values[name] = known[name].from_query(given[0])
            except serializers.ValidationError as error:
                faults += faults_of(error.detail, name)
    only = _words(query.get("fields"), shapes.names_of(table.shape), "fields", faults) if table is not None else ()
    expand = _words(query.get("expand"), shapes.expansions_of(table.shape), "expand", faults) if table is not None else ()
    if faults:
        raise unreadable(faults)
    return Asked(values, frozenset(only) if only else None, expand)


def _words(text: str | None, known: list[str], name: str, faults: list[Fault]) -> tuple[str, ...]:
    if text is None:
        return ()
    words = tuple(dict.fromkeys(text.split(",")))
    unknown = [word for word in words if word not in known]
    if unknown:
        said = _("“%(word)s” is not one of: %(known)s.") % {"word": unknown[0][:60], "known": ", ".join(known) or "-"}
        faults.append(Fault(name, "invalid_choice", said))
        return ()
    return words


def faults_of(detail: Any, path: str = "") -> list[Fault]:
    """What rest_framework says of wrong fields, as a flat list of paths: `installments[0].amount`."""
    if isinstance(detail, Mapping):
        found: list[Fault] = []
        for name, inner in detail.items():
            if isinstance(name, int):
                step = f"{path}[{name}]"
            else:
                step = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            found += faults_of(inner, step)
        return found
    found = []
    for position, inner in enumerate(detail):
        if isinstance(inner, serializers.ErrorDetail):
            found.append(Fault(path[:200], inner.code or "invalid", str(inner)))
        else:  # a list of bodies: {} where nothing is wrong
            found += faults_of(inner, f"{path}[{position}]")
    return found


def page(table: Table, asked: Asked) -> dict[str, Any]:
    """One page of a list, as it is answered: its rows, and the cursor of the next one."""
    rows = table.rows()
    for name, filter_ in table.filters.items():
        if name in asked.values:
            rows = filter_.apply(rows, asked.values[name])
    ordering = asked.values.get("ordering", table.usual_order)
    column = table.order[ordering.removeprefix("-")]
    limit = asked.values.get("limit", USUAL_ROWS)
    if "cursor" in asked.values:
        rows = rows.filter(_behind(asked.values["cursor"], ordering, column, rows.model))
    sign = "-" if ordering.startswith("-") else ""
    rows = rows.order_by(f"{sign}{column}", *([f"{sign}pk"] if column != "id" else []))
    found, keys = shapes.read(table.shape, rows[: limit + 1], only=asked.only, expand=asked.expand, also=(column, "pk"))
    more = len(found) > limit
    keys = keys[:limit]
    answer = {"data": found[:limit], "next_cursor": _cursor(ordering, *keys[-1]) if more else None}
    if table.is_log:
        answer["resume_cursor"] = _cursor(ordering, *keys[-1]) if keys else asked.values.get("cursor")
    return answer


def one(table: Table, pk: UUID, *, only: frozenset[str] | None = None, expand: tuple[str, ...] = ()) -> dict[str, Any]:
    """One row as it is answered. Raises Refusal 404 for an id that is unknown or another organization's."""
    found, _keys = shapes.read(table.shape, table.rows().filter(pk=pk), only=only, expand=expand)
    if not found:
        raise not_found()
    return found[0]


def _cursor(ordering: str, value: Any, pk: UUID) -> str:
    text = json.dumps([ordering, None if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value), str(pk)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _behind(cursor: str, ordering: str, column: str, model: type[Model]) -> Q:
    """The rows behind the cursor's."""
    wrong = Refusal(
        400, "bad_cursor", _("This cursor belongs to no such list: take next_cursor from the page before, with the same ordering.")
    )
    try:
        same, text, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place: Any = model._meta.get_field(column)
        value = place.to_python(text) if isinstance(text, str) else None
        str(value).encode()  # half a sign is JSON, and no text
        pk = UUID(last)
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error, DjangoValidationError):
        raise wrong from None
    if same != ordering or value is None or "\x00" in str(value):
        raise wrong
    way = "lt" if ordering.startswith("-") else "gt"
    if column == "id":
        return Q(**{f"pk__{way}": pk})
    return Q(**{f"{column}__{way}": value}) | Q(**{column: value, f"pk__{way}": pk})
