"""Model instances from plain SQL, for what nearly every transaction reads: a third of what `Model.objects.raw` takes."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

from dunning.core.prepared import ask

M = TypeVar("M", bound=models.Model)


def columns_of(model: type[models.Model]) -> str:
    """All columns of a model, for the SELECT that `read_rows` is given."""
    return ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)


def read_rows(model: type[M], sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[M]:
    """The rows of a question (see `prepared.ask`) that selects `columns_of(model)`, as instances that are stored already.

    Instances are filled at once, as unpickling does, where Django sets value by value and looks for deferred fields and for receivers of
    `post_init`: this product has neither. Values pass the converters of their fields (JSON is parsed). Raises ValueError when the question
    selects other columns.
    """
    with connection.cursor() as cursor:
        ask(cursor, sql, values)
        columns, names, converted = _shape(model)
        if [column.name for column in cursor.description] != columns:
            raise ValueError(f"A row of {model._meta.label} is read by columns_of it.")
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
def _shape(model: type[models.Model]) -> tuple[list[str], list[str], list[tuple[str, Any, list[Any]]]]:
    """Columns, the attributes they become, and the few whose values are converted."""
    columns, names, converted = [], [], []
    for field in model._meta.concrete_fields:
        expression = field.get_col(model._meta.db_table)
        converters = [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
        columns.append(str(field.column))
        names.append(field.attname)
        if converters:
            converted.append((field.attname, expression, converters))
    return columns, names, converted
