"""What the API shows and takes, declared once: the same declaration gives the documentation, the one-pass reader of a list, and the
strict reader of a body.

A `Shape` is read from columns, not from instances: a page of a hundred rows is one query, one for each list inside it and one for each
expansion, and a few conversions a column.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from dunning.api import fields
from dunning.api.errors import MOST_FAULTS
from dunning.core.enums import Phase

Row = dict[str, Any]
_LONGEST_NAME: Final = 60
_OTHER_NAMES: Final = {"items": ("installment_ids", "installments", "allocations", "installment_id")}


@dataclass(frozen=True, slots=True)
class Children:
    """A list inside a shape: the rows of `shape` whose `link` column names the outer row, in order."""

    shape: "type[Shape]"
    link: str
    order: tuple[str, ...] = ("pk",)
    rows: Callable[[], models.QuerySet[Any]] | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """An object that is shown whole when a caller asks: the row of `shape` that the outer row's `link` column names."""

    shape: "type[Shape]"
    link: str


class Shape(serializers.Serializer):  # type: ignore[type-arg]  # generic only in the stubs
    """What is shown of one row. The inner class `Meta` says how:

    `model`; `columns`: name → description; `sources`: name → column where it differs; `computed`: name → expression; `children` and
    `expand`: name → Children or Expansion; `always`: whether no caller may leave columns out (a shape inside another).
    """

    class Meta:
        model: ClassVar[type[models.Model]]
        columns: ClassVar[Mapping[str, str]] = {}

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]  # generic only in the stubs
        found: dict[str, Any] = {}
        declared = super().get_fields()
        meta = _meta(self.__class__)
        required = bool(meta.get("always"))
        for name, description in meta.get("columns", {}).items():
            found[name] = declared.pop(name, None) or field_of(
                meta["model"], meta.get("sources", {}).get(name, name), required=required or name == "id", help_text=description
            )
        found |= declared
        for name, children in meta.get("children", {}).items():
            found[name] = children.shape(many=True, required=required, help_text=_doc(children.shape))
        for name, expansion in meta.get("expand", {}).items():
            found[name] = expansion.shape(required=False, allow_null=True, help_text=f"Shown with `expand={name}`.")
        return found


class Body(serializers.Serializer):  # type: ignore[type-arg]  # generic only in the stubs
    """What a caller sends. `Meta.model` and `Meta.columns` (name → description) as of a shape; `Meta.required`: what must be there.

    A name nobody knows is refused by name.
    """

    default_error_messages = {
        "invalid": _("An object is expected here, in curly brackets."),
        "required": fields.Value.default_error_messages["required"],
        "null": fields.Value.default_error_messages["null"],
    }

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]  # generic only in the stubs
        meta = _meta(self.__class__)
        found: dict[str, Any] = {}
        for name, description in meta.get("columns", {}).items():
            is_required = name in meta.get("required", ())
            found[name] = field_of(meta["model"], name, required=is_required, help_text=description, written=True)
        return found | super().get_fields()

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            self.fail("invalid")
        strange = [name for name in data if name not in self.fields]
        unknown = {name[:_LONGEST_NAME]: unknown_name(name, list(self.fields)) for name in strange[:MOST_FAULTS]}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**unknown, **error.detail}) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return value

    def place(self, name: str, sent: Collection[str]) -> str:
        """Where a caller finds in its body what the rules call `name`; "" when the body holds no such thing."""
        likely = (name, f"{name}_id", f"{name}_number", *_OTHER_NAMES.get(name, ()))
        known: list[str] = [candidate for candidate in likely if candidate in self.fields]
        if known:
            return next((candidate for candidate in known if candidate in sent), known[0])
        for outer, inner in self.fields.items():
            if isinstance(inner, Body) and name in inner.fields:
                return f"{outer}.{name}"
            if isinstance(inner, Bodies) and outer in sent and isinstance(inner.child, Body) and name in inner.child.fields:
                return outer
        return ""


class Nothing(Body):
    """The body of what takes none: an empty object at most."""


class Bodies(serializers.ListSerializer):  # type: ignore[type-arg]  # generic only in the stubs
    """A list of bodies of one kind."""

    min_length: int | None
    max_length: int
    default_error_messages = {
        "not_a_list": _("A list is expected here, in square brackets."),
        "min_length": _("At least {min_length} entry is needed here."),
        "max_length": _("At most {max_length} entries are taken here."),
        "required": fields.Value.default_error_messages["required"],
        "null": fields.Value.default_error_messages["null"],
    }


def several(body: type[Body], *, most: int, least: int = 0, required: bool = True, help_text: str = "") -> Bodies:
    """A list of bodies, of `least` to `most` entries, inside another body."""
    return Bodies(child=body(), max_length=most, min_length=least or None, required=required, help_text=help_text)


def unknown_name(name: str, known: Sequence[str]) -> list[serializers.ErrorDetail]:
    """What is said of a name nobody knows."""
    near = get_close_matches(name[:_LONGEST_NAME], known, n=1)
    words = _("“%(name)s” cannot be sent here; did you mean “%(near)s”?") if near else _("“%(name)s” cannot be sent here.")
    said = words % {"name": name[:_LONGEST_NAME], "near": near[0] if near else ""}
    return [serializers.ErrorDetail(str(said), code="unknown_field")]


def field_of(model: type[models.Model], path: str, *, required: bool, help_text: str = "", written: bool = False) -> fields.Value:
    """The value a model's field holds. `path` may cross foreign keys (`customer__number`)."""
    *crossed, name = path.split("__")
    is_optional = False
    for step in crossed:
        relation = model._meta.get_field(step)
        is_optional = is_optional or bool(getattr(relation, "null", False))
        model = relation.related_model  # type: ignore[assignment]  # a foreign key leads to a model
    column: Any = model._meta.get_field(name)
    common: dict[str, Any] = {"required": required, "help_text": help_text, "allow_null": is_optional or column.null}
    return _value(column, common, written)


def _value(column: Any, common: dict[str, Any], written: bool) -> fields.Value:
    if isinstance(column, (models.ForeignKey, models.UUIDField)):
        return fields.Uid(**common)
    if isinstance(column, models.IntegerField) and column.choices:
        return fields.Named({phase.value: phase.name.lower() for phase in Phase}, **common)  # the only words stored as numbers
    if column.choices:
        words = [value for value, _label in column.choices if value or column.blank]
        return fields.Word([*words, *([""] if column.blank and "" not in words else [])], **common)
    if isinstance(column, models.DecimalField):
        whole = 10 if written else column.max_digits - column.decimal_places
        return fields.Amount(whole_digits=whole, places=column.decimal_places, **common)
    if isinstance(column, models.DateTimeField):
        return fields.Moment(**common)
    if isinstance(column, models.DateField):
        return fields.Day(**common)
    if isinstance(column, models.TimeField):
        return fields.Hour(**common)
    if isinstance(column, models.BooleanField):
        return fields.Flag(**common)
    if isinstance(column, models.SmallIntegerField):
        return fields.Count(least=0 if isinstance(column, models.PositiveSmallIntegerField) else -32_768, most=32_767, **common)
    if isinstance(column, (models.BigIntegerField, models.IntegerField)):
        return fields.Count(most=2**63 - 1 if isinstance(column, models.BigIntegerField) else 2**31 - 1, **common)
    if isinstance(column, ArrayField):
        return fields.Several(_value(column.base_field, {}, written), **common)
    if isinstance(column, models.JSONField):
        return fields.Several(fields.Text(lines=True), **common) if column.default is list else fields.Open(**common)
    is_long = isinstance(column, models.TextField)
    bounds = {"max_length": column.max_length or (5_000 if is_long else None)} if written else {}
    return fields.Text(lines=is_long or not written, allow_blank=column.blank or not common["required"], **bounds, **common)


# --- reading -----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the asked columns of a shape are read. The first column is the row's id; hidden ones stand at the end."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    converters: tuple[Callable[[Any], Any] | None, ...]
    computed: Mapping[str, Any]
    children: Mapping[str, Children]
    links: Mapping[str, tuple[Expansion, int]]  # the position of the column that names the object


def read(
    shape: type[Shape],
    rows: models.QuerySet[Any],
    *,
    only: frozenset[str] | None = None,
    expand: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> tuple[list[Row], list[tuple[Any, ...]]]:
    """The rows as they are shown, and the values of the columns `also`, row by row. `only`: names of the columns asked for."""
    reading = _reading(shape, only, expand)
    if reading.computed:
        rows = rows.annotate(**reading.computed)
    raw = list(rows.values_list(*reading.columns, *also))
    if not raw:
        return [], []
    width = len(reading.columns)
    columns = list(zip(*raw, strict=True))
    shown = [
        column if convert is None else [None if value is None else convert(value) for value in column]
        for column, convert in zip(columns, reading.converters, strict=False)
    ]
    names = reading.names
    found = [dict(zip(names, values, strict=False)) for values in zip(*shown, strict=True)]
    for name, children in reading.children.items():
        _attach(name, children, found, columns[0])
    for name, (expansion, position) in reading.links.items():
        _expand(name, expansion, found, columns[position])
    return found, list(zip(*columns[width:], strict=True)) if also else []


def names_of(shape: type[Shape]) -> list[str]:
    """What `fields=` may ask for."""
    meta = _meta(shape)
    return [*meta.get("columns", {}), *meta.get("children", {})]


def expansions_of(shape: type[Shape]) -> list[str]:
    """What `expand=` may ask for."""
    return list(_meta(shape).get("expand", {}))


def _attach(name: str, children: Children, found: Sequence[Row], ids: Sequence[UUID]) -> None:
    by_row: dict[UUID, list[Row]] = {identifier: [] for identifier in ids}
    queryset = children.rows() if children.rows is not None else _meta(children.shape)["model"]._default_manager.all()
    queryset = queryset.filter(**{f"{children.link}__in": list(by_row)}).order_by(*children.order)
    inner, links = read(children.shape, queryset, also=(children.link,))
    for row, (link,) in zip(inner, links, strict=True):
        by_row[link].append(row)
    for row, identifier in zip(found, ids, strict=True):
        row[name] = by_row[identifier]


def _expand(name: str, expansion: Expansion, found: Sequence[Row], ids: Sequence[UUID | None]) -> None:
    wanted = {identifier for identifier in ids if identifier is not None}
    inner: dict[UUID, Row] = {}
    if wanted:
        queryset = _meta(expansion.shape)["model"]._default_manager.filter(pk__in=wanted)
        rows, keys = read(expansion.shape, queryset, also=("pk",))
        inner = {key: row for row, (key,) in zip(rows, keys, strict=True)}
    for row, identifier in zip(found, ids, strict=True):
        row[name] = None if identifier is None else inner.get(identifier)


@lru_cache(maxsize=256)
def _reading(shape: type[Shape], only: frozenset[str] | None, expand: tuple[str, ...]) -> _Reading:
    meta = _meta(shape)
    declared = shape().fields
    sources = meta.get("sources", {})
    names = [name for name in meta["columns"] if only is None or name in only or name == "id"]
    columns = [sources.get(name, name) for name in names]
    hidden = [meta["expand"][name].link for name in expand if meta["expand"][name].link not in columns]
    every = [*columns, *hidden]
    return _Reading(
        names=tuple(names),
        columns=tuple(every),
        converters=tuple(getattr(declared[name], "convert", None) for name in names),
        computed={name: expression for name, expression in meta.get("computed", {}).items() if name in names},
        children={name: children for name, children in meta.get("children", {}).items() if only is None or name in only},
        links={name: (meta["expand"][name], every.index(meta["expand"][name].link)) for name in expand},
    )


def _meta(shape: type) -> Mapping[str, Any]:
    return {name: value for kind in reversed(shape.__mro__) if "Meta" in vars(kind) for name, value in vars(vars(kind)["Meta"]).items()}


def _doc(shape: type[Shape]) -> str:
    return (shape.__doc__ or "").strip().partition("\n")[0]


def only_of(names: Collection[str]) -> frozenset[str] | None:
    """The columns to read for `fields=`; None for all of them."""
    return frozenset(names) if names else None
